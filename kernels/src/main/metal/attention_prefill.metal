// Attention of tiles of neighbouring rows of one sequence, with simdgroup matrices: 16 rows (8 for heads of 512), 32
// keys at a time, 64 columns at a time. Keys before the first row's window and after the last row are never visited.
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

    const int first_row = tiles[2 * group.x];
    const int rows = tiles[2 * group.x + 1];
    const int head = int(group.y);
    const int position = positions[first_row];
    const Visible visible = visible_keys(args, position, slots[first_row], head);
    const int last_key = position + rows - 1;

    for (int i = thread_index; i < ROWS * D; i += 128) {
        const int row = first_row + min(i / D, rows - 1);
        q_tile[i] = row_of(q, row, args.q_stride)[head * D + i % D];
    }
    simdgroup_float8x8 sums[ROWS / 8][D / 32];
    #pragma unroll
    for (short r = 0; r < ROWS / 8; r++) {
        #pragma unroll
        for (short c = 0; c < D / 32; c++) {
            sums[r][c] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
        }
    }
    // Row simdgroup + 4 i is this simdgroup's: its running softmax lives here.
    float largest[ROWS / 4];
    float weight[ROWS / 4];
    for (short i = 0; i < ROWS / 4; i++) {
        largest[i] = MASKED;
        weight[i] = 0.0f;
    }

    for (int first_key = visible.first; first_key <= last_key; first_key += 32) {
        simdgroup_float8x8 scores[ROWS / 8];
        for (short r = 0; r < ROWS / 8; r++) {
            scores[r] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
        }
        for (short chunk = 0; chunk < D / 64; chunk++) {
            threadgroup_barrier(mem_flags::mem_threadgroup);
            stage_keys(
                    key_tile, keys, args, visible.head_row, first_key, last_key, chunk * 64, thread_index);
            threadgroup_barrier(mem_flags::mem_threadgroup);
            for (short k = 0; k < 64; k += 8) {
                simdgroup_float8x8 key;
                simdgroup_load(key, key_tile + simdgroup * 8 * KEY_STRIDE + k, KEY_STRIDE, ulong2(0, 0), true);
                for (short r = 0; r < ROWS / 8; r++) {
                    simdgroup_float8x8 query;
                    simdgroup_load(query, q_tile + r * 8 * D + chunk * 64 + k, D);
                    simdgroup_multiply_accumulate(scores[r], query, key, scores[r]);
                }
            }
        }
        for (short r = 0; r < ROWS / 8; r++) {
            simdgroup_store(scores[r], score_tile + r * 8 * 32 + simdgroup * 8, 32);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (short i = 0; i < ROWS / 4; i++) {
            const short row = simdgroup + 4 * i;
            const int key = first_key + lane;
            const int row_position = position + row;
            const bool seen = row < rows && key <= row_position
                    && (args.window == 0 || key > row_position - args.window);
            const float score = seen ? final_score(args, score_tile[row * 32 + lane]) : MASKED;
            const float new_largest = simd_max(max(largest[i], score));
            const float keep = exp(largest[i] - new_largest);
            const float key_weight = seen ? exp(score - new_largest) : 0.0f;
            largest[i] = new_largest;
            weight[i] = weight[i] * keep + simd_sum(key_weight);
            score_tile[row * 32 + lane] = key_weight;
            if (lane < 8) {
                diagonal[row * 8 + lane] = lane == row % 8 ? keep : 0.0f;
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        #pragma unroll
        for (short r = 0; r < ROWS / 8; r++) {
            const simdgroup_float8x8 zero = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
            simdgroup_float8x8 keep;
            simdgroup_load(keep, diagonal + r * 64, 8);
            #pragma unroll
            for (short c = 0; c < D / 32; c++) {
                simdgroup_multiply_accumulate(sums[r][c], keep, sums[r][c], zero);
            }
        }
        // Of each 64 columns, 16 are this simdgroup's.
        #pragma unroll
        for (short chunk = 0; chunk < D / 64; chunk++) {
            threadgroup_barrier(mem_flags::mem_threadgroup);
            stage_keys(
                    key_tile, values, args, visible.head_row, first_key, last_key, chunk * 64, thread_index);
            threadgroup_barrier(mem_flags::mem_threadgroup);
            #pragma unroll
            for (short c = 0; c < 2; c++) {
                for (short k = 0; k < 32; k += 8) {
                    simdgroup_float8x8 value;
                    simdgroup_load(value, key_tile + k * KEY_STRIDE + simdgroup * 16 + c * 8, KEY_STRIDE);
                    #pragma unroll
                    for (short r = 0; r < ROWS / 8; r++) {
                        simdgroup_float8x8 weights;
                        simdgroup_load(weights, score_tile + r * 8 * 32 + k, 32);
                        simdgroup_multiply_accumulate(
                                sums[r][chunk * 2 + c], weights, value, sums[r][chunk * 2 + c]);
                    }
                }
            }
        }
    }

    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (lane < 8) {
        for (short i = 0; i < ROWS / 4; i++) {
            const short row = simdgroup + 4 * i;
            const float inverse = weight[i] > 0.0f ? 1.0f / weight[i] : 0.0f;
            diagonal[row * 8 + lane] = lane == row % 8 ? inverse : 0.0f;
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    #pragma unroll
    for (short r = 0; r < ROWS / 8; r++) {
        const simdgroup_float8x8 zero = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
        simdgroup_float8x8 inverse;
        simdgroup_load(inverse, diagonal + r * 64, 8);
        #pragma unroll
        for (short c = 0; c < D / 32; c++) {
            simdgroup_multiply_accumulate(sums[r][c], inverse, sums[r][c], zero);
            simdgroup_store(sums[r][c], q_tile + r * 8 * D + c / 2 * 64 + simdgroup * 16 + c % 2 * 8, D);
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int i = thread_index; i < rows * D; i += 128) {
        row_of(out, first_row + i / D, args.out_stride)[head * D + i % D] = q_tile[i];
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
