// Copies of fresh keys or values into caches of either layout, outside the model's own cache. The host has checked that
// no two tokens go to one row.
#include "common.h"

struct TokenCopyArgs {
    int row_size;
    int tokens;
    int write_row;
    int capacity;
};

// [tokens, row_size] to rows write_row, write_row + 1, ... of [capacity, row_size], around the end of a ring. Elements
// move as bits: one kernel serves every type of a size. Grid (row_size, tokens).
template <typename T>
kernel void kv_copy_tokens(
        constant TokenCopyArgs& args [[buffer(0)]],
        device const T* source [[buffer(1)]],
        device T* cache [[buffer(2)]],
        uint2 at [[thread_position_in_grid]]) {
    if (int(at.x) >= args.row_size) {
        return;
    }
    const int row = (args.write_row + int(at.y)) % args.capacity;
    cache[ulong(row) * ulong(args.row_size) + ulong(at.x)] = source[ulong(at.y) * ulong(args.row_size) + ulong(at.x)];
}

struct SequenceCopyArgs {
    int num_heads;
    int head_dim;
    int capacity;
    int first_row;
    int tokens;
    int source_token;
};

inline void put(device float* to, float x) {
    *to = x;
}

// Saturating, as the model's own cache stores.
inline void put(device half* to, float x) {
    *to = half(clamp(x, -65504.0f, 65504.0f));
}

// [source tokens, heads, head_dim] from source_token on to [heads, capacity, head_dim]. Grid (heads * head_dim,
// tokens).
template <typename T>
kernel void kv_copy_sequence(
        constant SequenceCopyArgs& args [[buffer(0)]],
        device const float* source [[buffer(1)]],
        device T* cache [[buffer(2)]],
        uint2 at [[thread_position_in_grid]]) {
    const int width = args.num_heads * args.head_dim;
    if (int(at.x) >= width) {
        return;
    }
    const int head = int(at.x) / args.head_dim;
    const int col = int(at.x) - head * args.head_dim;
    const int row = (args.first_row + int(at.y)) % args.capacity;
    const ulong from = (ulong(args.source_token) + ulong(at.y)) * ulong(width) + ulong(at.x);
    const ulong to = (ulong(head) * ulong(args.capacity) + ulong(row)) * ulong(args.head_dim) + ulong(col);
    put(cache + to, source[from]);
}

template [[host_name("kv_copy_tokens_16")]] kernel decltype(kv_copy_tokens<ushort>) kv_copy_tokens<ushort>;
template [[host_name("kv_copy_tokens_32")]] kernel decltype(kv_copy_tokens<uint>) kv_copy_tokens<uint>;
template [[host_name("kv_copy_sequence_f32")]] kernel decltype(kv_copy_sequence<float>) kv_copy_sequence<float>;
template [[host_name("kv_copy_sequence_f16")]] kernel decltype(kv_copy_sequence<half>) kv_copy_sequence<half>;
