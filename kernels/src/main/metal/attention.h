// What all attention over the cache shares: arguments, which keys a row sees, where they lie.
#include "common.h"

struct AttentionArgs {
    int head_dim;
    int num_heads;
    int num_kv_heads;
    int capacity;
    int window;
    int q_stride;
    int out_stride;
    int splits;
    int by_position;
    float scale;
    float cap;
};

inline float4 four(device const half* cache, ulong i) {
    return float4(*(device const half4*)(cache + i));
}

inline float4 four(device const float* cache, ulong i) {
    return *(device const float4*)(cache + i);
}

// The keys that a row sees, and where they lie.
struct Visible {
    int first;
    int last;
    ulong head_row;
};

inline Visible visible_keys(constant AttentionArgs& args, int position, int slot, int head) {
    Visible visible;
    visible.first = args.window == 0 ? 0 : max(0, position - args.window + 1);
    visible.last = position;
    const int kv_head = head / (args.num_heads / args.num_kv_heads);
    visible.head_row = (ulong(slot) * ulong(args.num_kv_heads) + ulong(kv_head)) * ulong(args.capacity);
    return visible;
}

// Keys from which on a row is split by its position, and keys of a split at least: a turn of all simdgroups.
constant int SPLIT_KEYS = 256;
constant int KEYS_PER_SPLIT = 64;

// How many threadgroups share the keys of a row: as many as the grid has, or what the row's position makes of them.
inline int splits_of(constant AttentionArgs& args, Visible visible) {
    const int keys = visible.last - visible.first + 1;
    if (args.by_position == 0) {
        return args.splits;
    }
    return keys < SPLIT_KEYS ? 1 : min(args.splits, (keys + KEYS_PER_SPLIT - 1) / KEYS_PER_SPLIT);
}

// First key of the block of `block` keys that key `key` lies in: blocks start at multiples, so that a row meets the same
// ones in whatever tile it is. What it does not see of them has no weight.
inline int block_start(int key, int block) {
    return key / block * block;
}

// First element of the cache row of key `first + i` of a chunk whose first key lies in `row`; keys past the last repeat
// it, so that nothing is read that was never written.
inline ulong key_element(constant AttentionArgs& args, Visible visible, int row, int i, int count) {
    int at = row + min(i, count - 1);
    if (at >= args.capacity) {
        at -= args.capacity;
    }
    return (visible.head_row + ulong(at)) * ulong(args.head_dim);
}

inline float final_score(constant AttentionArgs& args, float dot_product) {
    float score = dot_product * args.scale;
    if (args.cap > 0.0f) {
        score = capped(score, args.cap);
    }
    return score;
}
