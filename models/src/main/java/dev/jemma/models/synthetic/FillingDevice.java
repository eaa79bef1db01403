package dev.jemma.models.synthetic;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.models.gemma.GemmaConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * A device that makes up the weights it is given: whoever loads an outline ({@link SyntheticModel#writeOutline}) on it gets
 * random matrices of the right kind, copied on the device from a few blocks of N(0, 0.02) that a fixed seed gives.
 * Everything else is the real device's.
 */
public final class FillingDevice implements Device {
    private static final int COLS = 16384;
    private static final int MAX_ROWS = 1024;
    private static final long ROW_BYTES = DType.F32.bytes(COLS);
    private static final double DEVIATION = 0.02;

    private final Device device;
    private final int bits;
    private final CommandStream stream;
    private final Step step = new Step(MAX_ROWS, 1);
    private final Map<String, DeviceBuffer> seeds = new HashMap<>();
    private final Map<String, Long> matrixBytes = new HashMap<>();

    /** @param bits of the weights: 16, 8 or 4; {@code device} is closed with this one */
    public FillingDevice(Device device, int bits) {
        this.device = device;
        this.bits = bits;
        stream = device.openStream(new StepLimits(MAX_ROWS, 1, 1, MAX_ROWS, 1, 1, COLS, 1));
        SplittableRandom random = new SplittableRandom(1);
        try (Arena arena = Arena.ofConfined()) {
            seed("normal", RandomBlocks.bf16(arena, _ -> (float) (DEVIATION * random.nextGaussian())));
            seed("codes", RandomBlocks.bytes(arena, random));
            int maxCode = (1 << bits) - 1;
            double scale = DEVIATION / Math.sqrt((Math.pow(maxCode + 1, 2) - 1) / 12);
            seed("scales", RandomBlocks.bf16(arena, _ -> (float) scale));
            seed("biases", RandomBlocks.bf16(arena, _ -> (float) (scale * maxCode / -2)));
        }
    }

    private void seed(String kind, RandomBlocks.Block block) {
        DeviceBuffer buffer = device.allocate(MAX_ROWS * ROW_BYTES, "seed of " + kind);
        for (long done = 0; done < buffer.byteSize(); done += block.byteSize()) {
            buffer.write(done, block.slice(0, Math.min(block.byteSize(), buffer.byteSize() - done)));
        }
        seeds.put(kind, buffer);
    }

    @Override
    public Region adopt(MemorySegment bytes, String label) {
        String kind = label.endsWith(".scales")
                ? "scales"
                : label.endsWith(".biases") ? "biases" : bits < 16 ? "codes" : "normal";
        DeviceBuffer seed = Objects.requireNonNull(seeds.get(kind));
        DeviceBuffer buffer = device.allocate(bytes.byteSize(), label);
        matrixBytes.put(label, bytes.byteSize());
        long wholeRows = bytes.byteSize() / ROW_BYTES;
        for (long row = 0; row < wholeRows; row += MAX_ROWS) {
            copy(buffer, row * ROW_BYTES, seed, (int) Math.min(MAX_ROWS, wholeRows - row));
        }
        long rest = bytes.byteSize() - wholeRows * ROW_BYTES;
        if (rest > 0) {
            byte[] tail = new byte[(int) rest];
            seed.read(0, MemorySegment.ofArray(tail));
            buffer.write(wholeRows * ROW_BYTES, MemorySegment.ofArray(tail));
        }
        return new Region(buffer, 0);
    }

    private void copy(DeviceBuffer target, long offset, DeviceBuffer seed, int rows) {
        step.clear();
        step.addSpan(0, 0, new int[rows], 0, rows, 0);
        stream.begin(step)
                .copy(
                        new Tensor(new Region(target, offset), DType.F32, RowSet.ALL, COLS, COLS),
                        Tensor.f32(seed, RowSet.ALL, COLS));
        stream.await(stream.submit());
    }

    /**
     * Bytes of weights that one decode step of one sequence reads: all matrices once, but of experts only those chosen,
     * and of per-layer embeddings a row.
     */
    public long bytesPerStep(GemmaConfig config) {
        double bytes = 0;
        for (Map.Entry<String, Long> matrix : matrixBytes.entrySet()) {
            String name = matrix.getKey();
            if (name.contains(".experts.") && config.experts() != null) {
                bytes += (double) matrix.getValue()
                        * config.experts().topK()
                        / config.experts().numExperts();
            } else if (!name.contains("embed_tokens_per_layer")) {
                bytes += matrix.getValue();
            }
        }
        return (long) bytes;
    }

    @Override
    public String backend() {
        return device.backend();
    }

    @Override
    public String description() {
        return device.description();
    }

    @Override
    public boolean isAsynchronous() {
        return device.isAsynchronous();
    }

    @Override
    public DeviceMemory memory() {
        return device.memory();
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        return device.allocate(byteSize, label);
    }

    @Override
    public double operandRounding() {
        return device.operandRounding();
    }

    @Override
    public CommandStream openStream(StepLimits limits, KernelChoice choice) {
        return device.openStream(limits, choice);
    }

    @Override
    public void close() {
        stream.close();
        seeds.values().forEach(DeviceBuffer::close);
        device.close();
    }
}
