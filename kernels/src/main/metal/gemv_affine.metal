// Matrix-vector products with MLX affine weights. Grid (blocks of outputs, blocks of rows).
//
// A lane takes 8 bytes of codes at a time: 16 codes of 4 bits or 8 of 8, all of one group, so that
// sum (scale q + bias) x = scale sum q x + bias sum x needs scale and bias once a lane and step.
#include "gemv.h"

// Inputs of a lane's step. For 4-bit codes input i is divided by 16^(i mod 4): codes are then multiplied where they lie
// in a 16-bit word, masked but not shifted. The divisors are powers of two, so nothing is lost.
template <short BITS>
struct Inputs {
    float4 at[BITS == 4 ? 4 : 2];
    float sum;
};

template <short BITS>
inline void load_inputs(thread Inputs<BITS>& inputs, device const float* x) {
    float4 sum = float4(0.0f);
    for (short j = 0; j < (BITS == 4 ? 4 : 2); j++) {
        const float4 four = *(device const float4*)(x + 4 * j);
        sum += four;
        inputs.at[j] = four;
        if (BITS == 4) {
            inputs.at[j] = four * float4(1.0f, 1.0f / 16.0f, 1.0f / 256.0f, 1.0f / 4096.0f);
        }
    }
    inputs.sum = sum.x + sum.y + sum.z + sum.w;
}

inline float4 nibbles_in_place(uint half_word) {
    return float4(
            float(half_word & 0x000fu),
            float(half_word & 0x00f0u),
            float(half_word & 0x0f00u),
            float(half_word & 0xf000u));
}

inline float4 bytes_of(uint word) {
    return float4(float(word & 255u), float((word >> 8) & 255u), float((word >> 16) & 255u), float(word >> 24));
}

template <short BITS>
inline float code_dot(uint2 codes, thread const Inputs<BITS>& inputs) {
    if (BITS == 4) {
        return dot(nibbles_in_place(codes.x), inputs.at[0]) + dot(nibbles_in_place(codes.x >> 16), inputs.at[1])
                + dot(nibbles_in_place(codes.y), inputs.at[BITS == 4 ? 2 : 0])
                + dot(nibbles_in_place(codes.y >> 16), inputs.at[BITS == 4 ? 3 : 1]);
    }
    return dot(bytes_of(codes.x), inputs.at[0]) + dot(bytes_of(codes.y), inputs.at[1]);
}

template <short BITS, short OUTS, short ROWS>
inline void affine_sums(
        thread Sums<OUTS, ROWS>& sums,
        device const uchar* codes,
        device const uchar* scales,
        device const uchar* biases,
        device const float* x,
        int first_out,
        int outs,
        int first_row,
        constant GemvArgs& args,
        ushort lane) {
    constexpr short STEP = BITS == 4 ? 16 : 8;
    clear(sums);
    const ulong groups = ulong(args.cols >> args.group_shift);
    const ulong row_bytes = ulong(args.cols) * ulong(BITS) / 8;
    for (int i = lane * STEP; i < args.cols; i += LANES * STEP) {
        uint2 words[OUTS];
        float scale[OUTS];
        float bias[OUTS];
        for (short o = 0; o < OUTS; o++) {
            const ulong out = ulong(min(first_out + o, outs - 1));
            const ulong group = out * groups + ulong(i >> args.group_shift);
            words[o] = *(device const uint2*)(codes + out * row_bytes + ulong(i) * ulong(BITS) / 8);
            scale[o] = aligned_scale_at(scales, group);
            bias[o] = aligned_scale_at(biases, group);
        }
        for (short r = 0; r < ROWS; r++) {
            Inputs<BITS> inputs;
            load_inputs(inputs, row_of(x, min(first_row + r, args.rows - 1), args.x_stride) + i);
            for (short o = 0; o < OUTS; o++) {
                sums.at[o][r] += scale[o] * code_dot<BITS>(words[o], inputs) + bias[o] * inputs.sum;
            }
        }
    }
    add_lanes(sums);
}

