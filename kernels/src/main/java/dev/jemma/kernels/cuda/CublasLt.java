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
import java.util.HashMap;
import java.util.Map;

/**
 * NVIDIA's matrix multiplication: {@code out = x w^T} with BF16 operands, F32 sums and F32 results. Which of its kernels
 * serves a shape is asked once and kept.
 *
 * <p>Source: cuBLASLt API reference, version 12 and later. The library thinks in columns: our row-major {@code out} is
 * its {@code outs x rows}, the product of {@code w} transposed and {@code x}.
 */
final class CublasLt implements AutoCloseable {
    private static final int BF16 = 14;
    private static final int F32 = 0;
    private static final int COMPUTE_F32 = 68;
    private static final int DESC_TRANSPOSE_A = 3;
    private static final int PREFERENCE_MAX_WORKSPACE = 1;

    /** {@code cublasLtMatmulHeuristicResult_t}: the algorithm first, 64 bytes. */
    private static final long HEURISTIC_BYTES = 96;

    private static final long ALGORITHM_BYTES = 64;

    /** What NVIDIA recommends for Hopper. */
    private static final long WORKSPACE_BYTES = 32L << 20;

    private final StatusLibrary library;
    private final MethodHandle multiply;
    private final Arena arena = Arena.ofShared();
    private final CudaBuffer workspace;
    private final MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1);
    private final MemorySegment zero = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0);
    private final long handle;
    private final long description;
    private final long preference;
    private final Map<Shape, Plan> plans = new HashMap<>();

    /** @param outStride elements from one row of the result to the next */
    record Shape(int rows, int outs, int cols, int outStride) {}

    private record Plan(long w, long x, long out, MemorySegment algorithm) {}

    CublasLt(SymbolLookup symbols, CudaContext context) {
        library = new StatusLibrary(symbols);
        multiply = library.handle(
                "cublasLtMatmul",
                JAVA_LONG,
                JAVA_LONG,
                ADDRESS,
                JAVA_LONG,
                JAVA_LONG,
                JAVA_LONG,
                JAVA_LONG,
                ADDRESS,
                JAVA_LONG,
                JAVA_LONG,
                JAVA_LONG,
                JAVA_LONG,
                ADDRESS,
                JAVA_LONG,
                JAVA_LONG,
                JAVA_LONG);
        workspace = context.allocate(WORKSPACE_BYTES, "workspace of cuBLASLt");
        handle = create("cublasLtCreate");
        description = create("cublasLtMatmulDescCreate", COMPUTE_F32, F32);
        set("cublasLtMatmulDescSetAttribute", description, DESC_TRANSPOSE_A, arena.allocateFrom(JAVA_INT, 1));
        preference = create("cublasLtMatmulPreferenceCreate");
        set(
                "cublasLtMatmulPreferenceSetAttribute",
                preference,
                PREFERENCE_MAX_WORKSPACE,
                arena.allocateFrom(JAVA_LONG, WORKSPACE_BYTES));
    }

    private long create(String function, Object... arguments) {
        MemorySegment result = arena.allocate(JAVA_LONG);
        Object[] all = new Object[arguments.length + 1];
        all[0] = result;
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        check(function, library.call(function, all));
        return result.get(JAVA_LONG, 0);
    }

    private void set(String function, long object, int attribute, MemorySegment value) {
        check(function, library.call(function, object, attribute, value, value.byteSize()));
    }

    /** Encodes {@code out = x w^T} on a stream; {@code x} is dense. Addresses are the device's, multiples of 16. */
    void multiply(Shape shape, long w, long x, long out, long stream) {
        Plan plan = plans.computeIfAbsent(shape, this::plan);
        try {
            check("cublasLtMatmul", (int) multiply.invokeExact(
                    handle,
                    description,
                    one,
                    w,
                    plan.w,
                    x,
                    plan.x,
                    zero,
                    out,
                    plan.out,
                    out,
                    plan.out,
                    plan.algorithm,
                    workspace.address(),
                    WORKSPACE_BYTES,
                    stream));
        } catch (RuntimeException | Error failure) {
            throw failure;
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    private Plan plan(Shape shape) {
        long w = layout(BF16, shape.cols, shape.outs, shape.cols);
        long x = layout(BF16, shape.cols, shape.rows, shape.cols);
        long out = layout(F32, shape.outs, shape.rows, shape.outStride);
        MemorySegment result = arena.allocate(HEURISTIC_BYTES, 8);
        MemorySegment count = arena.allocate(JAVA_INT);
        String function = "cublasLtMatmulAlgoGetHeuristic";
        check(function, library.call(function, handle, description, w, x, out, out, preference, 1, result, count));
        if (count.get(JAVA_INT, 0) < 1) {
            throw new DeviceException.Failed("cuda: cuBLASLt has no kernel for " + shape);
        }
        return new Plan(w, x, out, result.asSlice(0, ALGORITHM_BYTES));
    }

    private long layout(int type, long height, long width, long stride) {
        return create("cublasLtMatrixLayoutCreate", type, height, width, stride);
    }

    private static void check(String function, int status) {
        if (status != 0) {
            throw new DeviceException.Failed("cuda: " + function + " failed: cuBLAS status " + status);
        }
    }

    @Override
    public void close() {
        for (Plan plan : plans.values()) {
            for (long layout : new long[] {plan.w, plan.x, plan.out}) {
                check("cublasLtMatrixLayoutDestroy", library.call("cublasLtMatrixLayoutDestroy", layout));
            }
        }
        check("cublasLtMatmulPreferenceDestroy", library.call("cublasLtMatmulPreferenceDestroy", preference));
        check("cublasLtMatmulDescDestroy", library.call("cublasLtMatmulDescDestroy", description));
        check("cublasLtDestroy", library.call("cublasLtDestroy", handle));
        workspace.close();
        arena.close();
    }
}
