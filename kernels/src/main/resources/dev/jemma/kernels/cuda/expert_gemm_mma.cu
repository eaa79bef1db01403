// Projections of experts for many rows on tensor cores. Activations and dequantized weights are split into two BF16 numbers,
// of which the second holds what the first rounds off: rounded ones would change which experts the layers above choose.
// Sums are F32. In the place of expert_gemm.metal: same arguments, other tiles.
//
// A threadgroup of 8 warps makes 128 outputs for 64 entries, 32 inputs at a time: 4 by 2 warps with 32 outputs and 32
// entries each. The next 32 inputs are on their way to registers while these are multiplied.
#include "expert_args.h"
#include "weights.h"

constexpr int TILE_ENTRIES = 64;
constexpr int TILE_OUTS = 128;
constexpr int STEP = 32;

// Numbers from one row of a tile to the next: the 8 rows that a matrix is loaded from lie in different banks.
constexpr int STRIDE = 40;

// Two buffers of activations and their remainders, and of PARTS parts of the weights.
template <int PARTS>
struct __align__(16) Tiles {
    ushort x[2][2][TILE_ENTRIES * STRIDE];
    ushort w[2][PARTS][TILE_OUTS * STRIDE];
};

// Bytes from the first part to the remainders.
constexpr unsigned X_PART = TILE_ENTRIES * STRIDE * 2;
constexpr unsigned W_PART = TILE_OUTS * STRIDE * 2;

inline float low_of(uint pair) {
    return as_type<float>(pair << 16);
}

inline float high_of(uint pair) {
    return as_type<float>(pair & 0xffff0000u);
}

// Two numbers rounded, and what that takes away.
inline void split_pair(float low, float high, uint& rounded, uint& remainder) {
    rounded = pack_bf16(low, high);
    remainder = pack_bf16(low - low_of(rounded), high - high_of(rounded));
}

// 16 neighbouring weights of a row on their way from memory to a tile.
struct Bf16Weights {
    static constexpr int PARTS = 1;
    uint words[8];

    inline void load(const uchar* w, const uchar*, const uchar*, ulong at, int) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const uint4 from = *(const uint4*)(w + 2 * at + 16 * i);
            words[4 * i] = from.x;
            words[4 * i + 1] = from.y;
            words[4 * i + 2] = from.z;
            words[4 * i + 3] = from.w;
        }
    }

    inline void store(unsigned to) const {
        store_shared(to, words[0], words[1], words[2], words[3]);
        store_shared(to + 16, words[4], words[5], words[6], words[7]);
    }
};

template <int BITS>
struct AffineWeights {
    static constexpr int PARTS = 2;
    uint words[BITS / 2];
    float scale;
    float bias;

    inline void load(const uchar* w, const uchar* scales, const uchar* biases, ulong at, int group_shift) {
        const uint* from = (const uint*)(w + at * BITS / 8);
#pragma unroll
        for (int i = 0; i < BITS / 2; i++) {
            words[i] = from[i];
        }
        scale = aligned_scale_at(scales, at >> group_shift);
        bias = aligned_scale_at(biases, at >> group_shift);
    }

    inline float value(int i) const {
        constexpr int CODES = 32 / BITS;
        return scale * float((words[i / CODES] >> (i % CODES * BITS)) & ((1u << BITS) - 1u)) + bias;
    }

    inline void store(unsigned to) const {
#pragma unroll
        for (int i = 0; i < 8; i += 4) {
            uint pairs[4];
            uint remainders[4];
#pragma unroll
            for (int j = 0; j < 4; j++) {
                split_pair(value(2 * (i + j)), value(2 * (i + j) + 1), pairs[j], remainders[j]);
            }
            store_shared(to + 4 * i, pairs[0], pairs[1], pairs[2], pairs[3]);
            store_shared(to + W_PART + 4 * i, remainders[0], remainders[1], remainders[2], remainders[3]);
        }
    }
};

// 8 neighbouring activations of a row.
struct Inputs {
    float4 lower;
    float4 upper;

    inline void load(const float* from) {
        lower = *(const float4*)from;
        upper = *(const float4*)(from + 4);
    }

    inline void store(unsigned to) const {
        uint pairs[4];
        uint remainders[4];
        split_pair(lower.x, lower.y, pairs[0], remainders[0]);
        split_pair(lower.z, lower.w, pairs[1], remainders[1]);
        split_pair(upper.x, upper.y, pairs[2], remainders[2]);
        split_pair(upper.z, upper.w, pairs[3], remainders[3]);
        store_shared(to, pairs[0], pairs[1], pairs[2], pairs[3]);
        store_shared(to + X_PART, remainders[0], remainders[1], remainders[2], remainders[3]);
    }
};

// Sums of a warp's 32 entries and 32 outputs, by blocks of 16 entries and 8 outputs.
struct Sums {
    float at[2][4][4];
};

