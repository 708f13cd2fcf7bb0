#include "rl/config.h"
#include "base/json.h"
#include "rl/methods.h"
#include <string.h>

#define FIELD(name) offsetof(TrainConfig, name)
#define HEADING(text) {.help = text}

const Flag train_flags[] = {
    HEADING("Model and data"),
    {"model", FLAG_TEXT, FIELD(model), "tiny", 0, 0, NULL, "a Hugging Face folder, or tiny: a new model of the sizes below"},
    {"arch", FLAG_CHOICE, FIELD(architecture), "qwen3", 0, 0, "llama|qwen2|qwen3", "tiny: architecture"},
    {"layers", FLAG_INT, FIELD(layers), "3", 1, 128, NULL, "tiny: layers"},
    {"channels", FLAG_INT, FIELD(channels), "128", 8, 8192, NULL, "tiny: channels"},
    {"heads", FLAG_INT, FIELD(heads), "4", 1, 128, NULL, "tiny: attention heads"},
    {"kv-heads", FLAG_INT, FIELD(kv_heads), "2", 1, 128, NULL, "tiny: key/value heads"},
    {"ffn", FLAG_INT, FIELD(ffn), "256", 8, 32768, NULL, "tiny: feed-forward size"},
    {"data", FLAG_TEXT, FIELD(data), "task:all", 0, 0, NULL, "task:all, task:NAME[@LEVELS],...; or, comma-separated, gsm8k, math, aime-train, ... (data/sets.h) and FILE[:question=KEY,answer=KEY]"},
    {"data-dir", FLAG_TEXT, FIELD(data_dir), "", 0, 0, NULL, "folder of the named sets; else the environment's DATA_DIR, else ../shared"},
    {"bad-rows", FLAG_CHOICE, FIELD(bad_rows), "skip", 0, 0, "skip|refuse", "rows without question or answer: left out and listed, or an error"},
    {"problems", FLAG_INT, FIELD(problems), "0", 0, 1e8, NULL, "the most training prompts; 0 = all of files, up to 4096 of tasks"},
    {"heldout-data", FLAG_TEXT, FIELD(heldout_data), "", 0, 0, NULL, "sets or files to evaluate on; training prompts that stand there too are left out; else part of --data is held out"},
    {"heldout", FLAG_INT, FIELD(heldout), "256", 1, 1e6, NULL, "the most prompts kept for evaluation, never trained on"},
    {"prompt-template", FLAG_TEXT, FIELD(prompt_template), "", 0, 0, NULL, "text around each question: a name in data/prompts, or ./FILE with a {question} slot; else tasks are asked verbatim and files as --model was trained, or plainly"},
    {"max-prompt", FLAG_INT, FIELD(max_prompt), "1024", 1, 1 << 20, NULL, "longest prompt in tokens; longer ones are left out and listed"},
    {"out", FLAG_TEXT, FIELD(out), "out", 0, 0, NULL, "folder for metrics, report and checkpoints"},
    {"resume", FLAG_SWITCH, FIELD(resume), "no", 0, 0, NULL, "go on from the newest checkpoint in --out, bit for bit"},
    {"plan", FLAG_SWITCH, FIELD(plan), "no", 0, 0, NULL, "print what the run would need in memory, from config.json and these flags, and end"},
    {"seed", FLAG_LONG, FIELD(seed), "1", 0, 9e18, NULL, "of weights, problems and sampling"},
    {"threads", FLAG_INT, FIELD(threads), "0", 0, 1024, NULL, "CPU threads; 0 = all cores; changes no bit of the result"},
    {"invariant", FLAG_SWITCH, FIELD(invariant), "no", 0, 0, NULL,
     "CUDA build: what is sampled is what is trained, to the bit (slower); the C build always does so"},
    HEADING("Supervised warm-up (tasks only)"),
    {"sft-steps", FLAG_INT, FIELD(sft_steps), "0", 0, 1e7, NULL, "steps of supervised learning before reinforcement learning"},
    {"sft-batch", FLAG_INT, FIELD(sft_batch), "128", 1, 1e6, NULL, "examples a step"},
    {"sft-lr", FLAG_FLOAT, FIELD(sft_lr), "4e-3", 0, 1, NULL, "learning rate, cosine to a tenth"},
    {"sft-worked", FLAG_FLOAT, FIELD(sft_worked), "0.3", 0, 1, NULL, "share of examples whose answer is worked out"},
    {"sft-error", FLAG_FLOAT, FIELD(sft_error), "0.3", 0, 1, NULL, "share of examples in which the teacher errs"},
    HEADING("Reinforcement learning"),
    {"steps", FLAG_INT, FIELD(steps), "100", 0, 1e7, NULL, "steps of generate, verify, update"},
    {"method", FLAG_CHOICE, FIELD(method), "dynamo", 0, 0, METHOD_NAMES, "a row of rl/methods.h"},
    {"prompts", FLAG_INT, FIELD(prompts), "64", 1, 65536, NULL, "prompts a step"},
    {"rollouts", FLAG_INT, FIELD(rollouts), "16", 1, 4096, NULL, "rollouts a prompt on average: the budget is prompts x rollouts"},
    {"rollouts-low", FLAG_INT, FIELD(rollouts_low), "8", 1, 4096, NULL, "fewest rollouts of a prompt"},
    {"rollouts-high", FLAG_INT, FIELD(rollouts_high), "24", 1, 4096, NULL, "most rollouts of a prompt"},
    {"max-tokens", FLAG_INT, FIELD(max_tokens), "96", 1, 1 << 20, NULL, "longest response"},
    {"temp", FLAG_FLOAT, FIELD(temp), "1", 0.05, 10, NULL, "sampling temperature; training divides the logits by it too"},
    {"allocation", FLAG_CHOICE, FIELD(allocation), "method", 0, 0, "uniform|variance|stddev|method", "how rollouts are dealt to prompts"},
    {"modulation", FLAG_CHOICE, FIELD(modulation), "method", 0, 0, "off|comp|stab|both|const|authors-compat|method", "what scales a token's advantage"},
    {"constants", FLAG_CHOICE, FIELD(constants), "paper", 0, 0, "paper|release", "alpha_c, alpha_s, gamma, tau: 0.4 0.4 50 0.9, or 0.2 0.4 50 0.99"},
    {"const-boost", FLAG_FLOAT, FIELD(const_boost), "0.4", 0, 10, NULL, "modulation const: b = 1 + this where the advantage is positive"},
    {"advantage", FLAG_CHOICE, FIELD(advantage), "method", 0, 0, "grpo|no-std|rloo|method", "group advantage"},
    {"loss-mean", FLAG_CHOICE, FIELD(loss_mean), "token", 0, 0, "token|sequence|prompt|constant", "what the loss is averaged over"},
    {"truncated", FLAG_CHOICE, FIELD(truncated), "keep", 0, 0, "keep|mask", "responses cut by the length limit: train on them (reward 0) or not"},
    {"explore", FLAG_FLOAT, FIELD(explore), "4", 2, 1e6, NULL, "verified rollouts before a prompt's history counts"},
    {"mastered", FLAG_FLOAT, FIELD(mastered), "0.85", 0, 1, NULL, "pass rate from which a prompt counts as mastered"},
    {"history-decay", FLAG_FLOAT, FIELD(history_decay), "1", 0, 1, NULL, "old counts are multiplied by this at each visit"},
    {"eps-low", FLAG_FLOAT, FIELD(eps_low), "0.2", 0, 1, NULL, "ratio clip below"},
    {"eps-high", FLAG_FLOAT, FIELD(eps_high), "-1", -1, 100, NULL, "ratio clip above; -1 = the method's"},
    {"dual-clip", FLAG_FLOAT, FIELD(dual_clip), "10", 0, 1e6, NULL, "bound of the ratio where the advantage is negative, above 1; 0 = off"},
    {"entropy-coef", FLAG_FLOAT, FIELD(entropy_coef), "-1", -1, 10, NULL, "weight of the entropy bonus; -1 = the method's"},
    {"updates", FLAG_INT, FIELD(updates), "1", 1, 1024, NULL, "mini-batches (optimizer updates) a batch"},
    {"epochs", FLAG_INT, FIELD(epochs), "1", 1, 64, NULL, "passes over a batch"},
    HEADING("Optimizer"),
    {"lr", FLAG_FLOAT, FIELD(lr), "3e-4", 0, 1, NULL, "learning rate of reinforcement learning"},
    {"warmup", FLAG_INT, FIELD(warmup), "10", 0, 1e6, NULL, "steps of linear warm-up, in either phase"},
    {"schedule", FLAG_CHOICE, FIELD(schedule), "constant", 0, 0, "constant|cosine", "learning rate after the warm-up"},
    {"weight-decay", FLAG_FLOAT, FIELD(weight_decay), "0.1", 0, 10, NULL, "on matrices only"},
    {"beta1", FLAG_FLOAT, FIELD(beta1), "0.9", 0, 0.9999, NULL, "AdamW"},
    {"beta2", FLAG_FLOAT, FIELD(beta2), "0.95", 0, 0.99999, NULL, "AdamW"},
    {"adam-eps", FLAG_FLOAT, FIELD(adam_eps), "1e-8", 1e-20, 1, NULL, "AdamW"},
    {"grad-clip", FLAG_FLOAT, FIELD(grad_clip), "1", 0, 1e9, NULL, "largest gradient norm; 0 = off"},
    HEADING("Running (no effect on the result)"),
    {"slots", FLAG_INT, FIELD(slots), "64", 1, 4096, NULL, "sequences generated at a time"},
    {"micro-tokens", FLAG_INT, FIELD(micro_tokens), "4096", 1, 1 << 20, NULL, "packed tokens of one training forward"},
    {"logit-rows", FLAG_INT, FIELD(logit_rows), "512", 1, 1 << 20, NULL, "rows of logits held at a time"},
    {"zero", FLAG_INT, FIELD(zero), "0", 0, 1, NULL, "1: ranks share out the optimizer's state instead of each holding all of it (ZeRO-1)"},
    {"eval-every", FLAG_INT, FIELD(eval_every), "10", 1, 1e7, NULL, "RL steps between evaluations on the held-out prompts"},
    {"eval-samples", FLAG_INT, FIELD(eval_samples), "4", 1, 4096, NULL, "responses a held-out prompt"},
    {"checkpoint-every", FLAG_INT, FIELD(checkpoint_every), "50", 1, 1e7, NULL, "steps between checkpoints"},
    {"keep", FLAG_INT, FIELD(keep), "2", 1, 255, NULL, "checkpoints kept"},
    {"sample-every", FLAG_INT, FIELD(sample_every), "20", 1, 1e7, NULL, "RL steps between rollouts written for the report"},
    {"profile-first", FLAG_INT, FIELD(profile_first), "1", 1, 1e7, NULL, "CUDA build: the first RL step that a waiting profiler records (make profile)"},
    {"profile-steps", FLAG_INT, FIELD(profile_steps), "0", 0, 1e7, NULL, "and how many it records"},
};
const int train_flag_count = sizeof train_flags / sizeof *train_flags;

