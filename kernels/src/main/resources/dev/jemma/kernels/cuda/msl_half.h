// half and bfloat are storage types: every use converts to float, as the dialect of the shaders asks.
#pragma once

struct half {
    unsigned short bits;
    half() = default;
    __device__ __forceinline__ half(float f) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(f)); }
    __device__ __forceinline__ half(int i) : half(float(i)) {}
    __device__ __forceinline__ half(unsigned i) : half(float(i)) {}
    __device__ __forceinline__ operator float() const {
        float f;
        asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(bits));
        return f;
    }
};

struct bfloat {
    unsigned short bits;
    bfloat() = default;
    __device__ __forceinline__ bfloat(float f) { asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(f)); }
    __device__ __forceinline__ bfloat(int i) : bfloat(float(i)) {}
    __device__ __forceinline__ bfloat(unsigned i) : bfloat(float(i)) {}
    __device__ __forceinline__ operator float() const { return __uint_as_float(unsigned(bits) << 16); }
};
