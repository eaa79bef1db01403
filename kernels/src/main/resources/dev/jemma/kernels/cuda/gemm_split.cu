// Projections of few rows on tensor cores, with products as exact as those of F32: activations come as two BF16 numbers, of
// which the second holds what the first rounds off (narrow.metal), and dequantized weights are split likewise.
//
// A threadgroup makes 16 OUT_TILES outputs of up to three matrices for 8 ROW_TILES rows. Its warps take every eighth block
// of the columns, straight from memory into the operands of mma: a lane reads neighbouring columns of rows l / 4 and
// l / 4 + 8 of the weights, and the same columns of row l / 4 of the activations, so both operands have their columns in
// the same other order. The order in which products are added up depends on the number of columns alone: a row's results
// are the same whichever rows are beside it, and whichever tiles are chosen. Grid (blocks of outputs, tiles of rows).
#include "weights.h"

struct SplitGemmArgs {
    int cols;
    int rows;
    int group_shift;
    int outs[3];
    int out_strides[3];
};

constexpr int WARPS = 8;

// Floats from one row of a tile of sums to the next: 16, and a pad against bank conflicts.
constexpr int SUM_STRIDE = 20;

inline float low_of(uint pair) {
    return as_type<float>(pair << 16);
}

inline float high_of(uint pair) {
    return as_type<float>(pair & 0xffff0000u);
}

// Weights are read once: they need not stay in L1.
inline uint4 stream_words(const uchar* from) {
    uint4 words;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
                 : "l"(from));
    return words;
}

// 16 bytes of a row of weights. `pairs` gives 8 neighbouring columns of them as two BF16 numbers each.
struct Bf16Weights {
    static constexpr int COLS = 8;
    static constexpr bool SPLIT = false;
    uint4 words;

    inline void load(const uchar* w, const uchar*, const uchar*, ulong at, int) {
        words = stream_words(w + 2 * at);
    }

    inline void clear() {
        words = uint4(0u, 0u, 0u, 0u);
    }

    inline void pairs(int, uint (&high)[4], uint (&)[4]) const {
        high[0] = words.x;
        high[1] = words.y;
        high[2] = words.z;
        high[3] = words.w;
    }
};

template <int BITS>
struct AffineWeights {
    static constexpr int COLS = 128 / BITS;
    static constexpr bool SPLIT = true;
    uint words[4];
    float scale;
    float bias;

    inline void load(const uchar* w, const uchar* scales, const uchar* biases, ulong at, int group_shift) {
        const uint4 from = stream_words(w + at * BITS / 8);
        words[0] = from.x;
        words[1] = from.y;
        words[2] = from.z;
        words[3] = from.w;
        scale = aligned_scale_at(scales, at >> group_shift);
        bias = aligned_scale_at(biases, at >> group_shift);
    }

    inline void clear() {
        words[0] = words[1] = words[2] = words[3] = 0u;
        scale = 0.0f;
        bias = 0.0f;
    }

    // A code below 2^23 in the mantissa of 2^23 is that much more.
    inline float value(int i) const {
        constexpr int CODES = 32 / BITS;
        const uint code = (words[i / CODES] >> (i % CODES * BITS)) & ((1u << BITS) - 1u);
        return scale * (as_type<float>(0x4b000000u | code) - 8388608.0f) + bias;
    }

    inline void pairs(int first, uint (&high)[4], uint (&low)[4]) const {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const float even = value(first + 2 * i);
            const float odd = value(first + 2 * i + 1);
            high[i] = pack_bf16(even, odd);
            low[i] = pack_bf16(even - low_of(high[i]), odd - high_of(high[i]));
        }
    }
};

// What a lane has of a block of the weights.
template <typename W, int OUT_TILES>
struct Stage {
    W at[OUT_TILES][2];
};

struct Matrix {
    const uchar* w;
    const uchar* scales;
    const uchar* biases;
    float* out;
    int outs;
    int out_stride;
    int first_out;
};

