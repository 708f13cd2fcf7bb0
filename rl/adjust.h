// Optional (token-level methods, KL to a reference, sequence ratio): which tokens of a mini-batch get which TokenAdjust
// (kernels/token_adjust.h). A token is chosen by statistics over all N trained tokens of the mini-batch on all ranks:
//
//   fork-tokens  the ceil(N / 5) tokens of highest H form the policy term, which is a mean over them (arXiv 2506.01939,
//                Eq. 6, and verl/trainer/ppo/core_algos.py of its release): factor 0 for the others, and for these the
//                constant that keeps the sum of the weights. Entropy bonus and KL stay means over all tokens.
//   clip-cov     of the tokens whose ratio is not clipped and with 1 < cov < 5, max(1, floor(N / 5000)) drawn at random
//                get factor 0; they stay in the divisor (arXiv 2505.22617 and the core_algos.py of its release).
//   kl-cov       the max(1, floor(N / 500)) tokens of highest cov get + 1 |log pi_a - log pi_a,old|; the ratio has no
//                bound (the same).
//   cov = (A - mean A) (log pi_a - mean log pi_a)
//
// The constants are those of the releases' scripts (for models of 7B; the one for 32B holds one token in 5,000), and so
// are the bounds of the ratio in rl/methods.h: 0 and 2 for clip-cov, none for kl-cov, no dual clip for either.
//
// H, log pi_a and the ratio are those of the policy that this update starts from, as in both releases. What differs
// there: their means, quantiles and counts are those of one micro-batch on one rank, so a token's fate depends on how
// it is packed, and max(1, ...) takes a token from every micro-batch; ties go to whichever comes first in memory and
// the draw is the process's random state. Here a tie goes to the earlier token, in order of prompt, rollout, position,
// and the draw is Philox at (seed, step, update, place in that order): nothing depends on packing, threads or ranks.
//
// --ratio sequence (GSPO, Zheng et al., arXiv 2507.18071): r of every token of response y is s = (pi(y) / pi_old(y))
// ^(1 / |y|). With equal weights w in a response its loss is -w |y| min(s A, clip(s) A), whose derivative by each
// log pi_a is the -w s A of kernels/modulation.h (d s / d log pi_a = s / |y|): exact. Where a factor or b makes
// tokens of a response differ, it is the paper's GSPO-token, with s held fixed.
//
// --kl-coef: the reference is the policy as RL starts (--model, or the end of the warm-up). Its weights are copied on
// the device before the first update, and every checkpoint of RL holds them (rl/checkpoint/checkpoint.h).
#ifndef RL_ADJUST_H
#define RL_ADJUST_H
#include "kernels/policy_loss.h"
#include <stdint.h>

struct Trainer;

typedef struct Adjust {
    TokenAdjust *tokens; // (capacity, max_new), as RolloutBatch's tokens; NULL: nothing is adjusted
    uint64_t *keys;      // (capacity, max_new) in the order of this rank's sequences
    double *sums;        // (capacity) one for each rollout
    floatX *reference;   // device: the weights as RL starts (table.room); NULL without --kl-coef
} Adjust;

// Plans the memory of trainer->adjust in the trainer's arenas, or none where no flag needs it.
void adjust_plan(struct Trainer *trainer);

// Before update `update` (from 0) of a step: adjusts the tokens of the mini-batch of rollouts [first, end), of which
// trainer->sequences (count) are this rank's. Overwrites trainer->results. All ranks call.
void adjust_tokens(struct Trainer *trainer, int first, int end, int count, int update,
                   const PolicyObjective *objective);

// Whether trainer->adjust.reference is set: before the first update of RL the weights themselves are the reference.
// Asked between steps.
bool adjust_has_reference(const struct Trainer *trainer);

#endif
