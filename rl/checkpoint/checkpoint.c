// Optional (checkpoints).
#define _GNU_SOURCE // program_invocation_name
#include "rl/checkpoint/checkpoint.h"
#include "base/files.h"
#include "base/json.h"
#include "model/files/gpt_files.h"
#include "model/files/safetensors.h"
#include "rl/checkpoint/identity.h"
#include "rl/checkpoint/manifest.h"
#include "rl/checkpoint/run_folder.h"
#include "rl/data.h"
#include "rl/report/report.h"
#include "rl/report/summary.h"
#include "rl/run_record.h"
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = RUN_PATH_SIZE };

// What a checkpoint holds, fp32 and not sharded, on the host of rank 0.
typedef struct Saved {
    float *params, *m, *v; // (table.size); m and v NULL: the model alone
    float *reference;      // (table.size) of --kl-coef, once RL has begun; else NULL
} Saved;

static float *collect(Trainer *t, const float *state) {
    float *h = comm_rank(t->comm) == 0 ? malloc(t->gpt->table.size * sizeof *h) : NULL;
    REQUIRE(h || comm_rank(t->comm) != 0, "out of memory for a checkpoint");
    optimizer_read(t->gpt, &t->opt, state, t->grads.flat, h);
    return h;
}

// Every rank holds all of it.
static float *collect_reference(Trainer *t) {
    if (!adjust_has_reference(t) || comm_rank(t->comm) != 0) return NULL;
    float *h = malloc(t->gpt->table.size * sizeof *h);
    REQUIRE(h, "out of memory for a checkpoint");
    device_download_floats(t->dev, h, t->adjust.reference, t->gpt->table.size);
    return h;
}

// Every value must be finite, and no second moment negative: anything else becomes NaN in all later checkpoints. x (n)
// need not be aligned.
static bool check_values(const char *name, const void *x, size_t n, bool negative, Error *err) {
    bool ok = true;
    for (size_t first = 0, end; ok && first < n; first = end) {
        end = n - first < 4096 ? n : first + 4096;
        for (size_t i = first; i < end; i++) { // no branch, so that it vectorises
            float value;
            memcpy(&value, (const char *)x + i * sizeof value, sizeof value);
            ok &= fabsf(value) <= FLT_MAX && (negative || value >= 0);
        }
        if (!ok) fail(err, "%s holds a value that is %s, among %zu to %zu", name,
                      negative ? "not finite" : "negative or not finite", first, end - 1);
    }
    return ok;
}

static bool check_saved(const Saved *s, size_t n, Error *err) {
    return check_values("the model", s->params, n, true, err) &&
           (!s->m || (check_values("adamw.m", s->m, n, true, err) && check_values("adamw.v", s->v, n, false, err)));
}

static void saved_free(Saved *s) { free(s->params), free(s->m), free(s->v), free(s->reference); }

static bool save_model(Trainer *t, const char *dir, const float *h_params, Error *err) {
    return gpt_save(&t->gpt->table, &t->gpt->config, dir, h_params, err) && tokenizer_save(t->tokenizer, dir, err) &&
           prompt_template_save(&t->template, dir, err);
}

// Of the tokens of all prompts, and of the golds: two files of one name, or two tokenizers, differ here.
static void data_hash(const Trainer *t, char text[24]) {
    snprintf(text, 24, "%016" PRIx64, prompts_hash(&t->heldout, prompts_hash(&t->train, 0)));
}

