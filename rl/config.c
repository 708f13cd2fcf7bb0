#include "rl/config.h"
#include "rl/methods.h"
#include <string.h>

FLAG_WORDS(architecture_word, [ARCH_LLAMA] = "llama", [ARCH_QWEN2] = "qwen2", [ARCH_QWEN3] = "qwen3")
FLAG_WORDS(bad_rows_word, [BAD_ROWS_SKIP] = "skip", [BAD_ROWS_REFUSE] = "refuse")
FLAG_WORDS(allocation_word, [ALLOCATE_UNIFORM] = "uniform", [ALLOCATE_VARIANCE] = "variance",
           [ALLOCATE_STDDEV] = "stddev", [ALLOCATE_BETA] = "beta", [ALLOCATE_KNAPSACK] = "knapsack",
           [ALLOCATE_ORACLE] = "oracle", [ALLOCATION_METHOD] = "method")
FLAG_WORDS(modulation_word, [MODULATION_OFF] = "off", [MODULATION_COMP] = "comp", [MODULATION_STAB] = "stab",
           [MODULATION_BOTH] = "both", [MODULATION_CONST] = "const", [MODULATION_AUTHORS_COMPAT] = "authors-compat",
           [MODULATION_METHOD] = "method")
FLAG_WORDS(constants_word, [CONSTANTS_PAPER] = "paper", [CONSTANTS_RELEASE] = "release")
FLAG_WORDS(advantage_word, [ADVANTAGE_GRPO] = "grpo", [ADVANTAGE_NO_STD] = "no-std", [ADVANTAGE_RLOO] = "rloo",
           [ADVANTAGE_REWARD] = "reward", [ADVANTAGE_METHOD] = "method")
FLAG_WORDS(loss_mean_word, [MEAN_TOKEN] = "token", [MEAN_SEQUENCE] = "sequence", [MEAN_PROMPT] = "prompt",
           [MEAN_CONSTANT] = "constant")
FLAG_WORDS(truncated_word, [TRUNCATED_KEEP] = "keep", [TRUNCATED_MASK] = "mask")
FLAG_WORDS(ratio_word, [RATIO_TOKEN] = "token", [RATIO_SEQUENCE] = "sequence")
FLAG_WORDS(kl_word, [KL_K1] = "k1", [KL_K2] = "k2", [KL_K3] = "k3")
FLAG_WORDS(schedule_word, [SCHEDULE_CONSTANT] = "constant", [SCHEDULE_COSINE] = "cosine")

