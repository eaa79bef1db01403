// From logits to ids: suppression, argmax and the best candidates, so that no step reads all logits back.
#include "common.h"

struct SuppressArgs {
    int count;
    int stride;
};

// Grid (ids, rows).
kernel void suppress(
        constant SuppressArgs& args [[buffer(0)]],
        device const int* ids [[buffer(1)]],
        device float* logits [[buffer(2)]],
        uint2 at [[thread_position_in_grid]]) {
    if (int(at.x) < args.count) {
        row_of(logits, int(at.y), args.stride)[ids[at.x]] = -FLT_MAX;
    }
}

struct ArgmaxArgs {
    int cols;
    int stride;
    int part_cols;
    int parts;
    int ids_stride;
};

struct Best {
    float value;
    int id;
};

// The better of two: larger, or as large with the lower id. An id of -1 is nobody's.
inline Best better(Best a, Best b) {
    const bool second = b.id >= 0 && (a.id < 0 || b.value > a.value || (b.value == a.value && b.id < a.id));
    Best best;
    best.value = second ? b.value : a.value;
    best.id = second ? b.id : a.id;
    return best;
}

inline Best best_of_simdgroup(Best mine) {
    for (ushort distance = 16; distance > 0; distance /= 2) {
        Best other;
        other.value = simd_shuffle_xor(mine.value, distance);
        other.id = simd_shuffle_xor(mine.id, distance);
        mine = better(mine, other);
    }
    return mine;
}

inline Best best_of_threadgroup(
        Best mine,
        threadgroup float* values,
        threadgroup int* ids,
        ushort lane,
        ushort simdgroup,
        ushort simdgroups) {
    mine = best_of_simdgroup(mine);
    if (lane == 0) {
        values[simdgroup] = mine.value;
        ids[simdgroup] = mine.id;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    Best best;
    best.value = lane < simdgroups ? values[lane] : 0.0f;
    best.id = lane < simdgroups ? ids[lane] : -1;
    return best_of_simdgroup(best);
}

// The best of each part of a row. Grid (parts, rows).
kernel void argmax_parts(
        constant ArgmaxArgs& args [[buffer(0)]],
        device const float* logits [[buffer(1)]],
        device float* part_values [[buffer(2)]],
        device int* part_ids [[buffer(3)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort2 threads [[threads_per_threadgroup]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup float values[32];
    threadgroup int ids[32];
    device const float* row = row_of(logits, int(group.y), args.stride);
    const int first = int(group.x) * args.part_cols;
    const int end = min(args.cols, first + args.part_cols);
    Best best;
    best.value = 0.0f;
    best.id = -1;
    for (int i = first + thread_index; i < end; i += threads.x) {
        Best other;
        other.value = row[i];
        other.id = i;
        best = better(best, other);
    }
    best = best_of_threadgroup(best, values, ids, lane, simdgroup, simdgroups);
    if (thread_index == 0) {
        part_values[ulong(group.y) * ulong(args.parts) + ulong(group.x)] = best.value;
        part_ids[ulong(group.y) * ulong(args.parts) + ulong(group.x)] = best.id;
    }
}

// The best of the parts. Grid (rows).
kernel void argmax_merge(
        constant ArgmaxArgs& args [[buffer(0)]],
        device const float* part_values [[buffer(1)]],
        device const int* part_ids [[buffer(2)]],
        device int* ids_out [[buffer(3)]],
        uint row [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort threads [[threads_per_threadgroup]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup float values[32];
    threadgroup int ids[32];
    Best best;
    best.value = 0.0f;
    best.id = -1;
    for (int i = thread_index; i < args.parts; i += threads) {
        Best other;
        other.value = part_values[ulong(row) * ulong(args.parts) + ulong(i)];
        other.id = part_ids[ulong(row) * ulong(args.parts) + ulong(i)];
        best = better(best, other);
    }
    best = best_of_threadgroup(best, values, ids, lane, simdgroup, simdgroups);
    if (thread_index == 0) {
        ids_out[ulong(row) * ulong(args.ids_stride)] = best.id;
    }
}

struct TopKArgs {
    int cols;
    int stride;
    int has_ids;
    int ids_stride;
    int k;
    int out_stride;
    int ids_out_stride;
};

// Values that a threadgroup sorts at once: 16 KiB of values and ids.
constant int SORTED = 2048;

// The k best of each part of 2048 values, best first. Ids are positions in the row, or those that a stage before has
// found; parts without k values are filled with id -1. Grid (parts, rows).
kernel void top_k(
        constant TopKArgs& args [[buffer(0)]],
        device const float* values_in [[buffer(1)]],
        device const int* ids_in [[buffer(2)]],
        device float* values_out [[buffer(3)]],
        device int* ids_out [[buffer(4)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort2 threads [[threads_per_threadgroup]]) {
    threadgroup float values[2048];
    threadgroup int ids[2048];
    const int first = int(group.x) * SORTED;
    for (int i = thread_index; i < SORTED; i += threads.x) {
        const int at = first + i;
        const bool inside = at < args.cols;
        values[i] = inside ? row_of(values_in, int(group.y), args.stride)[at] : 0.0f;
        int id = inside ? at : -1;
        if (inside && args.has_ids != 0) {
            id = ids_in[ulong(group.y) * ulong(args.ids_stride) + ulong(at)];
        }
        ids[i] = id;
    }
    // Bitonic sort, best first: runs of `size` alternate in direction until one is left.
    for (int size = 2; size <= SORTED; size *= 2) {
        for (int distance = size / 2; distance > 0; distance /= 2) {
            threadgroup_barrier(mem_flags::mem_threadgroup);
            for (int pair = thread_index; pair < SORTED / 2; pair += threads.x) {
                const int low = 2 * pair - (pair & (distance - 1));
                const int high = low + distance;
                Best a;
                a.value = values[low];
                a.id = ids[low];
                Best b;
                b.value = values[high];
                b.id = ids[high];
                const bool best_first = (low & size) == 0;
                const Best first_one = better(a, b);
                const bool a_is_better = first_one.id == a.id;
                if (a_is_better != best_first) {
                    values[low] = b.value;
                    ids[low] = b.id;
                    values[high] = a.value;
                    ids[high] = a.id;
                }
            }
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const ulong to = ulong(group.y) * ulong(args.out_stride) + ulong(group.x) * ulong(args.k);
    const ulong ids_to = ulong(group.y) * ulong(args.ids_out_stride) + ulong(group.x) * ulong(args.k);
    for (int i = thread_index; i < args.k; i += threads.x) {
        values_out[to + ulong(i)] = values[i];
        ids_out[ids_to + ulong(i)] = ids[i];
    }
}
