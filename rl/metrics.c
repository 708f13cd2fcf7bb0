// Optional (metrics).
#define _GNU_SOURCE // getline
#include "rl/metrics.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "rl/terminal.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Whether a resumed run keeps this line: whole, and not of a step that the run will write again.
static bool keeps(const char *line, size_t length, int sft_done, int rl_done) {
    cJSON *row = line[length - 1] == '\n' ? cJSON_ParseWithLength(line, length) : NULL;
    const cJSON *phase = json_get(row, "phase"), *step = json_get(row, "step");
    bool sft = cJSON_IsString(phase) && strcmp(phase->valuestring, "sft") == 0;
    int last = sft           ? sft_done
               : rl_done > 0 ? rl_done
                             : -1; // step 0, the evaluation before step 1, is repeated with it
    bool keep = row && (!cJSON_IsNumber(step) || step->valueint <= last);
    cJSON_Delete(row);
    return keep;
}

// Copies the lines to keep, one at a time, and replaces the file. One that is missing is begun anew, with a note.
static bool keep_lines(const char *path, int sft_done, int rl_done, Error *err) {
    FileReplacement to;
    FILE *from = file_open(path, err);
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    bool ok = true;
    if (!from && errno == ENOENT)
        return fprintf(stderr, "note: %s is missing: it is begun anew and lacks the steps so far\n", path), true;
    if (!from) return false;
    if (file_replace_begin(&to, path, err)) {
        while (ok && (length = getline(&line, &room, from)) > 0)
            if (keeps(line, (size_t)length, sft_done, rl_done))
                ok = fwrite(line, 1, (size_t)length, to.file) == (size_t)length;
        if (!ok || !feof(from)) { // written half, or read half: the old file stays
            ok = fail(err, "%s: %s", path, strerror(errno));
            file_replace_abandon(&to);
        } else {
            ok = file_replace_commit(&to, err);
        }
    } else {
        ok = false;
    }
    free(line);
    fclose(from);
    return ok;
}

// Appends a row at once. What a full disk took of it is cut off again, so that the next row begins a line.
static bool append(FILE *file, const cJSON *row) {
    char *text = cJSON_PrintUnformatted(row);
    REQUIRE(text, "out of memory");
    size_t n = strlen(text), written = 0;
    int fd = fileno(file);
    off_t end = lseek(fd, 0, SEEK_END);
    text[n++] = '\n'; // instead of its zero
    while (written < n) {
        ssize_t got = write(fd, text + written, n - written);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        written += (size_t)got;
    }
    cJSON_free(text);
    if (written == n) return true;
    int why = errno;
    if (ftruncate(fd, end) != 0) fprintf(stderr, "warning: a part of a row is left: %s\n", strerror(errno));
    errno = why;
    return false;
}

// What a resumed run has done so far: its tokens, and the figures for TensorBoard.
static void replay(MetricsLog *log, const char *path) {
    FILE *from = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    while (from && getline(&line, &room, from) > 0) {
        cJSON *row = cJSON_Parse(line);
        double tokens = json_double(row, "tokens", 0);
        if (tokens > 0) log->tokens_total += tokens;
        tensorboard_add(log->board, row);
        cJSON_Delete(row);
    }
    free(line);
    if (from) fclose(from);
}

bool metrics_open(MetricsLog *log, const char *dir, int sft_done, int rl_done, Error *err) {
    char metrics[4200], rollouts[4200];
    bool resumed = sft_done + rl_done > 0;
    snprintf(metrics, sizeof metrics, "%s/metrics.jsonl", dir);
    snprintf(rollouts, sizeof rollouts, "%s/rollouts.jsonl", dir);
    if (resumed && !keep_lines(metrics, sft_done, rl_done, err)) return false;
    if (resumed && !keep_lines(rollouts, sft_done, rl_done, err)) return false;
    if (log->tensorboard && !(log->board = tensorboard_open(dir, err))) return false;
    if (resumed) replay(log, metrics);
    log->metrics = fopen(metrics, resumed ? "ae" : "we");
    log->rollouts = fopen(rollouts, resumed ? "ae" : "we");
    if (log->metrics && log->rollouts) return true;
    fail(err, "%s: %s", dir, strerror(errno));
    metrics_close(log);
    return false;
}

bool metrics_flush(MetricsLog *log, Error *err) {
    FILE *const files[] = {log->metrics, log->rollouts};
    for (int i = 0; i < 2; i++)
        if (files[i] && fsync(fileno(files[i])) != 0)
            return fail(err, "%s.jsonl was not flushed to disk: %s", i ? "rollouts" : "metrics", strerror(errno));
    return true;
}

void metrics_close(MetricsLog *log) {
    if (log->metrics) fclose(log->metrics);
    if (log->rollouts) fclose(log->rollouts);
    if (log->lock) fclose(log->lock);
    tensorboard_close(log->board);
    *log = (MetricsLog){0};
}

static void add(cJSON *row, const char *name, double x) {
    char text[32];
    if (isnan(x)) return;
    if (isinf(x)) snprintf(text, sizeof text, x > 0 ? "1e999" : "-1e999");
    else snprintf(text, sizeof text, "%.9g", x);
    cJSON_AddRawToObject(row, name, text);
}

