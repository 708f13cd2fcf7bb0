// Everything a training run can be told: one struct, parsed once, printed once, saved with the checkpoint.
#ifndef RL_CONFIG_H
#define RL_CONFIG_H
#include "base/flags.h"

typedef enum LossMean { MEAN_TOKEN, MEAN_SEQUENCE, MEAN_PROMPT, MEAN_CONSTANT } LossMean;
typedef enum Modulation {
    MODULATION_OFF,
    MODULATION_COMP,
    MODULATION_STAB,
    MODULATION_BOTH,
    MODULATION_CONST,
    MODULATION_AUTHORS_COMPAT,
    MODULATION_METHOD // as the method says
} Modulation;
enum { ALLOCATION_METHOD = 3 };            // after AllocateKind's three
enum { ADVANTAGE_METHOD = 3 };             // after AdvantageKind's first three
typedef enum Constants { CONSTANTS_PAPER, CONSTANTS_RELEASE } Constants;
typedef enum Truncated { TRUNCATED_KEEP, TRUNCATED_MASK } Truncated;
typedef enum Schedule { SCHEDULE_CONSTANT, SCHEDULE_COSINE } Schedule;

typedef struct TrainConfig {
    // model and data
    char model[FLAG_TEXT_SIZE], data[FLAG_TEXT_SIZE], out[FLAG_TEXT_SIZE];
    char data_dir[FLAG_TEXT_SIZE], heldout_data[FLAG_TEXT_SIZE], prompt_template[FLAG_TEXT_SIZE];
    int architecture, layers, channels, heads, kv_heads, ffn; // of `--model tiny`
    int problems, heldout, max_prompt, bad_rows; // bad_rows: 0 skip, 1 refuse
    bool resume, plan;
    int threads;
    bool invariant;
    long long seed;
    // warm-up
    int sft_steps, sft_batch;
    double sft_lr, sft_worked, sft_error;
    // reinforcement learning
    int steps, method, prompts, rollouts, rollouts_low, rollouts_high, max_tokens;
    double temp;
    int allocation, modulation, constants, advantage, loss_mean, truncated;
    double explore, mastered, history_decay;
    double eps_low, eps_high, dual_clip, entropy_coef, const_boost; // eps_high and entropy_coef: -1 = as the method says
    int updates, epochs;
    // optimizer
    double lr, weight_decay, beta1, beta2, adam_eps, grad_clip;
    int warmup, schedule;
    // running
    int slots, micro_tokens, logit_rows, zero;
    int eval_every, eval_samples, checkpoint_every, keep, sample_every, profile_first, profile_steps;
} TrainConfig;

extern const Flag train_flags[];
extern const int train_flag_count;

// Fills config from argv, puts the method's choices where a flag was left to it, and checks what no single flag's range
// can (low <= rollouts <= high, ...). False with one line in err.
bool train_config_parse(TrainConfig *config, int argc, char **argv, Error *err);

// The flags that decide the bits of a run, for its checkpoints: all but where it runs and how (out, threads, slots, how often
// to evaluate or save, ...), and but for the number of steps where the learning rate does not depend on it.
cJSON *train_config_identity(const TrainConfig *config);

// A run is only resumed under the flags that it was started with: names the first difference. False with one line in err.
bool train_config_same(const TrainConfig *config, const cJSON *saved, const char *where, Error *err);

#endif
