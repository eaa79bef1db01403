// Matrix-vector products of one row of activations with 4-bit MLX weights in groups of 64, on tensor cores. In the place
// of gemv_affine.metal: same arguments, other grids.
//
// Codes stay what they are: a pair of them becomes two BF16 numbers 1 + q / 16 by one shift and one mask-and-or, and the
// group's scale and bias are applied to sums. Activations are split into two BF16 numbers, of which the second holds what
// the first rounds off, so that nothing above 2^-18 of an activation is lost: products are those of F32.
//
// A warp multiplies 16 rows of codes with a matrix of 8 columns at a time. Lane l has 32 codes (16 bytes) of rows l / 4
// and l / 4 + 8, those of columns 32 (l % 4) and on of a block of 128: lanes 0 and 1 of four belong to the block's first
// group, lanes 2 and 3 to its second. The columns keep the groups apart: column 2 p + g has part p of the activations where
// the lane is of group g, and zeros elsewhere. Lane l of four then holds, of its two rows, the sums of part l % 4 for both
// groups if l % 4 is 0 or 1; the other two lanes do the group's bias, and what 1 + q / 16 has too much.
//
// In the paired kernels both rows are one output, with two neighbouring blocks of 128, which makes small matrices last
// half as long: the second block's sums are in columns 4 to 7.
#include "gemv.h"

// Columns of a block, and words of two activations that one of four lanes needs of it.
constexpr int BLOCK = 128;
constexpr int PAIRS = 16;

inline float low_of(uint pair) {
    return as_type<float>(pair << 16);
}

inline float high_of(uint pair) {
    return as_type<float>(pair & 0xffff0000u);
}

struct Words {
    uint at[4];
};

// Weights are read once: they need not stay in L1.
inline Words stream_words(const uchar* from) {
    Words words;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(words.at[0]), "=r"(words.at[1]), "=r"(words.at[2]), "=r"(words.at[3])
                 : "l"(from));
    return words;
}

// Codes I and I + 4 of a word as 1 + q / 16.
template <int I>
inline uint code_pair(uint word) {
    const uint shifted = I == 0 ? word << 3 : word >> (4 * I - 3);
    return (shifted & 0x00780078u) | 0x3f803f80u;
}

inline Words shared_words(const uint* from) {
    Words words;
    asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(words.at[0]), "=r"(words.at[1]), "=r"(words.at[2]), "=r"(words.at[3])
                 : "r"(shared_address(from)));
    return words;
}

// Two neighbouring scales in F16 or BF16.
inline float2 scale_pair(uint pair) {
    if (SCALE_TYPE == 1) {
        return float2(float(as_type<half>(ushort(pair & 0xffffu))), float(as_type<half>(ushort(pair >> 16))));
    }
    return float2(low_of(pair), high_of(pair));
}

// A block's activations times 16, for all warps of a matrix that need them.
struct __align__(16) Activations {
    uint parts[2][4][PAIRS];
    float sums[2];
};

// Half a warp writes a block: each lane 8 neighbouring activations, or zeros from block `blocks` on.
inline void split_activations(Activations& to, const float* x, int block, int blocks, int lane) {
    const int word = lane % 16;
    float4 lower = float4(0.0f);
    float4 upper = float4(0.0f);
    if (block < blocks) {
        lower = *(const float4*)(x + block * BLOCK + word * 8);
        upper = *(const float4*)(x + block * BLOCK + word * 8 + 4);
    }
    const float low[4] = {lower.x, lower.y, lower.z, lower.w};
    const float high[4] = {upper.x, upper.y, upper.z, upper.w};
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        sum += low[i] + high[i];
        const float a = low[i] * 16.0f;
        const float b = high[i] * 16.0f;
        const uint rounded = pack_bf16(a, b);
        to.parts[0][word / 4][word % 4 * 4 + i] = rounded;
        to.parts[1][word / 4][word % 4 * 4 + i] = pack_bf16(a - low_of(rounded), b - high_of(rounded));
    }
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    sum += __shfl_xor_sync(0xffffffffu, sum, 4);
    if (word % 8 == 0) {
        to.sums[word / 8] = sum;
    }
}

