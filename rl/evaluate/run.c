// Optional (./eval): opening and filling an evaluation.
#include "rl/evaluate/run.h"
#include "model/files/config_file.h"
#include "base/clock.h"
#include "data/random.h"
#include "model/files/gpt_files.h"
#include "rl/data.h"
#include "rl/memory.h"
#include "rl/terminal.h"
#include <unistd.h>

// Plans the memory of model and generator, commits it if there is enough, and reads the weights.
static bool open_model(EvalRun *run, const EvalConfig *c, const ModelConfig *model, Error *err) {
    int T = run->sets.longest + c->max_tokens, V = tokenizer_vocab_size(run->tokenizer);
    if (!model_config_fits(model, c->model, V, run->sets.longest, c->max_tokens, err)) return false;
    run->gpt = gpt_plan(run->dev, model, T);
    run->generator = generator_plan(run->gpt, c->slots, T);
    const Arena *arenas[] = {&run->gpt->arena};
    MemoryPlan memory = memory_plan(run->gpt, arenas, 1, run->generator, c->slots, T);
    if (!memory_check(&memory, err)) return false;
    gpt_commit(run->gpt);
    generator_commit(run->generator);
    return gpt_load(run->gpt, NULL, c->model, err);
}

// Beside --responses if that is given, else under a name made from the evaluation's identity.
static void partial_path(const EvalConfig *c, const cJSON *identity, char *path, size_t size) {
    char *text = cJSON_PrintUnformatted(identity);
    if (*c->responses) snprintf(path, size, "%s.partial", c->responses);
    else snprintf(path, size, "eval-%08x.partial", (unsigned)text_hash(text, 0));
    cJSON_free(text);
}

bool eval_run_open(EvalRun *run, EvalConfig *c, Comm *comm, Error *err) {
    ModelConfig model;
    int room = 16 * c->slots / c->samples * c->samples; // rollouts of whole prompts
    run->samples = c->samples;
    if (!model_folder_check(c->model, err)) return false;
    if (!(run->tokenizer = tokenizer_load(c->model, err))) return false;
    if (*c->reward_command && !(run->command = reward_command_open(c->reward_command, c->reward_timeout, err)))
        return false;
    if (!eval_sets_load(&run->sets, c, run->tokenizer, run->command, err)) return false;
    if (!model_config_load(&model, c->model, err)) return false;
    eval_config_max_tokens(c, &run->sets, &model);
    data_note_eos(&model, run->tokenizer, stderr);
    if (!(run->identity = eval_config_identity(c, &run->sets, err))) return false;
    if (!(run->dev = device_open(c->threads, comm_local_rank(comm), err))) return false;
    if (!open_model(run, c, &model, err)) return false;
    rollout_batch_plan(&run->batch, 0, room > c->samples ? room : c->samples, c->max_tokens);
    rollout_batch_commit(&run->batch, run->dev);
    partial_path(c, run->identity, run->partial, sizeof run->partial);
    run->file = responses_open(run->partial, run->identity, c->fresh, err);
    return run->file != NULL;
}

void eval_run_close(EvalRun *run) {
    generator_free(run->generator), gpt_free(run->gpt);
    if (run->dev) rollout_batch_free(&run->batch, run->dev), device_close(run->dev);
    responses_close(run->file);
    cJSON_Delete(run->identity);
    eval_sets_free(&run->sets), reward_command_close(run->command), tokenizer_free(run->tokenizer);
}

static void take_vote(const EvalRun *run, int i, const Response *responses) {
    bool task = run->set->set.problems.items[i].task || run->command; // answers are compared byte by byte
    run->set->majority[i] = vote_is_correct(responses, run->samples, task);
}

// Takes the responses that evaluate_part generates.
static void keep(void *context, int i, const Response *responses) {
    const EvalRun *run = context;
    const Problem *problem = &run->set->set.problems.items[i];
    for (int s = 0; s < run->samples; s++) responses_write(run->file, run->set->name, problem, s, &responses[s]);
    take_vote(run, i, responses);
}

