package dev.jemma.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.jemma.kernels.host.HostMemory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Geometry of the records that describe memory, and what they refuse to describe. */
class ShapesTest {
    private final DeviceBuffer buffer = new HostMemory().allocate(1024, "memory");
    private final Region start = new Region(buffer, 0);

    @AfterEach
    void close() {
        buffer.close();
    }

    private static void refuses(Runnable construction) {
        assertThatIllegalArgumentException().isThrownBy(construction::run);
    }

    @Test
    void regions() {
        assertThat(start.plus(24).remaining()).isEqualTo(1000);
        assertThat(start.plus(1024).remaining()).isZero();
        refuses(() -> start.plus(1025));
        refuses(() -> new Region(buffer, -1));
    }

    @Test
    void columnsOfTensors() {
        Tensor x = new Tensor(start.plus(8), DType.F32, RowSet.ALL, 10, 12);
        assertThat(x.byteSpan(3)).isEqualTo(4 * (2 * 12 + 10));
        assertThat(x.byteSpan(0)).isZero();
        assertThat(x.rowOffset(2)).isEqualTo(8 + 2 * 48);
        Tensor slice = x.columns(3, 4);
        assertThat(slice).isEqualTo(new Tensor(start.plus(20), DType.F32, RowSet.ALL, 4, 12));
        assertThat(slice.columns(1, 3).at().byteOffset()).isEqualTo(24);
        refuses(() -> x.columns(7, 4));
        refuses(() -> x.columns(-1, 4));
        refuses(() -> new Tensor(start, DType.F16, RowSet.ALL, 4, 4));
        refuses(() -> new Tensor(start, DType.F32, RowSet.ALL, 4, 3));
    }

    @Test
    void denseWeights() {
        DenseWeight w = new DenseWeight(start.plus(4), DType.BF16, 6, 10);
        assertThat(w.byteSize()).isEqualTo(120);
        assertThat(w.slice(2, 3)).isEqualTo(new DenseWeight(start.plus(44), DType.BF16, 3, 10));
        refuses(() -> w.slice(4, 3));
        refuses(() -> w.slice(-1, 1));
        refuses(() -> new DenseWeight(start, DType.F32, 16, 17));
        refuses(() -> new DenseWeight(start, DType.I32, 1, 1));
    }

    @Test
    void affineWeights() {
        AffineWeight w = affine(4, 32, 3, 64);
        assertThat(w.codeRowBytes()).isEqualTo(32);
        assertThat(w.groupsPerRow()).isEqualTo(2);
        assertThat(w.byteSize()).isEqualTo(3 * 32 + 2 * 3 * 2 * 2);
        AffineWeight slice = w.slice(1, 2);
        assertThat(slice.codes().byteOffset()).isEqualTo(32);
        assertThat(slice.scales().byteOffset()).isEqualTo(512 + 4);
        assertThat(slice.biases().byteOffset()).isEqualTo(768 + 4);
        refuses(() -> w.slice(2, 2));
        refuses(() -> affine(3, 32, 1, 32));
        refuses(() -> affine(4, 48, 1, 48));
        refuses(() -> affine(4, 64, 1, 96));
        refuses(() -> affine(8, 32, 33, 32));
    }

    private AffineWeight affine(int bits, int groupSize, int rows, int cols) {
        return new AffineWeight(start, start.plus(512), start.plus(768), DType.F16, bits, groupSize, rows, cols);
    }

    @Test
    void expertsOfAStack() {
        DenseWeight stack = new DenseWeight(start, DType.F16, 12, 8);
        ExpertWeight up = new ExpertWeight(stack, 3, 4, 2, 2);
        assertThat(up.expert(2)).isEqualTo(stack.slice(10, 2));
        assertThat(up.cols()).isEqualTo(8);
        refuses(() -> new ExpertWeight(stack, 3, 4, 2, 3));
        refuses(() -> new ExpertWeight(stack, 3, 3, 0, 3));
    }

    @Test
    void cacheRows() {
        KvView ring = new KvView(start, start, DType.F16, 2, 3, 4, 5, 4);
        assertThat(ring.isRing()).isTrue();
        assertThat(ring.row(12)).isEqualTo(2);
        assertThat(ring.element(1, 2, 12)).isEqualTo(((1 * 3 + 2) * 5 + 2) * 4);
        assertThat(new int[] {ring.firstVisible(0), ring.firstVisible(3), ring.firstVisible(4)})
                .containsExactly(0, 0, 1);
        KvView full = new KvView(start, start, DType.F32, 1, 1, 4, 5, 0);
        assertThat(full.isRing()).isFalse();
        assertThat(full.firstVisible(4)).isZero();
        refuses(() -> new KvView(start, start, DType.F16, 2, 3, 4, 22, 0));
        refuses(() -> new KvView(start, start, DType.BF16, 1, 1, 1, 1, 0));
    }

    @Test
    void constants() {
        VectorF32 vector = new VectorF32(start.plus(1000), 6);
        assertThat(new Rope(vector).headDim()).isEqualTo(12);
        refuses(() -> new VectorF32(start.plus(1004), 6));
        refuses(() -> new Norm(5, 0, vector));
        refuses(() -> new Norm(6, -1, vector));
        refuses(() -> new Norm(6, Float.NaN, vector));
    }
}
