// Which rollouts to show, and their loading. The markup is in report_tokens.c.
#include "rl/report_rollouts.h"
#include <math.h>
#include <stdlib.h>
#include "rl/report_lines.h"
#include "rl/report_tokens.h"

enum { PROMPTS_BOTH = 4, GROUPS_A_SIDE = 4 };

typedef struct Entry { // one line of the file
    double prompt, step;
    long long offset;
    bool correct;
} Entry;

typedef struct Index {
    Entry *entry; // sorted by prompt, step, offset once read
    size_t count, capacity;
    double first, last; // steps
} Index;

typedef struct Group { // entries [begin, end) of one prompt and step; none where equal
    size_t begin, end;
} Group;

typedef struct Pair { // the groups of one prompt at the two ends of the run
    Group side[2];
    bool taken;
} Pair;

static bool index_take(Index *index, const cJSON *object, long long offset, Error *err) {
    if (index->count == index->capacity) {
        const size_t capacity = index->capacity ? 2 * index->capacity : 1024;
        Entry *grown = realloc(index->entry, capacity * sizeof *grown);
        if (!grown) return fail(err, "rollouts.jsonl: out of memory after %zu rollouts", index->count);
        index->entry = grown, index->capacity = capacity;
    }
    Entry *e = &index->entry[index->count++];
    *e = (Entry){json_number(object, "prompt_id"), json_number(object, "step"), offset,
                 json_number(object, "reward") > 0};
    index->first = index->count == 1 ? e->step : fmin(index->first, e->step);
    index->last = index->count == 1 ? e->step : fmax(index->last, e->step);
    return true;
}