// The policy that samples is the policy that is trained, so nothing may cut its tail off.
static bool truncates_policy(int argc, char **argv, Error *err) {
    for (int a = 1; a < argc; a++)
        if (strncmp(argv[a], "--top-k", 7) == 0 || strncmp(argv[a], "--top-p", 7) == 0)
            return !fail(err, "%.7s is for ./eval only: what is sampled in training must be the policy that is trained", argv[a]);
    return false;
}

bool train_config_parse(TrainConfig *c, int argc, char **argv, Error *err) {
    memset(c, 0, sizeof *c);
    if (truncates_policy(argc, argv, err)) return false;
    if (!flags_parse(train_flags, train_flag_count, c, argc, argv, err)) return false;
    const Method *m = &methods[c->method];
    if (c->allocation == ALLOCATION_METHOD) c->allocation = (int)m->allocation;
    if (c->modulation == MODULATION_METHOD) c->modulation = (int)m->modulation;
    if (c->eps_high < 0) c->eps_high = m->eps_high;
    if (c->entropy_coef < 0) c->entropy_coef = m->entropy_coef;
    if (c->allocation != ALLOCATE_UNIFORM && (c->rollouts_low > c->rollouts || c->rollouts_high < c->rollouts))
        return fail(err, "--rollouts %d must lie between --rollouts-low %d and --rollouts-high %d", c->rollouts, c->rollouts_low, c->rollouts_high);
    if (c->dual_clip > 0 && c->dual_clip <= 1)
        return fail(err, "--dual-clip %g: must be above 1, or every negative advantage is cut off; 0 = off", c->dual_clip);
    if (c->updates > c->prompts) return fail(err, "--updates %d: more mini-batches than the %d prompts of a step", c->updates, c->prompts);
    if (strcmp(c->model, "tiny") == 0 && c->heads % c->kv_heads)
        return fail(err, "--heads %d must be a multiple of --kv-heads %d", c->heads, c->kv_heads);
    if (strcmp(c->model, "tiny") == 0 && (c->channels % c->heads || c->channels / c->heads % 2))
        return fail(err, "--channels %d over --heads %d must give an even head size", c->channels, c->heads);
    if (strncmp(c->data, "task:", 5) == 0 && *c->heldout_data) return fail(err, "--heldout-data: tasks have held-out prompts of their own");
    if (strncmp(c->data, "task:", 5) != 0 && c->sft_steps > 0)
        return fail(err, "--sft-steps needs a task, whose teacher writes the answers; %s has none", c->data);
    return true;
}

