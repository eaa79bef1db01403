package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.GpuPipeline;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.gpu.ShaderLibrary;
import dev.jemma.kernels.softmetal.SoftMetal;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A Metal driver and a few kernels for tests: on a Mac the system's, elsewhere the software Metal. */
abstract class MetalTest {
    static final MemorySegment INPUTS = Arena.global().allocate(64);

    static final ShaderLibrary SHADERS = new ShaderLibrary("probe.metal", """
            #include <metal_stdlib>
            using namespace metal;
            constant int increment [[function_constant(0)]];
            constant bool negate [[function_constant(1)]];

            kernel void add(device float *x [[buffer(0)]], constant float &c [[buffer(1)]],
                            uint i [[thread_position_in_grid]]) {
                x[i] += c;
            }
            kernel void specialised(device int *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
                int y = x[i] + increment;
                x[i] = negate ? -y : y;
            }
            kernel void copy(device const uchar *from [[buffer(0)]], device uchar *to [[buffer(1)]],
                             uint i [[thread_position_in_grid]]) {
                to[i] = from[i];
            }
            kernel void total(device const float *x [[buffer(0)]], device float *y [[buffer(1)]],
                              threadgroup float *part [[threadgroup(0)]], uint i [[thread_index_in_threadgroup]],
                              uint lane [[thread_index_in_simdgroup]], uint group [[simdgroup_index_in_threadgroup]]) {
                float sum = simd_sum(x[i]);
                if (lane == 0) {
                    part[group] = sum;
                }
                threadgroup_barrier(mem_flags::mem_threadgroup);
                if (i == 0) {
                    y[0] = part[0] + part[1];
                }
            }
            """);

    static final FunctionConstants SPECIAL = FunctionConstants.NONE.with(0, 5).with(1, true);

    MetalDriver driver;

    /** Skips the test, or fails where nothing may be skipped, if there is no Metal. */
    static DeviceOptions options() {
        boolean mac = System.getProperty("os.name").startsWith("Mac");
        return new DeviceOptions(0, mac ? null : SoftMetal.library().toString());
    }

    @BeforeEach
    void open() {
        driver = MetalDriver.open(options());
    }

    @AfterEach
    void close() {
        if (driver != null) {
            driver.close();
        }
    }

    GpuPipeline kernel(String function) {
        return driver.pipeline(SHADERS, function, function.equals("specialised") ? SPECIAL : FunctionConstants.NONE);
    }

    /** A buffer of {@code count} floats, each {@code value}. */
    DeviceBuffer floats(int count, float value) {
        DeviceBuffer buffer = driver.allocate(4L * count, "floats");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(ValueLayout.JAVA_FLOAT, count);
            for (int i = 0; i < count; i++) {
                bytes.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
            }
            buffer.write(0, bytes);
        }
        return buffer;
    }

    static float floatAt(DeviceBuffer buffer, int index) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(ValueLayout.JAVA_FLOAT);
            buffer.read(4L * index, bytes);
            return bytes.get(ValueLayout.JAVA_FLOAT, 0);
        }
    }

    /** Encodes {@code x[i] += value} for 64 floats. */
    static void encodeAdd(GpuStream stream, GpuPipeline add, DeviceBuffer x, MemorySegment value) {
        stream.pipeline(add);
        stream.buffer(0, x, 0);
        stream.bytes(1, value);
        stream.dispatch(2, 1, 1, 32, 1, 1);
    }
}
