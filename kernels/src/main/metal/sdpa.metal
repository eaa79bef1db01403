// Scaled dot-product attention over whole tensors, outside the model's cache:
// out = softmax(scale Q K^T + mask) V with Q and out [batch, heads, seq_len, head_dim] and K and V
// [batch, kv_heads, kv_capacity, head_dim]. A simdgroup takes one query; lane l holds columns l, l + 32, ...
#include "common.h"

struct SdpaArgs {
    int num_heads;
    int num_kv_heads;
    int head_dim;
    int seq_len;
    int kv_seq_len;
    int kv_capacity;
    int causal;
    int window;
    int ring_start;
    float scale;
};

// The last query is as old as the last key. Key i of kv_seq_len, oldest first, lies in row (ring_start + i) % capacity.
// Causal: keys up to the query's own; window > 0: only the last `window` of these; not causal: all keys.
// Grid (queries / simdgroups of a threadgroup, heads, batch).
template <typename T>
kernel void sdpa(
        constant SdpaArgs& args [[buffer(0)]],
        device const T* q [[buffer(1)]],
        device const T* k [[buffer(2)]],
        device const T* v [[buffer(3)]],
        device T* out [[buffer(4)]],
        uint3 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int query_index = int(group.x) * simdgroups + simdgroup;
    if (query_index >= args.seq_len) {
        return;
    }
    const ulong head = ulong(group.z) * ulong(args.num_heads) + ulong(group.y);
    const ulong query_at = (head * ulong(args.seq_len) + ulong(query_index)) * ulong(args.head_dim);
    const int kv_head = int(group.y) / (args.num_heads / args.num_kv_heads);
    const ulong kv_row = (ulong(group.z) * ulong(args.num_kv_heads) + ulong(kv_head)) * ulong(args.kv_capacity);
    const int own_key = args.kv_seq_len - args.seq_len + query_index;
    const int first = args.window > 0 ? max(0, own_key - args.window + 1) : 0;
    const int last = args.causal != 0 ? own_key : args.kv_seq_len - 1;

    float query[16];
    float sum[16];
    for (short j = 0; j < 16; j++) {
        const int col = j * LANES + lane;
        query[j] = 0.0f;
        if (col < args.head_dim) {
            query[j] = float(q[query_at + ulong(col)]) * args.scale;
        }
        sum[j] = 0.0f;
    }
    float largest = MASKED;
    float weight = 0.0f;
    for (int key = first; key <= last; key++) {
        int row = args.ring_start + key;
        if (row >= args.kv_capacity) {
            row -= args.kv_capacity;
        }
        const ulong at = (kv_row + ulong(row)) * ulong(args.head_dim);
        float part = 0.0f;
        for (short j = 0; j < 16; j++) {
            const int col = j * LANES + lane;
            if (col < args.head_dim) {
                part += query[j] * float(k[at + ulong(col)]);
            }
        }
        const float score = simd_sum(part);
        const float new_largest = max(largest, score);
        const float keep = exp(largest - new_largest);
        const float key_weight = exp(score - new_largest);
        largest = new_largest;
        weight = weight * keep + key_weight;
        for (short j = 0; j < 16; j++) {
            const int col = j * LANES + lane;
            if (col < args.head_dim) {
                sum[j] = sum[j] * keep + key_weight * float(v[at + ulong(col)]);
            }
        }
    }
    for (short j = 0; j < 16; j++) {
        const int col = j * LANES + lane;
        if (col < args.head_dim) {
            out[query_at + ulong(col)] = T(sum[j] / weight);
        }
    }
}

template [[host_name("sdpa_f32")]] kernel decltype(sdpa<float>) sdpa<float>;
template [[host_name("sdpa_bf16")]] kernel decltype(sdpa<bfloat>) sdpa<bfloat>;
