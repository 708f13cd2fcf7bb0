// Optional (data from files): merging, splitting and comparing problem sets.
#include "data/problems_file.h"
#include "data/random.h"
#include <string.h>

static bool add_copy(ProblemSet *set, const Problem *p) {
    return problems_add(set, p->prompt, p->gold, p->task, p->line);
}

int problems_merge(ProblemSet *to, ProblemSet *from) {
    int left_out = 0;
    for (int i = 0; i < from->count; i++) left_out += !add_copy(to, &from->items[i]);
    problems_free(from);
    return left_out;
}

void problems_split(ProblemSet *set, double share, uint64_t seed, ProblemSet *train, ProblemSet *heldout) {
    *train = *heldout = (ProblemSet){0};
    for (int i = 0; i < set->count; i++) {
        Random random = {text_hash(set->items[i].prompt, seed)};
        add_copy(random_unit(&random) < share ? heldout : train, &set->items[i]);
    }
    problems_free(set);
}

typedef struct Likeness {
    uint64_t hash; // of a prompt's letters, digits and operators
    int problem;
} Likeness;

static uint64_t likeness(const char *prompt) {
    uint64_t hash = 0;
    for (const char *at = prompt; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c >= 'A' && c <= 'Z') c |= 0x20;
        bool counts = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 || strchr("+-*/^=<>", c);
        if (counts) hash = random_mix(hash ^ c);
    }
    return hash;
}

static int by_hash(const void *a, const void *b) {
    const Likeness *x = a, *y = b;
    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash) : x->problem - y->problem;
}

static const Likeness *find_likeness(const Likeness *sorted, int count, uint64_t hash) {
    int low = 0, high = count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (sorted[middle].hash < hash) low = middle + 1;
        else high = middle;
    }
    return low < count && sorted[low].hash == hash ? &sorted[low] : NULL;
}

int problems_overlap(const ProblemSet *train, const ProblemSet *eval, int *twin_out) {
    Likeness *sorted = calloc((size_t)eval->count + 1, sizeof *sorted);
    REQUIRE(sorted, "out of memory for %d problems", eval->count);
    for (int i = 0; i < eval->count; i++) sorted[i] = (Likeness){likeness(eval->items[i].prompt), i};
    qsort(sorted, (size_t)eval->count, sizeof *sorted, by_hash);
    int found = 0;
    for (int i = 0; i < train->count; i++) {
        uint64_t hash = likeness(train->items[i].prompt);
        const Likeness *twin = hash ? find_likeness(sorted, eval->count, hash) : NULL; // 0: nothing to compare
        twin_out[i] = twin ? twin->problem : -1;
        found += twin != NULL;
    }
    free(sorted);
    return found;
}
