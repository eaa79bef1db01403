// Rotary position embedding: the table of a step's rotations, and the rotation on its own.
#include "common.h"

struct RotationsArgs {
    int pairs;
    int out_stride;
};

// precise:: because angles reach the context length in radians, where the fast functions are wrong.
kernel void rotations(
        constant RotationsArgs& args [[buffer(0)]],
        device const int* positions [[buffer(1)]],
        device const float* inverse_frequencies [[buffer(2)]],
        device float* out [[buffer(3)]],
        uint2 at [[thread_position_in_grid]]) {
    const int pair = int(at.x);
    if (pair >= args.pairs) {
        return;
    }
    const float angle = float(positions[at.y]) * inverse_frequencies[pair];
    device float* row = row_of(out, int(at.y), args.out_stride);
    row[pair] = precise::cos(angle);
    row[args.pairs + pair] = precise::sin(angle);
}

struct RopeArgs {
    int pairs;
    int all_pairs;
    int x_stride;
    int rotations_stride;
};

// Grid (pairs of all heads, rows).
kernel void rope(
        constant RopeArgs& args [[buffer(0)]],
        device const float* rotations [[buffer(1)]],
        device float* x [[buffer(2)]],
        uint2 at [[thread_position_in_grid]]) {
    if (int(at.x) >= args.all_pairs) {
        return;
    }
    const int head = int(at.x) / args.pairs;
    const int pair = int(at.x) - head * args.pairs;
    device const float* turn = row_of(rotations, int(at.y), args.rotations_stride);
    const float c = turn[pair];
    const float s = turn[args.pairs + pair];
    device float* lower = row_of(x, int(at.y), args.x_stride) + head * 2 * args.pairs + pair;
    const float a = lower[0];
    const float b = lower[args.pairs];
    lower[0] = a * c - b * s;
    lower[args.pairs] = b * c + a * s;
}
