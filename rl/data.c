// Optional (data from files, chat templates): lists of files, overlaps between sets, and the choice of a template.
#include "rl/data.h"
#include "data/chat.h"
#include "data/random.h"
#include "data/sets.h"
#include "model/tokenizer/file.h"
#include <string.h>
#include <unistd.h>

// Reads every item of the list into one set. Reports what is left out to `notes`.
static bool load_list(const TrainConfig *c, const char *list, DataUse use, ProblemSet *all, FILE *notes, Error *err) {
    char item[DATA_ITEM_MAX];
    if (!*list) return fail(err, "--data names no problems");
    while (data_list_next(&list, item)) {
        ProblemSet set = {0};
        if (data_is_tasks(item)) return fail(err, "%.60s: a run cannot mix tasks and files", item);
        if (!data_load(item, c->data_dir, use, c->bad_rows == BAD_ROWS_REFUSE, &set, notes, err)) return false;
        int repeated = problems_merge(all, &set);
        if (repeated && notes) fprintf(notes, "%s: %d problems are also in an earlier set: left out\n", item, repeated);
    }
    return true;
}

// Reports how many training problems also occur in an evaluation set, with the lines of the first, and with `remove`
// removes them.
static void report_overlap(ProblemSet *train, const ProblemSet *eval, const char *name, bool remove, FILE *notes) {
    int *match = malloc(((size_t)train->count + 1) * sizeof *match), first = 0;
    bool *keep = malloc(((size_t)train->count + 1) * sizeof *keep);
    REQUIRE(match && keep, "out of memory");
    int found = problems_overlap(train, eval, match);
    while (first < train->count && match[first] < 0) first++;
    if (found && notes)
        fprintf(notes, "%d training problems also occur in %s (the first at line %d; there, line %d)%s\n", found, name,
                train->items[first].line, eval->items[match[first]].line, remove ? ": left out" : "");
    for (int i = 0; i < train->count; i++) keep[i] = match[i] < 0;
    if (remove) problems_keep(train, keep);
    free(match);
    free(keep);
}

// For every named evaluation set whose file exists.
static void check_against_evaluation_sets(const TrainConfig *c, ProblemSet *train, FILE *notes) {
    for (int s = 0; s < data_set_count; s++) {
        ProblemSet eval = {0};
        Error err;
        if (!data_sets[s].test || !data_load(data_sets[s].name, c->data_dir, DATA_EVAL, false, &eval, NULL, &err))
            continue;
        report_overlap(train, &eval, data_sets[s].name, false, notes);
        problems_free(&eval);
    }
}

bool data_load_files(const TrainConfig *c, ProblemSet *train, ProblemSet *heldout, FILE *notes, Error *err) {
    ProblemSet all = {0};
    if (!load_list(c, c->data, DATA_TRAIN, &all, notes, err)) return false;
    if (*c->heldout_data) {
        if (!load_list(c, c->heldout_data, DATA_EVAL, heldout, notes, err)) return false;
        report_overlap(&all, heldout, "--heldout-data", true, notes);
        if (all.count == 0) return fail(err, "--data %.300s: every problem is in --heldout-data too", c->data);
        problems_truncate(heldout, c->heldout);
        *train = all;
    } else {
        int count = all.count;
        problems_split(&all, c->heldout, train, heldout);
        if (heldout->count == 0)
            return fail(err, "%.200s: one problem, so none can be held out: add more, or give --heldout-data", c->data);
        if (heldout->count < c->heldout && notes)
            fprintf(notes, "--heldout %d: %d of %d problems are held out, at most a fifth\n", c->heldout,
                    heldout->count, count);
    }
    if (c->problems) problems_truncate(train, c->problems);
    if (notes) check_against_evaluation_sets(c, train, notes);
    return true;
}

bool data_choose_template(PromptTemplate *out, const char *asked, const char *stop, const char *model, bool tasks,
                          Error *err) {
    char trained_with[4096];
    bool found = false, ok = true;
    snprintf(trained_with, sizeof trained_with, "%.4000s/" PROMPT_FILE, model);
    if (*asked)
        ok = prompt_template_load(out, asked, err);
    else if (tasks)
        *out = prompt_template_verbatim();
    else if (access(trained_with, F_OK) == 0)
        ok = prompt_template_load(out, trained_with, err);
    else if (!chat_load(out, model, &found, err))
        ok = false;
    else if (!found)
        ok = prompt_template_load(out, "plain", err);
    return ok && (!*stop || prompt_template_stop(out, stop, err));
}

void data_note_eos(const ModelConfig *model, const Tokenizer *tokenizer, FILE *out) {
    int eos = tokenizer_eos(tokenizer);
    size_t n, n_used;
    if (eos < 0 || model_config_is_eos(model, eos) || model->n_eos == 0) return;
    const char *text = tokenizer_token_bytes(tokenizer, eos, &n);
    const char *used = tokenizer_token_bytes(tokenizer, model->eos[0], &n_used);
    fprintf(
        out,
        "  note     responses end at %.*s (%d), the model's eos_token_id, not at the tokenizer's eos_token %.*s (%d)\n",
        (int)n_used, used ? used : "", model->eos[0], (int)n, text, eos);
}

uint64_t prompts_hash(const PromptSet *set, uint64_t hash) {
    for (int i = 0; i < set->problems.count; i++) {
        const Prompt *prompt = &set->prompts[i];
        for (int t = 0; t < prompt->n; t++) hash = random_mix(hash ^ (uint32_t)prompt->tokens[t]) + 1;
        hash = text_hash(set->problems.items[i].gold, hash);
    }
    return hash;
}