static bool save_state(Trainer *t, const char *dir, const Saved *s, Error *err) {
    char path[PATH_SIZE + 400], counters[5][32], data[24];
    size_t n = t->gpt->table.size, P = (size_t)t->history.count;
    Safetensor tensors[] = {
        {.name = "adamw.m", .type = SAFETENSOR_F32, .rank = 1, .shape = {n}, .data = s->m},
        {.name = "adamw.v", .type = SAFETENSOR_F32, .rank = 1, .shape = {n}, .data = s->v},
        {.name = "history.id", .type = SAFETENSOR_I64, .rank = 1, .shape = {P}, .data = t->history.id},
        {.name = "history.correct", .type = SAFETENSOR_F64, .rank = 1, .shape = {P}, .data = t->history.correct},
        {.name = "history.verified", .type = SAFETENSOR_F64, .rank = 1, .shape = {P}, .data = t->history.verified},
        {.name = "history.length", .type = SAFETENSOR_F64, .rank = 1, .shape = {P}, .data = t->history.length},
        {.name = "reference", .type = SAFETENSOR_F32, .rank = 1, .shape = {n}, .data = s->reference}};
    cJSON *config = identity_of_run(&t->config);
    char *text = cJSON_PrintUnformatted(config);
    snprintf(counters[0], 32, "%d", t->sft_done), snprintf(counters[1], 32, "%d", t->rl_done);
    snprintf(counters[2], 32, "%lld", t->opt.t), snprintf(counters[3], 32, "%lld", t->opt.skipped);
    snprintf(counters[4], 32, "%lld", (long long)t->prompts_done);
    SafetensorsPair metadata[] = {{"config", text},
                                  {"sft_done", counters[0]},
                                  {"rl_done", counters[1]},
                                  {"adamw.t", counters[2]},
                                  {"skipped", counters[3]},
                                  {"prompts_done", counters[4]},
                                  {"data", data}};
    data_hash(t, data);
    snprintf(path, sizeof path, "%s/trainer.safetensors", dir);
    bool ok = safetensors_write(path, tensors, s->reference ? 7 : 6, metadata, 7, err) &&
              manifest_write(dir, t->sft_done + t->rl_done, config, err);
    cJSON_free(text);
    cJSON_Delete(config);
    return ok;
}

static bool save_into(Trainer *t, const char *dir, const Saved *s, Error *err) {
    if (mkdir(dir, 0777) != 0) return fail(err, "%s: %s", dir, strerror(errno));
    return save_model(t, dir, s->params, err) && (!s->m || save_state(t, dir, s, err));
}

// Writes dir.tmp, then renames it to dir. If there is a dir, it is dir.old until the new one's name is on the disk.
static bool replace_folder(Trainer *t, const char *dir, const char *parent, const Saved *s, Error *err) {
    char temporary[PATH_SIZE + 40], old[PATH_SIZE + 40];
    Error left;
    snprintf(temporary, sizeof temporary, "%s.tmp", dir);
    snprintf(old, sizeof old, "%s.old", dir);
    if (!run_folder_remove(temporary, err) || !run_folder_remove(old, err)) return false;
    if (!save_into(t, temporary, s, err)) return run_folder_remove(temporary, NULL), false; // it may fill the disk
    if (!folder_sync(temporary, err)) return false;
    if (rename(dir, old) != 0 && errno != ENOENT) return fail(err, "%s: %s", dir, strerror(errno));
    if (rename(temporary, dir) != 0) {
        fail(err, "%s: %s", dir, strerror(errno));
        return rename(old, dir), false;
    }
    if (!folder_sync(parent, err)) return false;
    if (!run_folder_remove(old, &left)) fprintf(stderr, "warning: %s\n", left.text);
    return true;
}

// Removes all but the latest --keep checkpoints. Each is renamed first, so that no valid name has a part of one.
static bool prune(Trainer *t, const char *folder, Error *err) {
    int *steps, count = run_folder_steps(t->config.out, &steps, err);
    bool ok = count >= 0;
    for (int i = 0; i < count - t->config.keep && ok; i++) {
        char dir[PATH_SIZE + 32], temporary[PATH_SIZE + 40];
        snprintf(dir, sizeof dir, "%s/step-%07d", folder, steps[i]);
        snprintf(temporary, sizeof temporary, "%s.tmp", dir);
        ok = rename(dir, temporary) == 0 || fail(err, "%s: %s", dir, strerror(errno));
        ok = ok && folder_sync(folder, err) && run_folder_remove(temporary, err);
    }
    free(steps);
    return ok;
}

static bool save_checkpoint(Trainer *t, const Saved *s, Error *err) {
    char folder[PATH_SIZE], dir[PATH_SIZE + 32];
    snprintf(folder, sizeof folder, "%s/checkpoints", t->config.out);
    snprintf(dir, sizeof dir, "%s/step-%07d", folder, t->sft_done + t->rl_done);
    if (mkdir(folder, 0777) == 0 ? !folder_sync(t->config.out, err) : errno != EEXIST)
        return fail(err, "%s: %s", folder, strerror(errno));
    return replace_folder(t, dir, folder, s, err);
}

