// Ops over rows that need no reduction: one thread an element, grid (columns, rows).
#include "common.h"

struct TokensArgs {
    int rows;
    int ids_stride;
    int sampled_stride;
};

// Token -1 - i stands for the id that the step before sampled into row i.
kernel void tokens(
        constant TokensArgs& args [[buffer(0)]],
        device const int* tokens [[buffer(1)]],
        device const int* sampled [[buffer(2)]],
        device int* ids [[buffer(3)]],
        uint row [[thread_position_in_grid]]) {
    if (int(row) >= args.rows) {
        return;
    }
    const int token = tokens[row];
    int id = token;
    if (token < 0) {
        id = sampled[ulong(-1 - token) * ulong(args.sampled_stride)];
    }
    ids[ulong(row) * ulong(args.ids_stride)] = id;
}

struct CopyArgs {
    int cols;
    int out_stride;
    int x_stride;
    int gather;
};

// out[r] = x[r], or x[output_rows[r]]. Bits move as they are, so one kernel serves floats and ids.
kernel void copy_rows(
        constant CopyArgs& args [[buffer(0)]],
        device const uint* x [[buffer(1)]],
        device const int* output_rows [[buffer(2)]],
        device uint* out [[buffer(3)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x);
    if (col >= args.cols) {
        return;
    }
    int source = int(at.y);
    if (args.gather != 0) {
        source = output_rows[at.y];
    }
    out[ulong(at.y) * ulong(args.out_stride) + ulong(col)] = x[ulong(source) * ulong(args.x_stride) + ulong(col)];
}

struct BinaryArgs {
    int cols;
    int out_stride;
    int a_stride;
    int b_stride;
    float scale;
};

kernel void add(
        constant BinaryArgs& args [[buffer(0)]],
        device const float* a [[buffer(1)]],
        device const float* b [[buffer(2)]],
        device float* out [[buffer(3)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x);
    if (col >= args.cols) {
        return;
    }
    const int row = int(at.y);
    const float sum = row_of(a, row, args.a_stride)[col] + row_of(b, row, args.b_stride)[col];
    row_of(out, row, args.out_stride)[col] = sum * args.scale;
}

kernel void geglu(
        constant BinaryArgs& args [[buffer(0)]],
        device const float* gate [[buffer(1)]],
        device const float* up [[buffer(2)]],
        device float* out [[buffer(3)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x);
    if (col >= args.cols) {
        return;
    }
    const int row = int(at.y);
    const float activated = gelu_tanh(row_of(gate, row, args.a_stride)[col]);
    row_of(out, row, args.out_stride)[col] = activated * row_of(up, row, args.b_stride)[col];
}

struct UnaryArgs {
    int cols;
    int stride;
    float factor;
};

kernel void scale(
        constant UnaryArgs& args [[buffer(0)]],
        device float* x [[buffer(1)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x);
    if (col >= args.cols) {
        return;
    }
    row_of(x, int(at.y), args.stride)[col] *= args.factor;
}

kernel void softcap(
        constant UnaryArgs& args [[buffer(0)]],
        device float* x [[buffer(1)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x);
    if (col >= args.cols) {
        return;
    }
    device float* row = row_of(x, int(at.y), args.stride);
    row[col] = capped(row[col], args.factor);
}
