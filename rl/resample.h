// Optional (dynamic sampling): groups that teach nothing are replaced by other prompts before the update (Yu et al.
// (DAPO), arXiv 2503.14476, Eq. 11 and Algorithm 1).
//
// A group is kept if some of its rollouts are correct and some are not: DAPO's condition. (Without --overlong this is
// spread of reward; with it, the rewards of a group without a correct response may differ by length alone, and it is
// dropped all the same.) While fewer than --prompts groups are kept, another round generates as many as are missing, up
// to --dynamic-sampling rounds a step; then the step trains those it has, and where it has none, nothing: weights and
// optimizer stay. Rollouts of dropped groups are in the history, since they were verified.
//
// Prompts come in the random order of epochs (data/problems.h: problems_at), one after another, across rounds and
// steps. Where an epoch ends within a step, a prompt that the step has had is passed over. The state is the number of
// prompts drawn so far, t->prompts_done, which a checkpoint saves.
//
// Departures from the authors' code (verl, recipe/dapo): a round generates only what is missing, theirs a whole batch,
// of which it discards what is too much; theirs ends the run with an error where the rounds are used up; and theirs has
// no history.
#ifndef RL_RESAMPLE_H
#define RL_RESAMPLE_H
#include "rl/trainer.h"

// Prepares round `round` (from 0) of the step, all ranks alike. From round 1 on drops the groups of the round before
// that are not kept: the others move up in prompts (--prompts) and in t->batch with their rollouts, whose ids are
// checked. Then appends the next prompts; batch.first .. batch.P-1 are these. False: there is no such round, and the
// batch has the kept groups alone, maybe none. Fills the metrics of dynamic sampling.
bool resample(Trainer *t, Prompt *prompts, int round, StepMetrics *m);

#endif
