// Matrix-vector products for 1 to 8 rows of activations. A simdgroup makes OUTS outputs for ROWS rows: its 32 lanes split
// the inputs, so that weights are read once, in order, and each activation serves OUTS outputs. Where outputs are few,
// `splits` neighbouring simdgroups of a threadgroup take turns at the inputs of the same outputs, and the first adds up.
#include "weights.h"

struct GemvArgs {
    int outs;
    int cols;
    int rows;
    int x_stride;
    int out_stride;
    int group_shift;
    int splits;
};

struct GatedGemvArgs {
    GemvArgs gemv;
    int has_up;
    int up_stride;
};

struct QkvArgs {
    GemvArgs gemv;
    int q_outs;
    int k_outs;
    int v_outs;
    int q_stride;
    int k_stride;
    int v_stride;
};

// Simdgroups of a threadgroup at most: `splits` goes up to it.
constant short MAX_SIMDGROUPS = 8;

template <short OUTS, short ROWS>
struct Sums {
    float at[OUTS][ROWS];
};

// Where the weights of a simdgroup's outputs start.
template <short OUTS>
struct WeightRows {
    device const uchar* at[OUTS];
};

template <short OUTS, short ROWS>
inline void clear(thread Sums<OUTS, ROWS>& sums) {
    #pragma unroll
    for (short o = 0; o < OUTS; o++) {
        #pragma unroll
        for (short r = 0; r < ROWS; r++) {
            sums.at[o][r] = 0.0f;
        }
    }
}

