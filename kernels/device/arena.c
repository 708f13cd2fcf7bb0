#include "kernels/device/arena.h"
#include <stdlib.h>

static size_t rounded(size_t bytes) { return (bytes + 127) / 128 * 128; }

void arena_plan(Arena *arena, void **pointer, size_t bytes, const char *name) {
    REQUIRE(!arena->memory, "%s is planned after the arena %s was committed", name, arena->name);
    ArenaEntry *grown = realloc(arena->entries, (size_t)(arena->count + 1) * sizeof *grown);
    REQUIRE(grown, "out of memory");
    arena->entries = grown;
    arena->entries[arena->count++] = (ArenaEntry){pointer, bytes, name};
    arena->bytes += rounded(bytes);
}

void arena_commit(Arena *arena, Device *dev) {
    arena->memory = device_alloc(dev, arena->bytes);
    device_zero(dev, arena->memory, arena->bytes);
    char *at = arena->memory;
    for (int i = 0; i < arena->count; i++) {
        *arena->entries[i].pointer = at;
        at += rounded(arena->entries[i].bytes);
    }
}

void arena_free(Arena *arena, Device *dev) {
    if (arena->memory) device_free(dev, arena->memory);
    free(arena->entries);
    *arena = (Arena){.name = arena->name};
}
