package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.gpu.KvCopyKernels;
import dev.jemma.kernels.gpu.KvCopyKernels.HeadMajor;
import dev.jemma.kernels.gpu.KvCopyKernels.TokenMajor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The KV-copy kernels against plain loops. Elements are small whole numbers, exact in every type. */
class KvCopyKernelsTest extends MetalTest {
    private static final int UNTOUCHED = -7;

    private DeviceBuffer buffer(int count, DType dtype, boolean counting) {
        DeviceBuffer buffer = driver.allocate(dtype.bytes(count), "kv copy");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(buffer.byteSize(), 4);
            for (int i = 0; i < count; i++) {
                set(bytes, i, counting ? i + 1 : UNTOUCHED, dtype);
            }
            buffer.write(0, bytes);
        }
        return buffer;
    }

    private static void set(MemorySegment bytes, int i, float x, DType dtype) {
        switch (dtype) {
            case F32 -> bytes.setAtIndex(ValueLayout.JAVA_FLOAT, i, x);
            case F16 -> bytes.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(x));
            case BF16 -> bytes.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToIntBits(x) >>> 16));
            case I32 -> throw new AssertionError("no I32 here");
        }
    }

    private static float get(MemorySegment bytes, int i, DType dtype) {
        return switch (dtype) {
            case F32 -> bytes.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            case F16 -> Float.float16ToFloat(bytes.getAtIndex(ValueLayout.JAVA_SHORT, i));
            case BF16 -> Float.intBitsToFloat(bytes.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
            case I32 -> throw new AssertionError("no I32 here");
        };
    }

    private static float[] read(DeviceBuffer buffer, DType dtype) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(buffer.byteSize(), 4);
            buffer.read(0, bytes);
            float[] values = new float[(int) (buffer.byteSize() / dtype.byteSize())];
            for (int i = 0; i < values.length; i++) {
                values[i] = get(bytes, i, dtype);
            }
            return values;
        }
    }

    private void run(BiConsumer<KvCopyKernels, GpuStream> copies) {
        try (GpuStream stream = driver.openStream();
                KvCopyKernels kernels = new KvCopyKernels(driver)) {
            stream.begin(INPUTS);
            copies.accept(kernels, stream);
            stream.await(stream.submit());
        }
    }

    /** Copies {@code count} rows of 5 into a cache of 7 rows and compares every element. */
    private void tokens(DType dtype, int count, long position, boolean ring) {
        try (DeviceBuffer source = buffer(Math.max(1, count * 5), dtype, true);
                DeviceBuffer cache = buffer(7 * 5, dtype, false)) {
            TokenMajor to = new TokenMajor(new Region(cache, 0), dtype, 7, 5);
            run((kernels, stream) -> {
                if (ring) {
                    kernels.copyTokensToRing(stream, new Region(source, 0), count, to, position);
                } else {
                    kernels.copyTokens(stream, new Region(source, 0), count, to, position);
                }
            });
            float[] expected = read(cache, dtype).clone();
            Arrays.fill(expected, UNTOUCHED);
            float[] from = read(source, dtype);
            for (int i = 0; i < count * 5; i++) {
                expected[(int) ((position + i / 5) % 7) * 5 + i % 5] = from[i];
            }
            assertThat(read(cache, dtype))
                    .as("%s, %d rows at %d", dtype, count, position)
                    .isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void tokenMajor(DType dtype) {
        tokens(dtype, 3, 0, false);
        tokens(dtype, 3, 4, false);
        tokens(dtype, 7, 0, false);
        tokens(dtype, 0, 7, false);
        tokens(dtype, 3, 5, true);
        tokens(dtype, 7, 3, true);
        tokens(dtype, 2, 5_000_000_006L, true);
        tokens(dtype, 0, 1, true);
    }

    /** Tokens {@code [sourceToken, sourceToken + count)} of 8 into 3 heads of 4 columns and 6 rows. */
    private void sequence(DType dtype, int sourceToken, int count, long position) {
        try (DeviceBuffer source = buffer(8 * 3 * 4, DType.F32, true);
                DeviceBuffer cache = buffer(3 * 6 * 4, dtype, false)) {
            HeadMajor to = new HeadMajor(new Region(cache, 0), dtype, 3, 6, 4);
            run((kernels, stream) ->
                    kernels.copySequence(stream, new Region(source, 0), sourceToken, count, to, position));
            float[] expected = new float[3 * 6 * 4];
            Arrays.fill(expected, UNTOUCHED);
            float[] from = read(source, DType.F32);
            for (int token = 0; token < count; token++) {
                int row = (int) ((position + token) % 6);
                for (int i = 0; i < 12; i++) {
                    expected[(i / 4 * 6 + row) * 4 + i % 4] = from[(sourceToken + token) * 12 + i];
                }
            }
            assertThat(read(cache, dtype))
                    .as("%s, tokens %d + %d at %d", dtype, sourceToken, count, position)
                    .isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16"})
    void headMajor(DType dtype) {
        sequence(dtype, 0, 1, 0);
        sequence(dtype, 0, 6, 0);
        sequence(dtype, 2, 6, 2);
        sequence(dtype, 5, 3, 100);
        sequence(dtype, 3, 0, 4);
        try (DeviceBuffer source = buffer(12, DType.F32, true);
                DeviceBuffer cache = buffer(3 * 6 * 4, dtype, false)) {
            HeadMajor to = new HeadMajor(new Region(cache, 0), dtype, 3, 6, 4);
            run((kernels, stream) -> kernels.copyToken(stream, new Region(source, 0), to, 5));
            float[] copied = read(cache, dtype);
            assertThat(copied[5 * 4]).isEqualTo(1);
            assertThat(copied[(2 * 6 + 5) * 4 + 3]).isEqualTo(12);
            assertThat(copied[4 * 4 + 3]).isEqualTo(UNTOUCHED);
        }
    }

    @Test
    void f16SaturatesAndRoundsToEven() {
        try (DeviceBuffer source = buffer(4, DType.F32, true);
                DeviceBuffer cache = buffer(4, DType.F16, false);
                Arena arena = Arena.ofConfined()) {
            source.write(0, arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1e6f, -1e6f, 2049, 2051));
            HeadMajor to = new HeadMajor(new Region(cache, 0), DType.F16, 1, 1, 4);
            run((kernels, stream) -> kernels.copyToken(stream, new Region(source, 0), to, 0));
            assertThat(read(cache, DType.F16)).containsExactly(65504, -65504, 2048, 2052);
        }
    }

    @Test
    void refusesWhatWouldReadOrWriteElsewhere() {
        try (DeviceBuffer source = buffer(24, DType.F32, true);
                DeviceBuffer cache = buffer(24, DType.F32, false);
                GpuStream stream = driver.openStream();
                KvCopyKernels kernels = new KvCopyKernels(driver)) {
            stream.begin(INPUTS);
            Region from = new Region(source, 0);
            Region at = new Region(cache, 0);
            TokenMajor rows = new TokenMajor(at, DType.F32, 4, 6);
            HeadMajor heads = new HeadMajor(at, DType.F32, 2, 4, 3);
            assertRefused(() -> new TokenMajor(at, DType.F32, 0, 6), "capacity");
            assertRefused(() -> new TokenMajor(at, DType.F32, 5, 6), "destination");
            assertRefused(() -> new HeadMajor(at, DType.F32, 2, 5, 3), "destination");
            assertRefused(() -> new HeadMajor(at, DType.BF16, 2, 4, 3), "BF16");
            assertRefused(() -> kernels.copyTokens(stream, from, 2, rows, 3), "exceed");
            assertRefused(() -> kernels.copyTokens(stream, from, 1, rows, -1), "position");
            assertRefused(() -> kernels.copyTokensToRing(stream, from, 5, rows, 0), "ring");
            assertRefused(() -> kernels.copyTokens(stream, new Region(source, 4), 4, rows, 0), "source");
            assertRefused(() -> kernels.copyTokens(stream, at, 1, rows, 0), "overlaps");
            assertRefused(() -> kernels.copyToken(stream, from, heads, 4), "row 4");
            assertRefused(() -> kernels.copySequence(stream, from, 0, 5, heads, 0), "ring");
            assertRefused(() -> kernels.copySequence(stream, from, 1, 4, heads, 0), "source");
            assertRefused(() -> kernels.copySequence(stream, from, -1, 1, heads, 0), "source token");
            stream.abandon();
        }
    }

    private static void assertRefused(Runnable call, String reason) {
        assertThatThrownBy(call::run)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(reason);
    }
}
