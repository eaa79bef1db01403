// 8x8 matrices spread over a simdgroup, two neighbouring elements of a row a lane. MSL leaves the layout undefined, so
// kernels must not rely on it; this one is what Apple's GPUs are known to use.
#pragma once

namespace metal {

template <class T, int Rows, int Columns> struct simdgroup_matrix {
    T elements[2];
    simdgroup_matrix() = default;
    SM_INLINE explicit simdgroup_matrix(T value) { elements[0] = elements[1] = value; }
    SM_INLINE thread T* thread_elements() { return elements; }
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
typedef simdgroup_matrix<bfloat, 8, 8> simdgroup_bfloat8x8;

struct sm_place {
    int row, column;
};
SM_INLINE sm_place sm_place_of(unsigned lane) {
    unsigned quad = lane / 4;
    return {int((quad & 4) + lane / 2 % 4), int((quad & 2) * 2 + lane % 2 * 2)};
}
SM_INLINE unsigned sm_lane_at(int row, int column) {
    return unsigned((row & 4) * 4 + (row & 3) * 2 + (column & 4) * 2 + (column & 2) / 2);
}

#define SM_LOAD_STORE(space)                                                                                        \
    template <class T>                                                                                              \
    SM_INLINE void simdgroup_load(thread simdgroup_matrix<T, 8, 8>& m, const space T* p, ulong row_stride = 8,      \
                                  ulong2 origin = ulong2(0ul), bool transpose = false) {                            \
        sm_place at = sm_place_of(sm_lane());                                                                       \
        for (int i = 0; i < 2; i++) {                                                                               \
            ulong r = transpose ? at.column + i : at.row, c = transpose ? at.row : at.column + i;                   \
            m.elements[i] = p[(origin.y + r) * row_stride + origin.x + c];                                          \
        }                                                                                                           \
    }                                                                                                               \
    template <class T>                                                                                              \
    SM_INLINE void simdgroup_store(const thread simdgroup_matrix<T, 8, 8>& m, space T* p, ulong row_stride = 8,     \
                                   ulong2 origin = ulong2(0ul), bool transpose = false) {                           \
        sm_place at = sm_place_of(sm_lane());                                                                       \
        for (int i = 0; i < 2; i++) {                                                                               \
            ulong r = transpose ? at.column + i : at.row, c = transpose ? at.row : at.column + i;                   \
            p[(origin.y + r) * row_stride + origin.x + c] = m.elements[i];                                          \
        }                                                                                                           \
    }
#ifdef SM_CHECK
SM_LOAD_STORE(device)
SM_LOAD_STORE(threadgroup)
#else
SM_LOAD_STORE()
#endif
#undef SM_LOAD_STORE

template <class T, int Rows, int Columns = Rows>
SM_INLINE simdgroup_matrix<T, Rows, Columns> make_filled_simdgroup_matrix(T value) {
    return simdgroup_matrix<T, Rows, Columns>(value);
}

// d = a b + c. Products are accumulated in float, whatever the element types.
template <class D, class A, class B, class C>
SM_INLINE void simdgroup_multiply_accumulate(thread simdgroup_matrix<D, 8, 8>& d, simdgroup_matrix<A, 8, 8> a,
                                             simdgroup_matrix<B, 8, 8> b, simdgroup_matrix<C, 8, 8> c, SM_CALL_LINE) {
    struct Operand {
        A a[2];
        B b[2];
    } mine = {{a.elements[0], a.elements[1]}, {b.elements[0], b.elements[1]}};
    sm_exchange* x = sm_exchange_of(mine, SM_SIMDGROUP_MULTIPLY, line);
    sm_place at = sm_place_of(sm_lane());
    float sum[2] = {float(c.elements[0]), float(c.elements[1])};
    for (int k = 0; k < 8; k += 2) {
        Operand left = sm_operand_of<Operand>(x, sm_lane_at(at.row, k));
        for (int j = 0; j < 2; j++) {
            Operand right = sm_operand_of<Operand>(x, sm_lane_at(k + j, at.column));
            for (int i = 0; i < 2; i++) sum[i] = __builtin_fmaf(float(left.a[j]), float(right.b[i]), sum[i]);
        }
    }
    d.elements[0] = D(sum[0]);
    d.elements[1] = D(sum[1]);
}
template <class D, class A, class B>
SM_INLINE void simdgroup_multiply(thread simdgroup_matrix<D, 8, 8>& d, simdgroup_matrix<A, 8, 8> a,
                                  simdgroup_matrix<B, 8, 8> b, SM_CALL_LINE) {
    simdgroup_multiply_accumulate(d, a, b, simdgroup_matrix<D, 8, 8>(D(0)), line);
}

} // namespace metal
