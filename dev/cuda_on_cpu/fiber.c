// Optional (CUDA on a CPU): the context switch. In x86-64's System V ABI six registers and the stack pointer survive a
// call, so saving those seven is enough (the floating-point control words never change here). Other machines, and
// builds with -DSIM_UCONTEXT, use the C library's swapcontext, 20 times slower because of its system call.
#include "dev/cuda_on_cpu/fiber.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#if !defined(__x86_64__) && !defined(SIM_UCONTEXT)
#define SIM_UCONTEXT
#endif
#ifdef SIM_UCONTEXT
#include <ucontext.h>
#endif
#ifdef SIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

static Fiber *leaving, *arriving; // the two ends of the switch under way

// AddressSanitizer must know on which stack it is, to tell its red zones from those of another fiber.
static void arrived(void) {
#ifdef SIM_ASAN
    const void *bottom;
    size_t bytes;
    __sanitizer_finish_switch_fiber(arriving->fake_stack, &bottom, &bytes);
    if (!leaving->stack) leaving->stack = (char *)(uintptr_t)bottom, leaving->bytes = bytes; // the first fiber's
#endif
}

static void begin(void) {
    arrived();
    arriving->entry();
    abort();
}

static char *stack_allocate(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) {
        fprintf(stderr, "cuda_on_cpu: no memory for the stack of a thread\n");
        exit(1);
    }
    return memory + page;
}

#ifdef SIM_UCONTEXT
void fiber_create(Fiber *fiber, size_t stack_bytes, void (*entry)(void)) {
    ucontext_t *context = calloc(1, sizeof *context);
    fiber->stack = stack_allocate(stack_bytes);
    fiber->bytes = stack_bytes;
    fiber->entry = entry;
    if (!context || getcontext(context) != 0) abort();
    context->uc_stack.ss_sp = fiber->stack;
    context->uc_stack.ss_size = stack_bytes;
    makecontext(context, begin, 0);
    fiber->context = context;
}

static void swap(Fiber *from, Fiber *to) {
    if (!from->context && !(from->context = calloc(1, sizeof(ucontext_t)))) abort();
    swapcontext(from->context, to->context);
}
#else
void fiber_swap(void **save, void *load); // saves the stack pointer in *save, continues with `load`
__asm__(".text\n"
        ".globl fiber_swap\n"
        ".type fiber_swap, @function\n"
        "fiber_swap:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size fiber_swap, .-fiber_swap\n");

void fiber_create(Fiber *fiber, size_t stack_bytes, void (*entry)(void)) {
    fiber->stack = stack_allocate(stack_bytes);
    fiber->bytes = stack_bytes;
    fiber->entry = entry;
    // What fiber_swap pops: six registers, then `begin` as return address. At a function's first instruction the stack
    // pointer is 8 below a multiple of 16, as after a call.
    void **top = (void **)(void *)(fiber->stack + stack_bytes) - 2;
    *top = (void *)begin;
    for (int i = 1; i <= 6; i++) top[-i] = NULL;
    fiber->context = top - 6;
}

static void swap(Fiber *from, Fiber *to) { fiber_swap(&from->context, to->context); }
#endif

void fiber_switch(Fiber *from, Fiber *to) {
    leaving = from;
    arriving = to;
#ifdef SIM_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->bytes);
#endif
    swap(from, to);
    arrived();
}
