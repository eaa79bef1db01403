// Mixture of experts: routing, and projections whose weights are chosen by each row's routing.
#include "weights.h"

struct RouteArgs {
    int num_experts;
    int logits_stride;
    int top_k;
    int ids_stride;
    int weights_stride;
};

// The k largest logits of a row, best first, ties to the lower index; weights are softmax over them, times the expert's
// scale (the softmax over all experts cancels). One simdgroup a row, one pass a choice: the next choice is the best
// that comes after the last one. Grid (rows).
kernel void route(
        constant RouteArgs& args [[buffer(0)]],
        device const float* logits [[buffer(1)]],
        device const float* expert_scale [[buffer(2)]],
        device int* ids [[buffer(3)]],
        device float* weights [[buffer(4)]],
        uint row [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]]) {
    device const float* from = row_of(logits, int(row), args.logits_stride);
    device int* ids_to = ids + ulong(row) * ulong(args.ids_stride);
    device float* weights_to = row_of(weights, int(row), args.weights_stride);
    float largest = 0.0f;
    float last_value = 0.0f;
    int last_id = -1;
    float total = 0.0f;
    for (int k = 0; k < args.top_k; k++) {
        float value = -FLT_MAX;
        int id = args.num_experts;
        for (int e = lane; e < args.num_experts; e += LANES) {
            const float x = from[e];
            const bool open = k == 0 || x < last_value || (x == last_value && e > last_id);
            if (open && (x > value || id == args.num_experts)) {
                value = x;
                id = e;
            }
        }
        const float best = simd_max(value);
        id = simd_min(value == best ? id : args.num_experts);
        if (k == 0) {
            largest = best;
        }
        const float share = exp(best - largest);
        total += share;
        last_value = best;
        last_id = id;
        if (lane == 0) {
            ids_to[k] = id;
            weights_to[k] = share * expert_scale[id];
        }
    }
    if (lane == 0) {
        for (int k = 0; k < args.top_k; k++) {
            weights_to[k] /= total;
        }
    }
}

struct ExpertArgs {
    int outs;
    int cols;
    int x_stride;
    int out_stride;
    int top_k;
    int ids_stride;
    int weights_stride;
    int row_stride;
    int first_row;
    int up_row_stride;
    int up_first_row;
    int group_shift;
    int aligned;
};

// Formats as they are met in a dot product; dense ones ignore scales and biases.
template <typename W>
struct Dense {
    static float row_dot(
            device const uchar* w,
            device const uchar* scales,
            device const uchar* biases,
            ulong row,
            device const float* x,
            constant ExpertArgs& args,
            ushort lane) {
        const ulong first = row * ulong(args.cols);
        float sum = 0.0f;
        if (args.aligned != 0) {
            for (int i = lane * 4; i < args.cols; i += LANES * 4) {
                sum += dot(W::four(w, first + ulong(i)), *(device const float4*)(x + i));
            }
        } else {
            for (int i = lane; i < args.cols; i += LANES) {
                sum += W::at(w, first + ulong(i)) * x[i];
            }
        }
        return simd_sum(sum);
    }
};

template <short BITS>
struct Affine {
    static float row_dot(
            device const uchar* codes,
            device const uchar* scales,
            device const uchar* biases,
            ulong row,
            device const float* x,
            constant ExpertArgs& args,
            ushort lane) {
        const ulong first = row * ulong(args.cols);
        float sum = 0.0f;
        if (args.aligned != 0) {
            // Four bytes of codes a lane and step: 8 codes of 4 bits or 4 of 8, all of one group.
            constexpr short CODES = 32 / BITS;
            for (int i = lane * CODES; i < args.cols; i += LANES * CODES) {
                const ulong group = (first + ulong(i)) >> args.group_shift;
                const uint word = *(device const uint*)(codes + (first + ulong(i)) * ulong(BITS) / 8);
                float products = 0.0f;
                float inputs = 0.0f;
                for (short c = 0; c < CODES; c++) {
                    const float input = x[i + c];
                    products += float((word >> (c * BITS)) & ((1u << BITS) - 1u)) * input;
                    inputs += input;
                }
                sum += aligned_scale_at(scales, group) * products + aligned_scale_at(biases, group) * inputs;
            }
        } else {
            for (int i = lane; i < args.cols; i += LANES) {
                const ulong at = first + ulong(i);
                const ulong group = at >> args.group_shift;
                sum += (scale_at(scales, group) * code_at<BITS>(codes, at) + scale_at(biases, group)) * x[i];
            }
        }
        return simd_sum(sum);
    }
};

