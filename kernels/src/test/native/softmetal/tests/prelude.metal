// One kernel a part of the prelude; SoftMetalPreludeTest compares what they write with Java's own arithmetic.
#include <metal_stdlib>
using namespace metal;

// Every bit pattern of half and bfloat to float and back, and floats rounded to both.
kernel void half_to_float(device const half* x [[buffer(0)]], device float* y [[buffer(1)]],
                          uint i [[thread_position_in_grid]]) {
    y[i] = float(x[i]);
}
kernel void bfloat_to_float(device const bfloat* x [[buffer(0)]], device float* y [[buffer(1)]],
                            uint i [[thread_position_in_grid]]) {
    y[i] = float(x[i]);
}
kernel void float_to_half(device const float* x [[buffer(0)]], device half* y [[buffer(1)]],
                          uint i [[thread_position_in_grid]]) {
    y[i] = half(x[i]);
}
kernel void float_to_bfloat(device const float* x [[buffer(0)]], device bfloat* y [[buffer(1)]],
                            uint i [[thread_position_in_grid]]) {
    y[i] = bfloat(x[i]);
}
// half arithmetic rounds after every operation: (a + b) - a is b rounded to a's precision.
kernel void half_arithmetic(device const half* x [[buffer(0)]], device half* y [[buffer(1)]]) {
    half a = x[0], b = x[1];
    y[0] = (a + b) - a;
    y[1] = a * b;
}

kernel void vectors(device const float* in [[buffer(0)]], device float* out [[buffer(1)]]) {
    float4 a = float4(in[0], in[1], in[2], in[3]);
    float2 low = a.xy;
    a.zw = low;
    a.xy = a.yx;
    out[0] = a.x;
    out[1] = a.y;
    out[2] = a.z;
    out[3] = a.w;
    out[4] = dot(float4(1.0f, 2.0f, 3.0f, 4.0f), float4(low, 3.0f, 4.0f));
    float4 b = float4(half4(1.5h, 2.5h, -3.0h, 0.0h)) * 2.0f;
    out[5] = b.x + b.y + b.z;
    int4 whole = int4(float4(1.9f, -1.9f, 2.5f, 0.0f));
    out[6] = whole.x + 10 * whole.y + 100 * whole.z;
    bool4 greater = b > float4(0.0f);
    out[7] = float(any(greater)) + 2.0f * float(all(greater));
    packed_float3 packed;
    packed = float3(1.0f, 2.0f, 4.0f);
    out[8] = sizeof(packed_float3) + float3(packed).z;
    out[9] = sizeof(float3);
    float2x2 m = float2x2(float2(1.0f, 2.0f), float2(3.0f, 4.0f));
    float2 r = m * float2(10.0f, 1.0f);
    out[10] = r.x;
    out[11] = r.y;
    out[12] = select(1.0f, 2.0f, true);
    out[13] = (uint4(7u) >> uint4(0u, 1u, 2u, 3u)).z;
}

kernel void functions(device const float* in [[buffer(0)]], device float* out [[buffer(1)]]) {
    out[0] = max(-1.0f, in[0]);
    out[1] = min(3, 2);
    out[2] = clamp(in[0], -0.5f, 0.5f);
    out[3] = rsqrt(4.0f);
    out[4] = precise::tanh(0.5f);
    out[5] = fast::exp(1.0f);
    out[6] = fmax(NAN, 1.0f);
    out[7] = isnan(in[1]) ? 1.0f : 0.0f;
    out[8] = isinf(in[2]) ? 1.0f : 0.0f;
    out[9] = as_type<float>(as_type<uint>(1.0f) + 1u);
    out[10] = popcount(0xf0u) + 10 * clz(1u) + 1000 * ctz(8u);
    out[11] = extract_bits(0xabcdu, 4u, 8u);
    out[12] = 0.1; // an unsuffixed literal is float
    out[13] = float(numeric_limits<half>::max());
    out[14] = fma(2.0f, 3.0f, 4.0f);
    out[15] = abs(-3) + abs(-0.5f);
    out[16] = exp2(3.0f) + log2(8.0f);
    out[17] = sign(-2.0f) + floor(1.5f) + round(2.5f) + rint(2.5f);
}
