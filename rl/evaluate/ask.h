// Optional (./eval --ask, --chat): talk to a model: the response is shown while it is generated.
//
//   ./eval --model DIR --ask "What is 2 + 3?" [--gold 5] [--samples 4] [--temp 0]
//   ./eval --model DIR --chat            one line a turn; the conversation is kept; /new forgets it, Ctrl-D ends
//
// A question is put by --prompt-template, else as the model was trained here (MODEL/prompt_template.txt), else by the
// model's chat template, in which a conversation is kept; a model without any gets the text alone, and continues it.
// With --gold the verdict follows each response, as in an evaluation: the verifier's, or, where the vocabulary is that
// of the tasks, theirs. Response s to a question is the one that an evaluation of the same question, template and flags
// samples as its s-th.
#ifndef RL_EVALUATE_ASK_H
#define RL_EVALUATE_ASK_H
#include "kernels/device/comm.h"
#include "rl/evaluate/config.h"
#include <signal.h>

// Returns the exit status: 0, 1 or 2 with one line in err, 130 once *stop is nonzero.
int ask_run(const EvalConfig *config, Comm *comm, volatile sig_atomic_t *stop, Error *err);

#endif
