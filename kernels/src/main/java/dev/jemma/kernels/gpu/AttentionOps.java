package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Attention over the cache. Rows of long spans go through tiles ({@code attention_prefill.metal}), the others singly
 * ({@code attention.metal}): in one threadgroup a head where few keys are visible, split over 32 where there are many.
 * Grids depend on which of the two it is, never on the context's length. Batch-invariant: decodes go singly and divide
 * their keys by their own position, all rows of prompts go through tiles.
 */
final class AttentionOps implements AutoCloseable {
    /** Keys from which on a decode is split: below, 8 simdgroups x 8 keys are done after four rounds. */
    private static final int SPLIT_KEYS = 256;

    private static final int SPLITS = 32;

    /** Head sizes that the fast kernels take. */
    private static final int[] HEAD_DIMS = {64, 128, 256, 512};

    /** Rows up to which a head's keys are split; more rows fill a GPU by themselves. */
    private static final int MAX_SPLIT_ROWS = 8;

    private static final int THREADS = 128;

    /** Heads share keys only where this many threadgroups are left: about one a multiprocessor of a large GPU. */
    private static final int MIN_THREADGROUPS = 96;

    /** Threads of the kernels for single rows: 8 simdgroups. */
    private static final int SINGLE_THREADS = 256;

    /** Query heads of one KV head that a threadgroup serves at once. Heads of 512 columns leave room for 2. */
    private static final int[] GROUPS = {1, 2, 4};

    private final Encoder encoder;
    private final boolean rowInvariant;

    /** Whether queries and weights are split where tensor cores would round them. */
    private final boolean split;

    /** By head size, then by {@link #GROUPS}, then by cache type. */
    private final Kernel[][][] single;

    private final Kernel[] any;

    /** A driver's own kernels for tiles of 64 rows over an F16 cache, by head size. */
    private final @Nullable Kernel[] own = new @Nullable Kernel[HEAD_DIMS.length];

    private final Kernel[][] tiled;
    private final Kernel merge;
    private final DeviceBuffer partial;

    AttentionOps(Encoder encoder, Shaders shaders, GpuDriver driver, StepLimits limits, KernelChoice choice) {
        this.encoder = encoder;
        rowInvariant = choice == KernelChoice.BATCH_INVARIANT;
        split = limits.numExperts() > 0;
        single = new Kernel[][][] {
            byGroup(shaders, "attention_%%s_64_heads%d", 3),
            byGroup(shaders, "attention_%%s_128_heads%d", 3),
            byGroup(shaders, "attention_%%s_256_heads%d", 3),
            byGroup(shaders, "attention_%%s_512_heads%d", 2)
        };
        tiled = new Kernel[][] {
            shaders.byCacheType("attention_prefill.metal", "attention_tiled_%s_64"),
            shaders.byCacheType("attention_prefill.metal", "attention_tiled_%s_128"),
            shaders.byCacheType("attention_prefill.metal", "attention_tiled_%s_256"),
            shaders.byCacheType("attention_prefill.metal", "attention_tiled_%s_512")
        };
        for (int i = 0; i < HEAD_DIMS.length; i++) {
            if (ownTileBytes(HEAD_DIMS[i]) <= driver.limits().maxThreadgroupMemory()) {
                String function = "attention_mma_" + HEAD_DIMS[i] + (split ? "_split" : "");
                own[i] = shaders.own("attention_mma", function, FunctionConstants.NONE)
                        .orElse(null);
            }
        }
        any = shaders.byCacheType("attention.metal", "attention_any_%s");
        merge = shaders.kernel("attention.metal", "attention_merge");
        partial = driver.allocate(partialBytes(limits), "attention partial sums");
    }

    private static Kernel[][] byGroup(Shaders shaders, String function, int groups) {
        Kernel[][] kernels = new Kernel[groups][];
        for (int i = 0; i < groups; i++) {
            kernels[i] = shaders.byCacheType("attention.metal", String.format(Locale.ROOT, function, GROUPS[i]));
        }
        return kernels;
    }

    /** A split leaves its columns, its largest score, its weight and two words of padding. */
    private long partialBytes(StepLimits limits) {
        long rows = Math.min(limits.maxRows(), rowInvariant ? limits.maxSlots() : MAX_SPLIT_ROWS);
        return DType.F32.bytes(rows * SPLITS * (limits.maxAttentionCols() + 4L * limits.maxHeads()));
    }

