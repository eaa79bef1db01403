package dev.jemma.kernels.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * The functions of oneDNN's C interface that Jemma calls, and its CPU engine. Thread-safe; lives as long as the process.
 *
 * <p>Only x86-64 Linux comes here, whose calling convention passes integers and pointers alike in 64-bit registers and
 * lets functions ignore what they do not take. So two signatures serve all functions but one: each signature costs the
 * start of the process some milliseconds.
 *
 * <p>Source: oneDNN developer guide, C API reference, version 3.
 */
public final class OneDnn {
    /** Data types as the library numbers them. */
    static final int BF16 = 2;

    static final int F32 = 3;
    static final int S32 = 4;
    static final int S8 = 5;

    /** Columns that lie together in {@link #packed}. */
    static final int PACKED_COLUMNS = 32;

    /** What a primitive calls its operands. */
    static final int ARG_SRC = 1;

    static final int ARG_DST = 17;
    static final int ARG_WEIGHTS = 33;
    static final int ARG_SCRATCHPAD = 80;

    /** Instruction sets from here on multiply BF16 matrices in AMX tiles. */
    private static final int ISA_AMX = 0xfef;

    /** Instruction sets from here on have dot products of BF16 in 512-bit vectors. */
    private static final int ISA_BF16 = 0xe7;

    private static final int CPU = 1;
    private static final int IN_ORDER = 1;
    private static final int SCRATCHPAD_OF_CALLER = 1;
    private static final int QUERY_SCRATCHPAD = 136;

    /** {@code dnnl_BA16a32b4a}. */
    private static final int BLOCKS_OF_32_COLUMNS = 386;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle FOUR =
            LINKER.downcallHandle(FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle SEVEN = LINKER.downcallHandle(FunctionDescriptor.of(
            JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle SUM =
            LINKER.downcallHandle(FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_FLOAT, JAVA_LONG, JAVA_LONG));

    private final SymbolLookup symbols;
    private final MemorySegment setNumThreads;
    private final MemorySegment execute;
    private final MemorySegment setHandle;
    private final long engine;
    private final int instructionSet;

    /** @param openMp the library of threads that oneDNN was built with */
    OneDnn(SymbolLookup symbols, SymbolLookup openMp) {
        this.symbols = symbols;
        setNumThreads = openMp.findOrThrow("omp_set_num_threads");
        execute = symbols.findOrThrow("dnnl_primitive_execute");
        setHandle = symbols.findOrThrow("dnnl_memory_set_data_handle");
        // Else the engine is made for, and work given to, as many threads as there are cores.
        useThisThreadAlone();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ADDRESS);
            check("dnnl_engine_create", result.address(), CPU, 0, 0);
            engine = result.get(JAVA_LONG, 0);
        }
        instructionSet = (int) four(find("dnnl_get_effective_cpu_isa"), 0, 0, 0, 0);
    }

    /** Whether BF16 matrices are multiplied in AMX tiles, as the library sees this process and its rights. */
    public boolean hasTiles() {
        return (instructionSet & ISA_AMX) == ISA_AMX;
    }

    /** Whether there are dot products of BF16, in tiles or in vectors. */
    boolean hasBf16() {
        return (instructionSet & ISA_BF16) == ISA_BF16;
    }

    /** {@code oneDNN 3.8.1 for AMX}. */
    String description() {
        return "oneDNN " + version() + (hasTiles() ? " for AMX" : " for AVX-512 BF16");
    }

    /** {@code 3.8.1}. */
    String version() {
        MemorySegment numbers =
                MemorySegment.ofAddress(four(find("dnnl_version"), 0, 0, 0, 0)).reinterpret(12);
        return numbers.getAtIndex(JAVA_INT, 0) + "." + numbers.getAtIndex(JAVA_INT, 1) + "."
                + numbers.getAtIndex(JAVA_INT, 2);
    }

    /** From now on the calling thread runs primitives by itself. A setting of the thread, not of the process. */
    void useThisThreadAlone() {
        four(setNumThreads, 1, 0, 0, 0);
    }