bool checkpoint_save(Trainer *t) {
    Error err;
    char folder[PATH_SIZE];
    Saved s = {collect(t, t->opt.master), collect(t, t->opt.m), collect(t, t->opt.v), collect_reference(t)};
    if (comm_rank(t->comm) != 0) return true;
    bool flushed = metrics_flush(&t->log, &err); // a checkpoint is never ahead of the logs
    if (!flushed) fprintf(stderr, "warning: %s\n", err.text);
    bool ok = check_saved(&s, t->gpt->table.size, &err) && save_checkpoint(t, &s, &err);
    saved_free(&s);
    if (!ok) return fprintf(stderr, "warning: no checkpoint was written: %s\n", err.text), false;
    snprintf(folder, sizeof folder, "%s/checkpoints", t->config.out);
    if (!flushed || !prune(t, folder, &err))
        fprintf(stderr, "warning: no older checkpoint was removed%s%s\n", flushed ? ": " : "", flushed ? err.text : "");
    return true;
}

static bool save_model_alone(Trainer *t) {
    Error err;
    Saved s = {.params = collect(t, t->opt.master)};
    char dir[PATH_SIZE];
    snprintf(dir, sizeof dir, "%s/model", t->config.out);
    bool ok = comm_rank(t->comm) != 0 || (check_saved(&s, t->gpt->table.size, &err) &&
                                          replace_folder(t, dir, t->config.out, &s, &err));
    if (!ok) fprintf(stderr, "warning: the model was not written: %s\n", err.text);
    saved_free(&s);
    return ok;
}

bool checkpoint_finish(Trainer *t, bool complete) {
    Error err;
    const char *out = t->config.out;
    bool saved = complete ? save_model_alone(t) : checkpoint_save(t);
    if (comm_rank(t->comm) != 0) return saved;
    run_record_end(t, !saved ? "failed" : complete ? "complete" : "interrupted");
    if (summary_print(out, stdout, &err) && report_write(out, &err)) printf("\nreport: %s/report.html\n", out);
    else fprintf(stderr, "warning: no report: %s\n", err.text);
    if (complete && saved) printf("model:  %s/model\n", out);
    if (!complete && saved)
        printf("stopped at a checkpoint; to continue:\n  %s --config %s/run.json --resume\n",
               program_invocation_name, out);
    bool shown = fflush(stdout) == 0 && !ferror(stdout), updated = t->opt.skipped == 0 || t->opt.t > 0;
    if (!shown) fprintf(stderr, "warning: not everything could be written to stdout: %s\n", strerror(errno));
    if (!updated) fprintf(stderr, "warning: the model was never updated: no gradient was finite\n");
    return saved && shown && updated;
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
    char what[PATH_SIZE + 64];
    const Safetensor *moment = find_array(state, name, SAFETENSOR_F32, t->gpt->table.size, dir, err);
    snprintf(what, sizeof what, "%s: %s", dir, name);
    if (!moment || !check_values(what, moment->data, moment->elements, to == t->opt.m, err)) return false;
    optimizer_write(t->gpt, &t->opt, to, 0, (const float *)moment->data, moment->elements);
    return true;
}

static bool load_reference(Trainer *t, const Safetensors *state, const char *dir, Error *err) {
    size_t n = t->gpt->table.size;
    if (!adjust_has_reference(t)) return true;
    const Safetensor *reference = find_array(state, "reference", SAFETENSOR_F32, n, dir, err);
    if (!reference || !check_values("the reference", reference->data, n, true, err)) return false;
    device_upload_floats(t->dev, t->adjust.reference, (const float *)reference->data, n);
    return true;
}

