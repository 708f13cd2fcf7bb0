#include "rl/trainer.h"
#include "model/files/config_file.h"
#include "model/files/gpt_files.h"
#include "rl/checkpoint/checkpoint.h"
#include "rl/data.h"
#include "rl/ranks.h"
#include "rl/run_record.h"
#include <math.h>
#include <string.h>

float learning_rate(double peak, int step, int steps, int warmup, bool cosine) {
    if (step < warmup) return (float)(peak * (step + 1) / warmup);
    if (!cosine || steps <= warmup) return (float)peak;
    double along = (double)(step - warmup) / (steps - warmup);
    return (float)(peak * (0.1 + 0.45 * (1 + cos(M_PI * along))));
}

OptimizerConfig optimizer_config(const TrainConfig *c) {
    return (OptimizerConfig){(float)c->beta1, (float)c->beta2, (float)c->adam_eps, (float)c->weight_decay,
                             (float)c->grad_clip};
}

static bool is_tiny(const TrainConfig *c) { return strcmp(c->model, "tiny") == 0; }
static int larger(int a, int b) { return a > b ? a : b; }
static int longest_prompt(const Trainer *t) { return larger(t->train.longest, t->heldout.longest); }

// Tokens of the longest response that is trained, in either phase.
static int longest_response(const TrainConfig *c) {
    return c->sft_steps > 0 ? larger(c->max_tokens, TASK_RESPONSE_MAX) : c->max_tokens;
}

// ---- Data ----------------------------------------------------------------------------------------------------------
enum { TASK_POOL = 4096 }; // training prompts of tasks, where --problems does not say

static bool load_problems(Trainer *t, FILE *notes, Error *err) {
    const TrainConfig *c = &t->config;
    ProblemSet *train = &t->train.problems, *heldout = &t->heldout.problems;
    if (!data_is_tasks(c->data)) return data_load_files(c, train, heldout, notes, err);
    int pool = c->problems ? c->problems : TASK_POOL;
    return task_spec_parse(c->data + strlen("task:"), &t->tasks, err) &&
           problems_from_tasks(&t->tasks, (uint64_t)c->seed, pool, c->heldout, c->problems == 0, train, heldout, err);
}

// The tokenizer of --model. A tiny model's is the tasks' characters, written to OUT/tokenizer and read back as any
// other.
static bool open_tokenizer(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    const char *characters = TASK_CHARACTERS "\n";
    char folder[FLAG_TEXT_SIZE + 16];
    snprintf(folder, sizeof folder, "%s%s", is_tiny(c) ? c->out : c->model, is_tiny(c) ? "/tokenizer" : "");
    bool writes = is_tiny(c) && comm_rank(t->comm) == 0;
    bool ok = !writes || tokenizer_write_characters(folder, characters, NULL, 0, err);
    if (!ranks_agree(t->comm, ok, err)) return false;
    t->tokenizer = tokenizer_load(folder, err);
    return t->tokenizer != NULL;
}

// The problems that --data names, their prompts as tokens, and what grades the responses.
static bool open_data(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    FILE *notes = comm_rank(t->comm) == 0 ? stderr : NULL;
    if (!load_problems(t, notes, err)) return false;
    bool tasks = data_is_tasks(c->data), strict = c->bad_rows == BAD_ROWS_REFUSE;
    if (!data_choose_template(&t->template, c->prompt_template, c->stop, c->model, tasks, err)) return false;
    if (!prompts_tokenize(&t->train, t->tokenizer, &t->template, c->max_prompt, strict, notes, err)) return false;
    if (!prompts_tokenize(&t->heldout, t->tokenizer, &t->template, c->max_prompt, strict, notes, err)) return false;
    if (t->train.problems.count < c->prompts)
        return fail(err, "--prompts %d: %s has only %d to train on", c->prompts, c->data, t->train.problems.count);
    if (*c->reward_command && !(t->reward_command = reward_command_open(c->reward_command, c->reward_timeout, err)))
        return false;
    t->grader = grader_new(&t->train.problems, true, t->reward_command);
    t->heldout_grader = grader_new(&t->heldout.problems, false, t->reward_command); // as ./eval grades
    return true;
}