static int entry_order(const void *a, const void *b) {
    const Entry *x = a, *y = b;
    if (x->prompt != y->prompt) return x->prompt < y->prompt ? -1 : 1;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static bool index_read(Index *index, Lines *lines, RolloutNotes *notes, Error *err) {
    bool done = true;
    for (cJSON *object; done && (object = lines_next(lines)) != NULL; cJSON_Delete(object)) {
        if (isnan(json_number(object, "step")) || isnan(json_number(object, "prompt_id")))
            notes->unreadable++;
        else
            done = index_take(index, object, lines->offset, err);
    }
    notes->rollouts = index->count;
    notes->unreadable += lines->unreadable;
    notes->cut_off = lines->cut_off;
    if (index->count) qsort(index->entry, index->count, sizeof *index->entry, entry_order);
    return done;
}

static bool has_spread(const Index *index, Group g) {
    size_t correct = 0;
    for (size_t i = g.begin; i < g.end; i++) correct += index->entry[i].correct;
    return correct > 0 && correct < g.end - g.begin;
}

// The group at `begin`, and of it and `old` the one to keep for a side: one with spread, since without it every
// advantage is 0; of equals the one nearer the end of the run that the side stands for.
static Group better(const Index *index, Group old, Group new, bool late) {
    if (old.begin == old.end) return new;
    if (has_spread(index, old) != has_spread(index, new)) return has_spread(index, new) ? new : old;
    return late ? new : old;
}

// Pairs of the prompt whose entries begin at `begin`; *end is where the next prompt begins.
static Pair pair_make(const Index *index, size_t begin, size_t *end) {
    Pair pair = {0};
    const double quarter = 0.25 * (index->last - index->first);
    size_t at = begin;
    while (at < index->count && index->entry[at].prompt == index->entry[begin].prompt) {
        Group group = {at, at};
        const double step = index->entry[at].step;
        while (group.end < index->count && index->entry[group.end].prompt == index->entry[begin].prompt &&
               index->entry[group.end].step == step)
            group.end++;
        if (step <= index->first + quarter)
            pair.side[0] = better(index, pair.side[0], group, false);
        else if (step >= index->last - quarter)
            pair.side[1] = better(index, pair.side[1], group, true);
        at = group.end;
    }
    *end = at;
    return pair;
}

// Up to four rollouts of a group into `offset`: two correct and two wrong ones, or more of one kind where the other
// runs short. In the order of the file.
static int choose(const Index *index, Group g, long long offset[ROLLOUTS_A_GROUP]) {
    size_t of_kind[2] = {0}, quota[2];
    for (size_t i = g.begin; i < g.end; i++) of_kind[index->entry[i].correct]++;
    for (int kind = 0; kind < 2; kind++) {
        const size_t half = ROLLOUTS_A_GROUP / 2, other = of_kind[!kind];
        quota[kind] = other < half ? ROLLOUTS_A_GROUP - other : half;
    }
    int count = 0;
    for (size_t i = g.begin; i < g.end && count < ROLLOUTS_A_GROUP; i++) {
        const bool kind = index->entry[i].correct;
        if (quota[kind] == 0) continue;
        quota[kind]--;
        offset[count++] = index->entry[i].offset;
    }
    return count;
}

static void load_group(Lines *lines, const Index *index, Group g, TokenGroup *out) {
    long long offset[ROLLOUTS_A_GROUP];
    const int chosen = choose(index, g, offset);
    for (int i = 0; i < chosen; i++) {
        cJSON *object = lines_at(lines, offset[i]);
        if (object) out->rollout[out->count++] = object;
    }
    out->step = index->entry[g.begin].step;
    out->total = g.end - g.begin;
    for (size_t i = g.begin; i < g.end; i++) out->correct += index->entry[i].correct;
}

// Takes pairs in three rounds (both ends, early only, late only; within a round those with spread first) and loads
// them.
static int choose_prompts(Lines *lines, const Index *index, Pair *pairs, size_t count, TokenPrompt *prompts) {
    int taken = 0, side_count[2] = {0};
    for (int round = 0; round < 6; round++)
        for (size_t i = 0; i < count; i++) {
            Pair *p = &pairs[i];
            const bool has[2] = {p->side[0].begin < p->side[0].end, p->side[1].begin < p->side[1].end};
            const bool fits = round < 2   ? has[0] && has[1] && taken < PROMPTS_BOTH
                              : round < 4 ? has[0] && !has[1] && side_count[0] < GROUPS_A_SIDE
                                          : has[1] && !has[0] && side_count[1] < GROUPS_A_SIDE;
            const bool spread = has_spread(index, p->side[0]) || has_spread(index, p->side[1]);
            if (p->taken || !fits || spread != (round % 2 == 0)) continue;
            p->taken = true;
            for (int side = 0; side < 2; side++) {
                if (!has[side]) continue;
                load_group(lines, index, p->side[side], &prompts[taken].side[side]);
                side_count[side]++;
            }
            taken++;
        }
    return taken;
}

static bool show(FILE *out, Lines *lines, const Index *index, RolloutNotes *notes, Error *err) {
    Pair *pairs = malloc((index->count + 1) * sizeof *pairs);
    if (!pairs) return fail(err, "rollouts.jsonl: out of memory for %zu rollouts", index->count);
    size_t count = 0;
    for (size_t at = 0; at < index->count;) pairs[count++] = pair_make(index, at, &at);

    TokenPrompt prompts[3 * GROUPS_A_SIDE] = {0};
    const int taken = choose_prompts(lines, index, pairs, count, prompts);
    free(pairs);
    notes->shown = tokens_write(out, prompts, taken);
    for (int p = 0; p < taken; p++)
        for (int side = 0; side < 2; side++)
            for (int r = 0; r < prompts[p].side[side].count; r++) cJSON_Delete(prompts[p].side[side].rollout[r]);
    return true;
}

bool rollouts_write(FILE *out, const char *dir, RolloutNotes *notes, Error *err) {
    *notes = (RolloutNotes){0};
    Lines lines;
    if (!lines_open(&lines, dir, "rollouts.jsonl", NULL)) {
        notes->missing = true;
        return true;
    }
    Index index = {0};
    const bool done = index_read(&index, &lines, notes, err) && show(out, &lines, &index, notes, err);
    free(index.entry);
    lines_close(&lines);
    return done;
}
