// 8x8 simdgroup matrices in the layout of mma fragments: lane l holds row l / 4, columns 2 * (l % 4) and the next.
// Metal leaves the layout open, and the shaders do not depend on it. half and bfloat products use the tensor cores with
// half of an m16n8k8 left empty; float products go through shuffles.
#pragma once

namespace metal {
template <class T, int R, int C> struct simdgroup_matrix {
    T e[2];
    simdgroup_matrix() = default;
    __device__ __forceinline__ simdgroup_matrix(T value) { e[0] = e[1] = value; }
    __device__ __forceinline__ T *thread_elements() { return e; }
};
template <class T, int R, int C = R> JEMMA_FN simdgroup_matrix<T, R, C> make_filled_simdgroup_matrix(T value) {
    return simdgroup_matrix<T, R, C>(value);
}

struct fragmentPlace {
    int row, col;
    __device__ __forceinline__ fragmentPlace() : row(laneIndex() >> 2), col((laneIndex() & 3) * 2) {}
};
typedef vec<ulong, 2> matrixOrigin;
template <class T>
JEMMA_FN void simdgroup_load(simdgroup_matrix<T, 8, 8> &m, const T *p, ulong stride = 8,
                             matrixOrigin origin = matrixOrigin(0ul), bool transpose = false) {
    fragmentPlace at;
    for (int i = 0; i < 2; i++) {
        m.e[i] = transpose ? p[(origin.y + at.col + i) * stride + origin.x + at.row]
                           : p[(origin.y + at.row) * stride + origin.x + at.col + i];
    }
}
template <class T>
JEMMA_FN void simdgroup_store(const simdgroup_matrix<T, 8, 8> &m, T *p, ulong stride = 8,
                              matrixOrigin origin = matrixOrigin(0ul), bool transpose = false) {
    fragmentPlace at;
    for (int i = 0; i < 2; i++) {
        if (transpose) {
            p[(origin.y + at.col + i) * stride + origin.x + at.row] = m.e[i];
        } else {
            p[(origin.y + at.row) * stride + origin.x + at.col + i] = m.e[i];
        }
    }
}

template <class T> JEMMA_FN unsigned pairBits(const T *e) {
    unsigned bits;
    memcpy(&bits, e, 4);
    return bits;
}
#define JEMMA_MMA(T, type)                                                                                            \
    JEMMA_FN void simdgroup_multiply_accumulate(simdgroup_matrix<float, 8, 8> &d, simdgroup_matrix<T, 8, 8> a,        \
                                                simdgroup_matrix<T, 8, 8> b, simdgroup_matrix<float, 8, 8> c) {       \
        unsigned bt;                                                                                                  \
        asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(bt) : "r"(pairBits(b.e)));                         \
        float unused0, unused1;                                                                                       \
        asm("mma.sync.aligned.m16n8k8.row.col.f32." type "." type ".f32 "                                             \
            "{%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};"                                                           \
            : "=f"(d.e[0]), "=f"(d.e[1]), "=f"(unused0), "=f"(unused1)                                                \
            : "r"(pairBits(a.e)), "r"(0u), "r"(bt), "f"(c.e[0]), "f"(c.e[1]), "f"(0.0f), "f"(0.0f));                  \
    }
JEMMA_MMA(half, "f16")
JEMMA_MMA(bfloat, "bf16")
JEMMA_FN void simdgroup_multiply_accumulate(simdgroup_matrix<float, 8, 8> &d, simdgroup_matrix<float, 8, 8> a,
                                            simdgroup_matrix<float, 8, 8> b, simdgroup_matrix<float, 8, 8> c) {
    unsigned lane = laneIndex();
    float x[2] = {c.e[0], c.e[1]};
    for (int k = 0; k < 8; k++) {
        float even = simd_shuffle(a.e[0], (lane & 28) + k / 2);
        float odd = simd_shuffle(a.e[1], (lane & 28) + k / 2);
        for (int i = 0; i < 2; i++) {
            x[i] = ::fmaf(k & 1 ? odd : even, simd_shuffle(b.e[i], k * 4 + (lane & 3)), x[i]);
        }
    }
    d.e[0] = x[0];
    d.e[1] = x[1];
}
template <class A, class B>
JEMMA_FN void simdgroup_multiply(simdgroup_matrix<float, 8, 8> &d, simdgroup_matrix<A, 8, 8> a,
                                 simdgroup_matrix<B, 8, 8> b) {
    simdgroup_multiply_accumulate(d, a, b, simdgroup_matrix<float, 8, 8>(0.0f));
}
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
typedef simdgroup_matrix<bfloat, 8, 8> simdgroup_bfloat8x8;
}
