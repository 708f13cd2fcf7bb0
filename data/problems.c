// Sets of unique problems, their split and their order: see data/problems.h.
//
// The order of an epoch is a permutation computed position by position, so that no state has to be saved: a Feistel
// network of four rounds on the smallest even number of bits that covers the set, repeated while it lands outside
// ("cycle walking": Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
#include "data/problems.h"
#include "data/random.h"
#include <string.h>

enum { DRY_AFTER = 20000 };

static int64_t prompt_id(const char *prompt) { return (int64_t)(text_hash(prompt, 0x70726f626c656d) >> 1); }

void problems_free(ProblemSet *set) {
    for (int i = 0; i < set->count; i++) {
        free(set->items[i].prompt);
        free((void *)set->items[i].task);
    }
    free(set->items);
    *set = (ProblemSet){0};
}

void problems_truncate(ProblemSet *set, int count) {
    while (set->count > count) {
        Problem *last = &set->items[--set->count];
        free(last->prompt);
        free((void *)last->task);
    }
}

void problem_index_free(ProblemIndex *seen) {
    free(seen->slot);
    *seen = (ProblemIndex){0};
}

// The slot of this id, or the empty slot where it belongs.
static int *index_find(const ProblemIndex *seen, const ProblemSet *set, int64_t id) {
    size_t mask = (size_t)seen->capacity - 1, at = (size_t)id & mask;
    while (seen->slot[at] && set->items[seen->slot[at] - 1].id != id) at = (at + 1) & mask;
    return &seen->slot[at];
}

static void index_grow(ProblemIndex *seen, const ProblemSet *set) {
    if (set->count < seen->capacity / 2) return;
    REQUIRE(set->count < 1 << 28, "more than %d problems: use a smaller file", 1 << 28);
    free(seen->slot);
    while (seen->capacity / 2 <= set->count) seen->capacity = seen->capacity ? 2 * seen->capacity : 256;
    seen->slot = calloc((size_t)seen->capacity, sizeof *seen->slot);
    REQUIRE(seen->slot, "out of memory for an index of %d problems", seen->capacity);
    for (int i = 0; i < set->count; i++) *index_find(seen, set, set->items[i].id) = i + 1;
}

static void append(ProblemSet *set, const Problem *problem) {
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? 2 * set->capacity : 64;
        set->items = realloc(set->items, (size_t)set->capacity * sizeof *set->items);
        REQUIRE(set->items, "out of memory for %d problems", set->capacity);
    }
    set->items[set->count++] = *problem;
}

bool problems_add(ProblemSet *set, ProblemIndex *seen, const char *prompt, const char *gold, const TaskProblem *task,
                  int line) {
    index_grow(seen, set);
    Problem problem = {.id = prompt_id(prompt), .line = line};
    int *slot = index_find(seen, set, problem.id);
    if (*slot) return false;
    size_t prompt_size = strlen(prompt) + 1, gold_size = strlen(gold) + 1;
    problem.prompt = malloc(prompt_size + gold_size);
    TaskProblem *copy = task ? malloc(sizeof *copy) : NULL;
    REQUIRE(problem.prompt && (copy || !task), "out of memory for problem %d", set->count);
    memcpy(problem.prompt, prompt, prompt_size);
    problem.gold = memcpy(problem.prompt + prompt_size, gold, gold_size);
    if (copy) *copy = *task;
    problem.task = copy;
    append(set, &problem);
    *slot = set->count;
    return true;
}

const Problem *problems_find(const ProblemSet *set, const ProblemIndex *seen, const char *prompt) {
    int *slot = seen->capacity ? index_find(seen, set, prompt_id(prompt)) : NULL;
    return slot && *slot ? &set->items[*slot - 1] : NULL;
}

