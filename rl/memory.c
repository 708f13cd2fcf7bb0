#include "rl/memory.h"
#include <string.h>

// The entries of an arena whose name ends in one of the words ("grads->flat": flat).
static size_t named(const Arena *arena, const char *const *words) {
    size_t bytes = 0;
    for (int i = 0; arena && i < arena->count; i++)
        for (const char *const *word = words; *word; word++) {
            size_t n = strlen(arena->entries[i].name), w = strlen(*word);
            if (n >= w && strcmp(arena->entries[i].name + n - w, *word) == 0) {
                bytes += arena->entries[i].bytes;
                break;
            }
        }
    return bytes;
}

static size_t bytes_of(const Arena *arena) { return arena ? arena->bytes : 0; }

// The most slots whose generator fits into `room` bytes: more slots never need less.
static int most_slots(const Gpt *gpt, size_t room, int T) {
    int low = 0, high = 4096; // --slots goes no further
    while (low < high) {
        int middle = low + (high - low + 1) / 2;
        Generator *g = generator_plan(gpt, middle, T);
        if (generator_arena(g)->bytes <= room) low = middle;
        else high = middle - 1;
        generator_free(g);
    }
    return low;
}

MemoryPlan memory_plan(const Gpt *gpt, const Arena *training, const Updater *updater, const Generator *generator, const Arena *small,
                       int slots, int T) {
    const char *const grads[] = {"grads->flat", "grads->head", NULL}, *const logits[] = {"logits", NULL}, *const cache[] = {"_cache", NULL};
    const Arena *update = updater ? updater_arena(updater) : NULL, *generation = generator_arena(generator);
    MemoryPlan p = {.weights = gpt->arena.bytes, .slots = slots, .free = device_memory_free(gpt->dev)};
    p.gradients = named(training, grads);
    p.optimizer = bytes_of(training) - p.gradients;
    p.logits = named(update, logits) + named(generation, logits);
    p.kv_blocks = named(generation, cache);
    p.activations = bytes_of(update) + generation->bytes - p.logits - p.kv_blocks;
    p.other = bytes_of(small);
    p.total = p.weights + bytes_of(training) + bytes_of(update) + generation->bytes + p.other;
    size_t rest = p.total - generation->bytes;
    p.slots_fit = most_slots(gpt, p.free > rest ? p.free - rest : 0, T);
    return p;
}

bool memory_check(const MemoryPlan *p, Error *err) {
    const double mib = 1.0 / (1 << 20);
    if (p->total <= p->free) return true;
    if (p->slots_fit > 0)
        return fail(err, "%.0f MiB of device memory are needed and %.0f are free: lower --slots from %d to %d",
                    p->total * mib, p->free * mib, p->slots, p->slots_fit);
    return fail(err, "%.0f MiB of device memory are needed and %.0f are free (weights %.0f, gradients %.0f, optimizer %.0f, "
                "activations %.0f, logits %.0f, KV blocks %.0f): lower --micro-tokens, --logit-rows and --slots, or take a smaller model",
                p->total * mib, p->free * mib, p->weights * mib, p->gradients * mib, p->optimizer * mib,
                p->activations * mib, p->logits * mib, p->kv_blocks * mib);
}

void memory_print(const MemoryPlan *p, FILE *out) {
    const double mib = 1.0 / (1 << 20);
    const struct {
        const char *name;
        size_t bytes;
    } rows[] = {{"weights", p->weights}, {"gradients", p->gradients}, {"optimizer", p->optimizer}, {"activations", p->activations},
                {"logits", p->logits}, {"KV blocks", p->kv_blocks}, {"other", p->other}};
    fprintf(out, "  memory   %.1f MiB of %.1f free:", p->total * mib, p->free * mib);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].bytes) fprintf(out, "%s %s %.1f", i ? "," : "", rows[i].name, rows[i].bytes * mib);
    fprintf(out, "\n           KV blocks are for %d slots; %d would fit\n\n", p->slots, p->slots_fit);
}
