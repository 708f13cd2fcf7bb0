// Optional (./eval): reading the sets, and a hash of the model.
#include "rl/evaluate/sets.h"
#include "base/files.h"
#include "data/random.h"
#include "data/sets.h"
#include "rl/data.h"
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

static bool load_problems(const EvalConfig *c, const char *item, EvalSet *set, Error *err) {
    ProblemSet *problems = &set->set.problems, train; // no training problems, so nothing to free
    TaskSpec spec;
    int count = c->problems ? c->problems : EVAL_TASK_PROBLEMS;
    if (!set->tasks)
        return data_load(item, c->data_dir, DATA_EVAL, c->bad_rows == BAD_ROWS_REFUSE, problems, stderr, err);
    return task_spec_parse(item + strlen("task:"), &spec, err) &&
           problems_from_tasks(&spec, (uint64_t)c->seed, 0, count, c->problems == 0, &train, problems, err);
}

static bool load_set(const EvalConfig *c, const char *item, const Tokenizer *tokenizer, RewardCommand *command,
                     EvalSet *set, Error *err) {
    set->tasks = data_is_tasks(item);
    data_name(item, set->name, sizeof set->name);
    if (!load_problems(c, item, set, err)) return false;
    if (c->problems) problems_truncate(&set->set.problems, c->problems);
    bool strict = c->bad_rows == BAD_ROWS_REFUSE;
    if (!data_choose_template(&set->template, c->prompt_template, c->stop, c->model, set->tasks, err)) return false;
    if (!prompts_tokenize(&set->set, tokenizer, &set->template, c->max_prompt, strict, stderr, err)) return false;
    size_t P = (size_t)set->set.problems.count;
    set->grader = grader_new(&set->set.problems, false, command);
    set->outcome = calloc(P, sizeof *set->outcome);
    set->majority = calloc(P, sizeof *set->majority);
    REQUIRE(set->outcome && set->majority, "out of memory for %zu problems", P);
    return true;
}

bool eval_sets_load(EvalSets *sets, const EvalConfig *c, const Tokenizer *tokenizer, RewardCommand *command,
                    Error *err) {
    char item[DATA_ITEM_MAX];
    const char *at = c->data;
    *sets = (EvalSets){0};
    if (!data_check_list(c->data, false, err)) return false;
    while (data_list_next(&at, item)) {
        if (sets->count == EVAL_MAX_SETS) return fail(err, "--data: more than %d sets", EVAL_MAX_SETS);
        EvalSet *set = &sets->set[sets->count++];
        if (!load_set(c, item, tokenizer, command, set, err)) return false;
        for (int i = 0; i < sets->count - 1; i++) // two files of the same name
            if (strcmp(sets->set[i].name, set->name) == 0)
                snprintf(set->name + strnlen(set->name, 20), 12, "-%d", sets->count);
        sets->longest = set->set.longest > sets->longest ? set->set.longest : sets->longest;
        sets->files |= !set->tasks;
    }
    return sets->count > 0 || fail(err, "--data: no set is named");
}

void eval_sets_free(EvalSets *sets) {
    for (int i = 0; i < sets->count; i++) {
        EvalSet *set = &sets->set[i];
        grader_free(set->grader);
        prompts_free(&set->set);
        free(set->outcome), free(set->majority);
    }
    *sets = (EvalSets){0};
}

static int is_model_file(const struct dirent *entry) {
    const char *name = entry->d_name;
    return !fnmatch("*.json", name, 0) || !fnmatch("*.txt", name, 0) || !fnmatch("*.safetensors", name, 0);
}

bool eval_model_hash(const char *dir, uint64_t *hash, Error *err) {
    struct dirent **entries;
    int count = scandir(dir, &entries, is_model_file, alphasort);
    bool ok = count >= 0 || fail(err, "%s: %s", dir, strerror(errno));
    *hash = 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        size_t n;
        snprintf(path, sizeof path, "%.3000s/%s", dir, entries[i]->d_name);
        *hash = text_hash(entries[i]->d_name, *hash);
        ok = ok && file_hash(path, hash, &n, err);
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    return ok;
}
