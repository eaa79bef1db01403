package dev.jemma.kernels.contract;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** How the weights of a case are stored. */
sealed interface WeightFormat {
    /** Column counts are multiples of this. */
    int groupSize();

    /** Random weights of about {@code 1 / sqrt(cols)}, as trained ones are: outputs are of the size of inputs. */
    WeightSample create(Bench bench, int rows, int cols);

    /** @param misalignment bytes past a page at which the matrix starts in its file */
    record Dense(DType dtype, int misalignment) implements WeightFormat {
        @Override
        public int groupSize() {
            return 1;
        }

        @Override
        public WeightSample create(Bench bench, int rows, int cols) {
            ByteBuffer bytes = littleEndian(dtype.bytes((long) rows * cols));
            double[][] values = new double[rows][cols];
            double[][] magnitudes = new double[rows][cols];
            for (int r = 0; r < rows; r++) {
                for (int i = 0; i < cols; i++) {
                    values[r][i] = put(bytes, dtype, bench.random().nextGaussian() / Math.sqrt(cols));
                    magnitudes[r][i] = Math.abs(values[r][i]);
                }
            }
            DenseWeight weight = new DenseWeight(bench.adopt(toString(), bytes, misalignment), dtype, rows, cols);
            return new WeightSample(weight, values, magnitudes);
        }
    }

    /**
     * MLX affine quantization.
     *
     * @param misalignment of codes, scales and biases: bytes past a page
     */
    record Affine(int bits, int groupSize, DType scaleType, int misalignment) implements WeightFormat {
        @Override
        public WeightSample create(Bench bench, int rows, int cols) {
            SplittableRandom random = bench.random();
            ByteBuffer codes = littleEndian((long) rows * cols * bits / 8);
            ByteBuffer scales = littleEndian(scaleType.bytes((long) rows * cols / groupSize));
            ByteBuffer biases = littleEndian(scaleType.bytes((long) rows * cols / groupSize));
            double[][] values = new double[rows][cols];
            double[][] magnitudes = new double[rows][cols];
            int levels = (1 << bits) - 1;
            for (int r = 0; r < rows; r++) {
                for (int g = 0; g < cols; g += groupSize) {
                    // Codes span about +-2 deviations; scales of either sign occur in checkpoints.
                    double spread = 4 / Math.sqrt(cols) * (0.5 + random.nextDouble());
                    double scale = put(scales, scaleType, (random.nextBoolean() ? spread : -spread) / levels);
                    double bias =
                            put(biases, scaleType, -Math.signum(scale) * spread * (0.4 + 0.2 * random.nextDouble()));
                    for (int i = g; i < g + groupSize; i++) {
                        int code = random.nextInt(levels + 1);
                        putCode(codes, bits, r * cols + i, code);
                        values[r][i] = scale * code + bias;
                        magnitudes[r][i] = Math.abs(scale * code) + Math.abs(bias);
                    }
                }
            }
            AffineWeight weight = new AffineWeight(
                    bench.adopt("codes " + this, codes, misalignment),
                    bench.adopt("scales " + this, scales, misalignment),
                    bench.adopt("biases " + this, biases, misalignment),
                    scaleType,
                    bits,
                    groupSize,
                    rows,
                    cols);
            return new WeightSample(weight, values, magnitudes);
        }
    }

    /** F32, F16 and BF16 at every offset that files can have. */
    static List<WeightFormat> dense() {
        List<WeightFormat> formats = new ArrayList<>();
        for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
            for (int misalignment = 0; misalignment < 4; misalignment++) {
                formats.add(new Dense(dtype, misalignment));
            }
        }
        return formats;
    }

    static List<WeightFormat> affine() {
        List<WeightFormat> formats = new ArrayList<>();
        for (int bits : new int[] {4, 8}) {
            for (int groupSize : new int[] {32, 64, 128}) {
                for (DType scaleType : new DType[] {DType.F32, DType.F16, DType.BF16}) {
                    formats.add(new Affine(bits, groupSize, scaleType, 0));
                }
            }
        }
        // 4 is as aligned as files make codes, and no more; the vectors that kernels load at once want more.
        for (int misalignment = 1; misalignment <= 4; misalignment++) {
            formats.add(new Affine(4, 64, DType.BF16, misalignment));
            formats.add(new Affine(8, 64, DType.F32, misalignment));
        }
        return formats;
    }

    static List<WeightFormat> all() {
        return Stream.concat(dense().stream(), affine().stream()).toList();
    }

    /** One of each kind of kernel. */
    static List<WeightFormat> kinds() {
        return List.of(
                new Dense(DType.F32, 0),
                new Dense(DType.F16, 0),
                new Dense(DType.BF16, 0),
                new Affine(4, 64, DType.BF16, 0),
                new Affine(4, 64, DType.F16, 4),
                new Affine(8, 32, DType.F16, 0));
    }

    private static ByteBuffer littleEndian(long byteSize) {
        return ByteBuffer.allocate(Math.toIntExact(byteSize)).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Appends a number in the given type; returns what that rounds it to. */
    static double put(ByteBuffer bytes, DType dtype, double number) {
        float value = (float) number;
        return switch (dtype) {
            case F32 -> {
                bytes.putFloat(value);
                yield value;
            }
            case F16 -> {
                short half = Float.floatToFloat16(value);
                bytes.putShort(half);
                yield Float.float16ToFloat(half);
            }
            case BF16 -> {
                int truncated = Float.floatToRawIntBits(value) & 0xFFFF_0000;
                bytes.putShort((short) (truncated >>> 16));
                yield Float.intBitsToFloat(truncated);
            }
            case I32 -> throw new IllegalArgumentException("weights are floating-point");
        };
    }

    private static void putCode(ByteBuffer codes, int bits, int index, int code) {
        int place = index * bits / 8;
        int shift = bits == 4 && index % 2 == 1 ? 4 : 0;
        codes.put(place, (byte) (codes.get(place) | code << shift));
    }
}
