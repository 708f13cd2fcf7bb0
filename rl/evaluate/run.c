#include "rl/evaluate/run.h"
#include "rl/evaluate/vote.h"
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
    const Arena *arenas[] = {&run->gpt->arena};
    MemoryPlan memory = memory_plan(run->gpt, arenas, 1, run->generator, c->slots, T);
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
    rollout_batch_plan(&run->batch, 0, room > c->samples ? room : c->samples, c->max_tokens);
    rollout_batch_commit(&run->batch, run->dev);
    partial_path(c, run->identity, run->partial, sizeof run->partial);
    run->file = responses_open(run->partial, run->identity, c->fresh, NULL, err); // last: a run that cannot start leaves none
    return run->file != NULL;
}

void eval_run_close(EvalRun *run) {
    generator_free(run->generator), gpt_free(run->gpt);
    if (run->dev) rollout_batch_free(&run->batch, run->dev), device_close(run->dev);
    responses_close(run->file);
    cJSON_Delete(run->identity);
    eval_sets_free(&run->sets), tokenizer_free(run->tokenizer);
}

// Where the responses of one set go.
typedef struct Keeper {
    EvalRun *run;
    EvalSet *set;
    int samples;
} Keeper;

static void count_votes(const Keeper *k, int i, const Response *responses) {
    size_t at = (size_t)i * (size_t)k->samples;
    for (int s = 0; s < k->samples; s++) k->set->correct[at + (size_t)s] = responses[s].verdict == VERDICT_CORRECT;
    vote_classes(k->set->answer + at, responses, k->samples, k->set->set.problems.items[i].task != NULL);
}

static void keep(void *context, int i, const Response *responses) {
    const Keeper *k = context;
    const Problem *problem = &k->set->set.problems.items[i];
    for (int s = 0; s < k->samples; s++) responses_write(k->run->file, problem, s, &responses[s]);
    count_votes(k, i, responses);
}

// Takes as many prompts as the partial file holds of this set, graded anew. Returns how many; -1 with the reason in err
// where the file is not what this evaluation wrote.
static int take_saved(const Keeper *k, const Evaluation *e, Error *err) {
    Response *responses = calloc((size_t)k->samples, sizeof *responses);
    int i = 0, got = 1;
    REQUIRE(responses, "out of memory");
    for (; got > 0 && i < e->set->problems.count; i += got > 0) {
        got = responses_read(k->run->file, &e->set->problems.items[i], k->samples, responses, err);
        for (int s = 0; s < k->samples && got > 0; s++) {
            Verdict before = responses[s].verdict;
            evaluate_grade(e, i, &responses[s]);
            if (responses[s].verdict == before) continue;
            responses_refuse(k->run->file, "was graded by another version of the verifier", err);
            got = -1;
        }
        if (got > 0) {
            k->set->outcome[i] = evaluate_count(responses, k->samples);
            count_votes(k, i, responses);
        }
        for (int s = 0; s < k->samples; s++) free(responses[s].text), responses[s].text = NULL;
    }
    free(responses);
    return got < 0 ? -1 : i;
}

bool eval_run_fill(EvalRun *run, const EvalConfig *c, Comm *comm, const volatile sig_atomic_t *stop, Error *err) {
    Keeper keeper = {.run = run, .samples = c->samples};
    Evaluation e = {.generator = run->generator, .tokenizer = run->tokenizer, .batch = &run->batch, .comm = comm,
                    .sample = {(float)c->temp, c->top_k, (float)c->top_p, (uint64_t)c->seed, EVALUATE_STREAM},
                    .samples = c->samples, .max_new = c->max_tokens, .keep = keep, .context = &keeper};
    double start = seconds_now(), tokens = 0;
    int saved = 0, done = 0, all = 0;
    for (int s = 0; s < run->sets.count; s++) {
        EvalSet *set = keeper.set = &run->sets.set[s];
        int P = set->set.problems.count;
        e.set = &set->set, e.grader = set->grader;
        responses_begin_set(run->file, set->name);
        if ((set->done = take_saved(&keeper, &e, err)) < 0) return false;
        saved += set->done;
        while (set->done < P && !*stop) {
            int first = set->done;
            set->done = evaluate_part(&e, first, set->outcome);
            responses_flush(run->file);
            for (int i = first; i < set->done; i++) tokens += set->outcome[i].tokens;
            progress(set, tokens, seconds_now() - start);
        }
        done += set->done, all += P;
    }
    if (isatty(STDERR_FILENO)) fputc('\n', stderr);
    if (done < all)
        return fail(err, "stopped: %d of %d problems are saved in %.300s; run the same command to continue", done, all,
                    run->partial);
    if (saved) fprintf(stderr, "%d problems were taken from the interrupted evaluation\n", saved);
    fprintf(stderr, "%.0f tokens in %.1f s\n", tokens, seconds_now() - start);
    return true;
}
