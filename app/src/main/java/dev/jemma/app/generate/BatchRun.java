package dev.jemma.app.generate;

import dev.jemma.app.console.Terminal;
import dev.jemma.engine.GenerationEvent;
import dev.jemma.engine.GenerationRequest;
import dev.jemma.engine.GenerationResult;
import dev.jemma.engine.GenerationStats;
import dev.jemma.engine.SamplingOptions;
import dev.jemma.engine.Scheduler;
import dev.jemma.engine.StopConditions;
import dev.jemma.engine.TextModel;
import dev.jemma.engine.TokenIds;
import dev.jemma.engine.UsageException;
import dev.jemma.models.chat.ConversationException;
import dev.jemma.models.chat.Options;
import java.io.StringWriter;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** Feeds a batch's prompts to a scheduler and writes each result as it finishes. */
final class BatchRun {
    private final TextModel model;
    private final Scheduler scheduler;
    private final Defaults defaults;
    private final Terminal terminal;
    private final Set<String> ids = new HashSet<>();
    private final long startedAt = System.nanoTime();
    private long index;
    private long texts;
    private long tokens;

    /** What lines do not say themselves. */
    record Defaults(SamplingOptions sampling, StopConditions stop, boolean raw) {}

    BatchRun(TextModel model, Scheduler scheduler, Defaults defaults, Terminal terminal) {
        this.model = model;
        this.scheduler = scheduler;
        this.defaults = defaults;
        this.terminal = terminal;
    }

    /** Runs all prompts that are this run's and not done yet. */
    void run(BatchFlags flags, BatchInput input, BatchOutput output) {
        boolean more = true;
        while (more || scheduler.pending() > 0) {
            while (more && scheduler.pending() < flags.parallel()) {
                more = submitNext(flags, input, output);
            }
            scheduler.step();
        }
        if (terminal.errorIsTerminal()) {
            terminal.err().print("\r");
        }
        terminal.err().println(progress());
    }

    /** Returns whether there may be more. */
    private boolean submitNext(BatchFlags flags, BatchInput input, BatchOutput output) {
        BatchPrompt prompt = input.next();
        if (prompt == null) {
            return false;
        }
        if (flags.isMine(index++) && !output.finished().contains(prompt.id())) {
            submit(prompt, input, output);
        }
        return true;
    }

    private void submit(BatchPrompt prompt, BatchInput input, BatchOutput output) {
        try {
            if (!ids.add(prompt.id())) {
                throw new UsageException("expected ids that differ, got '" + prompt.id() + "' again");
            }
            GenerationRequest request = request(prompt);
            GenerationResult.Collector collector = new GenerationResult.Collector();
            scheduler.submit(request, event -> {
                collector.accept(event);
                if (event instanceof GenerationEvent.Finished) {
                    finish(prompt, request, collector.result(), output);
                }
            });
        } catch (UsageException | ConversationException wrong) {
            input.report(wrong);
        }
    }

    private GenerationRequest request(BatchPrompt prompt) {
        TokenIds tokenIds =
                defaults.raw() ? model.rawPrompt(prompt.prompt()) : model.chatPrompt(prompt.messages(), Options.ANSWER);
        StopConditions common = defaults.stop();
        StopConditions stop = prompt.maxTokens() == null
                ? common
                : new StopConditions(prompt.maxTokens(), common.stopIds(), common.stopStrings());
        return new GenerationRequest(prompt.id(), tokenIds, prompt.over(defaults.sampling()), stop, 0);
    }

    private void finish(BatchPrompt prompt, GenerationRequest request, GenerationResult result, BatchOutput output) {
        output.writeLine(json(prompt, request, result));
        texts++;
        tokens += result.stats().generatedTokens();
        if (terminal.errorIsTerminal()) {
            terminal.err().print("\r" + progress());
        }
    }

    private String progress() {
        double seconds = (System.nanoTime() - startedAt) / 1e9;
        return String.format(
                Locale.ROOT, "[%d texts, %d tokens, %.1f tokens/s, %.1f s]", texts, tokens, tokens / seconds, seconds);
    }

    private static String json(BatchPrompt prompt, GenerationRequest request, GenerationResult result) {
        GenerationStats stats = result.stats();
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            json.writeStringProperty("id", prompt.id());
            json.writeStringProperty("prompt", prompt.prompt());
            json.writeStringProperty("text", result.text());
            json.writeNumberProperty("prompt_tokens", stats.promptTokens());
            json.writeNumberProperty("generated_tokens", stats.generatedTokens());
            json.writeStringProperty("finish_reason", result.reason().label());
            json.writeNumberProperty("seed", request.sampling().seed());
            json.writeNumberProperty("time_to_first_token_s", stats.timeToFirstTokenSeconds());
            json.writeNumberProperty("decode_s", stats.decodeNanos() / 1e9);
            json.writeEndObject();
        }
        return text.toString();
    }
}
