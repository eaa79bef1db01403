package dev.jemma.engine;

import dev.jemma.models.tokenizer.StreamDecoder;
import java.util.List;

/** From the tokens of one sequence to the text that may be shown. */
final class SequenceText {
    private final StreamDecoder decoder;
    private final StopStrings stops;

    SequenceText(StreamDecoder decoder, List<String> stopStrings) {
        this.decoder = decoder;
        this.stops = new StopStrings(stopStrings);
    }

    String next(int tokenId) {
        return stops.accept(decoder.next(tokenId));
    }

    boolean stopped() {
        return stops.matched();
    }

    /** What was held back. */
    String finish() {
        String rest = stops.accept(decoder.flush());
        return rest + stops.flush();
    }
}
