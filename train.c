// dynamo.c: reinforcement learning with verifiable rewards, from supervised warm-up to a better policy. It reads like the
// algorithm: warmup_step learns from the tasks' teacher, rl_step (rl/step.c) allocates rollouts to prompts, generates,
// verifies, and updates the policy with modulated advantages. ./train --help explains every flag.
#include "base/clock.h"
#include "rl/evaluate/evaluate.h"
#include "rl/report/report.h"
#include "rl/checkpoint.h"
#include "rl/step.h"
#include "rl/report/summary.h"
#include "rl/warmup.h"
#include <math.h>
#include <signal.h>
#include <string.h>

static volatile sig_atomic_t interrupted; // set by Ctrl-C; the run then saves a checkpoint and ends

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
    signal(SIGINT, SIG_DFL), signal(SIGTERM, SIG_DFL); // a second one ends the program at once
}

// All ranks stop after the same step, whichever of them was told to.
static bool stop_asked(Trainer *t) {
    double asked = interrupted;
    comm_max(t->comm, &asked, 1);
    return asked > 0;
}

static bool save(Trainer *t) {
    Error err;
    bool ok = checkpoint_save(t, &err);
    if (!ok) fprintf(stderr, "warning: no checkpoint was written: %s\n", err.text);
    return ok;
}

static void report(Trainer *t, const StepMetrics *m, bool show) {
    if (comm_rank(t->comm) == 0) metrics_write(&t->log, m, show);
}

static void begin_phase(Trainer *t, int done) {
    t->log.started = seconds_now();
    t->log.first = done;
}

// Returns false where the run was interrupted.
static bool warmup(Trainer *t) {
    begin_phase(t, t->sft_done);
    while (t->sft_done < t->config.sft_steps) {
        StepMetrics m = metrics_empty("sft", t->sft_done + 1, t->config.sft_steps);
        warmup_step(t, &m);
        report(t, &m, t->sft_done % 20 == 0 || t->sft_done == t->config.sft_steps);
        if (stop_asked(t)) return false;
        if (t->sft_done % t->config.checkpoint_every == 0 || t->sft_done == t->config.sft_steps) save(t);
    }
    return true;
}

// The untrained policy's figures stand at step 0, measured with as many samples as the last step's.
static void evaluate_and_report(Trainer *t, StepMetrics *m) {
    const TrainConfig *c = &t->config;
    bool edge = t->rl_done == 0 || t->rl_done == c->steps;
    int samples = edge && c->eval_samples < 16 ? 16 : c->eval_samples;
    if (samples > t->pool.capacity) samples = t->pool.capacity;
    Evaluation e = {.generator = t->generator, .tokenizer = t->tokenizer, .grader = t->heldout_grader, .set = &t->heldout, .pool = &t->pool,
                    .comm = t->comm, .sample = {(float)c->temp, 0, 1.0f, (uint64_t)c->seed, (uint32_t)EVALUATE_STREAM}, .samples = samples,
                    .max_new = c->max_tokens};
    evaluate_heldout(&e, edge, m);
}

// A profiler that waits (make profile) records --profile-steps steps, from --profile-first on.
static void profiled_step(Trainer *t, StepMetrics *m) {
    const TrainConfig *c = &t->config;
    int place = t->rl_done + 1 - c->profile_first;
    if (c->profile_steps > 0 && place == 0) device_profile(t->dev, true);
    rl_step(t, m);
    if (c->profile_steps > 0 && place == c->profile_steps - 1) device_profile(t->dev, false);
}

static bool reinforce(Trainer *t) {
    const TrainConfig *c = &t->config;
    begin_phase(t, t->rl_done);
    if (t->rl_done == 0 && c->steps > 0) {
        optimizer_reset(t->gpt, &t->opt); // reinforcement learning starts with fresh moments, as from a model on disk
        StepMetrics m = metrics_empty("rl", 0, c->steps);
        evaluate_and_report(t, &m);
        report(t, &m, true);
    }
    while (t->rl_done < c->steps) {
        StepMetrics m = metrics_empty("rl", t->rl_done + 1, c->steps);
        profiled_step(t, &m);
        if (t->rl_done % c->eval_every == 0 || t->rl_done == c->steps) evaluate_and_report(t, &m);
        report(t, &m, true);
        if (stop_asked(t)) return false;
        if (t->rl_done % c->checkpoint_every == 0 || t->rl_done == c->steps) save(t);
    }
    return true;
}

// False where what the run leaves behind, the model or (not `whole`) the checkpoint, could not be written.
static bool finish(Trainer *t, bool whole) {
    Error err;
    bool saved = whole ? checkpoint_save_model(t, &err) : save(t);
    if (comm_rank(t->comm) != 0) return saved;
    if (whole && !saved) fprintf(stderr, "warning: the model was not written: %s\n", err.text);
    if (!summary_print(t->config.out, stdout, &err) || !report_write_run(t->config.out, &err)) fprintf(stderr, "warning: no report: %s\n", err.text);
    else printf("\nreport: %s/report.html\n", t->config.out);
    if (whole && saved) printf("model:  %s/model\n", t->config.out);
    if (!whole && saved) printf("stopped at a checkpoint; the same command with --resume goes on\n");
    return saved;
}

static void usage(void) {
    printf("usage: ./train [flags]      supervised warm-up, then reinforcement learning with verifiable rewards\n"
           "flag                   meaning (range) [default]\n");
    flags_help(train_flags, train_flag_count, stdout);
}

static int plan(Trainer *t, const TrainConfig *config, Comm *comm) {
    Error err;
    bool ok = trainer_plan(t, config, comm, &err);
    if (!ok) fprintf(stderr, "train: %s\n", err.text);
    else if (comm_rank(comm) == 0) trainer_print(t, stdout);
    trainer_close(t);
    comm_close(comm);
    return ok ? 0 : 2;
}

int main(int argc, char **argv) {
    static TrainConfig config;
    static Trainer trainer;
    Error err;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) return usage(), 0;
    Comm *comm = train_config_parse(&config, argc, argv, &err) ? comm_open(&argc, &argv, &err) : NULL;
    if (!comm) return fprintf(stderr, "train: %s\n", err.text), 2;
    if (config.plan) return plan(&trainer, &config, comm);
    if (!trainer_open(&trainer, &config, comm, &err)) return fprintf(stderr, "train: %s\n", err.text), 2;
    if (comm_rank(comm) == 0) trainer_print(&trainer, stdout);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    bool saved = finish(&trainer, warmup(&trainer) && reinforce(&trainer));
    trainer_close(&trainer);
    comm_close(comm);
    return saved ? 0 : 2;
}
