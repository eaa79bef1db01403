package dev.jemma.engine;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Generates one text at a time. What the texts have in common at their beginning is computed once. */
public final class Generator {
    private final Scheduler scheduler;
    private volatile @Nullable Generation current;

    public Generator(Scheduler scheduler) {
        this.scheduler = scheduler;
    }

    /** Generates a text to its end; {@code listener} hears of it as it comes. */
    public GenerationResult generate(GenerationRequest request, Consumer<GenerationEvent> listener) {
        GenerationResult.Collector collector = new GenerationResult.Collector();
        current = scheduler.submit(request, event -> {
            collector.accept(event);
            listener.accept(event);
        });
        try {
            scheduler.runAll();
        } finally {
            current = null;
        }
        return collector.result();
    }

    /** Ends the text in progress, if there is one, before its next token. Any thread may call this. */
    public void cancel() {
        Generation generation = current;
        if (generation != null) {
            generation.cancel();
        }
    }
}
