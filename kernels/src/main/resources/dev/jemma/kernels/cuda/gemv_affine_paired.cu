// Matrix-vector products of one row with 4-bit weights for matrices of few outputs, see gemv_affine_mma.h.
//
// In the paired kernels both rows are one output, with two neighbouring blocks of 128, which makes small matrices last
// half as long: the second block's sums are in columns 4 to 7.

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
