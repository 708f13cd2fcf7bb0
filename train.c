// dynamo.c: reinforcement learning with verifiable rewards, from supervised warm-up to a better policy. warmup_step
// learns from the tasks' teacher; rl_step (rl/step.c) allocates rollouts to prompts, generates and verifies them, and
// updates the policy with modulated advantages. ./train --help explains every flag.
#include "base/clock.h"
#include "base/flags_text.h"
#include "base/process.h"
#include "rl/checkpoint/checkpoint.h"
#include "rl/evaluate/evaluate.h"
#include "rl/ranks.h"
#include "rl/step.h"
#include "rl/terminal.h"
#include <signal.h>
#include <string.h>

static volatile sig_atomic_t interrupted; // set by Ctrl-C: the run saves a checkpoint and ends

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
    signal(SIGINT, SIG_DFL), signal(SIGTERM, SIG_DFL); // a second one ends the program at once
}

// All ranks stop after the same step, whichever was interrupted.
static bool stop_requested(Trainer *t) {
    double requested = interrupted;
    comm_max(t->comm, &requested, 1);
    return requested > 0;
}

// Supervised warm-up. Returns false where the run was interrupted.
static bool warmup(Trainer *t) {
    const TrainConfig *c = &t->config;
    t->log.started = seconds_now();
    t->log.first = t->sft_done;
    while (t->sft_done < c->sft_steps) {
        StepMetrics m = metrics_empty("sft", t->sft_done + 1, c->sft_steps);
        bool show = t->sft_done % 20 == 0 || t->sft_done + 1 == c->sft_steps;
        warmup_step(t, &m);
        if (comm_rank(t->comm) == 0) metrics_write(&t->log, &m, show);
        if (stop_requested(t)) return false;
        if (t->sft_done % c->checkpoint_every == 0 || t->sft_done == c->sft_steps) checkpoint_save(t);
    }
    return true;
}

// pass@1 on the held-out prompts. The first and last evaluations, which are compared, take at least 16 samples a
// prompt.
static void evaluate(Trainer *t, StepMetrics *m) {
    const TrainConfig *c = &t->config;
    bool edge = t->rl_done == 0 || t->rl_done == c->steps;
    int samples = edge && c->eval_samples < 16 ? 16 : c->eval_samples;
    Evaluation e = {.generator = t->generator,
                    .tokenizer = t->tokenizer,
                    .grader = t->heldout_grader,
                    .set = &t->heldout,
                    .batch = &t->batch,
                    .comm = t->comm,
                    .sample = {(float)c->temp, .top_p = 1.0f, .seed = (uint64_t)c->seed, .step = EVALUATE_STREAM},
                    .samples = samples < t->batch.capacity ? samples : t->batch.capacity,
                    .max_new = c->max_tokens};
    evaluate_heldout(&e, edge, m);
}

// A profiler that waits for it (make profile) records --profile-steps steps from --profile-first on.
static void profiled_step(Trainer *t, StepMetrics *m) {
    int index = t->rl_done + 1 - t->config.profile_first, steps = t->config.profile_steps;
    if (steps > 0 && index == 0) device_profile(t->dev, true);
    rl_step(t, m);
    if (steps > 0 && index == steps - 1) device_profile(t->dev, false);
}

// Reinforcement learning. Returns false where the run was interrupted.
static bool reinforce(Trainer *t) {
    const TrainConfig *c = &t->config;
    t->log.started = seconds_now();
    t->log.first = t->rl_done;
    if (t->rl_done == 0 && c->steps > 0) {
        optimizer_reset(t->gpt, &t->opt); // RL starts with zero moments, as it does from a model on disk
        StepMetrics m = metrics_empty("rl", 0, c->steps);
        evaluate(t, &m);
        if (comm_rank(t->comm) == 0) metrics_write(&t->log, &m, true);
    }
    while (t->rl_done < c->steps) {
        StepMetrics m = metrics_empty("rl", t->rl_done + 1, c->steps);
        profiled_step(t, &m);
        if (t->rl_done % c->eval_every == 0 || t->rl_done == c->steps) evaluate(t, &m);
        if (comm_rank(t->comm) == 0) metrics_write(&t->log, &m, true);
        if (stop_requested(t)) return false;
        if (t->rl_done % c->checkpoint_every == 0 || t->rl_done == c->steps) checkpoint_save(t);
    }
    return true;
}

int main(int argc, char **argv) {
    static TrainConfig config;
    static Trainer trainer;
    Error err;
    process_start("train");
    if (flags_help_asked(argc, argv)) return train_help();
    Comm *comm = train_config_parse(&config, argc, argv, &err) ? comm_open(&argc, &argv, &err) : NULL;
    if (!comm) return ranks_refuse(NULL, "train", &err);
    bool ok = config.plan ? trainer_plan(&trainer, &config, comm, &err) : trainer_open(&trainer, &config, comm, &err);
    if (!ok) return ranks_refuse(comm, "train", &err);
    if (comm_rank(comm) == 0) trainer_print(&trainer, stdout);
    bool complete = true;
    if (!config.plan) {
        signal(SIGINT, on_interrupt);
        signal(SIGTERM, on_interrupt);
        complete = warmup(&trainer) && reinforce(&trainer);
        ok = checkpoint_finish(&trainer, complete);
    }
    trainer_close(&trainer);
    comm_close(comm);
    return !ok || fflush(stdout) ? 1 : complete ? 0 : 130;
}
