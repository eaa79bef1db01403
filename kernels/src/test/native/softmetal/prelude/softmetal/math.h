// Math functions. half and bfloat are computed in float and rounded once; vectors element by element.
#pragma once

namespace metal {

#define SM_UNARY(name, formula)                                                      \
    SM_INLINE float name(float x) { return formula; }                                \
    SM_INLINE half name(half h) {                                                    \
        float x = float(h);                                                          \
        return half(formula);                                                        \
    }                                                                                \
    SM_INLINE bfloat name(bfloat b) {                                                \
        float x = float(b);                                                          \
        return bfloat(formula);                                                      \
    }                                                                                \
    template <class A, class = sm_if_vector<A>> SM_INLINE sm_same<A> name(A a) {     \
        sm_same<A> r;                                                                \
        for (int i = 0; i < sm_length<A>; i++) r[i] = name(sm_element<A>(a[i]));     \
        return r;                                                                    \
    }

// Those that Metal has in a fast and a precise form; here both are the C library's.
#define SM_TWO_FORMS                             \
    SM_UNARY(exp, __builtin_expf(x))             \
    SM_UNARY(exp2, __builtin_exp2f(x))           \
    SM_UNARY(exp10, __builtin_powf(10.0f, x))    \
    SM_UNARY(log, __builtin_logf(x))             \
    SM_UNARY(log2, __builtin_log2f(x))           \
    SM_UNARY(log10, __builtin_log10f(x))         \
    SM_UNARY(sin, __builtin_sinf(x))             \
    SM_UNARY(cos, __builtin_cosf(x))             \
    SM_UNARY(tan, __builtin_tanf(x))             \
    SM_UNARY(asin, __builtin_asinf(x))           \
    SM_UNARY(acos, __builtin_acosf(x))           \
    SM_UNARY(atan, __builtin_atanf(x))           \
    SM_UNARY(sinh, __builtin_sinhf(x))           \
    SM_UNARY(cosh, __builtin_coshf(x))           \
    SM_UNARY(tanh, __builtin_tanhf(x))           \
    SM_UNARY(sqrt, __builtin_sqrtf(x))           \
    SM_UNARY(rsqrt, 1.0f / __builtin_sqrtf(x))
SM_TWO_FORMS
namespace precise {
SM_TWO_FORMS
SM_INLINE float pow(float a, float b) { return __builtin_powf(a, b); }
SM_INLINE float divide(float a, float b) { return a / b; }
} // namespace precise
namespace fast {
SM_TWO_FORMS
SM_INLINE float pow(float a, float b) { return __builtin_powf(a, b); }
SM_INLINE float divide(float a, float b) { return a / b; }
} // namespace fast
#undef SM_TWO_FORMS

SM_UNARY(fabs, __builtin_fabsf(x))
SM_UNARY(floor, __builtin_floorf(x))
SM_UNARY(ceil, __builtin_ceilf(x))
SM_UNARY(trunc, __builtin_truncf(x))
SM_UNARY(round, __builtin_roundf(x))
SM_UNARY(rint, __builtin_rintf(x))
SM_UNARY(erf, __builtin_erff(x))
SM_UNARY(sign, x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f)
SM_UNARY(saturate, x < 0 ? 0.0f : x > 1 ? 1.0f : x)
SM_UNARY(fract, x - __builtin_floorf(x))
#undef SM_UNARY

SM_INLINE float pow(float a, float b) { return __builtin_powf(a, b); }
SM_INLINE float powr(float a, float b) { return __builtin_powf(a, b); }
SM_INLINE float atan2(float a, float b) { return __builtin_atan2f(a, b); }
SM_INLINE float fmod(float a, float b) { return __builtin_fmodf(a, b); }
SM_INLINE float copysign(float a, float b) { return __builtin_copysignf(a, b); }
SM_INLINE float ldexp(float a, int b) { return __builtin_ldexpf(a, b); }
SM_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
SM_INLINE half fma(half a, half b, half c) { return half(__builtin_fmaf(float(a), float(b), float(c))); }
template <class T, int N> SM_INLINE vec<T, N> fma(vec<T, N> a, vec<T, N> b, vec<T, N> c) {
    for (int i = 0; i < N; i++) a[i] = fma(a[i], b[i], c[i]);
    return a;
}

// By bits, so that they hold even where the compiler may assume that there is no NaN.
SM_INLINE bool isnan(float x) { return (as_type<uint>(x) & 0x7fffffffu) > 0x7f800000u; }
SM_INLINE bool isinf(float x) { return (as_type<uint>(x) & 0x7fffffffu) == 0x7f800000u; }
SM_INLINE bool isfinite(float x) { return (as_type<uint>(x) & 0x7f800000u) != 0x7f800000u; }
SM_INLINE bool signbit(float x) { return as_type<uint>(x) >> 31; }

// min and max of scalars follow the usual arithmetic conversions.
template <class A, class B> using sm_if_scalars = enable_if_t<sm_scalar<A> && sm_scalar<B>>;
template <class A, class B> using sm_common = conditional_t<is_same_v<A, B>, A, decltype(A() + B())>;
#define SM_EXTREME(name, condition)                                                                           \
    template <class A, class B, class = sm_if_scalars<A, B>> SM_INLINE sm_common<A, B> name(A x, B y) {        \
        sm_common<A, B> a = sm_common<A, B>(x), b = sm_common<A, B>(y);                                        \
        return condition ? b : a;                                                                              \
    }                                                                                                          \
    template <class A, class B, class = sm_if_operands<A, B>, int = 0>                                         \
    SM_INLINE sm_result<A, B> name(A a, B b) {                                                                 \
        typedef sm_element<sm_result<A, B>> E;                                                                 \
        sm_result<A, B> r;                                                                                     \
        for (int i = 0; i < sm_length<sm_result<A, B>>; i++) r[i] = name(E(sm_at(a, i)), E(sm_at(b, i)));      \
        return r;                                                                                              \
    }
SM_EXTREME(max, a < b)
SM_EXTREME(min, b < a)
// The f forms drop a NaN operand.
SM_EXTREME(fmax, (a < b || a != a))
SM_EXTREME(fmin, (b < a || a != a))
#undef SM_EXTREME

template <class X, class L, class H> SM_INLINE auto clamp(X x, L low, H high) { return min(max(x, low), high); }
template <class A> SM_INLINE sm_same<A> abs(A x) {
    if constexpr (sm_length<A> > 0) {
        sm_same<A> r;
        for (int i = 0; i < sm_length<A>; i++) r[i] = x[i] < sm_element<A>(0) ? sm_element<A>(-x[i]) : x[i];
        return r;
    } else {
        return x < A(0) ? A(-x) : x;
    }
}
template <class A, class B,
          class = enable_if_t<(sm_length<A> > 0) && sm_length<A> == sm_length<B> &&
                              is_same_v<sm_element<A>, sm_element<B>>>>
SM_INLINE sm_element<A> dot(A a, B b) {
    sm_element<A> sum = a[0] * b[0];
    for (int i = 1; i < sm_length<A>; i++) sum = sm_element<A>(sum + a[i] * b[i]);
    return sum;
}
template <class A, class = sm_if_vector<A>> SM_INLINE sm_element<A> length_squared(A a) { return dot(a, a); }
template <class A, class = sm_if_vector<A>> SM_INLINE sm_element<A> length(A a) { return sqrt(dot(a, a)); }
template <class A, class W> SM_INLINE auto mix(A a, A b, W w) { return a + (b - a) * w; }
SM_INLINE float step(float edge, float x) { return x < edge ? 0.0f : 1.0f; }

template <class T, int N> SM_INLINE vec<T, N> select(vec<T, N> a, vec<T, N> b, vec<bool, N> c) {
    for (int i = 0; i < N; i++)
        if (c[i]) a[i] = b[i];
    return a;
}
template <class T, class = enable_if_t<sm_scalar<T>>> SM_INLINE T select(T a, T b, bool c) { return c ? b : a; }
template <int N> SM_INLINE bool any(vec<bool, N> v) {
    for (int i = 0; i < N; i++)
        if (v[i]) return true;
    return false;
}
template <int N> SM_INLINE bool all(vec<bool, N> v) {
    for (int i = 0; i < N; i++)
        if (!v[i]) return false;
    return true;
}

SM_INLINE uint popcount(uint x) { return uint(__builtin_popcount(x)); }
SM_INLINE uint clz(uint x) { return x ? uint(__builtin_clz(x)) : 32u; }
SM_INLINE uint ctz(uint x) { return x ? uint(__builtin_ctz(x)) : 32u; }
SM_INLINE uint reverse_bits(uint x) { return __builtin_bitreverse32(x); }
SM_INLINE uint rotate(uint x, uint n) { return (x << (n & 31)) | (x >> (-n & 31)); }
SM_INLINE uint mulhi(uint a, uint b) { return uint((ulong(a) * b) >> 32); }
SM_INLINE int mulhi(int a, int b) { return int((long(a) * b) >> 32); }
SM_INLINE uint extract_bits(uint x, uint offset, uint bits) {
    return bits == 0 ? 0u : (x >> offset) & (0xffffffffu >> (32 - bits));
}

} // namespace metal
