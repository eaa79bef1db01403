package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.GpuPipeline;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.gpu.ShaderLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MetalStreamTest extends MetalTest {
    private static final MemorySegment ONE = Arena.global().allocateFrom(ValueLayout.JAVA_FLOAT, 1f);

    /** More steps than the 64 command buffers of a queue, and more than the stream keeps in flight. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void manyStepsInFlight(boolean strict) {
        try (DeviceBuffer x = floats(64, 0f);
                GpuStream stream = driver.openStream(strict)) {
            GpuPipeline add = kernel("add");
            long ticket = 0;
            for (int step = 1; step <= 200; step++) {
                stream.begin(INPUTS);
                encodeAdd(stream, add, x, ONE);
                ticket = stream.submit();
                assertThat(ticket).isEqualTo(step);
            }
            stream.await(ticket);
            assertThat(floatAt(x, 17)).isEqualTo(200f);
        }
    }

    /** The second dispatch reads what the first wrote; the same pipeline and buffers are not bound twice. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void dispatchesOfAStepAndTheirBindings(boolean strict) {
        try (DeviceBuffer x = floats(128, 0f);
                DeviceBuffer sum = floats(1, 0f);
                GpuStream stream = driver.openStream(strict)) {
            GpuPipeline add = kernel("add");
            stream.begin(INPUTS);
            encodeAdd(stream, add, x, ONE);
            stream.barrier();
            encodeAdd(stream, add, x, ONE);
            stream.pipeline(add);
            stream.buffer(0, x, 4 * 64);
            stream.bytes(1, ONE);
            stream.dispatch(2, 1, 1, 32, 1, 1);
            stream.barrier();
            stream.pipeline(kernel("total"));
            stream.buffer(0, x, 4 * 64);
            stream.buffer(1, sum, 0);
            stream.threadgroupMemory(0, 16);
            stream.dispatch(1, 1, 1, 64, 1, 1);
            stream.barrier();
            encodeAdd(stream, add, x, ONE);
            stream.await(stream.submit());
            assertThat(floatAt(x, 63)).isEqualTo(3f);
            assertThat(floatAt(x, 64)).isEqualTo(1f);
            assertThat(floatAt(sum, 0)).isEqualTo(64f);
        }
    }

    /** Steps in flight keep the inputs they were begun with, whatever their sizes. */
    @Test
    void everyStepHasItsOwnInputs() {
        int steps = 4 * MetalStream.DEPTH;
        try (Arena arena = Arena.ofConfined();
                DeviceBuffer out = driver.allocate(steps, "out");
                GpuStream stream = driver.openStream()) {
            MemorySegment input = arena.allocate(10_000);
            for (int step = 0; step < steps; step++) {
                input.fill((byte) (step + 1));
                DeviceBuffer given = stream.begin(input.asSlice(0, 1 + (long) step * 600));
                stream.pipeline(kernel("copy"));
                stream.buffer(0, given, step * 600L);
                stream.buffer(1, out, step);
                stream.dispatch(1, 1, 1, 1, 1, 1);
                stream.submit();
            }
            stream.await(steps);
            MemorySegment bytes = arena.allocate(steps);
            out.read(0, bytes);
            for (int step = 0; step < steps; step++) {
                assertThat(bytes.get(ValueLayout.JAVA_BYTE, step)).isEqualTo((byte) (step + 1));
            }
        }
    }

    @Test
    void anAbandonedStepDoesNothing() {
        try (DeviceBuffer x = floats(64, 0f);
                GpuStream stream = driver.openStream()) {
            for (int i = 0; i < 100; i++) {
                stream.begin(INPUTS);
                encodeAdd(stream, kernel("add"), x, ONE);
                stream.abandon();
            }
            stream.begin(INPUTS);
            encodeAdd(stream, kernel("add"), x, ONE);
            stream.await(stream.submit());
            assertThat(floatAt(x, 0)).isEqualTo(1f);
        }
    }

    /** simd_sum in divergent flow: the software Metal refuses it when the step runs. */
    @Test
    void aFailedStepIsReportedAndStaysFailed() {
        ShaderLibrary divergent = new ShaderLibrary("divergent.metal", """
                #include <metal_stdlib>
                using namespace metal;
                kernel void divergent(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
                    if (i < 7) {
                        x[i] = simd_sum(x[i]);
                    } else {
                        x[i] = simd_max(x[i]);
                    }
                }
                """);
        GpuPipeline pipeline = driver.pipeline(divergent, "divergent", FunctionConstants.NONE);
        try (DeviceBuffer x = floats(32, 1f);
                GpuStream stream = driver.openStream()) {
            stream.begin(INPUTS);
            stream.pipeline(pipeline);
            stream.buffer(0, x, 0);
            stream.dispatch(1, 1, 1, 32, 1, 1);
            long ticket = stream.submit();
            assertThatThrownBy(() -> stream.await(ticket))
                    .isInstanceOf(DeviceException.Failed.class)
                    .hasMessageContaining("metal: step 1 failed")
                    .hasMessageContaining("divergent");
            assertThatThrownBy(() -> stream.await(ticket)).isInstanceOf(DeviceException.Failed.class);
        }
    }

    @Test
    void wrongArgumentsNeverReachTheDevice() {
        try (DeviceBuffer x = floats(64, 0f);
                GpuStream stream = driver.openStream()) {
            assertThatThrownBy(() -> stream.pipeline(kernel("add"))).isInstanceOf(IllegalStateException.class);
            stream.begin(INPUTS);
            assertThatThrownBy(() -> stream.begin(INPUTS)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> stream.dispatch(1, 1, 1, 32, 1, 1)).hasMessage("dispatch without a pipeline");
            assertThatThrownBy(() -> stream.buffer(31, x, 0)).hasMessageContaining("0 to 30, got 31");
            assertThatThrownBy(() -> stream.buffer(0, x, 256)).hasMessageContaining("offset 256");
            assertThatThrownBy(() -> stream.bytes(0, Arena.global().allocate(4097)))
                    .hasMessageContaining("got 4097");
            assertThatThrownBy(() -> stream.threadgroupMemory(0, 24)).hasMessageContaining("multiple of 16");
            stream.pipeline(kernel("add"));
            assertThatThrownBy(() -> stream.dispatch(1, 1, 1, 1025, 1, 1)).hasMessageContaining("1025 threads");
            assertThatThrownBy(() -> stream.dispatch(0, 1, 1, 32, 1, 1)).hasMessageContaining("empty grid");
            stream.threadgroupMemory(0, 32768);
            stream.threadgroupMemory(1, 16);
            assertThatThrownBy(() -> stream.dispatch(1, 1, 1, 32, 1, 1)).hasMessageContaining("32784 bytes");
            assertThatThrownBy(() -> stream.await(1)).hasMessageContaining("newest submitted step is 0");
            stream.abandon();
        }
    }

    @Test
    void aStepAllocatesNothingOnTheJavaHeap() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (DeviceBuffer x = floats(64, 0f);
                GpuStream stream = driver.openStream()) {
            GpuPipeline add = kernel("add");
            long allocated = Long.MAX_VALUE;
            // Until the compiled code of a round has replaced the interpreted, which boxes: at most 40 rounds.
            for (int round = 0; round < 40 && allocated > 0; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int step = 0; step < 50; step++) {
                    stream.begin(INPUTS);
                    for (int i = 0; i < 20; i++) {
                        encodeAdd(stream, add, x, ONE);
                        stream.barrier();
                    }
                    stream.await(stream.submit());
                }
                allocated = threads.getCurrentThreadAllocatedBytes() - before;
            }
            assertThat(allocated).isZero();
        }
    }
}
