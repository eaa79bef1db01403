// Operands of a vendor's matrix multiplication: activations and dequantized weights in BF16.
#include "weights.h"

// Upper half of a float, rounded to nearest, ties to even. Finite inputs.
inline uint bf16_bits(float x) {
    const uint bits = as_type<uint>(x);
    return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

inline uint bf16_pair(float low, float high) {
    return bf16_bits(low) | (bf16_bits(high) << 16);
}

// What rounding to BF16 takes away.
inline float bf16_remainder(float x) {
    return x - as_type<float>(bf16_bits(x) << 16);
}

inline uint2 bf16_four(float4 x) {
    return uint2(bf16_pair(x.x, x.y), bf16_pair(x.z, x.w));
}

struct NarrowArgs {
    int cols;
    int x_stride;
    int rows;
    int split;
};

// Dense rows of `cols` BF16 values; a thread makes 4. Split: behind them as many rows of remainders. Grid (columns / 4,
// rows).
kernel void narrow_rows(
        constant NarrowArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device uint2* out [[buffer(2)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x) * 4;
    if (col >= args.cols) {
        return;
    }
    const float4 from = *(device const float4*)(row_of(x, int(at.y), args.x_stride) + col);
    const ulong element = ulong(at.y) * ulong(args.cols) + ulong(col);
    out[element / 4] = bf16_four(from);
    if (args.split != 0) {
        const ulong part = ulong(args.rows) * ulong(args.cols);
        out[(part + element) / 4] = bf16_four(float4(
                bf16_remainder(from.x), bf16_remainder(from.y), bf16_remainder(from.z), bf16_remainder(from.w)));
    }
}

struct DequantizeArgs {
    int cols;
    int first_row;
    int group_shift;
    int remainder;
};

// Rows `first_row` and following of an affine matrix as dense BF16, or their remainders; a thread makes 8. Grid (columns / 8, rows).
template <short BITS>
kernel void dequantize(
        constant DequantizeArgs& args [[buffer(0)]],
        device const uchar* codes [[buffer(1)]],
        device const uchar* scales [[buffer(2)]],
        device const uchar* biases [[buffer(3)]],
        device uint4* out [[buffer(4)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x) * 8;
    if (col >= args.cols) {
        return;
    }
    const ulong first = (ulong(args.first_row) + ulong(at.y)) * ulong(args.cols) + ulong(col);
    const ulong group = first >> args.group_shift;
    const float scale = aligned_scale_at(scales, group);
    const float bias = aligned_scale_at(biases, group);
    device const uint* words = (device const uint*)(codes + first * ulong(BITS) / 8);
    constexpr short CODES = 32 / BITS;
    float values[8];
    #pragma unroll
    for (short i = 0; i < 8; i++) {
        const uint word = words[i / CODES];
        values[i] = scale * float((word >> (i % CODES * BITS)) & ((1u << BITS) - 1u)) + bias;
        if (args.remainder != 0) {
            values[i] = bf16_remainder(values[i]);
        }
    }
    uint4 pairs;
    pairs.x = bf16_pair(values[0], values[1]);
    pairs.y = bf16_pair(values[2], values[3]);
    pairs.z = bf16_pair(values[4], values[5]);
    pairs.w = bf16_pair(values[6], values[7]);
    out[(ulong(at.y) * ulong(args.cols) + ulong(col)) / 8] = pairs;
}

template [[host_name("dequantize_affine4")]] kernel decltype(dequantize<4>) dequantize<4>;
template [[host_name("dequantize_affine8")]] kernel decltype(dequantize<8>) dequantize<8>;
