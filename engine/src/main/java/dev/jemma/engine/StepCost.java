package dev.jemma.engine;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Weight;
import dev.jemma.models.gemma.ExpertConfig;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.GemmaWeights;
import dev.jemma.models.gemma.LayerConfig;
import dev.jemma.models.gemma.LayerWeights;
import java.util.List;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * What steps must move and compute at least, for comparing measured times with what a machine can do. Vectors,
 * activations and embedding rows are left out: they are a thousandth of the whole.
 */
public final class StepCost {
    private final GemmaConfig config;
    private final GemmaWeights weights;
    private final DType kvType;

    public StepCost(GemmaConfig config, GemmaWeights weights, DType kvType) {
        this.config = config;
        this.weights = weights;
        this.kvType = kvType;
    }

    /**
     * Bytes that a step reads which decodes one token of {@code sequences} sequences, each behind {@code position} others:
     * every matrix once, of the experts those that so many tokens choose if choices are even, and the visible keys and
     * values.
     */
    public double decodeBytes(int sequences, int position) {
        double matrices = sum(Weight::byteSize, expertsTouched(sequences))
                + weights.lmHead().byteSize();
        return matrices + (double) sequences * kvBytes(position);
    }

    /**
     * Multiplications and additions to read {@code count} prompt tokens behind {@code depth} others; logits of the last.
     */
    public double prefillFlops(int depth, int count) {
        double perToken = 2 * sum(weight -> (double) weight.rows() * weight.cols(), expertsPerToken());
        double head = 2.0 * weights.lmHead().rows() * weights.lmHead().cols();
        double attention = 0;
        for (LayerConfig layer : config.layers()) {
            double visible = 0;
            for (int position = depth; position < depth + count; position++) {
                visible += visible(layer, position + 1);
            }
            // A product of query and key, and one of weight and value, each of headDim multiplications and additions.
            attention += 4.0 * config.numHeads() * layer.headDim() * visible;
        }
        return perToken * count + head + attention;
    }

    private double kvBytes(int position) {
        double bytes = 0;
        for (LayerConfig layer : config.layers()) {
            bytes += 2.0 * visible(layer, position + 1) * layer.numKvHeads() * kvType.bytes(layer.headDim());
        }
        return bytes;
    }

    private int visible(LayerConfig layer, int positions) {
        return layer.sliding() ? Math.min(positions, config.slidingWindow()) : positions;
    }

    private double expertsPerToken() {
        ExpertConfig experts = config.experts();
        return experts == null ? 0 : (double) experts.topK() / experts.numExperts();
    }

    /** The part of the experts that at least one of {@code tokens} tokens chooses. */
    private double expertsTouched(int tokens) {
        return 1 - Math.pow(1 - expertsPerToken(), tokens);
    }

    private double sum(ToDoubleFunction<Weight> cost, double expertPart) {
        double total = 0;
        for (LayerWeights layer : weights.layers()) {
            total += dense(layer).mapToDouble(cost).sum();
            LayerWeights.Experts experts = layer.experts();
            if (experts != null) {
                total += cost.applyAsDouble(experts.router());
                // Gate and up may be halves of one stack: what counts are the rows of one expert.
                for (var expert : List.of(experts.gate(), experts.up(), experts.down())) {
                    total += expertPart * expert.numExperts() * cost.applyAsDouble(expert.expert(0));
                }
            }
        }
        GemmaWeights.PerLayerEmbedding perLayer = weights.perLayerEmbedding();
        return perLayer == null ? total : total + cost.applyAsDouble(perLayer.modelProjection());
    }

    private static Stream<Weight> dense(LayerWeights layer) {
        LayerWeights.Attention attention = layer.attention();
        LayerWeights.PerLayerInput input = layer.perLayerInput();
        Stream<Weight> matrices = Stream.of(
                attention.q(),
                attention.o(),
                layer.mlp().gate(),
                layer.mlp().up(),
                layer.mlp().down());
        if (attention.qkv() != null) {
            matrices = Stream.concat(
                    matrices,
                    Stream.of(attention.qkv().k(), attention.qkv().v()).filter(Objects::nonNull));
        }
        return input == null ? matrices : Stream.concat(matrices, Stream.of(input.gate(), input.projection()));
    }
}
