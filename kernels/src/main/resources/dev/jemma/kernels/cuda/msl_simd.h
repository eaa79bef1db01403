// A simdgroup is a warp. The shaders call these in uniform flow with all 32 lanes, so the masks are full.
#pragma once

namespace metal {
enum class mem_flags : int { mem_none = 0, mem_device = 1, mem_threadgroup = 2 };
JEMMA_FN constexpr mem_flags operator|(mem_flags a, mem_flags b) { return mem_flags(int(a) | int(b)); }
JEMMA_FN void threadgroup_barrier(mem_flags) { __syncthreads(); }
JEMMA_FN void simdgroup_barrier(mem_flags) { __syncwarp(); }

JEMMA_FN unsigned laneIndex() {
    unsigned lane;
    asm("mov.u32 %0, %%laneid;" : "=r"(lane));
    return lane;
}

template <class T, class F> JEMMA_FN T byWords(T value, F exchange) {
    constexpr int n = (sizeof(T) + 3) / 4;
    unsigned words[n] = {};
    memcpy(words, &value, sizeof value);
    for (int i = 0; i < n; i++) words[i] = exchange(words[i]);
    T result;
    memcpy(&result, words, sizeof result);
    return result;
}
#define JEMMA_SHUFFLE(name, intrinsic)                                                             \
    template <class T> JEMMA_FN T name(T value, ushort k) {                                        \
        return byWords(value, [k](unsigned word) { return intrinsic(0xffffffffu, word, k); });     \
    }
JEMMA_SHUFFLE(simd_shuffle, __shfl_sync)
JEMMA_SHUFFLE(simd_shuffle_xor, __shfl_xor_sync)
JEMMA_SHUFFLE(simd_shuffle_down, __shfl_down_sync)
JEMMA_SHUFFLE(simd_shuffle_up, __shfl_up_sync)
JEMMA_SHUFFLE(simd_broadcast, __shfl_sync)
template <class T> JEMMA_FN T simd_broadcast_first(T value) { return simd_shuffle(value, 0); }

#define JEMMA_REDUCE(name, combined)                                                               \
    template <class T> JEMMA_FN T name(T a) {                                                      \
        for (int distance = 16; distance > 0; distance >>= 1) {                                    \
            T b = simd_shuffle_xor(a, distance);                                                   \
            a = combined;                                                                          \
        }                                                                                          \
        return a;                                                                                  \
    }
JEMMA_REDUCE(simd_sum, T(a + b))
JEMMA_REDUCE(simd_max, max(a, b))
JEMMA_REDUCE(simd_min, min(a, b))
template <class T> JEMMA_FN T simd_prefix_inclusive_sum(T value) {
    for (int distance = 1; distance < 32; distance <<= 1) {
        T below = simd_shuffle_up(value, distance);
        if (laneIndex() >= distance) value = T(value + below);
    }
    return value;
}
template <class T> JEMMA_FN T simd_prefix_exclusive_sum(T value) {
    T before = simd_shuffle_up(simd_prefix_inclusive_sum(value), 1);
    return laneIndex() > 0 ? before : T(0);
}
JEMMA_FN bool simd_any(bool condition) { return __any_sync(0xffffffffu, condition); }
JEMMA_FN bool simd_all(bool condition) { return __all_sync(0xffffffffu, condition); }

enum memory_order { memory_order_relaxed };
template <class T> struct atomicOf { T value; };
typedef atomicOf<uint> atomic_uint;
typedef atomicOf<int> atomic_int;
template <class T, class U> JEMMA_FN T atomic_fetch_add_explicit(atomicOf<T> *a, U x, memory_order) {
    return atomicAdd(&a->value, T(x));
}
template <class T, class U> JEMMA_FN T atomic_fetch_max_explicit(atomicOf<T> *a, U x, memory_order) {
    return atomicMax(&a->value, T(x));
}
template <class T> JEMMA_FN T atomic_load_explicit(const atomicOf<T> *a, memory_order) {
    return *(const volatile T *)&a->value;
}
template <class T> JEMMA_FN void atomic_store_explicit(atomicOf<T> *a, T x, memory_order) {
    *(volatile T *)&a->value = x;
}
}
