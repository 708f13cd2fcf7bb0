// The generation engine: many responses at a time by continuous batching.
//
// `slots` sequences are in flight. A slot takes the next rollout from the list, decodes one token a step together with
// all other slots, and starts another rollout as soon as its response ends. Keys and values live in blocks, with a
// table of blocks per slot (paged attention). A prompt is prefilled once, packed with others that start at the same
// time, and its full blocks are shared by its rollouts (reference counts). Each rollout gets a copy of a last, partly
// filled block, except the rollout of the prompt that starts last, which continues in the block itself. The prompt's
// last token is not prefilled but decoded by every rollout: its logits predict the first response token. The rollouts
// of a prompt should be neighbours in the list; for one that is not, the prompt is prefilled again. Within a burst of
// steps (one in the C build, eight in the CUDA build) everything runs on the device; then the host reads what was drawn
// and refills the slots.
//
// The tokens of a rollout depend on (model, seed, step, prompt id, rollout number, prompt) and on nothing else: not on
// slots, threads, ranks or other rollouts. In the CUDA build this holds to the bit with --invariant only: elsewhere the
// rounding of a matmul depends on the number of rows.
//
// Random numbers: the key of a draw is (seed; step, prompt, rollout, position): steps count from 0, prompt is the low
// 32 bits of the prompt's id, position is absolute, that of the token before the drawn one.
#ifndef RL_GENERATE_H
#define RL_GENERATE_H
#include "kernels/sample.h"
#include "model/gpt.h"
#include "rl/stop.h"

typedef struct Generator Generator;

// T: longest prompt + response. Plans and allocates KV blocks for `slots` sequences of T tokens, and rows for decoding.
// generator_plan leaves the device memory to generator_commit.
Generator *generator_new(const Gpt *gpt, int slots, int T);
Generator *generator_plan(const Gpt *gpt, int slots, int T);
void generator_commit(Generator *generator);
void generator_free(Generator *generator);
const Arena *generator_arena(const Generator *generator); // what it needs

// From now on responses end at the template's stop strings too (rl/stop.h); both must outlive the generator's use.
void generator_set_stop(Generator *generator, const PromptTemplate *template, const Tokenizer *tokenizer);

// Sets the steps of a burst, 1 to DECODE_BURST_MAX (kernels/decode.h). Changes no bit of the result.
void generator_set_burst(Generator *generator, int steps);

// watch(context) is called after every burst, while the rollouts grow; false ends the run there, unfinished.
void generator_watch(Generator *generator, bool (*watch)(void *context), void *context);

// Generates every rollout of the list that belongs to `rank`, in place: fills tokens, sampled, n and truncated. tokens
// and sampled must have room for max_new entries. prompts (P) are indexed by rollout->prompt. Returns the decoding
// steps, -1 if it was ended early.
long generator_run(Generator *generator, Rollout *rollouts, int count, int rank, const Prompt *prompts, int P,
                   int max_new, const SampleConfig *sample);

#endif
