package dev.jemma.engine;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.KernelChoice;

/**
 * What a session takes memory for.
 *
 * @param slots sequences that run at the same time
 * @param contextSize positions of a sequence: prompt and answer together
 * @param prefillChunk most prompt tokens in one step
 * @param kvType F16 or F32
 * @param rewind positions that a sequence can go back, in sliding layers, without its prompt being read again; each
 *     takes a cache row in each of them
 * @param kernels for texts that must not depend on which others are generated beside them: batch-invariant ones
 */
public record SessionOptions(
        int slots, int contextSize, int prefillChunk, DType kvType, int rewind, KernelChoice kernels) {
    /** Chunks beyond this bring a CPU nothing more, and cost sliding layers cache rows. */
    public static final int DEFAULT_PREFILL_CHUNK = 256;

    /**
     * What fills a GPU: an H200 reads prompts of Gemma 3 1B at 35,000 tokens/s in chunks of 512 and at 165,000 in chunks of
     * 4096. Beyond this, activations and the rings' extra rows take more memory than most GPUs can spare.
     */
    private static final int GPU_PREFILL_CHUNK = 1024;

    public SessionOptions {
        require(slots > 0, "parallel", "1 or more", slots);
        require(contextSize > 0, "ctx-size", "1 or more", contextSize);
        require(prefillChunk > 0, "prefill-chunk", "1 or more", prefillChunk);
        require(kvType == DType.F16 || kvType == DType.F32, "kv-type", "f16 or f32", kvType);
        if (rewind < 0) {
            throw new IllegalArgumentException("rewind: expected 0 or more, got " + rewind);
        }
    }

    /** With the fastest kernels, and without more rows in sliding layers than a step needs. */
    public SessionOptions(int slots, int contextSize, int prefillChunk, DType kvType) {
        this(slots, contextSize, prefillChunk, kvType, 0, KernelChoice.FASTEST);
    }

    /** The same for sequences that go back {@code positions}. */
    public SessionOptions withRewind(int positions) {
        return new SessionOptions(slots, contextSize, prefillChunk, kvType, positions, kernels);
    }

    /** The same with kernels that treat every row alike, whatever is beside it. */
    public SessionOptions batchInvariant() {
        return new SessionOptions(slots, contextSize, prefillChunk, kvType, rewind, KernelChoice.BATCH_INVARIANT);
    }

    /** The chunk that suits a device. */
    public static int prefillChunkFor(Device device) {
        return device.isAsynchronous() ? GPU_PREFILL_CHUNK : DEFAULT_PREFILL_CHUNK;
    }

    private static void require(boolean holds, String option, String expected, Object got) {
        if (!holds) {
            throw new UsageException(option + ": expected " + expected + ", got " + got);
        }
    }

    /** Rows of a sliding layer beyond its window: a ring keeps as many of what precedes a chunk as it has of these. */
    int ringSlack() {
        return Math.min(contextSize, prefillChunk + rewind);
    }

    /** Most rows of a step: one for each decoding sequence and a chunk of prompt. */
    int maxRows() {
        return slots + prefillChunk;
    }
}