cJSON *train_config_identity(const TrainConfig *config) {
    static const char *const running[] = {"out", "resume", "plan", "data-dir", "threads", "slots", "micro-tokens", "logit-rows", "zero", "checkpoint-every", "keep",
                                          "eval-every", "eval-samples", "sample-every", "profile-first", "profile-steps"};
    cJSON *identity = cJSON_CreateObject();
    flags_to_json(train_flags, train_flag_count, config, identity);
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) cJSON_DeleteItemFromObjectCaseSensitive(identity, running[i]);
    if (config->schedule == SCHEDULE_CONSTANT) cJSON_DeleteItemFromObjectCaseSensitive(identity, "steps");
    return identity;
}

static bool same_value(const cJSON *now, const cJSON *saved, const char *where, Error *err) {
    if (cJSON_Compare(now, saved, true)) return true;
    char *a = cJSON_PrintUnformatted(now), *b = saved ? cJSON_PrintUnformatted(saved) : NULL;
    fail(err, "%s was made with --%s %s, not %s: resume with the same flags, or start into another --out", where, now->string, b ? b : "(nothing)", a ? a : "?");
    cJSON_free(a);
    cJSON_free(b);
    return false;
}

bool train_config_same(const TrainConfig *config, const cJSON *saved, const char *where, Error *err) {
    cJSON *raw = train_config_identity(config);
    char *text = cJSON_PrintUnformatted(raw);
    cJSON *identity = cJSON_Parse(text); // numbers as a checkpoint's text gives them: raw ones equal no parsed ones
    bool same = true;
    for (const cJSON *now = identity->child; now && same; now = now->next) {
        const cJSON *then = json_get(saved, now->string);
        if (!then && strcmp(now->string, "steps") == 0) continue; // saved under the constant schedule: that is the difference to name
        same = same_value(now, then, where, err);
    }
    cJSON_Delete(identity);
    cJSON_Delete(raw);
    cJSON_free(text);
    return same;
}