static void add_figures(cJSON *row, const StepMetrics *m) {
    static const char *const timer_names[TIMERS] = {
        [TIMER_PREFILL] = "sec_prefill",   [TIMER_DECODE] = "sec_decode",     [TIMER_FORWARD] = "sec_forward",
        [TIMER_LOSS] = "sec_loss",         [TIMER_BACKWARD] = "sec_backward", [TIMER_EXCHANGE] = "sec_exchange",
        [TIMER_OPTIMIZER] = "sec_optimizer"};
#define METRIC_ADD(name, meaning) add(row, #name, m->name);
    METRICS(METRIC_ADD)
#undef METRIC_ADD
    for (int i = 0; i < TIMERS; i++)
        if (m->sec_timer[i] > 0) add(row, timer_names[i], m->sec_timer[i]); // the warm-up generates nothing
}

static void add_allocation(cJSON *row, const StepMetrics *m) {
    cJSON *hist = cJSON_AddObjectToObject(row, "n_hist"), *by_pass = cJSON_AddArrayToObject(row, "alloc_by_pass");
    int most = 0;
    for (int i = 0; i < m->P; i++) most = m->n[i] > most ? m->n[i] : most;
    for (int n = 0; n <= most; n++) {
        int prompts = 0;
        char key[16];
        for (int i = 0; i < m->P; i++) prompts += m->n[i] == n;
        snprintf(key, sizeof key, "%d", n);
        if (prompts) cJSON_AddNumberToObject(hist, key, prompts);
    }
    for (int b = 0; b < PASS_RATE_BINS; b++) {
        int pair[] = {m->alloc_prompts[b], m->alloc_rollouts[b]};
        cJSON_AddItemToArray(by_pass, cJSON_CreateIntArray(pair, 2));
    }
}

static void add_verdicts(cJSON *row, const StepMetrics *m) {
    cJSON *verdicts = cJSON_AddObjectToObject(row, "verdicts");
    for (int v = 0; v < VERDICT_COUNT; v++)
        if (m->verdicts[v]) cJSON_AddNumberToObject(verdicts, verdict_name((Verdict)v), m->verdicts[v]);
    cJSON *undecided = m->undecided_count ? cJSON_AddArrayToObject(row, "undecided") : NULL;
    for (int i = 0; i < m->undecided_count; i++) cJSON_AddItemToArray(undecided, cJSON_CreateString(m->undecided[i]));
}

// A log that cannot be written (a full disk) is reported and does not end the run.
static void write_row(FILE *file, const char *name, const cJSON *row, int step) {
    if (!append(file, row)) fprintf(stderr, "warning: step %d is missing from %s: %s\n", step, name, strerror(errno));
}

// Seconds since 1970, to the millisecond.
static void add_time(cJSON *row) {
    struct timespec now;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(text, sizeof text, "%lld.%03ld", (long long)now.tv_sec, now.tv_nsec / 1000000);
    cJSON_AddRawToObject(row, "time", text);
}

void metrics_write(MetricsLog *log, const StepMetrics *m, bool show) {
    cJSON *row = cJSON_CreateObject();
    bool rl = strcmp(m->phase, "rl") == 0;
    cJSON_AddStringToObject(row, "phase", m->phase);
    cJSON_AddNumberToObject(row, "step", m->step);
    cJSON_AddNumberToObject(row, "global_step", m->step + (rl ? log->sft_steps : 0));
    add_time(row);
    if (m->tokens > 0) log->tokens_total += m->tokens;
    cJSON_AddNumberToObject(row, "tokens_total", log->tokens_total);
    add_figures(row, m);
    if (m->n) add_allocation(row, m);
    if (m->n) add_verdicts(row, m);
    if (m->has_pass_hist) cJSON_AddItemToObject(row, "pass_hist", cJSON_CreateIntArray(m->pass_hist, PASS_RATE_BINS));
    write_row(log->metrics, "metrics.jsonl", row, m->step);
    tensorboard_add(log->board, row);
    cJSON_Delete(row);
    terminal_step(log, m, show);
}

// A token may hold part of a character, or a NUL.
static void add_token_text(cJSON *token, const char *bytes, size_t n) {
    char *text = utf8_text(bytes, n, NULL);
    REQUIRE(text, "out of memory");
    cJSON_AddStringToObject(token, "text", text);
    free(text);
}

void metrics_write_rollout(MetricsLog *log, const Tokenizer *tokenizer, const char *prompt_text, const char *gold,
                           int step, const Rollout *r, const TokenResult *results) {
    cJSON *row = cJSON_CreateObject(), *tokens;
    cJSON_AddNumberToObject(row, "step", step);
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)r->prompt_id); // 63 bits, more than a double holds
    cJSON_AddRawToObject(row, "prompt_id", id);
    cJSON_AddNumberToObject(row, "rollout", r->number);
    cJSON_AddStringToObject(row, "prompt", prompt_text);
    cJSON_AddStringToObject(row, "gold", gold);
    add(row, "reward", r->reward);
    cJSON_AddStringToObject(row, "verdict", verdict_name((Verdict)r->verdict));
    add(row, "advantage", r->advantage);
    tokens = cJSON_AddArrayToObject(row, "tokens");
    for (int t = 0; t < r->n; t++) {
        size_t n = 0;
        const char *bytes = tokenizer_token_bytes(tokenizer, r->tokens[t], &n);
        cJSON *token = cJSON_CreateObject();
        add_token_text(token, bytes, bytes ? n : 0);
        add(token, "logp", r->sampled[t].logp);
        add(token, "entropy", r->sampled[t].entropy);
        add(token, "b_comp", results[t].b_comp);
        add(token, "b_stab", results[t].b_stab);
        add(token, "advantage", r->advantage * results[t].b_comp * results[t].b_stab);
        cJSON_AddItemToArray(tokens, token);
    }
    write_row(log->rollouts, "rollouts.jsonl", row, step);
    cJSON_Delete(row);
}
