package dev.jemma.kernels.cpu;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.host.HostMemory;
import dev.jemma.kernels.onednn.OneDnn;
import dev.jemma.kernels.onednn.OneDnnLibrary;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Host memory and a pool of threads, which all streams of the device share. */
public final class CpuDevice implements Device {
    private final HostMemory memory = new HostMemory();
    private final RowPool pool;
    private final OneDnnUse use;
    private final boolean exact;

    /** Steps that are still run by {@link ColdCommands}, on any stream. */
    private final AtomicInteger coldSteps;

    /**
     * How long the JVM's compiler has a core for itself where there is a thread for every core. Kernels that it has not
     * reached yet run a hundred times slower: on two cores a 21-token prompt of the demo model takes 0.77 s with one
     * thread and 1.06 s with two that the compiler has to compete with.
     */
    private static final long COMPILER_NANOS = 1_000_000_000;

    /**
     * @param threads threads that run kernels, the caller's included; 0 for one for every core, and one cold step: who
     *     asks for threads may be timing them
     * @param exact whether products are those of F32, also where rounding operands would be faster
     * @throws DeviceException.Unavailable if oneDNN must be used and cannot be
     */
    CpuDevice(int threads, OneDnnUse use, boolean exact) {
        this(threads, use, exact, threads > 0 ? 0 : 1);
    }

    /** @param coldSteps how many of the first steps are run by {@link ColdCommands} if they have few rows */
    CpuDevice(int threads, OneDnnUse use, boolean exact, int coldSteps) {
        this.use = use;
        this.exact = exact;
        this.coldSteps = new AtomicInteger(coldSteps);
        switch (use) {
            case OFF -> {}
            // Loading takes a tenth of a second, which passes while the caller opens the model.
            case AUTO -> Thread.ofPlatform().name("jemma-onednn").daemon().start(OneDnnLibrary::outcome);
            case ON -> {
                if (OneDnnLibrary.outcome().library() == null) {
                    throw new DeviceException.Unavailable("cpu: " + OneDnnLibrary.PROPERTY + "=on: "
                            + OneDnnLibrary.outcome().reason());
                }
            }
        }
        pool = threads > 0
                ? new RowPool(threads)
                : new RowPool(Runtime.getRuntime().availableProcessors(), COMPILER_NANOS);
    }

    @Override
    public String backend() {
        return "cpu";
    }

    @Override
    public String description() {
        int threads = pool.threads();
        String vectors = threads
                + (threads == 1 ? " thread, " : " threads, ")
                + Lanes.F.vectorBitSize()
                + "-bit vectors"
                + (exact || !IntegerDots.available() ? "" : ", VNNI");
        return oneDnn() == null
                ? vectors
                : vectors + ", " + OneDnnLibrary.outcome().reason();
    }

    @Override
    public double operandRounding() {
        if (exact) {
            return 0;
        }
        if (oneDnn() != null) {
            return 0x1p-9;
        }
        return IntegerDots.available() ? IntegerDots.ROUNDING : 0;
    }

    private @Nullable OneDnn oneDnn() {
        return use == OneDnnUse.OFF ? null : OneDnnLibrary.outcome().library();
    }

    @Override
    public DeviceMemory memory() {
        return memory.memory();
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        return memory.allocate(byteSize, label);
    }

    /** In place; a copy where the bytes lie on the Java heap, which has no addresses. */
    @Override
    public Region adopt(MemorySegment bytes, String label) {
        if (bytes.isNative()) {
            return memory.adopt(bytes, label);
        }
        DeviceBuffer copy = memory.allocate(bytes.byteSize(), label);
        copy.write(0, bytes);
        return new Region(copy, 0);
    }

    @Override
    public boolean isAsynchronous() {
        return false;
    }

    @Override
    public CommandStream openStream(StepLimits limits, KernelChoice choice) {
        AtomicInteger cold = choice == KernelChoice.FASTEST ? coldSteps : new AtomicInteger();
        return new CpuStream(limits, choice, memory, pool, oneDnn(), !exact, cold);
    }

    @Override
    public void close() {
        pool.close();
    }
}
