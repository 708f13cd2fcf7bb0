#include "rl/trainer.h"
#include "model/gpt_files.h"
#include "rl/methods.h"
#include "rl/resume.h"
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

// What every part needs of the device's memory is known before any of it is taken.
static bool plan_memory(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    int longest = t->train.longest > t->heldout.longest ? t->train.longest : t->heldout.longest;
    t->arena.name = "gradients, optimizer";
    gradients_plan(t->gpt, &t->grads, &t->arena);
    optimizer_plan(t->gpt, &t->opt, &t->arena);
    t->updater = updater_plan(t->gpt, c->micro_tokens, t->T, c->logit_rows);
    t->generator = generator_plan(t->gpt, c->slots, longest + c->max_tokens);
    plan_step_arrays(t);
    t->memory = memory_plan(t->gpt, &t->arena, t->updater, t->generator, &t->arrays.arena, c->slots, longest + c->max_tokens);
    return memory_check(&t->memory, err);
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
    t->pool = pool_new(B, c->max_tokens);
    t->results = malloc((size_t)capacity * (size_t)new_tokens * sizeof *t->results);
    t->sequences = malloc((size_t)capacity * sizeof *t->sequences);
    t->warmup_tokens = malloc((size_t)c->sft_batch * (size_t)t->T * sizeof(int));
    REQUIRE(t->results && t->sequences && t->warmup_tokens, "out of memory");
    t->judge = judge_new(&t->train.problems, true);
    t->heldout_judge = judge_new(&t->heldout.problems, true);
}

static bool open_model(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    ModelConfig model;
    float *h_params;
    int longest = t->train.longest > t->heldout.longest ? t->train.longest : t->heldout.longest;
    int T = longest + (c->max_tokens > TASK_RESPONSE_MAX ? c->max_tokens : TASK_RESPONSE_MAX);
    if (strcmp(c->model, "tiny") == 0) {
        static const char *const architectures[] = {"llama", "qwen2", "qwen3"};
        model = (ModelConfig){.V = tokenizer_vocab_size(t->tokenizer), .C = c->channels, .F = c->ffn, .L = c->layers, .NH = c->heads,
                              .NKV = c->kv_heads, .HS = c->channels / c->heads, .T_max = T, .eps = 1e-6f, .rope_theta = 10000.0,
                              .qkv_bias = c->architecture == 1, .qk_norm = c->architecture == 2, .tied = true,
                              .eos = {tokenizer_id(t->tokenizer, "\n")}, .n_eos = 1};
        snprintf(model.architecture, sizeof model.architecture, "%s", architectures[c->architecture]);
        if (!model_config_check(&model, "--model tiny", err)) return false;
    } else if (!model_config_load(&model, c->model, err)) {
        return false;
    }
    if (T > model.T_max) return fail(err, "%s: a prompt of %d and a response of %d tokens; the model takes %d in all: lower --max-tokens", c->model, longest, c->max_tokens, model.T_max);
    if (tokenizer_vocab_size(t->tokenizer) > model.V) return fail(err, "%s: the tokenizer has %d tokens, the model %d", c->model, tokenizer_vocab_size(t->tokenizer), model.V);
    if (model.n_eos == 0) return fail(err, "%s: no eos_token_id in config.json or generation_config.json", c->model);
    t->T = longest + new_tokens_most(c);
    t->gpt = gpt_plan(t->dev, &model, T);
    if (!plan_memory(t, err)) return false;
    open_parts(t);
    h_params = calloc(t->gpt->table.size, sizeof *h_params);
    REQUIRE(h_params, "out of memory");
    if (strcmp(c->model, "tiny") == 0) params_init(&t->gpt->table, (uint64_t)c->seed, h_params);
    else if (!params_load(&t->gpt->table, c->model, h_params, err)) return free(h_params), false;
    device_upload_floats(t->dev, t->gpt->params, h_params, t->gpt->table.size);
    optimizer_start(t->gpt, &t->opt, h_params);
    free(h_params);
    return true;
}

static bool make_folder(const char *path, Error *err) {
    char part[FLAG_TEXT_SIZE + 1];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = part + 1; *slash; slash++) { // every parent, then the folder itself
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
    if (config->resume && !resume_load(t, err)) return false;
    if (comm_rank(comm) != 0) return true;
    cJSON *line = config_line(t);
    bool ok = metrics_open(&t->log, config->out, line, t->sft_done, t->rl_done, err);
    cJSON_Delete(line);
    return ok;
}

void trainer_close(Trainer *t) {
    comm_detach(t->comm);
    metrics_close(&t->log);
    judge_free(t->judge), judge_free(t->heldout_judge);
    pool_free(&t->pool);
    free(t->results), free(t->sequences), free(t->warmup_tokens), free(t->arrays.h_n);
    history_free(&t->history);
    updater_free(t->updater), generator_free(t->generator);
    if (t->dev) arena_free(&t->arrays.arena, t->dev), arena_free(&t->arena, t->dev);
    gpt_free(t->gpt);
    prompts_free(&t->train), prompts_free(&t->heldout);
    tokenizer_free(t->tokenizer);
    if (t->dev) device_close(t->dev);
}

void trainer_print(const Trainer *t, FILE *out) {
    const ModelConfig *m = &t->gpt->config;
    fprintf(out, "dynamo.c on %s, %d rank%s\n\n", device_name(t->dev), comm_size(t->comm), comm_size(t->comm) == 1 ? "" : "s");
    flags_print(train_flags, train_flag_count, &t->config, out);
    fprintf(out, "\n  model    %s: %zu parameters; L %d, C %d, NH %d, NKV %d, HS %d, F %d, V %d%s\n", m->architecture, t->gpt->table.numbers, m->L, m->C, m->NH,
            m->NKV, m->HS, m->F, m->V, m->tied ? ", tied head" : "");
    fprintf(out, "  prompts  %d to train on, %d held out; longest %d tokens\n", t->train.problems.count, t->heldout.problems.count,
            t->train.longest > t->heldout.longest ? t->train.longest : t->heldout.longest);
    memory_print(&t->memory, out);
}
