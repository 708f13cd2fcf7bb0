// The data of a run: which problems, which tokenizer, and every prompt as tokens.
#include "data/sets.h"
#include "rl/trainer.h"
#include <string.h>

enum { TASK_POOL = 4096 }; // training prompts of tasks, where --problems does not say

// Reads every item of the list into one set. What is left out is printed to `notes`.
static bool load_list(const TrainConfig *c, const char *list, DataUse use, ProblemSet *all, FILE *notes, Error *err) {
    char item[DATA_ITEM_MAX];
    while (data_list_next(&list, item)) {
        ProblemSet set = {0};
        if (data_is_tasks(item)) return fail(err, "%.60s: tasks and files do not mix in one run", item);
        if (!data_load(item, c->data_dir, use, c->bad_rows == 1, &set, notes, err)) return false;
        int twice = problems_merge(all, &set);
        if (twice && notes) fprintf(notes, "%s: %d problems stand in a set before it\n", item, twice);
    }
    return true;
}

// Says how many training problems stand in an evaluation set too, by the line of the first; with `leave_out` takes them out.
static void report_overlap(ProblemSet *train, const ProblemSet *eval, const char *name, bool leave_out, FILE *notes) {
    int *twin = malloc(((size_t)train->count + 1) * sizeof *twin), first = 0;
    bool *keep = malloc((size_t)train->count + 1);
    REQUIRE(twin && keep, "out of memory");
    int found = problems_overlap(train, eval, twin);
    while (first < train->count && twin[first] < 0) first++;
    if (found && notes)
        fprintf(notes, "%d training problems also stand in %s (the first at line %d; there, line %d)%s\n", found, name, train->items[first].line,
                eval->items[twin[first]].line, leave_out ? ": left out" : "");
    for (int i = 0; i < train->count; i++) keep[i] = twin[i] < 0;
    if (leave_out) problems_keep(train, keep);
    free(keep);
    free(twin);
}

// Against every named evaluation set whose file is there.
static void check_against_evaluation_sets(const TrainConfig *c, ProblemSet *train, FILE *notes) {
    for (int s = 0; s < data_set_count; s++) {
        ProblemSet eval = {0};
        Error err;
        if (!data_sets[s].test || !data_load(data_sets[s].name, c->data_dir, DATA_EVAL, false, &eval, NULL, &err)) continue;
        report_overlap(train, &eval, data_sets[s].name, false, notes);
        problems_free(&eval);
    }
}

static bool load_files(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    FILE *notes = comm_rank(t->comm) == 0 ? stderr : NULL;
    ProblemSet all = {0};
    if (!load_list(c, c->data, DATA_TRAIN, &all, notes, err)) return false;
    if (*c->heldout_data) {
        if (!load_list(c, c->heldout_data, DATA_EVAL, &t->heldout.problems, notes, err)) return false;
        report_overlap(&all, &t->heldout.problems, "--heldout-data", true, notes);
        problems_truncate(&t->heldout.problems, c->heldout);
        t->train.problems = all;
    } else {
        if (c->problems && c->problems < all.count - c->heldout) problems_truncate(&all, c->problems + c->heldout);
        double share = (double)c->heldout / all.count;
        problems_split(&all, share < 0.5 ? share : 0.5, (uint64_t)c->seed, &t->train.problems, &t->heldout.problems);
    }
    if (c->problems) problems_truncate(&t->train.problems, c->problems);
    if (notes) check_against_evaluation_sets(c, &t->train.problems, notes);
    return true;
}

static bool load_problems(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    if (!data_is_tasks(c->data)) return load_files(t, err);
    int pool = c->problems ? c->problems : TASK_POOL;
    return task_spec_parse(c->data + strlen("task:"), &t->tasks, err) &&
           problems_from_tasks(&t->tasks, (uint64_t)c->seed, pool, c->heldout, c->problems == 0, &t->train.problems, &t->heldout.problems, err);
}

static bool tokenize(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    FILE *notes = comm_rank(t->comm) == 0 ? stderr : NULL;
    return prompts_choose_template(&t->template, c->prompt_template, c->model, data_is_tasks(c->data), err) &&
           prompts_tokenize(&t->train, t->tokenizer, &t->template, c->max_prompt, notes, err) &&
           prompts_tokenize(&t->heldout, t->tokenizer, &t->template, c->max_prompt, notes, err);
}

bool trainer_open_data(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    char folder[FLAG_TEXT_SIZE + 16];
    if (!load_problems(t, err)) return false;
    snprintf(folder, sizeof folder, "%s", c->model);
    if (strcmp(c->model, "tiny") == 0) { // the character tokenizer of the tasks, written as any other and read back
        char characters[] = TASK_CHARACTERS "\n";
        snprintf(folder, sizeof folder, "%s/tokenizer", c->out);
        if (comm_rank(t->comm) == 0 && !tokenizer_write_characters(folder, characters, NULL, 0, err)) return false;
        comm_barrier(t->comm);
    }
    if (t->heldout.problems.count < 1) return fail(err, "%s: no prompt is left to hold out: lower --problems or raise --heldout", c->data);
    if (!(t->tokenizer = tokenizer_load(folder, err)) || !tokenize(t, err)) return false;
    if (t->train.problems.count >= c->prompts) return true;
    return fail(err, "--prompts %d: %s has only %d to train on", c->prompts, c->data, t->train.problems.count);
}
