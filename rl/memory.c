// Optional (start-up table).
#include "rl/memory.h"
#include "base/flags_text.h"
#include "rl/data.h"
#include "rl/methods.h"
#include "rl/trainer.h"
#include <string.h>

static const char *const kind_names[MEMORY_KINDS] = {
    [MEMORY_OTHER] = "other",         [MEMORY_WEIGHTS] = "weights",         [MEMORY_GRADIENTS] = "gradients",
    [MEMORY_OPTIMIZER] = "optimizer", [MEMORY_ACTIVATIONS] = "activations", [MEMORY_LOGITS] = "logits",
    [MEMORY_KV_BLOCKS] = "KV blocks"};

// The most slots whose generator fits into `room` bytes: more slots never need less.
static int most_slots(const Gpt *gpt, size_t room, int T) {
    int low = 0, high = 4096; // the largest --slots
    while (low < high) {
        int middle = low + (high - low + 1) / 2;
        Generator *g = generator_plan(gpt, middle, T);
        if (generator_arena(g)->bytes <= room) low = middle;
        else high = middle - 1;
        generator_free(g);
    }
    return low;
}

static void add(MemoryPlan *p, const Arena *arena) {
    for (int k = 0; k < MEMORY_KINDS; k++) p->kind[k] += arena->by_kind[k];
    p->total += arena->bytes;
}

MemoryPlan memory_plan(const Gpt *gpt, const Arena *const *arenas, int count, const Generator *generator, int slots,
                       int T) {
    MemoryPlan p = {.slots = slots, .free = device_memory_free(gpt->dev)};
    for (int i = 0; i < count; i++) add(&p, arenas[i]);
    size_t rest = p.total;
    add(&p, generator_arena(generator));
    p.slots_fit = most_slots(gpt, p.free > rest ? p.free - rest : 0, T);
    return p;
}

static double mib(size_t bytes) { return (double)bytes / (1 << 20); }

bool memory_check(const MemoryPlan *p, Error *err) {
    char kinds[256] = "";
    if (p->total <= p->free) return true;
    if (p->slots_fit > 0)
        return fail(err, "%.0f MiB of device memory are needed and %.0f are free: lower --slots from %d to %d",
                    mib(p->total), mib(p->free), p->slots, p->slots_fit);
    for (int k = 0, used = 0; k < MEMORY_KINDS; k++)
        if (p->kind[k])
            used += snprintf(kinds + used, sizeof kinds - (size_t)used, "%s%s %.0f", used ? ", " : "", kind_names[k],
                             mib(p->kind[k]));
    return fail(err, "%.0f MiB of device memory are needed and %.0f are free (%s): lower --micro-tokens, --logit-rows "
                "and --slots, or take a smaller model", mib(p->total), mib(p->free), kinds);
}

void memory_print(const MemoryPlan *p, FILE *out) {
    const char *separator = "";
    fprintf(out, "  memory   %.1f MiB of %.1f free:", mib(p->total), mib(p->free));
    for (int i = 1; i <= MEMORY_KINDS; i++) {
        int k = i % MEMORY_KINDS; // "other" comes last
        if (!p->kind[k]) continue;
        fprintf(out, "%s %s %.1f", separator, kind_names[k], mib(p->kind[k]));
        separator = ",";
    }
    fprintf(out, "\n           KV blocks are for %d slots; %d would fit\n\n", p->slots, p->slots_fit);
}

// A method that is grpo until ratios differ from 1, which takes a second update of a batch.
static void note_equal_method(const TrainConfig *c, FILE *out) {
    const char *name = methods[c->method].name;
    if (c->updates * c->epochs > 1 || (strcmp(name, "clip-higher") != 0 && strcmp(name, "kl-cov") != 0)) return;
    fprintf(out, "  note     with one update a batch every ratio is 1, so %s is grpo (--updates, --epochs)\n\n", name);
}

void trainer_print(const Trainer *t, FILE *out) {
    const TrainConfig *c = &t->config;
    const ModelConfig *m = &t->gpt->config;
    size_t rollouts = (size_t)c->prompts * (size_t)c->rollouts,
           token = sizeof(int) + sizeof(TokenPolicy) + sizeof(TokenResult);
    int ranks = comm_size(t->comm);
    fprintf(out, "dynamo.c on %s, %d rank%s\n\n", device_name(t->dev), ranks, ranks == 1 ? "" : "s");
    flags_print(&train_flags, c, out);
    fprintf(out, "\n  model    %s: %zu parameters; L %d, C %d, NH %d, NKV %d, HS %d, F %d, V %d%s\n", m->architecture,
            t->gpt->table.numbers, m->L, m->C, m->NH, m->NKV, m->HS, m->F, m->V, m->tied ? ", tied head" : "");
    if (c->plan) fprintf(out, "  prompts  of up to %d tokens\n", t->train.longest);
    else
        fprintf(out, "  prompts  %d to train on, %d held out%s; longest %d tokens\n", t->train.problems.count,
                t->heldout.problems.count, t->heldout.problems.count < c->heldout ? " (there are no more)" : "",
                t->train.longest > t->heldout.longest ? t->train.longest : t->heldout.longest);
    if (t->tokenizer) data_note_eos(m, t->tokenizer, out);
    fprintf(out, "  rollouts %zu of up to %d tokens a step: %.1f MiB on the host\n", rollouts, c->max_tokens,
            (double)rollouts * c->max_tokens * (double)token / (1 << 20));
    memory_print(&t->memory, out);
    note_equal_method(c, out);
    if (t->sft_done + t->rl_done == 0) return;
    bool done = t->sft_done >= c->sft_steps && t->rl_done >= c->steps;
    fprintf(out, "  resumed  %d of %d warm-up and %d of %d steps are done%s\n\n", t->sft_done, c->sft_steps, t->rl_done,
            c->steps, done ? ": nothing is left to do" : "");
}
