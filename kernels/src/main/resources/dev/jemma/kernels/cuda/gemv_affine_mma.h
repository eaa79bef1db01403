// Matrix-vector products of one row of activations with 4-bit MLX weights in groups of 64, on tensor cores. In the place
// of gemv_affine.metal: same arguments, other grids. This is what the wide and the paired kernels share.
//
// Codes stay what they are: a pair of them becomes two BF16 numbers 1 + q / 16 by one shift and one mask-and-or, and the
// group's scale and bias are applied to sums. Activations are split into two BF16 numbers, of which the second holds what
// the first rounds off, so that nothing above 2^-18 of an activation is lost: products are those of F32.
//
// A warp multiplies 16 rows of codes with a matrix of 8 columns at a time. Lane l has 32 codes (16 bytes) of rows l / 4
// and l / 4 + 8, those of columns 32 (l % 4) and on of a block of 128: lanes 0 and 1 of four belong to the block's first
// group, lanes 2 and 3 to its second. The columns keep the groups apart: column 2 p + g has part p of the activations where
// the lane is of group g, and zeros elsewhere. Lane l of four then holds, of its two rows, the sums of part l % 4 for both
// groups if l % 4 is 0 or 1; the other two lanes do the group's bias, and what 1 + q / 16 has too much.
#include "gemv.h"

// Columns of a block, and words of two activations that one of four lanes needs of it.
constexpr int BLOCK = 128;
constexpr int PAIRS = 16;

inline float low_of(uint pair) {
    return as_type<float>(pair << 16);
}

inline float high_of(uint pair) {
    return as_type<float>(pair & 0xffff0000u);
}

struct Words {
    uint at[4];
};

// Weights are read once: they need not stay in L1.
inline Words stream_words(const uchar* from) {
    Words words;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(words.at[0]), "=r"(words.at[1]), "=r"(words.at[2]), "=r"(words.at[3])
                 : "l"(from));
    return words;
}

// Codes I and I + 4 of a word as 1 + q / 16.
template <int I>
inline uint code_pair(uint word) {
    const uint shifted = I == 0 ? word << 3 : word >> (4 * I - 3);
    return (shifted & 0x00780078u) | 0x3f803f80u;
}

inline Words shared_words(const uint* from) {
    Words words;
    asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(words.at[0]), "=r"(words.at[1]), "=r"(words.at[2]), "=r"(words.at[3])
                 : "r"(shared_address(from)));
    return words;
}

// Two neighbouring scales in F16 or BF16.
inline float2 scale_pair(uint pair) {
    if (SCALE_TYPE == 1) {
        return float2(float(as_type<half>(ushort(pair & 0xffffu))), float(as_type<half>(ushort(pair >> 16))));
    }
    return float2(low_of(pair), high_of(pair));
}

// A block's activations times 16, for all warps of a matrix that need them.
struct __align__(16) Activations {
    uint parts[2][4][PAIRS];
    float sums[2];
};

// Half a warp writes a block: each lane 8 neighbouring activations, or zeros from block `blocks` on.
inline void split_activations(Activations& to, const float* x, int block, int blocks, int lane) {
    const int word = lane % 16;
    float4 lower = float4(0.0f);
    float4 upper = float4(0.0f);
    if (block < blocks) {
        lower = *(const float4*)(x + block * BLOCK + word * 8);
        upper = *(const float4*)(x + block * BLOCK + word * 8 + 4);
    }
    const float low[4] = {lower.x, lower.y, lower.z, lower.w};
    const float high[4] = {upper.x, upper.y, upper.z, upper.w};
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        sum += low[i] + high[i];
        const float a = low[i] * 16.0f;
        const float b = high[i] * 16.0f;
        const uint rounded = pack_bf16(a, b);
        to.parts[0][word / 4][word % 4 * 4 + i] = rounded;
        to.parts[1][word / 4][word % 4 * 4 + i] = pack_bf16(a - low_of(rounded), b - high_of(rounded));
    }
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    sum += __shfl_xor_sync(0xffffffffu, sum, 4);
    if (word % 8 == 0) {
        to.sums[word / 8] = sum;
    }
}

// What four lanes make of a row of codes and one block: this lane's share of scale sum(q x) + bias sum(x).
// `sums` are those of its columns if it has the row's, else `extra` says what it does: 1 the bias, -16 the excess.
inline float weigh(const float* sums, bool has_sums, const Activations& x, float extra, uint scales) {
    const float2 by = scale_pair(scales);
    const float first = has_sums ? sums[0] : extra * x.sums[0];
    const float second = has_sums ? sums[1] : extra * x.sums[1];
    return by.x * first + by.y * second;
}

// Multiplies two rows of a lane's codes with its columns of activations.
inline void multiply_codes(float (&sums)[4], const Words& upper, const Words& lower, const uint (&b)[PAIRS]) {
    float odd[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    sums[0] = sums[1] = sums[2] = sums[3] = 0.0f;
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const uint u = upper.at[j];
        const uint l = lower.at[j];
        const uint first[4] = {code_pair<0>(u), code_pair<0>(l), code_pair<1>(u), code_pair<1>(l)};
        const uint second[4] = {code_pair<2>(u), code_pair<2>(l), code_pair<3>(u), code_pair<3>(l)};
        multiply_add_bf16(sums, first, b[4 * j], b[4 * j + 1]);
        multiply_add_bf16(odd, second, b[4 * j + 2], b[4 * j + 3]);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        sums[i] += odd[i];
    }
}

// This lane's columns of a block's activations; zeros where the lane has no part in a column.
inline void load_columns(uint (&b)[PAIRS], const Activations& x, bool has_part, int part, int quarter) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
        Words words = {{0u, 0u, 0u, 0u}};
        if (has_part) {
            words = shared_words(&x.parts[part][quarter][4 * j]);
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            b[4 * j + i] = words.at[i];
        }
    }
}

inline const uchar* code_row(const uchar* codes, int row, int cols) {
    return codes + ulong(row) * ulong(cols / 2);
}

inline const uchar* scale_row(const uchar* scales, int row, int cols) {
    return scales + ulong(row) * ulong(cols / 32);
}

inline void store_gated(float sum, const float* up, float* out, int row, constant GatedGemvArgs& args) {
    out[row] = args.has_up == 0 ? sum : gelu_tanh(sum) * up[row];
}
