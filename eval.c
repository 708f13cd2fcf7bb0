// Evaluation: samples n responses to every problem of a set, judges them, and prints pass@k, avg@n and maj@n with 95 %
// intervals. Or, with --score, judges responses that were saved before, without a model. ./eval --help explains the flags.
#include "rl/eval_table.h"
#include "rl/evaluate.h"
#include "rl/memory.h"
#include "verify/score.h"
#include <math.h>
#include <string.h>

typedef struct EvalConfig {
    char model[FLAG_TEXT_SIZE], data[FLAG_TEXT_SIZE], k[FLAG_TEXT_SIZE], out[FLAG_TEXT_SIZE], responses[FLAG_TEXT_SIZE], score[FLAG_TEXT_SIZE];
    int samples, problems, max_tokens, slots, threads, top_k;
    long long seed;
    double temp, top_p;
} EvalConfig;

#define FIELD(name) offsetof(EvalConfig, name)
static const Flag flags[] = {
    {"model", FLAG_TEXT, FIELD(model), "", 0, 0, NULL, "a Hugging Face folder, such as OUT/model of a training run"},
    {"data", FLAG_TEXT, FIELD(data), "task:all", 0, 0, NULL, "task:NAME[@LEVELS],... (held-out prompts), or FILE[:question=KEY,answer=KEY]"},
    {"problems", FLAG_INT, FIELD(problems), "256", 1, 1e7, NULL, "tasks: how many held-out prompts; files: the most rows taken"},
    {"samples", FLAG_INT, FIELD(samples), "8", 1, 65536, NULL, "responses a problem"},
    {"k", FLAG_TEXT, FIELD(k), "1", 0, 0, NULL, "values of k for pass@k, comma-separated"},
    {"temp", FLAG_FLOAT, FIELD(temp), "1", 0, 10, NULL, "sampling temperature; 0 takes the most likely token"},
    {"top-k", FLAG_INT, FIELD(top_k), "0", 0, 1 << 24, NULL, "sample among the k most likely tokens; 0 = off"},
    {"top-p", FLAG_FLOAT, FIELD(top_p), "1", 0, 1, NULL, "sample among the most likely tokens that hold this mass; 1 = off"},
    {"max-tokens", FLAG_INT, FIELD(max_tokens), "96", 1, 1 << 20, NULL, "longest response"},
    {"seed", FLAG_LONG, FIELD(seed), "1", 0, 9e18, NULL, "of the problems (as in training) and of sampling"},
    {"slots", FLAG_INT, FIELD(slots), "64", 1, 4096, NULL, "sequences generated at a time"},
    {"threads", FLAG_INT, FIELD(threads), "0", 0, 1024, NULL, "CPU threads; 0 = all cores"},
    {"out", FLAG_TEXT, FIELD(out), "", 0, 0, NULL, "write the table as JSON (with --score: one verdict a line)"},
    {"responses", FLAG_TEXT, FIELD(responses), "", 0, 0, NULL, "write every response and its verdict as JSON lines"},
    {"score", FLAG_TEXT, FIELD(score), "", 0, 0, NULL, "judge saved {gold, response} rows instead; no model is needed"},
};
enum { FLAGS = sizeof flags / sizeof *flags };

// "1,8,32" -> list; false with the reason in err
static bool parse_k(const EvalConfig *c, int *k, int *count, Error *err) {
    const char *at = c->k;
    for (*count = 0; *count < EVAL_MAX_K; at++) {
        char *end;
        long value = strtol(at, &end, 10);
        if (end == at || (*end && *end != ',') || value < 1) return fail(err, "--k %s: must be whole numbers from 1, separated by commas", c->k);
        if (value > c->samples) return fail(err, "--k %ld: pass@%ld needs at least that many --samples (%d)", value, value, c->samples);
        k[(*count)++] = (int)value;
        if (!*end) return true;
        at = end;
    }
    return fail(err, "--k %s: at most %d values", c->k, EVAL_MAX_K);
}

static bool load_set(const EvalConfig *c, PromptSet *set, Error *err) {
    if (strncmp(c->data, "task:", 5) == 0) {
        TaskSpec spec;
        ProblemSet train = {0};
        bool ok = task_spec_parse(c->data + 5, &spec, err) && problems_from_tasks(&spec, (uint64_t)c->seed, 0, c->problems, &train, &set->problems, err);
        problems_free(&train);
        return ok;
    }
    ProblemReport report;
    if (!problems_from_file(c->data, false, &set->problems, &report, err)) return false;
    problems_report_print(&report, c->data, stderr);
    problems_truncate(&set->problems, c->problems);
    return true;
}

