package dev.jemma.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A finished text.
 *
 * @param ids every token generated, the one that ended the text included
 * @param logprobs the likeliest tokens of each step; empty if none were asked for
 */
public record GenerationResult(
        String id,
        TokenIds ids,
        String text,
        List<List<TokenLogprob>> logprobs,
        FinishReason reason,
        GenerationStats stats) {

    /** Gathers a request's events. */
    public static final class Collector implements Consumer<GenerationEvent> {
        private final TokenIds ids = TokenIds.of();
        private final StringBuilder text = new StringBuilder();
        private final List<List<TokenLogprob>> logprobs = new ArrayList<>();
        private GenerationEvent.@Nullable Finished finished;

        @Override
        public void accept(GenerationEvent event) {
            switch (event) {
                case GenerationEvent.Prefilling _, GenerationEvent.Prefilled _, GenerationEvent.Thought _ -> {}
                case GenerationEvent.Token token -> {
                    ids.add(token.tokenId());
                    if (!token.best().isEmpty()) {
                        logprobs.add(token.best());
                    }
                }
                case GenerationEvent.Text more -> text.append(more.text());
                case GenerationEvent.Finished end -> finished = end;
            }
        }

        public boolean isFinished() {
            return finished != null;
        }

        /** The text, once its last event has come. */
        public GenerationResult result() {
            if (finished == null) {
                throw new IllegalStateException("the text has not finished");
            }
            return new GenerationResult(
                    finished.id(), ids, text.toString(), List.copyOf(logprobs), finished.reason(), finished.stats());
        }
    }
}
