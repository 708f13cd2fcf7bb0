// Optional (CUDA on a CPU): the functions that clang -fsanitize=thread calls; they report every access to race.c. Link
// with -Wl,--wrap=memcpy,--wrap=memset,--wrap=memmove: clang 14 turns copies of structs into calls of these.
#include "dev/cuda_on_cpu/runtime.h"

static void touch(const void *address, size_t bytes, SimAccess access, const void *place) {
    if (sim_self && bytes) sim_touch(sim_self->rank, address, bytes, access, place);
}

#define HOOK(name, bytes, access)                                                                                      \
    void name(void *address);                                                                                          \
    void name(void *address) { touch(address, bytes, access, __builtin_return_address(0)); }
HOOK(__tsan_read1, 1, SIM_READ)
HOOK(__tsan_read2, 2, SIM_READ)
HOOK(__tsan_read4, 4, SIM_READ)
HOOK(__tsan_read8, 8, SIM_READ)
HOOK(__tsan_read16, 16, SIM_READ)
HOOK(__tsan_write1, 1, SIM_WRITE)
HOOK(__tsan_write2, 2, SIM_WRITE)
HOOK(__tsan_write4, 4, SIM_WRITE)
HOOK(__tsan_write8, 8, SIM_WRITE)
HOOK(__tsan_write16, 16, SIM_WRITE)
HOOK(__tsan_unaligned_read2, 2, SIM_READ)
HOOK(__tsan_unaligned_read4, 4, SIM_READ)
HOOK(__tsan_unaligned_read8, 8, SIM_READ)
HOOK(__tsan_unaligned_read16, 16, SIM_READ)
HOOK(__tsan_unaligned_write2, 2, SIM_WRITE)
HOOK(__tsan_unaligned_write4, 4, SIM_WRITE)
HOOK(__tsan_unaligned_write8, 8, SIM_WRITE)
HOOK(__tsan_unaligned_write16, 16, SIM_WRITE)

void __tsan_init(void);
void __tsan_init(void) {}
void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller) { (void)caller; }
void __tsan_func_exit(void);
void __tsan_func_exit(void) {}

void *__real_memcpy(void *to, const void *from, size_t bytes);
void *__real_memmove(void *to, const void *from, size_t bytes);
void *__real_memset(void *to, int byte, size_t bytes);
void *__wrap_memcpy(void *to, const void *from, size_t bytes);
void *__wrap_memmove(void *to, const void *from, size_t bytes);
void *__wrap_memset(void *to, int byte, size_t bytes);

void *__wrap_memcpy(void *to, const void *from, size_t bytes) {
    touch(from, bytes, SIM_READ, __builtin_return_address(0));
    touch(to, bytes, SIM_WRITE, __builtin_return_address(0));
    return __real_memcpy(to, from, bytes);
}
void *__wrap_memmove(void *to, const void *from, size_t bytes) {
    touch(from, bytes, SIM_READ, __builtin_return_address(0));
    touch(to, bytes, SIM_WRITE, __builtin_return_address(0));
    return __real_memmove(to, from, bytes);
}
void *__wrap_memset(void *to, int byte, size_t bytes) {
    touch(to, bytes, SIM_WRITE, __builtin_return_address(0));
    return __real_memset(to, byte, bytes);
}

void *__tsan_memcpy(void *to, const void *from, size_t bytes) __attribute__((alias("__wrap_memcpy")));
void *__tsan_memmove(void *to, const void *from, size_t bytes) __attribute__((alias("__wrap_memmove")));
void *__tsan_memset(void *to, int byte, size_t bytes) __attribute__((alias("__wrap_memset")));
