// Optional (metrics): the log of a run: one JSON object a step in metrics.jsonl, and some rollouts token by token in
// rollouts.jsonl, for the report. docs/metrics.md has the figures under the names of other trainers.
#ifndef RL_METRICS_H
#define RL_METRICS_H
#include "kernels/device/timer.h"
#include "kernels/policy_loss.h"
#include "rl/history.h"
#include "rl/report/tensorboard.h"
#include "rl/reward.h"
#include <cjson/cJSON.h>
#include <math.h>

// The figures of a step. A row is a field of StepMetrics and, under the same name, of metrics.jsonl.
#define METRICS(X)                                                                                                     \
    X(loss, "policy loss over the trained tokens; cross-entropy in the warm-up")                                       \
    X(lr, "learning rate of this step")                                                                                \
    X(reward, "mean reward of the step's rollouts")                                                                    \
    X(reward_std, "mean over the prompts of the standard deviation of a prompt's rewards (n - 1)")                     \
    X(pass_rate, "share of the step's rollouts that are correct")                                                      \
    X(heldout_pass1, "mean held-out pass@1 by the rules of ./eval, on evaluation steps;")                              \
    X(heldout_low, "low and")                                                                                          \
    X(heldout_high, "high end of its 95 % interval by bootstrap over prompts")                                         \
    X(heldout_worked, "share of held-out responses that work something out")                                           \
    X(heldout_length, "mean tokens of a held-out response")                                                            \
    X(entropy, "mean entropy of the distributions that the tokens were sampled from, nats")                            \
    X(entropy_min, "H_min and")                                                                                        \
    X(entropy_max, "H_max, its extremes over the batch")                                                               \
    X(delta_max, "largest |dH| of Eq. 29 over the batch")                                                              \
    X(kl_old, "KL(old || new) a token, by Schulman's k3 estimator")                                                    \
    X(kl_ref, "KL(reference || policy) a token with --kl-coef, by k3 over samples of the policy")                      \
    X(adjusted, "share of tokens left out of the policy loss (fork-tokens, clip-cov), or held (kl-cov)")               \
    X(ratio_max, "largest ratio pi / pi_old")                                                                          \
    X(logprob_diff_max, "largest |log pi - log pi_old| in the first update: 0 if sampling and training agree")         \
    X(grad_norm, "norm of the gradient before clipping, mean over the updates")                                        \
    X(clip_frac, "share of tokens whose ratio was clipped")                                                            \
    X(zero_spread, "share of groups whose rollouts all got the same reward")                                           \
    X(b_comp_mean, "mean of b_comp over the trained tokens")                                                           \
    X(b_comp_low, "share with b_comp < 0.95")                                                                          \
    X(b_stab_mean, "mean of b_stab")                                                                                   \
    X(b_stab_low, "share with b_stab < 0.95")                                                                          \
    X(response_length, "mean tokens of a response")                                                                    \
    X(worked, "share of responses that work something out")                                                            \
    X(truncated, "share of responses cut by the length limit")                                                         \
    X(tokens, "response tokens of the step")                                                                           \
    X(tokens_per_s, "the same per second of the whole step")                                                           \
    X(sec_generate, "host seconds: allocation and generation,")                                                        \
    X(sec_verify, "grading,")                                                                                          \
    X(sec_update, "advantages and updates,")                                                                           \
    X(sec_total, "the whole step")                                                                                     \
    X(rounds, "dynamic sampling, whose figures above are of kept groups: rounds of generation this step,")             \
    X(groups_generated, "prompts that rollouts were generated of,")                                                    \
    X(groups_trained, "those whose groups were kept and trained,")                                                     \
    X(rollouts_generated, "rollouts generated, of dropped groups too,")                                                \
    X(tokens_generated, "their response tokens,")                                                                      \
    X(correct_generated, "and how many of them are correct")                                                           \
    X(oracle_tokens, "response tokens of the oracle's extra rollouts")                                                 \
    X(skipped, "updates skipped so far because the gradient was not finite")

enum { UNDECIDED_MAX = 3 };

typedef struct StepMetrics {
    const char *phase; // "sft", "rl"
    int step, steps;
#define METRIC_FIELD(name, meaning) double name;
    METRICS(METRIC_FIELD) // NAN where a step has no such figure
#undef METRIC_FIELD
    double sec_timer[TIMERS]; // device seconds (kernels/device/timer.h): sec_prefill, sec_decode, ...
    int verdicts[VERDICT_COUNT];
    char undecided[UNDECIDED_MAX][320]; // some of this rank's rollouts with verdict unknown or limit (grader_describe)
    int undecided_count;
    int alloc_prompts[PASS_RATE_BINS], alloc_rollouts[PASS_RATE_BINS]; // by the history's pass rate before this step
    int pass_hist[PASS_RATE_BINS]; // held-out prompts by pass rate, where has_pass_hist
    bool has_pass_hist;
    const int *n; // (P) rollouts of each prompt; NULL in the warm-up
    int P;
} StepMetrics;

static inline StepMetrics metrics_empty(const char *phase, int step, int steps) {
    StepMetrics m = {.phase = phase, .step = step, .steps = steps};
#define METRIC_NAN(name, meaning) m.name = NAN;
    METRICS(METRIC_NAN)
#undef METRIC_NAN
    m.skipped = 0;
    return m;
}

typedef struct MetricsLog {
    FILE *metrics, *rollouts;
    FILE *lock;          // of the folder (rl/checkpoint/run_folder.h)
    int sft_steps;       // of the run: global_step counts on from them
    double tokens_total; // of the steps so far
    bool tensorboard;    // asked for
    Tensorboard *board;
    // For the terminal (rl/terminal.h): stdout is one; what was said; the parts of the status line.
    bool terminal, verbose, untaught, explained, cut_noted;
    double status_at; // clock of the last status line
    char left[80], place[40], next[40];
    int rl_steps;
    double started; // clock at the start of this phase
    int first;      // steps of this phase that were done before this process started
} MetricsLog;

// Opens DIR/metrics.jsonl and DIR/rollouts.jsonl, and with log->tensorboard the event file in DIR/tb. sft_done,
// rl_done: the steps of each phase that a resumed run keeps (later lines, and an incomplete last line, are dropped; a
// file that is missing starts anew, reported on stderr); with both 0 the files start anew. False with the reason in
// err; what was there is then intact.
bool metrics_open(MetricsLog *log, const char *dir, int sft_done, int rl_done, Error *err);
bool metrics_flush(MetricsLog *log, Error *err); // to disk
void metrics_close(MetricsLog *log);

// Writes one line of metrics.jsonl and, with show, one on the terminal. Besides the figures a line has
//   phase, step    "sft" or "rl", and the step within it
//   global_step    the run's step: warm-up and RL counted together
//   time           seconds since 1970
//   tokens_total   trained and generated tokens of the run so far
void metrics_write(MetricsLog *log, const StepMetrics *metrics, bool show);
void metrics_write_rollout(MetricsLog *log, const Tokenizer *tokenizer, const char *prompt_text, const char *gold,
                           int step, const Rollout *rollout, const TokenResult *results);

#endif
