package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.GpuDriver;
import dev.jemma.kernels.gpu.GpuLimits;
import dev.jemma.kernels.gpu.GpuPipeline;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.gpu.ShaderLibrary;
import dev.jemma.kernels.metal.bindings.MetalRuntime;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Metal as a {@link GpuDriver}: an Apple GPU, or a software Metal that speaks the same Objective-C interface. */
public final class MetalDriver implements GpuDriver {
    static final int SIMD_WIDTH = 32;

    /** Of every GPU since {@link #FAMILY_APPLE7}; a pipeline may allow fewer. */
    private static final int MAX_THREADS = 1024;

    /** MTLGPUFamilyApple7, the M1: the first with simdgroup reductions and matrices. */
    private static final long FAMILY_APPLE7 = 1007;

    /** Not measured: 16 for each of 32 cores. More cores split less than they could. */
    private static final int BUSY_SIMDGROUPS = 512;

    private final long device;
    private final String name;
    private final ResidencySet residency;
    private final MetalMemory memory;
    private final MetalCompiler compiler;
    private final GpuLimits limits;
    private final Set<MetalStream> streams = new HashSet<>();

    private MetalDriver(long device, String name) {
        this.device = device;
        this.name = name;
        residency = ResidencySet.create(device);
        memory = new MetalMemory(device, residency);
        compiler = new MetalCompiler(device);
        limits = new GpuLimits(
                SIMD_WIDTH,
                MAX_THREADS,
                Math.toIntExact(Send.get(device, Messages.MAX_THREADGROUP_MEMORY)),
                memory.maxBufferBytes(),
                true,
                BUSY_SIMDGROUPS,
                false);
    }

    /**
     * Opens the system's default GPU.
     *
     * @throws DeviceException.Unavailable if there is none, or it lacks what the kernels need
     */
    public static MetalDriver open(DeviceOptions options) {
        MetalLibraries.load(options);
        long pool = ObjC.pushPool();
        try {
            long device = findDevice();
            if (device == 0) {
                throw new DeviceException.Unavailable("metal: this machine shows no GPU to this process");
            }
            String name = ObjC.javaString(Send.get(device, Messages.NAME));
            if (!Send.test(device, Messages.SUPPORTS_FAMILY, FAMILY_APPLE7)
                    || !Send.test(device, Messages.HAS_UNIFIED_MEMORY)) {
                ObjC.release(device);
                throw new DeviceException.Unavailable("metal: " + name
                        + " has no simdgroup matrices; Jemma needs Apple silicon (M1 or newer), not a virtual GPU");
            }
            return new MetalDriver(device, name);
        } finally {
            ObjC.popPool(pool);
        }
    }

    /** The default device; in sessions where Metal names none, the first of all. Retained. */
    private static long findDevice() {
        long device = MetalRuntime.MTLCreateSystemDefaultDevice();
        if (device != 0) {
            return device;
        }
        long all = MetalRuntime.MTLCopyAllDevices();
        if (all == 0) {
            return 0;
        }
        long first = Send.get(all, Messages.COUNT) == 0
                ? 0
                : Send.get(Send.get(all, Messages.OBJECT_AT_INDEX, 0), Messages.RETAIN);
        ObjC.release(all);
        return first;
    }

    @Override
    public String backend() {
        return "metal";
    }

    @Override
    public String description() {
        return name + (residency.exists() ? ", residency sets" : "");
    }

    @Override
    public GpuLimits limits() {
        return limits;
    }

    @Override
    public DeviceMemory memory() {
        return memory.figures();
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        return memory.allocate(byteSize, label);
    }

    @Override
    public Region adopt(MemorySegment bytes, int alignment, String label) {
        return memory.adopt(bytes, alignment, label);
    }

    @Override
    public GpuPipeline pipeline(ShaderLibrary library, String function, FunctionConstants constants) {
        return compiler.pipeline(library, function, constants);
    }

    @Override
    public GpuStream openStream() {
        return openStream(SignatureCheck.ENABLED);
    }

    MetalStream openStream(boolean strict) {
        long queue = Send.get(device, Messages.NEW_COMMAND_QUEUE);
        long fence = Send.get(device, Messages.NEW_FENCE);
        if (queue == 0 || fence == 0) {
            ObjC.release(queue);
            ObjC.release(fence);
            throw new DeviceException.OutOfMemory("metal: the device made no command queue");
        }
        residency.attach(queue);
        MetalStream stream = new MetalStream(this, queue, fence, strict);
        synchronized (streams) {
            streams.add(stream);
        }
        return stream;
    }

    long device() {
        return device;
    }

    MetalCompiler compiler() {
        return compiler;
    }

    MetalMemory buffers() {
        return memory;
    }

    ResidencySet residency() {
        return residency;
    }

    void closed(MetalStream stream) {
        synchronized (streams) {
            streams.remove(stream);
        }
    }

    @Override
    public void close() {
        List<String> open = memory.open();
        synchronized (streams) {
            if (!streams.isEmpty() || !open.isEmpty()) {
                throw new IllegalStateException(
                        "metal: closed with " + streams.size() + " streams and buffers " + open + " still open");
            }
        }
        compiler.close();
        residency.close();
        ObjC.release(device);
    }
}
