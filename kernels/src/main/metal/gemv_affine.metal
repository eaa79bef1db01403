// Matrix-vector products with MLX affine weights. Grid (blocks of outputs, blocks of rows).
//
// A lane takes 8 codes at a time, all of one group, so that sum (scale q + bias) x = scale sum q x + bias sum x needs
// scale and bias once a lane and step.
#include "gemv.h"

// 8 codes as they lie in memory.
template <short BITS>
struct Codes;

template <>
struct Codes<4> {
    typedef uint Raw;
    static uint raw(device const uchar* codes, int i) {
        return *(device const uint*)(codes + i / 2);
    }
};

template <>
struct Codes<8> {
    typedef uint2 Raw;
    static uint2 raw(device const uchar* codes, int i) {
        return *(device const uint2*)(codes + i);
    }
};

// Inputs of a lane's step. Codes are multiplied where they lie in a 16-bit word, masked but not shifted: input i is
// divided by 2^BITS once for every code below its own. The divisors are powers of two, so nothing is lost.
struct Inputs {
    float4 lower;
    float4 upper;
    float sum;
};

template <short BITS>
inline Inputs load_inputs(device const float* x) {
    const float4 places = BITS == 4 ? float4(1.0f, 1.0f / 16.0f, 1.0f / 256.0f, 1.0f / 4096.0f)
                                    : float4(1.0f, 1.0f / 256.0f, 1.0f, 1.0f / 256.0f);
    const float4 lower = *(device const float4*)x;
    const float4 upper = *(device const float4*)(x + 4);
    const float4 sums = lower + upper;
    Inputs inputs;
    inputs.lower = lower * places;
    inputs.upper = upper * places;
    inputs.sum = sums.x + sums.y + sums.z + sums.w;
    return inputs;
}

// A number below 2^23 as a float, by putting it into the fraction of 2^23: conversions of integers are slow on some GPUs.
inline float small_float(uint number) {
    return as_type<float>(number | 0x4b000000u) - 8388608.0f;
}

inline float4 nibbles_in_place(uint word) {
    return float4(
            small_float(word & 0x000fu),
            small_float(word & 0x00f0u),
            small_float(word & 0x0f00u),
            small_float(word & 0xf000u));
}

inline float4 bytes_in_place(uint word) {
    const uint upper = word >> 16;
    return float4(
            small_float(word & 0x00ffu),
            small_float(word & 0xff00u),
            small_float(upper & 0x00ffu),
            small_float(upper & 0xff00u));
}

inline float code_dot(uint codes, Inputs inputs) {
    return dot(nibbles_in_place(codes), inputs.lower) + dot(nibbles_in_place(codes >> 16), inputs.upper);
}

inline float code_dot(uint2 codes, Inputs inputs) {
    return dot(bytes_in_place(codes.x), inputs.lower) + dot(bytes_in_place(codes.y), inputs.upper);
}

// Columns that a simdgroup takes at a time. They have at most 8 groups, so that all scales of 4 outputs fit in its lanes.
constant int CHUNK = 256;

// Where the weights of a simdgroup's outputs start. Scales and biases are those of the one output whose scales this lane
// reads for all: lane l reads the (l % groups of a chunk)-th of output l / (groups of a chunk).
template <short OUTS>
struct AffineRows {
    WeightRows<OUTS> codes;
    device const uchar* scales;
    device const uchar* biases;
};

inline ulong code_row_bytes(short bits, constant GemvArgs& args) {
    return ulong(args.cols) * ulong(bits) / 8;
}

// Outputs `first` to `first + count` of the simdgroup; the calls for all of them set the lane's scales once.
template <short OUTS>
inline void affine_rows(
        thread AffineRows<OUTS>& rows,
        short first,
        short count,
        short bits,
        device const uchar* codes,
        device const uchar* scales,
        device const uchar* biases,
        int first_out,
        int outs,
        constant GemvArgs& args,
        ushort lane) {
    weight_rows(rows.codes, first, count, codes, first_out, outs, code_row_bytes(bits, args));
    const int mine = min(int(lane) >> (8 - args.group_shift), int(OUTS) - 1) - first;
    if (mine >= 0 && mine < count) {
        const ulong row_bytes = ulong(args.cols >> args.group_shift) * scale_bytes();
        const ulong at = ulong(min(first_out + mine, outs - 1)) * row_bytes;
        rows.scales = scales + at;
        rows.biases = biases + at;
    }
}

