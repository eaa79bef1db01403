package dev.jemma.kernels;

/**
 * The operations of a Gemma-style decoder, encoded in order into one step. Each op is a whole tensor operation over all
 * rows of its row set; {@code r} below is a row, and every activation of an op has the same {@link RowSet} unless said
 * otherwise. Results are as if the ops ran one after the other. Nothing is read back inside a step: ids, positions and
 * slots reach the kernels through the step.
 *
 * <p>Arithmetic is F32 or better on F32 activations; sums may be taken in any order. Outputs may not overlap inputs
 * unless an op says so. The unfused ops define the fused ones, whose default bodies call them; a backend overrides the
 * fused ops it can run faster. Callers reach every implementation through {@link CheckedCommands}, so implementations
 * may take valid arguments for granted.
 *
 * <p>Formulas: {@code docs/forward-pass.md}, after the published Hugging Face modelling code of Gemma 2, 3 and 4.
 */
public interface Commands {

    // Inputs

    /**
     * {@code ids[r] = step token r}, or {@code sampled[i]} where that token is {@code -1 - i}.
     *
     * @param ids I32 ALL {@code [rows, 1]}
     * @param sampled I32 OUTPUT {@code [rows, 1]}: what {@link #argmax} of the preceding step wrote
     */
    void tokens(Tensor ids, Tensor sampled);

    /**
     * {@code out[r] = table[ids[r]] * scale}.
     *
     * @param out {@code [rows, table.cols]}
     * @param ids I32 {@code [rows, 1]}, each in {@code [0, table.rows)}
     */
    void embed(Tensor out, Tensor ids, Weight table, float scale);

    /**
     * The rotations of this step's positions, used by every layer of one kind:
     * {@code out[r] = [cos t_0 .. cos t_(d/2-1), sin t_0 .. sin t_(d/2-1)]} with {@code t_i = F32(position_r *
     * inverseFrequencies[i])}.
     *
     * @param out {@code [rows, headDim]}
     */
    void rotations(Tensor out, Rope rope);

    // Rows

    /** {@code out[r] = x[r]}, or {@code x[outputRow r]} where {@code out} holds OUTPUT rows and {@code x} ALL rows. */
    void copy(Tensor out, Tensor x);

    /** {@code out = (a + b) * scale}; {@code out} may be {@code a} or {@code b}. */
    void add(Tensor out, Tensor a, Tensor b, float scale);

    /** {@code x = x * factor}, in place. */
    void scale(Tensor x, float factor);

    /** {@code out = norm(x)}, see {@link Norm}; {@code out} may be {@code x}. Columns are a multiple of the norm's size. */
    void rmsNorm(Tensor out, Tensor x, Norm norm);

    /**
     * {@code out = gelu_tanh(gate) * up} with {@code gelu_tanh(z) = 0.5 z (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3)))};
     * {@code out} may be {@code gate} or {@code up}.
     */
    void geglu(Tensor out, Tensor gate, Tensor up);

    /** {@code x = cap * tanh(x / cap)}, in place. */
    void softcap(Tensor x, float cap);

    // Projections

    /** {@code out[r, o] = sum_i w[o, i] * x[r, i]}. */
    void matmul(Tensor out, Tensor x, Weight w);

    // Attention

    /**
     * Rotates each head of {@code x} in place: {@code y_i = x_i cos t_i - x_(i+d/2) sin t_i},
     * {@code y_(i+d/2) = x_(i+d/2) cos t_i + x_i sin t_i}.
     *
     * @param x {@code [rows, heads * headDim]}
     * @param rotations {@code [rows, headDim]}, from {@link #rotations}
     */
    void rope(Tensor x, Tensor rotations);

    /**
     * Writes each row's keys and values to its slot and position, rounded to the cache's type (to nearest, ties to
     * even; values beyond F16's range saturate at +-65504).
     *
     * @param k {@code [rows, numKvHeads * headDim]}
     * @param v as {@code k}
     */
    void storeKv(KvView kv, Tensor k, Tensor v);

