// What the emulator must get right; SoftMetalEmulatorTest runs these in several lane orders.
#include <metal_stdlib>
using namespace metal;

kernel void positions(device uint* out [[buffer(0)]], constant uint& stride [[buffer(1)]],
                      uint3 grid [[thread_position_in_grid]], uint3 group [[threadgroup_position_in_grid]],
                      uint3 local [[thread_position_in_threadgroup]], uint3 size [[threads_per_threadgroup]],
                      uint3 groups [[threadgroups_per_grid]], uint3 threads [[threads_per_grid]],
                      uint index [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                      uint simdgroup [[simdgroup_index_in_threadgroup]], uint simdgroups [[simdgroups_per_threadgroup]],
                      uint width [[threads_per_simdgroup]]) {
    device uint* mine = out + ((grid.z * threads.y + grid.y) * threads.x + grid.x) * stride;
    mine[0] = grid.x + 100 * grid.y + 10000 * grid.z;
    mine[1] = group.x + 100 * group.y + 10000 * group.z;
    mine[2] = local.x + 100 * local.y + 10000 * local.z;
    mine[3] = size.x + 100 * size.y + 10000 * size.z;
    mine[4] = groups.x + 100 * groups.y + 10000 * groups.z;
    mine[5] = threads.x + 100 * threads.y + 10000 * threads.z;
    mine[6] = index;
    mine[7] = lane + 100 * simdgroup + 10000 * simdgroups + 1000000 * width;
}

kernel void simd_operations(device const int* in [[buffer(0)]], device int* out [[buffer(1)]],
                            uint i [[thread_position_in_grid]], uint n [[threads_per_grid]]) {
    int x = in[i];
    out[i] = simd_sum(x);
    out[n + i] = simd_max(x);
    out[2 * n + i] = simd_min(x);
    out[3 * n + i] = simd_or(x);
    out[4 * n + i] = simd_xor(x);
    out[5 * n + i] = simd_prefix_exclusive_sum(x);
    out[6 * n + i] = simd_prefix_inclusive_sum(x);
    out[7 * n + i] = simd_shuffle_down(x, 3);
    out[8 * n + i] = simd_shuffle_up(x, 5);
    out[9 * n + i] = simd_shuffle_xor(x, 1);
    out[10 * n + i] = simd_broadcast(x, 4);
    out[11 * n + i] = simd_broadcast_first(x);
    out[12 * n + i] = simd_shuffle(x, ushort(x & 7));
    out[13 * n + i] = int(ulong(simd_ballot(x > 0)) & 0xff);
    out[14 * n + i] = simd_any(x > 0) + 2 * simd_all(x > 0);
    out[15 * n + i] = simd_and(x);
}

// Rotates through threadgroup memory, an argument and a variable, a hundred times.
kernel void rotate(device const int* in [[buffer(0)]], device int* out [[buffer(1)]],
                   threadgroup int* argument [[threadgroup(0)]], uint i [[thread_index_in_threadgroup]],
                   uint n [[threads_per_threadgroup]]) {
    threadgroup int variable[256];
    int x = in[i];
    for (int k = 0; k < 100; k++) {
        argument[i] = x;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        variable[i] = argument[(i + 1) % n];
        threadgroup_barrier(mem_flags::mem_threadgroup);
        x = variable[(i + 1) % n];
    }
    out[i] = x;
}

// Fresh threadgroup memory, before anyone writes to it.
kernel void fresh(device uint* out [[buffer(0)]], threadgroup uint* argument [[threadgroup(0)]],
                  uint group [[threadgroup_position_in_grid]]) {
    threadgroup uint variable[4];
    out[2 * group] = argument[0];
    out[2 * group + 1] = variable[3];
    argument[0] = 1;
    variable[3] = 1;
}

// Private memory that its address escapes from; nothing of it is shared, though lanes may use the same stack.
float last(thread const float* values, int n) { return values[n - 1]; }
__attribute__((noinline)) float first_and_last(thread float* values, float x) {
    for (int k = 0; k < 8; k++) values[k] = x + k;
    return values[0] + last(values, 8);
}
kernel void private_memory(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    float values[8];
    x[i] = first_and_last(values, x[i]);
}

kernel void too_much(device float* out [[buffer(0)]], uint i [[thread_index_in_threadgroup]]) {
    threadgroup float a[8000], b[400];
    a[i] = b[i] = 0.0f;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[i] = a[i] + b[i];
}

kernel void overrun(device float* out [[buffer(0)]], threadgroup float* part [[threadgroup(0)]],
                    uint i [[thread_index_in_threadgroup]]) {
    part[i] = 1.0f;
    out[i] = part[i];
}

kernel void atomics(device atomic_uint* sum [[buffer(0)]], device atomic_float* total [[buffer(1)]],
                    device atomic_int* most [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    atomic_fetch_add_explicit(sum, i, memory_order_relaxed);
    atomic_fetch_add_explicit(total, 0.5f, memory_order_relaxed);
    atomic_fetch_max_explicit(most, int(i), memory_order_relaxed);
}

constant int number [[function_constant(0)]];
constant bool flag [[function_constant(1)]];
constant float scale [[function_constant(2)]];

float scaled(float x) { return is_function_constant_defined(scale) ? x * scale : x; }

kernel void constants(device float* out [[buffer(0)]]) {
    out[0] = scaled(flag ? -float(number) : float(number));
}
kernel void no_constants(device float* out [[buffer(0)]]) { out[0] = 7.0f; }

// c = a b with 8x8 tiles, from device memory and, transposed, by way of threadgroup memory.
kernel void matrix_multiply(device const float* a [[buffer(0)]], device const float* b [[buffer(1)]],
                            device float* c [[buffer(2)]], threadgroup float* tile [[threadgroup(0)]]) {
    simdgroup_float8x8 left, right, transposed, sum = make_filled_simdgroup_matrix<float, 8, 8>(1.0f);
    simdgroup_load(left, a, 8);
    simdgroup_load(right, b, 16, ulong2(3, 2));
    simdgroup_multiply_accumulate(sum, left, right, sum);
    simdgroup_store(sum, c, 8);
    simdgroup_store(left, tile, 8);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    simdgroup_load(transposed, tile, 8, ulong2(0, 0), true);
    simdgroup_multiply(sum, transposed, right);
    simdgroup_store(sum, c + 64, 8);
}

// Who comes when: not a kernel that Metal would run the same way twice.
kernel void turns(device uint* order [[buffer(0)]], device atomic_uint* next [[buffer(1)]],
                  uint i [[thread_index_in_threadgroup]]) {
    order[atomic_fetch_add_explicit(next, 1u, memory_order_relaxed)] = i;
}

kernel void barrier_in_half(device float* out [[buffer(0)]], uint lane [[thread_index_in_simdgroup]]) {
    if (lane < 16) threadgroup_barrier(mem_flags::mem_threadgroup);
    out[lane] = 1.0f;
}
kernel void early_return(device float* out [[buffer(0)]], uint lane [[thread_index_in_simdgroup]]) {
    if (lane >= 30) return;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[lane] = 1.0f;
}
kernel void sum_in_half(device float* out [[buffer(0)]], uint lane [[thread_index_in_simdgroup]]) {
    float x = 1.0f;
    if (lane < 20) x = simd_sum(x);
    out[lane] = x;
}
kernel void two_barriers(device float* out [[buffer(0)]], uint i [[thread_index_in_threadgroup]]) {
    if (i < 32) threadgroup_barrier(mem_flags::mem_threadgroup);
    else threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
    out[i] = 1.0f;
}
// A whole simdgroup may leave early, as long as no barrier follows.
kernel void simdgroup_leaves(device float* out [[buffer(0)]], uint i [[thread_index_in_threadgroup]]) {
    if (i >= 32) return;
    out[i] = simd_sum(1.0f);
}
