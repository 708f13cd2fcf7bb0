// Optional (terminal).
#include "rl/terminal.h"
#include "base/clock.h"
#include "base/flags_text.h"
#include <string.h>
#include <time.h>

void terminal_duration(double seconds, char text[32]) {
    long s = seconds < 0 ? 0 : seconds > 1e9 ? 1000000000 : (long)seconds, min = s / 60, h = min / 60;
    if (s < 60) snprintf(text, 32, "%ld s", s);
    else if (min < 60) snprintf(text, 32, "%ld min %02ld s", min, s % 60);
    else if (h < 24) snprintf(text, 32, "%ld h %02ld min", h, min % 60);
    else snprintf(text, 32, "%ld d %02ld h", h / 24, h % 24);
}

int train_help(void) {
    printf("usage: ./train [flags]   supervised warm-up, then RL with verifiable rewards\n"
           "exit status: 0 done, 1 failed, 2 bad use, 130 interrupted: a checkpoint is saved\n"
           "flag                    meaning (range) [default]\n");
    flags_help(&train_flags, stdout);
    return fflush(stdout) ? 1 : 0;
}

// ---- The status line -----------------------------------------------------------------------------------------------
// Rewrites it, at most five times a second unless `now`.
static void status(MetricsLog *log, const char *text, bool now) {
    double t = seconds_now();
    if (!log->terminal || (!now && t - log->status_at < 0.2)) return;
    log->status_at = t;
    printf("\r\033[K%.*s", TERMINAL_COLUMNS - 1, text);
    fflush(stdout);
}

// What is left of the run, from the steps that this process has taken in this phase (evaluations and checkpoints
// included); during the warm-up nobody knows yet how long a step of reinforcement learning takes.
static void remaining(const MetricsLog *log, const StepMetrics *m, char *text, size_t size) {
    char left[32], clock[16] = "";
    int taken = m->step - log->first, rest = m->steps - m->step;
    double seconds = taken > 0 ? (seconds_now() - log->started) / taken * rest : -1;
    time_t end = time(NULL) + (time_t)(seconds > 0 ? seconds : 0);
    struct tm local;
    strftime(clock, sizeof clock, "%H:%M", localtime_r(&end, &local));
    terminal_duration(seconds, left);
    *text = 0;
    if (seconds < 0) return;
    if (strcmp(m->phase, "sft") == 0)
        snprintf(text, size, "about %s of the warm-up left, then %d steps of RL", left, log->rl_steps);
    else snprintf(text, size, "about %s left, until %s", left, clock);
}

static void step_status(MetricsLog *log, const StepMetrics *m, bool now) {
    char loss[32] = "";
    remaining(log, m, log->left, sizeof log->left);
    snprintf(log->place, sizeof log->place, "%s %d/%d", m->phase, m->step, m->steps);
    snprintf(log->next, sizeof log->next, "%s %d/%d", m->phase, m->step + 1, m->steps);
    if (!now && !isnan(m->loss)) snprintf(loss, sizeof loss, "  loss %.4f", m->loss); // else the line above has it
    char text[200];
    snprintf(text, sizeof text, "%s%s%s%s", log->place, loss, *log->left ? ": " : "", log->left);
    status(log, text, now);
}

// Called by the generator after every decoding step. The batch is of a training step or of held-out prompts.
static bool follow(void *context) {
    Trainer *t = context;
    MetricsLog *log = &t->log;
    const RolloutBatch *b = &t->batch;
    if (!log->terminal || seconds_now() - log->status_at < 0.2 || b->count == 0) return true;
    int done = 0, first = b->rollouts[0].prompt, prompts = t->heldout.problems.count;
    for (int j = 0; j < b->count; j++) done += rollout_finished(&t->gpt->config, &b->rollouts[j]);
    char text[200];
    bool heldout = first < prompts && b->rollouts[0].prompt_id == t->heldout.prompts[first].id;
    const char *colon = *log->left ? "; " : "";
    if (heldout)
        snprintf(text, sizeof text, "%sheld-out evaluation, %d of %d prompts done, %d of %d responses%s%s",
                 *log->place ? "" : "before RL: ", first, prompts, done, b->count, colon, log->left);
    else
        snprintf(text, sizeof text, "%s: %d of %d responses%s%s", *log->next ? log->next : "rl", done, b->count, colon,
                 log->left);
    status(log, text, true);
    return true;
}

