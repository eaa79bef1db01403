package dev.jemma.kernels.contract;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.contract.MutantDevice.Mutation;
import dev.jemma.kernels.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.provider.Arguments;

/** Builds mutants: an op made wrong, and the contract's test that must notice. */
final class Mutants {
    static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Mutants() {}

    static Arguments mutant(String op, String what, Consumer<Device> test, Mutation mutation) {
        return Arguments.of(Named.of(op + ": " + what, new MutantDevice(op, mutation)), Named.of("its test", test));
    }

    private static <T extends ContractFixture> void runTest(T contract, Consumer<T> test) {
        contract.openDevice();
        try {
            test.accept(contract);
        } finally {
            contract.closeDevices();
        }
    }

    static Consumer<Device> row(Consumer<RowOpsContract> test) {
        return device -> runTest(
                new RowOpsContract() {
                    @Override
                    protected Device open() {
                        return device;
                    }
                },
                test);
    }

    static Consumer<Device> addNorm(Consumer<AddNormContract> test) {
        return device -> runTest(
                new AddNormContract() {
                    @Override
                    protected Device open() {
                        return device;
                    }
                },
                test);
    }

    static Consumer<Device> matrix(Consumer<MatmulContract> test) {
        return device -> runTest(
                new MatmulContract() {
                    @Override
                    protected Device open() {
                        return device;
                    }
                },
                test);
    }

    static Consumer<Device> attention(Consumer<AttentionContract> test) {
        return device -> runTest(
                new AttentionContract() {
                    @Override
                    protected Device open() {
                        return device;
                    }
                },
                test);
    }

    static Consumer<Device> cache(Consumer<CacheContract> test) {
        return device -> runTest(
                new CacheContract() {
                    @Override
                    protected Device open() {
                        return device;
                    }
                },
                test);
    }

    static Consumer<Device> experts(Consumer<ExpertContract> test) {
        return device -> runTest(
                new ExpertContract() {
                    @Override
                    protected Device open() {
                        return device;
                    }
                },
                test);
    }

    static Consumer<Device> results(Consumer<ResultContract> test) {
        return device -> runTest(
                new ResultContract() {
                    @Override
                    protected Device open() {
                        return device;
                    }
                },
                test);
    }

    /** Replaces one element, if the memory is there. */
    static void change(Tensor x, int row, int col, DoubleUnaryOperator change) {
        MemorySegment memory = HostBuffer.segment(x);
        long offset = x.rowOffset(row) + DType.F32.bytes(col);
        memory.set(F32, offset, (float) change.applyAsDouble(memory.get(F32, offset)));
    }

    static void change(VectorF32 vector, int i, DoubleUnaryOperator change) {
        MemorySegment memory = HostBuffer.segment(vector.at());
        memory.set(F32, 4L * i, (float) change.applyAsDouble(memory.get(F32, 4L * i)));
    }

    static Norm noFactors(Object norm) {
        return new Norm(((Norm) norm).size(), ((Norm) norm).eps(), null);
    }

    static Norm noEps(Object norm) {
        return new Norm(((Norm) norm).size(), 0, ((Norm) norm).factors());
    }

    static KvView window(Object kv, int change) {
        KvView v = (KvView) kv;
        int window = v.window() == 0 ? 0 : Math.max(1, v.window() + change);
        return new KvView(
                v.keys(), v.values(), v.dtype(), v.slots(), v.numKvHeads(), v.headDim(), v.capacity(), window);
    }

    /** Swaps two ids, counted along the rows of a dense tensor. */
    static void swap(Tensor ids, int i, int j) {
        MemorySegment memory = HostBuffer.segment(ids);
        int first = memory.get(ValueLayout.JAVA_INT_UNALIGNED, ids.rowOffset(0) + 4L * i);
        int second = memory.get(ValueLayout.JAVA_INT_UNALIGNED, ids.rowOffset(0) + 4L * j);
        memory.set(ValueLayout.JAVA_INT_UNALIGNED, ids.rowOffset(0) + 4L * i, second);
        memory.set(ValueLayout.JAVA_INT_UNALIGNED, ids.rowOffset(0) + 4L * j, first);
    }
}
