// Atomics with relaxed order, the only order that every Metal GPU has.
#pragma once

namespace metal {

enum memory_order { memory_order_relaxed };
template <class T> struct sm_atomic {
    T value;
};
template <class T> using atomic = sm_atomic<T>;
typedef sm_atomic<uint> atomic_uint;
typedef sm_atomic<int> atomic_int;
typedef sm_atomic<float> atomic_float;
typedef sm_atomic<bool> atomic_bool;

#define SM_ATOMIC_FETCH(space, name, types, update)                                                          \
    template <class T, class U>                                                                              \
    SM_INLINE T atomic_fetch_##name##_explicit(volatile space sm_atomic<T>* a, U operand, memory_order) {    \
        static_assert(sm_one_of<T, types>, "no such atomic operation on this type");                         \
        T seen, x = T(operand), next;                                                                        \
        __atomic_load((T*)&a->value, &seen, __ATOMIC_RELAXED);                                               \
        do next = update;                                                                                    \
        while (!__atomic_compare_exchange(                                                                   \
            (T*)&a->value, &seen, &next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));                         \
        return seen;                                                                                         \
    }
#define SM_ATOMIC_INTEGERS int, uint
#define SM_ATOMIC_NUMBERS int, uint, float
#define SM_ATOMICS(space)                                                                                    \
    template <class T> SM_INLINE T atomic_load_explicit(const volatile space sm_atomic<T>* a, memory_order) { \
        T seen;                                                                                              \
        __atomic_load((T*)&a->value, &seen, __ATOMIC_RELAXED);                                               \
        return seen;                                                                                         \
    }                                                                                                        \
    template <class T, class U>                                                                              \
    SM_INLINE void atomic_store_explicit(volatile space sm_atomic<T>* a, U x, memory_order) {                \
        T next = T(x);                                                                                       \
        __atomic_store((T*)&a->value, &next, __ATOMIC_RELAXED);                                              \
    }                                                                                                        \
    template <class T, class U>                                                                              \
    SM_INLINE T atomic_exchange_explicit(volatile space sm_atomic<T>* a, U x, memory_order) {                \
        T next = T(x), seen;                                                                                 \
        __atomic_exchange((T*)&a->value, &next, &seen, __ATOMIC_RELAXED);                                    \
        return seen;                                                                                         \
    }                                                                                                        \
    SM_ATOMIC_FETCH(space, add, SM_ATOMIC_NUMBERS, seen + x)                                                 \
    SM_ATOMIC_FETCH(space, sub, SM_ATOMIC_NUMBERS, seen - x)                                                 \
    SM_ATOMIC_FETCH(space, max, SM_ATOMIC_INTEGERS, (seen < x ? x : seen))                                   \
    SM_ATOMIC_FETCH(space, min, SM_ATOMIC_INTEGERS, (x < seen ? x : seen))                                   \
    SM_ATOMIC_FETCH(space, and, SM_ATOMIC_INTEGERS, seen & x)                                                \
    SM_ATOMIC_FETCH(space, or, SM_ATOMIC_INTEGERS, seen | x)                                                 \
    SM_ATOMIC_FETCH(space, xor, SM_ATOMIC_INTEGERS, seen ^ x)
#ifdef SM_CHECK
SM_ATOMICS(device)
SM_ATOMICS(threadgroup)
#else
SM_ATOMICS()
#endif
#undef SM_ATOMICS
#undef SM_ATOMIC_FETCH
#undef SM_ATOMIC_NUMBERS
#undef SM_ATOMIC_INTEGERS

} // namespace metal