// What four lanes make of a row of codes and one block: this lane's share of scale sum(q x) + bias sum(x).
// `sums` are those of its columns if it has the row's, else `extra` says what it does: 1 the bias, -16 the excess.
inline float weigh(const float* sums, bool has_sums, const Activations& x, float extra, uint scales) {
    const float2 by = scale_pair(scales);
    const float first = has_sums ? sums[0] : extra * x.sums[0];
    const float second = has_sums ? sums[1] : extra * x.sums[1];
    return by.x * first + by.y * second;
}

// Multiplies two rows of a lane's codes with its columns of activations.
inline void multiply_codes(float (&sums)[4], const Words& upper, const Words& lower, const uint (&b)[PAIRS]) {
    float odd[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    sums[0] = sums[1] = sums[2] = sums[3] = 0.0f;
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const uint u = upper.at[j];
        const uint l = lower.at[j];
        const uint first[4] = {code_pair<0>(u), code_pair<0>(l), code_pair<1>(u), code_pair<1>(l)};
        const uint second[4] = {code_pair<2>(u), code_pair<2>(l), code_pair<3>(u), code_pair<3>(l)};
        multiply_add_bf16(sums, first, b[4 * j], b[4 * j + 1]);
        multiply_add_bf16(odd, second, b[4 * j + 2], b[4 * j + 3]);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        sums[i] += odd[i];
    }
}

// This lane's columns of a block's activations; zeros where the lane has no part in a column.
inline void load_columns(uint (&b)[PAIRS], const Activations& x, bool has_part, int part, int quarter) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
        Words words = {{0u, 0u, 0u, 0u}};
        if (has_part) {
            words = shared_words(&x.parts[part][quarter][4 * j]);
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            b[4 * j + i] = words.at[i];
        }
    }
}

// Two tiles of 16 rows, whose first rows' codes, scales and biases these are.
struct WideRows {
    const uchar* codes[2];
    const uchar* scales[2];
    const uchar* biases[2];
};

// Blocks of a warp that are loaded at a time.
constexpr int WIDE_AHEAD = 3;
constexpr int WIDE_WARPS = 8;

struct WideMemory {
    Activations x[WIDE_WARPS][WIDE_AHEAD + 1];
    float parts[WIDE_WARPS][32];
};

struct WideLoads {
    Words codes[WIDE_AHEAD][4];
    uint scales[WIDE_AHEAD][4];
};

inline void load_wide(WideLoads& loads, const WideRows& w, int first, int step, int blocks, int lane) {
    const ulong row_bytes = ulong(blocks) * (BLOCK / 2);
    const ulong scale_row_bytes = ulong(blocks) * 4;
#pragma unroll
    for (int n = 0; n < WIDE_AHEAD; n++) {
        const int block = first + n * step;
        if (block < blocks) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int row = lane / 4 + i % 2 * 8;
                const uchar* scales = lane % 4 == 2 ? w.biases[i / 2] : w.scales[i / 2];
                loads.codes[n][i] = stream_words(w.codes[i / 2] + row * row_bytes + lane % 4 * 16 + block * (BLOCK / 2));
                loads.scales[n][i] = *(const uint*)(scales + row * scale_row_bytes + block * 4);
            }
        }
    }
}

