package dev.jemma.models.quantize;

import dev.jemma.kernels.DType;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.loading.TensorSpec;
import dev.jemma.models.safetensors.ElementType;
import dev.jemma.models.safetensors.Floats;
import dev.jemma.models.safetensors.SafetensorsWriter.Entry;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A weight of the output and where its rows are in the input: {@code stacks} runs of {@code rows} rows, each run
 * {@code stride} rows after the one before. A plain matrix is one run; half of Hugging Face's joint gate and up stack is
 * one run for each expert.
 *
 * @param spec the output's name and shape
 * @param setting null for weights that are copied
 * @param source the input tensor's bytes
 * @param type of the input's elements, and of the output's or of its scales
 */
record QuantizedTensor(
        TensorSpec spec,
        Quantization.@Nullable Setting setting,
        MemorySegment source,
        DType type,
        int stacks,
        long stride,
        long firstRow) {
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Weights of one task: 4 MiB as F32, so that a few of them at a time are little memory. */
    private static final int BLOCK_ELEMENTS = 1 << 20;

    /** Takes a tensor's bytes in order. */
    @FunctionalInterface
    interface Sink {
        void write(String tensor, MemorySegment bytes);
    }

    /** A weight whose rows are all of the input tensor, in order. */
    static QuantizedTensor whole(
            TensorSpec spec, Quantization.@Nullable Setting setting, MemorySegment source, DType type) {
        return new QuantizedTensor(spec, setting, source, type, 1, 0, 0);
    }

    List<Entry> entries() {
        if (setting == null) {
            return List.of(new Entry(spec.tensor(), ElementType.valueOf(type.name()), spec.shape()));
        }
        List<Long> groups = spec.withCols(spec.cols() / setting.groupSize());
        ElementType scaleType = ElementType.valueOf(type.name());
        return List.of(
                new Entry(spec.tensor(), ElementType.U32, spec.withCols((long) spec.cols() * setting.bits() / 32)),
                new Entry(spec.scales(), scaleType, groups),
                new Entry(spec.biases(), scaleType, groups));
    }

    /** Of all {@link #entries}. */
    long byteSize() {
        return entries().stream().mapToLong(Entry::byteSize).sum();
    }

    /** Writes the tensors of {@link #entries}. Holds the scales and biases of the whole weight, and a few blocks. */
    void write(Sink sink) {
        int rowsPerStack = spec.rows() / stacks;
        long rowBytes = type.bytes(spec.cols());
        if (setting == null) {
            for (int stack = 0; stack < stacks; stack++) {
                long row = firstRow + stack * stride;
                sink.write(spec.tensor(), source.asSlice(row * rowBytes, rowsPerStack * rowBytes));
            }
            return;
        }
        long groupBytes = type.bytes((long) spec.rows() * (spec.cols() / setting.groupSize()));
        MemorySegment scales = MemorySegment.ofArray(new byte[Math.toIntExact(groupBytes)]);
        MemorySegment biases = MemorySegment.ofArray(new byte[Math.toIntExact(groupBytes)]);
        int rowsPerBlock = Math.clamp(BLOCK_ELEMENTS / spec.cols(), 1, rowsPerStack);
        int blocksPerStack = Math.ceilDiv(rowsPerStack, rowsPerBlock);
        int blocks = stacks * blocksPerStack;
        int atOnce = Runtime.getRuntime().availableProcessors();
        for (int first = 0; first < blocks; first += atOnce) {
            List<byte[]> codes = IntStream.range(first, Math.min(blocks, first + atOnce))
                    .parallel()
                    .mapToObj(block -> {
                        int row = block % blocksPerStack * rowsPerBlock;
                        int count = Math.min(rowsPerBlock, rowsPerStack - row);
                        int stack = block / blocksPerStack;
                        return block(
                                firstRow + stack * stride + row, count, stack * rowsPerStack + row, scales, biases);
                    })
                    .toList();
            codes.forEach(bytes -> sink.write(spec.tensor(), MemorySegment.ofArray(bytes)));
        }
        sink.write(spec.scales(), scales);
        sink.write(spec.biases(), biases);
    }

    private byte[] block(long sourceRow, int rows, long row, MemorySegment scales, MemorySegment biases) {
        Quantization.Setting form = Objects.requireNonNull(setting);
        long rowBytes = type.bytes(spec.cols());
        float[] weights = Floats.read(source.asSlice(sourceRow * rowBytes, rows * rowBytes), type);
        AffineBlock block = new AffineBlock(form, type, weights.length);
        block.quantize(weights);
        long firstGroup = row * (spec.cols() / form.groupSize());
        store(block.scales(), scales, firstGroup);
        store(block.biases(), biases, firstGroup);
        return block.codes();
    }

    private void store(float[] values, MemorySegment target, long firstElement) {
        for (int i = 0; i < values.length; i++) {
            long offset = type.bytes(firstElement + i);
            switch (type) {
                case BF16 -> target.set(U16, offset, Floats.toBf16(values[i]));
                case F16 -> target.set(U16, offset, Float.floatToFloat16(values[i]));
                case F32 -> target.set(F32, offset, values[i]);
                case I32 -> throw new IllegalArgumentException(spec.name() + ": scales are not I32");
            }
        }
    }
}
