#include "rl/trainer.h"
#include "model/files/config_file.h"
#include "data/sets.h"
#include "model/files/gpt_files.h"
#include "rl/methods.h"
#include "rl/checkpoint.h"
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <errno.h>

float learning_rate(double peak, int step, int steps, int warmup, bool cosine) {
    if (step < warmup) return (float)(peak * (step + 1) / warmup);
    if (!cosine || steps <= warmup) return (float)peak;
    double along = (double)(step - warmup) / (steps - warmup);
    return (float)(peak * (0.1 + 0.45 * (1 + cos(M_PI * along))));
}

static int new_tokens_most(const TrainConfig *c) { // a response of either phase
    return c->sft_steps > 0 && c->max_tokens < TASK_RESPONSE_MAX ? TASK_RESPONSE_MAX : c->max_tokens;
}

static void plan_step_arrays(Trainer *t) {
    size_t P = (size_t)t->config.prompts, B = P * (size_t)t->config.rollouts;
    t->arrays.arena.name = "step";
    ARENA_PLAN(&t->arrays.arena, t->arrays.n, P);
    ARENA_PLAN(&t->arrays.arena, t->arrays.starts, P + 1);
    ARENA_PLAN(&t->arrays.arena, t->arrays.correct, P);
    ARENA_PLAN(&t->arrays.arena, t->arrays.verified, P);
    ARENA_PLAN(&t->arrays.arena, t->arrays.reward, B);
    ARENA_PLAN(&t->arrays.arena, t->arrays.advantage, B);
    t->arrays.h_n = calloc(P, sizeof(int));
    REQUIRE(t->arrays.h_n, "out of memory");
}

static int longest_prompt(const Trainer *t) { return t->train.longest > t->heldout.longest ? t->train.longest : t->heldout.longest; }

// What every part needs of the device's memory is known before any of it is taken.
static void plan_memory(Trainer *t, const ModelConfig *model, int T) {
    const TrainConfig *c = &t->config;
    int longest = longest_prompt(t);
    t->T = longest + new_tokens_most(c);
    t->gpt = gpt_plan(t->dev, model, T);
    t->arena.name = "gradients, optimizer";
    t->buckets = buckets_make(&t->gpt->table, t->comm, c->zero == 1);
    gradients_plan(t->gpt, &t->grads, &t->arena, &t->buckets);
    optimizer_plan(&t->opt, &t->arena, &t->buckets);
    t->updater = updater_plan(t->gpt, c->micro_tokens, t->T, c->logit_rows);
    t->generator = generator_plan(t->gpt, c->slots, longest + c->max_tokens);
    plan_step_arrays(t);
    t->memory = memory_plan(t->gpt, &t->arena, t->updater, t->generator, &t->arrays.arena, c->slots, longest + c->max_tokens);
}

static void open_parts(Trainer *t) {
    const TrainConfig *c = &t->config;
    int B = c->prompts * c->rollouts, capacity = B > c->sft_batch ? B : c->sft_batch, new_tokens = new_tokens_most(c);
    gpt_commit(t->gpt);
    arena_commit(&t->arena, t->dev);
    gradients_zero(t->gpt, &t->grads);
    updater_commit(t->updater);
    generator_commit(t->generator);
    arena_commit(&t->arrays.arena, t->dev);
    t->history = history_new(&t->train.problems);
    t->pool = rollout_batch_new(B, c->max_tokens);
    t->results = malloc((size_t)capacity * (size_t)new_tokens * sizeof *t->results);
    t->sequences = malloc((size_t)capacity * sizeof *t->sequences);
    t->warmup_tokens = malloc((size_t)c->sft_batch * (size_t)t->T * sizeof(int));
    REQUIRE(t->results && t->sequences && t->warmup_tokens, "out of memory");
    t->grader = grader_new(&t->train.problems, true);
    t->heldout_grader = grader_new(&t->heldout.problems, false); // as ./eval judges
}