// What a lane holds of the weights: 8 neighbouring codes of each row and chunk, and one scale and bias of each chunk.
template <short BITS, short OUTS, short LOADS>
struct AffineLoads {
    typename Codes<BITS>::Raw codes[OUTS][LOADS];
    float scale[LOADS];
    float bias[LOADS];
};

template <short BITS, short OUTS, short LOADS>
inline void load_affine(
        thread AffineLoads<BITS, OUTS, LOADS>& loads,
        thread const AffineRows<OUTS>& w,
        int first,
        constant GemvArgs& args,
        ushort lane) {
    const int groups = args.cols >> args.group_shift;
    const int group_of_chunk = int(lane) & ((CHUNK >> args.group_shift) - 1);
    #pragma unroll
    for (short n = 0; n < LOADS; n++) {
        const int chunk = first + n * args.splits * CHUNK;
        if (chunk >= args.cols) {
            continue;
        }
        const int i = min(chunk + lane * 8, args.cols - 8);
        #pragma unroll
        for (short o = 0; o < OUTS; o++) {
            loads.codes[o][n] = Codes<BITS>::raw(w.codes.at[o], i);
        }
        const ulong group = ulong(min((chunk >> args.group_shift) + group_of_chunk, groups - 1));
        loads.scale[n] = aligned_scale_at(w.scales, group);
        loads.bias[n] = aligned_scale_at(w.biases, group);
    }
}

// Adds what the loads from chunk `first` on amount to. All lanes come here, as they exchange scales.
template <short BITS, short OUTS, short ROWS, short LOADS>
inline void add_affine(
        thread Sums<OUTS, ROWS>& sums,
        thread const AffineLoads<BITS, OUTS, LOADS>& loads,
        device const float* x,
        int first,
        int first_row,
        constant GemvArgs& args,
        ushort lane) {
    const short group_of_lane = short((int(lane) * 8) >> args.group_shift);
    #pragma unroll
    for (short n = 0; n < LOADS; n++) {
        const int chunk = first + n * args.splits * CHUNK;
        if (chunk < args.cols) {
            float scale[OUTS];
            float bias[OUTS];
            #pragma unroll
            for (short o = 0; o < OUTS; o++) {
                const ushort owner = ushort((o << (8 - args.group_shift)) + group_of_lane);
                scale[o] = simd_shuffle(loads.scale[n], owner);
                bias[o] = simd_shuffle(loads.bias[n], owner);
            }
            const int i = chunk + lane * 8;
            if (i < args.cols) {
                #pragma unroll
                for (short r = 0; r < ROWS; r++) {
                    const Inputs inputs =
                            load_inputs<BITS>(row_of(x, min(first_row + r, args.rows - 1), args.x_stride) + i);
                    #pragma unroll
                    for (short o = 0; o < OUTS; o++) {
                        sums.at[o][r] += scale[o] * code_dot(loads.codes[o][n], inputs) + bias[o] * inputs.sum;
                    }
                }
            }
        }
    }
}

// As await_dense_sums.
template <short BITS, short OUTS, short ROWS>
inline void await_affine_sums(
        thread Sums<OUTS, ROWS>& sums,
        thread const AffineRows<OUTS>& w,
        device const float* x,
        int first_row,
        constant GemvArgs& args,
        ushort lane,
        ushort simdgroup) {
    constexpr short LOADS = loads_ahead<ROWS>();
    int first = simdgroup % args.splits * CHUNK;
    AffineLoads<BITS, OUTS, LOADS> loads;
    load_affine<BITS, OUTS, LOADS>(loads, w, first, args, lane);
    await_inputs();
    clear(sums);
    while (first < args.cols) {
        add_affine<BITS, OUTS, ROWS, LOADS>(sums, loads, x, first, first_row, args, lane);
        first += LOADS * args.splits * CHUNK;
        load_affine<BITS, OUTS, LOADS>(loads, w, first, args, lane);
    }
}

