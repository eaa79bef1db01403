package dev.jemma.models.synthetic;

import dev.jemma.kernels.DType;
import dev.jemma.models.config.CheckpointConfig;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.loading.DecoderTensors;
import dev.jemma.models.loading.TensorSpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/**
 * A checkpoint in the shape of a published model whose matrices are holes in the file: it takes no space and no time to
 * write, and a {@link FillingDevice} never reads them. Vectors are there, so that norms neither vanish nor explode.
 */
public final class SparseCheckpoint {
    private static final String PREFIX = "model.";
    private static final int GROUP_SIZE = 64;

    private SparseCheckpoint() {}

    /** Writes {@code config.json} and {@code model.safetensors} into a new folder named after the model. */
    public static Path write(String name, int bits, Path parent) throws IOException {
        Path directory = Files.createDirectory(parent.resolve(name + "-" + bits + "bit"));
        Files.writeString(directory.resolve("config.json"), SyntheticModel.configJson(name, bits));
        GemmaConfig config = CheckpointConfig.read(directory, DType.BF16).gemma();
        Layout layout = new Layout(bits);
        for (TensorSpec spec :
                DecoderTensors.of(config, PREFIX, null, bits < 16).specs().values()) {
            layout.add(spec);
        }
        layout.write(directory.resolve("model.safetensors"), config.family().normAddsOne() ? 0 : 1);
        return directory;
    }

    private static final class Layout {
        private final int bits;
        private final StringJoiner header = new StringJoiner(",", "{", "}");
        private final List<long[]> vectors = new java.util.ArrayList<>();
        private long end;

        Layout(int bits) {
            this.bits = bits;
        }

        void add(TensorSpec spec) {
            if (bits == 16 || spec.kind() != TensorSpec.Kind.LINEAR) {
                if (spec.shape().size() == 1) {
                    vectors.add(new long[] {end, spec.parameters()});
                }
                put(spec.tensor(), "BF16", spec.shape(), 2);
                return;
            }
            put(spec.tensor(), "U32", spec.withCols((long) spec.cols() * bits / 32), 4);
            put(spec.scales(), "BF16", spec.withCols(spec.cols() / GROUP_SIZE), 2);
            put(spec.biases(), "BF16", spec.withCols(spec.cols() / GROUP_SIZE), 2);
        }

        private void put(String tensor, String dtype, List<Long> shape, long elementBytes) {
            long start = end;
            long elements = shape.stream().reduce(1L, Math::multiplyExact);
            end += elements * elementBytes;
            String sizes = shape.stream().map(String::valueOf).collect(Collectors.joining(","));
            header.add("\"" + tensor + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + sizes + "],\"data_offsets\":["
                    + start + "," + end + "]}");
        }

        void write(Path file, float factor) throws IOException {
            byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
            int headerBytes = Math.ceilDiv(json.length, 64) * 64;
            ByteBuffer head = ByteBuffer.allocate(Long.BYTES + headerBytes).order(ByteOrder.LITTLE_ENDIAN);
            head.putLong(headerBytes).put(json);
            while (head.hasRemaining()) {
                head.put((byte) ' ');
            }
            try (FileChannel channel =
                    FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                channel.write(head.flip());
                long data = (long) Long.BYTES + headerBytes;
                channel.write(ByteBuffer.allocate(1), data + end - 1);
                short bf16 = (short) (Float.floatToRawIntBits(factor) >>> 16);
                for (long[] vector : vectors) {
                    ByteBuffer values = ByteBuffer.allocate(2 * (int) vector[1]).order(ByteOrder.LITTLE_ENDIAN);
                    while (values.hasRemaining()) {
                        values.putShort(bf16);
                    }
                    channel.write(values.flip(), data + vector[0]);
                }
            }
        }
    }
}
