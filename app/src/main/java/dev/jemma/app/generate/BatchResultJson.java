package dev.jemma.app.generate;

import dev.jemma.engine.GenerationResult;
import dev.jemma.engine.GenerationStats;
import java.io.StringWriter;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The object that a batch writes for a prompt, on one line. */
final class BatchResultJson {
    private BatchResultJson() {}

    static String of(BatchQueue.Item item, GenerationResult result) {
        GenerationStats stats = result.stats();
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            json.writeStringProperty("id", item.prompt().id());
            json.writeStringProperty("prompt", item.prompt().prompt());
            json.writeStringProperty("text", result.text());
            json.writeNumberProperty("prompt_tokens", stats.promptTokens());
            json.writeNumberProperty("reused_tokens", stats.reusedTokens());
            json.writeNumberProperty("generated_tokens", stats.generatedTokens());
            json.writeStringProperty("finish_reason", result.reason().label());
            json.writeNumberProperty("seed", item.request().sampling().seed());
            json.writeNumberProperty("time_to_first_token_s", stats.timeToFirstTokenSeconds());
            json.writeNumberProperty("decode_s", stats.decodeNanos() / 1e9);
            json.writeEndObject();
        }
        return text.toString();
    }
}
