// Tiles of matrix products: a threadgroup of 128 threads makes 64 outputs for 32 rows, 32 inputs at a time, with
// simdgroup matrices. Weights become floats on their way into threadgroup memory, so that one loop serves all formats
// and products are exact to F32.
#include "gemm_args.h"
#include "weights.h"
#include <metal_simdgroup_matrix>

// Floats from one row of a tile to the next: 32 and a pad of 4, which keeps rows of float4 aligned and spreads the
// columns that a transposed load reads over the banks. A tile of results has 64 columns and as much pad.
constant short TILE_STRIDE = 36;
constant short RESULT_STRIDE = 68;

// Puts 16 neighbouring inputs of one weight row into a tile; zeros past the last.
template <typename W>
struct Dense {
    static void stage(
            threadgroup float* to,
            device const uchar* w,
            device const uchar* scales,
            device const uchar* biases,
            int out,
            int col,
            constant GemmArgs& args) {
        const ulong first = ulong(out) * ulong(args.cols);
        if (args.w_aligned != 0) {
            for (short j = 0; j < 16; j += 4) {
                float4 weights = float4(0.0f);
                if (col + j < args.cols) {
                    weights = W::four(w, first + ulong(col + j));
                }
                *(threadgroup float4*)(to + j) = weights;
            }
            return;
        }
        for (short j = 0; j < 16; j++) {
            to[j] = col + j < args.cols ? W::at(w, first + ulong(col + j)) : 0.0f;
        }
    }
};

template <short BITS>
struct Affine {
    static void stage(
            threadgroup float* to,
            device const uchar* codes,
            device const uchar* scales,
            device const uchar* biases,
            int out,
            int col,
            constant GemmArgs& args) {
        // Columns are a multiple of 32 and groups of at least that many: all 16 exist and share a scale.
        const ulong first = ulong(out) * ulong(args.cols) + ulong(col);
        const ulong group = first >> args.group_shift;
        if (args.w_aligned != 0) {
            const float scale = aligned_scale_at(scales, group);
            const float bias = aligned_scale_at(biases, group);
            device const uint* words = (device const uint*)(codes + first * ulong(BITS) / 8);
            constexpr short CODES = 32 / BITS;
            for (short j = 0; j < 16 / CODES; j++) {
                const uint word = words[j];
                for (short c = 0; c < CODES; c++) {
                    to[j * CODES + c] = scale * float((word >> (c * BITS)) & ((1u << BITS) - 1u)) + bias;
                }
            }
            return;
        }
        for (short j = 0; j < 16; j++) {
            to[j] = scale_at(scales, group) * code_at<BITS>(codes, first + ulong(j)) + scale_at(biases, group);
        }
    }
};

// Puts 8 neighbouring inputs of one row of activations into a tile; zeros past the last.
inline void stage_inputs(threadgroup float* to, device const float* row, int col, constant GemmArgs& args) {
    if (args.x_aligned != 0) {
        for (short j = 0; j < 8; j += 4) {
            float4 inputs = float4(0.0f);
            if (col + j < args.cols) {
                inputs = *(device const float4*)(row + col + j);
            }
            *(threadgroup float4*)(to + j) = inputs;
        }
        return;
    }
    for (short j = 0; j < 8; j++) {
        to[j] = col + j < args.cols ? row[col + j] : 0.0f;
    }
}

// Where the 32 outputs of half a tile come from: rows `first_out` and on of a matrix, of which `last_out` is the last that
// counts.
struct Half {
    device const uchar* w;
    device const uchar* scales;
    device const uchar* biases;
    int first_out;
    int last_out;
};

// The tile's row whose activations a thread stages, 8 of them at a time.
inline short staged_row(ushort thread_index) {
    return thread_index / 4;
}

// Leaves in `w_tile` the products [32 rows, 64 outputs], rows RESULT_STRIDE apart. `inputs` are the activations of the
// row that this thread stages. Ends with a barrier. Outputs past the end repeat the last; whoever reads the result leaves
// them out, and rows that are not there.
template <typename F>
inline void multiply_tiles(
        threadgroup float* w_tile,
        threadgroup float* x_tile,
        Half lower,
        Half upper,
        device const float* inputs,
        constant GemmArgs& args,
        ushort thread_index,
        ushort simdgroup) {
    simdgroup_float8x8 sums[2][4];
    for (short i = 0; i < 2; i++) {
        for (short j = 0; j < 4; j++) {
            sums[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
        }
    }
    const short w_row = thread_index / 2;
    const short w_col = (thread_index % 2) * 16;
    const short x_row = staged_row(thread_index);
    const short x_col = (thread_index % 4) * 8;
    const Half half_tile = w_row < 32 ? lower : upper;
    const int out = min(half_tile.first_out + (w_row & 31), half_tile.last_out);
    const short out_block = (simdgroup & 1) * 32;
    const short row_block = (simdgroup >> 1) * 16;
    for (int k = 0; k < args.cols; k += 32) {
        F::stage(
                w_tile + w_row * TILE_STRIDE + w_col,
                half_tile.w,
                half_tile.scales,
                half_tile.biases,
                out,
                k + w_col,
                args);
        stage_inputs(x_tile + x_row * TILE_STRIDE + x_col, inputs, k + x_col, args);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (short kk = 0; kk < 32; kk += 8) {
            simdgroup_float8x8 a[2];
            simdgroup_float8x8 b[4];
            for (short i = 0; i < 2; i++) {
                simdgroup_load(a[i], x_tile + (row_block + 8 * i) * TILE_STRIDE + kk, TILE_STRIDE);
            }
            for (short j = 0; j < 4; j++) {
                simdgroup_load(
                        b[j], w_tile + (out_block + 8 * j) * TILE_STRIDE + kk, TILE_STRIDE, ulong2(0, 0), true);
            }
            for (short i = 0; i < 2; i++) {
                for (short j = 0; j < 4; j++) {
                    simdgroup_multiply_accumulate(sums[i][j], a[i], b[j], sums[i][j]);
                }
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    for (short i = 0; i < 2; i++) {
        for (short j = 0; j < 4; j++) {
            simdgroup_store(
                    sums[i][j], w_tile + (row_block + 8 * i) * RESULT_STRIDE + out_block + 8 * j, RESULT_STRIDE);
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
}
