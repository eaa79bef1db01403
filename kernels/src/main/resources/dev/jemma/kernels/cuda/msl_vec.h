// Vectors. A vector copies as one word of its size: without that, the compiler splits half4 and float4 loads into
// elements and a memory-bound kernel loses most of its bandwidth.
#pragma once

namespace metal {
template <int Bytes> struct word;
template <> struct word<2> { typedef unsigned short type; };
template <> struct word<4> { typedef unsigned type; };
template <> struct word<8> { typedef unsigned long long type; };
template <> struct word<16> { typedef ulonglong2 type; };

template <class V> JEMMA_FN void copyVector(V *to, const V *from) {
    if constexpr (sizeof(V) > 16) {
        typedef ulonglong2 W;
        ((W *)to)[0] = ((const W *)from)[0];
        ((W *)to)[1] = ((const W *)from)[1];
    } else {
        typedef typename word<sizeof(V)>::type W;
        *(W *)to = *(const W *)from;
    }
}

template <class T, int N> struct vec;
template <class X> struct isVec { static constexpr int n = 0; };
template <class T, int N> struct isVec<vec<T, N>> { static constexpr int n = N; };

template <class X, class... T> constexpr bool isOneOf = (is_same_v<X, T> || ...);
template <class X>
constexpr bool isScalar = isOneOf<X, float, double, bool, char, signed char, uchar, short, ushort, int, uint, long, ulong,
                                  long long, unsigned long long, half, bfloat>;

#define JEMMA_VEC_BODY(N)                                                                                             \
    vec() = default;                                                                                                  \
    __device__ __forceinline__ vec(const vec &v) { copyVector(this, &v); }                                            \
    __device__ __forceinline__ vec &operator=(const vec &v) {                                                         \
        copyVector(this, &v);                                                                                         \
        return *this;                                                                                                 \
    }                                                                                                                 \
    template <class S, class = enable_if_t<isScalar<S>>> __device__ __forceinline__ vec(S s) {                        \
        for (int i = 0; i < N; i++) (&x)[i] = T(s);                                                                   \
    }                                                                                                                 \
    template <class U, class = enable_if_t<!is_same_v<U, T>>> __device__ __forceinline__ explicit vec(vec<U, N> v) {  \
        for (int i = 0; i < N; i++) (&x)[i] = T(v[i]);                                                                \
    }                                                                                                                 \
    template <class A, class B, class... R> __device__ __forceinline__ vec(A a, B b, R... r) {                        \
        T *p = &x;                                                                                                    \
        put(p, a);                                                                                                    \
        put(p, b);                                                                                                    \
        (put(p, r), ...);                                                                                             \
    }                                                                                                                 \
    template <class A> static __device__ __forceinline__ void put(T *&p, A a) {                                       \
        if constexpr (isScalar<A>) {                                                                                  \
            *p++ = T(a);                                                                                              \
        } else {                                                                                                      \
            for (int i = 0; i < isVec<A>::n; i++) *p++ = T(a[i]);                                                     \
        }                                                                                                             \
    }                                                                                                                 \
    __device__ __forceinline__ T &operator[](int i) { return (&x)[i]; }                                               \
    __device__ __forceinline__ T operator[](int i) const { return (&x)[i]; }

template <class T> struct __attribute__((aligned(2 * sizeof(T)))) vec<T, 2> {
    T x, y;
    JEMMA_VEC_BODY(2)
};
template <class T> struct __attribute__((aligned(4 * sizeof(T)))) vec<T, 3> {
    T x, y, z, padding;
    JEMMA_VEC_BODY(3)
};
template <class T> struct __attribute__((aligned(4 * sizeof(T)))) vec<T, 4> {
    T x, y, z, w;
    JEMMA_VEC_BODY(4)
};
#undef JEMMA_VEC_BODY

// Element-wise operators: vector with vector, or with a scalar of the element's type.
#define JEMMA_VEC_OP(op)                                                                                              \
    template <class T, int N> JEMMA_FN vec<T, N> operator op(vec<T, N> a, vec<T, N> b) {                              \
        for (int i = 0; i < N; i++) a[i] = T(a[i] op b[i]);                                                           \
        return a;                                                                                                     \
    }                                                                                                                 \
    template <class T, int N, class S, class = enable_if_t<isScalar<S>>>                                              \
    JEMMA_FN vec<T, N> operator op(vec<T, N> a, S b) {                                                                \
        return a op vec<T, N>(b);                                                                                     \
    }                                                                                                                 \
    template <class T, int N, class S, class = enable_if_t<isScalar<S>>>                                              \
    JEMMA_FN vec<T, N> operator op(S a, vec<T, N> b) {                                                                \
        return vec<T, N>(a) op b;                                                                                     \
    }                                                                                                                 \
    template <class T, int N, class B> JEMMA_FN vec<T, N> &operator op##=(vec<T, N> &a, B b) { return a = a op b; }
JEMMA_VEC_OP(+)
JEMMA_VEC_OP(-)
JEMMA_VEC_OP(*)
JEMMA_VEC_OP(/)
JEMMA_VEC_OP(&)
JEMMA_VEC_OP(|)
JEMMA_VEC_OP(>>)
JEMMA_VEC_OP(<<)
#undef JEMMA_VEC_OP
template <class T, int N> JEMMA_FN vec<T, N> operator-(vec<T, N> a) {
    for (int i = 0; i < N; i++) a[i] = -a[i];
    return a;
}
template <class T, int N> JEMMA_FN T dot(vec<T, N> a, vec<T, N> b) {
    T sum = a[0] * b[0];
    for (int i = 1; i < N; i++) sum += a[i] * b[i];
    return sum;
}
}

typedef metal::vec<float, 2> float2;
typedef metal::vec<float, 3> float3;
typedef metal::vec<float, 4> float4;
typedef metal::vec<half, 2> half2;
typedef metal::vec<half, 4> half4;
typedef metal::vec<bfloat, 2> bfloat2;
typedef metal::vec<bfloat, 4> bfloat4;
typedef metal::vec<int, 2> int2;
typedef metal::vec<int, 3> int3;
typedef metal::vec<int, 4> int4;
typedef metal::vec<uint, 2> uint2;
typedef metal::vec<uint, 3> uint3;
typedef metal::vec<uint, 4> uint4;
typedef metal::vec<ulong, 2> ulong2;
typedef metal::vec<short, 2> short2;
typedef metal::vec<short, 4> short4;
typedef metal::vec<ushort, 2> ushort2;
typedef metal::vec<ushort, 3> ushort3;
typedef metal::vec<ushort, 4> ushort4;
typedef metal::vec<uchar, 2> uchar2;
typedef metal::vec<uchar, 4> uchar4;
typedef metal::vec<char, 4> char4;