// The 32 rows' products; row r's is returned to thread r, others get nothing of use. All threads come here; awaits inputs.
inline float await_wide_sums(WideMemory& memory, const WideRows& w, const float* x, int cols, int thread_index, int warps) {
    const int lane = thread_index % 32;
    const int warp = thread_index / 32;
    const int blocks = cols / BLOCK;
    const int quarter = lane % 4;
    const bool has_part = lane < 16 && (lane / 4 & 1) == quarter / 2;
    const float extra = quarter == 2 ? 1.0f : -16.0f;
    WideLoads loads;
    load_wide(loads, w, warp, warps, blocks, lane);
    await_inputs();
    float totals[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int first = warp; first < blocks; first += WIDE_AHEAD * warps) {
        __syncwarp();
#pragma unroll
        for (int n = 0; n < WIDE_AHEAD; n += 2) {
            const int mine = n + lane / 16;
            split_activations(memory.x[warp][mine], x, mine < WIDE_AHEAD ? first + mine * warps : blocks, blocks, lane);
        }
        __syncwarp();
#pragma unroll
        for (int n = 0; n < WIDE_AHEAD; n++) {
            if (first + n * warps < blocks) {
                const Activations& block = memory.x[warp][n];
                uint b[PAIRS];
                load_columns(b, block, has_part, lane / 8, quarter);
#pragma unroll
                for (int i = 0; i < 4; i += 2) {
                    float sums[4];
                    multiply_codes(sums, loads.codes[n][i], loads.codes[n][i + 1], b);
                    totals[i] += weigh(sums, quarter < 2, block, extra, loads.scales[n][i]);
                    totals[i + 1] += weigh(sums + 2, quarter < 2, block, extra, loads.scales[n][i + 1]);
                }
            }
        }
        load_wide(loads, w, first + WIDE_AHEAD * warps, warps, blocks, lane);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        totals[i] += __shfl_xor_sync(0xffffffffu, totals[i], 1);
        totals[i] += __shfl_xor_sync(0xffffffffu, totals[i], 2);
        if (quarter == 0) {
            memory.parts[warp][8 * i + lane / 4] = totals[i];
        }
    }
    __syncthreads();
    float sum = 0.0f;
    for (int other = 0; other < warps; other++) {
        sum += memory.parts[other][lane];
    }
    return sum;
}

// Eight outputs, whose first row's codes, scales and biases these are.
struct PairedRows {
    const uchar* codes;
    const uchar* scales;
    const uchar* biases;
};

template <int AHEAD, int WARPS>
struct PairedMemory {
    Activations x[WARPS][AHEAD][2];
    float parts[WARPS][8];
};

template <int AHEAD>
struct PairedLoads {
    Words codes[AHEAD][2];
    uint scales[AHEAD][2];
};

// The last block of an odd number is loaded twice, and multiplied with zeros the second time.
template <int AHEAD, int WARPS>
inline void load_paired(PairedLoads<AHEAD>& loads, const PairedRows& w, int first, int blocks, int lane) {
    const uchar* codes = w.codes + lane / 4 * (ulong(blocks) * (BLOCK / 2)) + lane % 4 * 16;
    const ulong scale_row = lane / 4 * (ulong(blocks) * 4);
#pragma unroll
    for (int n = 0; n < AHEAD; n++) {
        const int block = 2 * (first + n * WARPS);
        if (block < blocks) {
            const int next = metal::min(block + 1, blocks - 1);
            loads.codes[n][0] = stream_words(codes + block * (BLOCK / 2));
            loads.codes[n][1] = stream_words(codes + next * (BLOCK / 2));
            loads.scales[n][0] = *(const uint*)((lane % 4 == 2 ? w.biases : w.scales) + scale_row + block * 4);
            loads.scales[n][1] = *(const uint*)((lane % 4 == 0 ? w.biases : w.scales) + scale_row + next * 4);
        }
    }
}

