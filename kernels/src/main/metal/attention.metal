// Attention of single rows over the cache ("vec": decode, and rows that no tile takes).
//
// A threadgroup serves one head of one row; grid (heads, rows, splits). Its simdgroups take chunks of 32 keys in turn:
// scores of a chunk (lane = key), online softmax, then values (lane = columns). With splits, threadgroup z takes every
// 32nd chunk set and leaves unnormalised sums, which attention_merge adds up; grids do not depend on the context.
#include "attention.h"

// Simdgroups of a threadgroup.
constant short WORKERS = 4;

// Running softmax of one simdgroup: largest score, sum of weights, weighted sum of the lane's columns.
template <short VECTORS>
struct Running {
    float largest;
    float weight;
    float4 sum[VECTORS];
};

template <typename T, short D, short VECTORS>
inline void take_chunk(
        thread Running<VECTORS>& running,
        constant AttentionArgs& args,
        Visible visible,
        int first_key,
        thread const float4* query,
        device const T* keys,
        device const T* values,
        ushort lane) {
    const int count = min(int(LANES), visible.last - first_key + 1);
    const int row = first_key % args.capacity;
    float score = MASKED;
    for (short i = 0; i < count; i++) {
        const ulong key = key_element(args, visible, row, i, count);
        float part = 0.0f;
        for (short j = 0; j < VECTORS; j++) {
            const int col = (j * LANES + lane) * 4;
            if (col < D) {
                part += dot(query[j], four(keys, key + ulong(col)));
            }
        }
        const float product = simd_sum(part);
        if (lane == i) {
            score = final_score(args, product);
        }
    }
    const float largest = simd_max(max(running.largest, score));
    const float keep = exp(running.largest - largest);
    const float weight = lane < count ? exp(score - largest) : 0.0f;
    running.largest = largest;
    running.weight = running.weight * keep + simd_sum(weight);
    for (short j = 0; j < VECTORS; j++) {
        running.sum[j] *= keep;
    }
    for (short i = 0; i < count; i++) {
        const float key_weight = simd_broadcast(weight, ushort(i));
        const ulong value = key_element(args, visible, row, i, count);
        for (short j = 0; j < VECTORS; j++) {
            const int col = (j * LANES + lane) * 4;
            if (col < D) {
                running.sum[j] += key_weight * four(values, value + ulong(col));
            }
        }
    }
}

