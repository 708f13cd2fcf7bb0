// Optional (CUDA on a CPU): atomics. Fibers switch only where they wait, so a plain read-modify-write is atomic.
// sim_touch marks the access as atomic for the race detector, which knows the last-block pattern by sim_fence + atomic.
#ifndef DEV_CUDA_ON_CPU_ATOMICS_H
#define DEV_CUDA_ON_CPU_ATOMICS_H

template <class T, class F> SIM_UNSEEN __attribute__((noinline)) T sim_atomic(T *address, F change) {
    sim_check_aligned(address, sizeof(T));
    sim_touch(sim_self->rank, address, sizeof(T), SIM_ATOMIC, __builtin_return_address(0));
    T old = *address;
    *address = change(old);
    return old;
}
// The second argument is converted to the type behind the pointer, as CUDA's overloads do.
template <class T> struct SimSame { typedef T type; };

#define SIM_ATOMIC_OP(name, expression)                                                                                \
    template <class T> inline T name(T *address, typename SimSame<T>::type value) {                                    \
        return sim_atomic(address, [=](T old) SIM_UNSEEN -> T { return expression; });                                 \
    }
SIM_ATOMIC_OP(atomicAdd, old + value)
SIM_ATOMIC_OP(atomicSub, old - value)
SIM_ATOMIC_OP(atomicExch, ((void)old, value))
SIM_ATOMIC_OP(atomicMin, value < old ? value : old)
SIM_ATOMIC_OP(atomicMax, old < value ? value : old)
SIM_ATOMIC_OP(atomicAnd, (old & value))
SIM_ATOMIC_OP(atomicOr, (old | value))
SIM_ATOMIC_OP(atomicXor, (old ^ value))
#undef SIM_ATOMIC_OP

inline unsigned atomicInc(unsigned *address, unsigned limit) {
    return sim_atomic(address, [=](unsigned old) SIM_UNSEEN { return old >= limit ? 0u : old + 1; });
}
inline unsigned atomicDec(unsigned *address, unsigned limit) {
    return sim_atomic(address, [=](unsigned old) SIM_UNSEEN { return old == 0 || old > limit ? limit : old - 1; });
}
template <class T>
inline T atomicCAS(T *address, typename SimSame<T>::type expected, typename SimSame<T>::type desired) {
    return sim_atomic(address, [=](T old) SIM_UNSEEN -> T { return old == expected ? desired : old; });
}

#endif
