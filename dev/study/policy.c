// Optional (study).
#include "dev/study/policy.h"
#include "model/files/safetensors.h"
#include "rl/checkpoint/run_folder.h"
#include <string.h>

static bool counter(const Safetensors *state, const char *key, long long *to) {
    const char *text = safetensors_metadata(state, key);
    char *end = NULL;
    if (text) *to = strtoll(text, &end, 10);
    return text && *text && !*end && *to >= 0;
}

static const Safetensor *array(const Safetensors *state, const char *name, SafetensorType type, size_t n) {
    const Safetensor *t = safetensors_find(state, name);
    return t && t->type == type && t->elements == n ? t : NULL;
}

static bool load_moments(Trainer *t, const Safetensors *state) {
    size_t n = t->gpt->table.size;
    const Safetensor *m = array(state, "adamw.m", SAFETENSOR_F32, n), *v = array(state, "adamw.v", SAFETENSOR_F32, n);
    if (!m || !v || !counter(state, "adamw.t", &t->opt.t)) return false;
    optimizer_write(t->gpt, &t->opt, t->opt.m, 0, m->data, n);
    optimizer_write(t->gpt, &t->opt, t->opt.v, 0, v->data, n);
    return true;
}

static bool load_history(Trainer *t, const Safetensors *state) {
    History *h = &t->history;
    size_t n = (size_t)h->count;
    const Safetensor *id = array(state, "history.id", SAFETENSOR_I64, n),
                     *correct = array(state, "history.correct", SAFETENSOR_F64, n),
                     *verified = array(state, "history.verified", SAFETENSOR_F64, n);
    if (!id || !correct || !verified || memcmp(id->data, h->id, id->bytes) != 0) return false;
    memcpy(h->correct, correct->data, correct->bytes);
    memcpy(h->verified, verified->data, verified->bytes);
    return true;
}

// The state of training beside the model. A step-0 checkpoint holds the moments of the warm-up, which RL forgets.
static bool load_state(Policy *p, const char *checkpoint, Error *err) {
    Trainer *t = &p->trainer;
    char path[FLAG_TEXT_SIZE + 32];
    snprintf(path, sizeof path, "%s/trainer.safetensors", checkpoint);
    if (access(path, F_OK) != 0) return true;
    Safetensors *state = safetensors_open(path, err);
    if (!state) return false;
    bool ok = counter(state, "rl_done", &p->step) || fail(err, "%s does not say after which step it was written", path);
    p->history = ok && load_history(t, state);
    if (ok && !p->history) ok = fail(err, "%s is of other prompts than these flags give", path);
    p->moments = ok && p->step > 0 && load_moments(t, state);
    if (ok && p->step > 0 && !p->moments) ok = fail(err, "%s has no moments of this model", path);
    safetensors_close(state);
    if (ok) t->rl_done = (int)p->step;
    return ok;
}

static bool open_trainer(Trainer *t, const char *checkpoint, TrainConfig config, Comm *comm, Error *err) {
    const char *parent = getenv("TMPDIR");
    char lock[FLAG_TEXT_SIZE + 8];
    Error left;
    snprintf(config.model, sizeof config.model, "%s", checkpoint);
    snprintf(config.out, sizeof config.out, "%s/dynamo-study-XXXXXX", parent && *parent ? parent : P_tmpdir);
    config.resume = config.overwrite = false;
    if (!mkdtemp(config.out)) return fail(err, "no temporary folder %s", config.out);
    bool ok = trainer_open(t, &config, comm, err);
    snprintf(lock, sizeof lock, "%s/.lock", config.out);
    unlink(lock);
    if (!run_folder_clear(&config, &left) || rmdir(config.out) != 0)
        fprintf(stderr, "warning: the temporary folder %s stays\n", config.out);
    return ok;
}

bool policy_open(Policy *p, const char *checkpoint, const TrainConfig *config, Error *err) {
    Comm *comm = comm_open(NULL, NULL, err);
    *p = (Policy){.step = -1, .trainer.comm = comm};
    return comm && open_trainer(&p->trainer, checkpoint, *config, comm, err) && load_state(p, checkpoint, err);
}

void policy_close(Policy *p) {
    Comm *comm = p->trainer.comm;
    if (!comm) return;
    trainer_close(&p->trainer);
    comm_close(comm);
}

void policy_room(Policy *p, RolloutBatch *batch, int count) {
    rollout_batch_plan(batch, 0, count, p->trainer.config.max_tokens);
    rollout_batch_commit(batch, p->trainer.dev);
}

void policy_sample(Policy *p, RolloutBatch *batch, const Prompt *prompts, int P, int each, uint32_t stream) {
    Trainer *t = &p->trainer;
    const TrainConfig *c = &t->config;
    SampleConfig sample = {(float)c->temp, .top_p = 1.0f, .seed = (uint64_t)c->seed, .step = stream};
    batch->count = 0;
    for (int i = 0; i < P; i++)
        for (int j = 0; j < each; j++) rollout_batch_add(batch, prompts, i, j, 0);
    generator_run(t->generator, batch->rollouts, batch->count, 0, prompts, P, c->max_tokens, &sample);
    grade_rollouts(t->grader, t->tokenizer, prompts, P, batch->rollouts, batch->count, 0, 1.0f, 0.0f);
}

int policy_batch(Policy *p, int step) {
    Trainer *t = &p->trainer;
    const TrainConfig *c = &t->config;
    RolloutBatch *b = &t->batch;
    int problem[c->prompts];
    double tokens = 0;
    Prompt prompts[c->prompts];
    Error err;
    REQUIRE(problems_batch(&t->train.problems, (uint64_t)c->seed, step, c->prompts, problem, &err), "%s", err.text);
    for (int i = 0; i < c->prompts; i++) prompts[i] = t->train.prompts[problem[i]], b->h_n[i] = c->rollouts;
    for (int i = 0; i < c->prompts; i++) b->h_starts[i + 1] = b->h_starts[i] + b->h_n[i];
    policy_sample(p, b, prompts, c->prompts, c->rollouts, STREAM_BATCH);
    rollout_batch_advantages(b, t->dev, prompts, ADVANTAGE_GRPO);
    for (int j = 0; j < b->count; j++) tokens += b->rollouts[j].n;
    for (int j = 0; j < b->count; j++) {
        const Rollout *r = &b->rollouts[j];
        const Prompt *prompt = &prompts[r->prompt];
        t->sequences[j] = (TrainSequence){.prompt = prompt->tokens, .tokens = r->tokens, .sampled = r->sampled,
                                          .n_prompt = prompt->n, .n = r->n, .advantage = r->advantage,
                                          .weight = (float)(1.0 / tokens)};
    }
    return b->count;
}

PolicyObjective policy_objective(const Policy *p) {
    const TrainConfig *c = &p->trainer.config;
    return (PolicyObjective){.inv_temp = 1.0f / (float)c->temp,
                             .eps_low = (float)c->eps_low,
                             .eps_high = (float)c->eps_high,
                             .dual_clip = (float)c->dual_clip};
}
