// Matrix products for many rows: a threadgroup makes a tile of 64 outputs for 32 rows, 32 inputs at a time, with
// simdgroup matrices. Weights become floats on their way into threadgroup memory, so that one loop serves all formats
// and products are exact to F32. Grid (tiles of rows, tiles of outputs), 128 threads.
#include "weights.h"
#include <metal_simdgroup_matrix>

struct GemmArgs {
    int outs;
    int cols;
    int rows;
    int x_stride;
    int out_stride;
    int group_shift;
    int x_aligned;
    int w_aligned;
};

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

// Where the 32 outputs of half a tile come from.
struct Half {
    device const uchar* w;
    device const uchar* scales;
    device const uchar* biases;
    int first_out;
};

// Leaves in `w_tile` the products [32 rows, 64 outputs], rows RESULT_STRIDE apart. Ends with a barrier. Outputs and
// rows past the end repeat the last; whoever reads the result leaves them out.
template <typename F>
inline void multiply_tiles(
        threadgroup float* w_tile,
        threadgroup float* x_tile,
        Half lower,
        Half upper,
        device const float* x,
        int first_row,
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
    const short x_row = thread_index / 4;
    const short x_col = (thread_index % 4) * 8;
    const Half half_tile = w_row < 32 ? lower : upper;
    const int out = min(half_tile.first_out + (w_row & 31), args.outs - 1);
    device const float* inputs = row_of(x, min(first_row + x_row, args.rows - 1), args.x_stride);
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

template <typename F>
kernel void gemm(
        constant GemmArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* w [[buffer(2)]],
        device const uchar* scales [[buffer(3)]],
        device const uchar* biases [[buffer(4)]],
        device float* out [[buffer(5)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    threadgroup float w_tile[64 * 36];
    threadgroup float x_tile[32 * 36];
    const int first_row = int(group.x) * 32;
    const int first_out = int(group.y) * 64;
    Half lower;
    lower.w = w;
    lower.scales = scales;
    lower.biases = biases;
    lower.first_out = first_out;
    Half upper = lower;
    upper.first_out = first_out + 32;
    multiply_tiles<F>(w_tile, x_tile, lower, upper, x, first_row, args, thread_index, simdgroup);
    for (short i = thread_index; i < 32 * 64; i += 128) {
        const short row = i / 64;
        const short col = i % 64;
        if (first_row + row < args.rows && first_out + col < args.outs) {
            row_of(out, first_row + row, args.out_stride)[first_out + col] = w_tile[row * RESULT_STRIDE + col];
        }
    }
}

// out = gelu_tanh(gate x) * (up x): half of a tile's outputs are the gate's, the other half the same ones' of up.
template <typename F>
kernel void gemm_geglu(
        constant GemmArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* gate [[buffer(2)]],
        device const uchar* gate_scales [[buffer(3)]],
        device const uchar* gate_biases [[buffer(4)]],
        device const uchar* up [[buffer(5)]],
        device const uchar* up_scales [[buffer(6)]],
        device const uchar* up_biases [[buffer(7)]],
        device float* out [[buffer(8)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    threadgroup float w_tile[64 * 36];
    threadgroup float x_tile[32 * 36];
    const int first_row = int(group.x) * 32;
    const int first_out = int(group.y) * 32;
    Half lower;
    lower.w = gate;
    lower.scales = gate_scales;
    lower.biases = gate_biases;
    lower.first_out = first_out;
    Half upper;
    upper.w = up;
    upper.scales = up_scales;
    upper.biases = up_biases;
    upper.first_out = first_out;
    multiply_tiles<F>(w_tile, x_tile, lower, upper, x, first_row, args, thread_index, simdgroup);
    for (short i = thread_index; i < 32 * 32; i += 128) {
        const short row = i / 32;
        const short col = i % 32;
        if (first_row + row < args.rows && first_out + col < args.outs) {
            threadgroup const float* results = w_tile + row * RESULT_STRIDE + col;
            row_of(out, first_row + row, args.out_stride)[first_out + col] = gelu_tanh(results[0]) * results[32];
        }
    }
}

template [[host_name("gemm_f32")]] kernel decltype(gemm<Dense<F32>>) gemm<Dense<F32>>;
template [[host_name("gemm_f16")]] kernel decltype(gemm<Dense<F16>>) gemm<Dense<F16>>;
template [[host_name("gemm_bf16")]] kernel decltype(gemm<Dense<BF16>>) gemm<Dense<BF16>>;
template [[host_name("gemm_affine4")]] kernel decltype(gemm<Affine<4>>) gemm<Affine<4>>;
template [[host_name("gemm_affine8")]] kernel decltype(gemm<Affine<8>>) gemm<Affine<8>>;

template [[host_name("gemm_geglu_f32")]] kernel decltype(gemm_geglu<Dense<F32>>) gemm_geglu<Dense<F32>>;
template [[host_name("gemm_geglu_f16")]] kernel decltype(gemm_geglu<Dense<F16>>) gemm_geglu<Dense<F16>>;
template [[host_name("gemm_geglu_bf16")]] kernel decltype(gemm_geglu<Dense<BF16>>) gemm_geglu<Dense<BF16>>;
template [[host_name("gemm_geglu_affine4")]] kernel decltype(gemm_geglu<Affine<4>>) gemm_geglu<Affine<4>>;
template [[host_name("gemm_geglu_affine8")]] kernel decltype(gemm_geglu<Affine<8>>) gemm_geglu<Affine<8>>;
