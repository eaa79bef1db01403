// What a kernel's built-in parameters convert from: MslToCuda writes metal::builtIn<n>() for the n-th of its list.
#pragma once

extern "C" { extern __shared__ __align__(16) unsigned char jemma_dynamic_threadgroup[]; }

// Kernels are launched as dependents of the one before (programmatic dependent launch, from sm_90 on): their blocks may
// start when all blocks of the one before have. Its results, and those of all before it, are there after await_inputs.
#define EARLY_START
JEMMA_FN void release_dependents() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;");
#endif
}
JEMMA_FN void await_inputs() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
namespace metal {
struct uintTriple { unsigned v[3]; };
JEMMA_FN unsigned threadIndex() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }
template <int Kind> JEMMA_FN uintTriple builtInValue() {
    if constexpr (Kind == 0) {
        return {{blockIdx.x * blockDim.x + threadIdx.x, blockIdx.y * blockDim.y + threadIdx.y,
                 blockIdx.z * blockDim.z + threadIdx.z}};
    } else if constexpr (Kind == 1) {
        return {{blockIdx.x, blockIdx.y, blockIdx.z}};
    } else if constexpr (Kind == 2) {
        return {{threadIdx.x, threadIdx.y, threadIdx.z}};
    } else if constexpr (Kind == 3) {
        return {{blockDim.x, blockDim.y, blockDim.z}};
    } else if constexpr (Kind == 4) {
        return {{gridDim.x, gridDim.y, gridDim.z}};
    } else if constexpr (Kind == 5) {
        return {{gridDim.x * blockDim.x, gridDim.y * blockDim.y, gridDim.z * blockDim.z}};
    } else if constexpr (Kind == 6) {
        return {{threadIndex(), 0, 0}};
    } else if constexpr (Kind == 7) {
        return {{threadIndex() & 31, 0, 0}};
    } else if constexpr (Kind == 8) {
        return {{threadIndex() >> 5, 0, 0}};
    } else if constexpr (Kind == 9) {
        return {{(blockDim.x * blockDim.y * blockDim.z + 31) >> 5, 0, 0}};
    } else {
        return {{32, 0, 0}};
    }
}
template <int Kind> struct builtIn {
    __device__ __forceinline__ operator unsigned() const { return builtInValue<Kind>().v[0]; }
    __device__ __forceinline__ operator ushort() const { return (ushort)builtInValue<Kind>().v[0]; }
    template <class T> __device__ __forceinline__ operator vec<T, 2>() const {
        uintTriple t = builtInValue<Kind>();
        return vec<T, 2>(t.v[0], t.v[1]);
    }
    template <class T> __device__ __forceinline__ operator vec<T, 3>() const {
        uintTriple t = builtInValue<Kind>();
        return vec<T, 3>(t.v[0], t.v[1], t.v[2]);
    }
};
struct threadgroupMemory {
    unsigned offset;
    template <class T> __device__ __forceinline__ operator T *() const {
        return (T *)(jemma_dynamic_threadgroup + offset);
    }
};
}

// A buffer's address, as whatever pointer the kernel wants.
struct jemma_address {
    void *p;
    template <class T> __device__ __forceinline__ operator T *() const { return (T *)p; }
};
