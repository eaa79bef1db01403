// What the compiler must be told before any MSL text: address spaces, qualifiers, and the two ways a file is read.
//   run pass    (default)   clang compiles the kernels for the emulator; address spaces are empty words
//   check pass  (SM_CHECK)  clang's SYCL device mode refuses what Metal's address spaces refuse; nothing is generated
#pragma once

#define __METAL_VERSION__ 310

#ifdef SM_CHECK
#define SM_INLINE inline
#define device __attribute__((opencl_global_device))
// `constant` is an address space of its own in Metal; SYCL has none by that name, so a second global one stands in.
#define constant __attribute__((opencl_global_host)) const
#define threadgroup __attribute__((opencl_local))
#define SM_THREADGROUP_VARIABLE static __attribute__((opencl_local))
#define SM_FRESH(variable)
#else
#define SM_INLINE inline __attribute__((always_inline))
#define device
#define constant const
#define threadgroup
#ifdef SM_ONE_WORKER
// The sanitizers know globals (red zones, poisoning) but not thread-local variables.
#define SM_THREADGROUP_VARIABLE static
#else
// A worker thread runs one threadgroup at a time, so its threads share what is thread-local to the worker.
#define SM_THREADGROUP_VARIABLE static thread_local
#endif
#define SM_FRESH(variable) sm_threadgroup_variable(&(variable), sizeof(variable))
#endif

#define thread
#define kernel static

// `constant T x = ...;` at program scope
#define SM_PROGRAM_CONSTANT static constexpr

// Function constants are variables that the emulator sets before a dispatch. Metal fixes them when the pipeline is
// made, after the front end: they are no constant expressions there, so neither must they be here.
#ifdef SM_CHECK
#define SM_FUNCTION_CONSTANT(type, name, number) \
    extern const type name;                      \
    static constexpr int sm_is_set_##name = 1
#else
#define SM_FUNCTION_CONSTANT(type, name, number) \
    static type name;                            \
    static int sm_is_set_##name
#endif
#define is_function_constant_defined(name) (sm_is_set_##name != 0)

// The line of the call, as a default argument: it identifies a synchronising operation in divergence reports.
#define SM_CALL_LINE int line = __builtin_LINE()

#define SM_SIMD_WIDTH 32
