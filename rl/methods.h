// The methods, one row each over the same trainer: what differs from GRPO, and where it comes from. A flag given on the
// command line wins over the row.
#ifndef RL_METHODS_H
#define RL_METHODS_H
#include "kernels/advantage.h"
#include "kernels/allocate.h"
#include "rl/config.h"

typedef struct Method {
    const char *name;
    AllocateKind allocation;
    Modulation modulation;
    AdvantageKind advantage;
    double eps_high, entropy_coef;
    float reward_right, reward_wrong; // what a verdict pays
    const char *source;
} Method;

static const Method methods[] = {
    {"grpo", ALLOCATE_UNIFORM, MODULATION_OFF, ADVANTAGE_GRPO, 0.2, 0, 1, 0, "Shao et al., arXiv 2402.03300"},
    {"clip-higher", ALLOCATE_UNIFORM, MODULATION_OFF, ADVANTAGE_GRPO, 0.28, 0, 1, 0, "Yu et al. (DAPO), arXiv 2503.14476"},
    {"entropy-loss", ALLOCATE_UNIFORM, MODULATION_OFF, ADVANTAGE_GRPO, 0.2, 0.001, 1, 0, "full-vocabulary entropy bonus, differentiated"},
    {"w-reinforce", ALLOCATE_UNIFORM, MODULATION_OFF, ADVANTAGE_REWARD, 0.2, 0, 0.1f, -1, "Zhu et al., arXiv 2506.01347"},
    {"dynamo", ALLOCATE_VARIANCE, MODULATION_BOTH, ADVANTAGE_GRPO, 0.2, 0, 1, 0, "Fang et al., arXiv 2602.19208"},
};
#define METHOD_NAMES "grpo|clip-higher|entropy-loss|w-reinforce|dynamo"

#endif
