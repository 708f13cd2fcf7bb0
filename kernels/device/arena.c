#include "kernels/device/arena.h"
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 128 };
static size_t rounded(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

void arena_plan(Arena *arena, void **pointer, size_t bytes, const char *name) {
    REQUIRE(!arena->memory, "%s is planned after the arena %s was committed", name, arena->name);
    ArenaEntry *grown = realloc(arena->entries, (size_t)(arena->count + 1) * sizeof *grown);
    REQUIRE(grown, "out of memory");
    arena->entries = grown;
    arena->entries[arena->count++] = (ArenaEntry){pointer, bytes, name};
    arena->bytes += rounded(bytes);
    arena->by_kind[arena->kind] += rounded(bytes);
}

void arena_commit(Arena *arena, Device *dev) {
    if (dev) {
        arena->memory = device_alloc(dev, arena->bytes);
        device_zero(dev, arena->memory, arena->bytes);
    } else {
        arena->memory = aligned_alloc(ALIGNMENT, arena->bytes ? arena->bytes : ALIGNMENT);
        REQUIRE(arena->memory, "out of memory for %s (%zu bytes)", arena->name, arena->bytes);
        memset(arena->memory, 0, arena->bytes);
    }
    char *at = arena->memory;
    for (int i = 0; i < arena->count; i++) {
        *arena->entries[i].pointer = at;
        at += rounded(arena->entries[i].bytes);
    }
}

void arena_free(Arena *arena, Device *dev) {
    if (arena->memory && dev) device_free(dev, arena->memory);
    else free(arena->memory);
    free(arena->entries);
    *arena = (Arena){.name = arena->name};
}