// The model's shape: of the folder's config.json, or of the flags, with V tokens, of which `eos` ends a response.
static bool model_shape(const TrainConfig *c, int V, int eos, int T, ModelConfig *model, Error *err) {
    static const char *const architectures[] = {"llama", "qwen2", "qwen3"};
    if (strcmp(c->model, "tiny") != 0) return model_config_load(model, c->model, err);
    *model = (ModelConfig){.V = V, .C = c->channels, .F = c->ffn, .L = c->layers, .NH = c->heads, .NKV = c->kv_heads,
                           .HS = c->channels / c->heads, .T_max = T, .eps = 1e-6f, .rope_theta = 10000.0, .qkv_bias = c->architecture == 1,
                           .qk_norm = c->architecture == 2, .tied = true, .eos = {eos}, .n_eos = 1};
    snprintf(model->architecture, sizeof model->architecture, "%s", architectures[c->architecture]);
    return model_config_check(model, "--model tiny", err);
}

static int positions(const TrainConfig *c, int longest) { // a prompt and a response of either phase, or of the tasks' teacher
    return longest + (c->max_tokens > TASK_RESPONSE_MAX ? c->max_tokens : TASK_RESPONSE_MAX);
}

static bool open_model(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    ModelConfig model;
    int longest = longest_prompt(t), T = positions(c, longest), V = tokenizer_vocab_size(t->tokenizer);
    if (!model_shape(c, V, tokenizer_id(t->tokenizer, "\n"), T, &model, err)) return false;
    if (T > model.T_max) return fail(err, "%s: a prompt of %d and a response of %d tokens; the model takes %d in all: lower --max-tokens", c->model, longest, c->max_tokens, model.T_max);
    if (V > model.V) return fail(err, "%s: the tokenizer has %d tokens, the model %d", c->model, V, model.V);
    if (model.n_eos == 0) return fail(err, "%s: no eos_token_id in config.json or generation_config.json", c->model);
    plan_memory(t, &model, T);
    if (!memory_check(&t->memory, err)) return false;
    open_parts(t);
    optimizer_start(t->gpt, &t->opt, NULL);
    if (strcmp(c->model, "tiny") != 0) return gpt_load(t->gpt, &t->opt, c->model, err);
    float *h_params = calloc(t->gpt->table.size, sizeof *h_params);
    REQUIRE(h_params, "out of memory");
    params_init(&t->gpt->table, (uint64_t)c->seed, h_params);
    device_upload_floats(t->dev, t->gpt->params, h_params, t->gpt->table.size);
    optimizer_start(t->gpt, &t->opt, h_params);
    free(h_params);
    return true;
}

bool trainer_plan(Trainer *t, const TrainConfig *config, Comm *comm, Error *err) {
    *t = (Trainer){.config = *config, .comm = comm, .train.longest = config->max_prompt};
    if (data_is_tasks(config->data)) t->train.longest = TASK_PROMPT_MAX;
    ModelConfig model;
    int T = positions(config, t->train.longest), characters = (int)strlen(TASK_CHARACTERS) + 1;
    if (!model_shape(config, characters, 0, T, &model, err)) return false;
    if (T > model.T_max) t->train.longest -= T - model.T_max, T = model.T_max; // prompts up to what the model has room for
    if (t->train.longest < 1) return fail(err, "%s takes %d tokens in all: lower --max-tokens", config->model, model.T_max);
    if (!(t->dev = device_open(config->threads, comm_local_rank(comm), err))) return false;
    plan_memory(t, &model, T);
    return true;
}

static bool make_folder(const char *path, Error *err) {
    char part[FLAG_TEXT_SIZE + 1];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = part + (*part != 0); *slash; slash++) { // every parent, then the folder itself
        if (*slash != '/') continue;
        *slash = 0;
        mkdir(part, 0777);
        *slash = '/';
    }
    if (mkdir(part, 0777) == 0 || errno == EEXIST) return true;
    return fail(err, "--out %s: %s", path, strerror(errno));
}