// As await_wide_sums, of 8 outputs to threads 0 to 7.
template <int AHEAD, int WARPS>
inline float await_paired_sums(
        PairedMemory<AHEAD, WARPS>& memory, const PairedRows& w, const float* x, int cols, int thread_index) {
    const int lane = thread_index % 32;
    const int warp = thread_index / 32;
    const int blocks = cols / BLOCK;
    const int pairs = (blocks + 1) / 2;
    const int quarter = lane % 4;
    const int column = lane / 4;
    const bool has_part = (column & 1) == quarter / 2;
    PairedLoads<AHEAD> loads;
    load_paired<AHEAD, WARPS>(loads, w, warp, blocks, lane);
    await_inputs();
    float total = 0.0f;
    for (int first = warp; first < pairs; first += AHEAD * WARPS) {
        __syncwarp();
#pragma unroll
        for (int n = 0; n < AHEAD; n++) {
            if (first + n * WARPS < pairs) {
                split_activations(
                        memory.x[warp][n][lane / 16], x, 2 * (first + n * WARPS) + lane / 16, blocks, lane);
            }
        }
        __syncwarp();
#pragma unroll
        for (int n = 0; n < AHEAD; n++) {
            if (first + n * WARPS < pairs) {
                const Activations* block = memory.x[warp][n];
                uint b[PAIRS];
                load_columns(b, block[column / 4], has_part, column / 2 & 1, quarter);
                float sums[4];
                multiply_codes(sums, loads.codes[n][0], loads.codes[n][1], b);
                total += weigh(sums, quarter < 2, block[0], quarter == 2 ? 1.0f : -16.0f, loads.scales[n][0]);
                total += weigh(sums + 2, quarter >= 2, block[1], quarter == 0 ? 1.0f : -16.0f, loads.scales[n][1]);
            }
        }
        load_paired<AHEAD, WARPS>(loads, w, first + AHEAD * WARPS, blocks, lane);
    }
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    if (quarter == 0) {
        memory.parts[warp][column] = total;
    }
    __syncthreads();
    float sum = 0.0f;
    for (int other = 0; other < WARPS; other++) {
        sum += memory.parts[other][thread_index % 8];
    }
    return sum;
}

inline const uchar* code_row(const uchar* codes, int row, int cols) {
    return codes + ulong(row) * ulong(cols / 2);
}

inline const uchar* scale_row(const uchar* scales, int row, int cols) {
    return scales + ulong(row) * ulong(cols / 32);
}

inline WideRows wide_rows(const uchar* codes, const uchar* scales, const uchar* biases, int row, int cols) {
    WideRows rows;
    for (int i = 0; i < 2; i++) {
        rows.codes[i] = code_row(codes, row + 16 * i, cols);
        rows.scales[i] = scale_row(scales, row + 16 * i, cols);
        rows.biases[i] = scale_row(biases, row + 16 * i, cols);
    }
    return rows;
}

inline void store_gated(float sum, const float* up, float* out, int row, constant GatedGemvArgs& args) {
    out[row] = args.has_up == 0 ? sum : gelu_tanh(sum) * up[row];
}

// One of the input projections, by rows: each has a multiple of the rows that a threadgroup makes.
struct ChosenProjection {
    const uchar* codes;
    const uchar* scales;
    const uchar* biases;
    float* out;
    int row;
};

inline ChosenProjection choose(
        constant QkvArgs& args,
        int row,
        const uchar* q_codes,
        const uchar* q_scales,
        const uchar* q_biases,
        const uchar* k_codes,
        const uchar* k_scales,
        const uchar* k_biases,
        const uchar* v_codes,
        const uchar* v_scales,
        const uchar* v_biases,
        float* q,
        float* k,
        float* v) {
    if (row < args.q_outs) {
        return {q_codes, q_scales, q_biases, q, row};
    }
    if (row < args.q_outs + args.k_outs) {
        return {k_codes, k_scales, k_biases, k, row - args.q_outs};
    }
    return {v_codes, v_scales, v_biases, v, row - args.q_outs - args.k_outs};
}