// out[r, k * n + i] = gelu_tanh(gate_e(x)_i) * up_e(x)_i: a simdgroup makes one output. Grid (outputs, k, rows).
template <typename F>
kernel void expert_geglu(
        constant ExpertArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const int* ids [[buffer(2)]],
        device const uchar* gate [[buffer(3)]],
        device const uchar* gate_scales [[buffer(4)]],
        device const uchar* gate_biases [[buffer(5)]],
        device const uchar* up [[buffer(6)]],
        device const uchar* up_scales [[buffer(7)]],
        device const uchar* up_biases [[buffer(8)]],
        device float* out [[buffer(9)]],
        uint3 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int output = int(group.x) * simdgroups + simdgroup;
    if (output >= args.outs) {
        return;
    }
    const ulong expert = ulong(ids[ulong(group.z) * ulong(args.ids_stride) + ulong(group.y)]);
    const ulong gate_row = expert * ulong(args.row_stride) + ulong(args.first_row + output);
    const ulong up_row = expert * ulong(args.up_row_stride) + ulong(args.up_first_row + output);
    device const float* input = row_of(x, int(group.z), args.x_stride);
    const float gated = F::row_dot(gate, gate_scales, gate_biases, gate_row, input, args, lane);
    const float upped = F::row_dot(up, up_scales, up_biases, up_row, input, args, lane);
    if (lane == 0) {
        row_of(out, int(group.z), args.out_stride)[int(group.y) * args.outs + output] = gelu_tanh(gated) * upped;
    }
}

// out[r] = sum_k weight_k * down_e(h[r, k * n ..]): a simdgroup makes one output. Grid (outputs, rows).
template <typename F>
kernel void expert_down(
        constant ExpertArgs& args [[buffer(0)]],
        device const float* h [[buffer(1)]],
        device const int* ids [[buffer(2)]],
        device const float* weights [[buffer(3)]],
        device const uchar* down [[buffer(4)]],
        device const uchar* scales [[buffer(5)]],
        device const uchar* biases [[buffer(6)]],
        device float* out [[buffer(7)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int output = int(group.x) * simdgroups + simdgroup;
    if (output >= args.outs) {
        return;
    }
    device const float* hidden = row_of(h, int(group.y), args.x_stride);
    float sum = 0.0f;
    for (int k = 0; k < args.top_k; k++) {
        const ulong expert = ulong(ids[ulong(group.y) * ulong(args.ids_stride) + ulong(k)]);
        const ulong row = expert * ulong(args.row_stride) + ulong(args.first_row + output);
        const float weight = row_of(weights, int(group.y), args.weights_stride)[k];
        sum += weight * F::row_dot(down, scales, biases, row, hidden + k * args.cols, args, lane);
    }
    if (lane == 0) {
        row_of(out, int(group.y), args.out_stride)[output] = sum;
    }
}

template [[host_name("expert_geglu_f32")]] kernel decltype(expert_geglu<Dense<F32>>) expert_geglu<Dense<F32>>;
template [[host_name("expert_geglu_f16")]] kernel decltype(expert_geglu<Dense<F16>>) expert_geglu<Dense<F16>>;
template [[host_name("expert_geglu_bf16")]] kernel decltype(expert_geglu<Dense<BF16>>) expert_geglu<Dense<BF16>>;
template [[host_name("expert_geglu_affine4")]] kernel decltype(expert_geglu<Affine<4>>) expert_geglu<Affine<4>>;
template [[host_name("expert_geglu_affine8")]] kernel decltype(expert_geglu<Affine<8>>) expert_geglu<Affine<8>>;

template [[host_name("expert_down_f32")]] kernel decltype(expert_down<Dense<F32>>) expert_down<Dense<F32>>;
template [[host_name("expert_down_f16")]] kernel decltype(expert_down<Dense<F16>>) expert_down<Dense<F16>>;
template [[host_name("expert_down_bf16")]] kernel decltype(expert_down<Dense<BF16>>) expert_down<Dense<BF16>>;
template [[host_name("expert_down_affine4")]] kernel decltype(expert_down<Affine<4>>) expert_down<Affine<4>>;
template [[host_name("expert_down_affine8")]] kernel decltype(expert_down<Affine<8>>) expert_down<Affine<8>>;