template <short BITS, short ROWS>
kernel void gemv_affine(
        constant GemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* codes [[buffer(2)]],
        device const uchar* scales [[buffer(3)]],
        device const uchar* biases [[buffer(4)]],
        device float* out [[buffer(5)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int first_out = (int(group.x) * simdgroups + simdgroup) * 4;
    if (first_out >= args.outs) {
        return;
    }
    const int first_row = int(group.y) * ROWS;
    Sums<4, ROWS> sums;
    affine_sums<BITS, 4, ROWS>(sums, codes, scales, biases, x, first_out, args.outs, first_row, args, lane);
    if (lane == 0) {
        store_sums(sums, out, args.out_stride, first_out, args.outs, first_row, args.rows);
    }
}

// For matrices that are not aligned.
template <short BITS>
kernel void gemv_affine_any(
        constant GemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* codes [[buffer(2)]],
        device const uchar* scales [[buffer(3)]],
        device const uchar* biases [[buffer(4)]],
        device float* out [[buffer(5)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int output = int(group.x) * simdgroups + simdgroup;
    if (output >= args.outs) {
        return;
    }
    device const float* inputs = row_of(x, int(group.y), args.x_stride);
    const ulong first = ulong(output) * ulong(args.cols);
    float sum = 0.0f;
    for (int i = lane; i < args.cols; i += LANES) {
        const ulong at = first + ulong(i);
        const ulong scale_index = at >> args.group_shift;
        sum += (scale_at(scales, scale_index) * code_at<BITS>(codes, at) + scale_at(biases, scale_index)) * inputs[i];
    }
    sum = simd_sum(sum);
    if (lane == 0) {
        row_of(out, int(group.y), args.out_stride)[output] = sum;
    }
}

struct QkvArgs {
    GemvArgs gemv;
    int q_outs;
    int k_outs;
    int v_outs;
    int q_stride;
    int k_stride;
    int v_stride;
};

template <short BITS, short ROWS>
kernel void gemv_qkv_affine(
        constant QkvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* q_codes [[buffer(2)]],
        device const uchar* q_scales [[buffer(3)]],
        device const uchar* q_biases [[buffer(4)]],
        device const uchar* k_codes [[buffer(5)]],
        device const uchar* k_scales [[buffer(6)]],
        device const uchar* k_biases [[buffer(7)]],
        device const uchar* v_codes [[buffer(8)]],
        device const uchar* v_scales [[buffer(9)]],
        device const uchar* v_biases [[buffer(10)]],
        device float* q [[buffer(11)]],
        device float* k [[buffer(12)]],
        device float* v [[buffer(13)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    int block = int(group.x) * simdgroups + simdgroup;
    device const uchar* codes = q_codes;
    device const uchar* scales = q_scales;
    device const uchar* biases = q_biases;
    device float* out = q;
    int outs = args.q_outs;
    int stride = args.q_stride;
    if (block >= (outs + 3) / 4) {
        block -= (outs + 3) / 4;
        codes = k_codes;
        scales = k_scales;
        biases = k_biases;
        out = k;
        outs = args.k_outs;
        stride = args.k_stride;
        if (block >= (outs + 3) / 4) {
            block -= (outs + 3) / 4;
            codes = v_codes;
            scales = v_scales;
            biases = v_biases;
            out = v;
            outs = args.v_outs;
            stride = args.v_stride;
        }
    }
    if (block * 4 >= outs) {
        return;
    }
    const int first_row = int(group.y) * ROWS;
    Sums<4, ROWS> sums;
    affine_sums<BITS, 4, ROWS>(sums, codes, scales, biases, x, block * 4, outs, first_row, args.gemv, lane);
    if (lane == 0) {
        store_sums(sums, out, stride, block * 4, outs, first_row, args.gemv.rows);
    }
}

template <short BITS, short ROWS>
kernel void gemv_geglu_affine(
        constant GemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* gate_codes [[buffer(2)]],
        device const uchar* gate_scales [[buffer(3)]],
        device const uchar* gate_biases [[buffer(4)]],
        device const uchar* up_codes [[buffer(5)]],
        device const uchar* up_scales [[buffer(6)]],
        device const uchar* up_biases [[buffer(7)]],
        device float* out [[buffer(8)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int first_out = (int(group.x) * simdgroups + simdgroup) * 2;
    if (first_out >= args.outs) {
        return;
    }
    const int first_row = int(group.y) * ROWS;
    Sums<2, ROWS> gate;
    Sums<2, ROWS> up;
    affine_sums<BITS, 2, ROWS>(
            gate, gate_codes, gate_scales, gate_biases, x, first_out, args.outs, first_row, args, lane);
    affine_sums<BITS, 2, ROWS>(up, up_codes, up_scales, up_biases, x, first_out, args.outs, first_row, args, lane);
    if (lane == 0) {
        for (short o = 0; o < 2; o++) {
            for (short r = 0; r < ROWS; r++) {
                gate.at[o][r] = gelu_tanh(gate.at[o][r]) * up.at[o][r];
            }
        }
        store_sums(gate, out, args.out_stride, first_out, args.outs, first_row, args.rows);
    }
}

template [[host_name("gemv_any_affine4")]] kernel decltype(gemv_affine_any<4>) gemv_affine_any<4>;
template [[host_name("gemv_any_affine8")]] kernel decltype(gemv_affine_any<8>) gemv_affine_any<8>;

template [[host_name("gemv_affine4_rows1")]] kernel decltype(gemv_affine<4, 1>) gemv_affine<4, 1>;
template [[host_name("gemv_affine4_rows4")]] kernel decltype(gemv_affine<4, 4>) gemv_affine<4, 4>;
template [[host_name("gemv_affine4_rows8")]] kernel decltype(gemv_affine<4, 8>) gemv_affine<4, 8>;
template [[host_name("gemv_affine8_rows1")]] kernel decltype(gemv_affine<8, 1>) gemv_affine<8, 1>;
template [[host_name("gemv_affine8_rows4")]] kernel decltype(gemv_affine<8, 4>) gemv_affine<8, 4>;
template [[host_name("gemv_affine8_rows8")]] kernel decltype(gemv_affine<8, 8>) gemv_affine<8, 8>;

template [[host_name("gemv_qkv_affine4_rows1")]] kernel decltype(gemv_qkv_affine<4, 1>) gemv_qkv_affine<4, 1>;
template [[host_name("gemv_qkv_affine4_rows4")]] kernel decltype(gemv_qkv_affine<4, 4>) gemv_qkv_affine<4, 4>;
template [[host_name("gemv_qkv_affine4_rows8")]] kernel decltype(gemv_qkv_affine<4, 8>) gemv_qkv_affine<4, 8>;
template [[host_name("gemv_qkv_affine8_rows1")]] kernel decltype(gemv_qkv_affine<8, 1>) gemv_qkv_affine<8, 1>;
template [[host_name("gemv_qkv_affine8_rows4")]] kernel decltype(gemv_qkv_affine<8, 4>) gemv_qkv_affine<8, 4>;
template [[host_name("gemv_qkv_affine8_rows8")]] kernel decltype(gemv_qkv_affine<8, 8>) gemv_qkv_affine<8, 8>;

template [[host_name("gemv_geglu_affine4_rows1")]] kernel decltype(gemv_geglu_affine<4, 1>) gemv_geglu_affine<4, 1>;
template [[host_name("gemv_geglu_affine4_rows4")]] kernel decltype(gemv_geglu_affine<4, 4>) gemv_geglu_affine<4, 4>;
template [[host_name("gemv_geglu_affine4_rows8")]] kernel decltype(gemv_geglu_affine<4, 8>) gemv_geglu_affine<4, 8>;
template [[host_name("gemv_geglu_affine8_rows1")]] kernel decltype(gemv_geglu_affine<8, 1>) gemv_geglu_affine<8, 1>;
template [[host_name("gemv_geglu_affine8_rows4")]] kernel decltype(gemv_geglu_affine<8, 4>) gemv_geglu_affine<8, 4>;
template [[host_name("gemv_geglu_affine8_rows8")]] kernel decltype(gemv_geglu_affine<8, 8>) gemv_geglu_affine<8, 8>;
