// How weights lie in memory, one struct a format. Checkpoints are read in place, so a matrix may start at any byte:
// `at` reads one element from whatever address, `four` reads four at once and needs an address aligned to all four.
// `raw` and `widen` are `four` in two steps, so that several loads can be under way before the first is used.
// Codes and scales of affine weights are read likewise; the host passes `aligned` only where every row qualifies.
#include "common.h"

inline ushort ushort_at(device const uchar* bytes, ulong i) {
    return ushort(uint(bytes[2 * i]) | (uint(bytes[2 * i + 1]) << 8));
}

inline uint uint_at(device const uchar* bytes, ulong i) {
    return uint(bytes[4 * i]) | (uint(bytes[4 * i + 1]) << 8) | (uint(bytes[4 * i + 2]) << 16)
            | (uint(bytes[4 * i + 3]) << 24);
}

struct F32 {
    typedef float4 Raw;
    static float4 raw(device const uchar* bytes, ulong i) {
        return *(device const float4*)(bytes + 4 * i);
    }
    static float4 widen(float4 raw) {
        return raw;
    }
    static float at(device const uchar* bytes, ulong i) {
        return as_type<float>(uint_at(bytes, i));
    }
    static float4 four(device const uchar* bytes, ulong i) {
        return raw(bytes, i);
    }
    static ulong bytes() {
        return 4;
    }
};

struct F16 {
    typedef half4 Raw;
    static half4 raw(device const uchar* bytes, ulong i) {
        return *(device const half4*)(bytes + 2 * i);
    }
    static float4 widen(half4 raw) {
        return float4(raw);
    }
    static float at(device const uchar* bytes, ulong i) {
        return float(as_type<half>(ushort_at(bytes, i)));
    }
    static float4 four(device const uchar* bytes, ulong i) {
        return widen(raw(bytes, i));
    }
    static ulong bytes() {
        return 2;
    }
};

// A bfloat is the upper half of a float: widened by a shift, which also serves GPUs without the type.
struct BF16 {
    typedef uint2 Raw;
    static uint2 raw(device const uchar* bytes, ulong i) {
        return *(device const uint2*)(bytes + 2 * i);
    }
    static float4 widen(uint2 raw) {
        return float4(
                as_type<float>(raw.x << 16),
                as_type<float>(raw.x & 0xffff0000u),
                as_type<float>(raw.y << 16),
                as_type<float>(raw.y & 0xffff0000u));
    }
    static float at(device const uchar* bytes, ulong i) {
        return as_type<float>(uint(ushort_at(bytes, i)) << 16);
    }
    static float4 four(device const uchar* bytes, ulong i) {
        return widen(raw(bytes, i));
    }
    static ulong bytes() {
        return 2;
    }
};

// Type of an affine matrix's scales and biases: 0 F32, 1 F16, 2 BF16.
constant int SCALE_TYPE [[function_constant(0)]];

inline ulong scale_bytes() {
    return SCALE_TYPE == 0 ? 4ul : 2ul;
}

inline float scale_at(device const uchar* bytes, ulong i) {
    if (SCALE_TYPE == 0) {
        return F32::at(bytes, i);
    }
    if (SCALE_TYPE == 1) {
        return F16::at(bytes, i);
    }
    return BF16::at(bytes, i);
}

inline float aligned_scale_at(device const uchar* bytes, ulong i) {
    if (SCALE_TYPE == 0) {
        return *(device const float*)(bytes + 4 * i);
    }
    const ushort bits = *(device const ushort*)(bytes + 2 * i);
    if (SCALE_TYPE == 1) {
        return float(as_type<half>(bits));
    }
    return as_type<float>(uint(bits) << 16);
}

// Code `i` of a row of `bits`-bit codes, the first in the lowest bits.
template <short BITS>
inline float code_at(device const uchar* row, ulong i) {
    if (BITS == 8) {
        return float(row[i]);
    }
    const uint pair = row[i / 2];
    return float((i & 1) == 0 ? (pair & 15u) : (pair >> 4));
}
