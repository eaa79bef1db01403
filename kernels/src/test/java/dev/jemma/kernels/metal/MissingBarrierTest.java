package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.gpu.GpuDevice;
import dev.jemma.kernels.gpu.GpuPipeline;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.softmetal.SoftMetal;
import dev.jemma.kernels.softmetal.Switch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** That the other tests would see a barrier too few: the dispatcher on a driver that forgets them all. */
class MissingBarrierTest {
    private static final StepLimits LIMITS = new StepLimits(1, 1, 1, 16, 1, 64, 64, 64);

    /** Three ops that each read what the one before wrote. */
    private static void run(GpuDevice device) {
        try (Switch _ = new Switch("SOFTMETAL_CONCURRENCY", "check");
                CommandStream stream = device.openStream(LIMITS);
                DeviceBuffer memory = device.allocate(DType.F32.bytes(64), "x");
                Arena arena = Arena.ofConfined()) {
            MemorySegment ones = arena.allocate(DType.F32.bytes(64), 4);
            for (int i = 0; i < 64; i++) {
                ones.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
            }
            memory.write(0, ones);
            Tensor x = Tensor.f32(memory, RowSet.ALL, 64);
            Step step = new Step(1, 1);
            step.addSpan(0, 0, new int[1], 0, 1, 1);
            Commands commands = stream.begin(step);
            commands.add(x, x, x, 1);
            commands.softcap(x, 3);
            commands.scale(x, 5);
            stream.await(stream.submit());
        }
    }

    @Test
    void dispatcherPutsThemWhereTheyBelong() {
        MetalDriver driver =
                MetalDriver.open(new DeviceOptions(0, SoftMetal.library().toString()));
        try (GpuDevice device = new GpuDevice(driver)) {
            assertThatCode(() -> run(device)).doesNotThrowAnyException();
        }
    }

    @Test
    void forgottenOnesAreSeen() {
        MetalDriver driver =
                MetalDriver.open(new DeviceOptions(0, SoftMetal.library().toString()));
        try (GpuDevice device = new GpuDevice(new RecordingDriver(driver) {
            @Override
            public GpuStream openStream() {
                return new ForgetfulStream(super.openStream());
            }
        })) {
            assertThatThrownBy(() -> run(device))
                    .isInstanceOf(DeviceException.Failed.class)
                    .hasMessageContaining("missing barrier");
        }
    }

    /** Passes everything on but barriers. */
    private record ForgetfulStream(GpuStream stream) implements GpuStream {
        @Override
        public DeviceBuffer begin(MemorySegment inputs) {
            return stream.begin(inputs);
        }

        @Override
        public void pipeline(GpuPipeline pipeline) {
            stream.pipeline(pipeline);
        }

        @Override
        public void buffer(int index, DeviceBuffer buffer, long byteOffset) {
            stream.buffer(index, buffer, byteOffset);
        }

        @Override
        public void bytes(int index, MemorySegment block) {
            stream.bytes(index, block);
        }

        @Override
        public void threadgroupMemory(int index, int byteSize) {
            stream.threadgroupMemory(index, byteSize);
        }

        @Override
        public void dispatch(int groupsX, int groupsY, int groupsZ, int threadsX, int threadsY, int threadsZ) {
            stream.dispatch(groupsX, groupsY, groupsZ, threadsX, threadsY, threadsZ);
        }

        @Override
        public void barrier() {}

        @Override
        public long submit() {
            return stream.submit();
        }

        @Override
        public void abandon() {
            stream.abandon();
        }

        @Override
        public void await(long ticket) {
            stream.await(ticket);
        }

        @Override
        public long deviceNanos() {
            return stream.deviceNanos();
        }

        @Override
        public void close() {
            stream.close();
        }
    }
}
