package dev.jemma.app;

import dev.jemma.app.console.ByteCount;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.TextModel;
import dev.jemma.kernels.DType;
import dev.jemma.kvcache.KvCacheSpec;
import dev.jemma.models.chat.ChatTemplate;
import dev.jemma.models.config.GenerationDefaults;
import dev.jemma.models.gemma.ExpertConfig;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.GemmaForward;
import dev.jemma.models.gemma.LayerConfig;
import java.io.StringWriter;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** What {@code jemma info} says about a model. */
final class ModelReport {
    private static final int DEFAULT_CONTEXT = 8192;

    private final TextModel model;
    private final GemmaConfig config;
    private final GenerationDefaults generation;
    private final KvCacheSpec cache;

    ModelReport(TextModel model, @Nullable Integer contextSize) {
        this.model = model;
        this.config = model.config();
        this.generation = model.generationDefaults();
        int context = contextSize != null ? contextSize : Math.min(DEFAULT_CONTEXT, config.maxPositionEmbeddings());
        int chunk = Math.min(context, SessionOptions.DEFAULT_PREFILL_CHUNK);
        this.cache = GemmaForward.cacheSpec(config, 1, context, chunk, DType.F16);
    }

    String json() {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            json.writeStringProperty("name", config.name());
            json.writeStringProperty("family", family());
            json.writeStringProperty("directory", model.model().directory().toString());
            json.writeNumberProperty("parameters", model.model().parameterCount());
            json.writeNumberProperty("weight_bytes", model.model().weightBytes());
            json.writeStringProperty("weight_format", model.model().weightFormat());
            writeShape(json);
            json.writeNumberProperty("max_context", config.maxPositionEmbeddings());
            json.writeNumberProperty("context", cache.contextSize());
            json.writeNumberProperty("kv_bytes", cache.byteSize());
            json.writeNumberProperty("tokenizer_tokens", model.tokenizer().vocabSize());
            json.writeNumberProperty("bos_id", model.tokenizer().bosId());
            model.chat().ifPresent(chat -> json.writeStringProperty("chat_template", chat.name()));
            writeIds(json, "stop_ids", model.stopIds());
            json.writeNumberProperty("temperature", generation.temperature());
            json.writeNumberProperty("top_k", generation.topK());
            json.writeNumberProperty("top_p", generation.topP());
            json.writeEndObject();
        }
        return text.toString();
    }

    private void writeShape(JsonGenerator json) {
        json.writeNumberProperty("layers", config.numLayers());
        json.writeArrayPropertyStart("sliding");
        for (LayerConfig layer : config.layers()) {
            json.writeBoolean(layer.sliding());
        }
        json.writeEndArray();
        json.writeNumberProperty("sliding_window", config.slidingWindow());
        json.writeNumberProperty("hidden_size", config.hiddenSize());
        json.writeNumberProperty("heads", config.numHeads());
        writeIds(json, "kv_heads", distinct(LayerConfig::numKvHeads));
        writeIds(json, "head_dim", distinct(LayerConfig::headDim));
        writeIds(json, "intermediate_size", distinct(LayerConfig::intermediateSize));
        json.writeNumberProperty("kv_shared_layers", kvSharedLayers());
        json.writeNumberProperty("per_layer_input_size", config.perLayerInputSize());
        if (config.experts() != null) {
            json.writeNumberProperty("experts", config.experts().numExperts());
            json.writeNumberProperty("experts_per_token", config.experts().topK());
        }
        json.writeNumberProperty("vocabulary", config.vocabSize());
    }

    private static void writeIds(JsonGenerator json, String name, Collection<Integer> numbers) {
        json.writeArrayPropertyStart(name);
        for (int number : numbers) {
            json.writeNumber(number);
        }
        json.writeEndArray();
    }

    String text() {
        StringBuilder text = new StringBuilder();
        line(text, "model", config.name() + " (" + family() + ")");
        line(text, "directory", model.model().directory());
        line(
                text,
                "parameters",
                String.format(Locale.ROOT, "%.2f million", model.model().parameterCount() / 1e6));
        line(
                text,
                "weights",
                ByteCount.text(model.model().weightBytes()) + ", "
                        + model.model().weightFormat());
        line(text, "layers", layers());
        line(text, "hidden size", config.hiddenSize() + ", feed-forward " + joined(LayerConfig::intermediateSize));
        line(
                text,
                "attention",
                "%d heads of %s, key-value heads %s"
                        .formatted(config.numHeads(), joined(LayerConfig::headDim), joined(LayerConfig::numKvHeads)));
        ExpertConfig experts = config.experts();
        if (experts != null) {
            line(text, "experts", experts.topK() + " of " + experts.numExperts());
        }
        line(text, "context", "up to " + config.maxPositionEmbeddings() + " tokens");
        line(text, "cache", ByteCount.text(cache.byteSize()) + " in F16 for " + cache.contextSize() + " tokens");
        line(
                text,
                "vocabulary",
                config.vocabSize() + ", tokenizer " + model.tokenizer().vocabSize());
        line(text, "chat", model.chat().map(ChatTemplate::name).orElse("no template: a base model"));
        line(text, "stop tokens", stopTokens());
        line(
                text,
                "sampling",
                "temperature %s, top-k %d, top-p %s"
                        .formatted(generation.temperature(), generation.topK(), generation.topP()));
        return text.toString();
    }

    private static void line(StringBuilder text, String name, Object value) {
        text.append(String.format(Locale.ROOT, "%-13s%s\n", name, value));
    }

    private String family() {
        return switch (config.family()) {
            case GEMMA2 -> "Gemma 2";
            case GEMMA3 -> "Gemma 3";
            case GEMMA4 -> "Gemma 4";
        };
    }

    /** One letter a layer, so that the pattern is seen. */
    private String layers() {
        String pattern = config.layers().stream()
                .map(layer -> layer.sliding() ? "s" : "F")
                .collect(Collectors.joining());
        String shared = kvSharedLayers() == 0 ? "" : "; the last " + kvSharedLayers() + " share keys and values";
        return config.numLayers() + ": " + pattern + " (s: sliding, window " + config.slidingWindow() + "; F: full)"
                + shared;
    }

    private int kvSharedLayers() {
        return config.numLayers() - config.firstKvSharedLayer();
    }

    private String stopTokens() {
        return model.stopIds().stream()
                .map(id -> id + " " + model.tokenizer().piece(id))
                .collect(Collectors.joining(", "));
    }

    private List<Integer> distinct(ToIntFunction<LayerConfig> value) {
        return config.layers().stream().mapToInt(value).distinct().boxed().toList();
    }

    private String joined(ToIntFunction<LayerConfig> value) {
        return distinct(value).stream().map(Object::toString).collect(Collectors.joining(" / "));
    }
}
