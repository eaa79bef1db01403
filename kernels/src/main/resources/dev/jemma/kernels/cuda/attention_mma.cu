// Attention of tiles of 64 neighbouring rows of one sequence over an F16 cache, with the tensor cores: queries and weights
// are rounded to F16, or split into two F16 numbers so that nothing above 2^-22 of them is lost; sums are F32. In the place
// of attention_prefill.metal: same arguments, other tiles.
//
// Four warps take 16 rows each; where a head is wider than COLS, four more take the other columns of the values, and both
// make the scores. Keys and values come in blocks of KEYS into threadgroup memory: the next keys are on their way while
// values are multiplied, the values while scores are made. Tiles with most keys come first. Grid (tiles, heads).
#include "attention.h"

constexpr int TILE_ROWS = 64;

inline void copy_async(unsigned to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

inline void commit_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

// Until all copies but those committed last are there.
inline void await_older_copies() {
    asm volatile("cp.async.wait_group 1;" ::: "memory");
}

inline void load_transposed(unsigned (&m)[4], unsigned at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(at)
                 : "memory");
}

// c += a b with a 16x16, b 16x8. A lane holds rows lane / 4 and that plus 8 of c, columns 2 (lane % 4) and the next.
inline void multiply_add(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

inline unsigned pack_halves(float low, float high) {
    unsigned pair;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

inline float power_of_two(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Address of 16 bytes of a tile with rows of D halves: the 8 rows that a matrix is loaded from lie in different banks.
template <int D>
inline unsigned place(unsigned tile, int row, int chunk) {
    return tile + row * (D * 2) + ((chunk ^ (row & 7)) << 4);
}

template <int D, int KEYS, int THREADS>
inline void copy_keys(
        unsigned tile, const half* cache, const AttentionArgs& args, ulong head_row, int first, int last, int thread_index) {
    const int start = first % args.capacity;
    for (int i = thread_index; i < KEYS * (D / 8); i += THREADS) {
        const int key = i / (D / 8);
        const int chunk = i % (D / 8);
        int row = start + metal::min(key, last - first);
        if (row >= args.capacity) {
            row -= args.capacity;
        }
        copy_async(place<D>(tile, key, chunk), cache + (head_row + ulong(row)) * D + chunk * 8);
    }
}

// What rounding two numbers to F16 takes away, rounded as well.
inline unsigned pack_remainders(float low, float high) {
    const unsigned pair = pack_halves(low, high);
    return pack_halves(
            low - float(as_type<half>(ushort(pair & 0xffffu))), high - float(as_type<half>(ushort(pair >> 16))));
}

// 64 rows of queries in F16; rows past the end repeat the last. Split: behind them those of the remainders.
template <int D, int THREADS, bool SPLIT>
inline void narrow_queries(
        unsigned tile, const float* q, const AttentionArgs& args, int first_row, int rows, int head, int thread_index) {
    for (int i = thread_index; i < TILE_ROWS * (D / 8); i += THREADS) {
        const int row = i / (D / 8);
        const int chunk = i % (D / 8);
        const float* from = row_of(q, first_row + metal::min(row, rows - 1), args.q_stride) + head * D + chunk * 8;
        const float4 low = *(const float4*)from;
        const float4 high = *(const float4*)(from + 4);
        store_shared(
                place<D>(tile, row, chunk),
                pack_halves(low.x, low.y),
                pack_halves(low.z, low.w),
                pack_halves(high.x, high.y),
                pack_halves(high.z, high.w));
        if (SPLIT) {
            store_shared(
                    place<D>(tile + TILE_ROWS * D * 2, row, chunk),
                    pack_remainders(low.x, low.y),
                    pack_remainders(low.z, low.w),
                    pack_remainders(high.x, high.y),
                    pack_remainders(high.z, high.w));
        }
    }
}

template <int D, int KEYS, bool SPLIT>
inline void score(float (&scores)[KEYS / 8][4], unsigned queries, unsigned keys, int warp_row, int lane) {
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
        scores[n][0] = scores[n][1] = scores[n][2] = scores[n][3] = 0.0f;
    }
#pragma unroll 4
    for (int k = 0; k < D / 16; k++) {
        unsigned a[4];
        unsigned remainders[4];
        load_matrices(a, place<D>(queries, warp_row + lane % 16, 2 * k + lane / 16));
        if (SPLIT) {
            load_matrices(
                    remainders, place<D>(queries + TILE_ROWS * D * 2, warp_row + lane % 16, 2 * k + lane / 16));
        }
#pragma unroll
        for (int n = 0; n < KEYS / 16; n++) {
            unsigned b[4];
            load_matrices(b, place<D>(keys, 16 * n + lane % 8 + lane / 16 * 8, 2 * k + lane / 8 % 2));
            multiply_add(scores[2 * n], a, b[0], b[1]);
            multiply_add(scores[2 * n + 1], a, b[2], b[3]);
            if (SPLIT) {
                multiply_add(scores[2 * n], remainders, b[0], b[1]);
                multiply_add(scores[2 * n + 1], remainders, b[2], b[3]);
            }
        }
    }
}

// Running softmax of a lane's two rows; `weight` is the lane's own part of the sum.
struct RunningPair {
    float largest[2];
    float weight[2];
};

// Scores to weights, base 2. Leaves in `keep` what the sums so far must be multiplied with.
template <int KEYS>
inline void weigh(
        float (&scores)[KEYS / 8][4],
        RunningPair& running,
        float (&keep)[2],
        const AttentionArgs& args,
        int first_key,
        int position,
        bool partly,
        int lane) {
    constexpr float LOG2_E = 1.4426950409f;
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int key = first_key + 8 * n + lane % 4 * 2 + i % 2;
            const int row_position = position + i / 2 * 8;
            const float s = final_score(args, scores[n][i]) * LOG2_E;
            const bool seen = key <= row_position && (args.window == 0 || key > row_position - args.window);
            scores[n][i] = partly && !seen ? MASKED : s;
        }
    }
#pragma unroll
    for (int half_rows = 0; half_rows < 2; half_rows++) {
        float largest = running.largest[half_rows];
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
            largest = ::fmaxf(largest, ::fmaxf(scores[n][2 * half_rows], scores[n][2 * half_rows + 1]));
        }
        largest = ::fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 1));
        largest = ::fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 2));
        keep[half_rows] = power_of_two(running.largest[half_rows] - largest);
        running.largest[half_rows] = largest;
        float weight = 0.0f;
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
            for (int i = 2 * half_rows; i < 2 * half_rows + 2; i++) {
                const float w = scores[n][i] == MASKED ? 0.0f : power_of_two(scores[n][i] - largest);
                scores[n][i] = w;
                weight += w;
            }
        }
        running.weight[half_rows] = running.weight[half_rows] * keep[half_rows] + weight;
    }
}

