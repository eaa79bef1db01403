// Small correct kernels for SeededFaultsTest to break.
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;

kernel void rms_norm(constant int& columns [[buffer(0)]],
                     device const float* x [[buffer(1)]],
                     device const bfloat* weight [[buffer(2)]],
                     device float* y [[buffer(3)]],
                     threadgroup float* parts [[threadgroup(0)]],
                     uint i [[thread_index_in_threadgroup]],
                     uint threads [[threads_per_threadgroup]],
                     ushort lane [[thread_index_in_simdgroup]],
                     ushort simdgroup [[simdgroup_index_in_threadgroup]],
                     ushort simdgroups [[simdgroups_per_threadgroup]]) {
    float sum = 0.0f;
    for (int c = i; c < columns; c += threads) {
        sum += x[c] * x[c];
    }
    sum = simd_sum(sum);
    if (lane == 0) parts[simdgroup] = sum;
    threadgroup_barrier(mem_flags::mem_threadgroup); // parts written
    sum = simd_sum(lane < simdgroups ? parts[lane] : 0.0f);
    const float scale = rsqrt(sum / columns + 1e-6f);
    for (int c = i; c < columns; c += threads) {
        y[c] = x[c] * scale * (float(weight[c]) + 1.0f);
    }
}

// c[M,N] = a[M,K] b[K,N], an 8x8 tile a simdgroup.
kernel void gemm(constant int3& mnk [[buffer(0)]],
                 device const half* a [[buffer(1)]],
                 device const half* b [[buffer(2)]],
                 device float* c [[buffer(3)]],
                 uint2 tile [[threadgroup_position_in_grid]]) {
    simdgroup_float8x8 sum = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    for (int k = 0; k < mnk.z; k += 8) {
        simdgroup_half8x8 left;
        simdgroup_half8x8 right;
        simdgroup_load(left, a + tile.y * 8 * mnk.z + k, mnk.z);
        simdgroup_load(right, b + k * mnk.y + tile.x * 8, mnk.y);
        simdgroup_multiply_accumulate(sum, left, right, sum);
    }
    simdgroup_store(sum, c + tile.y * 8 * mnk.y + tile.x * 8, mnk.y);
}
