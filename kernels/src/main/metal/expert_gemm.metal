// Projections of experts for many rows. An entry is a row and one of its choices, number row * top_k + choice. Entries are
// listed by expert, so that an expert's weights are read once for a tile of 32 entries and not once for each.
#include "gemm.h"
#include "expert_args.h"

struct ExpertListArgs {
    int entries;
    int top_k;
    int ids_stride;
};

// Lists the entries of each expert, in order, one expert after the other; `spans` has where each one's start and end.
// A threadgroup finds one expert's, each simdgroup those of its share of the entries. Grid (experts), 256 threads.
kernel void expert_lists(
        constant ExpertListArgs& args [[buffer(0)]],
        device const int* ids [[buffer(1)]],
        device int* list [[buffer(2)]],
        device int2* spans [[buffer(3)]],
        uint expert [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup int of_expert[8];
    threadgroup int of_experts_before[8];
    const int share = (args.entries + simdgroups * LANES - 1) / (simdgroups * LANES) * LANES;
    const int first = int(simdgroup) * share;
    const int last = min(first + share, args.entries);
    int found = 0;
    int before = 0;
    for (int i = first + lane; i < last; i += LANES) {
        const int id = ids[i / args.top_k * args.ids_stride + i % args.top_k];
        found += id == int(expert) ? 1 : 0;
        before += id < int(expert) ? 1 : 0;
    }
    found = simd_sum(found);
    before = simd_sum(before);
    if (lane == 0) {
        of_expert[simdgroup] = found;
        of_experts_before[simdgroup] = before;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    int2 span = int2(0, 0);
    int at = 0;
    for (ushort other = 0; other < simdgroups; other++) {
        at += other < simdgroup ? of_expert[other] : 0;
        span.x += of_experts_before[other];
        span.y += of_expert[other];
    }
    span.y += span.x;
    at += span.x;
    if (simdgroup == 0 && lane == 0) {
        spans[expert] = span;
    }
    for (int start = first; start < last; start += LANES) {
        const int i = start + lane;
        const int entry = min(i, last - 1);
        const int id = ids[entry / args.top_k * args.ids_stride + entry % args.top_k];
        const int mine = i < last && id == int(expert) ? 1 : 0;
        const int place = at + simd_prefix_exclusive_sum(mine);
        if (mine != 0) {
            list[place] = entry;
        }
        at += simd_sum(mine);
    }
}

inline Half expert_half(
        device const uchar* w,
        device const uchar* scales,
        device const uchar* biases,
        int expert_row,
        int first_out,
        int outs) {
    Half rows;
    rows.w = w;
    rows.scales = scales;
    rows.biases = biases;
    rows.first_out = expert_row + first_out;
    rows.last_out = expert_row + outs - 1;
    return rows;
}

// out[r, k * n + i] = gelu_tanh(gate_e(x)_i) * up_e(x)_i: a tile has 32 outputs of gate and the same of up.
// Grid (tiles of outputs, experts, threadgroups that share an expert's tiles of entries), 128 threads.
template <typename F>
kernel void expert_gemm_geglu(
        constant ExpertGemmArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const int* list [[buffer(2)]],
        device const int2* spans [[buffer(3)]],
        device const uchar* gate [[buffer(4)]],
        device const uchar* gate_scales [[buffer(5)]],
        device const uchar* gate_biases [[buffer(6)]],
        device const uchar* up [[buffer(7)]],
        device const uchar* up_scales [[buffer(8)]],
        device const uchar* up_biases [[buffer(9)]],
        device float* out [[buffer(10)]],
        uint3 group [[threadgroup_position_in_grid]],
        uint3 groups [[threadgroups_per_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    threadgroup float w_tile[64 * 36];
    threadgroup float x_tile[32 * 36];
    const int outs = args.gemm.outs;
    const int first_out = int(group.x) * 32;
    const int expert = int(group.y);
    const int2 span = spans[expert];
    const Half lower = expert_half(
            gate, gate_scales, gate_biases, expert * args.row_stride + args.first_row, first_out, outs);
    const Half upper = expert_half(
            up, up_scales, up_biases, expert * args.up_row_stride + args.up_first_row, first_out, outs);
    for (int first = span.x + int(group.z) * 32; first < span.y; first += int(groups.z) * 32) {
        const int staged = list[min(first + staged_row(thread_index), span.y - 1)];
        device const float* inputs = row_of(x, staged / args.top_k, args.gemm.x_stride);
        multiply_tiles<F>(w_tile, x_tile, lower, upper, inputs, args.gemm, thread_index, simdgroup);
        for (short i = thread_index; i < 32 * 32; i += 128) {
            const short row = i / 32;
            const short col = i % 32;
            if (first + row < span.y && first_out + col < outs) {
                const int entry = list[first + row];
                threadgroup const float* results = w_tile + row * RESULT_STRIDE + col;
                row_of(out, entry / args.top_k, args.gemm.out_stride)[entry % args.top_k * outs + first_out + col] =
                        gelu_tanh(results[0]) * results[32];
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// partial[entry] = down_e(h[r, k * n ..]). Grid as above, tiles of 64 outputs.
template <typename F>
kernel void expert_gemm_down(
        constant ExpertGemmArgs& args [[buffer(0)]],
        device const float* h [[buffer(1)]],
        device const int* list [[buffer(2)]],
        device const int2* spans [[buffer(3)]],
        device const uchar* down [[buffer(4)]],
        device const uchar* scales [[buffer(5)]],
        device const uchar* biases [[buffer(6)]],
        device float* partial [[buffer(7)]],
        uint3 group [[threadgroup_position_in_grid]],
        uint3 groups [[threadgroups_per_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    threadgroup float w_tile[64 * 36];
    threadgroup float x_tile[32 * 36];
    const int outs = args.gemm.outs;
    const int first_out = int(group.x) * 64;
    const int expert = int(group.y);
    const int2 span = spans[expert];
    const Half lower =
            expert_half(down, scales, biases, expert * args.row_stride + args.first_row, first_out, outs);
    Half upper = lower;
    upper.first_out += 32;
    for (int first = span.x + int(group.z) * 32; first < span.y; first += int(groups.z) * 32) {
        const int staged = list[min(first + staged_row(thread_index), span.y - 1)];
        device const float* inputs =
                row_of(h, staged / args.top_k, args.gemm.x_stride) + staged % args.top_k * args.gemm.cols;
        multiply_tiles<F>(w_tile, x_tile, lower, upper, inputs, args.gemm, thread_index, simdgroup);
        for (short i = thread_index; i < 32 * 64; i += 128) {
            const short row = i / 64;
            const short col = i % 64;
            if (first + row < span.y && first_out + col < outs) {
                row_of(partial, list[first + row], args.gemm.out_stride)[first_out + col] =
                        w_tile[row * RESULT_STRIDE + col];
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

struct ExpertSumArgs {
    int cols;
    int top_k;
    int weights_stride;
    int out_stride;
};

// out[r] = sum_k weights[r, k] * partial[r * top_k + k]. Grid (columns, rows).
kernel void expert_sum(
        constant ExpertSumArgs& args [[buffer(0)]],
        device const float* partial [[buffer(1)]],
        device const float* weights [[buffer(2)]],
        device float* out [[buffer(3)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x);
    if (col >= args.cols) {
        return;
    }
    const int row = int(at.y);
    float sum = 0.0f;
    for (int k = 0; k < args.top_k; k++) {
        sum += row_of(weights, row, args.weights_stride)[k] * row_of(partial, row * args.top_k + k, args.cols)[col];
    }
    row_of(out, row, args.out_stride)[col] = sum;
}

template [[host_name("expert_gemm_geglu_f32")]] kernel decltype(expert_gemm_geglu<Dense<F32>>) expert_gemm_geglu<Dense<F32>>;
template [[host_name("expert_gemm_geglu_f16")]] kernel decltype(expert_gemm_geglu<Dense<F16>>) expert_gemm_geglu<Dense<F16>>;
template [[host_name("expert_gemm_geglu_bf16")]] kernel decltype(expert_gemm_geglu<Dense<BF16>>) expert_gemm_geglu<Dense<BF16>>;
template [[host_name("expert_gemm_geglu_affine4")]] kernel decltype(expert_gemm_geglu<Affine<4>>) expert_gemm_geglu<Affine<4>>;
template [[host_name("expert_gemm_geglu_affine8")]] kernel decltype(expert_gemm_geglu<Affine<8>>) expert_gemm_geglu<Affine<8>>;

template [[host_name("expert_gemm_down_f32")]] kernel decltype(expert_gemm_down<Dense<F32>>) expert_gemm_down<Dense<F32>>;
template [[host_name("expert_gemm_down_f16")]] kernel decltype(expert_gemm_down<Dense<F16>>) expert_gemm_down<Dense<F16>>;
template [[host_name("expert_gemm_down_bf16")]] kernel decltype(expert_gemm_down<Dense<BF16>>) expert_gemm_down<Dense<BF16>>;
template [[host_name("expert_gemm_down_affine4")]] kernel decltype(expert_gemm_down<Affine<4>>) expert_gemm_down<Affine<4>>;
template [[host_name("expert_gemm_down_affine8")]] kernel decltype(expert_gemm_down<Affine<8>>) expert_gemm_down<Affine<8>>;