#define FLAG_CONFIG TrainConfig
static const Flag rows[] = {
    HEADING("Model and data"),
    TEXT_FLAG("model", model, "tiny", "a Hugging Face folder, or tiny: a new model of the sizes below"),
    CHOICE_FLAG("arch", architecture, "qwen3", architecture_word, "tiny: architecture"),
    INT_FLAG("layers", layers, "3", 1, 128, "tiny: layers"),
    INT_FLAG("channels", channels, "128", 8, 8192, "tiny: channels"),
    INT_FLAG("heads", heads, "4", 1, 128, "tiny: attention heads"),
    INT_FLAG("kv-heads", kv_heads, "2", 1, 128, "tiny: key/value heads"),
    INT_FLAG("ffn", ffn, "256", 8, 32768, "tiny: feed-forward size"),
    TEXT_FLAG("data", data, "task:all",
              "task:all, task:NAME[@LEVELS],...; or, comma-separated, gsm8k, math, aime-train, ... (data/sets.h) "
              "and FILE[:question=KEY,answer=KEY]"),
    TEXT_FLAG("data-dir", data_dir, "", "folder of the named sets; else the environment's DATA_DIR, else ../shared"),
    CHOICE_FLAG("bad-rows", bad_rows, "skip", bad_rows_word,
                "rows without question or answer: left out and listed, or an error"),
    INT_FLAG("problems", problems, "0", 0, 1e8, "the most training prompts; 0 = all of files, up to 4096 of tasks"),
    TEXT_FLAG("heldout-data", heldout_data, "",
              "sets or files to evaluate on; training prompts that occur in them are left out; without it, part of "
              "--data is held out"),
    INT_FLAG("heldout", heldout, "256", 1, 1e6, "prompts to evaluate on, for all seeds the same; at most 1/5 of files"),
    TEXT_FLAG("prompt-template", prompt_template, "",
              "text around each question: a name in data/prompts, or ./FILE with a {question} slot; else tasks are "
              "asked verbatim and files as --model was trained, or plainly"),
    TEXT_FLAG("stop", stop, "", "a text that ends a response, beside those of the template; \\n is a line feed"),
    INT_FLAG("max-prompt", max_prompt, "1024", 1, 1 << 20,
             "longest prompt in tokens; longer prompts are left out and listed"),
    TEXT_FLAG("reward-command", reward_command, "", "a program that grades, by lines of JSON (rl/reward_command.h)"),
    INT_FLAG("reward-timeout", reward_timeout, "60", 1, 86400, "seconds that it may take for its next answer"),
    TEXT_FLAG("out", out, "out", "folder for metrics, report and checkpoints"),
    TEXT_FLAG("config", config, "", "a file of flags, name = value a line, or a run.json; the command line wins"),
    SWITCH_FLAG("resume", resume, "resume from the latest checkpoint in --out, bit-identically"),
    SWITCH_FLAG("overwrite", overwrite, "delete the run that is in --out and start anew"),
    SWITCH_FLAG("plan", plan, "print the memory that the run would need, from config.json and these flags, and exit"),
    LONG_FLAG("seed", seed, "1", 0, 9e18, "of weights, problems and sampling"),
    INT_FLAG("threads", threads, "0", 0, 1024, "CPU threads; 0 = all cores; changes no bit of the result"),
    SWITCH_FLAG(
        "invariant", invariant,
        "CUDA build: training reproduces sampling's log-probabilities to the bit (slower); the C build always does"),
    HEADING("Supervised warm-up (tasks only)"),
    INT_FLAG("sft-steps", sft_steps, "0", 0, 1e7, "steps of supervised learning before reinforcement learning"),
    INT_FLAG("sft-batch", sft_batch, "128", 1, 1e6, "examples a step"),
    FLOAT_FLAG("sft-lr", sft_lr, "4e-3", 0, 1, "learning rate, cosine to a tenth"),
    FLOAT_FLAG("sft-worked", sft_worked, "0.3", 0, 1, "share of examples with worked solutions"),
    FLOAT_FLAG("sft-error", sft_error, "0.3", 0, 1, "share of examples whose answer is wrong"),
    HEADING("Reinforcement learning"),
    INT_FLAG("steps", steps, "100", 0, 1e7, "steps of generate, verify, update"),
    CHOICE_FLAG("method", method, "dynamo", method_word, "the method"),
    INT_FLAG("prompts", prompts, "64", 1, 65536, "prompts a step"),
    INT_FLAG("rollouts", rollouts, "16", 1, 4096, "rollouts a prompt on average: the budget is prompts x rollouts"),
    INT_FLAG("rollouts-low", rollouts_low, "8", 1, 4096, "fewest rollouts of a prompt"),
    INT_FLAG("rollouts-high", rollouts_high, "24", 1, 4096, "most rollouts of a prompt"),
    INT_FLAG("max-tokens", max_tokens, "0", 0, 1 << 20, "longest response; 0 = 96, or 1024 of a pretrained model"),
    FLOAT_FLAG("temp", temp, "1", 0.05, 10, "sampling temperature; training divides the logits by it too"),
    CHOICE_FLAG("allocation", allocation, "method", allocation_word, "how rollouts are allocated to prompts"),
    CHOICE_FLAG("modulation", modulation, "method", modulation_word, "what scales a token's advantage"),
    CHOICE_FLAG("constants", constants, "paper", constants_word,
                "alpha_c, alpha_s, gamma, tau: 0.4 0.4 50 0.9, or 0.2 0.4 50 0.99"),
    FLOAT_FLAG("const-boost", const_boost, "0.4", 0, 10,
               "modulation const: b = 1 + this where the advantage is positive"),
    CHOICE_FLAG("advantage", advantage, "method", advantage_word, "group advantage"),
    CHOICE_FLAG("loss-mean", loss_mean, "token", loss_mean_word, "the mean that the loss is"),
    CHOICE_FLAG("truncated", truncated, "keep", truncated_word,
                "responses cut by the length limit: train on them (reward 0) or not"),
    FLOAT_FLAG("explore", explore, "4", 2, 1e6, "verified rollouts before a prompt's history counts"),
    FLOAT_FLAG("mastered", mastered, "0.85", 0, 1, "pass rate from which a prompt counts as mastered"),
    FLOAT_FLAG("history-decay", history_decay, "1", 0, 1, "old counts are multiplied by this at each visit"),
    INT_FLAG("oracle-rollouts", oracle_rollouts, "64", 1, 65536, "allocation oracle: extra rollouts of each prompt"),
    INT_FLAG("dynamic-sampling", dynamic_sampling, "-1", -1, 1000,
             "most rounds a step of replacing groups that are all right or all wrong; 0 = off, -1 = the method's"),
    INT_FLAG("overlong", overlong, "-1", -1, 1 << 20,
             "tokens before --max-tokens over which the reward falls by up to 1; 0 = off, -1 = the method's"),
    CHOICE_FLAG("ratio", ratio, "token", ratio_word, "of each token, or one of the response (GSPO, arXiv 2507.18071)"),
    FLOAT_FLAG("eps-low", eps_low, "-1", -1, 1, "ratio clip below; -1 = the method's"),
    FLOAT_FLAG("eps-high", eps_high, "-1", -1, 100, "ratio clip above; -1 = the method's"),
    FLOAT_FLAG("dual-clip", dual_clip, "-1", -1, 1e6, "largest ratio where A < 0, above 1; 0 off, -1 the method's"),
    FLOAT_FLAG("entropy-coef", entropy_coef, "-1", -1, 10, "weight of the entropy bonus; -1 = the method's"),
    FLOAT_FLAG("kl-coef", kl_coef, "0", 0, 100, "weight of the KL to the policy that RL starts from; 0 = off"),
    CHOICE_FLAG("kl", kl, "k3", kl_word, "its estimator (kernels/token_adjust.h)"),
    INT_FLAG("share-prompts", share_prompts, "1", 0, 1, "1: an update runs a prompt once for all its responses"),
    INT_FLAG("updates", updates, "1", 1, 1024, "mini-batches (optimizer updates) a batch"),
    INT_FLAG("epochs", epochs, "1", 1, 64, "passes over a batch"),
    HEADING("Optimizer"),
    FLOAT_FLAG("lr", lr, "-1", -1, 1, "learning rate of RL; -1 = 3e-4, of a pretrained model 3e-6 or 1e-6"),
    INT_FLAG("warmup", warmup, "10", 0, 1e6, "steps of linear learning-rate warm-up, in either phase"),
    CHOICE_FLAG("schedule", schedule, "constant", schedule_word, "learning rate after that"),
    FLOAT_FLAG("weight-decay", weight_decay, "0.1", 0, 10, "on matrices only"),
    FLOAT_FLAG("beta1", beta1, "0.9", 0, 0.9999, "AdamW"),
    FLOAT_FLAG("beta2", beta2, "0.95", 0, 0.99999, "AdamW"),
    FLOAT_FLAG("adam-eps", adam_eps, "1e-8", 1e-20, 1, "AdamW"),
    FLOAT_FLAG("grad-clip", grad_clip, "1", 0, 1e9, "largest gradient norm; 0 = off"),
    HEADING("Running (no effect on the result)"),
    INT_FLAG("slots", slots, "64", 1, 4096, "sequences generated at a time"),
    INT_FLAG("micro-tokens", micro_tokens, "4096", 1, 1 << 20, "packed tokens of one training forward"),
    INT_FLAG("logit-rows", logit_rows, "512", 1, 1 << 20, "rows of logits held at a time"),
    INT_FLAG("zero", zero, "0", 0, 1, "1: shard the optimizer state over the ranks (ZeRO-1)"),
    INT_FLAG("eval-every", eval_every, "10", 1, 1e7, "RL steps between evaluations on the held-out prompts"),
    INT_FLAG("eval-samples", eval_samples, "4", 1, 4096, "responses a held-out prompt"),
    INT_FLAG("checkpoint-every", checkpoint_every, "50", 1, 1e7, "steps between checkpoints"),
    INT_FLAG("keep", keep, "2", 1, 255, "checkpoints kept"),
    SWITCH_FLAG("verbose", verbose, "all figures in the lines on the terminal"),
    SWITCH_FLAG("tensorboard", tensorboard, "event files for TensorBoard in OUT/tb"),
    INT_FLAG("sample-every", sample_every, "20", 1, 1e7, "RL steps between rollouts written for the report"),
    INT_FLAG("profile-first", profile_first, "1", 1, 1e7,
             "CUDA build: first RL step that a profiler records (make profile)"),
    INT_FLAG("profile-steps", profile_steps, "0", 0, 1e7, "number of RL steps that it records"),
};
const FlagTable train_flags = {rows, sizeof rows / sizeof *rows};