template <typename W, int OUT_TILES>
inline void load_stage(
        Stage<W, OUT_TILES>& stage, const Matrix& matrix, const SplitGemmArgs& args, int block, int lane) {
    const int col = (block * 4 + lane % 4) * W::COLS;
#pragma unroll
    for (int tile = 0; tile < OUT_TILES; tile++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            if (col < args.cols) {
                const int row = metal::min(matrix.first_out + tile * 16 + i * 8 + lane / 4, matrix.outs - 1);
                stage.at[tile][i].load(
                        matrix.w, matrix.scales, matrix.biases, ulong(row) * ulong(args.cols) + ulong(col),
                        args.group_shift);
            } else {
                stage.at[tile][i].clear();
            }
        }
    }
}

// sums += a b, 8 columns of every lane, 16 at a time.
inline void multiply_eight(float (&sums)[4], const uint (&upper)[4], const uint (&lower)[4], const uint4& x) {
    const unsigned first[4] = {upper[0], lower[0], upper[1], lower[1]};
    const unsigned second[4] = {upper[2], lower[2], upper[3], lower[3]};
    multiply_add_bf16(sums, first, x.x, x.y);
    multiply_add_bf16(sums, second, x.z, x.w);
}

template <typename W, int OUT_TILES, int ROW_TILES>
inline void multiply_stage(
        float (&sums)[OUT_TILES][ROW_TILES][4],
        const Stage<W, OUT_TILES>& stage,
        const ushort* x,
        const SplitGemmArgs& args,
        int first_row,
        int block,
        int lane) {
    const int col = (block * 4 + lane % 4) * W::COLS;
    const ulong part = ulong(args.rows) * ulong(args.cols);
#pragma unroll
    for (int i = 0; i < W::COLS; i += 8) {
        uint high[OUT_TILES][2][4];
        uint low[OUT_TILES][2][4];
#pragma unroll
        for (int tile = 0; tile < OUT_TILES; tile++) {
            stage.at[tile][0].pairs(i, high[tile][0], low[tile][0]);
            stage.at[tile][1].pairs(i, high[tile][1], low[tile][1]);
        }
#pragma unroll
        for (int n = 0; n < ROW_TILES; n++) {
            uint4 x_high = uint4(0u, 0u, 0u, 0u);
            uint4 x_low = uint4(0u, 0u, 0u, 0u);
            if (col < args.cols) {
                const int row = metal::min(first_row + n * 8 + lane / 4, args.rows - 1);
                const ushort* from = x + ulong(row) * ulong(args.cols) + ulong(col + i);
                x_high = *(const uint4*)from;
                x_low = *(const uint4*)(from + part);
            }
#pragma unroll
            for (int tile = 0; tile < OUT_TILES; tile++) {
                multiply_eight(sums[tile][n], high[tile][0], high[tile][1], x_high);
                multiply_eight(sums[tile][n], high[tile][0], high[tile][1], x_low);
                if (W::SPLIT) {
                    multiply_eight(sums[tile][n], low[tile][0], low[tile][1], x_high);
                }
            }
        }
    }
}

// Adds the warps' sums of 16 outputs in the order of the warps, and stores them.
template <int ROW_TILES>
inline void store_tile(
        float* parts,
        const float (&sums)[ROW_TILES][4],
        const Matrix& matrix,
        const SplitGemmArgs& args,
        int first_out,
        int first_row,
        int thread_index) {
    constexpr int PART = ROW_TILES * 8 * SUM_STRIDE;
    const int lane = thread_index % 32;
    float* mine = parts + thread_index / 32 * PART;
#pragma unroll
    for (int n = 0; n < ROW_TILES; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            mine[(n * 8 + lane % 4 * 2 + i % 2) * SUM_STRIDE + lane / 4 + i / 2 * 8] = sums[n][i];
        }
    }
    __syncthreads();
    for (int i = thread_index; i < ROW_TILES * 128; i += WARPS * 32) {
        const int row = i / 16;
        const int out = i % 16;
        float sum = 0.0f;
#pragma unroll
        for (int warp = 0; warp < WARPS; warp++) {
            sum += parts[warp * PART + row * SUM_STRIDE + out];
        }
        if (first_row + row < args.rows && first_out + out < matrix.outs) {
            row_of(matrix.out, first_row + row, matrix.out_stride)[first_out + out] = sum;
        }
    }
    __syncthreads();
}

