package dev.jemma.kernels.contract;

import static dev.jemma.kernels.contract.Mutants.F32;
import static dev.jemma.kernels.contract.Mutants.addNorm;
import static dev.jemma.kernels.contract.Mutants.change;
import static dev.jemma.kernels.contract.Mutants.experts;
import static dev.jemma.kernels.contract.Mutants.matrix;
import static dev.jemma.kernels.contract.Mutants.mutant;
import static dev.jemma.kernels.contract.Mutants.noFactors;
import static dev.jemma.kernels.contract.Mutants.results;
import static dev.jemma.kernels.contract.Mutants.swap;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The contract fails a backend that gets one thing wrong about matrices, choices or fused ops. */
class MatrixMutationTest {
    @ParameterizedTest
    @MethodSource({"matrixMutants", "resultMutants", "fusedMutants"})
    void isCaught(MutantDevice device, Consumer<Device> contractTest) {
        assertThatExceptionOfType(AssertionError.class).isThrownBy(() -> contractTest.accept(device));
    }

    static Stream<Arguments> matrixMutants() {
        return Stream.of(
                mutant(
                        "embed",
                        "scale left out",
                        matrix(MatmulContract::embed),
                        (c, a) -> c.embed((Tensor) a[0], (Tensor) a[1], (Weight) a[2], 1)),
                mutant("matmul", "last column left out", matrix(MatmulContract::matmulOfLargeMatrices), (c, a) -> {
                    Tensor x = (Tensor) a[1];
                    float[] last = {0};
                    change(x, 0, x.cols() - 1, value -> {
                        last[0] = (float) value;
                        return 0;
                    });
                    c.matmul((Tensor) a[0], x, (Weight) a[2]);
                    change(x, 0, x.cols() - 1, value -> last[0]);
                }),
                mutant("matmul", "inputs narrowed to BF16", matrix(MatmulContract::matmulOfLargeMatrices), (c, a) -> {
                    Tensor x = (Tensor) a[1];
                    MemorySegment memory = HostBuffer.segment(x);
                    byte[] copy = memory.toArray(ValueLayout.JAVA_BYTE);
                    for (int i = 0; i < x.cols(); i++) {
                        change(x, 0, i, v -> Float.intBitsToFloat(Float.floatToRawIntBits((float) v) & 0xFFFF_0000));
                    }
                    c.matmul((Tensor) a[0], x, (Weight) a[2]);
                    byte[] row = Arrays.copyOfRange(
                            copy, (int) x.rowOffset(0), (int) (x.rowOffset(0) + DType.F32.bytes(x.cols())));
                    MemorySegment.copy(row, 0, memory, ValueLayout.JAVA_BYTE, x.rowOffset(0), row.length);
                }),
                mutant(
                        "matmul",
                        "rows of a slice start at the stack",
                        matrix(MatmulContract::matmulOfASlice),
                        (c, a) -> {
                            if (a[2] instanceof DenseWeight w) {
                                Region start = new Region(w.at().buffer(), 0);
                                c.matmul(
                                        (Tensor) a[0],
                                        (Tensor) a[1],
                                        new DenseWeight(start, w.dtype(), w.rows(), w.cols()));
                            }
                        }),
                mutant("projectQkv", "values from the key weights", matrix(MatmulContract::projectQkv), (c, a) -> {
                    QkvWeight w = (QkvWeight) a[2];
                    c.projectQkv((Qkv) a[0], (Tensor) a[1], new QkvWeight(w.q(), w.k(), w.v() == null ? null : w.k()));
                }),
                mutant(
                        "gatedMatmul",
                        "plain product",
                        matrix(MatmulContract::gatedMatmul),
                        (c, a) -> c.matmul((Tensor) a[0], (Tensor) a[1], (Weight) a[2])),
                mutant(
                        "gateUpGeglu",
                        "gate and up swapped",
                        matrix(MatmulContract::gateUpGeglu),
                        (c, a) -> c.gateUpGeglu(
                                (Tensor) a[0], (Tensor) a[1], (Weight) a[3], (Weight) a[2], (Tensor) a[4])),
                mutant("route", "weights not divided by their sum", experts(ExpertContract::route), (c, a) -> {
                    c.route((Routing) a[0], (Tensor) a[1], (VectorF32) a[2]);
                    change(((Routing) a[0]).weights(), 0, 0, w -> w * 0.99);
                }),
                mutant("route", "expert scale left out", experts(ExpertContract::route), (c, a) -> {
                    VectorF32 scale = (VectorF32) a[2];
                    double[] old = new double[scale.length()];
                    for (int i = 0; i < old.length; i++) {
                        int index = i;
                        change(scale, i, x -> {
                            old[index] = x;
                            return 1;
                        });
                    }
                    c.route((Routing) a[0], (Tensor) a[1], scale);
                    for (int i = 0; i < old.length; i++) {
                        int index = i;
                        change(scale, i, x -> old[index]);
                    }
                }),
                mutant(
                        "expertGeglu",
                        "gate rows taken for up rows",
                        experts(ExpertContract::expertGeglu),
                        (c, a) -> c.expertGeglu(
                                (Tensor) a[0], (Tensor) a[1], (ExpertWeight) a[2], (ExpertWeight) a[2], (Routing)
                                        a[4])),
                mutant("expertDown", "routing weight left out", experts(ExpertContract::expertDown), (c, a) -> {
                    Routing routing = (Routing) a[3];
                    float[] old = {0};
                    change(routing.weights(), 0, 0, w -> {
                        old[0] = (float) w;
                        return 1;
                    });
                    c.expertDown((Tensor) a[0], (Tensor) a[1], (ExpertWeight) a[2], routing);
                    change(routing.weights(), 0, 0, w -> old[0]);
                }));
    }

