package dev.jemma.kernels.cuda;

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
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** NVIDIA GPUs through the CUDA driver API: the first GPU that the driver lists. */
public final class CudaGpuDriver implements GpuDriver {
    /** CUDA 12.0: what NVRTC 12 and 13 need of a driver at least. */
    private static final int OLDEST_DRIVER = 12000;

    /** bf16 conversions and tensor cores for bf16 came with Ampere. */
    private static final int OLDEST_ARCHITECTURE = 80;

    private static final int SIMDGROUPS_PER_MULTIPROCESSOR = 32;

    private final CudaContext context;
    private final CudaModules modules;
    private final String description;
    private final boolean useGraphs;
    private final @Nullable SymbolLookup matrices;

    private CudaGpuDriver(
            CudaContext context,
            CudaModules modules,
            @Nullable SymbolLookup matrices,
            String description,
            boolean useGraphs) {
        this.matrices = matrices;
        this.context = context;
        this.modules = modules;
        this.description = description;
        this.useGraphs = useGraphs;
    }

    /**
     * Opens the first GPU.
     *
     * @throws DeviceException.Unavailable saying what is missing and what to do
     */
    public static CudaGpuDriver open(DeviceOptions options) {
        return open(options, Boolean.getBoolean("jemma.cuda.exact"));
    }

    /** @param exact F32 throughout: no tensor cores, whose operands are BF16 and F16 */
    static CudaGpuDriver open(DeviceOptions options, boolean exact) {
        CudaLibraries libraries = new CudaLibraries(options.libraryPath());
        CudaApi api = new CudaApi(libraries.driver());
        int status = api.init();
        if (status != 0) {
            throw new DeviceException.Unavailable(
                    "cuda: the driver does not start: " + status + " " + api.errorText(status));
        }
        if (api.driverVersion() < OLDEST_DRIVER) {
            throw new DeviceException.Unavailable("cuda: the driver supports CUDA " + version(api.driverVersion())
                    + "; expected 12.0 or newer; update the NVIDIA driver");
        }
        if (api.deviceCount() == 0) {
            throw new DeviceException.Unavailable("cuda: the driver lists no GPU; check nvidia-smi");
        }
        CudaContext context = new CudaContext(api, 0);
        try {
            return open(context, libraries, exact);
        } catch (DeviceException failure) {
            context.close();
            throw failure;
        }
    }

    private static CudaGpuDriver open(CudaContext context, CudaLibraries libraries, boolean exact) {
        Nvrtc nvrtc = new Nvrtc(libraries.compiler());
        if (Integer.parseInt(context.architecture().substring("sm_".length())) < OLDEST_ARCHITECTURE) {
            throw new DeviceException.Unavailable("cuda: " + context.name() + " is " + context.architecture()
                    + "; expected sm_80 (Ampere) or newer; use --backend cpu");
        }
        String description = context.name() + ", " + context.architecture() + ", " + context.multiprocessors()
                + " multiprocessors, CUDA " + version(context.api().driverVersion()) + ", NVRTC " + nvrtc.version();
        boolean useGraphs = !Boolean.getBoolean("jemma.cuda.noGraphs");
        SymbolLookup matrices = exact ? null : libraries.matrices().orElse(null);
        return new CudaGpuDriver(context, new CudaModules(context, nvrtc, !exact), matrices, description, useGraphs);
    }

    private static String version(int driverVersion) {
        return driverVersion / 1000 + "." + driverVersion % 1000 / 10;
    }

    @Override
    public String backend() {
        return "cuda";
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public GpuLimits limits() {
        int busySimdgroups = context.multiprocessors() * SIMDGROUPS_PER_MULTIPROCESSOR;
        return new GpuLimits(
                32, 1024, context.maxThreadgroupMemory(), Long.MAX_VALUE, false, busySimdgroups, matrices != null);
    }

    @Override
    public DeviceMemory memory() {
        return context.memory();
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        CudaBuffer buffer = context.allocate(byteSize, label);
        context.zero(buffer);
        return buffer;
    }

    @Override
    public Region adopt(MemorySegment bytes, int alignment, String label) {
        CudaBuffer buffer = context.allocate(Math.max(1, bytes.byteSize()), label);
        buffer.write(0, bytes);
        return new Region(buffer, 0);
    }

    @Override
    public GpuPipeline pipeline(ShaderLibrary library, String function, FunctionConstants constants) {
        return modules.pipeline(library, function, constants);
    }

    @Override
    public Optional<ShaderLibrary> ownLibrary(String name) {
        return modules.ownLibrary(name);
    }

    @Override
    public GpuStream openStream() {
        return new CudaStream(context, matrices, useGraphs);
    }

    @Override
    public void close() {
        modules.close();
        context.close();
    }
}
