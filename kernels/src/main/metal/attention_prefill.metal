// Attention of tiles of neighbouring rows of one sequence, with simdgroup matrices: 16 rows (8 for heads of 512), 32
// keys at a time, 64 columns at a time. Blocks of keys before the first row's window and after the last row are not visited.
// Grid (tiles, heads), 128 threads. All fragments are floats: products are exact to F32.
#include "attention.h"
#include <metal_simdgroup_matrix>

// Floats from one key to the next in threadgroup memory: 64 columns and a pad of 4 against bank conflicts.
constant short KEY_STRIDE = 68;

// Puts 64 columns of 32 keys into a tile. A thread takes 16 columns of one key.
template <typename T>
inline void stage_keys(
        threadgroup float* tile,
        device const T* cache,
        constant AttentionArgs& args,
        ulong head_row,
        int first_key,
        int last_key,
        int col,
        ushort thread_index) {
    const short key = thread_index / 4;
    const short part = (thread_index % 4) * 16;
    const ulong row = head_row + ulong(min(first_key + key, last_key) % args.capacity);
    const ulong from = row * ulong(args.head_dim) + ulong(col + part);
    for (short j = 0; j < 16; j += 4) {
        *(threadgroup float4*)(tile + key * KEY_STRIDE + part + j) = four(cache, from + ulong(j));
    }
}

// One tile of rows: which they are, and the keys of their head.
struct Tile {
    int first_row;
    int rows;
    int position;
    int last_key;
    ulong head_row;
};

// Running softmax of the rows simdgroup, simdgroup + 4, ...
template <short ROWS>
struct RunningRows {
    float largest[ROWS / 4];
    float weight[ROWS / 4];
};

// Weighted sums of values: of each 64 columns, 16 are this simdgroup's.
template <short D, short ROWS>
struct TileSums {
    simdgroup_float8x8 at[ROWS / 8][D / 32];
};

