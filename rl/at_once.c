// Optional (tests, benchmarks): parts that are planned and committed at once. train.c plans all of them first.
#include "rl/generate.h"
#include "rl/update.h"

Gpt *gpt_new(Device *dev, const ModelConfig *config, int T_rope) {
    Gpt *g = gpt_plan(dev, config, T_rope);
    gpt_commit(g);
    return g;
}

Updater *updater_new(const Gpt *gpt, int micro_tokens, int T, int chunk, bool share_prompts) {
    Updater *u = updater_plan(gpt, micro_tokens, T, chunk, share_prompts);
    updater_commit(u);
    return u;
}

Generator *generator_new(const Gpt *gpt, int slots, int T) {
    Generator *g = generator_plan(gpt, slots, T);
    generator_commit(g);
    return g;
}