    long openStream() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ADDRESS);
            check("dnnl_stream_create", result.address(), engine, IN_ORDER, 0);
            return result.get(JAVA_LONG, 0);
        }
    }

    /** A tensor of up to 12 dimensions with strides in elements. */
    long layout(int dtype, long[] sizes, long[] strides) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ADDRESS);
            long sizesAt = arena.allocateFrom(JAVA_LONG, sizes).address();
            long stridesAt = arena.allocateFrom(JAVA_LONG, strides).address();
            String function = "dnnl_memory_desc_create_with_strides";
            check(function, seven(find(function), result.address(), sizes.length, sizesAt, dtype, stridesAt, 0, 0));
            return result.get(JAVA_LONG, 0);
        }
    }

    /** A matrix {@code [rows, cols]}. */
    long matrix(int dtype, long rows, long cols, long rowStride, long colStride) {
        return layout(dtype, new long[] {rows, cols}, new long[] {rowStride, colStride});
    }

    /**
     * INT8 {@code [cols, columns]} in the order in which AMX reads the right factor of a product: four neighbours of a
     * column, then 32 columns, then the next four.
     */
    long packed(long cols, long columns) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ADDRESS);
            long sizesAt = arena.allocateFrom(JAVA_LONG, cols, columns).address();
            String function = "dnnl_memory_desc_create_with_tag";
            check(function, seven(find(function), result.address(), 2, sizesAt, S8, BLOCKS_OF_32_COLUMNS, 0, 0));
            return result.get(JAVA_LONG, 0);
        }
    }

    /** What computes {@code dst = src weights}. */
    long product(long src, long weights, long dst) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ADDRESS);
            long attributes = attributes(arena, 0);
            String function = "dnnl_matmul_primitive_desc_create";
            check(function, seven(find(function), result.address(), engine, src, weights, 0, dst, attributes));
            check("dnnl_primitive_attr_destroy", attributes, 0, 0, 0);
            return result.get(JAVA_LONG, 0);
        }
    }

    /** What computes {@code dst = src + sum * dst}, from one layout and type to another. */
    long reorder(long src, long dst, float sum) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ADDRESS);
            long attributes = attributes(arena, sum);
            String function = "dnnl_reorder_primitive_desc_create";
            check(function, seven(find(function), result.address(), src, engine, dst, engine, attributes, 0));
            check("dnnl_primitive_attr_destroy", attributes, 0, 0, 0);
            return result.get(JAVA_LONG, 0);
        }
    }

    private long attributes(Arena arena, float sum) {
        MemorySegment result = arena.allocate(ADDRESS);
        check("dnnl_primitive_attr_create", result.address(), 0, 0, 0);
        long attributes = result.get(JAVA_LONG, 0);
        check("dnnl_primitive_attr_set_scratchpad_mode", attributes, SCRATCHPAD_OF_CALLER, 0, 0);
        if (sum != 0) {
            check("dnnl_post_ops_create", result.address(), 0, 0, 0);
            long ops = result.get(JAVA_LONG, 0);
            try {
                String function = "dnnl_post_ops_append_sum";
                check(function, (long) SUM.invokeExact(find(function), ops, sum, 0L, 0L));
            } catch (RuntimeException | Error failure) {
                throw failure;
            } catch (Throwable impossible) {
                throw new AssertionError(impossible);
            }
            check("dnnl_primitive_attr_set_post_ops", attributes, ops, 0, 0);
            check("dnnl_post_ops_destroy", ops, 0, 0, 0);
        }
        return attributes;
    }

    /** The scratchpad that a described primitive wants; belongs to the description. */
    long scratchpad(long description) {
        return four(find("dnnl_primitive_desc_query_md"), description, QUERY_SCRATCHPAD, 0, 0);
    }

    long byteSize(long matrix) {
        return four(find("dnnl_memory_desc_get_size"), matrix, 0, 0, 0);
    }

    long primitive(long description) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ADDRESS);
            check("dnnl_primitive_create", result.address(), description, 0, 0);
            return result.get(JAVA_LONG, 0);
        }
    }

    /** Memory of this layout that lies nowhere yet. */
    long memory(long matrix) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ADDRESS);
            check("dnnl_memory_create", result.address(), matrix, engine, 0);
            return result.get(JAVA_LONG, 0);
        }
    }

    void place(long memory, long address) {
        check("dnnl_memory_set_data_handle", four(setHandle, memory, address, 0, 0));
    }

    /** @param operands address of {@code count} pairs of a number and a memory */
    void execute(long primitive, long stream, int count, long operands) {
        check("dnnl_primitive_execute", four(execute, primitive, stream, count, operands));
    }

    /** Frees what {@code kind} names: {@code primitive}, {@code memory}, {@code memory_desc}, {@code stream} ... */
    void destroy(String kind, long object) {
        check("dnnl_" + kind + "_destroy", object, 0, 0, 0);
    }

    private MemorySegment find(String function) {
        return symbols.findOrThrow(function);
    }

    private void check(String function, long a, long b, long c, long d) {
        check(function, four(find(function), a, b, c, d));
    }

    private static void check(String function, long status) {
        if ((int) status != 0) {
            throw new DeviceException.Failed("cpu: " + function + " failed: oneDNN status " + (int) status + "; -D"
                    + OneDnnLibrary.PROPERTY + "=off does without oneDNN");
        }
    }

    private static long four(MemorySegment function, long a, long b, long c, long d) {
        try {
            return (long) FOUR.invokeExact(function, a, b, c, d);
        } catch (RuntimeException | Error failure) {
            throw failure;
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static long seven(MemorySegment function, long a, long b, long c, long d, long e, long f, long g) {
        try {
            return (long) SEVEN.invokeExact(function, a, b, c, d, e, f, g);
        } catch (RuntimeException | Error failure) {
            throw failure;
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }
}
