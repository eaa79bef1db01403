// Matrix-vector products for 1 to 8 rows of activations. A simdgroup makes OUTS neighbouring outputs for ROWS rows: its
// 32 lanes split the inputs, so that weights are read once, in order, and each activation serves OUTS outputs.
#include "weights.h"

struct GemvArgs {
    int outs;
    int cols;
    int rows;
    int x_stride;
    int out_stride;
    int group_shift;
};

template <short OUTS, short ROWS>
struct Sums {
    float at[OUTS][ROWS];
};

template <short OUTS, short ROWS>
inline void clear(thread Sums<OUTS, ROWS>& sums) {
    for (short o = 0; o < OUTS; o++) {
        for (short r = 0; r < ROWS; r++) {
            sums.at[o][r] = 0.0f;
        }
    }
}

template <short OUTS, short ROWS>
inline void add_lanes(thread Sums<OUTS, ROWS>& sums) {
    for (short o = 0; o < OUTS; o++) {
        for (short r = 0; r < ROWS; r++) {
            sums.at[o][r] = simd_sum(sums.at[o][r]);
        }
    }
}

template <short OUTS, short ROWS>
inline void store_sums(
        thread const Sums<OUTS, ROWS>& sums,
        device float* out,
        int stride,
        int first_out,
        int outs,
        int first_row,
        int rows) {
    for (short o = 0; o < OUTS; o++) {
        for (short r = 0; r < ROWS; r++) {
            if (first_out + o < outs && first_row + r < rows) {
                row_of(out, first_row + r, stride)[first_out + o] = sums.at[o][r];
            }
        }
    }
}

// out[r][o] = w[first_out + o] . x[first_row + r]. Outputs and rows past the end repeat the last; their sums are
// dropped.
template <typename W, short OUTS, short ROWS>
inline void dense_sums(
        thread Sums<OUTS, ROWS>& sums,
        device const uchar* w,
        device const float* x,
        int first_out,
        int outs,
        int first_row,
        constant GemvArgs& args,
        ushort lane) {
    clear(sums);
    const ulong row_bytes = ulong(args.cols) * W::bytes();
    for (int i = lane * 4; i < args.cols; i += LANES * 4) {
        float4 weights[OUTS];
        for (short o = 0; o < OUTS; o++) {
            weights[o] = W::four(w + ulong(min(first_out + o, outs - 1)) * row_bytes, ulong(i));
        }
        for (short r = 0; r < ROWS; r++) {
            device const float* row = row_of(x, min(first_row + r, args.rows - 1), args.x_stride);
            const float4 inputs = *(device const float4*)(row + i);
            for (short o = 0; o < OUTS; o++) {
                sums.at[o][r] += dot(weights[o], inputs);
            }
        }
    }
    add_lanes(sums);
}

// As dense_sums, for matrices that are not aligned or whose width is no multiple of 4.
template <typename W>
inline void any_dense_sums(
        thread Sums<1, 1>& sums,
        device const uchar* w,
        device const float* x,
        int out,
        int row,
        constant GemvArgs& args,
        ushort lane) {
    clear(sums);
    device const float* inputs = row_of(x, row, args.x_stride);
    const ulong first = ulong(out) * ulong(args.cols);
    for (int i = lane; i < args.cols; i += LANES) {
        sums.at[0][0] += W::at(w, first + ulong(i)) * inputs[i];
    }
    add_lanes(sums);
}
