// Attention of single rows over the cache ("vec": decode, and rows that no tile takes).
//
// A threadgroup serves GROUP query heads of one KV head for one row, which read every key and value once; grid (groups of
// heads, rows, splits). Its simdgroups take KEYS keys at a time in turn: all loads of a turn are under way at once, scores
// are summed over the lanes, then online softmax and values. With splits, threadgroup z takes every turn of that many and
// leaves unnormalised sums, which attention_merge adds up; grids do not depend on the context.
#include "attention.h"

// Simdgroups of a threadgroup.
constant short WORKERS = 8;

// Four neighbouring elements of a cache, as they lie there.
template <typename T>
struct Cached;

template <>
struct Cached<half> {
    typedef half4 Four;
    static half4 at(device const half* cache, ulong i) {
        return *(device const half4*)(cache + i);
    }
};

template <>
struct Cached<float> {
    typedef float4 Four;
    static float4 at(device const float* cache, ulong i) {
        return *(device const float4*)(cache + i);
    }
};

// Running softmax of one simdgroup and head: largest score, sum of weights, weighted sum of the lane's columns.
template <short VECTORS>
struct Running {
    float largest;
    float weight;
    float4 sum[VECTORS];
};

// A lane's columns of the keys, or of the values, of a turn.
template <typename T, short VECTORS, short KEYS>
struct Turn {
    typename Cached<T>::Four at[KEYS][VECTORS];
};

template <typename T, short D, short VECTORS, short KEYS>
inline void load_turn(
        thread Turn<T, VECTORS, KEYS>& turn,
        constant AttentionArgs& args,
        Visible visible,
        int row,
        int count,
        device const T* cache,
        ushort lane) {
    #pragma unroll
    for (short i = 0; i < KEYS; i++) {
        const ulong element = key_element(args, visible, row, i, count);
        #pragma unroll
        for (short j = 0; j < VECTORS; j++) {
            // Lanes beyond the last column read the first ones; their products are left out.
            const int col = (j * LANES + lane) * 4 % D;
            turn.at[i][j] = Cached<T>::at(cache, element + ulong(col));
        }
    }
}

// Sums of KEYS values over all lanes: lane l gets that of value l / (32 / KEYS). Each exchange halves how many a lane
// still carries.
template <short KEYS>
inline float sum_each(thread float* parts, ushort lane) {
    #pragma unroll
    for (short half_of = KEYS / 2; half_of > 0; half_of /= 2) {
        const ushort distance = half_of * (LANES / KEYS);
        const bool upper = (lane & distance) != 0;
        #pragma unroll
        for (short i = 0; i < half_of; i++) {
            const float sent = upper ? parts[i] : parts[i + half_of];
            const float kept = upper ? parts[i + half_of] : parts[i];
            parts[i] = kept + simd_shuffle_xor(sent, distance);
        }
    }
    float sum = parts[0];
    #pragma unroll
    for (ushort distance = LANES / KEYS / 2; distance > 0; distance /= 2) {
        sum += simd_shuffle_xor(sum, distance);
    }
    return sum;
}

template <typename T, short D, short VECTORS, short KEYS>
inline void take_turn(
        thread Running<VECTORS>& running,
        constant AttentionArgs& args,
        int count,
        thread const float4* query,
        thread const Turn<T, VECTORS, KEYS>& keys,
        thread const Turn<T, VECTORS, KEYS>& values,
        ushort lane) {
    float parts[KEYS];
    #pragma unroll
    for (short i = 0; i < KEYS; i++) {
        parts[i] = 0.0f;
        #pragma unroll
        for (short j = 0; j < VECTORS; j++) {
            parts[i] += dot(query[j], float4(keys.at[i][j]));
        }
    }
    const float product = sum_each<KEYS>(parts, lane);
    const bool seen = lane / (LANES / KEYS) < count;
    const float score = seen ? final_score(args, product) : MASKED;
    const float largest = simd_max(max(running.largest, score));
    const float keep = exp(running.largest - largest);
    const float weight = seen ? exp(score - largest) : 0.0f;
    running.largest = largest;
    // 32 / KEYS lanes carry the same weight.
    running.weight = running.weight * keep + simd_sum(weight) * (float(KEYS) / float(LANES));
    #pragma unroll
    for (short j = 0; j < VECTORS; j++) {
        running.sum[j] *= keep;
    }
    #pragma unroll
    for (short i = 0; i < KEYS; i++) {
        const float key_weight = simd_broadcast(weight, ushort(i * (LANES / KEYS)));
        #pragma unroll
        for (short j = 0; j < VECTORS; j++) {
            running.sum[j] += key_weight * float4(values.at[i][j]);
        }
    }
}

