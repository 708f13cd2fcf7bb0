// Optional (overlong shaping): the soft punishment of long responses (Yu et al. (DAPO), arXiv 2503.14476, Eq. 13).
#ifndef RL_OVERLONG_H
#define RL_OVERLONG_H
#include "rl/rollout.h"

// Lowers rewards: within `overlong` tokens of the limit max_tokens linearly by up to 1. A truncated response has
// max_tokens, so it loses all of it. Verdicts, and so pass rates and history, stay. overlong = 0: off.
static inline void punish_overlong(Rollout *rollouts, int count, int max_tokens, int overlong) {
    for (int j = 0; j < count; j++) {
        int excess = rollouts[j].n - (max_tokens - overlong);
        if (excess > 0) rollouts[j].reward -= (float)excess / (float)overlong;
    }
}
#endif
