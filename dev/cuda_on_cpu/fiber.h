// Fibers: stacks that give way to each other by a plain function call, with no help from the operating system.
#ifndef DEV_CUDA_ON_CPU_FIBER_H
#define DEV_CUDA_ON_CPU_FIBER_H
#include <stddef.h>

typedef struct Fiber {
    void *context;    // x86-64: the saved stack pointer; elsewhere a ucontext_t
    char *stack;      // lowest address that may be used; one page below it faults. NULL for the first fiber
    size_t bytes;     // of stack
    void *fake_stack; // AddressSanitizer's own
    void (*entry)(void);
} Fiber;

// Gives an all-zero Fiber a stack (touched pages only are backed by memory) and the function it begins with, which must
// never return. Exits with a message if there is no memory.
void fiber_create(Fiber *fiber, size_t stack_bytes, void (*entry)(void));

// Saves the running fiber in `from` (all zero the first time for a thread's own stack) and goes on with `to`.
void fiber_switch(Fiber *from, Fiber *to);

#endif
