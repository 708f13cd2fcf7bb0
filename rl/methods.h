// The methods: one row each, the differences from GRPO, and the source. A flag on the command line overrides its row.
// A new method is one row here, if its parts exist.
#ifndef RL_METHODS_H
#define RL_METHODS_H
#include "rl/config.h"

typedef struct Method {
    const char *name;
    AllocateKind allocation;          // rollouts per prompt (kernels/allocate.h)
    Modulation modulation;            // of a token's advantage (kernels/modulation.h)
    AdvantageKind advantage;          // of a rollout within its group (kernels/advantage.h)
    double eps_high, entropy_coef;    // upper clip of the ratio; weight of the entropy bonus
    float reward_right, reward_wrong; // reward of a correct response, and of any other
    int dynamic_sampling;             // most rounds of generation (rl/resample.h); 0 = off
    double overlong;                  // share of --max-tokens in which long responses are punished (rl/reward.h)
    const char *source;
} Method;

static const Method methods[] = {
    {"grpo", ALLOCATE_UNIFORM, MODULATION_OFF, ADVANTAGE_GRPO, 0.2, 0, 1, 0, .source = "Shao et al., arXiv 2402.03300"},
    {"clip-higher", ALLOCATE_UNIFORM, MODULATION_OFF, ADVANTAGE_GRPO, 0.28, 0, 1, 0,
     .source = "Yu et al. (DAPO), arXiv 2503.14476"},
    {"entropy-loss", ALLOCATE_UNIFORM, MODULATION_OFF, ADVANTAGE_GRPO, 0.2, 0.001, 1, 0,
     .source = "entropy bonus over the full vocabulary, differentiated"},
    {"w-reinforce", ALLOCATE_UNIFORM, MODULATION_OFF, ADVANTAGE_REWARD, 0.2, 0, 0.1f, -1,
     .source = "Zhu et al., arXiv 2506.01347"},
    {"dapo", ALLOCATE_UNIFORM, MODULATION_OFF, ADVANTAGE_GRPO, 0.28, 0, 1, -1, 10, 0.2,
     "Yu et al. (DAPO), arXiv 2503.14476; their mean, over tokens, is --loss-mean's default"},
    {"dynamo", ALLOCATE_VARIANCE, MODULATION_BOTH, ADVANTAGE_GRPO, 0.2, 0, 1, 0,
     .source = "Fang et al., arXiv 2602.19208"},
};

// The name of method i, NULL beyond the last: the choices of --method.
static inline const char *method_word(int i) {
    return i >= 0 && i < (int)(sizeof methods / sizeof *methods) ? methods[i].name : NULL;
}

#endif
