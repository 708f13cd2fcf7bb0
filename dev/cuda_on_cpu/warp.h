// Optional (CUDA on a CPU): warp collectives on sim_meet (runtime.h): every lane leaves its value, and the last to
// arrive computes all results. By CUDA's rules a shuffle or vote orders no memory accesses; only __syncwarp does.
#ifndef DEV_CUDA_ON_CPU_WARP_H
#define DEV_CUDA_ON_CPU_WARP_H

enum SimShuffle { SIM_SHUFFLE_INDEX, SIM_SHUFFLE_UP, SIM_SHUFFLE_DOWN, SIM_SHUFFLE_XOR };

// From which lane `lane` reads; its own value stands in where the source falls outside the segment of `width` lanes.
inline int sim_shuffle_source(SimShuffle kind, int lane, int selector, int width) {
    int segment = lane & ~(width - 1), last = segment + width - 1;
    if (kind == SIM_SHUFFLE_INDEX) return segment + (selector & (width - 1));
    if (kind == SIM_SHUFFLE_UP) return lane - selector < segment ? lane : lane - selector;
    int from = kind == SIM_SHUFFLE_DOWN ? lane + selector : lane ^ selector;
    return from > last ? lane : from;
}

template <class T> struct SimShuffleArgs {
    T value, result;
    int selector, width;
};

template <SimShuffle kind, class T> SIM_UNSEEN void sim_shuffle_op(void **lanes, unsigned mask) {
    for (int lane = 0; lane < SIM_WARP; lane++) {
        if (!(mask >> lane & 1)) continue;
        SimShuffleArgs<T> *args = static_cast<SimShuffleArgs<T> *>(lanes[lane]);
        int from = sim_shuffle_source(kind, lane, args->selector, args->width);
        if (!(mask >> from & 1))
            sim_die("a shuffle's lane %d reads lane %d, which mask 0x%08x omits", lane, from, mask);
        args->result = static_cast<SimShuffleArgs<T> *>(lanes[from])->value;
    }
}

template <SimShuffle kind, class T>
SIM_UNSEEN inline T sim_shuffle(const char *name, unsigned mask, T value, int selector, int width, const char *file,
                                int line) {
    SimShuffleArgs<T> args = {value, value, selector, width};
    if (width < 1 || width > SIM_WARP || (width & (width - 1))) sim_die("%s: width %d is no power of two", name, width);
    sim_meet(name, mask, sim_shuffle_op<kind, T>, &args, file, line);
    return args.result;
}

template <class T> inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32, SIM_HERE) {
    return sim_shuffle<SIM_SHUFFLE_INDEX>("__shfl_sync", mask, value, lane, width, file, line);
}
template <class T> inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, SIM_HERE) {
    return sim_shuffle<SIM_SHUFFLE_UP>("__shfl_up_sync", mask, value, static_cast<int>(delta), width, file, line);
}
template <class T> inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, SIM_HERE) {
    return sim_shuffle<SIM_SHUFFLE_DOWN>("__shfl_down_sync", mask, value, static_cast<int>(delta), width, file, line);
}
template <class T> inline T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, SIM_HERE) {
    return sim_shuffle<SIM_SHUFFLE_XOR>("__shfl_xor_sync", mask, value, lane_mask, width, file, line);
}

// Votes and reductions: one value from all lanes of the mask, given to each of them. `combine` folds two values.
template <class T, class Combine> SIM_UNSEEN void sim_fold_op(void **lanes, unsigned mask) {
    T total = Combine::start();
    for (int lane = 0; lane < SIM_WARP; lane++)
        if (mask >> lane & 1) total = Combine::fold(total, *static_cast<T *>(lanes[lane]), lane);
    for (int lane = 0; lane < SIM_WARP; lane++)
        if (mask >> lane & 1) *static_cast<T *>(lanes[lane]) = total;
}
template <class Combine, class T>
SIM_UNSEEN inline T sim_fold(const char *name, unsigned mask, T value, const char *file, int line) {
    sim_meet(name, mask, sim_fold_op<T, Combine>, &value, file, line);
    return value;
}
#define SIM_COMBINE(name, T, first, expression)                                                                        \
    struct name {                                                                                                      \
        static T start() { return first; }                                                                             \
        static T fold(T a, T b, int lane) { return (void)lane, expression; }                                           \
    };
SIM_COMBINE(SimBallot, unsigned, 0u, a | (b ? 1u << lane : 0u))
SIM_COMBINE(SimAdd, unsigned, 0u, a + b)
SIM_COMBINE(SimAnd, unsigned, ~0u, a &b)
SIM_COMBINE(SimOr, unsigned, 0u, a | b)
SIM_COMBINE(SimXor, unsigned, 0u, a ^ b)
SIM_COMBINE(SimMin, long long, 1ll << 62, b < a ? b : a)
SIM_COMBINE(SimMax, long long, -(1ll << 62), a < b ? b : a)
#undef SIM_COMBINE

inline unsigned __ballot_sync(unsigned mask, int predicate, SIM_HERE) {
    return sim_fold<SimBallot>("__ballot_sync", mask, predicate ? 1u : 0u, file, line);
}
inline int __any_sync(unsigned mask, int predicate, SIM_HERE) {
    return sim_fold<SimBallot>("__any_sync", mask, predicate ? 1u : 0u, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, SIM_HERE) {
    return sim_fold<SimBallot>("__all_sync", mask, predicate ? 1u : 0u, file, line) == mask;
}
#define SIM_REDUCE(name, Combine, Wide)                                                                                \
    template <class T> inline T name(unsigned mask, T value, SIM_HERE) {                                               \
        return static_cast<T>(sim_fold<Combine>(#name, mask, static_cast<Wide>(value), file, line));                   \
    }
SIM_REDUCE(__reduce_add_sync, SimAdd, unsigned)
SIM_REDUCE(__reduce_and_sync, SimAnd, unsigned)
SIM_REDUCE(__reduce_or_sync, SimOr, unsigned)
SIM_REDUCE(__reduce_xor_sync, SimXor, unsigned)
SIM_REDUCE(__reduce_min_sync, SimMin, long long)
SIM_REDUCE(__reduce_max_sync, SimMax, long long)
#undef SIM_REDUCE

// For kernels/device/ptx.cuh: ldmatrix and mma (tensor.c), with the place of the call.
__forceinline__ void sim_ldmatrix(unsigned *r, int tiles, bool transposed, const void *row, SIM_HERE) {
    sim_warp_ldmatrix(r, tiles, transposed, row, file, line);
}
__forceinline__ void sim_mma_m16n8k16(float *d, const unsigned *a, unsigned b0, unsigned b1, SIM_HERE) {
    sim_warp_mma(d, a, b0, b1, file, line);
}

#endif
