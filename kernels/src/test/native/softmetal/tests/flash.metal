// Attention of one query row over all keys, a correct kernel for SeededFaultsTest to break. NSG simdgroups share the
// keys in blocks of 32; in a block, 4 lanes share a key.
#include <metal_stdlib>
using namespace metal;

struct Args {
    int keys;
    int stride; // elements between two keys
    float scale;
    float softcap; // 0: none
};

template <short DK, short NSG>
kernel void attend(constant Args& args [[buffer(0)]],
                   device const float* q [[buffer(1)]],
                   device const float* k [[buffer(2)]],
                   device const float* v [[buffer(3)]],
                   device float* out [[buffer(4)]],
                   threadgroup float* shared [[threadgroup(0)]],
                   ushort lane [[thread_index_in_simdgroup]],
                   ushort simdgroup [[simdgroup_index_in_threadgroup]]) {
    constexpr short DK4 = DK / 4;
    constexpr short COLUMNS = (DK4 + 31) / 32; // float4 columns a lane
    const short part = lane % 4;
    const short own_key = lane / 4;

    threadgroup float4* query = (threadgroup float4*)shared;
    threadgroup float* scores = shared + DK + simdgroup * 32;
    threadgroup float4* partial = (threadgroup float4*)(shared + DK + NSG * 32) + simdgroup * DK4;
    threadgroup float maxima[NSG];
    threadgroup float sums[NSG];

    for (short i = simdgroup * 32 + lane; i < DK4; i += NSG * 32) {
        query[i] = ((device const float4*)q)[i];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup); // query loaded

    float highest = -FLT_MAX / 2;
    float sum = 0.0f;
    float4 total[COLUMNS];
    for (short j = 0; j < COLUMNS; j++) {
        total[j] = float4(0.0f);
    }
    for (int first = simdgroup * 32; first < args.keys; first += NSG * 32) {
        for (short block = 0; block < 4; block++) {
            const int key = first + block * 8 + own_key;
            float product = 0.0f;
            if (key < args.keys) {
                device const float4* row = (device const float4*)(k + size_t(key) * args.stride);
                for (short i = part; i < DK4; i += 4) {
                    product += dot(row[i], query[i]);
                }
            }
            product += simd_shuffle_xor(product, 2);
            product += simd_shuffle_xor(product, 1);
            if (part == 0) {
                float score = product * args.scale;
                score = args.softcap > 0.0f ? args.softcap * precise::tanh(score / args.softcap) : score;
                scores[block * 8 + own_key] = key < args.keys ? score : -FLT_MAX / 2;
            }
        }
        simdgroup_barrier(mem_flags::mem_threadgroup); // scores written

        const float old = highest;
        const float score = scores[lane];
        highest = simd_max(max(highest, score));
        const float decay = exp(old - highest);
        const float weight = exp(score - highest);
        sum = sum * decay + simd_sum(weight);
        simdgroup_barrier(mem_flags::mem_threadgroup); // scores read
        scores[lane] = weight;
        simdgroup_barrier(mem_flags::mem_threadgroup); // weights written

        const short keys = min(32, args.keys - first);
        for (short j = 0; j * 32 < DK4; j++) {
            const short i = j * 32 + lane;
            if (i < DK4) {
                float4 x = total[j] * decay;
                for (short key = 0; key < keys; key++) {
                    x += ((device const float4*)(v + size_t(first + key) * args.stride))[i] * scores[key];
                }
                total[j] = x;
            }
        }
        simdgroup_barrier(mem_flags::mem_threadgroup); // weights read
    }

    for (short j = 0; j * 32 < DK4; j++) {
        const short i = j * 32 + lane;
        if (i < DK4) {
            partial[i] = total[j];
        }
    }
    if (lane == 0) {
        maxima[simdgroup] = highest;
        sums[simdgroup] = sum;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup); // parts written

    if (simdgroup == 0) {
        const float own_maximum = lane < NSG ? maxima[lane] : -FLT_MAX / 2;
        const float own_sum = lane < NSG ? sums[lane] : 0.0f;
        const float weight = exp(own_maximum - simd_max(own_maximum));
        const float all = simd_sum(own_sum * weight);
        for (short j = 0; j * 32 < DK4; j++) {
            const short i = j * 32 + lane;
            float4 x = float4(0.0f);
            for (short g = 0; g < NSG; g++) {
                const float w = simd_broadcast(weight, g);
                if (i < DK4) {
                    x += partial[g * DK4 + i] * w;
                }
            }
            if (i < DK4) {
                ((device float4*)out)[i] = x / all;
            }
        }
    }
}

template [[host_name("attend_64_1")]] kernel decltype(attend<64, 1>) attend<64, 1>;
template [[host_name("attend_256_4")]] kernel decltype(attend<256, 4>) attend<256, 4>;