template <int D, int COLS, int KEYS, bool SPLIT>
inline void add_values(
        float (&sums)[COLS / 8][4], const float (&weights)[KEYS / 8][4], unsigned values, int first_col, int lane) {
#pragma unroll
    for (int k = 0; k < KEYS / 16; k++) {
        const unsigned a[4] = {
            pack_halves(weights[2 * k][0], weights[2 * k][1]),
            pack_halves(weights[2 * k][2], weights[2 * k][3]),
            pack_halves(weights[2 * k + 1][0], weights[2 * k + 1][1]),
            pack_halves(weights[2 * k + 1][2], weights[2 * k + 1][3])};
        const unsigned remainders[4] = {
            pack_remainders(weights[2 * k][0], weights[2 * k][1]),
            pack_remainders(weights[2 * k][2], weights[2 * k][3]),
            pack_remainders(weights[2 * k + 1][0], weights[2 * k + 1][1]),
            pack_remainders(weights[2 * k + 1][2], weights[2 * k + 1][3])};
#pragma unroll
        for (int n = 0; n < COLS / 16; n++) {
            unsigned b[4];
            load_transposed(b, place<D>(values, 16 * k + lane % 16, first_col / 8 + 2 * n + lane / 16));
            multiply_add(sums[2 * n], a, b[0], b[1]);
            multiply_add(sums[2 * n + 1], a, b[2], b[3]);
            if (SPLIT) {
                multiply_add(sums[2 * n], remainders, b[0], b[1]);
                multiply_add(sums[2 * n + 1], remainders, b[2], b[3]);
            }
        }
    }
}

