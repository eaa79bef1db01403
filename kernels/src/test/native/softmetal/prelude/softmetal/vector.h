// Vectors of 2 to 4 elements as classes. Clang's own ext_vector_type was tried and is wrong for MSL: it refuses
// float4(half4) and float4(a, b, c, d), and (float4)int4 reinterprets bits instead of converting.
#pragma once

namespace metal {

template <class T, int N> struct vec;
template <class T, int Stored, int... Index> struct swizzle;

// Length and element type of vectors and swizzles; length 0 for everything else.
template <class X> struct vector_traits {
    static constexpr int length = 0;
    typedef X element;
};
template <class T, int N> struct vector_traits<vec<T, N>> {
    static constexpr int length = N;
    typedef T element;
};
template <class T, int Stored, int... Index> struct vector_traits<swizzle<T, Stored, Index...>> {
    static constexpr int length = sizeof...(Index);
    typedef T element;
};
template <class X> constexpr int sm_length = vector_traits<X>::length;
template <class X> using sm_element = typename vector_traits<X>::element;
template <class X> constexpr bool sm_operand = sm_length<X> > 0 || sm_scalar<X>;

// The vector type of an operation on A and B, of which at least one is a vector; a scalar takes the vector's type.
template <class A, class B>
using sm_result =
    vec<conditional_t<(sm_length<A> > 0), sm_element<A>, sm_element<B>>,
        (sm_length<A> > 0 ? sm_length<A> : sm_length<B>)>;
// MSL converts no vector implicitly: two vectors must have the same type.
template <class A, class B>
using sm_if_operands = enable_if_t<(sm_length<A> > 0 || sm_length<B> > 0) && sm_operand<A> && sm_operand<B> &&
                                   (sm_length<A> == 0 || sm_length<B> == 0 ||
                                    (sm_length<A> == sm_length<B> && is_same_v<sm_element<A>, sm_element<B>>))>;
template <class A> using sm_if_vector = enable_if_t<(sm_length<A> > 0)>;
template <class A>
using sm_same = conditional_t<(sm_length<A> > 0), vec<sm_element<A>, (sm_length<A> > 0 ? sm_length<A> : 1)>, A>;

template <class X> SM_INLINE sm_element<X> sm_at(const X& x, int i) {
    if constexpr (sm_length<X> == 0) return x;
    else return x[i];
}

// Some elements of a stored vector, in some order: readable as a vector and, as MSL allows, assignable.
template <class T, int Stored, int... Index> struct swizzle {
    T stored[Stored];
    typedef vec<T, sizeof...(Index)> V;

    SM_INLINE T operator[](int i) const {
        constexpr int index[] = {Index...};
        return stored[index[i]];
    }
    SM_INLINE operator V() const { return V(stored[Index]...); }
    SM_INLINE swizzle& operator=(V v) {
        constexpr int index[] = {Index...};
        for (int i = 0; i < (int)sizeof...(Index); i++) stored[index[i]] = v[i];
        return *this;
    }
    SM_INLINE swizzle& operator=(const swizzle& other) { return *this = (V)other; }
    template <class B> SM_INLINE swizzle& operator+=(B b) { return *this = V(*this) + b; }
    template <class B> SM_INLINE swizzle& operator-=(B b) { return *this = V(*this) - b; }
    template <class B> SM_INLINE swizzle& operator*=(B b) { return *this = V(*this) * b; }
};

template <class A> constexpr int sm_count = sm_length<A> > 0 ? sm_length<A> : 1;

// Copies go through memcpy: a union of overlapping swizzles has no copy of its own.
#define SM_VECTOR_MEMBERS(N)                                                                                      \
    vec() = default;                                                                                              \
    SM_INLINE vec(const vec& v) { __builtin_memcpy(this, &v, sizeof *this); }                                     \
    SM_INLINE vec& operator=(const vec& v) {                                                                      \
        __builtin_memcpy(this, &v, sizeof *this);                                                                 \
        return *this;                                                                                             \
    }                                                                                                             \
    SM_INLINE T& operator[](int i) { return (&x)[i]; }                                                            \
    SM_INLINE T operator[](int i) const { return (&x)[i]; }                                                       \
    template <class S, class = enable_if_t<sm_scalar<S>>> SM_INLINE vec(S s) {                                    \
        for (int i = 0; i < N; i++) (&x)[i] = sm_convert<T>(s);                                                   \
    }                                                                                                             \
    template <class U, class = enable_if_t<!is_same_v<U, T>>> SM_INLINE explicit vec(vec<U, N> v) {               \
        for (int i = 0; i < N; i++) (&x)[i] = sm_convert<T>(v[i]);                                                \
    }                                                                                                             \
    template <class A, class B, class... Rest> SM_INLINE vec(A a, B b, Rest... rest) {                            \
        static_assert(((sm_count<A> + sm_count<B>) + ... + sm_count<Rest>) == N, "a vector takes all its elements"); \
        T* next = &x;                                                                                             \
        append(next, a);                                                                                          \
        append(next, b);                                                                                          \
        (append(next, rest), ...);                                                                                \
    }                                                                                                             \
    template <class A> static SM_INLINE void append(T*& next, A a) {                                              \
        for (int i = 0; i < sm_count<A>; i++) *next++ = sm_convert<T>(sm_at(a, i));                               \
    }
// Every pair, and of the longer swizzles those that kernels are written with.
#define SM_PAIRS_2(N)          \
    swizzle<T, N, 0, 0> xx;    \
    swizzle<T, N, 0, 1> xy;    \
    swizzle<T, N, 1, 0> yx;    \
    swizzle<T, N, 1, 1> yy;
#define SM_PAIRS_3(N)          \
    SM_PAIRS_2(N)              \
    swizzle<T, N, 0, 2> xz;    \
    swizzle<T, N, 1, 2> yz;    \
    swizzle<T, N, 2, 0> zx;    \
    swizzle<T, N, 2, 1> zy;    \
    swizzle<T, N, 2, 2> zz;
#define SM_PAIRS_4(N)          \
    SM_PAIRS_3(N)              \
    swizzle<T, N, 0, 3> xw;    \
    swizzle<T, N, 1, 3> yw;    \
    swizzle<T, N, 2, 3> zw;    \
    swizzle<T, N, 3, 0> wx;    \
    swizzle<T, N, 3, 1> wy;    \
    swizzle<T, N, 3, 2> wz;    \
    swizzle<T, N, 3, 3> ww;

template <class T> struct alignas(2 * sizeof(T)) vec<T, 2> {
    union {
        struct { T x, y; };
        struct { T r, g; };
        SM_PAIRS_2(2)
    };
    SM_VECTOR_MEMBERS(2)
};
template <class T> struct alignas(4 * sizeof(T)) vec<T, 3> {
    union {
        struct { T x, y, z; };
        struct { T r, g, b; };
        SM_PAIRS_3(3)
        swizzle<T, 3, 0, 1, 2> xyz;
        swizzle<T, 3, 2, 1, 0> zyx;
    };
    SM_VECTOR_MEMBERS(3)
};
template <class T> struct alignas(4 * sizeof(T)) vec<T, 4> {
    union {
        struct { T x, y, z, w; };
        struct { T r, g, b, a; };
        SM_PAIRS_4(4)
        swizzle<T, 4, 0, 1, 2> xyz;
        swizzle<T, 4, 1, 2, 3> yzw;
        swizzle<T, 4, 0, 1, 2, 3> xyzw;
        swizzle<T, 4, 3, 2, 1, 0> wzyx;
        swizzle<T, 4, 1, 0, 3, 2> yxwz;
        swizzle<T, 4, 2, 3, 0, 1> zwxy;
        swizzle<T, 4, 0, 0, 0, 0> xxxx;
        swizzle<T, 4, 1, 1, 1, 1> yyyy;
        swizzle<T, 4, 2, 2, 2, 2> zzzz;
        swizzle<T, 4, 3, 3, 3, 3> wwww;
    };
    SM_VECTOR_MEMBERS(4)
};
#undef SM_PAIRS_4
#undef SM_PAIRS_3
#undef SM_PAIRS_2
#undef SM_VECTOR_MEMBERS

#define SM_ARITHMETIC(op)                                                                                    \
    template <class A, class B, class = sm_if_operands<A, B>>                                                \
    SM_INLINE sm_result<A, B> operator op(A a, B b) {                                                        \
        typedef sm_element<sm_result<A, B>> E;                                                               \
        sm_result<A, B> r;                                                                                   \
        for (int i = 0; i < sm_length<sm_result<A, B>>; i++) r[i] = E(E(sm_at(a, i)) op E(sm_at(b, i)));     \
        return r;                                                                                            \
    }                                                                                                        \
    template <class T, int N, class B, class = sm_if_operands<vec<T, N>, B>>                                 \
    SM_INLINE vec<T, N>& operator op##=(vec<T, N>& a, B b) {                                                 \
        return a = vec<T, N>(a op b);                                                                        \
    }
