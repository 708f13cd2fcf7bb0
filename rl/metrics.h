// What a run tells: one line a step on the terminal, one JSON object a step in metrics.jsonl, and some rollouts, token by
// token, in rollouts.jsonl for the report.
#ifndef RL_METRICS_H
#define RL_METRICS_H
#include "kernels/device/timer.h"
#include "kernels/policy_loss.h"
#include "rl/reward.h"
#include <cjson/cJSON.h>

typedef struct StepMetrics { // names as in metrics.jsonl; NaN where a step has no such figure
    const char *phase;       // "sft", "rl"
    int step, steps;
    double loss, lr, reward, pass_rate;
    double heldout_pass1, heldout_low, heldout_high, heldout_worked, heldout_length; // on evaluation steps
    double entropy, entropy_min, entropy_max, delta_max;
    double kl_old, ratio_max, logprob_diff_max, grad_norm, clip_frac;
    double zero_spread; // share of groups whose rollouts all got the same reward
    double b_comp_mean, b_comp_low, b_stab_mean, b_stab_low; // low: share below 0.95
    double response_length, worked, truncated;
    double tokens, tokens_per_s;
    double sec_timer[TIMERS]; // of the device: sec_prefill, sec_decode, ... (kernels/device/timer.h)
    double sec_generate, sec_verify, sec_update, sec_total;
    long long skipped;
    int verdicts[VERDICT_COUNT];
    char undecided[3][320]; // up to three of this rank's rollouts with verdict unknown or limit, see grader_describe
    int undecided_count;
    int alloc_prompts[11], alloc_rollouts[11]; // by the history's pass rate before this step
    int pass_hist[11];                         // held-out prompts by pass rate, on evaluation steps with enough samples
    bool has_pass_hist;
    const int *n; // (P) rollouts of each prompt, for n_hist
    int P;
} StepMetrics;

StepMetrics metrics_empty(const char *phase, int step, int steps);

typedef struct MetricsLog {
    FILE *metrics, *rollouts;
    bool terminal;      // stdout is one: a progress line with rate and time left
    double started;     // of this phase
    int first;          // first step of this phase in this run
} MetricsLog;

// Opens DIR/metrics.jsonl and DIR/rollouts.jsonl. sft_done, rl_done: steps of each phase that are kept of a run being resumed
// (later lines, and half a last line, are dropped); both 0 start the files anew with `config` as the first line.
bool metrics_open(MetricsLog *log, const char *dir, cJSON *config, int sft_done, int rl_done, Error *err);
void metrics_close(MetricsLog *log);

// One line of metrics.jsonl and, with show, one on the terminal.
void metrics_write(MetricsLog *log, const StepMetrics *metrics, bool show);
void metrics_write_rollout(MetricsLog *log, const Tokenizer *tokenizer, const char *prompt_text, const char *gold, int step,
                           const Rollout *rollout, const TokenResult *results);

#endif