template <typename W, int OUT_TILES, int ROW_TILES, int AHEAD>
[[max_total_threads_per_threadgroup(256)]] kernel void split_gemm(
        constant SplitGemmArgs& args [[buffer(0)]],
        device const ushort* x [[buffer(1)]],
        device const uchar* w0 [[buffer(2)]],
        device const uchar* scales0 [[buffer(3)]],
        device const uchar* biases0 [[buffer(4)]],
        device float* out0 [[buffer(5)]],
        device const uchar* w1 [[buffer(6)]],
        device const uchar* scales1 [[buffer(7)]],
        device const uchar* biases1 [[buffer(8)]],
        device float* out1 [[buffer(9)]],
        device const uchar* w2 [[buffer(10)]],
        device const uchar* scales2 [[buffer(11)]],
        device const uchar* biases2 [[buffer(12)]],
        device float* out2 [[buffer(13)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]]) {
    __shared__ float parts[WARPS * ROW_TILES * 8 * SUM_STRIDE];
    constexpr int OUTS = 16 * OUT_TILES;
    constexpr int LANE_BLOCKS = 4 * W::COLS;
    const int lane = thread_index % 32;
    const int warp = thread_index / 32;
    const int first_row = int(group.y) * 8 * ROW_TILES;
    Matrix matrix = {w0, scales0, biases0, out0, args.outs[0], args.out_strides[0], int(group.x) * OUTS};
    const int blocks0 = (args.outs[0] + OUTS - 1) / OUTS;
    const int blocks1 = (args.outs[1] + OUTS - 1) / OUTS;
    if (int(group.x) >= blocks0 + blocks1) {
        const int first = (int(group.x) - blocks0 - blocks1) * OUTS;
        matrix = {w2, scales2, biases2, out2, args.outs[2], args.out_strides[2], first};
    } else if (int(group.x) >= blocks0) {
        matrix = {w1, scales1, biases1, out1, args.outs[1], args.out_strides[1], (int(group.x) - blocks0) * OUTS};
    }
    const int blocks = (args.cols + LANE_BLOCKS - 1) / LANE_BLOCKS;
    Stage<W, OUT_TILES> stages[AHEAD];
#pragma unroll
    for (int i = 0; i < AHEAD; i++) {
        load_stage(stages[i], matrix, args, warp + i * WARPS, lane);
    }
    await_inputs();
    float sums[OUT_TILES][ROW_TILES][4];
#pragma unroll
    for (int i = 0; i < OUT_TILES * ROW_TILES * 4; i++) {
        sums[i / 4 / ROW_TILES][i / 4 % ROW_TILES][i % 4] = 0.0f;
    }
    for (int first = warp; first < blocks; first += AHEAD * WARPS) {
#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
            const int block = first + i * WARPS;
            if (block < blocks) {
                multiply_stage<W, OUT_TILES, ROW_TILES>(sums, stages[i], x, args, first_row, block, lane);
                load_stage(stages[i], matrix, args, block + AHEAD * WARPS, lane);
            }
        }
    }
#pragma unroll
    for (int tile = 0; tile < OUT_TILES; tile++) {
        store_tile<ROW_TILES>(
                parts, sums[tile], matrix, args, matrix.first_out + 16 * tile, first_row, thread_index);
    }
}

template [[host_name("split_gemm_bf16_1x1")]]
kernel decltype(split_gemm<Bf16Weights, 1, 1, 4>) split_gemm<Bf16Weights, 1, 1, 4>;
template [[host_name("split_gemm_bf16_1x2")]]
kernel decltype(split_gemm<Bf16Weights, 1, 2, 4>) split_gemm<Bf16Weights, 1, 2, 4>;
template [[host_name("split_gemm_bf16_1x4")]]
kernel decltype(split_gemm<Bf16Weights, 1, 4, 2>) split_gemm<Bf16Weights, 1, 4, 2>;
template [[host_name("split_gemm_bf16_1x8")]]
kernel decltype(split_gemm<Bf16Weights, 1, 8, 2>) split_gemm<Bf16Weights, 1, 8, 2>;
template [[host_name("split_gemm_bf16_2x1")]]
kernel decltype(split_gemm<Bf16Weights, 2, 1, 3>) split_gemm<Bf16Weights, 2, 1, 3>;
template [[host_name("split_gemm_bf16_2x2")]]
kernel decltype(split_gemm<Bf16Weights, 2, 2, 2>) split_gemm<Bf16Weights, 2, 2, 2>;
template [[host_name("split_gemm_bf16_2x4")]]
kernel decltype(split_gemm<Bf16Weights, 2, 4, 2>) split_gemm<Bf16Weights, 2, 4, 2>;
template [[host_name("split_gemm_bf16_2x8")]]
kernel decltype(split_gemm<Bf16Weights, 2, 8, 1>) split_gemm<Bf16Weights, 2, 8, 1>;
template [[host_name("split_gemm_bf16_4x8")]]
kernel decltype(split_gemm<Bf16Weights, 4, 8, 1>) split_gemm<Bf16Weights, 4, 8, 1>;

