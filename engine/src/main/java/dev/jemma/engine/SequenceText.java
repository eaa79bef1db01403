package dev.jemma.engine;

import dev.jemma.models.chat.ThoughtChannel;
import dev.jemma.models.chat.ThoughtChannel.Part;
import dev.jemma.models.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/** From the tokens of one sequence to the text that may be shown. Stop strings end the answer; thoughts may say them. */
final class SequenceText {
    private final ThoughtChannel channel;
    private final StopStrings stops;

    private SequenceText(ThoughtChannel channel, List<String> stopStrings) {
        this.channel = channel;
        this.stops = new StopStrings(stopStrings);
    }

    static SequenceText of(GenerationRequest request, Tokenizer tokenizer) {
        return new SequenceText(
                request.thoughts() ? ThoughtChannel.of(tokenizer) : ThoughtChannel.none(tokenizer),
                request.stop().stopStrings());
    }

    /** What this token completes. */
    List<Part> next(int tokenId) {
        return shown(channel.next(tokenId));
    }

    boolean stopped() {
        return stops.matched();
    }

    /**
     * What was held back.
     *
     * @param complete whether the model ended the text; otherwise it may end inside a character, which is left out
     */
    List<Part> finish(boolean complete) {
        List<Part> parts = new ArrayList<>(shown(complete ? channel.flush() : channel.flushWhole()));
        String rest = stops.flush();
        if (!rest.isEmpty()) {
            parts.add(new Part(false, rest));
        }
        return parts;
    }

    private List<Part> shown(List<Part> parts) {
        List<Part> shown = new ArrayList<>(parts.size());
        for (Part part : parts) {
            String text = part.thought() ? part.text() : stops.accept(part.text());
            if (!text.isEmpty()) {
                shown.add(new Part(part.thought(), text));
            }
        }
        return shown;
    }
}