static cJSON *config_line(const Trainer *t) {
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "phase", "config");
    flags_to_json(train_flags, train_flag_count, &t->config, line);
    cJSON_AddNumberToObject(line, "parameters", (double)t->gpt->table.numbers);
    cJSON_AddStringToObject(line, "device", device_name(t->dev));
    cJSON_AddNumberToObject(line, "ranks", comm_size(t->comm));
    return line;
}

bool trainer_open(Trainer *t, const TrainConfig *config, Comm *comm, Error *err) {
    *t = (Trainer){.config = *config, .comm = comm};
    t->dev = device_open(config->threads, comm_local_rank(comm), err);
    if (!t->dev || !comm_attach(comm, t->dev, err)) return false;
    device_set_invariant(t->dev, config->invariant);
    if (comm_rank(comm) == 0 && !make_folder(config->out, err)) return false;
    comm_barrier(comm);
    if (!trainer_open_data(t, err) || !open_model(t, err)) return false;
    if (config->resume && !checkpoint_load(t, err)) return false;
    if (comm_rank(comm) != 0) return true;
    cJSON *line = config_line(t);
    bool ok = metrics_open(&t->log, config->out, line, t->sft_done, t->rl_done, err);
    cJSON_Delete(line);
    return ok;
}

void trainer_close(Trainer *t) {
    comm_detach(t->comm);
    metrics_close(&t->log);
    grader_free(t->grader), grader_free(t->heldout_grader);
    rollout_batch_free(&t->pool);
    free(t->results), free(t->sequences), free(t->warmup_tokens), free(t->arrays.h_n);
    history_free(&t->history);
    updater_free(t->updater), generator_free(t->generator);
    if (t->dev) arena_free(&t->arrays.arena, t->dev), arena_free(&t->arena, t->dev);
    gpt_free(t->gpt);
    prompts_free(&t->train), prompts_free(&t->heldout);
    tokenizer_free(t->tokenizer);
    if (t->dev) device_close(t->dev);
}

static void print_prompts(const Trainer *t, FILE *out) {
    if (t->config.plan) fprintf(out, "  prompts  of up to %d tokens\n", t->train.longest);
    else fprintf(out, "  prompts  %d to train on, %d held out; longest %d tokens\n", t->train.problems.count, t->heldout.problems.count, longest_prompt(t));
}

void trainer_print(const Trainer *t, FILE *out) {
    const TrainConfig *c = &t->config;
    const ModelConfig *m = &t->gpt->config;
    size_t rollouts = (size_t)c->prompts * (size_t)c->rollouts, token = sizeof(int) + sizeof(TokenPolicy) + sizeof(TokenResult);
    fprintf(out, "dynamo.c on %s, %d rank%s\n\n", device_name(t->dev), comm_size(t->comm), comm_size(t->comm) == 1 ? "" : "s");
    flags_print(train_flags, train_flag_count, c, out);
    fprintf(out, "\n  model    %s: %zu parameters; L %d, C %d, NH %d, NKV %d, HS %d, F %d, V %d%s\n", m->architecture, t->gpt->table.numbers, m->L, m->C, m->NH,
            m->NKV, m->HS, m->F, m->V, m->tied ? ", tied head" : "");
    print_prompts(t, out);
    fprintf(out, "  rollouts %zu of up to %d tokens a step: %.1f MiB on the host\n", rollouts, c->max_tokens, (double)rollouts * c->max_tokens * (double)token / (1 << 20));
    memory_print(&t->memory, out);
    if (t->sft_done + t->rl_done > 0)
        fprintf(out, "  resumed  %d of %d warm-up and %d of %d steps are done%s\n\n", t->sft_done, c->sft_steps, t->rl_done, c->steps,
                t->sft_done >= c->sft_steps && t->rl_done >= c->steps ? ": nothing is left to do" : "");
}
