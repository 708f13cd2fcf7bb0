// Problem sets from tasks, and the order of their epochs.
//
// An epoch's permutation is computed position by position, so no state has to be saved: a Feistel network of four
// rounds on the smallest even number of bits that covers the set, applied again while the result lies outside the set
// ("cycle walking": Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
#include "data/problems.h"
#include "data/random.h"
#include <string.h>

enum { DRY_AFTER = 20000, HELDOUT_SEED = 1 }; // draws without a new problem; of the held-out sequence

static void free_problem(Problem *problem) {
    free(problem->prompt);
    free((void *)problem->task);
}

// Positions change: the index is built again by the next problems_add.
static void drop_index(ProblemSet *set) {
    free(set->slot);
    set->slot = NULL;
    set->slots = 0;
}

void problems_free(ProblemSet *set) {
    problems_truncate(set, 0);
    free(set->items);
    *set = (ProblemSet){0};
}

void problems_truncate(ProblemSet *set, int count) {
    while (set->count > count) free_problem(&set->items[--set->count]);
    drop_index(set);
}

void problems_keep(ProblemSet *set, const bool *keep) {
    int kept = 0;
    for (int i = 0; i < set->count; i++) {
        if (keep[i]) set->items[kept++] = set->items[i];
        else free_problem(&set->items[i]);
    }
    set->count = kept;
    drop_index(set);
}

// The slot of this id, or the empty slot where it belongs.
static int *find_slot(const ProblemSet *set, int64_t id) {
    size_t mask = (size_t)set->slots - 1, at = (size_t)id & mask;
    while (set->slot[at] && set->items[set->slot[at] - 1].id != id) at = (at + 1) & mask;
    return &set->slot[at];
}

static void reserve(ProblemSet *set) { // for one more problem: in items and, at most half full, in the index
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? 2 * set->capacity : 64;
        set->items = realloc(set->items, (size_t)set->capacity * sizeof *set->items);
        REQUIRE(set->items, "out of memory for %d problems", set->capacity);
    }
    if (set->count < set->slots / 2) return;
    REQUIRE(set->count < 1 << 28, "more than %d problems: use a smaller file", 1 << 28);
    free(set->slot);
    while (set->slots / 2 <= set->count) set->slots = set->slots ? 2 * set->slots : 256;
    set->slot = calloc((size_t)set->slots, sizeof *set->slot);
    REQUIRE(set->slot, "out of memory for an index of %d problems", set->slots);
    for (int i = 0; i < set->count; i++) *find_slot(set, set->items[i].id) = i + 1;
}

static int64_t prompt_id(const char *prompt) { return (int64_t)(text_hash(prompt, 0x70726f626c656d) >> 1); }

const Problem *problems_find(ProblemSet *set, const char *prompt) {
    reserve(set);
    int *slot = find_slot(set, prompt_id(prompt));
    return *slot ? &set->items[*slot - 1] : NULL;
}

bool problems_add(ProblemSet *set, const char *prompt, const char *gold, const TaskProblem *task, int line) {
    reserve(set);
    Problem problem = {.id = prompt_id(prompt), .line = line};
    int *slot = find_slot(set, problem.id);
    if (*slot) return false;
    size_t prompt_size = strlen(prompt) + 1, gold_size = strlen(gold) + 1;
    problem.prompt = malloc(prompt_size + gold_size);
    TaskProblem *copy = task ? malloc(sizeof *copy) : NULL;
    REQUIRE(problem.prompt && (copy || !task), "out of memory for problem %d", set->count);
    memcpy(problem.prompt, prompt, prompt_size);
    problem.gold = memcpy(problem.prompt + prompt_size, gold, gold_size);
    if (copy) *copy = *task;
    problem.task = copy;
    set->items[set->count++] = problem;
    *slot = set->count;
    return true;
}

// The first n prompts, of those held out or of the others. False if there are none, or fewer where that will not do.
static bool draw(const TaskSpec *spec, uint64_t seed, bool held, int n, bool fewer, ProblemSet *set) {
    *set = (ProblemSet){0};
    int fruitless = 0;
    for (uint64_t index = 0; set->count < n && fruitless < DRY_AFTER; index++, fruitless++) {
        TaskProblem task;
        task_problem(&task, spec, seed, index);
        bool wanted = task_is_heldout(task.prompt) == held;
        if (wanted && problems_add(set, task.prompt, task.gold, &task, 0)) fruitless = -1;
    }
    return set->count == n || (fewer && set->count);
}

bool problems_from_tasks(const TaskSpec *spec, uint64_t seed, int n_train, int n_heldout, bool fewer, ProblemSet *train,
                         ProblemSet *heldout, Error *err) {
    bool trains = draw(spec, seed, false, n_train, fewer, train);
    if (draw(spec, HELDOUT_SEED, true, n_heldout, fewer, heldout) && trains) return true;
    fail(err, "tasks ran dry at %d of %d training and %d of %d held-out prompts: ask for fewer, or allow more levels",
         train->count, n_train, heldout->count, n_heldout);
    problems_free(train);
    problems_free(heldout);
    return false;
}

// The image of `position` under the permutation of 0..count-1 that the key names.
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

int problems_at(const ProblemSet *set, uint64_t seed, int64_t epoch, int position) {
    return permute(position, set->count, random_keyed(seed, 0x65706f6368, (uint64_t)epoch).state);
}

bool problems_batch(const ProblemSet *set, uint64_t seed, int64_t step, int P, int *index_out, Error *err) {
    if (P < 1 || step < 0) return fail(err, "no batch of %d problems at step %lld", P, (long long)step);
    if (P > set->count)
        return fail(err, "a batch of %d problems from a set of %d: ask for fewer a step", P, set->count);
    int64_t batches = set->count / P, epoch = step / batches;
    for (int p = 0; p < P; p++) index_out[p] = problems_at(set, seed, epoch, (int)(step % batches) * P + p);
    return true;
}
