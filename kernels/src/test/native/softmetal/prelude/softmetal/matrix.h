// Small column-major matrices (float4x4 and the like), as far as kernels use them.
#pragma once

namespace metal {

template <class T, int Columns, int Rows> struct matrix {
    vec<T, Rows> columns[Columns];

    matrix() = default;
    SM_INLINE explicit matrix(T diagonal) {
        for (int c = 0; c < Columns; c++)
            for (int r = 0; r < Rows; r++) columns[c][r] = c == r ? diagonal : T(0);
    }
    template <class... V, class = enable_if_t<sizeof...(V) + 2 == Columns>>
    SM_INLINE matrix(vec<T, Rows> a, vec<T, Rows> b, V... rest) : columns{a, b, rest...} {}
    template <class U, class = enable_if_t<!is_same_v<U, T>>> SM_INLINE explicit matrix(matrix<U, Columns, Rows> m) {
        for (int c = 0; c < Columns; c++) columns[c] = vec<T, Rows>(m.columns[c]);
    }
    SM_INLINE vec<T, Rows>& operator[](int c) { return columns[c]; }
    SM_INLINE vec<T, Rows> operator[](int c) const { return columns[c]; }
};

template <class T, int Columns, int Rows>
SM_INLINE vec<T, Rows> operator*(matrix<T, Columns, Rows> m, vec<T, Columns> v) {
    vec<T, Rows> r = m[0] * v[0];
    for (int c = 1; c < Columns; c++) r += m[c] * v[c];
    return r;
}

} // namespace metal

#define SM_MATRIX_NAMES(T)                    \
    typedef metal::matrix<T, 2, 2> T##2x2;    \
    typedef metal::matrix<T, 2, 4> T##2x4;    \
    typedef metal::matrix<T, 3, 3> T##3x3;    \
    typedef metal::matrix<T, 4, 4> T##4x4;
SM_MATRIX_NAMES(float)
SM_MATRIX_NAMES(half)
#undef SM_MATRIX_NAMES
