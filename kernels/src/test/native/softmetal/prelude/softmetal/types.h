// Scalar types, limits and the few type traits the rest of the prelude needs. No system header is included: compilation
// stays fast and C library names cannot clash with MSL's.
#pragma once

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef signed char int8_t;
typedef uchar uint8_t;
typedef short int16_t;
typedef ushort uint16_t;
typedef int int32_t;
typedef uint uint32_t;
typedef long int64_t;
typedef ulong uint64_t;
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;
typedef _Float16 half;
typedef __bf16 bfloat;

#undef INFINITY
#undef NAN
#undef HUGE_VALF
#undef FLT_MAX
#undef FLT_MIN
#undef FLT_EPSILON
#undef MAXFLOAT
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define HUGE_VALF INFINITY
#define FLT_MAX 3.402823466e+38f
#define FLT_MIN 1.175494351e-38f
#define FLT_EPSILON 1.192092896e-07f
#define MAXFLOAT FLT_MAX
#define HALF_MAX half(65504.0f)
#define MAXHALF HALF_MAX
#define M_PI_F 3.14159265358979323846f
#define M_1_PI_F 0.318309886183790671538f
#define M_2_PI_F 0.636619772367581343076f
#define M_LOG2E_F 1.44269504088896340736f
#define M_LN2_F 0.693147180559945309417f
#define M_SQRT2_F 1.41421356237309504880f
#define M_SQRT1_2_F 0.70710678118654752440f

SM_INLINE half operator""h(long double x) { return half(float(x)); }
SM_INLINE half operator""h(unsigned long long x) { return half(float(x)); }

namespace metal {

template <bool B, class T = void> struct enable_if {};
template <class T> struct enable_if<true, T> { typedef T type; };
template <bool B, class T = void> using enable_if_t = typename enable_if<B, T>::type;
template <bool B, class T, class F> struct conditional { typedef T type; };
template <class T, class F> struct conditional<false, T, F> { typedef F type; };
template <bool B, class T, class F> using conditional_t = typename conditional<B, T, F>::type;
template <class A, class B> struct is_same { static constexpr bool value = false; };
template <class A> struct is_same<A, A> { static constexpr bool value = true; };
template <class A, class B> constexpr bool is_same_v = is_same<A, B>::value;
template <class T> struct remove_cv { typedef T type; };
template <class T> struct remove_cv<const T> { typedef T type; };
template <class T> struct remove_cv<volatile T> { typedef T type; };
template <class T> using remove_cv_t = typename remove_cv<T>::type;

template <class T, class... Choices> constexpr bool sm_one_of = (is_same_v<T, Choices> || ...);
template <class T> constexpr bool sm_integer = sm_one_of<T, bool, char, signed char, uchar, short, ushort, int, uint,
                                                         long, ulong, long long, unsigned long long>;
template <class T> constexpr bool sm_scalar = sm_integer<T> || sm_one_of<T, float, double, half, bfloat>;
template <class T> constexpr bool is_floating_point_v = sm_one_of<T, float, half, bfloat>;
template <class T> constexpr bool is_integral_v = sm_integer<T>;

// half and bfloat convert into each other only by way of float.
template <class To, class From> SM_INLINE To sm_convert(From x) {
    constexpr bool both16 = (is_same_v<To, half> && is_same_v<From, bfloat>) ||
                            (is_same_v<To, bfloat> && is_same_v<From, half>);
    if constexpr (both16) return To(float(x));
    else return To(x);
}

template <class To, class From> SM_INLINE To as_type(From from) {
    static_assert(sizeof(To) == sizeof(From), "as_type: the sizes differ");
    To to;
    __builtin_memcpy(&to, &from, sizeof to);
    return to;
}

template <class T> struct numeric_limits;
template <> struct numeric_limits<float> {
    static SM_INLINE constexpr float max() { return FLT_MAX; }
    static SM_INLINE constexpr float min() { return FLT_MIN; }
    static SM_INLINE constexpr float lowest() { return -FLT_MAX; }
    static SM_INLINE constexpr float epsilon() { return FLT_EPSILON; }
    static SM_INLINE constexpr float infinity() { return INFINITY; }
    static SM_INLINE constexpr float quiet_NaN() { return NAN; }
};
template <> struct numeric_limits<half> {
    static SM_INLINE constexpr half max() { return half(65504.0f); }
    static SM_INLINE constexpr half min() { return half(6.103515625e-05f); }
    static SM_INLINE constexpr half lowest() { return half(-65504.0f); }
    static SM_INLINE constexpr half infinity() { return half(INFINITY); }
};
template <> struct numeric_limits<bfloat> {
    static SM_INLINE constexpr bfloat max() { return bfloat(3.38953139e+38f); }
    static SM_INLINE constexpr bfloat lowest() { return bfloat(-3.38953139e+38f); }
    static SM_INLINE constexpr bfloat infinity() { return bfloat(INFINITY); }
};
#define SM_INTEGER_LIMITS(T, least, most)                                 \
    template <> struct numeric_limits<T> {                                \
        static SM_INLINE constexpr T max() { return most; }               \
        static SM_INLINE constexpr T min() { return least; }              \
        static SM_INLINE constexpr T lowest() { return least; }           \
    };
SM_INTEGER_LIMITS(char, -128, 127)
SM_INTEGER_LIMITS(uchar, 0, 255)
SM_INTEGER_LIMITS(short, -32768, 32767)
SM_INTEGER_LIMITS(ushort, 0, 65535)
SM_INTEGER_LIMITS(int, -2147483647 - 1, 2147483647)
SM_INTEGER_LIMITS(uint, 0, 4294967295u)
SM_INTEGER_LIMITS(long, -9223372036854775807l - 1, 9223372036854775807l)
SM_INTEGER_LIMITS(ulong, 0, 18446744073709551615ul)
#undef SM_INTEGER_LIMITS

} // namespace metal
