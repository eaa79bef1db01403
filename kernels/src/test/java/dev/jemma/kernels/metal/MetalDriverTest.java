package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.gpu.ShaderLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MetalDriverTest extends MetalTest {
    @Test
    void runsAKernel() {
        try (Arena arena = Arena.ofConfined();
                DeviceBuffer x = floats(64, 1f);
                GpuStream stream = driver.openStream()) {
            stream.begin(INPUTS);
            encodeAdd(stream, kernel("add"), x, arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0.5f));
            stream.await(stream.submit());
            assertThat(floatAt(x, 0)).isEqualTo(1.5f);
            assertThat(floatAt(x, 63)).isEqualTo(1.5f);
            assertThat(stream.deviceNanos()).isPositive();
        }
    }

    @Test
    void threadgroupMemoryAndSimdgroups() {
        try (DeviceBuffer x = floats(64, 0.25f);
                DeviceBuffer y = floats(1, 0f);
                GpuStream stream = driver.openStream()) {
            stream.begin(INPUTS);
            stream.pipeline(kernel("total"));
            stream.buffer(0, x, 0);
            stream.buffer(1, y, 0);
            stream.threadgroupMemory(0, 16);
            stream.dispatch(1, 1, 1, 64, 1, 1);
            stream.await(stream.submit());
            assertThat(floatAt(y, 0)).isEqualTo(16f);
        }
    }

    @Test
    void allocatedMemoryIsZero() {
        try (Arena arena = Arena.ofConfined();
                DeviceBuffer buffer = driver.allocate(100_003, "odd size")) {
            MemorySegment bytes = arena.allocate(100_003);
            bytes.fill((byte) 1);
            buffer.read(0, bytes);
            assertThat(bytes.mismatch(arena.allocate(100_003))).isEqualTo(-1);
            assertThat(driver.memory().allocatedBytes()).isEqualTo(100_003);
        }
        assertThat(driver.memory().allocatedBytes()).isZero();
    }

    @Test
    void constantsSpecialiseAPipelineAndTheCacheKeepsIt() {
        assertThat(kernel("specialised")).isSameAs(kernel("specialised"));
        assertThat(driver.pipeline(
                        SHADERS,
                        "specialised",
                        FunctionConstants.NONE.with(0, 7).with(1, false)))
                .isNotSameAs(kernel("specialised"));
        try (Arena arena = Arena.ofConfined();
                DeviceBuffer x = driver.allocate(4, "x");
                GpuStream stream = driver.openStream()) {
            stream.begin(INPUTS);
            stream.pipeline(kernel("specialised"));
            stream.buffer(0, x, 0);
            stream.dispatch(1, 1, 1, 1, 1, 1);
            stream.await(stream.submit());
            MemorySegment bytes = arena.allocate(ValueLayout.JAVA_INT);
            x.read(0, bytes);
            assertThat(bytes.get(ValueLayout.JAVA_INT, 0)).isEqualTo(-5);
        }
    }

    /** Offsets and sizes around a page; a tensor aligned for its kernels is used in place, any other copied. */
    @ParameterizedTest
    @CsvSource({
        "0, 64, 8, true",
        "8, 64, 8, true",
        "9, 64, 8, false",
        "4088, 64, 8, true",
        "16392, 32768, 8, true",
        "5, 64, 1, true",
        "2, 64, 2, true",
        "2, 64, 16, false",
        "65536, 3, 1, true"
    })
    void adoptsMappedBytes(long offset, int size, int alignment, boolean inPlace, @TempDir Path folder)
            throws IOException {
        byte[] content = new byte[65_539];
        new Random(offset).nextBytes(content);
        Path file = Files.write(folder.resolve("weights"), content);
        try (Arena arena = Arena.ofShared();
                FileChannel channel = FileChannel.open(file)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, content.length, arena);
            Region region = driver.adopt(mapped.asSlice(offset, size), alignment, "tensor");
            assertThat(isWrapped(region, mapped)).isEqualTo(inPlace);
            assertThat(copyOnDevice(region, size))
                    .containsExactly(java.util.Arrays.copyOfRange(content, (int) offset, (int) offset + size));
            region.buffer().close();
        }
    }

    private static boolean isWrapped(Region region, MemorySegment mapped) {
        long contents = Send.get(((MetalBuffer) region.buffer()).reference(), Messages.CONTENTS);
        return contents >= mapped.address() && contents < mapped.address() + mapped.byteSize();
    }

    @Test
    void copiesBytesThatAreNotMapped() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(100, 16);
            bytes.set(ValueLayout.JAVA_BYTE, 99, (byte) 42);
            Region region = driver.adopt(bytes, 16, "tensor");
            bytes.fill((byte) 0);
            assertThat(copyOnDevice(region, 100)[99]).isEqualTo((byte) 42);
            region.buffer().close();
        }
    }

    private byte[] copyOnDevice(Region from, int size) {
        try (Arena arena = Arena.ofConfined();
                DeviceBuffer to = driver.allocate(size, "copy");
                GpuStream stream = driver.openStream()) {
            stream.begin(INPUTS);
            stream.pipeline(kernel("copy"));
            stream.buffer(0, from.buffer(), from.byteOffset());
            stream.buffer(1, to, 0);
            stream.dispatch(size, 1, 1, 1, 1, 1);
            stream.await(stream.submit());
            MemorySegment bytes = arena.allocate(size);
            to.read(0, bytes);
            return bytes.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    @Test
    void compileErrorsNameFileAndLine() {
        ShaderLibrary faulty = new ShaderLibrary("faulty.metal", """
                #include <metal_stdlib>
                using namespace metal;
                kernel void f(device float *x [[buffer(0)]]) {
                    x[0] = undefinedName;
                }
                """);
        assertThatThrownBy(() -> driver.pipeline(faulty, "f", FunctionConstants.NONE))
                .isInstanceOf(DeviceException.CompileFailed.class)
                .hasMessageStartingWith("metal: faulty.metal:4:12: ")
                .hasMessageContaining("undefinedName");
        assertThatThrownBy(() -> driver.pipeline(SHADERS, "absent", FunctionConstants.NONE))
                .isInstanceOf(DeviceException.CompileFailed.class)
                .hasMessageContaining("probe.metal: absent");
    }

    @Test
    void memoryBeyondTheDeviceIsRefusedWithFigures() {
        assertThatThrownBy(() -> driver.allocate(1L << 50, "kv cache layer 3"))
                .isInstanceOf(DeviceException.OutOfMemory.class)
                .hasMessageContaining("kv cache layer 3: needs 1048576.00 GiB");
        assertThatThrownBy(() -> driver.allocate(0, "x")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void closingWithOpenBuffersNamesThem() {
        DeviceBuffer buffer = driver.allocate(16, "forgotten");
        assertThatThrownBy(driver::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("forgotten");
        buffer.close();
        buffer.close();
        assertThatThrownBy(() -> buffer.read(0, INPUTS)).isInstanceOf(IllegalStateException.class);
    }
}