// ---- Model and memory ----------------------------------------------------------------------------------------------
// Positions of a prompt and a response; a tiny model has room for the tasks' teacher, whether it is used or not.
static int positions(const TrainConfig *c, int prompt) {
    return prompt + larger(longest_response(c), is_tiny(c) ? TASK_RESPONSE_MAX : 0);
}

// The model's sizes: from the folder's config.json, or from the flags, with V tokens, of which `eos` ends a response.
static bool model_shape(const TrainConfig *c, int V, int eos, int T, ModelConfig *model, Error *err) {
    static const char *const architectures[] = {
        [ARCH_LLAMA] = "llama", [ARCH_QWEN2] = "qwen2", [ARCH_QWEN3] = "qwen3"};
    if (!is_tiny(c)) return model_config_load(model, c->model, err);
    *model = (ModelConfig){.V = V, .C = c->channels, .F = c->ffn, .L = c->layers, .NH = c->heads, .NKV = c->kv_heads,
                           .HS = c->channels / c->heads, .T_max = T, .eps = 1e-6f, .rope_theta = 10000.0,
                           .qkv_bias = c->architecture == ARCH_QWEN2, .qk_norm = c->architecture == ARCH_QWEN3,
                           .tied = true, .eos = {eos}, .n_eos = 1};
    snprintf(model->architecture, sizeof model->architecture, "%s", architectures[c->architecture]);
    return model_config_check(model, "--model tiny", err);
}

// Every part states its device memory before any of it is allocated.
static void plan_memory(Trainer *t, const ModelConfig *model, int T) {
    const TrainConfig *c = &t->config;
    int longest = longest_prompt(t);
    t->T = longest + longest_response(c);
    t->gpt = gpt_plan(t->dev, model, T);
    t->arena.name = "gradients, optimizer";
    t->buckets = buckets_make(&t->gpt->table, t->comm, c->zero == 1);
    gradients_plan(t->gpt, &t->grads, &t->arena, &t->buckets);
    optimizer_plan(&t->opt, &t->arena, &t->buckets);
    t->updater = updater_plan(t->gpt, c->micro_tokens, t->T, c->logit_rows, c->share_prompts);
    t->generator = generator_plan(t->gpt, c->slots, longest + c->max_tokens);
    generator_set_stop(t->generator, &t->template, t->tokenizer);
    bool more = c->dynamic_sampling > 0 && c->allocation != ALLOCATE_UNIFORM; // kept groups may have more than the rest
    rollout_batch_plan(&t->batch, c->prompts, c->prompts * (more ? c->rollouts_high : c->rollouts), c->max_tokens);
    adjust_plan(t);
    const Arena *arenas[] = {&t->gpt->arena, &t->arena, updater_arena(t->updater), &t->batch.arena};
    t->memory = memory_plan(t->gpt, arenas, 4, t->generator, c->slots, longest + c->max_tokens);
}

static void commit_memory(Trainer *t) {
    const TrainConfig *c = &t->config;
    size_t sequences = (size_t)larger(t->batch.capacity, c->sft_batch);
    gpt_commit(t->gpt);
    arena_commit(&t->arena, t->dev);
    gradients_zero(t->gpt, &t->grads);
    updater_commit(t->updater);
    generator_commit(t->generator);
    rollout_batch_commit(&t->batch, t->dev);
    t->results = malloc(sequences * (size_t)longest_response(c) * sizeof *t->results);
    t->sequences = malloc(sequences * sizeof *t->sequences);
    t->weights = malloc(sequences * sizeof *t->weights);
    t->warmup_tokens = malloc((size_t)c->sft_batch * (size_t)t->T * sizeof(int));
    REQUIRE(t->results && t->sequences && t->weights && t->warmup_tokens, "out of memory");
}

