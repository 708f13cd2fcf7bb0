// Optional (checkpoints).
#include "rl/checkpoint.h"
#include "base/files.h"
#include "base/json.h"
#include "model/files/gpt_files.h"
#include "model/files/safetensors.h"
#include "rl/report/report.h"
#include "rl/report/summary.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = FLAG_TEXT_SIZE + 320 }; // OUT and the names below it

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

// The steps of the complete checkpoints in OUT/checkpoints, ascending, malloc'd to *steps; returns how many.
static int list_checkpoints(const char *folder, int **steps) {
    DIR *dir = opendir(folder);
    int count = 0;
    *steps = NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        int step, end = 0;
        if (sscanf(entry->d_name, "step-%9d%n", &step, &end) != 1 || entry->d_name[end])
            continue; // .tmp, foreign files
        *steps = realloc(*steps, ((size_t)count + 1) * sizeof **steps);
        REQUIRE(*steps, "out of memory");
        (*steps)[count++] = step;
    }
    if (dir) closedir(dir);
    if (count > 0) qsort(*steps, (size_t)count, sizeof **steps, ascending);
    return count;
}

static void remove_folder(const char *path) {
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char file[PATH_SIZE + 300];
        if (entry->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        unlink(file);
    }
    if (dir) closedir(dir);
    rmdir(path);
}

