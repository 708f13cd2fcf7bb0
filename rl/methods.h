// The methods: one row each, the source, and the differences from GRPO: what a row leaves out is as in GRPO. A flag on
// the command line overrides its row. A new method is one row here, if its parts exist.
#ifndef RL_METHODS_H
#define RL_METHODS_H
#include "rl/config.h"

typedef struct Method {
    const char *name, *source;
    double eps_low, eps_high, dual_clip; // bounds of the ratio (kernels/modulation.h)
    float reward_right, reward_wrong;    // reward of a correct response, and of any other
    AllocateKind allocation;             // rollouts per prompt (kernels/allocate.h)
    AdvantageKind advantage;             // of a rollout within its group (kernels/advantage.h)
    Modulation modulation;               // of a token's advantage (kernels/modulation.h)
    double entropy_coef;                 // weight of the entropy bonus
    float shaping, shaping_most;         // A + min(shaping H, shaping_most |A|) replaces A
    TokenRule rule;                      // the tokens that are treated differently (rl/adjust.h)
    int dynamic_sampling;                // most rounds of generation (rl/resample.h); 0 = off
    double overlong;                     // share of --max-tokens in which long responses are punished (rl/overlong.h)
} Method;

#define CLIP(low, high, dual) .eps_low = low, .eps_high = high, .dual_clip = dual
#define REWARD(right, wrong)  .reward_right = right, .reward_wrong = wrong
#define GRPO                  CLIP(0.2, 0.2, 10), REWARD(1, 0)
static const Method methods[] = {
    {"grpo", "Shao et al., arXiv 2402.03300", GRPO},
    {"clip-higher", "Yu et al. (DAPO), arXiv 2503.14476", CLIP(0.2, 0.28, 10), REWARD(1, 0)},
    {"entropy-loss", "entropy bonus over the full vocabulary, differentiated", GRPO, .entropy_coef = 0.001},
    {"entropy-advantage", "Cheng et al., arXiv 2506.14758", GRPO, .shaping = 0.4f, .shaping_most = 0.5f},
    {"fork-tokens", "Wang et al., arXiv 2506.01939", CLIP(0.2, 0.28, 10), REWARD(1, 0), .rule = RULE_FORK},
    {"clip-cov", "Cui et al., arXiv 2505.22617", CLIP(1, 1, 0), REWARD(1, 0), .rule = RULE_CLIP_COV},
    {"kl-cov", "Cui et al., arXiv 2505.22617", CLIP(1, 1e30, 0), REWARD(1, 0), .rule = RULE_KL_COV},
    {"w-reinforce", "Zhu et al., arXiv 2506.01347", CLIP(0.2, 0.2, 10), REWARD(0.1, -1), .advantage = ADVANTAGE_REWARD},
    {"dapo", "Yu et al., arXiv 2503.14476; their mean over tokens is --loss-mean's default", CLIP(0.2, 0.28, 10),
     REWARD(1, -1), .dynamic_sampling = 10, .overlong = 0.2},
    {"dynamo", "Fang et al., arXiv 2602.19208", GRPO, .allocation = ALLOCATE_VARIANCE, .modulation = MODULATION_BOTH},
};

// The name of method i, NULL beyond the last: the choices of --method.
static inline const char *method_word(int i) {
    return i >= 0 && i < (int)(sizeof methods / sizeof *methods) ? methods[i].name : NULL;
}

#endif