inline void multiply_blocks(Sums& sums, const unsigned (&a)[2][4], const unsigned (&b)[2][4]) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            multiply_add_bf16(sums.at[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
        }
    }
}

// Remainders are multiplied with what is rounded, not with each other.
template <int PARTS>
inline void multiply_step(Sums& sums, const Tiles<PARTS>& tiles, int buffer, int warp, int lane) {
    const unsigned x = shared_address(tiles.x[buffer]) + (warp / 4 * 32 + lane % 16) * (2 * STRIDE) + lane / 16 * 16;
    const unsigned w = shared_address(tiles.w[buffer])
            + (warp % 4 * 32 + lane % 8 + lane / 16 * 8) * (2 * STRIDE) + lane / 8 % 2 * 16;
#pragma unroll
    for (int k = 0; k < STEP; k += 16) {
        unsigned a[2][4];
        unsigned a_rest[2][4];
        unsigned b[2][4];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            load_matrices(a[i], x + i * 16 * (2 * STRIDE) + 2 * k);
            load_matrices(b[i], w + i * 16 * (2 * STRIDE) + 2 * k);
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            load_matrices(a_rest[i], x + X_PART + i * 16 * (2 * STRIDE) + 2 * k);
        }
        multiply_blocks(sums, a, b);
        multiply_blocks(sums, a_rest, b);
        if (PARTS > 1) {
#pragma unroll
            for (int i = 0; i < 2; i++) {
                load_matrices(b[i], w + W_PART + i * 16 * (2 * STRIDE) + 2 * k);
            }
            multiply_blocks(sums, a, b);
        }
    }
}

// The products of a tile. `inputs` are the activations of the entry, and `row` is the row of the weights, whose numbers
// this thread brings to the tiles.
template <typename W>
inline void multiply_tile(
        Sums& sums,
        Tiles<W::PARTS>& tiles,
        const float* inputs,
        const uchar* w,
        const uchar* scales,
        const uchar* biases,
        int row,
        const GemmArgs& args,
        int thread_index) {
#pragma unroll
    for (int i = 0; i < 32; i++) {
        sums.at[i / 16][i / 4 % 4][i % 4] = 0.0f;
    }
    const unsigned x_to = shared_address(tiles.x[0]) + thread_index / 4 * (2 * STRIDE) + thread_index % 4 * 16;
    const unsigned w_to = shared_address(tiles.w[0]) + thread_index / 2 * (2 * STRIDE) + thread_index % 2 * 32;
    const float* x_from = inputs + thread_index % 4 * 8;
    const ulong w_from = ulong(row) * ulong(args.cols) + thread_index % 2 * 16;
    Inputs next_x;
    W next_w;
    next_x.load(x_from);
    next_w.load(w, scales, biases, w_from, args.group_shift);
    int buffer = 0;
    for (int k = 0; k < args.cols; k += STEP) {
        next_x.store(x_to + buffer * int(sizeof(tiles.x[0])));
        next_w.store(w_to + buffer * int(sizeof(tiles.w[0])));
        __syncthreads();
        if (k + STEP < args.cols) {
            next_x.load(x_from + k + STEP);
            next_w.load(w, scales, biases, w_from + ulong(k + STEP), args.group_shift);
        }
        multiply_step(sums, tiles, buffer, thread_index / 32, thread_index % 32);
        buffer ^= 1;
    }
    // The next tile starts with the buffer that the last step but one has read.
    __syncthreads();
}