int problems_merge(ProblemSet *to, ProblemSet *from) {
    ProblemIndex seen = {0};
    int left_out = 0;
    for (int i = 0; i < from->count; i++) {
        Problem *problem = &from->items[i];
        index_grow(&seen, to);
        int *slot = index_find(&seen, to, problem->id);
        if (*slot) {
            free(problem->prompt);
            free((void *)problem->task);
            left_out++;
        } else {
            append(to, problem);
            *slot = to->count;
        }
    }
    problem_index_free(&seen);
    free(from->items);
    *from = (ProblemSet){0};
    return left_out;
}

bool problems_from_tasks(const TaskSpec *spec, uint64_t seed, int n_train, int n_heldout, bool fewer, ProblemSet *train,
                         ProblemSet *heldout, Error *err) {
    *train = *heldout = (ProblemSet){0};
    ProblemIndex seen_train = {0}, seen_heldout = {0};
    int fruitless = 0;
    for (uint64_t index = 0; fruitless < DRY_AFTER; index++) {
        if (train->count >= n_train && heldout->count >= n_heldout) break;
        TaskProblem task;
        task_problem(&task, spec, seed, index);
        bool held = task_is_heldout(task.prompt);
        ProblemSet *set = held ? heldout : train;
        bool wanted = set->count < (held ? n_heldout : n_train);
        bool added = wanted && problems_add(set, held ? &seen_heldout : &seen_train, task.prompt, task.gold, &task, 0);
        fruitless = added ? 0 : fruitless + 1;
    }
    problem_index_free(&seen_train);
    problem_index_free(&seen_heldout);
    if (fruitless < DRY_AFTER || (fewer && (train->count || !n_train) && (heldout->count || !n_heldout))) return true;
    fail(err, "tasks ran dry at %d of %d training and %d of %d held-out prompts: ask for fewer, or allow more levels",
         train->count, n_train, heldout->count, n_heldout);
    problems_free(train);
    problems_free(heldout);
    return false;
}

void problems_split(ProblemSet *set, double share, uint64_t seed, ProblemSet *train, ProblemSet *heldout) {
    *train = *heldout = (ProblemSet){0};
    for (int i = 0; i < set->count; i++) {
        Random random = {text_hash(set->items[i].prompt, seed)};
        append(random_unit(&random) < share ? heldout : train, &set->items[i]);
    }
    free(set->items);
    *set = (ProblemSet){0};
}

// Position -> position, a permutation of 0..count-1 that the key names.
static int permute(int position, int count, uint64_t key) {
    int half = 1;
    while (((int64_t)1 << (2 * half)) < count) half++;
    uint32_t mask = (1u << half) - 1, x = (uint32_t)position;
    do {
        uint32_t left = x >> half, right = x & mask;
        for (uint64_t round = 0; round < 4; round++) {
            Random random = random_keyed(key, round, right);
            uint32_t next = left ^ ((uint32_t)random.state & mask);
            left = right;
            right = next;
        }
        x = left << half | right;
    } while (x >= (uint32_t)count);
    return (int)x;
}

bool problems_batch(const ProblemSet *set, uint64_t seed, int64_t step, int P, int *index_out, Error *err) {
    if (P < 1 || step < 0) return fail(err, "no batch of %d problems at step %lld", P, (long long)step);
    if (P > set->count)
        return fail(err, "a batch of %d problems from a set of %d: ask for fewer a step", P, set->count);
    int64_t batches = set->count / P, epoch = step / batches;
    Random key = random_keyed(seed, 0x65706f6368, (uint64_t)epoch);
    for (int p = 0; p < P; p++) index_out[p] = permute((int)(step % batches) * P + p, set->count, key.state);
    return true;
}

typedef struct Likeness { // of a prompt: a hash of its letters, digits and operators
    uint64_t hash;
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
        const Likeness *twin = hash ? find_likeness(sorted, eval->count, hash) : NULL; // 0: neither letter nor digit
        twin_out[i] = twin ? twin->problem : -1;
        found += twin != NULL;
    }
    free(sorted);
    return found;
}