template <int D, int COLS, int KEYS, bool SPLIT>
kernel void attention_mma(
        constant AttentionArgs& args [[buffer(0)]],
        device const int* positions [[buffer(1)]],
        device const int* slots [[buffer(2)]],
        device const int* tiles [[buffer(3)]],
        device const float* q [[buffer(4)]],
        device const half* keys [[buffer(5)]],
        device const half* values [[buffer(6)]],
        device float* out [[buffer(7)]],
        threadgroup uchar* memory [[threadgroup(1)]],
        uint2 group [[threadgroup_position_in_grid]],
        uint2 groups [[threadgroups_per_grid]],
        ushort thread_index [[thread_index_in_threadgroup]]) {
    constexpr int THREADS = 128 * (D / COLS);
    const int lane = thread_index % 32;
    const int warp_row = thread_index / 32 % 4 * 16;
    const int first_col = thread_index / 128 * COLS;
    const int head = int(group.y);
    const int tile = int(groups.x) - 1 - int(group.x);
    const int first_row = tiles[2 * tile];
    const int rows = tiles[2 * tile + 1];
    const int tile_position = positions[first_row];
    const int last_key = tile_position + rows - 1;
    const Visible visible = visible_keys(args, tile_position, slots[first_row], head);
    const unsigned query_tile = shared_address(memory);
    const unsigned key_tile = query_tile + TILE_ROWS * D * (SPLIT ? 4 : 2);
    const unsigned value_tile = key_tile + KEYS * D * 2;
    const int warp_position = tile_position + warp_row;
    const int first_key = block_start(visible.first, KEYS);
    await_inputs();

    narrow_queries<D, THREADS, SPLIT>(query_tile, q, args, first_row, rows, head, thread_index);
    copy_keys<D, KEYS, THREADS>(key_tile, keys, args, visible.head_row, first_key, last_key, thread_index);
    commit_copies();
    float sums[COLS / 8][4];
#pragma unroll
    for (int n = 0; n < COLS / 8; n++) {
        sums[n][0] = sums[n][1] = sums[n][2] = sums[n][3] = 0.0f;
    }
    RunningPair running = {{MASKED, MASKED}, {0.0f, 0.0f}};
    for (int first = first_key; first <= last_key; first += KEYS) {
        __syncthreads();
        copy_keys<D, KEYS, THREADS>(value_tile, values, args, visible.head_row, first, last_key, thread_index);
        commit_copies();
        await_older_copies();
        __syncthreads();
        float scores[KEYS / 8][4];
        score<D, KEYS, SPLIT>(scores, query_tile, key_tile, warp_row, lane);
        __syncthreads();
        if (first + KEYS <= last_key) {
            copy_keys<D, KEYS, THREADS>(key_tile, keys, args, visible.head_row, first + KEYS, last_key, thread_index);
        }
        commit_copies();
        const bool partly = first + KEYS - 1 > warp_position
                || (args.window != 0 && first <= warp_position + 15 - args.window);
        float keep[2];
        weigh<KEYS>(scores, running, keep, args, first, warp_position + lane / 4, partly, lane);
#pragma unroll
        for (int n = 0; n < COLS / 8; n++) {
            sums[n][0] *= keep[0];
            sums[n][1] *= keep[0];
            sums[n][2] *= keep[1];
            sums[n][3] *= keep[1];
        }
        await_older_copies();
        __syncthreads();
        add_values<D, COLS, KEYS, SPLIT>(sums, scores, value_tile, first_col, lane);
    }

#pragma unroll
    for (int half_rows = 0; half_rows < 2; half_rows++) {
        float weight = running.weight[half_rows];
        weight += __shfl_xor_sync(0xffffffffu, weight, 1);
        weight += __shfl_xor_sync(0xffffffffu, weight, 2);
        const float inverse = weight > 0.0f ? 1.0f / weight : 0.0f;
        const int row = warp_row + lane / 4 + 8 * half_rows;
        if (row < rows) {
            float* to = row_of(out, first_row + row, args.out_stride) + head * D + first_col + lane % 4 * 2;
#pragma unroll
            for (int n = 0; n < COLS / 8; n++) {
                *(float2*)(to + 8 * n) =
                        float2(sums[n][2 * half_rows] * inverse, sums[n][2 * half_rows + 1] * inverse);
            }
        }
    }
}

template [[host_name("attention_mma_64")]]
kernel decltype(attention_mma<64, 64, 64, false>) attention_mma<64, 64, 64, false>;
template [[host_name("attention_mma_128")]]
kernel decltype(attention_mma<128, 128, 64, false>) attention_mma<128, 128, 64, false>;
template [[host_name("attention_mma_256")]]
kernel decltype(attention_mma<256, 256, 64, false>) attention_mma<256, 256, 64, false>;
template [[host_name("attention_mma_512")]]
kernel decltype(attention_mma<512, 256, 32, false>) attention_mma<512, 256, 32, false>;

template [[host_name("attention_mma_64_split")]]
kernel decltype(attention_mma<64, 64, 64, true>) attention_mma<64, 64, 64, true>;
template [[host_name("attention_mma_128_split")]]
kernel decltype(attention_mma<128, 128, 64, true>) attention_mma<128, 128, 64, true>;
template [[host_name("attention_mma_256_split")]]
kernel decltype(attention_mma<256, 256, 64, true>) attention_mma<256, 256, 64, true>;
template [[host_name("attention_mma_512_split")]]
kernel decltype(attention_mma<512, 256, 32, true>) attention_mma<512, 256, 32, true>;