// First values of a new model's parameters, and of the optimizer's fp32 copy.
static void init_parameters(Trainer *t) {
    float *h_params = calloc(t->gpt->table.size, sizeof *h_params);
    REQUIRE(h_params, "out of memory");
    params_init(&t->gpt->table, (uint64_t)t->config.seed, h_params);
    device_upload_floats(t->dev, t->gpt->params, h_params, t->gpt->table.size);
    optimizer_start(t->gpt, &t->opt, h_params);
    free(h_params);
}

static bool open_model(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    ModelConfig model;
    int longest = longest_prompt(t), T = positions(c, longest), V = tokenizer_vocab_size(t->tokenizer);
    if (!model_shape(c, V, tokenizer_id(t->tokenizer, "\n"), T, &model, err)) return false;
    if (!model_config_fits(&model, c->model, V, longest, T - longest, err)) return false;
    plan_memory(t, &model, T);
    if (!memory_check(&t->memory, err)) return false;
    commit_memory(t);
    t->history = history_new(&t->train.problems);
    if (c->allocation == ALLOCATE_ORACLE) t->oracle = history_new(&t->train.problems);
    optimizer_start(t->gpt, &t->opt, NULL);
    if (!is_tiny(c)) return gpt_load(t->gpt, &t->opt, c->model, err);
    init_parameters(t);
    return true;
}

bool trainer_plan(Trainer *t, const TrainConfig *config, Comm *comm, Error *err) {
    *t = (Trainer){.config = *config, .comm = comm, .train.longest = config->max_prompt};
    if (!train_config_complete(&t->config, err)) return false;
    if (data_is_tasks(config->data)) t->train.longest = TASK_PROMPT_MAX;
    ModelConfig model;
    int T = positions(&t->config, t->train.longest), characters = (int)strlen(TASK_CHARACTERS) + 1;
    if (!model_shape(config, characters, 0, T, &model, err)) return false;
    if (T > model.T_max)
        t->train.longest -= T - model.T_max, T = model.T_max; // the longest prompts that the model takes
    if (t->train.longest < 1)
        return fail(err, "%s takes %d tokens in all: lower --max-tokens", config->model, model.T_max);
    if (!(t->dev = device_open(config->threads, comm_local_rank(comm), err))) return false;
    t->config.threads = device_threads(t->dev);
    plan_memory(t, &model, T);
    return true;
}

// ---- The run -------------------------------------------------------------------------------------------------------
bool trainer_open(Trainer *t, const TrainConfig *config, Comm *comm, Error *err) {
    *t = (Trainer){.config = *config, .comm = comm};
    t->dev = device_open(config->threads, comm_local_rank(comm), err);
    if (!t->dev || !comm_attach(comm, t->dev, err)) return false;
    device_set_invariant(t->dev, config->invariant);
    t->config.threads = device_threads(t->dev);
    if (!ranks_agree(comm, train_config_complete(&t->config, err) && checkpoint_begin(t, err), err)) return false;
    bool opened = open_tokenizer(t, err) && open_data(t, err) && open_model(t, err) && checkpoint_load(t, err);
    if (!ranks_agree(comm, opened, err) || !ranks_same(t, err)) return false;
    return ranks_agree(comm, comm_rank(comm) != 0 || run_record_open(t, err), err);
}

void trainer_close(Trainer *t) {
    comm_detach(t->comm);
    metrics_close(&t->log);
    grader_free(t->grader), grader_free(t->heldout_grader), reward_command_close(t->reward_command);
    free(t->results), free(t->sequences), free(t->weights), free(t->warmup_tokens);
    history_free(&t->history), history_free(&t->oracle);
    updater_free(t->updater), generator_free(t->generator);
    if (t->dev) rollout_batch_free(&t->batch, t->dev), arena_free(&t->arena, t->dev);
    gpt_free(t->gpt);
    prompts_free(&t->train), prompts_free(&t->heldout);
    tokenizer_free(t->tokenizer);
    if (t->dev) device_close(t->dev);
}