// Adds the lanes' sums, then those of the simdgroups that share outputs. Every simdgroup of the threadgroup must come
// here; the result is the first's of those that share. `parts` has MAX_SIMDGROUPS * OUTS * ROWS floats.
template <short OUTS, short ROWS>
inline void add_up(
        thread Sums<OUTS, ROWS>& sums, threadgroup float* parts, int splits, ushort lane, ushort simdgroup) {
    #pragma unroll
    for (short o = 0; o < OUTS; o++) {
        #pragma unroll
        for (short r = 0; r < ROWS; r++) {
            sums.at[o][r] = simd_sum(sums.at[o][r]);
        }
    }
    if (splits == 1) {
        return;
    }
    if (lane == 0) {
        #pragma unroll
        for (short o = 0; o < OUTS; o++) {
            #pragma unroll
            for (short r = 0; r < ROWS; r++) {
                parts[(simdgroup * OUTS + o) * ROWS + r] = sums.at[o][r];
            }
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (simdgroup % splits == 0) {
        for (short other = simdgroup + 1; other < simdgroup + splits; other++) {
            #pragma unroll
            for (short o = 0; o < OUTS; o++) {
                #pragma unroll
                for (short r = 0; r < ROWS; r++) {
                    sums.at[o][r] += parts[(other * OUTS + o) * ROWS + r];
                }
            }
        }
    }
}

// Whether this lane stores its simdgroup's sums.
inline bool stores(int splits, ushort lane, ushort simdgroup) {
    return lane == 0 && simdgroup % splits == 0;
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
    #pragma unroll
    for (short o = 0; o < OUTS; o++) {
        #pragma unroll
        for (short r = 0; r < ROWS; r++) {
            if (first_out + o < outs && first_row + r < rows) {
                row_of(out, first_row + r, stride)[first_out + o] = sums.at[o][r];
            }
        }
    }
}

// The epilogue of a gate whose other factor is there already.
template <short OUTS, short ROWS>
inline void gate_sums(
        thread Sums<OUTS, ROWS>& sums,
        device const float* up,
        int first_out,
        int first_row,
        constant GatedGemvArgs& args) {
    if (args.has_up == 0) {
        return;
    }
    #pragma unroll
    for (short o = 0; o < OUTS; o++) {
        #pragma unroll
        for (short r = 0; r < ROWS; r++) {
            const int out = min(first_out + o, args.gemv.outs - 1);
            const int row = min(first_row + r, args.gemv.rows - 1);
            sums.at[o][r] = gelu_tanh(sums.at[o][r]) * row_of(up, row, args.up_stride)[out];
        }
    }
}

// The first half of the sums are the gate's, the second half up's.
template <short OUTS, short ROWS>
inline void geglu_sums(thread Sums<OUTS, ROWS>& products, thread const Sums<2 * OUTS, ROWS>& sums) {
    #pragma unroll
    for (short o = 0; o < OUTS; o++) {
        #pragma unroll
        for (short r = 0; r < ROWS; r++) {
            products.at[o][r] = gelu_tanh(sums.at[o][r]) * sums.at[OUTS + o][r];
        }
    }
}

// Which of the three input projections a block of 4 outputs belongs to; blocks past the end belong to the last.
struct Projection {
    int index;
    int first_out;
    int outs;
    int stride;
};

inline Projection projection(constant QkvArgs& args, int block) {
    Projection p;
    p.index = 0;
    p.outs = args.q_outs;
    p.stride = args.q_stride;
    if (block >= (p.outs + 3) / 4) {
        block -= (p.outs + 3) / 4;
        p.index = 1;
        p.outs = args.k_outs;
        p.stride = args.k_stride;
        if (block >= (p.outs + 3) / 4 && args.v_outs > 0) {
            block -= (p.outs + 3) / 4;
            p.index = 2;
            p.outs = args.v_outs;
            p.stride = args.v_stride;
        }
    }
    p.first_out = block * 4;
    return p;
}

// Rows of `row_bytes` bytes from output `first_out` on; outputs past the end repeat the last, their sums are dropped.
template <short OUTS>
inline void weight_rows(
        thread WeightRows<OUTS>& rows, short first, short count, device const uchar* w, int first_out, int outs,
        ulong row_bytes) {
    #pragma unroll
    for (short o = 0; o < count; o++) {
        rows.at[first + o] = w + ulong(min(first_out + o, outs - 1)) * row_bytes;
    }
}

// Loads of a weight row that are under way at a time: with one row of activations there are registers for more.
template <short ROWS>
inline constexpr short loads_ahead() {
    return ROWS == 1 ? 4 : 2;
}

// What a lane holds of the weights: of each row LOADS times 4 neighbouring columns, LANES * 4 * splits apart.
template <typename W, short OUTS, short LOADS>
struct DenseLoads {
    typename W::Raw at[OUTS][LOADS];
};

// Loads past the last column are left out, or made from the last columns by lanes beside others that are not past it;
// whoever multiplies leaves them out.
template <typename W, short OUTS, short LOADS>
inline void load_dense(
        thread DenseLoads<W, OUTS, LOADS>& loads,
        thread const WeightRows<OUTS>& w,
        int first,
        int step,
        int cols,
        ushort lane) {
    #pragma unroll
    for (short n = 0; n < LOADS; n++) {
        const int i = min(first + n * step, cols - 4);
        if (first - lane * 4 + n * step < cols) {
            #pragma unroll
            for (short o = 0; o < OUTS; o++) {
                loads.at[o][n] = W::raw(w.at[o], ulong(i));
            }
        }
    }
}

// sums[o][r] = w[o] . x[first_row + r], this simdgroup's part of it. Rows of activations past the end repeat the last.
// The first weights are under way before the inputs are awaited; this awaits them for the kernel.
template <typename W, short OUTS, short ROWS>
inline void await_dense_sums(
        thread Sums<OUTS, ROWS>& sums,
        thread const WeightRows<OUTS>& w,
        device const float* x,
        int first_row,
        constant GemvArgs& args,
        ushort lane,
        ushort simdgroup) {
    constexpr short LOADS = loads_ahead<ROWS>();
    const int step = args.splits * LANES * 4;
    int first = (simdgroup % args.splits * LANES + lane) * 4;
    DenseLoads<W, OUTS, LOADS> loads;
    load_dense<W, OUTS, LOADS>(loads, w, first, step, args.cols, lane);
    await_inputs();
    clear(sums);
    while (first < args.cols) {
        #pragma unroll
        for (short n = 0; n < LOADS; n++) {
            const int i = first + n * step;
            if (i < args.cols) {
                #pragma unroll
                for (short r = 0; r < ROWS; r++) {
                    device const float* row = row_of(x, min(first_row + r, args.rows - 1), args.x_stride);
                    const float4 inputs = *(device const float4*)(row + i);
                    #pragma unroll
                    for (short o = 0; o < OUTS; o++) {
                        sums.at[o][r] += dot(W::widen(loads.at[o][n]), inputs);
                    }
                }
            }
        }
        first += LOADS * step;
        if (first < args.cols) {
            load_dense<W, OUTS, LOADS>(loads, w, first, step, args.cols, lane);
        }
    }
}

// As dense_sums, for one row of a matrix that is not aligned or whose width is no multiple of 4.
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
    sums.at[0][0] = simd_sum(sums.at[0][0]);
}