// Leaves q.k of all rows and 32 keys in `scores`, 8 keys a simdgroup. Ends with a barrier.
template <typename T, short D, short ROWS>
inline void score_keys(
        threadgroup float* scores,
        threadgroup const float* q_tile,
        threadgroup float* key_tile,
        device const T* keys,
        constant AttentionArgs& args,
        Tile tile,
        int first_key,
        ushort thread_index,
        ushort simdgroup) {
    simdgroup_float8x8 products[ROWS / 8];
    for (short r = 0; r < ROWS / 8; r++) {
        products[r] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
    for (short chunk = 0; chunk < D / 64; chunk++) {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        stage_keys(key_tile, keys, args, tile.head_row, first_key, tile.last_key, chunk * 64, thread_index);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (short k = 0; k < 64; k += 8) {
            simdgroup_float8x8 key;
            simdgroup_load(key, key_tile + simdgroup * 8 * KEY_STRIDE + k, KEY_STRIDE, ulong2(0, 0), true);
            for (short r = 0; r < ROWS / 8; r++) {
                simdgroup_float8x8 query;
                simdgroup_load(query, q_tile + r * 8 * D + chunk * 64 + k, D);
                simdgroup_multiply_accumulate(products[r], query, key, products[r]);
            }
        }
    }
    for (short r = 0; r < ROWS / 8; r++) {
        simdgroup_store(products[r], scores + r * 8 * 32 + simdgroup * 8, 32);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
}

// Turns scores into weights and leaves in `diagonal` what the sums so far must be multiplied with. Ends with a barrier.
template <short ROWS>
inline void weigh_keys(
        thread RunningRows<ROWS>& running,
        threadgroup float* scores,
        threadgroup float* diagonal,
        constant AttentionArgs& args,
        Tile tile,
        int first_key,
        ushort lane,
        ushort simdgroup) {
    for (short i = 0; i < ROWS / 4; i++) {
        const short row = simdgroup + 4 * i;
        const int key = first_key + lane;
        const int position = tile.position + row;
        const bool seen =
                row < tile.rows && key <= position && (args.window == 0 || key > position - args.window);
        float score = MASKED;
        if (seen) {
            score = final_score(args, scores[row * 32 + lane]);
        }
        const float largest = simd_max(max(running.largest[i], score));
        const float keep = exp(running.largest[i] - largest);
        const float weight = seen ? exp(score - largest) : 0.0f;
        running.largest[i] = largest;
        running.weight[i] = running.weight[i] * keep + simd_sum(weight);
        scores[row * 32 + lane] = weight;
        if (lane < 8) {
            diagonal[row * 8 + lane] = lane == row % 8 ? keep : 0.0f;
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
}

template <short D, short ROWS>
inline void scale_rows(thread TileSums<D, ROWS>& sums, threadgroup const float* diagonal) {
    const simdgroup_float8x8 zero = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    #pragma unroll
    for (short r = 0; r < ROWS / 8; r++) {
        simdgroup_float8x8 factors;
        simdgroup_load(factors, diagonal + r * 64, 8);
        #pragma unroll
        for (short c = 0; c < D / 32; c++) {
            simdgroup_multiply_accumulate(sums.at[r][c], factors, sums.at[r][c], zero);
        }
    }
}

template <typename T, short D, short ROWS>
inline void add_values(
        thread TileSums<D, ROWS>& sums,
        threadgroup const float* weights,
        threadgroup float* value_tile,
        device const T* values,
        constant AttentionArgs& args,
        Tile tile,
        int first_key,
        ushort thread_index,
        ushort simdgroup) {
    #pragma unroll
    for (short chunk = 0; chunk < D / 64; chunk++) {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        stage_keys(value_tile, values, args, tile.head_row, first_key, tile.last_key, chunk * 64, thread_index);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma unroll
        for (short c = 0; c < 2; c++) {
            for (short k = 0; k < 32; k += 8) {
                simdgroup_float8x8 value;
                simdgroup_load(value, value_tile + k * KEY_STRIDE + simdgroup * 16 + c * 8, KEY_STRIDE);
                #pragma unroll
                for (short r = 0; r < ROWS / 8; r++) {
                    simdgroup_float8x8 weight;
                    simdgroup_load(weight, weights + r * 8 * 32 + k, 32);
                    simdgroup_multiply_accumulate(
                            sums.at[r][chunk * 2 + c], weight, value, sums.at[r][chunk * 2 + c]);
                }
            }
        }
    }
}

// Divides the sums by their weights and leaves them in `out_tile`, rows of D. Ends with a barrier.
template <short D, short ROWS>
inline void finish_rows(
        thread TileSums<D, ROWS>& sums,
        thread const RunningRows<ROWS>& running,
        threadgroup float* out_tile,
        threadgroup float* diagonal,
        ushort lane,
        ushort simdgroup) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (lane < 8) {
        for (short i = 0; i < ROWS / 4; i++) {
            const short row = simdgroup + 4 * i;
            const float inverse = running.weight[i] > 0.0f ? 1.0f / running.weight[i] : 0.0f;
            diagonal[row * 8 + lane] = lane == row % 8 ? inverse : 0.0f;
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    scale_rows(sums, diagonal);
    #pragma unroll
    for (short r = 0; r < ROWS / 8; r++) {
        #pragma unroll
        for (short c = 0; c < D / 32; c++) {
            simdgroup_store(sums.at[r][c], out_tile + r * 8 * D + c / 2 * 64 + simdgroup * 16 + c % 2 * 8, D);
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
}

template <typename T, short D, short ROWS>
kernel void attention_tiled(
        constant AttentionArgs& args [[buffer(0)]],
        device const int* positions [[buffer(1)]],
        device const int* slots [[buffer(2)]],
        device const int* tiles [[buffer(3)]],
        device const float* q [[buffer(4)]],
        device const T* keys [[buffer(5)]],
        device const T* values [[buffer(6)]],
        device float* out [[buffer(7)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort thread_index [[thread_index_in_threadgroup]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    threadgroup float q_tile[ROWS * D];
    threadgroup float key_tile[32 * 68];
    threadgroup float score_tile[ROWS * 32];
    // One 8x8 diagonal matrix for each 8 rows: multiplying by it scales rows, without knowing how lanes hold a matrix.
    threadgroup float diagonal[ROWS * 8];

    const int head = int(group.y);
    Tile tile;
    tile.first_row = tiles[2 * group.x];
    tile.rows = tiles[2 * group.x + 1];
    tile.position = positions[tile.first_row];
    tile.last_key = tile.position + tile.rows - 1;
    const Visible visible = visible_keys(args, tile.position, slots[tile.first_row], head);
    tile.head_row = visible.head_row;

    for (int i = thread_index; i < ROWS * D; i += 128) {
        const int row = tile.first_row + min(i / D, tile.rows - 1);
        q_tile[i] = row_of(q, row, args.q_stride)[head * D + i % D];
    }
    TileSums<D, ROWS> sums;
    #pragma unroll
    for (short r = 0; r < ROWS / 8; r++) {
        #pragma unroll
        for (short c = 0; c < D / 32; c++) {
            sums.at[r][c] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
        }
    }
    RunningRows<ROWS> running;
    for (short i = 0; i < ROWS / 4; i++) {
        running.largest[i] = MASKED;
        running.weight[i] = 0.0f;
    }
    for (int first_key = block_start(visible.first, 32); first_key <= tile.last_key; first_key += 32) {
        score_keys<T, D, ROWS>(
                score_tile, q_tile, key_tile, keys, args, tile, first_key, thread_index, simdgroup);
        weigh_keys<ROWS>(running, score_tile, diagonal, args, tile, first_key, lane, simdgroup);
        scale_rows(sums, diagonal);
        add_values<T, D, ROWS>(
                sums, score_tile, key_tile, values, args, tile, first_key, thread_index, simdgroup);
    }
    finish_rows<D, ROWS>(sums, running, q_tile, diagonal, lane, simdgroup);
    for (int i = thread_index; i < tile.rows * D; i += 128) {
        row_of(out, tile.first_row + i / D, args.out_stride)[head * D + i % D] = q_tile[i];
    }
}

template [[host_name("attention_tiled_f16_64")]]
kernel decltype(attention_tiled<half, 64, 16>) attention_tiled<half, 64, 16>;
template [[host_name("attention_tiled_f16_128")]]
kernel decltype(attention_tiled<half, 128, 16>) attention_tiled<half, 128, 16>;
template [[host_name("attention_tiled_f16_256")]]
kernel decltype(attention_tiled<half, 256, 16>) attention_tiled<half, 256, 16>;
template [[host_name("attention_tiled_f16_512")]]
kernel decltype(attention_tiled<half, 512, 8>) attention_tiled<half, 512, 8>;
template [[host_name("attention_tiled_f32_64")]]
kernel decltype(attention_tiled<float, 64, 16>) attention_tiled<float, 64, 16>;
template [[host_name("attention_tiled_f32_128")]]
kernel decltype(attention_tiled<float, 128, 16>) attention_tiled<float, 128, 16>;
template [[host_name("attention_tiled_f32_256")]]
kernel decltype(attention_tiled<float, 256, 16>) attention_tiled<float, 256, 16>;
template [[host_name("attention_tiled_f32_512")]]
kernel decltype(attention_tiled<float, 512, 8>) attention_tiled<float, 512, 8>;
