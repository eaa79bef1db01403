package dev.jemma.models.gemma;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kvcache.KvCache;
import dev.jemma.kvcache.KvCacheSpec;
import dev.jemma.models.gemma.Activations.LayerActivations;
import dev.jemma.models.gemma.Activations.PerLayerInputs;
import dev.jemma.models.gemma.Activations.Stream;
import dev.jemma.models.gemma.GemmaWeights.PerLayerEmbedding;
import org.jspecify.annotations.Nullable;

/**
 * The forward pass of Gemma 2, 3 and 4, dense and mixture of experts: token ids in, logits out. Each line is a step of
 * the formula in {@code docs/forward-pass.md}; start reading at {@link #encode(Commands, Step, LayerTap)}.
 */
public final class GemmaForward implements AutoCloseable {
    private static final float INVERSE_SQRT_2 = (float) Math.sqrt(0.5);

    private final GemmaConfig config;
    private final GemmaWeights weights;
    private final KvCache cache;
    private final KvLayout kvLayout;
    private final StepLimits limits;
    private final ForwardMemory memory;

    /** Per-layer inputs of the layers whose rows are cut down to the output rows; null for models without. */
    private final @Nullable Tensor upperInputs;

    /** Where those of the output rows are kept. */
    private final @Nullable Tensor keptInputs;

    /**
     * Allocates every activation for steps of up to {@code maxRows} rows, {@code maxOutputRows} of them with logits.
     *
     * @param cache allocated by {@link #cacheSpec}
     * @throws dev.jemma.kernels.DeviceException.OutOfMemory if the activations do not fit
     */
    public GemmaForward(
            GemmaConfig config, GemmaWeights weights, Device device, KvCache cache, int maxRows, int maxOutputRows) {
        this.config = config;
        this.weights = weights;
        this.cache = cache;
        this.kvLayout = new KvLayout(config);
        WidestLayer widest = WidestLayer.of(config);
        this.limits = new StepLimits(
                maxRows,
                maxOutputRows,
                cache.spec().slots(),
                cache.spec().contextSize(),
                config.numHeads(),
                widest.queryCols(),
                widest.maxCols(config),
                config.vocabSize(),
                config.experts() == null ? 0 : config.experts().numExperts());
        this.memory = new ForwardMemory(config, device, maxRows, maxOutputRows);
        this.upperInputs = upperInputs(memory.all());
        this.keptInputs = upperInputs(memory.output());
    }

    private @Nullable Tensor upperInputs(Activations a) {
        if (a.perLayerInputs() == null) {
            return null;
        }
        int size = config.perLayerInputSize();
        int firstLayer = config.firstKvSharedLayer() - 1;
        return a.perLayerInputs().inputs().columns(firstLayer * size, (config.numLayers() - firstLayer) * size);
    }

    /** The cache this model needs. */
    public static KvCacheSpec cacheSpec(GemmaConfig config, int slots, int contextSize, int maxChunk, DType kvType) {
        return new KvLayout(config).spec(slots, contextSize, maxChunk, kvType);
    }

    /** What a command stream for this forward pass must take. */
    public StepLimits limits() {
        return limits;
    }

    /** Logits of the step's output rows, softcapped: F32 OUTPUT {@code [rows, vocabSize]}. */
    public Tensor logits() {
        return memory.logits();
    }

    /**
     * Where {@link Commands#argmax} of the step encoded last belongs, so that the next step's tokens {@code -1 - i} find
     * it: I32 OUTPUT {@code [rows, 1]}.
     */
    public Tensor sampled() {
        return memory.sampled();
    }

    /** Encodes one step, up to the logits of its output rows. */
    public void encode(Commands c, Step step) {
        encode(c, step, LayerTap.NONE);
    }

    /** Encodes one step; {@code tap} sees the stream between the layers. */
    public void encode(Commands c, Step step, LayerTap tap) {
        int lastKvLayer = config.firstKvSharedLayer() - 1;
        Activations a = memory.all();
        embed(c, a);
        tap.stream(c, 0, a.stream().x());
        for (int layer = 0; layer < config.numLayers(); layer++) {
            queriesKeysValues(c, layer, a);
            if (layer == lastKvLayer) {
                if (step.count(RowSet.OUTPUT) == 0) {
                    return;
                }
                a = keepOutputRows(c, layer, a);
            }
            attention(c, layer, a);
            feedForward(c, layer, a);
            boolean last = layer == config.numLayers() - 1;
            tap.stream(c, layer + 1, last ? a.stream().norm() : a.stream().x());
        }
        c.logits(memory.logits(), a.stream().norm(), weights.lmHead(), config.finalLogitSoftcap());
    }

    private void embed(Commands c, Activations a) {
        memory.turnOver();
        c.tokens(memory.ids(), memory.previousSampled());
        c.embed(a.stream().x(), memory.ids(), weights.embedTokens(), config.embeddingScale());
        if (weights.perLayerEmbedding() != null && a.perLayerInputs() != null) {
            perLayerInputs(c, a.stream().x(), a.perLayerInputs(), weights.perLayerEmbedding());
        }
        rotations(c, a);
        c.rmsNorm(a.stream().norm(), a.stream().x(), weights.layers().getFirst().inputNorm());
    }

