// What every shader starts from. All indices that can exceed 2^31 elements are formed in 64 bits (`ulong`): a table of
// 262144 x 10752 elements does.
#include <metal_stdlib>
using namespace metal;

// Stands for minus infinity in running maxima and masked scores. Finite, because fast math may assume that no infinity
// occurs, and halved, so that the difference of two such values is finite too.
constant float MASKED = -1.7014117e38f;

// Lanes of a simdgroup on every GPU that the host accepts.
constant short LANES = 32;

// Where dispatches may start before those ahead of them have ended, the device's own headers define EARLY_START and this
// function. Everything before `await_inputs` may touch only what no step writes: weights. A kernel whose body
// calls no function named await_... has it called first.
#ifndef EARLY_START
inline void await_inputs() {}
#endif

// First element of row `row` of a strided activation.
inline device const float* row_of(device const float* x, int row, int row_stride) {
    return x + ulong(row) * ulong(row_stride);
}

inline device float* row_of(device float* x, int row, int row_stride) {
    return x + ulong(row) * ulong(row_stride);
}

// precise::tanh, because the fast one loses relative accuracy near 0 and overflows for large arguments.
inline float gelu_tanh(float z) {
    return 0.5f * z * (1.0f + precise::tanh(0.7978845608f * (z + 0.044715f * z * z * z)));
}

inline float capped(float x, float cap) {
    return cap * precise::tanh(x / cap);
}
