// Embedding lookup: one thread an element, grid (columns, rows).
#include "weights.h"

struct EmbedArgs {
    int cols;
    int out_stride;
    int ids_stride;
    float scale;
    int group_shift;
};

template <typename W>
kernel void embed_dense(
        constant EmbedArgs& args [[buffer(0)]],
        device const int* ids [[buffer(1)]],
        device const uchar* table [[buffer(2)]],
        device float* out [[buffer(3)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x);
    if (col >= args.cols) {
        return;
    }
    const ulong entry = ulong(ids[ulong(at.y) * ulong(args.ids_stride)]);
    const float value = W::at(table, entry * ulong(args.cols) + ulong(col));
    row_of(out, int(at.y), args.out_stride)[col] = value * args.scale;
}

template <short BITS>
kernel void embed_affine(
        constant EmbedArgs& args [[buffer(0)]],
        device const int* ids [[buffer(1)]],
        device const uchar* codes [[buffer(2)]],
        device const uchar* scales [[buffer(3)]],
        device const uchar* biases [[buffer(4)]],
        device float* out [[buffer(5)]],
        uint2 at [[thread_position_in_grid]]) {
    const int col = int(at.x);
    if (col >= args.cols) {
        return;
    }
    const ulong entry = ulong(ids[ulong(at.y) * ulong(args.ids_stride)]);
    const ulong group = entry * ulong(args.cols >> args.group_shift) + ulong(col >> args.group_shift);
    const float code = code_at<BITS>(codes, entry * ulong(args.cols) + ulong(col));
    const float value = scale_at(scales, group) * code + scale_at(biases, group);
    row_of(out, int(at.y), args.out_stride)[col] = value * args.scale;
}

template [[host_name("embed_f32")]] kernel decltype(embed_dense<F32>) embed_dense<F32>;
template [[host_name("embed_f16")]] kernel decltype(embed_dense<F16>) embed_dense<F16>;
template [[host_name("embed_bf16")]] kernel decltype(embed_dense<BF16>) embed_dense<BF16>;
template [[host_name("embed_affine4")]] kernel decltype(embed_affine<4>) embed_affine<4>;
template [[host_name("embed_affine8")]] kernel decltype(embed_affine<8>) embed_affine<8>;