    private void perLayerInputs(Commands c, Tensor x, PerLayerInputs p, PerLayerEmbedding w) {
        c.embed(p.inputs(), memory.ids(), w.table(), (float) Math.sqrt(config.perLayerInputSize()));
        c.matmul(p.context(), x, w.modelProjection());
        c.scale(p.context(), (float) (1 / Math.sqrt(config.hiddenSize())));
        c.rmsNorm(p.context(), p.context(), w.projectionNorm());
        c.add(p.inputs(), p.inputs(), p.context(), INVERSE_SQRT_2);
    }

    private void rotations(Commands c, Activations a) {
        if (weights.slidingRope() != null && a.slidingRotations() != null) {
            c.rotations(a.slidingRotations(), weights.slidingRope());
        }
        if (weights.fullRope() != null && a.fullRotations() != null) {
            c.rotations(a.fullRotations(), weights.fullRope());
        }
    }

    private void queriesKeysValues(Commands c, int layer, Activations a) {
        LayerWeights.Attention w = weights.layers().get(layer).attention();
        LayerActivations l = a.layer(layer);
        if (w.qkv() != null) {
            c.projectQkv(l.qkv(), a.stream().norm(), w.qkv());
            c.headNormRopeStore(l.qkv(), w.headNorms(), l.rotations(), kv(layer));
        } else {
            c.matmul(l.qkv().q(), a.stream().norm(), w.q());
            c.headNormRope(l.qkv().q(), w.headNorms(), l.rotations());
        }
    }

    /**
     * From the last layer that stores keys and values on, rows whose logits nobody wants have done their work: the
     * layers above would not leave a trace of them.
     */
    private Activations keepOutputRows(Commands c, int layer, Activations a) {
        Activations kept = memory.output();
        c.copy(kept.stream().x(), a.stream().x());
        c.copy(kept.layer(layer).qkv().q(), a.layer(layer).qkv().q());
        if (upperInputs != null && keptInputs != null) {
            c.copy(keptInputs, upperInputs);
        }
        if (layer < config.numLayers() - 1) {
            rotations(c, kept);
        }
        return kept;
    }

    private void attention(Commands c, int layer, Activations a) {
        LayerWeights w = weights.layers().get(layer);
        LayerActivations l = a.layer(layer);
        Stream s = a.stream();
        c.attention(l.attention(), l.qkv().q(), kv(layer), config.attentionScale(), config.attnLogitSoftcap());
        c.matmul(s.out(), l.attention(), w.attention().o());
        c.addNormNorm(s.norm(), s.x(), s.out(), w.postAttentionNorm(), 1, w.preFeedForwardNorm());
    }

    private void feedForward(Commands c, int layer, Activations a) {
        LayerWeights w = weights.layers().get(layer);
        LayerActivations l = a.layer(layer);
        Stream s = a.stream();
        c.gateUpGeglu(l.gate(), s.norm(), w.mlp().gate(), w.mlp().up(), l.up());
        c.matmul(s.out(), l.gate(), w.mlp().down());
        if (w.experts() != null && a.experts() != null) {
            addExperts(c, s, a.experts(), w.experts());
        }
        Norm nextNorm = nextNorm(layer);
        if (w.perLayerInput() != null && a.perLayerInputs() != null && l.perLayerInput() != null) {
            c.addNorm(s.x(), s.out(), w.postFeedForwardNorm(), 1);
            Tensor gate = a.perLayerInputs().gate();
            c.gatedMatmul(gate, s.x(), w.perLayerInput().gate(), l.perLayerInput());
            c.matmul(s.out(), gate, w.perLayerInput().projection());
            c.addNormNorm(s.norm(), s.x(), s.out(), w.perLayerInput().postNorm(), w.layerScalar(), nextNorm);
        } else {
            c.addNormNorm(s.norm(), s.x(), s.out(), w.postFeedForwardNorm(), w.layerScalar(), nextNorm);
        }
    }

    /** The router and the experts read the stream, not what the dense branch read. */
    private void addExperts(Commands c, Stream s, Activations.Experts e, LayerWeights.Experts w) {
        c.rmsNorm(s.out(), s.out(), w.postDenseNorm());
        c.rmsNorm(s.norm(), s.x(), w.routerNorm());
        c.matmul(e.logits(), s.norm(), w.router());
        c.route(e.routing(), e.logits(), w.expertScale());
        c.rmsNorm(s.norm(), s.x(), w.preNorm());
        c.expertGeglu(e.hidden(), s.norm(), w.gate(), w.up(), e.routing());
        c.expertDown(e.out(), e.hidden(), w.down(), e.routing());
        c.rmsNorm(e.out(), e.out(), w.postNorm());
        c.add(s.out(), s.out(), e.out(), 1);
    }

    private Norm nextNorm(int layer) {
        boolean last = layer == config.numLayers() - 1;
        return last ? weights.norm() : weights.layers().get(layer + 1).inputNorm();
    }

    private KvView kv(int layer) {
        return cache.view(kvLayout.cacheLayer(layer));
    }

    /** Releases the activations; the cache and the weights are their owners' business. */
    @Override
    public void close() {
        memory.close();
    }
}
