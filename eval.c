// Evaluation: samples n responses to every problem of one or more data sets, judges them, and prints pass@k, avg@n and maj@n
// with 95 % intervals. An interrupted evaluation goes on with the same command. With --score it judges responses that were saved
// before, without a model. ./eval --help explains the flags.
#include "data/random.h"
#include "model/gpt_files.h"
#include "model/json_file.h"
#include "rl/eval_config.h"
#include "verify/score.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    static const char text[] = "\nfinishing the responses under way; Ctrl-C again ends at once\n";
    (void)signal_number;
    interrupted = 1;
    signal(SIGINT, SIG_DFL); // what was finished before stays usable
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) return;
}

static Gpt *load_model(const EvalConfig *c, Device *dev, const ModelConfig *model, int T, Error *err) {
    Gpt *gpt = gpt_new(dev, model, T);
    float *h_params = malloc(gpt->table.size * sizeof *h_params);
    REQUIRE(h_params, "out of memory");
    bool ok = params_load(&gpt->table, c->model, h_params, err);
    if (ok) device_upload_floats(dev, gpt->params, h_params, gpt->table.size);
    free(h_params);
    if (ok) return gpt;
    gpt_free(gpt);
    return NULL;
}

// Where the responses are kept until all are there: beside --responses, else under a name of the evaluation's own.
static void partial_path(const EvalConfig *c, const cJSON *identity, char *path, size_t size) {
    char *text = cJSON_PrintUnformatted(identity);
    if (*c->responses) snprintf(path, size, "%s.partial", c->responses);
    else snprintf(path, size, "eval-%08x.partial", (unsigned)text_hash(text, 0));
    cJSON_free(text);
}

static void progress(const EvalSet *set, double tokens, double seconds) {
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s: %d of %d problems, %.0f tokens/s ", set->name, set->done, set->set.problems.count, tokens / seconds);
}

typedef struct Run { // what an evaluation holds while it runs
    EvalSets sets;
    Tokenizer *tokenizer;
    Device *dev;
    Gpt *gpt;
    cJSON *identity;
    ResponseFile *file;
    RolloutPool pool;
    Generator *generator;
    char partial[FLAG_TEXT_SIZE + 16];
} Run;

static bool run_open(Run *run, EvalConfig *c, Comm *comm, Error *err) {
    EvalSource source = {c->data, c->data_dir, c->prompt_template, c->model, (uint64_t)c->seed, c->problems, c->max_prompt, c->bad_rows == 1, c->samples};
    ModelConfig model;
    if (!(run->tokenizer = tokenizer_load(c->model, err)) || !eval_sets_load(&run->sets, &source, run->tokenizer, err)) return false;
    if (!model_config_load(&model, c->model, err) || !eval_config_max_tokens(c, &run->sets, &model, err)) return false;
    if (!(run->identity = eval_config_identity(c, &run->sets, err))) return false;
    partial_path(c, run->identity, run->partial, sizeof run->partial);
    if (!(run->file = responses_open(run->partial, run->identity, c->fresh, NULL, err))) return false;
    if (!(run->dev = device_open(c->threads, comm_local_rank(comm), err))) return false;
    int T = run->sets.longest + c->max_tokens, room = 16 * c->slots / c->samples * c->samples;
    if (!(run->gpt = load_model(c, run->dev, &model, T, err))) return false;
    run->pool = pool_new(room > c->samples ? room : c->samples, c->max_tokens);
    run->generator = generator_new(run->gpt, c->slots, T);
    return true;
}

static void run_close(Run *run) {
    generator_free(run->generator), pool_free(&run->pool), gpt_free(run->gpt);
    if (run->dev) device_close(run->dev);
    responses_close(run->file);
    cJSON_Delete(run->identity);
    eval_sets_free(&run->sets), tokenizer_free(run->tokenizer);
}

// Takes what is saved, generates what is not. False with the reason in err.
static bool fill_outcomes(Run *run, Evaluation *e, Error *err) {
    double start = seconds_now(), tokens = 0;
    int saved = 0, done = 0, all = 0;
    for (int s = 0; s < run->sets.count; s++) {
        EvalSet *set = &run->sets.set[s];
        int P = set->set.problems.count;
        e->set = &set->set, e->judge = set->judge;
        responses_begin_set(run->file, set->name);
        if ((set->done = evaluate_saved(e, &set->outcome, err)) < 0) return false;
        saved += set->done;
        while (set->done < P && !interrupted) {
            int first = set->done;
            set->done = evaluate_part(e, first, &set->outcome);
            for (int i = first; i < set->done; i++) tokens += set->outcome.prompt[i].tokens;
            progress(set, tokens, seconds_now() - start);
        }
        done += set->done, all += P;
    }
    if (isatty(STDERR_FILENO)) fputc('\n', stderr);
    if (done < all) return fail(err, "stopped: %d of %d problems are saved in %.300s; the same command goes on", done, all, run->partial);
    if (saved) fprintf(stderr, "%d problems were taken from the interrupted evaluation\n", saved);
    fprintf(stderr, "%.0f tokens in %.1f s\n", tokens, seconds_now() - start);
    return true;
}

static bool write_json(const EvalConfig *c, Run *run, const EvalTable *table, Error *err) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model", c->model);
    cJSON_AddNumberToObject(json, "samples", c->samples);
    cJSON_AddStringToObject(json, "estimates", "mean, low and high end of the 95 % interval");
    cJSON_AddItemToObject(json, "rows", eval_table_json(table));
    cJSON_AddItemReferenceToObject(json, "evaluation", run->identity);
    bool ok = json_file_write(c->out, json, err);
    cJSON_Delete(json);
    return ok;
}

static bool evaluate(EvalConfig *c, Comm *comm, Error *err) {
    static Run run;
    int k[EVAL_MAX_K], n_k;
    if (!*c->model) return fail(err, "--model must be given (or --score)");
    bool ok = eval_config_parse_k(c, k, &n_k, err) && run_open(&run, c, comm, err);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    Evaluation e = {.generator = run.generator, .tokenizer = run.tokenizer, .pool = &run.pool, .comm = comm, .samples = c->samples,
                    .sample = {(float)c->temp, c->top_k, (float)c->top_p, (uint64_t)c->seed, (uint32_t)EVALUATE_STREAM},
                    .max_new = c->max_tokens, .file = run.file};
    ok = ok && fill_outcomes(&run, &e, err);
    if (ok) {
        EvalTable table = eval_table_make(&run.sets, k, n_k, c->samples);
        eval_table_print(&table, stdout);
        ok = !*c->out || write_json(c, &run, &table, err);
    }
    ok = ok && responses_finish(run.file, *c->responses ? c->responses : NULL, err);
    run_close(&run);
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
            return flags_help(eval_flags, eval_flag_count, stdout), 0;
        }
    Comm *comm = comm_open(&argc, &argv, &err);
    bool ok = comm && flags_parse(eval_flags, eval_flag_count, &config, argc, argv, &err);
    if (ok && comm_size(comm) > 1) ok = fail(&err, "evaluation runs on one rank; start it without mpirun");
    ok = ok && (*config.score ? score(&config, &err) : evaluate(&config, comm, &err));
    if (!ok) fprintf(stderr, "eval: %s\n", err.text);
    if (comm) comm_close(comm);
    return ok ? 0 : interrupted ? 130 : 2;
}
