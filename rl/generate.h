// The generation engine: many responses at once by continuous batching.
//
// There are `slots` sequences in flight. A slot takes the next rollout from the queue, decodes one token a step together
// with all other slots, and is refilled as soon as its response ends. Keys and values live in blocks with a table per
// slot; a prompt is prefilled once, packed with the others that start at the same time, and the blocks it fills are shared
// by its rollouts (reference counts). Of a last, partly filled block each gets a copy, except for the last rollout, which
// goes on in the block itself. The last prompt token is decoded by each rollout itself: its logits are those of the first
// response token. Rollouts of a prompt should stand together in the list: for one that stands apart it is prefilled again.
// Within a burst of steps (one in the C build, eight in the CUDA build) everything happens on the device; then the host
// looks at what was drawn, takes the finished rollouts out and fills their slots.
//
// What a rollout says depends on (model, seed, step, prompt id, rollout number, prompt) and on nothing else: not on
// slots, threads, ranks, or the other rollouts.
#ifndef RL_GENERATE_H
#define RL_GENERATE_H
#include "kernels/sample.h"
#include "model/gpt.h"
#include "rl/rollout.h"

typedef struct Generator Generator;

// T: longest prompt + response. Plans and takes its memory: KV blocks for `slots` sequences of T tokens, and rows for decoding.
// generator_plan leaves the device's memory to generator_commit.
Generator *generator_new(const Gpt *gpt, int slots, int T);
Generator *generator_plan(const Gpt *gpt, int slots, int T);
void generator_commit(Generator *generator);
void generator_free(Generator *generator);
const Arena *generator_arena(const Generator *generator); // what it needs

// Sets the steps of a burst, 1 to DECODE_BURST_MAX (kernels/decode.h); changes no bit of the result.
void generator_look_every(Generator *generator, int steps);

// Generates every rollout of the list whose rank is `rank`, in place: fills tokens, sampled, n and truncated. tokens and
// sampled must have room for max_new. prompts (P) are indexed by rollout->prompt. Returns the number of decoding steps.
long generator_run(Generator *generator, Rollout *rollouts, int count, int rank, const Prompt *prompts, int P, int max_new,
                   const SampleConfig *sample);

#endif