// Rows are those listed in `rows`.
template <typename T, short D>
kernel void attention(
        constant AttentionArgs& args [[buffer(0)]],
        device const int* positions [[buffer(1)]],
        device const int* slots [[buffer(2)]],
        device const int* rows [[buffer(3)]],
        device const float* q [[buffer(4)]],
        device const T* keys [[buffer(5)]],
        device const T* values [[buffer(6)]],
        device float* out [[buffer(7)]],
        device float* partial [[buffer(8)]],
        uint3 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    constexpr short VECTORS = (D / 4 + 31) / 32;
    threadgroup float largest_of[4];
    threadgroup float weight_of[4];
    threadgroup float4 sum_of[4 * D / 4];

    const int head = int(group.x);
    const int row = rows[group.y];
    const Visible visible = visible_keys(args, positions[row], slots[row], head);
    device const float* query_head = row_of(q, row, args.q_stride) + head * D;
    float4 query[VECTORS];
    Running<VECTORS> running;
    running.largest = MASKED;
    running.weight = 0.0f;
    for (short j = 0; j < VECTORS; j++) {
        const int col = (j * LANES + lane) * 4;
        query[j] = float4(0.0f);
        if (col < D) {
            query[j] = *(device const float4*)(query_head + col);
        }
        running.sum[j] = float4(0.0f);
    }
    const int step = args.splits * WORKERS * LANES;
    const int start = visible.first + (int(group.z) * WORKERS + simdgroup) * LANES;
    for (int key = start; key <= visible.last; key += step) {
        take_chunk<T, D, VECTORS>(running, args, visible, key, query, keys, values, lane);
    }

    if (lane == 0) {
        largest_of[simdgroup] = running.largest;
        weight_of[simdgroup] = running.weight;
    }
    for (short j = 0; j < VECTORS; j++) {
        const int vector = j * LANES + lane;
        if (vector < D / 4) {
            sum_of[simdgroup * (D / 4) + vector] = running.sum[j];
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    float largest = MASKED;
    for (short w = 0; w < WORKERS; w++) {
        largest = max(largest, largest_of[w]);
    }
    float weight = 0.0f;
    for (short w = 0; w < WORKERS; w++) {
        weight += weight_of[w] * exp(largest_of[w] - largest);
    }
    // With splits the sums stay unnormalised: [row, head, split] of D columns, then the largest scores and weights.
    const ulong part = (ulong(group.y) * ulong(args.num_heads) + ulong(head)) * ulong(args.splits) + ulong(group.z);
    device float4* to = args.splits == 1
            ? (device float4*)(row_of(out, row, args.out_stride) + head * D)
            : (device float4*)(partial + part * ulong(D + 4));
    const float factor = args.splits == 1 ? 1.0f / weight : 1.0f;
    for (int vector = simdgroup * LANES + lane; vector < D / 4; vector += WORKERS * LANES) {
        float4 sum = float4(0.0f);
        for (short w = 0; w < WORKERS; w++) {
            sum += sum_of[w * (D / 4) + vector] * exp(largest_of[w] - largest);
        }
        to[vector] = sum * factor;
    }
    if (args.splits > 1 && simdgroup == 0 && lane == 0) {
        to[D / 4] = float4(largest, weight, 0.0f, 0.0f);
    }
}

// Adds up what the splits of attention left: grid (heads, rows), one lane a split (there are 32).
kernel void attention_merge(
        constant AttentionArgs& args [[buffer(0)]],
        device const int* rows [[buffer(1)]],
        device const float* partial [[buffer(2)]],
        device float* out [[buffer(3)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup float factors[32];
    const ulong part_size = ulong(args.head_dim + 4);
    const ulong first_part = (ulong(group.y) * ulong(args.num_heads) + ulong(group.x)) * ulong(LANES);
    if (simdgroup == 0) {
        device const float* softmax = partial + (first_part + ulong(lane)) * part_size + ulong(args.head_dim);
        const float largest = softmax[0];
        const float factor = exp(largest - simd_max(largest));
        const float weight = simd_sum(softmax[1] * factor);
        factors[lane] = factor / weight;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    device float* to = row_of(out, rows[group.y], args.out_stride) + int(group.x) * args.head_dim;
    for (int col = simdgroup * LANES + lane; col < args.head_dim; col += simdgroups * LANES) {
        float sum = 0.0f;
        for (short split = 0; split < LANES; split++) {
            sum += partial[(first_part + ulong(split)) * part_size + ulong(col)] * factors[split];
        }
        to[col] = sum;
    }
}

// For head sizes and alignments that `attention` does not take: one simdgroup a head and row, key by key, up to 16
// columns a lane. Grid (heads, rows).
template <typename T>
kernel void attention_any(
        constant AttentionArgs& args [[buffer(0)]],
        device const int* positions [[buffer(1)]],
        device const int* slots [[buffer(2)]],
        device const int* rows [[buffer(3)]],
        device const float* q [[buffer(4)]],
        device const T* keys [[buffer(5)]],
        device const T* values [[buffer(6)]],
        device float* out [[buffer(7)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]]) {
    const int head = int(group.x);
    const int row = rows[group.y];
    const Visible visible = visible_keys(args, positions[row], slots[row], head);
    device const float* query_head = row_of(q, row, args.q_stride) + head * args.head_dim;
    float query[16];
    float sum[16];
    for (short j = 0; j < 16; j++) {
        const int col = j * LANES + lane;
        query[j] = col < args.head_dim ? query_head[col] : 0.0f;
        sum[j] = 0.0f;
    }
    float largest = MASKED;
    float weight = 0.0f;
    for (int key = visible.first; key <= visible.last; key++) {
        const ulong element = (visible.head_row + ulong(key % args.capacity)) * ulong(args.head_dim);
        float part = 0.0f;
        for (short j = 0; j < 16; j++) {
            const int col = j * LANES + lane;
            if (col < args.head_dim) {
                part += query[j] * float(keys[element + ulong(col)]);
            }
        }
        const float score = final_score(args, simd_sum(part));
        const float new_largest = max(largest, score);
        const float keep = exp(largest - new_largest);
        const float key_weight = exp(score - new_largest);
        largest = new_largest;
        weight = weight * keep + key_weight;
        for (short j = 0; j < 16; j++) {
            const int col = j * LANES + lane;
            if (col < args.head_dim) {
                sum[j] = sum[j] * keep + key_weight * float(values[element + ulong(col)]);
            }
        }
    }
    device float* to = row_of(out, row, args.out_stride) + head * args.head_dim;
    for (short j = 0; j < 16; j++) {
        const int col = j * LANES + lane;
        if (col < args.head_dim) {
            to[col] = sum[j] / weight;
        }
    }
}

template [[host_name("attention_any_f16")]] kernel decltype(attention_any<half>) attention_any<half>;
template [[host_name("attention_any_f32")]] kernel decltype(attention_any<float>) attention_any<float>;

template [[host_name("attention_f16_64")]] kernel decltype(attention<half, 64>) attention<half, 64>;
template [[host_name("attention_f16_128")]] kernel decltype(attention<half, 128>) attention<half, 128>;
template [[host_name("attention_f16_256")]] kernel decltype(attention<half, 256>) attention<half, 256>;
template [[host_name("attention_f16_512")]] kernel decltype(attention<half, 512>) attention<half, 512>;
template [[host_name("attention_f32_64")]] kernel decltype(attention<float, 64>) attention<float, 64>;
template [[host_name("attention_f32_128")]] kernel decltype(attention<float, 128>) attention<float, 128>;
template [[host_name("attention_f32_256")]] kernel decltype(attention<float, 256>) attention<float, 256>;
template [[host_name("attention_f32_512")]] kernel decltype(attention<float, 512>) attention<float, 512>;