// Grid (outputs / 32), 4 or 8 warps.
[[max_total_threads_per_threadgroup(256)]] kernel void gemv_wide(
        constant GatedGemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* codes [[buffer(2)]],
        device const uchar* scales [[buffer(3)]],
        device const uchar* biases [[buffer(4)]],
        device const float* up [[buffer(5)]],
        device float* out [[buffer(6)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort simdgroups [[simdgroups_per_threadgroup]],
        ushort thread_index [[thread_index_in_threadgroup]]) {
    __shared__ __align__(16) WideMemory memory;
    const int row = int(group.x) * 32;
    const WideRows rows = wide_rows(codes, scales, biases, row, args.gemv.cols);
    const float sum = await_wide_sums(memory, rows, x, args.gemv.cols, thread_index, simdgroups);
    if (thread_index < 32) {
        store_gated(sum, up, out, row + thread_index, args);
    }
}

// Grid (outputs of all three / 32), 4 or 8 warps.
[[max_total_threads_per_threadgroup(256)]] kernel void gemv_qkv_wide(
        constant QkvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* q_codes [[buffer(2)]],
        device const uchar* q_scales [[buffer(3)]],
        device const uchar* q_biases [[buffer(4)]],
        device const uchar* k_codes [[buffer(5)]],
        device const uchar* k_scales [[buffer(6)]],
        device const uchar* k_biases [[buffer(7)]],
        device const uchar* v_codes [[buffer(8)]],
        device const uchar* v_scales [[buffer(9)]],
        device const uchar* v_biases [[buffer(10)]],
        device float* q [[buffer(11)]],
        device float* k [[buffer(12)]],
        device float* v [[buffer(13)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort simdgroups [[simdgroups_per_threadgroup]],
        ushort thread_index [[thread_index_in_threadgroup]]) {
    __shared__ __align__(16) WideMemory memory;
    const int cols = args.gemv.cols;
    const ChosenProjection p = choose(
            args, int(group.x) * 32, q_codes, q_scales, q_biases, k_codes, k_scales, k_biases, v_codes, v_scales,
            v_biases, q, k, v);
    const WideRows rows = wide_rows(p.codes, p.scales, p.biases, p.row, cols);
    const float sum = await_wide_sums(memory, rows, x, cols, thread_index, simdgroups);
    if (thread_index < 32) {
        p.out[p.row + thread_index] = sum;
    }
}

// Grid (outputs / 16), 4 or 8 warps: the first tile's rows are the gate's, the second's are up's.
[[max_total_threads_per_threadgroup(256)]] kernel void gemv_geglu_wide(
        constant GemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* gate_codes [[buffer(2)]],
        device const uchar* gate_scales [[buffer(3)]],
        device const uchar* gate_biases [[buffer(4)]],
        device const uchar* up_codes [[buffer(5)]],
        device const uchar* up_scales [[buffer(6)]],
        device const uchar* up_biases [[buffer(7)]],
        device float* out [[buffer(8)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort simdgroups [[simdgroups_per_threadgroup]],
        ushort thread_index [[thread_index_in_threadgroup]]) {
    __shared__ __align__(16) WideMemory memory;
    const int row = int(group.x) * 16;
    const WideRows rows = {
        {code_row(gate_codes, row, args.cols), code_row(up_codes, row, args.cols)},
        {scale_row(gate_scales, row, args.cols), scale_row(up_scales, row, args.cols)},
        {scale_row(gate_biases, row, args.cols), scale_row(up_biases, row, args.cols)}};
    const float sum = await_wide_sums(memory, rows, x, args.cols, thread_index, simdgroups);
    const float up = __shfl_xor_sync(0xffffffffu, sum, 16);
    if (thread_index < 16) {
        out[row + thread_index] = gelu_tanh(sum) * up;
    }
}

// Grid (outputs / 8), WARPS warps, each with AHEAD pairs of blocks at a time. Bounded as for three threadgroups of 256 on a
// multiprocessor, which 320 threadgroups (Gemma 3 4B) need to run all at once.
template <int AHEAD, int WARPS>
[[max_total_threads_per_threadgroup(768)]] kernel void gemv_paired(
        constant GatedGemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* codes [[buffer(2)]],
        device const uchar* scales [[buffer(3)]],
        device const uchar* biases [[buffer(4)]],
        device const float* up [[buffer(5)]],
        device float* out [[buffer(6)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]]) {
    __shared__ __align__(16) PairedMemory<AHEAD, WARPS> memory;
    const int row = int(group.x) * 8;
    const int cols = args.gemv.cols;
    const PairedRows rows = {code_row(codes, row, cols), scale_row(scales, row, cols), scale_row(biases, row, cols)};
    const float sum = await_paired_sums(memory, rows, x, cols, thread_index);
    if (thread_index < 8) {
        store_gated(sum, up, out, row + thread_index, args);
    }
}

template [[host_name("gemv_paired_3x8")]] kernel decltype(gemv_paired<3, 8>) gemv_paired<3, 8>;
template [[host_name("gemv_paired_2x16")]] kernel decltype(gemv_paired<2, 16>) gemv_paired<2, 16>;
