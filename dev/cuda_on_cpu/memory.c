// Optional (CUDA on a CPU): device memory in one reserved range of addresses. Every allocation starts on a new page, is
// filled once with 0xff (a NaN in every float format, -1 in every integer), and is never reused after cudaFree.
//
// Outside kernels and API calls mprotect closes the range, so host code that dereferences a device pointer faults, as
// with a GPU, and the SIGSEGV handler says why. CUDA_ON_CPU_PROTECT=0 leaves it open, for a debugger.
#include "dev/cuda_on_cpu/runtime.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef SIM_ASAN
#include <sanitizer/asan_interface.h>
#endif

enum { ALLOCATIONS_MAX = 4096 };
static const size_t PAGE = 4096, BIG_PAGE = (size_t)2 << 20; // the latter for large allocations
static const size_t TOTAL = (size_t)16 << 30;    // bytes that may be allocated at one time
static const size_t RESERVED = (size_t)64 << 30; // addresses

typedef struct Allocation {
    char *base;
    size_t bytes; // 0 once freed
} Allocation;

static char *range;                             // RESERVED addresses
static size_t range_used;                       // from its start; later addresses are unused so far
static Allocation allocations[ALLOCATIONS_MAX]; // ascending addresses
static int allocation_count, found_last;        // found_last: where allocation_at looks first
static size_t bytes_in_use;
static Allocation pinned[ALLOCATIONS_MAX]; // cudaMallocHost
static int open_depth;                     // of sim_device_open, sim_device_close
static bool is_open;                       // to kernels, and to host code by mistake
static struct sigaction previous_handler;

// ---- Bytes that no sanitizer watches: these loops must not become calls of memset or memcpy ------------------------
void sim_fill(void *to, unsigned char byte, size_t bytes) {
#ifdef __x86_64__
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(byte) : "memory");
#else
    for (volatile unsigned char *p = to; bytes; bytes--) *p++ = byte;
#endif
}

void sim_copy(void *to, const void *from, size_t bytes) {
    volatile unsigned char *t = to;
    const unsigned char *f = from;
    while (bytes--) *t++ = *f++;
}

void sim_forbid(const void *address, size_t bytes) {
#ifdef SIM_ASAN
    __asan_poison_memory_region(address, bytes);
#else
    (void)address, (void)bytes;
#endif
}

void sim_allow(const void *address, size_t bytes) {
#ifdef SIM_ASAN
    __asan_unpoison_memory_region(address, bytes);
#else
    (void)address, (void)bytes;
#endif
}

void sim_check_readable(const void *from, size_t bytes, const char *what) {
#ifdef SIM_ASAN
    void *bad = __asan_region_is_poisoned((void *)(uintptr_t)from, bytes);
    if (bad) sim_die("out of bounds: %s reads %zu bytes at %p, of which %p may not be read", what, bytes, from, bad);
#else
    (void)from, (void)bytes, (void)what;
#endif
}

// ---- The closed range ----------------------------------------------------------------------------------------------
static bool protects(void) {
    const char *text = getenv("CUDA_ON_CPU_PROTECT");
    return !text || strcmp(text, "0") != 0;
}

bool sim_in_device(const void *address) {
    return range && (const char *)address >= range && (const char *)address < range + RESERVED;
}

SimRange sim_device_range(void) { return (SimRange){range, range ? RESERVED : 0}; }

static const Allocation *allocation_at(const void *address) { // the last one that starts at or before the address
    const Allocation *last = &allocations[found_last];
    const char *at = address;
    if (last->bytes && at >= last->base && at < last->base + last->bytes) return last;
    const Allocation *found = NULL;
    for (int low = 0, high = allocation_count; low < high;) {
        int middle = (low + high) / 2;
        if (allocations[middle].base <= at) found = &allocations[middle], low = middle + 1;
        else high = middle;
    }
    if (found) found_last = (int)(found - allocations);
    return found;
}

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    const char *address = info->si_addr;
    if (sim_in_device(address)) {
        const Allocation *at = allocation_at(address);
        sim_die("%s at %p, byte %td of the device allocation at %p (%zu bytes)",
                sim_self ? "a kernel touches device memory it may not," : "host code touches device memory",
                (const void *)address, at ? address - at->base : 0, at ? (void *)at->base : NULL, at ? at->bytes : 0);
    }
    if (sim_self)
        sim_die("illegal address: a kernel touches %p (a null pointer, or 256 KiB of stack used up?)",
                (const void *)address);
    sigaction(number, &previous_handler, NULL); // not ours: on return the instruction runs again under the old handler
}

