package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.Region;
import java.lang.foreign.MemorySegment;

/** A driver with no device behind it: counts what it is asked for. For budgets of dispatches and of host time. */
public final class IdleDriver implements GpuDriver {
    private int dispatches;
    private int barriers;
    private int pipelines;
    private int openBuffers;
    private int openStreams;

    /** Memory that exists by name only. */
    private final class IdleBuffer implements DeviceBuffer {
        private final long byteSize;
        private final String label;

        IdleBuffer(long byteSize, String label) {
            this.byteSize = byteSize;
            this.label = label;
            openBuffers++;
        }

        @Override
        public long byteSize() {
            return byteSize;
        }

        @Override
        public String label() {
            return label;
        }

        @Override
        public void read(long byteOffset, MemorySegment target) {
            target.fill((byte) 0);
        }

        @Override
        public void write(long byteOffset, MemorySegment source) {}

        @Override
        public void close() {
            openBuffers--;
        }
    }

    private record IdlePipeline(String function) implements GpuPipeline {
        @Override
        public int maxThreadsPerThreadgroup() {
            return 1024;
        }
    }

    private final class IdleStream implements GpuStream {
        private final DeviceBuffer inputs = allocate(1 << 20, "step inputs");
        private long submitted;

        @Override
        public DeviceBuffer begin(MemorySegment bytes) {
            return inputs;
        }

        @Override
        public void pipeline(GpuPipeline pipeline) {}

        @Override
        public void buffer(int index, DeviceBuffer buffer, long byteOffset) {}

        @Override
        public void bytes(int index, MemorySegment block) {}

        @Override
        public void threadgroupMemory(int index, int byteSize) {}

        @Override
        public void dispatch(int groupsX, int groupsY, int groupsZ, int threadsX, int threadsY, int threadsZ) {
            dispatches++;
        }

        @Override
        public void barrier() {
            barriers++;
        }

        @Override
        public long submit() {
            return ++submitted;
        }

        @Override
        public void abandon() {}

        @Override
        public void await(long ticket) {}

        @Override
        public long deviceNanos() {
            return 0;
        }

        @Override
        public void close() {
            inputs.close();
            openStreams--;
        }
    }

    /** Dispatches since the driver was opened. */
    public int dispatches() {
        return dispatches;
    }

    public int barriers() {
        return barriers;
    }

    /** Pipelines asked for, each of which a real driver compiles once. */
    public int pipelines() {
        return pipelines;
    }

    /** Buffers and streams that were not closed. */
    public int open() {
        return openBuffers + openStreams;
    }

    @Override
    public String backend() {
        return "idle";
    }

    @Override
    public String description() {
        return "no device";
    }

    @Override
    public GpuLimits limits() {
        return new GpuLimits(32, 1024, 32 << 10, Long.MAX_VALUE, true, 512, false);
    }

    @Override
    public DeviceMemory memory() {
        return new DeviceMemory(Long.MAX_VALUE, Long.MAX_VALUE, 0);
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        return new IdleBuffer(byteSize, label);
    }

    @Override
    public Region adopt(MemorySegment bytes, int alignment, String label) {
        return new Region(new IdleBuffer(bytes.byteSize(), label), 0);
    }

    @Override
    public GpuPipeline pipeline(ShaderLibrary library, String function, FunctionConstants constants) {
        pipelines++;
        return new IdlePipeline(function);
    }

    @Override
    public GpuStream openStream() {
        openStreams++;
        return new IdleStream();
    }

    @Override
    public void close() {}
}