// Reads the saved responses to prompt i and grades them again. Returns as responses_read does; another verdict than the
// saved one is an error too.
static int take_saved(const EvalRun *run, const Evaluation *e, int i, Error *err) {
    Response *responses = calloc((size_t)run->samples, sizeof *responses);
    REQUIRE(responses, "out of memory");
    int got = responses_read(run->file, &run->set->set.problems.items[i], run->samples, responses, err);
    Verdict saved[run->samples];
    for (int s = 0; s < run->samples; s++) saved[s] = responses[s].verdict;
    if (got > 0) evaluate_grade(e, i, responses);
    for (int s = 0; s < run->samples && got > 0; s++) {
        if (responses[s].verdict == saved[s]) continue;
        responses_refuse(run->file, run->command ? "the --reward-command grades it otherwise now" :
                         "was graded by another version of the verifier", err);
        got = -1;
    }
    if (got > 0) {
        run->set->outcome[i] = evaluate_count(responses, run->samples);
        take_vote(run, i, responses);
    }
    for (int s = 0; s < run->samples; s++) free(responses[s].text);
    free(responses);
    return got;
}

// Called after every decoding step: shows how far the evaluation is, and ends it once it is to stop.
typedef struct Watch {
    const EvalRun *run;
    const Evaluation *e;
    const volatile sig_atomic_t *stop;
    double start, shown; // clocks
    double tokens;       // of the parts before
    int before, all;     // problems done when this process began, and in all
} Watch;

static void progress(const Watch *w) {
    const RolloutBatch *b = w->e->batch;
    const EvalSet *set = w->run->set;
    double tokens = w->tokens, seconds = seconds_now() - w->start;
    int done = 0, responses = 0;
    char left[32] = "";
    for (int j = 0; j < b->count; j++) {
        tokens += b->rollouts[j].n;
        responses += rollout_finished(w->e->model, &b->rollouts[j]);
    }
    for (int s = 0; s < w->run->sets.count; s++) done += w->run->sets.set[s].done;
    double part = (double)responses / w->e->samples, fresh = done + part - w->before;
    if (fresh >= 1) terminal_duration(seconds / fresh * (w->all - done - part), left);
    fprintf(stderr, "\r\033[K%.20s %d/%d problems, %d responses done, %.0f tok/s%s%s", set->name, set->done,
            set->set.problems.count, responses, tokens / seconds, *left ? ", about " : "", left);
    if (*left) fprintf(stderr, " left");
}

static bool watch(void *context) {
    Watch *w = context;
    double now = seconds_now();
    if (isatty(STDERR_FILENO) && now - w->shown > 0.2) progress(w), w->shown = now;
    return !*w->stop;
}

bool eval_run_fill(EvalRun *run, const EvalConfig *c, Comm *comm, const volatile sig_atomic_t *stop, Error *err) {
    Evaluation e = {.generator = run->generator, .tokenizer = run->tokenizer, .batch = &run->batch, .comm = comm,
                    .sample = {(float)c->temp, c->top_k, (float)c->top_p, (uint64_t)c->seed, EVALUATE_STREAM},
                    .samples = c->samples, .max_new = c->max_tokens, .model = &run->gpt->config, .keep = keep,
                    .context = run};
    Watch w = {.run = run, .e = &e, .stop = stop, .start = seconds_now()};
    int saved = 0, done = 0, all = 0;
    for (int s = 0; s < run->sets.count; s++) w.all += run->sets.set[s].set.problems.count;
    generator_watch(run->generator, watch, &w);
    for (int s = 0; s < run->sets.count; s++) {
        EvalSet *set = run->set = &run->sets.set[s];
        int P = set->set.problems.count, got = 1;
        e.set = &set->set, e.grader = set->grader;
        generator_set_stop(run->generator, &set->template, run->tokenizer);
        while (set->done < P && (got = take_saved(run, &e, set->done, err)) > 0) set->done++;
        if (got < 0) return false;
        saved += set->done, w.before = saved;
        while (set->done < P && !*stop) {
            int first = set->done;
            set->done = evaluate_part(&e, first, set->outcome);
            responses_flush(run->file);
            for (int i = first; i < set->done; i++) w.tokens += set->outcome[i].tokens;
        }
        done += set->done, all += P;
    }
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    if (done < all)
        return fail(err, "stopped: %d of %d problems are saved in %.300s; run the same command again to resume", done,
                    all, run->partial);
    if (saved) fprintf(stderr, "%d problems were resumed from the interrupted evaluation\n", saved);
    fprintf(stderr, "%.0f tokens in %.1f s\n", w.tokens, seconds_now() - w.start);
    return true;
}
