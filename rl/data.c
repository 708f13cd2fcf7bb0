// Optional (data from files, chat templates): lists of files, overlaps between sets, and the choice of a template.
#include "rl/data.h"
#include "data/sets.h"
#include "model/files/chat.h"
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
        problems_truncate(heldout, c->heldout);
        *train = all;
    } else {
        int count = all.count;
        problems_split(&all, c->heldout, train, heldout);
        if (heldout->count == 0)
            return fail(err, "%.200s: one problem, so none can be held out: add more, or give --heldout-data", c->data);
        if (heldout->count < c->heldout && notes)
            fprintf(notes, "--heldout %d: %d of %d problems are held out, at most a fifth\n", c->heldout, heldout->count,
                    count);
    }
    if (c->problems) problems_truncate(train, c->problems);
    if (notes) check_against_evaluation_sets(c, train, notes);
    return true;
}

#define BOXED "Please reason step by step, and put your final answer within \\boxed{}."

// The model's chat template as a prompt template: a chat in which the user asks {question}.
static bool from_chat(PromptTemplate *out, const ChatTemplate *chat, const char *model, Error *err) {
    char *text = chat_render(chat, BOXED, PROMPT_SLOT);
    bool ok = prompt_template_parse(out, model, text, strlen(text), err);
    free(text);
    if (ok) snprintf(out->name, sizeof out->name, "chat");
    return ok;
}

bool data_choose_template(PromptTemplate *out, const char *asked, const char *model, bool tasks, Error *err) {
    char trained_with[4096];
    ChatTemplate chat;
    if (*asked) return prompt_template_load(out, asked, err);
    if (tasks) return *out = prompt_template_verbatim(), true;
    snprintf(trained_with, sizeof trained_with, "%.900s/" PROMPT_FILE, model);
    if (access(trained_with, F_OK) == 0) return prompt_template_load(out, trained_with, err);
    bool ok = chat_load(&chat, model, err);
    if (ok) ok = chat.form == CHAT_NONE ? prompt_template_load(out, "plain", err) : from_chat(out, &chat, model, err);
    chat_free(&chat);
    return ok;
}
