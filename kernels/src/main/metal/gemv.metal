// Matrix-vector products with unquantized weights. Grid (blocks of outputs, blocks of rows).
#include "gemv.h"

template <typename W, short ROWS>
kernel void gemv(
        constant GemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* w [[buffer(2)]],
        device float* out [[buffer(3)]],
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
    dense_sums<W, 4, ROWS>(sums, w, x, first_out, args.outs, first_row, args, lane);
    if (lane == 0) {
        store_sums(sums, out, args.out_stride, first_out, args.outs, first_row, args.rows);
    }
}

template <typename W>
kernel void gemv_any(
        constant GemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* w [[buffer(2)]],
        device float* out [[buffer(3)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int output = int(group.x) * simdgroups + simdgroup;
    if (output >= args.outs) {
        return;
    }
    Sums<1, 1> sums;
    any_dense_sums<W>(sums, w, x, output, int(group.y), args, lane);
    if (lane == 0) {
        store_sums(sums, out, args.out_stride, output, args.outs, int(group.y), args.rows);
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

// The three input projections in one grid: blocks of query outputs first, then keys, then values.
template <typename W, short ROWS>
kernel void gemv_qkv(
        constant QkvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* q_weight [[buffer(2)]],
        device const uchar* k_weight [[buffer(3)]],
        device const uchar* v_weight [[buffer(4)]],
        device float* q [[buffer(5)]],
        device float* k [[buffer(6)]],
        device float* v [[buffer(7)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    int block = int(group.x) * simdgroups + simdgroup;
    device const uchar* w = q_weight;
    device float* out = q;
    int outs = args.q_outs;
    int stride = args.q_stride;
    if (block >= (outs + 3) / 4) {
        block -= (outs + 3) / 4;
        w = k_weight;
        out = k;
        outs = args.k_outs;
        stride = args.k_stride;
        if (block >= (outs + 3) / 4) {
            block -= (outs + 3) / 4;
            w = v_weight;
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
    dense_sums<W, 4, ROWS>(sums, w, x, block * 4, outs, first_row, args.gemv, lane);
    if (lane == 0) {
        store_sums(sums, out, stride, block * 4, outs, first_row, args.gemv.rows);
    }
}

// out = gelu_tanh(gate x) * (up x): a simdgroup makes both halves of two outputs.
template <typename W, short ROWS>
kernel void gemv_geglu(
        constant GemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* gate_weight [[buffer(2)]],
        device const uchar* up_weight [[buffer(3)]],
        device float* out [[buffer(4)]],
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
    dense_sums<W, 2, ROWS>(gate, gate_weight, x, first_out, args.outs, first_row, args, lane);
    dense_sums<W, 2, ROWS>(up, up_weight, x, first_out, args.outs, first_row, args, lane);
    if (lane == 0) {
        for (short o = 0; o < 2; o++) {
            for (short r = 0; r < ROWS; r++) {
                gate.at[o][r] = gelu_tanh(gate.at[o][r]) * up.at[o][r];
            }
        }
        store_sums(gate, out, args.out_stride, first_out, args.outs, first_row, args.rows);
    }
}

template [[host_name("gemv_any_f32")]] kernel decltype(gemv_any<F32>) gemv_any<F32>;
template [[host_name("gemv_any_f16")]] kernel decltype(gemv_any<F16>) gemv_any<F16>;
template [[host_name("gemv_any_bf16")]] kernel decltype(gemv_any<BF16>) gemv_any<BF16>;

template [[host_name("gemv_f32_rows1")]] kernel decltype(gemv<F32, 1>) gemv<F32, 1>;
template [[host_name("gemv_f32_rows4")]] kernel decltype(gemv<F32, 4>) gemv<F32, 4>;
template [[host_name("gemv_f32_rows8")]] kernel decltype(gemv<F32, 8>) gemv<F32, 8>;
template [[host_name("gemv_f16_rows1")]] kernel decltype(gemv<F16, 1>) gemv<F16, 1>;
template [[host_name("gemv_f16_rows4")]] kernel decltype(gemv<F16, 4>) gemv<F16, 4>;
template [[host_name("gemv_f16_rows8")]] kernel decltype(gemv<F16, 8>) gemv<F16, 8>;
template [[host_name("gemv_bf16_rows1")]] kernel decltype(gemv<BF16, 1>) gemv<BF16, 1>;
template [[host_name("gemv_bf16_rows4")]] kernel decltype(gemv<BF16, 4>) gemv<BF16, 4>;
template [[host_name("gemv_bf16_rows8")]] kernel decltype(gemv<BF16, 8>) gemv<BF16, 8>;

template [[host_name("gemv_qkv_f32_rows1")]] kernel decltype(gemv_qkv<F32, 1>) gemv_qkv<F32, 1>;
template [[host_name("gemv_qkv_f32_rows4")]] kernel decltype(gemv_qkv<F32, 4>) gemv_qkv<F32, 4>;
template [[host_name("gemv_qkv_f32_rows8")]] kernel decltype(gemv_qkv<F32, 8>) gemv_qkv<F32, 8>;
template [[host_name("gemv_qkv_f16_rows1")]] kernel decltype(gemv_qkv<F16, 1>) gemv_qkv<F16, 1>;
template [[host_name("gemv_qkv_f16_rows4")]] kernel decltype(gemv_qkv<F16, 4>) gemv_qkv<F16, 4>;
template [[host_name("gemv_qkv_f16_rows8")]] kernel decltype(gemv_qkv<F16, 8>) gemv_qkv<F16, 8>;
template [[host_name("gemv_qkv_bf16_rows1")]] kernel decltype(gemv_qkv<BF16, 1>) gemv_qkv<BF16, 1>;
template [[host_name("gemv_qkv_bf16_rows4")]] kernel decltype(gemv_qkv<BF16, 4>) gemv_qkv<BF16, 4>;
template [[host_name("gemv_qkv_bf16_rows8")]] kernel decltype(gemv_qkv<BF16, 8>) gemv_qkv<BF16, 8>;

template [[host_name("gemv_geglu_f32_rows1")]] kernel decltype(gemv_geglu<F32, 1>) gemv_geglu<F32, 1>;
template [[host_name("gemv_geglu_f32_rows4")]] kernel decltype(gemv_geglu<F32, 4>) gemv_geglu<F32, 4>;
template [[host_name("gemv_geglu_f32_rows8")]] kernel decltype(gemv_geglu<F32, 8>) gemv_geglu<F32, 8>;
template [[host_name("gemv_geglu_f16_rows1")]] kernel decltype(gemv_geglu<F16, 1>) gemv_geglu<F16, 1>;
template [[host_name("gemv_geglu_f16_rows4")]] kernel decltype(gemv_geglu<F16, 4>) gemv_geglu<F16, 4>;
template [[host_name("gemv_geglu_f16_rows8")]] kernel decltype(gemv_geglu<F16, 8>) gemv_geglu<F16, 8>;
template [[host_name("gemv_geglu_bf16_rows1")]] kernel decltype(gemv_geglu<BF16, 1>) gemv_geglu<BF16, 1>;
template [[host_name("gemv_geglu_bf16_rows4")]] kernel decltype(gemv_geglu<BF16, 4>) gemv_geglu<BF16, 4>;
template [[host_name("gemv_geglu_bf16_rows8")]] kernel decltype(gemv_geglu<BF16, 8>) gemv_geglu<BF16, 8>;
