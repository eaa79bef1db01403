package dev.jemma.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.gpu.Product;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.HashMap;
import java.util.Map;

/**
 * NVIDIA's matrix multiplication: {@code out = x w^T}, or that added to {@code out}, with BF16 operands, F32 sums and F32 results. Which of its kernels
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
    private static final int PREFERENCE_REDUCTION_SCHEMES = 3;
    private static final int NO_REDUCTION = 0;
    private static final String SET_PREFERENCE = "cublasLtMatmulPreferenceSetAttribute";

    /** For how many rows an algorithm is chosen that then serves any number: a usual chunk of a prompt. */
    private static final int INVARIANT_ROWS = 512;

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

    /** For algorithms that do not divide a sum among threadgroups: how they do depends on the number of rows. */
    private final long unsplit;

    private final Map<Shape, Plan> plans = new HashMap<>();
    private final Map<Shape, MemorySegment> rowInvariant = new HashMap<>();

    /** What decides about a kernel. */
    private record Shape(int rows, int outs, int cols, int outStride, boolean rowInvariant) {}

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
        preference = preference();
        unsplit = preference();
        set(SET_PREFERENCE, unsplit, PREFERENCE_REDUCTION_SCHEMES, arena.allocateFrom(JAVA_INT, NO_REDUCTION));
    }

    private long preference() {
        long created = create("cublasLtMatmulPreferenceCreate");
        set(SET_PREFERENCE, created, PREFERENCE_MAX_WORKSPACE, arena.allocateFrom(JAVA_LONG, WORKSPACE_BYTES));
        return created;
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
    void multiply(Product product, long w, long x, long out, long stream) {
        Shape shape =
                new Shape(product.rows(), product.outs(), product.cols(), product.outStride(), product.rowInvariant());
        Plan plan = plans.computeIfAbsent(shape, this::plan);
        MemorySegment beta = product.accumulates() ? one : zero;
        try {
            check("cublasLtMatmul", (int) multiply.invokeExact(
                    handle,
                    description,
                    one,
                    w,
                    plan.w,
                    x,
                    plan.x,
                    beta,
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
        if (!shape.rowInvariant) {
            return new Plan(w, x, out, algorithm(shape, w, x, out, preference));
        }
        Shape any = new Shape(INVARIANT_ROWS, shape.outs, shape.cols, shape.outStride, true);
        return new Plan(w, x, out, rowInvariant.computeIfAbsent(any, this::rowInvariantAlgorithm));
    }

    /** The algorithm for whatever number of rows: one that adds a sum's products in one order, in one threadgroup. */
    private MemorySegment rowInvariantAlgorithm(Shape shape) {
        long w = layout(BF16, shape.cols, shape.outs, shape.cols);
        long x = layout(BF16, shape.cols, shape.rows, shape.cols);
        long out = layout(F32, shape.outs, shape.rows, shape.outStride);
        try {
            return algorithm(shape, w, x, out, unsplit);
        } finally {
            destroyLayouts(w, x, out);
        }
    }

    private MemorySegment algorithm(Shape shape, long w, long x, long out, long preferred) {
        MemorySegment result = arena.allocate(HEURISTIC_BYTES, 8);
        MemorySegment count = arena.allocate(JAVA_INT);
        String function = "cublasLtMatmulAlgoGetHeuristic";
        check(function, library.call(function, handle, description, w, x, out, out, preferred, 1, result, count));
        if (count.get(JAVA_INT, 0) < 1) {
            throw new DeviceException.Failed("cuda: cuBLASLt has no kernel for " + shape);
        }
        return result.asSlice(0, ALGORITHM_BYTES);
    }

    private void destroyLayouts(long... layouts) {
        for (long layout : layouts) {
            check("cublasLtMatrixLayoutDestroy", library.call("cublasLtMatrixLayoutDestroy", layout));
        }
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
            destroyLayouts(plan.w, plan.x, plan.out);
        }
        for (long preferred : new long[] {preference, unsplit}) {
            check("cublasLtMatmulPreferenceDestroy", library.call("cublasLtMatmulPreferenceDestroy", preferred));
        }
        check("cublasLtMatmulDescDestroy", library.call("cublasLtMatmulDescDestroy", description));
        check("cublasLtDestroy", library.call("cublasLtDestroy", handle));
        workspace.close();
        arena.close();
    }
}
