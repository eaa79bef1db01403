package dev.jemma.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The functions of the CUDA driver library that Jemma calls. A status other than 0 becomes a {@link DeviceException} that
 * names the call. Device addresses, streams, events, modules, functions and graphs are {@code long}.
 *
 * <p>Source: CUDA driver API reference, version 12 and later; names with {@code _v2} are the ones its header maps to.
 */
final class CudaApi {
    private static final int OUT_OF_MEMORY = 2;

    private final StatusLibrary cuda;
    private final MethodHandle launch;
    private final MethodHandle toDeviceAsync;
    private final MethodHandle graphLaunch;
    private final MethodHandle eventRecord;
    private final MethodHandle eventSynchronize;
    private final MethodHandle setContext;

    CudaApi(SymbolLookup symbols) {
        cuda = new StatusLibrary(symbols);
        launch = cuda.handle("cuLaunchKernelEx", ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);
        toDeviceAsync = cuda.handle("cuMemcpyHtoDAsync_v2", JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
        graphLaunch = cuda.handle("cuGraphLaunch", JAVA_LONG, JAVA_LONG);
        eventRecord = cuda.handle("cuEventRecord", JAVA_LONG, JAVA_LONG);
        eventSynchronize = cuda.handle("cuEventSynchronize", JAVA_LONG);
        setContext = cuda.handle("cuCtxSetCurrent", JAVA_LONG);
    }

    /** @return the status, 0 if the driver is ready */
    int init() {
        return cuda.call("cuInit", 0);
    }

    /** As 1000 * major + 10 * minor. */
    int driverVersion() {
        return intResult("cuDriverGetVersion");
    }

    int deviceCount() {
        return intResult("cuDeviceGetCount");
    }

    String deviceName(int device) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate(256);
            cold("cuDeviceGetName", name, 256, device);
            return name.getString(0);
        }
    }

    int deviceAttribute(int attribute, int device) {
        return intResult("cuDeviceGetAttribute", attribute, device);
    }

    long retainContext(int device) {
        return longResult("cuDevicePrimaryCtxRetain", device);
    }

    void releaseContext(int device) {
        cold("cuDevicePrimaryCtxRelease_v2", device);
    }

    /** Makes the context the calling thread's; every public entry of the driver does this first. */
    void setContext(long context) {
        try {
            check("cuCtxSetCurrent", (int) setContext.invokeExact(context));
        } catch (Throwable failure) {
            throw rethrow(failure);
        }
    }

    /** Free and total bytes of the device. */
    long[] memory() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sizes = arena.allocate(JAVA_LONG, 2);
            cold("cuMemGetInfo_v2", sizes, sizes.asSlice(8));
            return sizes.toArray(JAVA_LONG);
        }
    }

    long allocate(long bytes) {
        return longResult("cuMemAlloc_v2", bytes);
    }

    void free(long address) {
        cold("cuMemFree_v2", address);
    }

    void zero(long address, long bytes) {
        cold("cuMemsetD8_v2", address, (byte) 0, bytes);
    }

    void copyToDevice(long address, MemorySegment source) {
        cold("cuMemcpyHtoD_v2", address, source, source.byteSize());
    }

    void copyToHost(MemorySegment target, long address) {
        cold("cuMemcpyDtoH_v2", target, address, target.byteSize());
    }

    /** Memory that the device can copy from while the host goes on; 64-byte aligned. */
    MemorySegment allocatePinned(long bytes) {
        return MemorySegment.ofAddress(longResult("cuMemHostAlloc", bytes, 0)).reinterpret(bytes);
    }

    void freePinned(MemorySegment pinned) {
        cold("cuMemFreeHost", pinned);
    }

    long loadModule(MemorySegment image) {
        return longResult("cuModuleLoadData", image);
    }

    void unloadModule(long module) {
        cold("cuModuleUnload", module);
    }

    long function(long module, String name) {
        try (Arena arena = Arena.ofConfined()) {
            return longResult("cuModuleGetFunction", module, arena.allocateFrom(name));
        }
    }

    int functionAttribute(int attribute, long function) {
        return intResult("cuFuncGetAttribute", attribute, function);
    }

    void setFunctionAttribute(long function, int attribute, int value) {
        cold("cuFuncSetAttribute", function, attribute, value);
    }

    long createStream() {
        int nonBlocking = 1;
        return longResult("cuStreamCreate", nonBlocking);
    }

    void destroyStream(long stream) {
        cold("cuStreamDestroy_v2", stream);
    }

    void synchronize(long stream) {
        cold("cuStreamSynchronize", stream);
    }

    long createEvent() {
        return longResult("cuEventCreate", 0);
    }

    void destroyEvent(long event) {
        cold("cuEventDestroy_v2", event);
    }

    /** Device time between two events that have both happened. */
    long elapsedNanos(long start, long end) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment milliseconds = arena.allocate(ValueLayout.JAVA_FLOAT);
            cold("cuEventElapsedTime", milliseconds, start, end);
            return (long) (milliseconds.get(ValueLayout.JAVA_FLOAT, 0) * 1e6);
        }
    }

    void beginCapture(long stream) {
        int threadLocal = 1;
        cold("cuStreamBeginCapture_v2", stream, threadLocal);
    }

    /** @return the graph of what the stream was given since {@link #beginCapture} */
    long endCapture(long stream) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment graph = arena.allocate(JAVA_LONG);
            cold("cuStreamEndCapture", stream, graph);
            return graph.get(JAVA_LONG, 0);
        }
    }

    long instantiate(long graph) {
        return longResult("cuGraphInstantiateWithFlags", graph, 0L);
    }

    void destroyGraph(long graph) {
        cold("cuGraphDestroy", graph);
    }

    void destroyExecutable(long graphExec) {
        cold("cuGraphExecDestroy", graphExec);
    }

    /** @param parameters addresses of the parameters, in order */
    void launch(LaunchConfig config, long function, MemorySegment parameters) {
        try {
            check("cuLaunchKernelEx", (int)
                    launch.invokeExact(config.segment(), function, parameters, MemorySegment.NULL));
        } catch (Throwable failure) {
            throw rethrow(failure);
        }
    }

    void copyToDeviceAsync(long address, MemorySegment pinned, long bytes, long stream) {
        try {
            check("cuMemcpyHtoDAsync", (int) toDeviceAsync.invokeExact(address, pinned, bytes, stream));
        } catch (Throwable failure) {
            throw rethrow(failure);
        }
    }

    void copyOnDevice(long target, long source, long bytes, long stream) {
        cold("cuMemcpyDtoDAsync_v2", target, source, bytes, stream);
    }

    void launchGraph(long graphExec, long stream) {
        try {
            check("cuGraphLaunch", (int) graphLaunch.invokeExact(graphExec, stream));
        } catch (Throwable failure) {
            throw rethrow(failure);
        }
    }

    void record(long event, long stream) {
        try {
            check("cuEventRecord", (int) eventRecord.invokeExact(event, stream));
        } catch (Throwable failure) {
            throw rethrow(failure);
        }
    }

    /** Waits until the event has happened. */
    void await(long event) {
        try {
            check("cuEventSynchronize", (int) eventSynchronize.invokeExact(event));
        } catch (Throwable failure) {
            throw rethrow(failure);
        }
    }

    private static RuntimeException rethrow(Throwable failure) {
        return switch (failure) {
            case RuntimeException unchecked -> unchecked;
            case Error error -> throw error;
            default -> throw new AssertionError(failure);
        };
    }

    private void cold(String function, Object... arguments) {
        check(function, cuda.call(function, arguments));
    }

    private int intResult(String function, Object... arguments) {
        return (int) result(function, ValueLayout.JAVA_INT.byteSize(), arguments);
    }

    private long longResult(String function, Object... arguments) {
        return result(function, JAVA_LONG.byteSize(), arguments);
    }

    /** Calls a function whose first parameter is where the result goes. */
    private long result(String function, long bytes, Object... arguments) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            Object[] all = new Object[arguments.length + 1];
            all[0] = out;
            System.arraycopy(arguments, 0, all, 1, arguments.length);
            cold(function, all);
            return bytes == Integer.BYTES ? out.get(JAVA_INT, 0) : out.get(JAVA_LONG, 0);
        }
    }

    private void check(String function, int status) {
        if (status == 0) {
            return;
        }
        String message = "cuda: " + function + " failed: " + status + " " + errorText(status);
        throw status == OUT_OF_MEMORY ? new DeviceException.OutOfMemory(message) : new DeviceException.Failed(message);
    }

    /** Name and description of a status: {@code CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered}. */
    String errorText(int status) {
        return errorText("cuGetErrorName", status) + ": " + errorText("cuGetErrorString", status);
    }

    private String errorText(String function, int status) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            int failed = cuda.call(function, status, out);
            return failed != 0
                    ? "unknown"
                    : out.get(ADDRESS, 0).reinterpret(Long.MAX_VALUE).getString(0);
        }
    }
}
