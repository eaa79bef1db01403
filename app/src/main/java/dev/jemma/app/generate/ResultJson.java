package dev.jemma.app.generate;

import dev.jemma.app.flags.LoadedModel;
import dev.jemma.engine.GenerationRequest;
import dev.jemma.engine.GenerationResult;
import dev.jemma.engine.GenerationStats;
import dev.jemma.engine.PeakMemory;
import dev.jemma.engine.TokenIds;
import dev.jemma.engine.TokenLogprob;
import dev.jemma.models.tokenizer.Tokenizer;
import java.io.StringWriter;
import java.util.List;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The object that {@code generate --json} prints, on one line. */
final class ResultJson {
    private ResultJson() {}

    static String of(LoadedModel loaded, GenerationRequest request, GenerationResult result) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            json.writeStringProperty("model", loaded.model().config().name());
            json.writeStringProperty("backend", loaded.device().backend());
            writeIds(json, "prompt_ids", request.prompt());
            writeIds(json, "generated_ids", result.ids());
            json.writeStringProperty("text", result.text());
            json.writeStringProperty("finish_reason", result.reason().label());
            json.writeNumberProperty("seed", request.sampling().seed());
            if (request.logprobs() > 0) {
                writeLogprobs(json, result.logprobs(), loaded.model().tokenizer());
            }
            writeTimings(json, result.stats(), loaded.loadNanos());
            PeakMemory.bytes().ifPresent(bytes -> json.writeNumberProperty("peak_memory_bytes", bytes));
            json.writeEndObject();
        }
        return text.toString();
    }

    private static void writeIds(JsonGenerator json, String name, TokenIds ids) {
        json.writeName(name);
        json.writeArray(ids.toArray(), 0, ids.size());
    }

    private static void writeLogprobs(JsonGenerator json, List<List<TokenLogprob>> steps, Tokenizer tokenizer) {
        json.writeArrayPropertyStart("logprobs");
        for (List<TokenLogprob> best : steps) {
            json.writeStartArray();
            for (TokenLogprob token : best) {
                json.writeStartObject();
                json.writeNumberProperty("id", token.id());
                json.writeStringProperty("piece", tokenizer.piece(token.id()));
                json.writeNumberProperty("logprob", token.logprob());
                json.writeEndObject();
            }
            json.writeEndArray();
        }
        json.writeEndArray();
    }

    private static void writeTimings(JsonGenerator json, GenerationStats stats, long loadNanos) {
        json.writeObjectPropertyStart("timings");
        json.writeNumberProperty("load_s", loadNanos / 1e9);
        json.writeNumberProperty("time_to_first_token_s", stats.timeToFirstTokenSeconds());
        json.writeNumberProperty("prompt_tokens", stats.promptTokens());
        json.writeNumberProperty("reused_tokens", stats.reusedTokens());
        json.writeNumberProperty("prompt_tokens_per_s", stats.prefillRate());
        json.writeNumberProperty("generated_tokens", stats.generatedTokens());
        json.writeNumberProperty("generated_tokens_per_s", stats.decodeRate());
        json.writeEndObject();
    }
}
