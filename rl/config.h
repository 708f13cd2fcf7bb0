// The configuration of a training run: one struct, parsed once, printed once, saved with every checkpoint.
#ifndef RL_CONFIG_H
#define RL_CONFIG_H
#include "base/flags.h"
#include "kernels/advantage.h"
#include "kernels/allocate.h"

typedef enum Architecture { ARCH_LLAMA, ARCH_QWEN2, ARCH_QWEN3 } Architecture;
typedef enum BadRows { BAD_ROWS_SKIP, BAD_ROWS_REFUSE } BadRows;
typedef enum LossMean { MEAN_TOKEN, MEAN_SEQUENCE, MEAN_PROMPT, MEAN_CONSTANT } LossMean;
typedef enum Constants { CONSTANTS_PAPER, CONSTANTS_RELEASE } Constants;
typedef enum Truncated { TRUNCATED_KEEP, TRUNCATED_MASK } Truncated;
typedef enum Schedule { SCHEDULE_CONSTANT, SCHEDULE_COSINE } Schedule;
typedef enum Modulation {
    MODULATION_OFF,
    MODULATION_COMP,
    MODULATION_STAB,
    MODULATION_BOTH,
    MODULATION_CONST,
    MODULATION_AUTHORS_COMPAT,
    MODULATION_METHOD, // the method's own (rl/methods.h); so are the next two
} Modulation;
enum { ALLOCATION_METHOD = ALLOCATE_KINDS, ADVANTAGE_METHOD = ADVANTAGE_KINDS };

typedef struct TrainConfig {
    // model and data
    char model[FLAG_TEXT_SIZE], data[FLAG_TEXT_SIZE], out[FLAG_TEXT_SIZE];
    char data_dir[FLAG_TEXT_SIZE], heldout_data[FLAG_TEXT_SIZE], prompt_template[FLAG_TEXT_SIZE], stop[FLAG_TEXT_SIZE];
    char config[FLAG_TEXT_SIZE], reward_command[FLAG_TEXT_SIZE];
    int architecture, layers, channels, heads, kv_heads, ffn; // of `--model tiny`
    int problems, heldout, max_prompt, bad_rows, reward_timeout;
    bool resume, overwrite, plan, verbose, tensorboard;
    int threads;
    bool invariant;
    long long seed;
    // supervised warm-up
    int sft_steps, sft_batch;
    double sft_lr, sft_worked, sft_error;
    // reinforcement learning
    int steps, method, prompts, rollouts, rollouts_low, rollouts_high, max_tokens;
    double temp;
    int allocation, modulation, constants, advantage, loss_mean, truncated, ratio, kl; // values of enums
    double explore, mastered, history_decay;
    double eps_low, eps_high, dual_clip, entropy_coef; // -1 = the method's
    int dynamic_sampling, overlong;                    // so are these
    int oracle_rollouts;
    double const_boost, kl_coef;
    int share_prompts, updates, epochs;
    // optimizer
    double lr, weight_decay, beta1, beta2, adam_eps, grad_clip;
    int warmup, schedule;
    // running
    int slots, micro_tokens, logit_rows, zero;
    int eval_every, eval_samples, checkpoint_every, keep, sample_every, profile_first, profile_steps;
} TrainConfig;

extern const FlagTable train_flags;

// Fills config from argv, resolves what was left to the method (allocation, modulation, advantage, the bounds of the
// ratio, ...) to its values, and checks what no flag's range can (low <= rollouts <= high, ...). False with one line in
// err.
bool train_config_parse(TrainConfig *config, int argc, char **argv, Error *err);

// rl/defaults.c: at the start of a run, what the model decides: its sizes, and lr, max_tokens, ... where left open.
bool train_config_complete(TrainConfig *config, Error *err);

#endif