// Training must sample from the policy that it trains, so nothing may truncate its distribution.
static bool truncates_policy(int argc, char **argv, const char **flag) {
    for (int a = 1; a < argc; a++)
        if (strncmp(argv[a], "--top-k", 7) == 0 || strncmp(argv[a], "--top-p", 7) == 0) return *flag = argv[a], true;
    return false;
}

static bool check_rl(const TrainConfig *c, Error *err) {
    if (c->allocation != ALLOCATE_UNIFORM && (c->rollouts_low > c->rollouts || c->rollouts_high < c->rollouts))
        return fail(err, "--rollouts %d must lie between --rollouts-low %d and --rollouts-high %d", c->rollouts,
                    c->rollouts_low, c->rollouts_high);
    if (c->dual_clip > 0 && c->dual_clip <= 1)
        return fail(err, "--dual-clip %g: must be above 1, else it cuts off every negative advantage; 0 = off",
                    c->dual_clip);
    if (c->updates > c->prompts)
        return fail(err, "--updates %d: more mini-batches than the %d prompts of a step", c->updates, c->prompts);
    return true;
}

static bool check_model(const TrainConfig *c, Error *err) {
    if (strcmp(c->model, "tiny") != 0) return true;
    if (c->heads % c->kv_heads)
        return fail(err, "--heads %d must be a multiple of --kv-heads %d", c->heads, c->kv_heads);
    if (c->channels % c->heads || c->channels / c->heads % 2)
        return fail(err, "--channels %d over --heads %d must give an even head size", c->channels, c->heads);
    return true;
}