SM_ARITHMETIC(+)
SM_ARITHMETIC(-)
SM_ARITHMETIC(*)
SM_ARITHMETIC(/)
SM_ARITHMETIC(%)
SM_ARITHMETIC(&)
SM_ARITHMETIC(|)
SM_ARITHMETIC(^)
SM_ARITHMETIC(<<)
SM_ARITHMETIC(>>)
#undef SM_ARITHMETIC

#define SM_COMPARISON(op)                                                                                \
    template <class A, class B, class = sm_if_operands<A, B>>                                            \
    SM_INLINE vec<bool, sm_length<sm_result<A, B>>> operator op(A a, B b) {                              \
        typedef sm_element<sm_result<A, B>> E;                                                           \
        vec<bool, sm_length<sm_result<A, B>>> r;                                                         \
        for (int i = 0; i < sm_length<sm_result<A, B>>; i++) r[i] = E(sm_at(a, i)) op E(sm_at(b, i));    \
        return r;                                                                                        \
    }
SM_COMPARISON(<)
SM_COMPARISON(>)
SM_COMPARISON(<=)
SM_COMPARISON(>=)
SM_COMPARISON(==)
SM_COMPARISON(!=)
#undef SM_COMPARISON

template <class A, class = sm_if_vector<A>> SM_INLINE sm_same<A> operator-(A a) {
    sm_same<A> r;
    for (int i = 0; i < sm_length<A>; i++) r[i] = -a[i];
    return r;
}
template <class A, class = sm_if_vector<A>> SM_INLINE sm_same<A> operator~(A a) {
    sm_same<A> r;
    for (int i = 0; i < sm_length<A>; i++) r[i] = ~a[i];
    return r;
}
template <class A, class = sm_if_vector<A>> SM_INLINE vec<bool, sm_length<A>> operator!(A a) {
    vec<bool, sm_length<A>> r;
    for (int i = 0; i < sm_length<A>; i++) r[i] = !a[i];
    return r;
}