static void catch_faults(void) { // at every closing: a test framework may have replaced the handler
    static char handler_stack[64 << 10];
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK}, now;
    stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    action.sa_sigaction = on_fault;
    sigaction(SIGSEGV, NULL, &now);
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault) return;
    previous_handler = now;
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
}

void sim_device_open(void) {
    open_depth++;
    if (is_open || !range_used) return;
    is_open = true;
    catch_faults();
    if (protects() && mprotect(range, range_used, PROT_READ | PROT_WRITE) != 0)
        sim_die("mprotect of device memory failed");
}

void sim_device_close(void) { open_depth--; }

void sim_device_shut(void) {
    if (!is_open || open_depth || !range_used) return;
    is_open = false;
    catch_faults();
    if (protects() && mprotect(range, range_used, PROT_NONE) != 0) sim_die("mprotect of device memory failed");
}

// If the range is closed, opens only the pages of these bytes for one copy or fill, or closes them again: opening all
// of it costs time for every page in use.
static void protect_pages(const void *address, size_t bytes, int protection) {
    if (is_open || !protects() || !sim_in_device(address)) return;
    size_t at = (size_t)((const char *)address - range), start = at / PAGE * PAGE;
    catch_faults();
    if (mprotect(range + start, at + bytes - start, protection) != 0) sim_die("mprotect of device memory failed");
}

void sim_require_device(const void *address, size_t bytes, const char *what) {
    const Allocation *at = sim_in_device(address) ? allocation_at(address) : NULL;
    if (!at) sim_die("%s: %p is not a device pointer", what, address);
    if (!at->bytes) sim_die("%s: %p points into device memory that was freed", what, address);
    if ((const char *)address + bytes > at->base + at->bytes)
        sim_die("out of bounds: %s: %zu bytes at %p, but the device allocation at %p has %zu", what, bytes, address,
                (void *)at->base, at->bytes);
}

static void require_host(const void *address, const char *what) {
    if (!address || sim_in_device(address)) sim_die("%s: %p is not a host pointer", what, address);
}

// ---- Allocation ----------------------------------------------------------------------------------------------------
cudaError_t cudaMalloc(void **pointer, size_t bytes) {
    if (sim_capturing()) return sim_set_error(cudaErrorStreamCaptureUnsupported);
    *pointer = NULL;
    if (!bytes) return cudaSuccess;
    if (!range) {
        range = mmap(NULL, RESERVED + BIG_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range == MAP_FAILED) sim_die("cannot reserve %zu bytes of addresses", RESERVED);
        range += BIG_PAGE - (uintptr_t)range % BIG_PAGE;
    }
    size_t pages = (bytes + PAGE - 1) / PAGE * PAGE + PAGE; // and an unused page between neighbours
    size_t base_at = bytes < BIG_PAGE ? range_used : (range_used + BIG_PAGE - 1) / BIG_PAGE * BIG_PAGE;
    if (bytes > TOTAL - bytes_in_use) return sim_set_error(cudaErrorMemoryAllocation);
    if (allocation_count == ALLOCATIONS_MAX || base_at + pages > RESERVED)
        sim_die("more than %d allocations or %zu bytes in one process", ALLOCATIONS_MAX, RESERVED);
    char *base = range + base_at;
    sim_forbid(range + range_used, base_at - range_used);
    range_used = base_at + pages;
    if (bytes >= BIG_PAGE) madvise(base, pages, MADV_HUGEPAGE);
    if (mprotect(base, pages, PROT_READ | PROT_WRITE) != 0) return sim_set_error(cudaErrorMemoryAllocation);
    sim_fill(base, 0xff, bytes);
    sim_forbid(base + bytes, pages - bytes);
    allocations[allocation_count++] = (Allocation){base, bytes};
    bytes_in_use += bytes;
    *pointer = base;
    catch_faults();
    if (!is_open && protects() && mprotect(base, pages, PROT_NONE) != 0) sim_die("mprotect of device memory failed");
    return cudaSuccess;
}

cudaError_t cudaFree(void *pointer) {
    if (!pointer) return cudaSuccess;
    cudaError_t error = cudaDeviceSynchronize();
    Allocation *at = sim_in_device(pointer) ? (Allocation *)(uintptr_t)allocation_at(pointer) : NULL;
    if (!at || at->base != pointer || !at->bytes)
        sim_die("cudaFree: %p is not the start of a live allocation", pointer);
    sim_forbid(at->base, at->bytes);
    madvise(at->base, (at->bytes + PAGE - 1) / PAGE * PAGE, MADV_DONTNEED);
    bytes_in_use -= at->bytes;
    at->bytes = 0;
    return error;
}