// As gemv.
template <short BITS, short ROWS>
kernel void gemv_affine(
        constant GatedGemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* codes [[buffer(2)]],
        device const uchar* scales [[buffer(3)]],
        device const uchar* biases [[buffer(4)]],
        device const float* up [[buffer(5)]],
        device float* out [[buffer(6)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup float parts[8 * 4 * ROWS];
    const int outs = args.gemv.outs;
    const int first_out = (int(group.x) * simdgroups + simdgroup) / args.gemv.splits * 4;
    const int first_row = int(group.y) * ROWS;
    AffineRows<4> rows;
    affine_rows(rows, 0, 4, BITS, codes, scales, biases, first_out, outs, args.gemv, lane);
    Sums<4, ROWS> sums;
    await_affine_sums<BITS, 4, ROWS>(sums, rows, x, first_row, args.gemv, lane, simdgroup);
    add_up(sums, parts, args.gemv.splits, lane, simdgroup);
    if (stores(args.gemv.splits, lane, simdgroup)) {
        gate_sums(sums, up, first_out, first_row, args);
        store_sums(sums, out, args.gemv.out_stride, first_out, outs, first_row, args.gemv.rows);
    }
}

template <short BITS>
kernel void gemv_affine_any(
        constant GemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* codes [[buffer(2)]],
        device const uchar* scales [[buffer(3)]],
        device const uchar* biases [[buffer(4)]],
        device float* out [[buffer(5)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    const int output = int(group.x) * simdgroups + simdgroup;
    if (output >= args.outs) {
        return;
    }
    device const float* inputs = row_of(x, int(group.y), args.x_stride);
    const ulong first = ulong(output) * ulong(args.cols);
    float sum = 0.0f;
    for (int i = lane; i < args.cols; i += LANES) {
        const ulong at = first + ulong(i);
        const ulong scale_index = at >> args.group_shift;
        sum += (scale_at(scales, scale_index) * code_at<BITS>(codes, at) + scale_at(biases, scale_index)) * inputs[i];
    }
    sum = simd_sum(sum);
    if (lane == 0) {
        row_of(out, int(group.y), args.out_stride)[output] = sum;
    }
}

template <short BITS, short ROWS>
kernel void gemv_qkv_affine(
        constant QkvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* q_codes [[buffer(2)]],
        device const uchar* q_scales [[buffer(3)]],
        device const uchar* q_biases [[buffer(4)]],
        device const uchar* k_codes [[buffer(5)]],
        device const uchar* k_scales [[buffer(6)]],
        device const uchar* k_biases [[buffer(7)]],
        device const uchar* v_codes [[buffer(8)]],
        device const uchar* v_scales [[buffer(9)]],
        device const uchar* v_biases [[buffer(10)]],
        device float* q [[buffer(11)]],
        device float* k [[buffer(12)]],
        device float* v [[buffer(13)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup float parts[8 * 4 * ROWS];
    const Projection p = projection(args, (int(group.x) * simdgroups + simdgroup) / args.gemv.splits);
    device const uchar* codes = q_codes;
    device const uchar* scales = q_scales;
    device const uchar* biases = q_biases;
    device float* out = q;
    if (p.index == 1) {
        codes = k_codes;
        scales = k_scales;
        biases = k_biases;
        out = k;
    }
    if (p.index == 2) {
        codes = v_codes;
        scales = v_scales;
        biases = v_biases;
        out = v;
    }
    const int first_row = int(group.y) * ROWS;
    AffineRows<4> rows;
    affine_rows(rows, 0, 4, BITS, codes, scales, biases, p.first_out, p.outs, args.gemv, lane);
    Sums<4, ROWS> sums;
    await_affine_sums<BITS, 4, ROWS>(sums, rows, x, first_row, args.gemv, lane, simdgroup);
    add_up(sums, parts, args.gemv.splits, lane, simdgroup);
    if (stores(args.gemv.splits, lane, simdgroup)) {
        store_sums(sums, out, p.stride, p.first_out, p.outs, first_row, args.gemv.rows);
    }
}

template <short BITS, short ROWS>
kernel void gemv_geglu_affine(
        constant GemvArgs& args [[buffer(0)]],
        device const float* x [[buffer(1)]],
        device const uchar* gate_codes [[buffer(2)]],
        device const uchar* gate_scales [[buffer(3)]],
        device const uchar* gate_biases [[buffer(4)]],
        device const uchar* up_codes [[buffer(5)]],
        device const uchar* up_scales [[buffer(6)]],
        device const uchar* up_biases [[buffer(7)]],
        device float* out [[buffer(8)]],
        uint2 group [[threadgroup_position_in_grid]],
        ushort lane [[thread_index_in_simdgroup]],
        ushort simdgroup [[simdgroup_index_in_threadgroup]],
        ushort simdgroups [[simdgroups_per_threadgroup]]) {
    threadgroup float parts[8 * 4 * ROWS];
    const int first_out = (int(group.x) * simdgroups + simdgroup) / args.splits * 2;
    const int first_row = int(group.y) * ROWS;
    AffineRows<4> rows;
    affine_rows(rows, 0, 2, BITS, gate_codes, gate_scales, gate_biases, first_out, args.outs, args, lane);
    affine_rows(rows, 2, 2, BITS, up_codes, up_scales, up_biases, first_out, args.outs, args, lane);
    Sums<4, ROWS> sums;
    await_affine_sums<BITS, 4, ROWS>(sums, rows, x, first_row, args, lane, simdgroup);
    add_up(sums, parts, args.splits, lane, simdgroup);
    if (stores(args.splits, lane, simdgroup)) {
        Sums<2, ROWS> products;
        geglu_sums(products, sums);
        store_sums(products, out, args.out_stride, first_out, args.outs, first_row, args.rows);
    }
}

template [[host_name("gemv_any_affine4")]] kernel decltype(gemv_affine_any<4>) gemv_affine_any<4>;
template [[host_name("gemv_any_affine8")]] kernel decltype(gemv_affine_any<8>) gemv_affine_any<8>;

template [[host_name("gemv_affine4_rows1")]] kernel decltype(gemv_affine<4, 1>) gemv_affine<4, 1>;
template [[host_name("gemv_affine4_rows4")]] kernel decltype(gemv_affine<4, 4>) gemv_affine<4, 4>;
template [[host_name("gemv_affine4_rows8")]] kernel decltype(gemv_affine<4, 8>) gemv_affine<4, 8>;
template [[host_name("gemv_affine8_rows1")]] kernel decltype(gemv_affine<8, 1>) gemv_affine<8, 1>;
template [[host_name("gemv_affine8_rows4")]] kernel decltype(gemv_affine<8, 4>) gemv_affine<8, 4>;
template [[host_name("gemv_affine8_rows8")]] kernel decltype(gemv_affine<8, 8>) gemv_affine<8, 8>;

template [[host_name("gemv_qkv_affine4_rows1")]] kernel decltype(gemv_qkv_affine<4, 1>) gemv_qkv_affine<4, 1>;
template [[host_name("gemv_qkv_affine4_rows4")]] kernel decltype(gemv_qkv_affine<4, 4>) gemv_qkv_affine<4, 4>;
template [[host_name("gemv_qkv_affine4_rows8")]] kernel decltype(gemv_qkv_affine<4, 8>) gemv_qkv_affine<4, 8>;
template [[host_name("gemv_qkv_affine8_rows1")]] kernel decltype(gemv_qkv_affine<8, 1>) gemv_qkv_affine<8, 1>;
template [[host_name("gemv_qkv_affine8_rows4")]] kernel decltype(gemv_qkv_affine<8, 4>) gemv_qkv_affine<8, 4>;
template [[host_name("gemv_qkv_affine8_rows8")]] kernel decltype(gemv_qkv_affine<8, 8>) gemv_qkv_affine<8, 8>;

template [[host_name("gemv_geglu_affine4_rows1")]] kernel decltype(gemv_geglu_affine<4, 1>) gemv_geglu_affine<4, 1>;
template [[host_name("gemv_geglu_affine4_rows4")]] kernel decltype(gemv_geglu_affine<4, 4>) gemv_geglu_affine<4, 4>;
template [[host_name("gemv_geglu_affine4_rows8")]] kernel decltype(gemv_geglu_affine<4, 8>) gemv_geglu_affine<4, 8>;
template [[host_name("gemv_geglu_affine8_rows1")]] kernel decltype(gemv_geglu_affine<8, 1>) gemv_geglu_affine<8, 1>;
template [[host_name("gemv_geglu_affine8_rows4")]] kernel decltype(gemv_geglu_affine<8, 4>) gemv_geglu_affine<8, 4>;
template [[host_name("gemv_geglu_affine8_rows8")]] kernel decltype(gemv_geglu_affine<8, 8>) gemv_geglu_affine<8, 8>;