    /**
     * Causal attention of each row over the cached keys of its slot: with head {@code h} reading key-value head
     * {@code h / (numHeads / numKvHeads)}, {@code s_p = scale * q.k_p}, capped to {@code softcap * tanh(s_p / softcap)}
     * if {@code softcap > 0}, for the positions {@code p} from {@link KvView#firstVisible} to the row's own;
     * {@code out = sum_p softmax(s)_p v_p}. The rows' own keys have been stored by {@link #storeKv}.
     *
     * @param out {@code [rows, numHeads * headDim]}
     * @param q as {@code out}
     */
    void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap);

    // Experts

    /**
     * {@code p = softmax(logits[r])}; the {@code topK} largest, divided by their sum, times their expert's scale.
     *
     * @param logits {@code [rows, numExperts]}
     * @param expertScale {@code [numExperts]}
     */
    void route(Routing routing, Tensor logits, VectorF32 expertScale);

    /**
     * {@code out[r, k * n + i] = gelu_tanh(gate_e(x[r])_i) * up_e(x[r])_i} with {@code e = routing.ids[r, k]} and
     * {@code n = gate.rows}.
     *
     * @param out {@code [rows, topK * n]}
     */
    void expertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing);

    /**
     * {@code out[r] = sum_k routing.weights[r, k] * down_e(h[r, k * n .. (k + 1) * n))} with {@code n = down.cols}.
     *
     * @param out {@code [rows, down.rows]}
     */
    void expertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing);

    // Results

    /** {@code logits[r, ids_i] = -Float.MAX_VALUE} for each of {@code count} ids, so that none is chosen. */
    void suppress(Tensor logits, Region ids, int count);

    /**
     * {@code ids[r]} = index of the largest of {@code logits[r]}, ties to the lower index.
     *
     * @param ids I32 {@code [rows, 1]}
     */
    void argmax(Tensor ids, Tensor logits);

    /**
     * The {@code k = ids.cols} largest of each row, largest first, ties to the lower index first.
     *
     * @param ids I32 {@code [rows, k]}
     * @param values F32 {@code [rows, k]}
     */
    void topK(Tensor ids, Tensor values, Tensor logits);

    // Cache

    /** Copies cache rows {@code [0, rows)} of one slot to another: a common prefix, stored once for many sequences. */
    void copySlot(KvView kv, int fromSlot, int toSlot, int rows);

    // Fused forms

    /** The three projections of {@code x}; no values where they are made from keys. */
    default void projectQkv(Qkv out, Tensor x, QkvWeight w) {
        matmul(out.q(), x, w.q());
        matmul(out.k(), x, w.k());
        if (w.v() != null) {
            matmul(out.v(), x, w.v());
        }
    }

    /** {@code q = rope(norm(q))} per head, in place: all that a layer without keys of its own needs. */
    default void headNormRope(Tensor q, HeadNorms norms, Tensor rotations) {
        if (norms.q() != null) {
            rmsNorm(q, q, norms.q());
        }
        rope(q, rotations);
    }

    /**
     * Head norms, RoPE and cache store of one layer: {@code v = norm(v)} (or {@code norm(k)} of the raw keys where
     * values are made from keys), {@code q = rope(norm(q))}, {@code k = rope(norm(k))}, store. Only {@code q} and the
     * cache are defined afterwards.
     */
    default void headNormRopeStore(Qkv qkv, HeadNorms norms, Tensor rotations, KvView kv) {
        Tensor rawValues = qkv.valuesFromKeys() ? qkv.k() : qkv.v();
        if (norms.v() != null) {
            rmsNorm(qkv.v(), rawValues, norms.v());
        } else if (qkv.valuesFromKeys()) {
            copy(qkv.v(), rawValues);
        }
        if (norms.k() != null) {
            rmsNorm(qkv.k(), qkv.k(), norms.k());
        }
        headNormRope(qkv.q(), norms, rotations);
        rope(qkv.k(), rotations);
        storeKv(kv, qkv.k(), qkv.v());
    }

    /** {@code out = gelu_tanh(gate x) * up}; {@code out} may not be {@code up}. */
    default void gatedMatmul(Tensor out, Tensor x, Weight gate, Tensor up) {
        matmul(out, x, gate);
        geglu(out, out, up);
    }

    /** {@code out = gelu_tanh(gate x) * (up x)}; {@code scratch} has the shape of {@code out} and is undefined afterwards. */
    default void gateUpGeglu(Tensor out, Tensor x, Weight gate, Weight up, Tensor scratch) {
        matmul(out, x, gate);
        matmul(scratch, x, up);
        geglu(out, out, scratch);
    }

    /** {@code out = w x}, and {@code out = softcap * tanh(out / softcap)} if {@code softcap > 0}: what tokens are chosen from. */
    default void logits(Tensor out, Tensor x, Weight w, float softcap) {
        matmul(out, x, w);
        if (softcap > 0) {
            softcap(out, softcap);
        }
    }

    /** {@code x = (x + norm(y)) * scale}; {@code y} is undefined afterwards. */
    default void addNorm(Tensor x, Tensor y, Norm norm, float scale) {
        rmsNorm(y, y, norm);
        add(x, x, y, scale);
    }

    /** {@code x = (x + post(y)) * scale}, then {@code out = pre(x)}; {@code y} is undefined afterwards. */
    default void addNormNorm(Tensor out, Tensor x, Tensor y, Norm post, float scale, Norm pre) {
        addNorm(x, y, post, scale);
        rmsNorm(out, x, pre);
    }
}