// Vectors without padding or alignment beyond their element's.
template <class T, int N> struct packed_vec {
    T stored[N];
    SM_INLINE T operator[](int i) const { return stored[i]; }
    SM_INLINE T& operator[](int i) { return stored[i]; }
    SM_INLINE operator vec<T, N>() const {
        vec<T, N> r;
        for (int i = 0; i < N; i++) r[i] = stored[i];
        return r;
    }
    template <class U> SM_INLINE explicit operator vec<U, N>() const { return vec<U, N>(vec<T, N>(*this)); }
    SM_INLINE packed_vec& operator=(vec<T, N> v) {
        for (int i = 0; i < N; i++) stored[i] = v[i];
        return *this;
    }
};

} // namespace metal

#define SM_VECTOR_NAMES(T)          \
    typedef metal::vec<T, 2> T##2;  \
    typedef metal::vec<T, 3> T##3;  \
    typedef metal::vec<T, 4> T##4;
SM_VECTOR_NAMES(bool)
SM_VECTOR_NAMES(char)
SM_VECTOR_NAMES(uchar)
SM_VECTOR_NAMES(short)
SM_VECTOR_NAMES(ushort)
SM_VECTOR_NAMES(int)
SM_VECTOR_NAMES(uint)
SM_VECTOR_NAMES(long)
SM_VECTOR_NAMES(ulong)
SM_VECTOR_NAMES(half)
SM_VECTOR_NAMES(bfloat)
SM_VECTOR_NAMES(float)
#undef SM_VECTOR_NAMES

#define SM_PACKED_NAMES(T)                        \
    typedef metal::packed_vec<T, 2> packed_##T##2; \
    typedef metal::packed_vec<T, 3> packed_##T##3; \
    typedef metal::packed_vec<T, 4> packed_##T##4;
SM_PACKED_NAMES(char)
SM_PACKED_NAMES(uchar)
SM_PACKED_NAMES(short)
SM_PACKED_NAMES(ushort)
SM_PACKED_NAMES(int)
SM_PACKED_NAMES(uint)
SM_PACKED_NAMES(half)
SM_PACKED_NAMES(bfloat)
SM_PACKED_NAMES(float)
#undef SM_PACKED_NAMES