template [[host_name("split_gemm_affine4_1x1")]]
kernel decltype(split_gemm<AffineWeights<4>, 1, 1, 4>) split_gemm<AffineWeights<4>, 1, 1, 4>;
template [[host_name("split_gemm_affine4_1x2")]]
kernel decltype(split_gemm<AffineWeights<4>, 1, 2, 4>) split_gemm<AffineWeights<4>, 1, 2, 4>;
template [[host_name("split_gemm_affine4_1x4")]]
kernel decltype(split_gemm<AffineWeights<4>, 1, 4, 2>) split_gemm<AffineWeights<4>, 1, 4, 2>;
template [[host_name("split_gemm_affine4_1x8")]]
kernel decltype(split_gemm<AffineWeights<4>, 1, 8, 2>) split_gemm<AffineWeights<4>, 1, 8, 2>;
template [[host_name("split_gemm_affine4_2x1")]]
kernel decltype(split_gemm<AffineWeights<4>, 2, 1, 3>) split_gemm<AffineWeights<4>, 2, 1, 3>;
template [[host_name("split_gemm_affine4_2x2")]]
kernel decltype(split_gemm<AffineWeights<4>, 2, 2, 2>) split_gemm<AffineWeights<4>, 2, 2, 2>;
template [[host_name("split_gemm_affine4_2x4")]]
kernel decltype(split_gemm<AffineWeights<4>, 2, 4, 2>) split_gemm<AffineWeights<4>, 2, 4, 2>;
template [[host_name("split_gemm_affine4_2x8")]]
kernel decltype(split_gemm<AffineWeights<4>, 2, 8, 1>) split_gemm<AffineWeights<4>, 2, 8, 1>;
template [[host_name("split_gemm_affine4_4x8")]]
kernel decltype(split_gemm<AffineWeights<4>, 4, 8, 1>) split_gemm<AffineWeights<4>, 4, 8, 1>;

template [[host_name("split_gemm_affine8_1x1")]]
kernel decltype(split_gemm<AffineWeights<8>, 1, 1, 4>) split_gemm<AffineWeights<8>, 1, 1, 4>;
template [[host_name("split_gemm_affine8_1x2")]]
kernel decltype(split_gemm<AffineWeights<8>, 1, 2, 4>) split_gemm<AffineWeights<8>, 1, 2, 4>;
template [[host_name("split_gemm_affine8_1x4")]]
kernel decltype(split_gemm<AffineWeights<8>, 1, 4, 2>) split_gemm<AffineWeights<8>, 1, 4, 2>;
template [[host_name("split_gemm_affine8_1x8")]]
kernel decltype(split_gemm<AffineWeights<8>, 1, 8, 2>) split_gemm<AffineWeights<8>, 1, 8, 2>;
template [[host_name("split_gemm_affine8_2x1")]]
kernel decltype(split_gemm<AffineWeights<8>, 2, 1, 3>) split_gemm<AffineWeights<8>, 2, 1, 3>;
template [[host_name("split_gemm_affine8_2x2")]]
kernel decltype(split_gemm<AffineWeights<8>, 2, 2, 2>) split_gemm<AffineWeights<8>, 2, 2, 2>;
template [[host_name("split_gemm_affine8_2x4")]]
kernel decltype(split_gemm<AffineWeights<8>, 2, 4, 2>) split_gemm<AffineWeights<8>, 2, 4, 2>;
template [[host_name("split_gemm_affine8_2x8")]]
kernel decltype(split_gemm<AffineWeights<8>, 2, 8, 1>) split_gemm<AffineWeights<8>, 2, 8, 1>;
template [[host_name("split_gemm_affine8_4x8")]]
kernel decltype(split_gemm<AffineWeights<8>, 4, 8, 1>) split_gemm<AffineWeights<8>, 4, 8, 1>;