// *other: the checkpoint is intact, but of a run with other flags or data.
static bool load_state(Trainer *t, const Safetensors *state, const char *dir, bool *other, Error *err) {
    long long sft, rl, prompts = 0;
    char hash[24];
    const char *text = safetensors_metadata(state, "config"), *data = safetensors_metadata(state, "data");
    cJSON *saved = text ? cJSON_Parse(text) : NULL;
    bool ok = saved ? identity_same(&t->config, saved, dir, err)
                    : fail(err, "%s: trainer.safetensors is not a checkpoint of this program", dir);
    *other = saved && !ok;
    cJSON_Delete(saved);
    if (!ok || !get_counter(state, "sft_done", t->config.sft_steps, &sft, dir, err) ||
        !get_counter(state, "rl_done", 1 << 30, &rl, dir, err) ||
        !get_counter(state, "adamw.t", 1LL << 60, &t->opt.t, dir, err) ||
        !get_counter(state, "skipped", 1LL << 60, &t->opt.skipped, dir, err) ||
        (safetensors_metadata(state, "prompts_done") && // older versions saved none
         !get_counter(state, "prompts_done", 1LL << 60, &prompts, dir, err)) ||
        !load_history(&t->history, state, dir, err))
        return false;
    data_hash(t, hash);
    *other = true;
    if (!prompt_template_same(&t->template, dir, err)) return false;
    if (data && strcmp(data, hash) != 0) // older versions saved none
        return fail(err, "%s: made from other prompts, golds or another tokenizer than --data and --model give", dir);
    *other = false;
    t->sft_done = (int)sft, t->rl_done = (int)rl, t->prompts_done = prompts;
    return load_moment(t, state, "adamw.m", t->opt.m, dir, err) &&
           load_moment(t, state, "adamw.v", t->opt.v, dir, err) && load_reference(t, state, dir, err) &&
           gpt_load(t->gpt, &t->opt, dir, err);
}

// A run that is resumed before its first checkpoint starts again. Where more is there than such a run leaves, its
// checkpoints are lost, and nothing is deleted.
static bool start_again(const TrainConfig *c, Error *err) {
    char path[PATH_SIZE];
    int rows = 0;
    snprintf(path, sizeof path, "%s/model", c->out);
    bool model = access(path, F_OK) == 0;
    snprintf(path, sizeof path, "%s/metrics.jsonl", c->out);
    FILE *log = file_open(path, err);
    bool began = log != NULL;
    if (!began && errno != ENOENT) return false;
    for (int byte; began && (byte = getc(log)) != EOF;) rows += byte == '\n';
    if (began && (!feof(log) || fclose(log) != 0)) return fail(err, "%s: %s", path, strerror(errno));
    if (model || rows > c->checkpoint_every + 2) // the flags, step 0, and the steps to the first checkpoint
        return fail(err, "%s holds a run (%s), but none of its checkpoints: --overwrite deletes it and starts anew",
                    c->out, model ? "a finished model" : path);
    fprintf(stderr, "no checkpoint in %s/checkpoints%s: starting from the beginning\n", c->out,
            began ? ", since the run ended before its first" : "");
    return run_folder_clear(c, err);
}

// Checkpoints without a manifest are of older versions, or have lost it.
static bool check_files(const Safetensors *state, const char *dir, int step, Error *err) {
    char path[PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    if (access(path, F_OK) == 0 || safetensors_metadata(state, "data")) return manifest_check(dir, step, err);
    fprintf(stderr, "note: %s was written by a version without manifests: its files are not checked\n", dir);
    return true;
}

bool checkpoint_begin(Trainer *t, Error *err) {
    if (comm_rank(t->comm) != 0) return true;
    return run_folder_open(&t->config, &t->log.lock, err);
}

bool checkpoint_load(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    bool first = comm_rank(t->comm) == 0, other = false;
    char dir[PATH_SIZE + 32], path[PATH_SIZE + 64];
    int *steps;
    Error why;
    if (!c->resume) return !first || !c->overwrite || run_folder_clear(c, err);
    int count = run_folder_steps(c->out, &steps, err);
    if (count <= 0) return count == 0 && (!first || start_again(c, err));
    int step = steps[count - 1], before = count > 1 ? steps[count - 2] : -1;
    free(steps);
    snprintf(dir, sizeof dir, "%s/checkpoints/step-%07d", c->out, step);
    snprintf(path, sizeof path, "%s/trainer.safetensors", dir);
    Safetensors *state = safetensors_open(path, &why);
    bool ok = state && (!first || check_files(state, dir, step, &why)) && load_state(t, state, dir, &other, &why);
    safetensors_close(state);
    if (ok) return true;
    if (before < 0 || other) return fail(err, "%s", why.text);
    return fail(err, "%.300s (remove %.100s to resume from step %d, the checkpoint before it)", why.text, dir, before);
}
