#include "rl/evaluate/run.h"
#include "model/files/config_file.h"
#include "base/clock.h"
#include "data/random.h"
#include "model/files/gpt_files.h"
#include "rl/memory.h"
#include <string.h>
#include <unistd.h>

// Plans the memory of model and generator, takes it if there is enough, and reads the weights.
static bool open_model(EvalRun *run, const EvalConfig *c, const ModelConfig *model, Error *err) {
    int T = run->sets.longest + c->max_tokens;
    run->gpt = gpt_plan(run->dev, model, T);
    run->generator = generator_plan(run->gpt, c->slots, T);
    MemoryPlan memory = memory_plan(run->gpt, NULL, NULL, run->generator, NULL, c->slots, T);
    if (!memory_check(&memory, err)) return false;
    gpt_commit(run->gpt);
    generator_commit(run->generator);
    return gpt_load(run->gpt, NULL, c->model, err);
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

bool eval_run_open(EvalRun *run, EvalConfig *c, Comm *comm, Error *err) {
    EvalSource source = {c->data, c->data_dir, c->prompt_template, c->model, (uint64_t)c->seed, c->problems, c->max_prompt, c->bad_rows == 1, c->samples};
    ModelConfig model;
    if (!(run->tokenizer = tokenizer_load(c->model, err)) || !eval_sets_load(&run->sets, &source, run->tokenizer, err)) return false;
    if (!model_config_load(&model, c->model, err) || !eval_config_max_tokens(c, &run->sets, &model, err)) return false;
    if (!(run->identity = eval_config_identity(c, &run->sets, err))) return false;
    if (!(run->dev = device_open(c->threads, comm_local_rank(comm), err))) return false;
    if (!open_model(run, c, &model, err)) return false;
    int room = 16 * c->slots / c->samples * c->samples;
    run->pool = rollout_batch_new(room > c->samples ? room : c->samples, c->max_tokens);
    partial_path(c, run->identity, run->partial, sizeof run->partial);
    run->file = responses_open(run->partial, run->identity, c->fresh, NULL, err); // last: a run that cannot start leaves none
    return run->file != NULL;
}

void eval_run_close(EvalRun *run) {
    generator_free(run->generator), rollout_batch_free(&run->pool), gpt_free(run->gpt);
    if (run->dev) device_close(run->dev);
    responses_close(run->file);
    cJSON_Delete(run->identity);
    eval_sets_free(&run->sets), tokenizer_free(run->tokenizer);
}

bool eval_run_fill(EvalRun *run, const EvalConfig *c, Comm *comm, const volatile sig_atomic_t *stop, Error *err) {
    Evaluation e = {.generator = run->generator, .tokenizer = run->tokenizer, .pool = &run->pool, .comm = comm, .samples = c->samples,
                    .sample = {(float)c->temp, c->top_k, (float)c->top_p, (uint64_t)c->seed, (uint32_t)EVALUATE_STREAM},
                    .max_new = c->max_tokens, .file = run->file};
    double start = seconds_now(), tokens = 0;
    int saved = 0, done = 0, all = 0;
    for (int s = 0; s < run->sets.count; s++) {
        EvalSet *set = &run->sets.set[s];
        int P = set->set.problems.count;
        e.set = &set->set, e.grader = set->grader;
        responses_begin_set(run->file, set->name);
        if ((set->done = evaluate_saved(&e, &set->outcome, err)) < 0) return false;
        saved += set->done;
        while (set->done < P && !*stop) {
            int first = set->done;
            set->done = evaluate_part(&e, first, &set->outcome);
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
