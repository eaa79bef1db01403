// Writing keys and values to the cache. Position p of a slot lies in row p % capacity; heads are apart.
#include "common.h"

// To nearest, ties to even; saturating, where a plain conversion would give infinity.
inline half saturated_half(float x) {
    return half(clamp(x, -65504.0f, 65504.0f));
}

inline void store_element(device half* cache, ulong i, float x) {
    cache[i] = saturated_half(x);
}

inline void store_element(device float* cache, ulong i, float x) {
    cache[i] = x;
}

struct StoreArgs {
    int head_dim;
    int num_kv_heads;
    int capacity;
    int k_stride;
    int v_stride;
};

// Grid (columns of all heads, rows).
template <typename T>
kernel void store_kv(
        constant StoreArgs& args [[buffer(0)]],
        device const int* positions [[buffer(1)]],
        device const int* slots [[buffer(2)]],
        device const float* k [[buffer(3)]],
        device const float* v [[buffer(4)]],
        device T* keys [[buffer(5)]],
        device T* values [[buffer(6)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x);
    if (col >= args.num_kv_heads * args.head_dim) {
        return;
    }
    const int head = col / args.head_dim;
    const ulong slot_head = ulong(slots[at.y]) * ulong(args.num_kv_heads) + ulong(head);
    const ulong cache_row = slot_head * ulong(args.capacity) + ulong(positions[at.y] % args.capacity);
    const ulong i = cache_row * ulong(args.head_dim) + ulong(col - head * args.head_dim);
    store_element(keys, i, row_of(k, int(at.y), args.k_stride)[col]);
    store_element(values, i, row_of(v, int(at.y), args.v_stride)[col]);
}

template [[host_name("store_kv_f16")]] kernel decltype(store_kv<half>) store_kv<half>;
template [[host_name("store_kv_f32")]] kernel decltype(store_kv<float>) store_kv<float>;

struct CopySlotArgs {
    int elements;
    int head_elements;
    int from_head;
    int to_head;
};

// Grid (elements of a head's first rows, heads); `from_head` and `to_head` count heads over all slots.
template <typename T>
kernel void copy_slot(
        constant CopySlotArgs& args [[buffer(0)]],
        device T* keys [[buffer(1)]],
        device T* values [[buffer(2)]],
        uint2 at [[thread_position_in_grid]]) {
    if (int(at.x) >= args.elements) {
        return;
    }
    const ulong from = (ulong(args.from_head) + ulong(at.y)) * ulong(args.head_elements) + ulong(at.x);
    const ulong to = (ulong(args.to_head) + ulong(at.y)) * ulong(args.head_elements) + ulong(at.x);
    keys[to] = keys[from];
    values[to] = values[from];
}

template [[host_name("copy_slot_f16")]] kernel decltype(copy_slot<half>) copy_slot<half>;
template [[host_name("copy_slot_f32")]] kernel decltype(copy_slot<float>) copy_slot<float>;

struct HeadArgs {
    int pairs;
    int num_heads;
    int num_kv_heads;
    int jobs;
    int capacity;
    int q_stride;
    int k_stride;
    int v_stride;
    int rotations_stride;
    int norms;
    float q_eps;
    float k_eps;
    float v_eps;
};

// Bits of HeadArgs.norms; the bit after each says whether that norm has factors.
constant int Q_NORM = 1;
constant int Q_FACTORS = 2;
constant int K_NORM = 4;
constant int V_NORM = 16;

// Pairs that a lane holds at most: head sizes up to 512.
constant short MAX_PAIRS = 8;

struct Head {
    float lower[8];
    float upper[8];
};

inline Head load_head(device const float* from, int pairs, ushort lane) {
    Head head;
    for (short j = 0; j < MAX_PAIRS; j++) {
        const int pair = j * LANES + lane;
        head.lower[j] = pair < pairs ? from[pair] : 0.0f;
        head.upper[j] = pair < pairs ? from[pairs + pair] : 0.0f;
    }
    return head;
}

inline void store_head(device float* to, Head head, int pairs, ushort lane) {
    for (short j = 0; j < MAX_PAIRS; j++) {
        const int pair = j * LANES + lane;
        if (pair < pairs) {
            to[pair] = head.lower[j];
            to[pairs + pair] = head.upper[j];
        }
    }
}

// Factors of a norm, or ones.
inline Head load_factors(bool has_factors, device const float* factors, int pairs, ushort lane) {
    if (has_factors) {
        return load_head(factors, pairs, lane);
    }
    Head ones;
    for (short j = 0; j < MAX_PAIRS; j++) {
        ones.lower[j] = 1.0f;
        ones.upper[j] = 1.0f;
    }
    return ones;
}

inline void norm_head(thread Head& head, int pairs, float eps, thread const Head& factors) {
    float squares = 0.0f;
    for (short j = 0; j < MAX_PAIRS; j++) {
        squares += head.lower[j] * head.lower[j] + head.upper[j] * head.upper[j];
    }
    const float factor = 1.0f / precise::sqrt(simd_sum(squares) / float(2 * pairs) + eps);
    for (short j = 0; j < MAX_PAIRS; j++) {
        head.lower[j] *= factor * factors.lower[j];
        head.upper[j] *= factor * factors.upper[j];
    }
}

// `turn` holds cosines in its lower half and sines in its upper one.
inline void rotate_head(thread Head& head, thread const Head& turn) {
    for (short j = 0; j < MAX_PAIRS; j++) {
        const float a = head.lower[j];
        const float b = head.upper[j];
        head.lower[j] = a * turn.lower[j] - b * turn.upper[j];
        head.upper[j] = b * turn.lower[j] + a * turn.upper[j];
    }
}

// Head norms, RoPE and cache store of one layer. A simdgroup takes one job: a query head, a key head or a value head.
// Grid (jobs / simdgroups of a threadgroup, rows). Raw keys are read only, so values may be made from them.
template <typename T>
kernel void head_norm_rope_store(
        constant HeadArgs& args [[buffer(0)]],
        device const int* positions [[buffer(1)]],
        device const int* slots [[buffer(2)]],
        device const float* rotations [[buffer(3)]],
        device float* q [[buffer(4)]],
        device const float* k [[buffer(5)]],
        device const float* v [[buffer(6)]],
        device const float* q_factors [[buffer(7)]],
        device const float* k_factors [[buffer(8)]],
        device const float* v_factors [[buffer(9)]],
        device T* keys [[buffer(10)]],
        device T* values [[buffer(11)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int job = int(group.x) * simdgroups + simdgroup;
    if (job >= args.jobs) {
        return;
    }
    const int row = int(group.y);
    const int pairs = args.pairs;
    const bool is_query = job < args.num_heads;
    const bool is_key = !is_query && job < args.num_heads + args.num_kv_heads;
    const int kv_head = (job - args.num_heads) % args.num_kv_heads;
    const ulong cache_row = (ulong(slots[row]) * ulong(args.num_kv_heads) + ulong(max(kv_head, 0))) * ulong(args.capacity)
            + ulong(positions[row] % args.capacity);
    const int norm = is_query ? Q_NORM : is_key ? K_NORM : V_NORM;
    const float eps = is_query ? args.q_eps : is_key ? args.k_eps : args.v_eps;
    device const float* factor_row = is_query ? q_factors : is_key ? k_factors : v_factors;
    // The bit of a norm's factors follows that of the norm.
    const Head factors = load_factors((args.norms & (2 * norm)) != 0, factor_row, pairs, lane);
    await_inputs();
    device float* query = row_of(q, row, args.q_stride) + job * 2 * pairs;
    device const float* from = query;
    if (!is_query) {
        device const float* kv_row = is_key ? row_of(k, row, args.k_stride) : row_of(v, row, args.v_stride);
        from = kv_row + kv_head * 2 * pairs;
    }
    const Head turn = load_head(row_of(rotations, row, args.rotations_stride), pairs, lane);
    Head head = load_head(from, pairs, lane);
    if ((args.norms & norm) != 0) {
        norm_head(head, pairs, eps, factors);
    }
    if (is_query || is_key) {
        rotate_head(head, turn);
    }
    if (is_query) {
        store_head(query, head, pairs, lane);
        return;
    }
    const ulong to = cache_row * ulong(2 * pairs);
    device T* cache = is_key ? keys : values;
    for (short j = 0; j < MAX_PAIRS; j++) {
        const int pair = j * LANES + lane;
        if (pair < pairs) {
            store_element(cache, to + ulong(pair), head.lower[j]);
            store_element(cache, to + ulong(pairs + pair), head.upper[j]);
        }
    }
}

template [[host_name("head_norm_rope_store_f16")]]
kernel decltype(head_norm_rope_store<half>) head_norm_rope_store<half>;
template [[host_name("head_norm_rope_store_f32")]]
kernel decltype(head_norm_rope_store<float>) head_norm_rope_store<float>;

struct QueryArgs {
    int pairs;
    int num_heads;
    int q_stride;
    int rotations_stride;
    int norms;
    float eps;
};

// q = rope(norm(q)), for layers that read another layer's cache. Grid (heads / simdgroups of a threadgroup, rows).
kernel void head_norm_rope(
        constant QueryArgs& args [[buffer(0)]],
        device const float* rotations [[buffer(1)]],
        device float* q [[buffer(2)]],
        device const float* factors [[buffer(3)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int head_index = int(group.x) * simdgroups + simdgroup;
    if (head_index >= args.num_heads) {
        return;
    }
    device float* at = row_of(q, int(group.y), args.q_stride) + head_index * 2 * args.pairs;
    Head head = load_head(at, args.pairs, lane);
    if ((args.norms & Q_NORM) != 0) {
        norm_head(head, args.pairs, args.eps, load_factors((args.norms & Q_FACTORS) != 0, factors, args.pairs, lane));
    }
    rotate_head(head, load_head(row_of(rotations, int(group.y), args.rotations_stride), args.pairs, lane));
    store_head(at, head, args.pairs, lane);
}