cudaError_t cudaMallocHost(void **pointer, size_t bytes) {
    for (int i = 0; i < ALLOCATIONS_MAX; i++) {
        if (pinned[i].base) continue;
        *pointer = pinned[i].base = malloc(bytes ? bytes : 1);
        pinned[i].bytes = bytes;
        return *pointer ? cudaSuccess : sim_set_error(cudaErrorMemoryAllocation);
    }
    sim_die("more than %d pinned allocations", ALLOCATIONS_MAX);
}

cudaError_t cudaHostAlloc(void **pointer, size_t bytes, unsigned flags) {
    (void)flags;
    return cudaMallocHost(pointer, bytes);
}

static Allocation *pinned_at(const void *address) {
    for (int i = 0; i < ALLOCATIONS_MAX; i++)
        if (pinned[i].base && (const char *)address >= pinned[i].base &&
            (const char *)address < pinned[i].base + pinned[i].bytes)
            return &pinned[i];
    return NULL;
}

bool sim_is_pinned(const void *address) { return pinned_at(address) != NULL; }

cudaError_t cudaFreeHost(void *pointer) {
    cudaError_t error = cudaDeviceSynchronize();
    for (int i = 0; pointer && i < ALLOCATIONS_MAX; i++) {
        if (pinned[i].base != pointer) continue;
        pinned[i] = (Allocation){0};
        free(pointer);
        return error;
    }
    if (pointer) sim_die("cudaFreeHost: %p was not pinned here", pointer);
    return error;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
    *total = TOTAL;
    *free_bytes = TOTAL - bytes_in_use;
    return cudaSuccess;
}

// ---- Copies --------------------------------------------------------------------------------------------------------
typedef struct Copy {
    void *to;
    const void *from;
    size_t bytes;
} Copy;

static void run_copy(const void *work) {
    const Copy *copy = work;
    const void *from = copy->from ? copy->from : copy + 1;
    protect_pages(from, copy->bytes, PROT_READ);
    protect_pages(copy->to, copy->bytes, PROT_READ | PROT_WRITE);
    memcpy(copy->to, from, copy->bytes);
    protect_pages(copy->to, copy->bytes, PROT_NONE);
    protect_pages(from, copy->bytes, PROT_NONE);
}

static bool check_copy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
    bool to_device = sim_in_device(to), from_device = sim_in_device(from);
    if (kind != cudaMemcpyDefault) {
        to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
        from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    }
    if (to_device) sim_require_device(to, bytes, "destination of cudaMemcpy");
    else require_host(to, "destination of cudaMemcpy");
    if (from_device) sim_require_device(from, bytes, "source of cudaMemcpy");
    else require_host(from, "source of cudaMemcpy");
    if ((const char *)to < (const char *)from + bytes && (const char *)from < (const char *)to + bytes)
        sim_die("cudaMemcpy: source and destination overlap");
    return from_device;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream) {
    if (!bytes) return cudaSuccess;
    bool from_host = !check_copy(to, from, bytes, kind);
    bool snapshot = from_host && !sim_is_pinned(from) && !sim_capturing(); // pageable memory is read at once
    Copy *copy = malloc(sizeof *copy + (snapshot ? bytes : 0));
    if (!copy) return sim_set_error(cudaErrorMemoryAllocation);
    *copy = (Copy){to, snapshot ? NULL : from, bytes};
    if (snapshot) memcpy(copy + 1, from, bytes);
    sim_submit(stream, run_copy, copy, sizeof *copy + (snapshot ? bytes : 0));
    free(copy);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
    if (sim_capturing()) return sim_set_error(cudaErrorStreamCaptureImplicit);
    cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, NULL);
    return error ? error : cudaStreamSynchronize(NULL);
}

typedef struct Fill {
    void *to;
    int byte;
    size_t bytes;
} Fill;

static void run_fill(const void *work) {
    const Fill *fill = work;
    protect_pages(fill->to, fill->bytes, PROT_READ | PROT_WRITE);
    memset(fill->to, fill->byte, fill->bytes);
    protect_pages(fill->to, fill->bytes, PROT_NONE);
}

cudaError_t cudaMemsetAsync(void *to, int byte, size_t bytes, cudaStream_t stream) {
    if (!bytes) return cudaSuccess;
    sim_require_device(to, bytes, "cudaMemset");
    sim_submit(stream, run_fill, &(Fill){to, byte, bytes}, sizeof(Fill));
    return cudaSuccess;
}

cudaError_t cudaMemset(void *to, int byte, size_t bytes) { return cudaMemsetAsync(to, byte, bytes, NULL); }
