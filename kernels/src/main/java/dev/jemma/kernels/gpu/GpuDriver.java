package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.Region;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** What the dispatcher needs of a GPU vendor's interface: memory, pipelines, streams. */
public interface GpuDriver extends AutoCloseable {
    /** Backend name as users type it: {@code metal}, {@code cuda}. */
    String backend();

    String description();

    GpuLimits limits();

    DeviceMemory memory();

    /** Zeroed device memory. */
    DeviceBuffer allocate(long byteSize, String label);

    /**
     * Makes read-only host bytes readable by kernels: in place where the device can and the address is a multiple of
     * {@code alignment} bytes, else as a copy.
     */
    Region adopt(MemorySegment bytes, int alignment, String label);

    /**
     * Compiles one kernel function, or returns it from the cache: same library, function and constants, same pipeline.
     *
     * @throws dev.jemma.kernels.DeviceException.CompileFailed naming the {@code .metal} file and line
     */
    GpuPipeline pipeline(ShaderLibrary library, String function, FunctionConstants constants);

    /**
     * The driver's own kernels of this name, where it has faster ones than the shaders: their arguments are those of the
     * shaders in whose place they stand.
     */
    default Optional<ShaderLibrary> ownLibrary(String name) {
        return Optional.empty();
    }

    GpuStream openStream();

    /** Releases pipelines and the device; buffers and streams must have been closed. */
    @Override
    void close();
}