    static Stream<Arguments> resultMutants() {
        return Stream.of(
                mutant("argmax", "ties to the higher index", results(ResultContract::tiesGoToTheLowerIndex), (c, a) -> {
                    c.argmax((Tensor) a[0], (Tensor) a[1]);
                    takeLastOfTies((Tensor) a[0], (Tensor) a[1]);
                }),
                mutant("argmax", "last column not looked at", results(ResultContract::argmaxAtEachPlace), (c, a) -> {
                    Tensor logits = (Tensor) a[1];
                    c.argmax((Tensor) a[0], logits.cols() > 1 ? logits.columns(0, logits.cols() - 1) : logits);
                }),
                mutant("argmax", "starts from zero", results(ResultContract::allLogitsBelowZero), (c, a) -> {
                    Tensor ids = (Tensor) a[0];
                    HostBuffer.segment(ids).set(ValueLayout.JAVA_INT_UNALIGNED, ids.rowOffset(0), 0);
                }),
                mutant("topK", "two of a tie swapped", results(ResultContract::tiesGoToTheLowerIndex), (c, a) -> {
                    Tensor ids = (Tensor) a[0];
                    c.topK(ids, (Tensor) a[1], (Tensor) a[2]);
                    if (ids.cols() > 1) {
                        swap(ids, 0, 1);
                    }
                }),
                mutant(
                        "suppress",
                        "last id forgotten",
                        results(ResultContract::suppressedIdsAreNotChosen),
                        (c, a) -> c.suppress((Tensor) a[0], (Region) a[1], Math.max(0, (int) a[2] - 1))),
                mutant(
                        "tokens",
                        "results of the preceding step in the wrong rows",
                        matrix(MatmulContract::embedOfThisStepsTokens),
                        (c, a) -> {
                            c.tokens((Tensor) a[0], (Tensor) a[1]);
                            swap((Tensor) a[0], 2, 3);
                        }));
    }

    private static void takeLastOfTies(Tensor ids, Tensor logits) {
        MemorySegment memory = HostBuffer.segment(logits);
        int chosen = HostBuffer.segment(ids).get(ValueLayout.JAVA_INT_UNALIGNED, ids.rowOffset(0));
        float largest = memory.get(F32, logits.rowOffset(0) + 4L * chosen);
        for (int i = chosen; i < logits.cols(); i++) {
            if (memory.get(F32, logits.rowOffset(0) + 4L * i) == largest) {
                HostBuffer.segment(ids).set(ValueLayout.JAVA_INT_UNALIGNED, ids.rowOffset(0), i);
            }
        }
    }

    static Stream<Arguments> fusedMutants() {
        return Stream.of(
                mutant("addNorm", "norm after the sum", addNorm(AddNormContract::addNorm), (c, a) -> {
                    Tensor x = (Tensor) a[0];
                    c.add(x, x, (Tensor) a[1], (float) a[3]);
                    c.rmsNorm(x, x, (Norm) a[2]);
                }),
                mutant(
                        "addNorm",
                        "scale left out",
                        addNorm(AddNormContract::addNorm),
                        (c, a) -> c.addNorm((Tensor) a[0], (Tensor) a[1], (Norm) a[2], 1)),
                mutant(
                        "addNormNorm",
                        "second norm's factors left out",
                        addNorm(AddNormContract::addNormNorm),
                        (c, a) -> c.addNormNorm(
                                (Tensor) a[0],
                                (Tensor) a[1],
                                (Tensor) a[2],
                                (Norm) a[3],
                                (float) a[4],
                                noFactors(a[5]))),
                mutant(
                        "addNormNorm",
                        "scale left out",
                        addNorm(AddNormContract::addNormNorm),
                        (c, a) -> c.addNormNorm((Tensor) a[0], (Tensor) a[1], (Tensor) a[2], (Norm) a[3], 1, (Norm)
                                Objects.requireNonNull(a[5]))));
    }
}
