// Optional (CUDA on a CPU): fibers: stacks that switch to each other by a function call, without a system call.
#ifndef DEV_CUDA_ON_CPU_FIBER_H
#define DEV_CUDA_ON_CPU_FIBER_H
#include <stddef.h>

typedef struct Fiber {
    void *context;    // x86-64: the saved stack pointer; elsewhere a ucontext_t
    char *stack;      // lowest usable address; the page below it faults. NULL for the first fiber
    size_t bytes;     // of stack
    void *fake_stack; // for AddressSanitizer
    void (*entry)(void);
} Fiber;

// Gives an all-zero Fiber a stack, of which only touched pages take memory, and its entry function, which must never
// return. Exits with a message if there is no memory.
void fiber_create(Fiber *fiber, size_t stack_bytes, void (*entry)(void));

// Saves the running fiber in `from` (all zero the first time, on the process's stack) and continues `to`.
void fiber_switch(Fiber *from, Fiber *to);

#endif
