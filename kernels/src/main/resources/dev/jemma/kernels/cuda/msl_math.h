// Metal's math functions. The fast-math ones of Metal are CUDA's accurate ones here: kernels are bound by memory.
#pragma once

namespace metal {
#define JEMMA_MATH1(name, value)                                                  \
    JEMMA_FN float name(float x) { return value; }                                \
    template <int N> JEMMA_FN vec<float, N> name(vec<float, N> v) {               \
        for (int i = 0; i < N; i++) v[i] = name(v[i]);                            \
        return v;                                                                 \
    }
#define JEMMA_MATH                    \
    JEMMA_MATH1(exp, ::expf(x))       \
    JEMMA_MATH1(exp2, ::exp2f(x))     \
    JEMMA_MATH1(log, ::logf(x))       \
    JEMMA_MATH1(log2, ::log2f(x))     \
    JEMMA_MATH1(sin, ::sinf(x))       \
    JEMMA_MATH1(cos, ::cosf(x))       \
    JEMMA_MATH1(tanh, ::tanhf(x))     \
    JEMMA_MATH1(sqrt, ::sqrtf(x))     \
    JEMMA_MATH1(rsqrt, 1.0f / ::sqrtf(x))
JEMMA_MATH
namespace precise {
JEMMA_MATH
}
namespace fast {
JEMMA_MATH1(exp, ::__expf(x))
JEMMA_MATH1(exp2, ::exp2f(x))
JEMMA_MATH1(log, ::__logf(x))
JEMMA_MATH1(tanh, ::tanhf(x))
JEMMA_MATH1(rsqrt, ::rsqrtf(x))
}
JEMMA_MATH1(fabs, ::fabsf(x))
JEMMA_MATH1(floor, ::floorf(x))
JEMMA_MATH1(ceil, ::ceilf(x))
JEMMA_MATH1(round, ::roundf(x))
JEMMA_MATH1(rint, ::rintf(x))

JEMMA_FN float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
template <int N> JEMMA_FN vec<float, N> fma(vec<float, N> a, vec<float, N> b, vec<float, N> c) {
    for (int i = 0; i < N; i++) a[i] = ::fmaf(a[i], b[i], c[i]);
    return a;
}
JEMMA_FN float pow(float a, float b) { return ::powf(a, b); }
JEMMA_FN bool isnan(float x) { return x != x; }
JEMMA_FN bool isinf(float x) { return ::fabsf(x) == INFINITY; }
JEMMA_FN float fmax(float a, float b) { return ::fmaxf(a, b); }
JEMMA_FN float fmin(float a, float b) { return ::fminf(a, b); }

// Scalars of two types meet in the wider one, as in Metal's usual arithmetic conversions.
template <class A, class B> using common_t = conditional_t<is_same_v<A, B>, A, decltype(A() + B())>;
template <class A, class B, class = enable_if_t<isScalar<A> && isScalar<B>>> JEMMA_FN common_t<A, B> max(A a, B b) {
    typedef common_t<A, B> C;
    return C(a) < C(b) ? C(b) : C(a);
}
template <class A, class B, class = enable_if_t<isScalar<A> && isScalar<B>>> JEMMA_FN common_t<A, B> min(A a, B b) {
    typedef common_t<A, B> C;
    return C(b) < C(a) ? C(b) : C(a);
}
template <class T, int N> JEMMA_FN vec<T, N> max(vec<T, N> a, vec<T, N> b) {
    for (int i = 0; i < N; i++) a[i] = max(a[i], b[i]);
    return a;
}
template <class T, int N> JEMMA_FN vec<T, N> min(vec<T, N> a, vec<T, N> b) {
    for (int i = 0; i < N; i++) a[i] = min(a[i], b[i]);
    return a;
}
template <class T, int N> JEMMA_FN vec<T, N> max(vec<T, N> a, T b) { return max(a, vec<T, N>(b)); }
template <class T, int N> JEMMA_FN vec<T, N> min(vec<T, N> a, T b) { return min(a, vec<T, N>(b)); }
template <class X, class L, class H> JEMMA_FN auto clamp(X x, L low, H high) { return min(max(x, low), high); }
template <class T, class = enable_if_t<isScalar<T>>> JEMMA_FN T abs(T x) { return x < T(0) ? T(-x) : x; }
template <int N> JEMMA_FN vec<float, N> abs(vec<float, N> v) { return fabs(v); }
template <class T, class = enable_if_t<isScalar<T>>> JEMMA_FN T select(T a, T b, bool c) { return c ? b : a; }

template <class To, class From> JEMMA_FN To as_type(From from) {
    static_assert(sizeof(To) == sizeof(From), "as_type: sizes differ");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
JEMMA_FN uint popcount(uint x) { return __popc(x); }
JEMMA_FN uint clz(uint x) { return __clz(x); }
}
