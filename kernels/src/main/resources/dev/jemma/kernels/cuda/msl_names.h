// Metal's names on CUDA. NVRTC declares float4, min, exp and many more globally; a macro gives Metal's own version
// another name, in its definition and in every use alike.
#pragma once
#define __METAL_VERSION__ 310

#define JEMMA_FN static __device__ __forceinline__

// `device` below is about to become a macro, and __device__ expands to an attribute spelled `device`.
#undef __device__
#define __device__ __attribute__((__device__))

#define device
#define thread
#define threadgroup
#define constant const
#define kernel static __device__ __forceinline__

#define half jemma_half
#define half2 jemma_half2
#define half3 jemma_half3
#define half4 jemma_half4
#define float2 jemma_float2
#define float3 jemma_float3
#define float4 jemma_float4
#define int2 jemma_int2
#define int3 jemma_int3
#define int4 jemma_int4
#define uint2 jemma_uint2
#define uint3 jemma_uint3
#define uint4 jemma_uint4
#define ulong2 jemma_ulong2
#define short2 jemma_short2
#define short4 jemma_short4
#define ushort2 jemma_ushort2
#define ushort3 jemma_ushort3
#define ushort4 jemma_ushort4
#define char2 jemma_char2
#define char4 jemma_char4
#define uchar2 jemma_uchar2
#define uchar4 jemma_uchar4

#define min jemma_min
#define max jemma_max
#define abs jemma_abs
#define exp jemma_exp
#define exp2 jemma_exp2
#define log jemma_log
#define log2 jemma_log2
#define sin jemma_sin
#define cos jemma_cos
#define tanh jemma_tanh
#define sqrt jemma_sqrt
#define rsqrt jemma_rsqrt
#define fabs jemma_fabs
#define floor jemma_floor
#define ceil jemma_ceil
#define round jemma_round
#define rint jemma_rint
#define pow jemma_pow
#define fma jemma_fma
#define fmax jemma_fmax
#define fmin jemma_fmin
#define isnan jemma_isnan
#define isinf jemma_isinf

#undef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#undef FLT_MAX
#define FLT_MAX 3.402823466e+38f
#undef FLT_MIN
#define FLT_MIN 1.175494351e-38f
#define MAXFLOAT FLT_MAX
#define M_PI_F 3.14159265358979323846f

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;

namespace metal {
template <bool B, class T = void> struct enable_if {};
template <class T> struct enable_if<true, T> { typedef T type; };
template <bool B, class T = void> using enable_if_t = typename enable_if<B, T>::type;
template <class A, class B> struct is_same { static constexpr bool value = false; };
template <class A> struct is_same<A, A> { static constexpr bool value = true; };
template <class A, class B> constexpr bool is_same_v = is_same<A, B>::value;
template <bool B, class T, class F> struct conditional { typedef T type; };
template <class T, class F> struct conditional<false, T, F> { typedef F type; };
template <bool B, class T, class F> using conditional_t = typename conditional<B, T, F>::type;
}