static Gpt *load_model(const EvalConfig *c, Device *dev, int longest, Generator **generator, Error *err) {
    ModelConfig model;
    if (!model_config_load(&model, c->model, err)) return NULL;
    if (longest + c->max_tokens > model.T_max) {
        fail(err, "%s: a prompt of %d and a response of %d tokens; the model takes %d in all: lower --max-tokens", c->model, longest, c->max_tokens, model.T_max);
        return NULL;
    }
    Gpt *gpt = gpt_plan(dev, &model, longest + c->max_tokens);
    *generator = generator_plan(gpt, c->slots, longest + c->max_tokens);
    MemoryPlan memory = memory_plan(gpt, NULL, NULL, *generator, NULL, c->slots, longest + c->max_tokens);
    if (!memory_check(&memory, err)) return NULL;
    gpt_commit(gpt);
    generator_commit(*generator);
    float *h_params = malloc(gpt->table.size * sizeof *h_params);
    REQUIRE(h_params, "out of memory");
    bool ok = params_load(&gpt->table, c->model, h_params, err);
    if (ok) device_upload_floats(dev, gpt->params, h_params, gpt->table.size);
    free(h_params);
    return ok ? gpt : NULL;
}

static bool evaluate(const EvalConfig *c, Comm *comm, Error *err) {
    int k[EVAL_MAX_K], n_k;
    PromptSet set = {0};
    if (!*c->model) return fail(err, "--model must be given (or --score)");
    if (!parse_k(c, k, &n_k, err) || !load_set(c, &set, err)) return false;
    Tokenizer *tokenizer = tokenizer_load(c->model, err);
    if (!tokenizer || !prompts_tokenize(&set, tokenizer, err)) return false;
    Device *dev = device_open(c->threads, comm_local_rank(comm), err);
    Generator *generator = NULL;
    Gpt *gpt = dev ? load_model(c, dev, set.longest, &generator, err) : NULL;
    if (!gpt) return false;
    FILE *responses = *c->responses ? fopen(c->responses, "w") : NULL;
    if (*c->responses && !responses) return fail(err, "--responses %s: cannot be written", c->responses);
    int room = c->samples > 1024 ? c->samples : 1024 / c->samples * c->samples;
    RolloutPool pool = pool_new(room, c->max_tokens);
    Judge *judge = judge_new(&set.problems, false);
    Evaluation e = {generator, tokenizer, judge, &set, &pool, comm,
                    {(float)c->temp, c->top_k, (float)c->top_p, (uint64_t)c->seed, (uint32_t)EVALUATE_STREAM}, c->samples, c->max_tokens, responses};
    EvalTable table = eval_table_measure(&e, k, n_k);
    eval_table_print(&table, stdout);
    bool ok = !*c->out || eval_table_write(&table, c->out, err);
    if (responses) ok = (fclose(responses) == 0 || fail(err, "--responses %s: writing failed", c->responses)) && ok;
    judge_free(judge), generator_free(generator), pool_free(&pool), gpt_free(gpt), device_close(dev);
    tokenizer_free(tokenizer), prompts_free(&set);
    return ok;
}

static bool score(const EvalConfig *c, Error *err) {
    VerifyPolicy policy = verify_policy_evaluation();
    FILE *rows = *c->out ? fopen(c->out, "w") : stdout;
    if (!rows) return fail(err, "--out %s: cannot be written", c->out);
    bool ok = score_file(c->score, rows, *c->out ? stdout : stderr, &policy, err->text, sizeof err->text) == 0;
    if (*c->out && fclose(rows) != 0) return fail(err, "--out %s: writing failed", c->out);
    return ok;
}

int main(int argc, char **argv) {
    static EvalConfig config;
    Error err;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            printf("usage: ./eval --model DIR --data ... [flags]      or      ./eval --score FILE\nflag                   meaning (range) [default]\n\n");
            return flags_help(flags, FLAGS, stdout), 0;
        }
    Comm *comm = comm_open(&argc, &argv, &err);
    bool ok = comm && flags_parse(flags, FLAGS, &config, argc, argv, &err);
    if (ok && comm_size(comm) > 1) ok = fail(&err, "evaluation runs on one rank; start it without mpirun");
    ok = ok && (*config.score ? score(&config, &err) : evaluate(&config, comm, &err));
    if (!ok) fprintf(stderr, "eval: %s\n", err.text);
    if (comm) comm_close(comm);
    return ok ? 0 : 2;
}
