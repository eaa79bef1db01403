// Root-mean-square norms: one threadgroup a group of columns, whose threads share the sum of squares.
#include "common.h"

// A simdgroup leaves its part in `parts`; the first simdgroup's sum of the parts is everyone's. Ends with every thread
// past its last read of `parts`' first use, so a second call takes a second array.
inline float threadgroup_sum(
        float value, threadgroup float* parts, ushort lane, ushort simdgroup, ushort simdgroups) {
    const float part = simd_sum(value);
    if (lane == 0) {
        parts[simdgroup] = part;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    return simd_sum(lane < simdgroups ? parts[lane] : 0.0f);
}

inline float inverse_rms(float sum_of_squares, int size, float eps) {
    return 1.0f / precise::sqrt(sum_of_squares / float(size) + eps);
}

struct NormArgs {
    int size;
    int out_stride;
    int x_stride;
    int has_factors;
    float eps;
};

// Grid (groups of a row, rows); `out` may be `x`.
kernel void rms_norm(
        constant NormArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const float* factors [[buffer(2)]],
        device float* out [[buffer(3)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort2 threads [[threads_per_threadgroup]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup float parts[32];
    device const float* from = row_of(x, int(group.y), args.x_stride) + ulong(group.x) * ulong(args.size);
    device float* to = row_of(out, int(group.y), args.out_stride) + ulong(group.x) * ulong(args.size);
    float squares = 0.0f;
    for (int i = thread_index; i < args.size; i += threads.x) {
        squares += from[i] * from[i];
    }
    const float factor =
            inverse_rms(threadgroup_sum(squares, parts, lane, simdgroup, simdgroups), args.size, args.eps);
    for (int i = thread_index; i < args.size; i += threads.x) {
        float y = from[i] * factor;
        if (args.has_factors != 0) {
            y *= factors[i];
        }
        to[i] = y;
    }
}

struct AddNormArgs {
    int size;
    int x_stride;
    int y_stride;
    int out_stride;
    int post_has_factors;
    int pre_has_factors;
    float post_eps;
    float pre_eps;
    float scale;
    int has_pre;
};

// x = (x + post(y)) * scale, then out = pre(x) if there is a pre norm. Grid (rows). A row is read once and held by its
// threads, HELD elements each; factors, which no step writes, are read before anything is awaited.
template <short HELD>
kernel void add_norm(
        constant AddNormArgs& args [[buffer(0)]],
        device float* x [[buffer(1)]],
        device const float* y [[buffer(2)]],
        device const float* post_factors [[buffer(3)]],
        device const float* pre_factors [[buffer(4)]],
        device float* out [[buffer(5)]],
        uint row [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort threads [[threads_per_threadgroup]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup float post_parts[32];
    threadgroup float pre_parts[32];
    float post_factor[HELD];
    float pre_factor[HELD];
    float branch[HELD];
    float stream[HELD];
    #pragma unroll
    for (short j = 0; j < HELD; j++) {
        const int i = min(int(thread_index) + j * threads, args.size - 1);
        post_factor[j] = 1.0f;
        pre_factor[j] = 1.0f;
        if (args.post_has_factors != 0) {
            post_factor[j] = post_factors[i];
        }
        if (args.pre_has_factors != 0) {
            pre_factor[j] = pre_factors[i];
        }
    }
    await_inputs();
    device float* x_row = row_of(x, int(row), args.x_stride);
    device const float* y_row = row_of(y, int(row), args.y_stride);
    float squares = 0.0f;
    #pragma unroll
    for (short j = 0; j < HELD; j++) {
        const int i = thread_index + j * threads;
        branch[j] = 0.0f;
        stream[j] = 0.0f;
        if (i < args.size) {
            branch[j] = y_row[i];
            stream[j] = x_row[i];
        }
        squares += branch[j] * branch[j];
    }
    const float post =
            inverse_rms(threadgroup_sum(squares, post_parts, lane, simdgroup, simdgroups), args.size, args.post_eps);
    float new_squares = 0.0f;
    #pragma unroll
    for (short j = 0; j < HELD; j++) {
        const int i = thread_index + j * threads;
        stream[j] = (stream[j] + branch[j] * post * post_factor[j]) * args.scale;
        new_squares += stream[j] * stream[j];
        if (i < args.size) {
            x_row[i] = stream[j];
        }
    }
    if (args.has_pre == 0) {
        return;
    }
    const float pre =
            inverse_rms(threadgroup_sum(new_squares, pre_parts, lane, simdgroup, simdgroups), args.size, args.pre_eps);
    device float* to = row_of(out, int(row), args.out_stride);
    #pragma unroll
    for (short j = 0; j < HELD; j++) {
        const int i = thread_index + j * threads;
        if (i < args.size) {
            to[i] = stream[j] * pre * pre_factor[j];
        }
    }
}

template [[host_name("add_norm_held4")]] kernel decltype(add_norm<4>) add_norm<4>;
template [[host_name("add_norm_held8")]] kernel decltype(add_norm<8>) add_norm<8>;
