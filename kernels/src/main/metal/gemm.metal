// Matrix products for many rows, by tiles of 32 rows and 64 outputs. Grid (tiles of rows, tiles of outputs), 128 threads.
#include "gemm.h"

template <typename F>
kernel void gemm(
        constant GemmArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* w [[buffer(2)]],
        device const uchar* scales [[buffer(3)]],
        device const uchar* biases [[buffer(4)]],
        device float* out [[buffer(5)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    threadgroup float w_tile[64 * 36];
    threadgroup float x_tile[32 * 36];
    const int first_row = int(group.x) * 32;
    const int first_out = int(group.y) * 64;
    Half lower;
    lower.w = w;
    lower.scales = scales;
    lower.biases = biases;
    lower.first_out = first_out;
    lower.last_out = args.outs - 1;
    Half upper = lower;
    upper.first_out = first_out + 32;
    device const float* inputs = row_of(x, min(first_row + staged_row(thread_index), args.rows - 1), args.x_stride);
    multiply_tiles<F>(w_tile, x_tile, lower, upper, inputs, args, thread_index, simdgroup);
    for (short i = thread_index; i < 32 * 64; i += 128) {
        const short row = i / 64;
        const short col = i % 64;
        if (first_row + row < args.rows && first_out + col < args.outs) {
            row_of(out, first_row + row, args.out_stride)[first_out + col] = w_tile[row * RESULT_STRIDE + col];
        }
    }
}

// out = gelu_tanh(gate x) * (up x): half of a tile's outputs are the gate's, the other half the same ones' of up.
template <typename F>
kernel void gemm_geglu(
        constant GemmArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* gate [[buffer(2)]],
        device const uchar* gate_scales [[buffer(3)]],
        device const uchar* gate_biases [[buffer(4)]],
        device const uchar* up [[buffer(5)]],
        device const uchar* up_scales [[buffer(6)]],
        device const uchar* up_biases [[buffer(7)]],
        device float* out [[buffer(8)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    threadgroup float w_tile[64 * 36];
    threadgroup float x_tile[32 * 36];
    const int first_row = int(group.x) * 32;
    const int first_out = int(group.y) * 32;
    Half lower;
    lower.w = gate;
    lower.scales = gate_scales;
    lower.biases = gate_biases;
    lower.first_out = first_out;
    lower.last_out = args.outs - 1;
    Half upper;
    upper.w = up;
    upper.scales = up_scales;
    upper.biases = up_biases;
    upper.first_out = first_out;
    upper.last_out = args.outs - 1;
    device const float* inputs = row_of(x, min(first_row + staged_row(thread_index), args.rows - 1), args.x_stride);
    multiply_tiles<F>(w_tile, x_tile, lower, upper, inputs, args, thread_index, simdgroup);
    for (short i = thread_index; i < 32 * 32; i += 128) {
        const short row = i / 32;
        const short col = i % 32;
        if (first_row + row < args.rows && first_out + col < args.outs) {
            threadgroup const float* results = w_tile + row * RESULT_STRIDE + col;
            row_of(out, first_row + row, args.out_stride)[first_out + col] = gelu_tanh(results[0]) * results[32];
        }
    }
}

template [[host_name("gemm_f32")]] kernel decltype(gemm<Dense<F32>>) gemm<Dense<F32>>;
template [[host_name("gemm_f16")]] kernel decltype(gemm<Dense<F16>>) gemm<Dense<F16>>;
template [[host_name("gemm_bf16")]] kernel decltype(gemm<Dense<BF16>>) gemm<Dense<BF16>>;
template [[host_name("gemm_affine4")]] kernel decltype(gemm<Affine<4>>) gemm<Affine<4>>;
template [[host_name("gemm_affine8")]] kernel decltype(gemm<Affine<8>>) gemm<Affine<8>>;

template [[host_name("gemm_geglu_f32")]] kernel decltype(gemm_geglu<Dense<F32>>) gemm_geglu<Dense<F32>>;
template [[host_name("gemm_geglu_f16")]] kernel decltype(gemm_geglu<Dense<F16>>) gemm_geglu<Dense<F16>>;
template [[host_name("gemm_geglu_bf16")]] kernel decltype(gemm_geglu<Dense<BF16>>) gemm_geglu<Dense<BF16>>;
template [[host_name("gemm_geglu_affine4")]] kernel decltype(gemm_geglu<Affine<4>>) gemm_geglu<Affine<4>>;
template [[host_name("gemm_geglu_affine8")]] kernel decltype(gemm_geglu<Affine<8>>) gemm_geglu<Affine<8>>;