static bool check_data(const TrainConfig *c, Error *err) {
    bool tasks = strncmp(c->data, "task:", 5) == 0;
    if (tasks && *c->heldout_data) return fail(err, "--heldout-data: tasks generate their own held-out prompts");
    if (!tasks && c->sft_steps > 0)
        return fail(err, "--sft-steps needs a task, whose teacher writes the answers; %s has none", c->data);
    return true;
}

bool train_config_parse(TrainConfig *c, int argc, char **argv, Error *err) {
    const char *flag;
    memset(c, 0, sizeof *c);
    if (truncates_policy(argc, argv, &flag))
        return fail(err, "%.7s is for ./eval only: training must sample from the policy that it trains", flag);
    if (!flags_parse(&train_flags, c, argc, argv, err)) return false;
    const Method *m = &methods[c->method];
    if (c->allocation == ALLOCATION_METHOD) c->allocation = (int)m->allocation;
    if (c->modulation == MODULATION_METHOD) c->modulation = (int)m->modulation;
    if (c->advantage == ADVANTAGE_METHOD) c->advantage = (int)m->advantage;
    if (c->eps_low < 0) c->eps_low = m->eps_low;
    if (c->eps_high < 0) c->eps_high = m->eps_high;
    if (c->dual_clip < 0) c->dual_clip = m->dual_clip;
    if (c->entropy_coef < 0) c->entropy_coef = m->entropy_coef;
    if (c->dynamic_sampling < 0) c->dynamic_sampling = m->dynamic_sampling;
    if (c->overlong < 0 && c->max_tokens) c->overlong = (int)(m->overlong * c->max_tokens);
    return check_rl(c, err) && check_model(c, err) && check_data(c, err);
}