// ---- The line of a step --------------------------------------------------------------------------------------------
static void explain(MetricsLog *log) {
    if (log->untaught)
        printf("note: this new model was not warmed up (--sft-steps 0): it answers at random, and\n"
               "      rewards find little to reinforce. --sft-steps 600 teaches it first; `make demo`\n"
               "      shows a run that learns.\n\n");
    printf("pass: share of correct rollouts   H: mean entropy, nats   len: tokens a response\n"
           "cut: responses that reached --max-tokens   |g|: gradient norm   tok/s: of a step\n\n");
}

// A rate from 0 to 1 in five characters, any other figure in as few as it takes.
static void print_reward(const StepMetrics *m) {
    if (!isnan(m->reward) && m->reward != m->pass_rate) printf("  reward %.3f", m->reward);
    printf("  pass %.3f", m->pass_rate);
}

static void print_figures(const StepMetrics *m) {
    int column = 0;
#define FIGURE(name, meaning)                                                                                          \
    if (!isnan(m->name)) {                                                                                             \
        char cell[64];                                                                                                 \
        int n = snprintf(cell, sizeof cell, "%s %.4g", #name, m->name);                                                \
        if (column && column + n + 3 > TERMINAL_COLUMNS) printf("\n"), column = 0;                                     \
        column += printf("%s%s", column ? "   " : "      ", cell);                                                     \
    }
    METRICS(FIGURE)
#undef FIGURE
    if (column) printf("\n");
}

static void print_line(MetricsLog *log, const StepMetrics *m) {
    bool rl = strcmp(m->phase, "rl") == 0;
    if (log->terminal) printf("\r\033[K");
    if (rl && !log->explained) explain(log), log->explained = true;
    printf("%-3s %5d/%d", m->phase, m->step, m->steps);
    if (rl && !isnan(m->pass_rate)) {
        print_reward(m);
        printf("  H %.3f  len %.1f  cut %.0f%%", m->entropy, m->response_length, 100 * m->truncated);
    } else if (!isnan(m->loss)) {
        printf("  loss %.4f", m->loss);
    }
    if (!isnan(m->grad_norm)) printf("  |g| %.3f", m->grad_norm);
    if (!isnan(m->tokens_per_s)) printf("  %.0f tok/s", m->tokens_per_s);
    if (!isnan(m->heldout_pass1))
        printf("%sheld-out pass@1 %.3f [%.3f %.3f]", isnan(m->pass_rate) ? "  before RL: " : "\n           ",
               m->heldout_pass1, m->heldout_low, m->heldout_high);
    printf("\n");
    if (!isnan(m->rounds)) printf("      kept %.0f of %.0f groups\n", m->groups_trained, m->groups_generated);
    if (m->skipped > 0) printf("      %.0f updates were skipped: the gradient was not finite\n", m->skipped);
    if (m->truncated >= 0.5 && !log->cut_noted) {
        printf("note: %.0f %% of the responses are cut by --max-tokens and count as wrong: raise it\n",
               100 * m->truncated);
        log->cut_noted = true;
    }
    if (log->verbose) print_figures(m);
}

void terminal_step(MetricsLog *log, const StepMetrics *m, bool show) {
    if (show) print_line(log, m);
    if (m->step < m->steps) step_status(log, m, show);
    else if (log->terminal) log->left[0] = log->place[0] = log->next[0] = 0;
    fflush(stdout);
}

void terminal_open(Trainer *t) {
    const TrainConfig *c = &t->config;
    MetricsLog *log = &t->log;
    // mpirun gives its ranks a terminal of their own, which it stops reading once it ends the job: what fills it then
    // would keep a rank from its last checkpoint.
    log->terminal = isatty(STDOUT_FILENO) && !getenv("OMPI_COMM_WORLD_SIZE");
    log->verbose = c->verbose;
    log->rl_steps = c->steps;
    log->untaught = strcmp(c->model, "tiny") == 0 && c->sft_steps == 0 && t->rl_done == 0;
    generator_watch(t->generator, follow, t);
}
