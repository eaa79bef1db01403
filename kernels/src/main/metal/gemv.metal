// Matrix-vector products with unquantized weights. Grid (blocks of outputs, blocks of rows).
#include "gemv.h"

// out = w x; with `has_up` the epilogue of a gate: out = gelu_tanh(w x) * up.
template <typename W, short ROWS>
kernel void gemv(
        constant GatedGemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* w [[buffer(2)]],
        device const float* up [[buffer(3)]],
        device float* out [[buffer(4)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup float parts[8 * 4 * ROWS];
    const int outs = args.gemv.outs;
    const int first_out = (int(group.x) * simdgroups + simdgroup) / args.gemv.splits * 4;
    const int first_row = int(group.y) * ROWS;
    const ulong row_bytes = ulong(args.gemv.cols) * W::bytes();
    WeightRows<4> rows;
    weight_rows(rows, 0, 4, w, first_out, outs, row_bytes);
    Sums<4, ROWS> sums;
    await_dense_sums<W, 4, ROWS>(sums, rows, x, first_row, args.gemv, lane, simdgroup);
    add_up(sums, parts, args.gemv.splits, lane, simdgroup);
    if (stores(args.gemv.splits, lane, simdgroup)) {
        gate_sums(sums, up, first_out, first_row, args);
        store_sums(sums, out, args.gemv.out_stride, first_out, outs, first_row, args.gemv.rows);
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
    threadgroup float parts[8 * 4 * ROWS];
    const Projection p = projection(args, (int(group.x) * simdgroups + simdgroup) / args.gemv.splits);
    device const uchar* w = q_weight;
    device float* out = q;
    if (p.index == 1) {
        w = k_weight;
        out = k;
    }
    if (p.index == 2) {
        w = v_weight;
        out = v;
    }
    const int first_row = int(group.y) * ROWS;
    const ulong row_bytes = ulong(args.gemv.cols) * W::bytes();
    WeightRows<4> rows;
    weight_rows(rows, 0, 4, w, p.first_out, p.outs, row_bytes);
    Sums<4, ROWS> sums;
    await_dense_sums<W, 4, ROWS>(sums, rows, x, first_row, args.gemv, lane, simdgroup);
    add_up(sums, parts, args.gemv.splits, lane, simdgroup);
    if (stores(args.gemv.splits, lane, simdgroup)) {
        store_sums(sums, out, p.stride, p.first_out, p.outs, first_row, args.gemv.rows);
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
    threadgroup float parts[8 * 4 * ROWS];
    const int first_out = (int(group.x) * simdgroups + simdgroup) / args.splits * 2;
    const int first_row = int(group.y) * ROWS;
    const ulong row_bytes = ulong(args.cols) * W::bytes();
    WeightRows<4> rows;
    weight_rows(rows, 0, 2, gate_weight, first_out, args.outs, row_bytes);
    weight_rows(rows, 2, 2, up_weight, first_out, args.outs, row_bytes);
    Sums<4, ROWS> sums;
    await_dense_sums<W, 4, ROWS>(sums, rows, x, first_row, args, lane, simdgroup);
    add_up(sums, parts, args.splits, lane, simdgroup);
    if (stores(args.splits, lane, simdgroup)) {
        Sums<2, ROWS> products;
        geglu_sums(products, sums);
        store_sums(products, out, args.out_stride, first_out, args.outs, first_row, args.rows);
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
