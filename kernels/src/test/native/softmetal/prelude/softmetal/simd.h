// Operations across the lanes of a simdgroup. Each leaves its operand in an exchange, waits until every lane has, and
// reads what it needs. The `line` arguments let the emulator tell two calls apart and name them in its reports.
#pragma once

#if defined(__has_feature) && __has_feature(thread_sanitizer)
// The exchanges belong to the emulator: races are sought in the kernel's memory only.
#define SM_COPY sm_copy_unseen
#define SM_READ(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define SM_WRITE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#else
#define SM_COPY __builtin_memcpy
#define SM_READ(x) (x)
#define SM_WRITE(x, v) ((x) = (v))
#endif

namespace metal {

template <class T> SM_INLINE sm_exchange* sm_exchange_of(const T& operand, sm_operation operation, int line) {
    static_assert(sizeof(T) <= SM_OPERAND_BYTES, "operand of a simd operation is too large");
    return sm_meet(&operand, sizeof operand, operation, line);
}
template <class T> SM_INLINE T sm_operand_of(sm_exchange* x, unsigned lane) {
    T r;
    SM_COPY(&r, x->operand[lane & (SM_SIMD_WIDTH - 1)], sizeof r);
    return r;
}
// MSL leaves the value of an inactive source lane undefined: read as junk, so that a use of it shows.
template <class T> SM_INLINE T sm_operand_or_junk(sm_exchange* x, unsigned lane) {
    if (lane < SM_SIMD_WIDTH && (SM_READ(x->active) >> lane & 1)) return sm_operand_of<T>(x, lane);
    T junk;
    __builtin_memset(&junk, 0x7f, sizeof junk);
    return junk;
}

// Reductions combine lanes in butterfly order, as hardware does, so that rounding resembles a GPU's and not a loop's.
template <class T, class Combine> SM_INLINE T sm_reduce(T value, Combine combine, sm_operation operation, int line) {
    sm_exchange* x = sm_exchange_of(value, operation, line);
    if (!SM_READ(x->computed)) {
        T partial[SM_SIMD_WIDTH];
        unsigned present = SM_READ(x->active);
        for (int i = 0; i < SM_SIMD_WIDTH; i++)
            if (present >> i & 1) partial[i] = sm_operand_of<T>(x, i);
        for (int half_width = SM_SIMD_WIDTH / 2; half_width; half_width /= 2) {
            unsigned remaining = 0;
            for (int i = 0; i < half_width; i++) {
                bool low = present >> i & 1, high = present >> (i + half_width) & 1;
                if (low && high) partial[i] = combine(partial[i], partial[i + half_width]);
                else if (high) partial[i] = partial[i + half_width];
                if (low || high) remaining |= 1u << i;
            }
            present = remaining;
        }
        SM_COPY(x->result, &partial[0], sizeof(T));
        SM_WRITE(x->computed, 1);
    }
    T r;
    SM_COPY(&r, x->result, sizeof r);
    return r;
}

#define SM_REDUCTION(name, operation, expression)                                                  \
    template <class T> SM_INLINE T name(T value, SM_CALL_LINE) {                                   \
        return sm_reduce(value, [](T a, T b) { return T(expression); }, operation, line);          \
    }
SM_REDUCTION(simd_sum, SM_SIMD_SUM, a + b)
SM_REDUCTION(simd_product, SM_SIMD_PRODUCT, a* b)
SM_REDUCTION(simd_max, SM_SIMD_MAX, max(a, b))
SM_REDUCTION(simd_min, SM_SIMD_MIN, min(a, b))
SM_REDUCTION(simd_and, SM_SIMD_AND, a& b)
SM_REDUCTION(simd_or, SM_SIMD_OR, a | b)
SM_REDUCTION(simd_xor, SM_SIMD_XOR, a ^ b)
#undef SM_REDUCTION

SM_INLINE bool simd_any(bool c, SM_CALL_LINE) { return simd_or(int(c), line) != 0; }
SM_INLINE bool simd_all(bool c, SM_CALL_LINE) { return simd_and(int(c), line) != 0; }

template <class T> SM_INLINE T simd_shuffle(T value, ushort lane, SM_CALL_LINE) {
    return sm_operand_or_junk<T>(sm_exchange_of(value, SM_SIMD_SHUFFLE, line), lane);
}
template <class T> SM_INLINE T simd_shuffle_xor(T value, ushort mask, SM_CALL_LINE) {
    return sm_operand_or_junk<T>(sm_exchange_of(value, SM_SIMD_SHUFFLE_XOR, line), sm_lane() ^ mask);
}
// Lanes that would read past the simdgroup's end keep their own value.
template <class T> SM_INLINE T simd_shuffle_down(T value, ushort delta, SM_CALL_LINE) {
    sm_exchange* x = sm_exchange_of(value, SM_SIMD_SHUFFLE_DOWN, line);
    return sm_lane() + delta < SM_SIMD_WIDTH ? sm_operand_or_junk<T>(x, sm_lane() + delta) : value;
}
template <class T> SM_INLINE T simd_shuffle_up(T value, ushort delta, SM_CALL_LINE) {
    sm_exchange* x = sm_exchange_of(value, SM_SIMD_SHUFFLE_UP, line);
    return sm_lane() >= delta ? sm_operand_or_junk<T>(x, sm_lane() - delta) : value;
}
template <class T> SM_INLINE T simd_broadcast(T value, ushort lane, SM_CALL_LINE) {
    return sm_operand_or_junk<T>(sm_exchange_of(value, SM_SIMD_BROADCAST, line), lane);
}
template <class T> SM_INLINE T simd_broadcast_first(T value, SM_CALL_LINE) {
    sm_exchange* x = sm_exchange_of(value, SM_SIMD_BROADCAST, line);
    return sm_operand_of<T>(x, __builtin_ctz(SM_READ(x->active)));
}
SM_INLINE bool simd_is_first(SM_CALL_LINE) {
    int nothing = 0;
    sm_exchange* x = sm_exchange_of(nothing, SM_SIMD_BALLOT, line);
    return sm_lane() == unsigned(__builtin_ctz(SM_READ(x->active)));
}

template <class T> SM_INLINE T sm_prefix_sum(T value, unsigned lanes, int line) {
    sm_exchange* x = sm_exchange_of(value, SM_SIMD_PREFIX_SUM, line);
    T sum = T(0);
    for (unsigned i = 0; i < lanes; i++)
        if (SM_READ(x->active) >> i & 1) sum = T(sum + sm_operand_of<T>(x, i));
    return sum;
}
template <class T> SM_INLINE T simd_prefix_inclusive_sum(T value, SM_CALL_LINE) {
    return sm_prefix_sum(value, sm_lane() + 1, line);
}
template <class T> SM_INLINE T simd_prefix_exclusive_sum(T value, SM_CALL_LINE) {
    return sm_prefix_sum(value, sm_lane(), line);
}

// simd_ballot's result converts explicitly to an integer, as in MSL.
struct simd_vote {
    typedef ulong vote_t;
    vote_t bits;
    SM_INLINE explicit operator vote_t() const { return bits; }
    SM_INLINE bool any() const { return bits != 0; }
};
SM_INLINE simd_vote simd_ballot(bool c, SM_CALL_LINE) {
    int flag = c;
    sm_exchange* x = sm_exchange_of(flag, SM_SIMD_BALLOT, line);
    simd_vote vote = {0};
    for (unsigned i = 0; i < SM_SIMD_WIDTH; i++)
        if ((SM_READ(x->active) >> i & 1) && sm_operand_of<int>(x, i)) vote.bits |= 1ul << i;
    return vote;
}

} // namespace metal
