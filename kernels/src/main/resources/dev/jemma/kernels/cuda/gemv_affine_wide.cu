// Matrix-vector products of one row with 4-bit weights for matrices of many outputs, see gemv_affine_mma.h.

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

inline WideRows wide_rows(const uchar* codes, const uchar* scales, const uchar* biases, int row, int cols) {
    WideRows rows;
    for (int i = 0; i < 2; i++) {
        rows.codes[i] = code_row(codes, row + 16 * i, cols);
        rows.scales[i] = scale_row(scales, row + 16 * i, cols);
        rows.biases[i] = scale_row(biases, row + 16 * i, cols);
    }
    return rows;
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