// Rows are those listed in `rows`.
template <typename T, short D, short GROUP, short KEYS>
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
    threadgroup float largest_of[8];
    threadgroup float weight_of[8];
    threadgroup float4 sum_of[8 * D / 4];

    const int first_head = int(group.x) * GROUP;
    const int row = rows[group.y];
    const Visible visible = visible_keys(args, positions[row], slots[row], first_head);
    const int splits = splits_of(args, visible);
    await_inputs();
    if (int(group.z) >= splits) {
        return;
    }
    float4 query[GROUP][VECTORS];
    Running<VECTORS> running[GROUP];
    #pragma unroll
    for (short g = 0; g < GROUP; g++) {
        device const float* query_head = row_of(q, row, args.q_stride) + (first_head + g) * D;
        running[g].largest = MASKED;
        running[g].weight = 0.0f;
        #pragma unroll
        for (short j = 0; j < VECTORS; j++) {
            const int col = (j * LANES + lane) * 4;
            query[g][j] = float4(0.0f);
            if (col < D) {
                query[g][j] = *(device const float4*)(query_head + col);
            }
            running[g].sum[j] = float4(0.0f);
        }
    }
    const int step = splits * WORKERS * KEYS;
    const int start = visible.first + (int(group.z) * WORKERS + simdgroup) * KEYS;
    for (int key = start; key <= visible.last; key += step) {
        const int count = min(int(KEYS), visible.last - key + 1);
        Turn<T, VECTORS, KEYS> key_turn;
        Turn<T, VECTORS, KEYS> value_turn;
        load_turn<T, D, VECTORS, KEYS>(key_turn, args, visible, key % args.capacity, count, keys, lane);
        load_turn<T, D, VECTORS, KEYS>(value_turn, args, visible, key % args.capacity, count, values, lane);
        #pragma unroll
        for (short g = 0; g < GROUP; g++) {
            take_turn<T, D, VECTORS, KEYS>(running[g], args, count, query[g], key_turn, value_turn, lane);
        }
    }

    #pragma unroll
    for (short g = 0; g < GROUP; g++) {
        const int head = first_head + g;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (lane == 0) {
            largest_of[simdgroup] = running[g].largest;
            weight_of[simdgroup] = running[g].weight;
        }
        #pragma unroll
        for (short j = 0; j < VECTORS; j++) {
            const int vector = j * LANES + lane;
            if (vector < D / 4) {
                sum_of[simdgroup * (D / 4) + vector] = running[g].sum[j];
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
        device float4* to = splits == 1
                ? (device float4*)(row_of(out, row, args.out_stride) + head * D)
                : (device float4*)(partial + part * ulong(D + 4));
        const float factor = splits == 1 ? 1.0f / weight : 1.0f;
        for (int vector = simdgroup * LANES + lane; vector < D / 4; vector += WORKERS * LANES) {
            float4 sum = float4(0.0f);
            for (short w = 0; w < WORKERS; w++) {
                sum += sum_of[w * (D / 4) + vector] * exp(largest_of[w] - largest);
            }
            to[vector] = sum * factor;
        }
        if (splits > 1 && simdgroup == 0 && lane == 0) {
            to[D / 4] = float4(largest, weight, 0.0f, 0.0f);
        }
    }
}

// Adds up what the splits of attention left: grid (heads, rows), two columns a thread; one lane a split
// (there are up to 32). Rows that were not split are done already.
kernel void attention_merge(
        constant AttentionArgs& args [[buffer(0)]],
        device const int* positions [[buffer(1)]],
        device const int* slots [[buffer(2)]],
        device const int* rows [[buffer(3)]],
        device const float* partial [[buffer(4)]],
        device float* out [[buffer(5)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    threadgroup float factors[32];
    const int row = rows[group.y];
    const int splits = splits_of(args, visible_keys(args, positions[row], slots[row], int(group.x)));
    const ulong part_size = ulong(args.head_dim + 4);
    const ulong first_part = (ulong(group.y) * ulong(args.num_heads) + ulong(group.x)) * ulong(LANES);
    device float* to = row_of(out, row, args.out_stride) + int(group.x) * args.head_dim;
    await_inputs();
    if (splits == 1) {
        return;
    }
    // Two columns of every split are read before any is needed; lanes past the last split repeat it, with no weight.
    const int col = (simdgroup * LANES + lane) * 2;
    float2 parts[32];
    #pragma unroll
    for (short split = 0; split < LANES; split++) {
        parts[split] = *(device const float2*)(partial + (first_part + ulong(min(int(split), splits - 1))) * part_size
                + ulong(min(col, args.head_dim - 2)));
    }
    if (simdgroup == 0) {
        device const float* softmax =
                partial + (first_part + ulong(min(int(lane), splits - 1))) * part_size + ulong(args.head_dim);
        const float largest = softmax[0];
        const float largest_of_all = simd_max(largest);
        const float factor = int(lane) < splits ? exp(largest - largest_of_all) : 0.0f;
        const float weight = simd_sum(softmax[1] * factor);
        factors[lane] = factor / weight;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    float2 sum = float2(0.0f);
    #pragma unroll
    for (short split = 0; split < LANES; split++) {
        sum += parts[split] * factors[split];
    }
    if (col < args.head_dim) {
        *(device float2*)(to + col) = sum;
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

template [[host_name("attention_f16_64_heads1")]]
kernel decltype(attention<half, 64, 1, 8>) attention<half, 64, 1, 8>;
template [[host_name("attention_f16_64_heads2")]]
kernel decltype(attention<half, 64, 2, 8>) attention<half, 64, 2, 8>;
template [[host_name("attention_f16_64_heads4")]]
kernel decltype(attention<half, 64, 4, 8>) attention<half, 64, 4, 8>;
template [[host_name("attention_f16_128_heads1")]]
kernel decltype(attention<half, 128, 1, 8>) attention<half, 128, 1, 8>;
template [[host_name("attention_f16_128_heads2")]]
kernel decltype(attention<half, 128, 2, 8>) attention<half, 128, 2, 8>;
template [[host_name("attention_f16_128_heads4")]]
kernel decltype(attention<half, 128, 4, 8>) attention<half, 128, 4, 8>;
template [[host_name("attention_f16_256_heads1")]]
kernel decltype(attention<half, 256, 1, 8>) attention<half, 256, 1, 8>;
template [[host_name("attention_f16_256_heads2")]]
kernel decltype(attention<half, 256, 2, 8>) attention<half, 256, 2, 8>;
template [[host_name("attention_f16_256_heads4")]]
kernel decltype(attention<half, 256, 4, 8>) attention<half, 256, 4, 8>;
template [[host_name("attention_f16_512_heads1")]]
kernel decltype(attention<half, 512, 1, 4>) attention<half, 512, 1, 4>;
template [[host_name("attention_f16_512_heads2")]]
kernel decltype(attention<half, 512, 2, 4>) attention<half, 512, 2, 4>;
template [[host_name("attention_f32_64_heads1")]]
kernel decltype(attention<float, 64, 1, 8>) attention<float, 64, 1, 8>;
template [[host_name("attention_f32_64_heads2")]]
kernel decltype(attention<float, 64, 2, 8>) attention<float, 64, 2, 8>;
template [[host_name("attention_f32_64_heads4")]]
kernel decltype(attention<float, 64, 4, 8>) attention<float, 64, 4, 8>;
template [[host_name("attention_f32_128_heads1")]]
kernel decltype(attention<float, 128, 1, 8>) attention<float, 128, 1, 8>;
template [[host_name("attention_f32_128_heads2")]]
kernel decltype(attention<float, 128, 2, 8>) attention<float, 128, 2, 8>;
template [[host_name("attention_f32_128_heads4")]]
kernel decltype(attention<float, 128, 4, 8>) attention<float, 128, 4, 8>;
template [[host_name("attention_f32_256_heads1")]]
kernel decltype(attention<float, 256, 1, 8>) attention<float, 256, 1, 8>;
template [[host_name("attention_f32_256_heads2")]]
kernel decltype(attention<float, 256, 2, 8>) attention<float, 256, 2, 8>;
template [[host_name("attention_f32_256_heads4")]]
kernel decltype(attention<float, 256, 4, 8>) attention<float, 256, 4, 8>;
template [[host_name("attention_f32_512_heads1")]]
kernel decltype(attention<float, 512, 1, 4>) attention<float, 512, 1, 4>;
template [[host_name("attention_f32_512_heads2")]]
kernel decltype(attention<float, 512, 2, 4>) attention<float, 512, 2, 4>;