// out[r, k * n + i] = gelu_tanh(gate_e(x)_i) * up_e(x)_i: of a warp's outputs the first 16 are gate's, the others up's.
// Grid (outputs / 64, experts, threadgroups that share an expert's tiles of entries).
template <typename W>
[[max_total_threads_per_threadgroup(256)]] kernel void expert_mma_geglu(
        constant ExpertGemmArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const int* list [[buffer(2)]],
        device const int2* spans [[buffer(3)]],
        device const uchar* gate [[buffer(4)]],
        device const uchar* gate_scales [[buffer(5)]],
        device const uchar* gate_biases [[buffer(6)]],
        device const uchar* up [[buffer(7)]],
        device const uchar* up_scales [[buffer(8)]],
        device const uchar* up_biases [[buffer(9)]],
        device float* out [[buffer(10)]],
        threadgroup uchar* memory [[threadgroup(1)]],
        uint3 group [[threadgroup_position_in_grid]],
        uint3 groups [[threadgroups_per_grid]],
        ushort thread_index [[thread_index_in_threadgroup]]) {
    Tiles<W::PARTS>& tiles = *(Tiles<W::PARTS>*)memory;
    const int outs = args.gemm.outs;
    const int expert = int(group.y);
    const int2 span = spans[expert];
    const int lane = thread_index % 32;
    const int warp = thread_index / 32;
    const int staged_out = thread_index / 2;
    const bool of_up = staged_out % 32 >= 16;
    const int out_row = metal::min(int(group.x) * 64 + staged_out / 32 * 16 + staged_out % 16, outs - 1);
    const int row = of_up ? expert * args.up_row_stride + args.up_first_row + out_row
                          : expert * args.row_stride + args.first_row + out_row;
    for (int first = span.x + int(group.z) * TILE_ENTRIES; first < span.y; first += int(groups.z) * TILE_ENTRIES) {
        const int staged = list[metal::min(first + thread_index / 4, span.y - 1)];
        Sums sums;
        multiply_tile<W>(
                sums, tiles, row_of(x, staged / args.top_k, args.gemm.x_stride), of_up ? up : gate,
                of_up ? up_scales : gate_scales, of_up ? up_biases : gate_biases, row, args.gemm, thread_index);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int at = first + warp / 4 * 32 + i * 8 + lane / 4;
            if (at < span.y) {
                const int entry = list[at];
                float* to = row_of(out, entry / args.top_k, args.gemm.out_stride) + entry % args.top_k * outs;
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    const int col = int(group.x) * 64 + warp % 4 * 16 + j / 2 * 8 + lane % 4 * 2 + j % 2;
                    if (col < outs) {
                        const float gated = sums.at[i / 2][j / 2][i % 2 * 2 + j % 2];
                        to[col] = gelu_tanh(gated) * sums.at[i / 2][j / 2 + 2][i % 2 * 2 + j % 2];
                    }
                }
            }
        }
    }
}

// partial[entry] = down_e(h[r, k * n ..]). Grid as above, tiles of 128 outputs.
template <typename W>
[[max_total_threads_per_threadgroup(256)]] kernel void expert_mma_down(
        constant ExpertGemmArgs& args [[buffer(0)]],
        device const float* h [[buffer(1)]],
        device const int* list [[buffer(2)]],
        device const int2* spans [[buffer(3)]],
        device const uchar* down [[buffer(4)]],
        device const uchar* scales [[buffer(5)]],
        device const uchar* biases [[buffer(6)]],
        device float* partial [[buffer(7)]],
        threadgroup uchar* memory [[threadgroup(1)]],
        uint3 group [[threadgroup_position_in_grid]],
        uint3 groups [[threadgroups_per_grid]],
        ushort thread_index [[thread_index_in_threadgroup]]) {
    Tiles<W::PARTS>& tiles = *(Tiles<W::PARTS>*)memory;
    const int outs = args.gemm.outs;
    const int expert = int(group.y);
    const int2 span = spans[expert];
    const int lane = thread_index % 32;
    const int warp = thread_index / 32;
    const int row = expert * args.row_stride + args.first_row
            + metal::min(int(group.x) * TILE_OUTS + thread_index / 2, outs - 1);
    for (int first = span.x + int(group.z) * TILE_ENTRIES; first < span.y; first += int(groups.z) * TILE_ENTRIES) {
        const int staged = list[metal::min(first + thread_index / 4, span.y - 1)];
        const float* inputs = row_of(h, staged / args.top_k, args.gemm.x_stride) + staged % args.top_k * args.gemm.cols;
        Sums sums;
        multiply_tile<W>(sums, tiles, inputs, down, scales, biases, row, args.gemm, thread_index);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int at = first + warp / 4 * 32 + i * 8 + lane / 4;
            if (at < span.y) {
                float* to = row_of(partial, list[at], args.gemm.out_stride);
#pragma unroll
                for (int j = 0; j < 8; j++) {
                    const int col = int(group.x) * TILE_OUTS + warp % 4 * 32 + j / 2 * 8 + lane % 4 * 2 + j % 2;
                    if (col < outs) {
                        to[col] = sums.at[i / 2][j / 2][i % 2 * 2 + j % 2];
                    }
                }
            }
        }
    }
}

template [[host_name("expert_mma_geglu_bf16")]] kernel decltype(expert_mma_geglu<Bf16Weights>) expert_mma_geglu<Bf16Weights>;
template [[host_name("expert_mma_geglu_affine4")]] kernel decltype(expert_mma_geglu<AffineWeights<4>>) expert_mma_geglu<AffineWeights<4>>;
template [[host_name("expert_mma_geglu_affine8")]] kernel decltype(expert_mma_geglu<AffineWeights<8>>) expert_mma_geglu<AffineWeights<8>>;

template [[host_name("expert_mma_down_bf16")]] kernel decltype(expert_mma_down<Bf16Weights>) expert_mma_down<Bf16Weights>;
template [[host_name("expert_mma_down_affine4")]] kernel decltype(expert_mma_down<AffineWeights<4>>) expert_mma_down<AffineWeights<4>>;
template [[host_name("expert_mma_down_affine8")]] kernel decltype(expert_mma_down<AffineWeights<8>>) expert_mma_down<AffineWeights<8>>;