    void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        int size = sizeIndex(kv.headDim());
        StepInputs.Table table = encoder.table(q);
        if (size < 0 || !aligned(out, q, kv)) {
            any(out, q, kv, scale, softcap);
            return;
        }
        if (table.numTiles64() > 0 && kv.dtype() == DType.F16 && own[size] != null) {
            ownTiles(own[size], out, q, kv, scale, softcap);
        } else {
            tiles(size, out, q, kv, scale, softcap);
        }
        if (table.numSingleRows() > 0) {
            single(size, out, q, kv, scale, softcap);
        }
    }

    private void tiles(int size, Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        StepInputs.Table table = encoder.table(q);
        boolean eights = kv.headDim() == 512;
        int tiles = eights ? table.numTiles8() : table.numTiles16();
        if (tiles > 0) {
            encoder.kernel(tiled[size][Shaders.cacheType(kv.dtype())]);
            arguments(out, q, kv, 1, scale, softcap);
            rows(table, eights ? table.tiles8() : table.tiles16());
            operands(out, q, kv);
            encoder.run(tiles, q.cols() / kv.headDim(), 1, THREADS);
        }
    }

    private void ownTiles(Kernel kernel, Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        StepInputs.Table table = encoder.table(q);
        encoder.kernel(kernel);
        arguments(out, q, kv, 1, scale, softcap);
        rows(table, table.tiles64());
        operands(out, q, kv);
        encoder.threadgroupMemory(ownTileBytes(kv.headDim()));
        encoder.run(table.numTiles64(), q.cols() / kv.headDim(), 1, kv.headDim() == 512 ? 2 * THREADS : THREADS);
    }

    /** 64 queries, twice that if split, and two blocks of keys or values, 64 of each (32 for heads of 512), in F16. */
    private int ownTileBytes(int headDim) {
        int keys = headDim == 512 ? 32 : 64;
        return 2 * headDim * ((split ? 2 : 1) * 64 + 2 * keys);
    }

    private void single(int size, Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        StepInputs.Table table = encoder.table(q);
        int numHeads = q.cols() / kv.headDim();
        int splits = rowInvariant ? SPLITS : splits(q, kv);
        // Both forms' pipelines are made at once: a step that crosses over to the other compiles nothing.
        merge.pipeline();
        for (Kernel[] form : single[size]) {
            form[Shaders.cacheType(kv.dtype())].pipeline();
        }
        int perHead = rowInvariant ? MIN_THREADGROUPS : splits * table.numSingleRows();
        int group = group(numHeads, numHeads / kv.numKvHeads(), perHead, single[size].length);
        encoder.kernel(single[size][group][Shaders.cacheType(kv.dtype())]);
        arguments(out, q, kv, splits, scale, softcap);
        rows(table, table.singleRows());
        operands(out, q, kv);
        long partBytes = DType.F32.bytes((long) table.numSingleRows() * numHeads * splits * (kv.headDim() + 4));
        if (splits > 1) {
            encoder.writes(partial, 0, partBytes);
        } else {
            encoder.constant(partial);
        }
        encoder.run(numHeads / GROUPS[group], table.numSingleRows(), splits, SINGLE_THREADS);
        if (splits > 1) {
            encoder.kernel(merge);
            arguments(out, q, kv, splits, scale, softcap);
            rows(table, table.singleRows());
            encoder.reads(partial, 0, partBytes);
            encoder.writes(out);
            encoder.run(numHeads, table.numSingleRows(), 1, Encoder.roundUp(kv.headDim() / 2, 32));
        }
    }

    /** The largest group that divides the query heads of a KV head and still leaves enough threadgroups. */
    private static int group(int numHeads, int headsPerKvHead, int perHead, int kernels) {
        int group = kernels - 1;
        while (group > 0
                && (headsPerKvHead % GROUPS[group] != 0 || numHeads / GROUPS[group] * perHead < MIN_THREADGROUPS)) {
            group--;
        }
        return group;
    }

    /** 1 or {@link #SPLITS}, by the most keys that a row of this step sees and how many rows there are. */
    private int splits(Tensor q, KvView kv) {
        RowTable rows = encoder.step().rows(q.rows());
        if (encoder.table(q).numSingleRows() > MAX_SPLIT_ROWS) {
            return 1;
        }
        int mostKeys = 0;
        for (int row = 0; row < rows.count(); row++) {
            int position = rows.position(row);
            mostKeys = Math.max(mostKeys, position - kv.firstVisible(position) + 1);
        }
        return mostKeys >= SPLIT_KEYS ? SPLITS : 1;
    }

    private void any(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        StepInputs.Table table = encoder.table(q);
        encoder.kernel(any[Shaders.cacheType(kv.dtype())]);
        arguments(out, q, kv, 1, scale, softcap);
        rows(table, table.everyRow());
        operands(out, q, kv);
        encoder.run(q.cols() / kv.headDim(), encoder.rows(q), 1, 32);
    }

    private void arguments(Tensor out, Tensor q, KvView kv, int splits, float scale, float softcap) {
        encoder.args(11)
                .put(kv.headDim())
                .put(q.cols() / kv.headDim())
                .put(kv.numKvHeads())
                .put(kv.capacity())
                .put(kv.window())
                .put(q.rowStride())
                .put(out.rowStride())
                .put(splits)
                .put(rowInvariant ? 1 : 0)
                .put(scale)
                .put(softcap);
    }

    private void rows(StepInputs.Table table, long list) {
        encoder.input(table.positions());
        encoder.input(table.slots());
        encoder.input(list);
    }

    private void operands(Tensor out, Tensor q, KvView kv) {
        encoder.reads(q);
        encoder.readsCache(kv);
        encoder.writes(out);
    }

    private static boolean aligned(Tensor out, Tensor q, KvView kv) {
        long vector = kv.dtype().bytes(4);
        return Encoder.aligned(out)
                && Encoder.aligned(q)
                && kv.keys().byteOffset() % vector == 0
                && kv.values().byteOffset() % vector == 0;
    }

    private static int sizeIndex(int headDim) {
        for (int i = 0; i < HEAD_DIMS.length; i++) {
            if (HEAD_DIMS[i] == headDim) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public void close() {
        partial.close();
    }
}