// The flags that determine the bits of a run: all except where and how it runs, and except the number of steps where no
// learning rate depends on it.
static cJSON *identity_of(const TrainConfig *config) {
    static const char *const running[] = {
        "out",          "resume",       "plan",          "data-dir",         "threads", "slots",
        "micro-tokens", "logit-rows",   "zero",          "checkpoint-every", "keep",    "eval-every",
        "eval-samples", "sample-every", "profile-first", "profile-steps"};
    cJSON *identity = cJSON_CreateObject();
    flags_to_json(&train_flags, config, identity);
    for (size_t i = 0; i < sizeof running / sizeof *running; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(identity, running[i]);
    if (config->schedule == SCHEDULE_CONSTANT) cJSON_DeleteItemFromObjectCaseSensitive(identity, "steps");
    return identity;
}

// A run resumes only under the flags it was started with: names the first difference.
static bool same_run(const TrainConfig *config, const cJSON *saved, const char *dir, Error *err) {
    JsonDifference d;
    cJSON *identity = identity_of(config);
    if (!json_get(saved, "steps")) // it had the constant schedule, and that is the difference to name
        cJSON_DeleteItemFromObjectCaseSensitive(identity, "steps");
    bool same = json_same(identity, saved, &d);
    if (!same)
        fail(err, "%s was made with --%s %s, not %s: resume with the same flags, or start into another --out", dir,
             d.key, d.saved, d.wanted);
    cJSON_Delete(identity);
    return same;
}

// What a checkpoint holds, fp32 and not sharded, on the host of rank 0.
typedef struct Saved {
    float *params, *m, *v; // (table.size); m and v NULL: the model alone
} Saved;

static float *collect(Trainer *t, const float *state) {
    float *h = comm_rank(t->comm) == 0 ? malloc(t->gpt->table.size * sizeof *h) : NULL;
    REQUIRE(h || comm_rank(t->comm) != 0, "out of memory for a checkpoint");
    optimizer_read(t->gpt, &t->opt, state, t->grads.flat, h);
    return h;
}

static void saved_free(Saved *s) { free(s->params), free(s->m), free(s->v); }

static bool save_model(Trainer *t, const char *dir, const float *h_params, Error *err) {
    return gpt_save(&t->gpt->table, &t->gpt->config, dir, h_params, err) && tokenizer_save(t->tokenizer, dir, err) &&
           prompt_template_save(&t->template, dir, err);
}

static bool save_state(Trainer *t, const char *dir, const Saved *s, Error *err) {
    char path[PATH_SIZE + 400], counters[4][32];
    size_t n = t->gpt->table.size, P = (size_t)t->history.count;
    Safetensor tensors[] = {
        {.name = "adamw.m", .type = SAFETENSOR_F32, .rank = 1, .shape = {n}, .data = s->m},
        {.name = "adamw.v", .type = SAFETENSOR_F32, .rank = 1, .shape = {n}, .data = s->v},
        {.name = "history.id", .type = SAFETENSOR_I64, .rank = 1, .shape = {P}, .data = t->history.id},
        {.name = "history.correct", .type = SAFETENSOR_F64, .rank = 1, .shape = {P}, .data = t->history.correct},
        {.name = "history.verified", .type = SAFETENSOR_F64, .rank = 1, .shape = {P}, .data = t->history.verified},
        {.name = "history.length", .type = SAFETENSOR_F64, .rank = 1, .shape = {P}, .data = t->history.length}};
    cJSON *config = identity_of(&t->config);
    char *text = cJSON_PrintUnformatted(config);
    snprintf(counters[0], 32, "%d", t->sft_done), snprintf(counters[1], 32, "%d", t->rl_done);
    snprintf(counters[2], 32, "%lld", t->opt.t), snprintf(counters[3], 32, "%lld", t->opt.skipped);
    SafetensorsPair metadata[] = {{"config", text},
                                  {"sft_done", counters[0]},
                                  {"rl_done", counters[1]},
                                  {"adamw.t", counters[2]},
                                  {"skipped", counters[3]}};
    snprintf(path, sizeof path, "%s/trainer.safetensors", dir);
    bool ok = safetensors_write(path, tensors, 6, metadata, 5, err);
    cJSON_free(text);
    cJSON_Delete(config);
    return ok;
}

static bool save_into(Trainer *t, const char *dir, const Saved *s, Error *err) {
    bool ok = (mkdir(dir, 0777) == 0 || errno == EEXIST) || fail(err, "%s: %s", dir, strerror(errno));
    return ok && save_model(t, dir, s->params, err) && (!s->m || save_state(t, dir, s, err));
}

// Writes dir.tmp, then renames it to dir.
static bool replace_folder(Trainer *t, const char *dir, const Saved *s, Error *err) {
    char temporary[PATH_SIZE + 40], old[PATH_SIZE + 40];
    snprintf(temporary, sizeof temporary, "%s.tmp", dir);
    snprintf(old, sizeof old, "%s.old", dir);
    remove_folder(temporary);
    if (!save_into(t, temporary, s, err)) return remove_folder(temporary), false; // it may have filled the disk
    if (!folder_sync(temporary, err)) return false;
    remove_folder(old);
    rename(dir, old);
    if (rename(temporary, dir) != 0) return fail(err, "%s: %s", dir, strerror(errno));
    remove_folder(old);
    return true;
}

static bool save_checkpoint(Trainer *t, const Saved *s, Error *err) {
    char folder[PATH_SIZE], dir[PATH_SIZE + 32];
    int *steps;
    snprintf(folder, sizeof folder, "%s/checkpoints", t->config.out);
    snprintf(dir, sizeof dir, "%s/step-%07d", folder, t->sft_done + t->rl_done);
    mkdir(folder, 0777);
    if (!replace_folder(t, dir, s, err) || !folder_sync(folder, err)) return false; // nothing older is pruned then
    int count = list_checkpoints(folder, &steps);
    for (int i = 0; i < count - t->config.keep; i++) {
        snprintf(dir, sizeof dir, "%s/step-%07d", folder, steps[i]);
        remove_folder(dir);
    }
    free(steps);
    return true;
}

bool checkpoint_save(Trainer *t) {
    Error err;
    Saved s = {collect(t, t->opt.master), collect(t, t->opt.m), collect(t, t->opt.v)};
    bool ok = comm_rank(t->comm) != 0 || save_checkpoint(t, &s, &err);
    if (!ok) fprintf(stderr, "warning: no checkpoint was written: %s\n", err.text);
    saved_free(&s);
    return ok;
}

static bool save_model_alone(Trainer *t) {
    Error err;
    Saved s = {.params = collect(t, t->opt.master)};
    char dir[PATH_SIZE];
    snprintf(dir, sizeof dir, "%s/model", t->config.out);
    bool ok = comm_rank(t->comm) != 0 || replace_folder(t, dir, &s, &err);
    if (!ok) fprintf(stderr, "warning: the model was not written: %s\n", err.text);
    saved_free(&s);
    return ok;
}

bool checkpoint_finish(Trainer *t, bool complete) {
    Error err;
    const char *out = t->config.out;
    bool saved = complete ? save_model_alone(t) : checkpoint_save(t);
    if (comm_rank(t->comm) != 0) return saved;
    if (summary_print(out, stdout, &err) && report_write(out, &err)) printf("\nreport: %s/report.html\n", out);
    else fprintf(stderr, "warning: no report: %s\n", err.text);
    if (complete && saved) printf("model:  %s/model\n", out);
    if (!complete && saved) printf("stopped at a checkpoint: add --resume to the same command to continue\n");
    return saved;
}

static bool get_counter(const Safetensors *state, const char *key, long long most, long long *to, const char *dir,
                        Error *err) {
    const char *text = safetensors_metadata(state, key);
    char *end = NULL;
    *to = text ? strtoll(text, &end, 10) : -1;
    if (text && *text && !*end && *to >= 0 && *to <= most) return true;
    return fail(err, "%s: its counter %s is missing or impossible", dir, key);
}

static const Safetensor *find_array(const Safetensors *state, const char *name, SafetensorType type, size_t n,
                                    const char *dir, Error *err) {
    const Safetensor *t = safetensors_find(state, name);
    if (t && t->type == type && t->elements == n) return t;
    fail(err, "%s: trainer.safetensors has no %s of %zu values", dir, name, n);
    return NULL;
}

static bool get_array(const Safetensors *state, const char *name, SafetensorType type, size_t n, void *to,
                      const char *dir, Error *err) {
    const Safetensor *t = find_array(state, name, type, n, dir, err);
    if (t) memcpy(to, t->data, t->bytes);
    return t != NULL;
}

static bool load_history(History *h, const Safetensors *state, const char *dir, Error *err) {
    int64_t *id = malloc((size_t)h->count * sizeof *id);
    REQUIRE(id, "out of memory");
    bool ok = get_array(state, "history.id", SAFETENSOR_I64, (size_t)h->count, id, dir, err);
    for (int i = 0; ok && i < h->count; i++)
        if (id[i] != h->id[i]) ok = fail(err, "%s: its history is of other prompts than --data gives", dir);
    free(id);
    ok = ok && get_array(state, "history.correct", SAFETENSOR_F64, (size_t)h->count, h->correct, dir, err) &&
         get_array(state, "history.verified", SAFETENSOR_F64, (size_t)h->count, h->verified, dir, err) &&
         get_array(state, "history.length", SAFETENSOR_F64, (size_t)h->count, h->length, dir, err);
    for (int i = 0; ok && i < h->count; i++) // the allocation divides by these
        if (!(h->correct[i] >= 0 && h->correct[i] <= h->verified[i] && h->verified[i] < 1e15 && h->length[i] >= 0 &&
              h->length[i] < 1e15))
            ok = fail(err, "%s: its history of prompt %d is impossible: %g of %g correct, %g tokens long", dir, i,
                      h->correct[i], h->verified[i], h->length[i]);
    return ok;
}

// From the mapped file straight to the device.
static bool load_moment(Trainer *t, const Safetensors *state, const char *name, float *to, const char *dir,
                        Error *err) {
    const Safetensor *moment = find_array(state, name, SAFETENSOR_F32, t->gpt->table.size, dir, err);
    if (moment) optimizer_write(t->gpt, &t->opt, to, 0, (const float *)moment->data, moment->elements);
    return moment != NULL;
}

// *other: the checkpoint is intact, but of a run with other flags.
static bool load_state(Trainer *t, const Safetensors *state, const char *dir, bool *other, Error *err) {
    long long sft, rl;
    const char *text = safetensors_metadata(state, "config");
    cJSON *saved = text ? cJSON_Parse(text) : NULL;
    bool ok = saved ? same_run(&t->config, saved, dir, err)
                    : fail(err, "%s: trainer.safetensors is not a checkpoint of this program", dir);
    *other = saved && !ok;
    cJSON_Delete(saved);
    if (!ok || !get_counter(state, "sft_done", t->config.sft_steps, &sft, dir, err) ||
        !get_counter(state, "rl_done", 1 << 30, &rl, dir, err) ||
        !get_counter(state, "adamw.t", 1LL << 60, &t->opt.t, dir, err) ||
        !get_counter(state, "skipped", 1LL << 60, &t->opt.skipped, dir, err) ||
        !load_history(&t->history, state, dir, err) || !prompt_template_same(&t->template, dir, err))
        return false;
    t->sft_done = (int)sft, t->rl_done = (int)rl;
    return load_moment(t, state, "adamw.m", t->opt.m, dir, err) &&
           load_moment(t, state, "adamw.v", t->opt.v, dir, err) && gpt_load(t->gpt, &t->opt, dir, err);
}

bool checkpoint_load(Trainer *t, Error *err) {
    char folder[PATH_SIZE], dir[PATH_SIZE + 32], path[PATH_SIZE + 64];
    int *steps;
    Error why;
    snprintf(folder, sizeof folder, "%s/checkpoints", t->config.out);
    int count = list_checkpoints(folder, &steps);
    if (count == 0) {
        if (comm_rank(t->comm) == 0) fprintf(stderr, "no checkpoint in %s: starting from the beginning\n", folder);
        return true;
    }
    snprintf(dir, sizeof dir, "%s/step-%07d", folder, steps[count - 1]);
    free(steps);
    snprintf(path, sizeof path, "%s/trainer.safetensors", dir);
    Safetensors *state = safetensors_open(path, &why);
    bool other = false, ok = state && load_state(t, state, dir, &other, &why);
    safetensors_close(state);
    if (ok) return true;
    if (count > 1 && !other) return fail(err, "%s (remove %s to resume from the checkpoint before it)", why.text, dir);
    return fail(err, "%s", why.text);
}
