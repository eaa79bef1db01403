// From the emulator's view of a thread to a call of the kernel. The translator writes, per kernel, an entry that names
// the role and index of each parameter; the kernel's own C++ type says the rest, so no type is ever parsed from text.
#pragma once

template <int Role, int Index> struct sm_binding {
    static constexpr int role = Role, index = Index;
};

#ifdef SM_CHECK

// Only checks that each parameter's type goes with its attribute.
template <class P> struct sm_role_of {
    static constexpr int value = -1;
};
#define SM_ROLE(type, number)                      \
    template <class T> struct sm_role_of<type> {   \
        static constexpr int value = number;       \
    };
SM_ROLE(device T*, SM_BUFFER)
SM_ROLE(device T&, SM_BUFFER)
SM_ROLE(constant T*, SM_BUFFER)
SM_ROLE(constant T&, SM_BUFFER)
SM_ROLE(threadgroup T*, SM_THREADGROUP_MEMORY)
SM_ROLE(threadgroup T&, SM_THREADGROUP_MEMORY)
#undef SM_ROLE
template <> struct sm_role_of<ushort> {
    static constexpr int value = SM_POSITION;
};
template <> struct sm_role_of<uint> {
    static constexpr int value = SM_POSITION;
};
template <int N> struct sm_role_of<metal::vec<ushort, N>> {
    static constexpr int value = SM_POSITION;
};
template <int N> struct sm_role_of<metal::vec<uint, N>> {
    static constexpr int value = SM_POSITION;
};
template <class B, class P> constexpr bool sm_parameter_fits() {
    static_assert(sm_role_of<P>::value == B::role,
                  "kernel parameter: its type or address space does not go with its attribute");
    return true;
}
template <class... B, class... P> void sm_call(void (*kernel_function)(P...), const sm_thread*) {
    (sm_parameter_fits<B, P>(), ...);
}

#else

template <int Index> SM_INLINE uint sm_position_of(const sm_thread* t, int axis) {
    const sm_group* g = t->group;
    switch (Index) {
    case SM_THREAD_POSITION_IN_GRID: return g->position[axis] * g->nominal_size[axis] + t->position[axis];
    case SM_THREADGROUP_POSITION_IN_GRID: return g->position[axis];
    case SM_THREAD_POSITION_IN_THREADGROUP: return t->position[axis];
    case SM_THREADS_PER_THREADGROUP: return g->size[axis];
    case SM_THREADGROUPS_PER_GRID: return g->groups[axis];
    case SM_THREADS_PER_GRID: return g->threads[axis];
    case SM_DISPATCH_THREADS_PER_THREADGROUP: return g->nominal_size[axis];
    case SM_THREAD_INDEX_IN_THREADGROUP: return t->index;
    case SM_THREAD_INDEX_IN_SIMDGROUP: return t->index % SM_SIMD_WIDTH;
    case SM_SIMDGROUP_INDEX_IN_THREADGROUP: return t->index / SM_SIMD_WIDTH;
    case SM_SIMDGROUPS_PER_THREADGROUP: return g->simdgroups;
    default: return SM_SIMD_WIDTH;
    }
}

template <class P> struct sm_argument;
template <class T> struct sm_argument<T*> {
    template <class B> static SM_INLINE T* of(const sm_thread* t) {
        return (T*)(B::role == SM_BUFFER ? t->group->buffers[B::index] : t->group->threadgroup_memory[B::index]);
    }
};
template <class T> struct sm_argument<T&> {
    template <class B> static SM_INLINE T& of(const sm_thread* t) { return *sm_argument<T*>::template of<B>(t); }
};
#define SM_POSITION_ARGUMENT(T)                                                                                     \
    template <> struct sm_argument<T> {                                                                             \
        template <class B> static SM_INLINE T of(const sm_thread* t) { return T(sm_position_of<B::index>(t, 0)); }  \
    };                                                                                                              \
    template <int N> struct sm_argument<metal::vec<T, N>> {                                                         \
        template <class B> static SM_INLINE metal::vec<T, N> of(const sm_thread* t) {                               \
            metal::vec<T, N> v;                                                                                     \
            for (int axis = 0; axis < N; axis++) v[axis] = T(sm_position_of<B::index>(t, axis));                    \
            return v;                                                                                               \
        }                                                                                                           \
    };
SM_POSITION_ARGUMENT(uint)
SM_POSITION_ARGUMENT(ushort)
#undef SM_POSITION_ARGUMENT

template <class... B, class... P> SM_INLINE void sm_call(void (*kernel_function)(P...), const sm_thread* t) {
    kernel_function(sm_argument<P>::template of<B>(t)...);
}

#endif
