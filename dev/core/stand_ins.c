// Optional (the core demo): what train.c needs beside the files of dev/core.txt, as small as it can be: one rank, a
// tokenizer of single characters, a line a step on the terminal; no checkpoints, no evaluation, no report, no files.
#include "base/flags_text.h"
#include "base/process.h"
#include "data/problems_file.h"
#include "data/task_kind.h"
#include "kernels/device/comm.h"
#include "kernels/device/graph.h"
#include "kernels/knapsack.h"
#include "model/files/config_file.h"
#include "model/files/gpt_files.h"
#include "rl/checkpoint/checkpoint.h"
#include "rl/data.h"
#include "rl/evaluate/evaluate.h"
#include "rl/methods.h"
#include "rl/oracle.h"
#include "rl/ranks.h"
#include "rl/resample.h"
#include "rl/run_record.h"
#include "rl/step_metrics.h"
#include "rl/terminal.h"
#include "verify/verify.h"
#include <string.h>
#pragma GCC diagnostic ignored "-Wunused-parameter"

// ---- model/tokenizer/tokenizer.h: token i is the character i of one string ----------------------------------------
struct Tokenizer {
    const char *characters;
};

bool tokenizer_write_characters(const char *dir, const char *characters, const char *const *special, int n_special,
                                Error *err) {
    return strcmp(characters, TASK_CHARACTERS "\n") == 0 || fail(err, "the core demo has the tasks' characters only");
}
Tokenizer *tokenizer_load(const char *dir, Error *err) {
    static Tokenizer tokenizer = {TASK_CHARACTERS "\n"};
    return &tokenizer;
}
int tokenizer_id(const Tokenizer *t, const char *text) {
    const char *at = *text && !text[1] ? strchr(t->characters, *text) : NULL;
    return at ? (int)(at - t->characters) : -1;
}
int tokenizer_encode(const Tokenizer *t, const char *text, size_t len, int *ids, int max_ids, Error *err) {
    if (len > (size_t)max_ids) return fail(err, "the text has more than %d tokens", max_ids), -1;
    for (size_t i = 0; i < len; i++)
        if ((ids[i] = tokenizer_id(t, (char[]){text[i], 0})) < 0)
            return fail(err, "the vocabulary lacks the byte 0x%02x (at byte %zu)", (unsigned char)text[i], i), -1;
    return (int)len;
}
const char *tokenizer_token_bytes(const Tokenizer *t, int id, size_t *len) {
    *len = 1;
    return t->characters + id;
}
int tokenizer_vocab_size(const Tokenizer *t) { return (int)strlen(t->characters); }
bool tokenizer_is_special(const Tokenizer *t, int id) { return false; }
int tokenizer_encode_prompt(const Tokenizer *t, const char *text, size_t n, bool complete, int *ids, int max,
                            Error *err) { return tokenizer_encode(t, text, n, ids, max, err); }

// ---- Flags: no files, no help --------------------------------------------------------------------------------------
bool flags_read_files(const FlagTable *t, void *config, int argc, char **argv, Error *err) { return true; }
bool flags_refuse_name(const FlagTable *t, const char *name, Error *err) { return fail(err, "no %s", name); }
bool flags_refuse_word(const Flag *f, const char *word, Error *err) { return fail(err, "--%s: no %s", f->name, word); }
bool flags_help_asked(int argc, char **argv) { return false; }
int train_help(void) { return 0; }
bool train_config_complete(TrainConfig *c, Error *err) {
    return c->lr = c->lr < 0 ? 3e-4 : c->lr, c->max_tokens = c->max_tokens ? c->max_tokens : 96,
           c->overlong = c->overlong > 0 ? c->overlong : 0, true;
}

// ---- One rank: nothing to exchange; no CUDA graphs, no timers -----------------------------------------------------
Buckets buckets_make(const ParamTable *table, Comm *comm, bool sharded) {
    return (Buckets){.ranks = 1, .count = 1, .cut = {0, table->size}};
}
Shard buckets_shard(const Buckets *b, int i) { return (Shard){b->cut[i], b->cut[i + 1], 0}; }
size_t buckets_held(const Buckets *b) { return b->cut[1]; }
void buckets_sum_from(Buckets *b, Device *dev, float *flat, size_t from) {}
void buckets_sum_end(Buckets *b, Device *dev) {}
void buckets_gather(const Buckets *b, Device *dev, void *x, size_t width) {}
Comm *comm_open(int *argc, char ***argv, Error *err) {
    static int one_rank;
    return (Comm *)&one_rank;
}
int comm_rank(const Comm *c) { return 0; }
int comm_local_rank(const Comm *c) { return 0; }
int comm_size(const Comm *c) { return 1; }
bool comm_attach(Comm *c, Device *dev, Error *err) { return true; }
void comm_sum(Comm *c, double *h_x, size_t n) {}
void comm_max(Comm *c, double *h_x, size_t n) {}
bool ranks_agree(Comm *c, bool ok, Error *err) { return ok; }
bool ranks_same(Trainer *t, Error *err) { return true; }
int ranks_refuse(Comm *c, const char *by, const Error *e) { return fprintf(stderr, "%s: %s\n", by, e->text), 2; }
bool graph_replay(Device *dev, Graph *graph) { return false; }
Graph *graph_end(Device *dev) { return NULL; }
void graph_free(Device *dev, Graph *graph) {}
void timer_begin(Device *dev, Timer timer) {}
void timers_stop(Device *dev, double seconds[TIMERS]) {}

// ---- What comes from files, or goes there: not in the core --------------------------------------------------------
static bool not_in_core(Error *err) { return fail(err, "the core demo runs on tasks with --model tiny alone"); }
bool data_load_files(const TrainConfig *c, ProblemSet *train, ProblemSet *heldout, FILE *notes, Error *err) {
    return not_in_core(err);
}
bool data_choose_template(PromptTemplate *out, const char *asked, const char *stop, const char *model, bool tasks,
                          Error *err) {
    *out = (PromptTemplate){.name = "verbatim"};
    return (tasks && !*asked && !*stop) || not_in_core(err);
}
char *prompt_template_render(const PromptTemplate *t, const char *question, Error *err) { return strdup(question); }
bool stop_rollout(const PromptTemplate *template, const Tokenizer *t, Rollout *r, int from) { return false; }
bool model_config_load(ModelConfig *c, const char *dir, Error *err) { return not_in_core(err); }
bool gpt_load(Gpt *g, const Optimizer *opt, const char *dir, Error *err) { return not_in_core(err); }
bool checkpoint_begin(Trainer *t, Error *err) { return true; }
bool checkpoint_load(Trainer *t, Error *err) { return !t->config.resume || not_in_core(err); }
bool checkpoint_save(Trainer *t) { return true; }
bool checkpoint_finish(Trainer *t, bool complete) { return complete; }
VerifyPolicy verify_policy_training(void) { return (VerifyPolicy){0}; }
VerifyPolicy verify_policy_evaluation(void) { return (VerifyPolicy){0}; }
VerifyGold *verify_compile(const char *gold, size_t len, const VerifyPolicy *policy) { return NULL; }
VerifyScratch *verify_scratch_new(void) { return NULL; }
VerifyResult verify_check(VerifyScratch *s, const VerifyGold *g, const char *t, size_t n) { return (VerifyResult){0}; }
void reward_command_rollouts(RewardCommand *c, const ProblemSet *set, const Tokenizer *tokenizer, const Prompt *prompts,
                             Rollout *rollouts, int count, int rank) {}
RewardCommand *reward_command_open(const char *c, int s, Error *err) { return not_in_core(err), NULL; }

// ---- Metrics: a line a step ---------------------------------------------------------------------------------------
bool run_record_open(Trainer *t, Error *err) { return true; }
void metrics_write(MetricsLog *log, const StepMetrics *m, bool show) {
    if (!show || isnan(m->loss)) return; // step 0 is the evaluation that is not here
    printf("%-3s %5d/%d  loss %8.4f", m->phase, m->step, m->steps, m->loss);
    printf(isnan(m->pass_rate) ? "\n" : "  correct %.3f\n", m->pass_rate);
}
void step_sums_add(StepSums *s, const TrainSequence *sequences, int count, const TokenResult *r, bool first) {
    for (int j = 0; j < count; j++)
        for (int t = 0; t < sequences[j].n; t++, r++) s->loss += sequences[j].weight * (double)r->loss;
}
void step_metrics_update(StepMetrics *m, StepSums *s, Comm *c, int updates) { m->loss = s->loss / updates; }
void step_metrics_rollouts(StepMetrics *m, Trainer *t, const Prompt *prompts) {
    m->pass_rate = 0;
    for (int j = 0; j < t->batch.count; j++)
        m->pass_rate += (double)(t->batch.rollouts[j].verdict == VERDICT_CORRECT) / t->batch.count;
}
void step_metrics_allocation(StepMetrics *m, const History *h, const Prompt *prompts, const int *n, int P) {}
void step_metrics_samples(Trainer *t, const Prompt *prompts, int count) {}
void problems_note(FILE *notes, const Problem *problem, const char *why, int left_out) {}
void evaluate_heldout(const Evaluation *e, bool histogram, StepMetrics *m) {}
MemoryPlan memory_plan(const Gpt *g, const Arena *const *a, int n, const Generator *generator, int slots, int T) {
    return (MemoryPlan){0}; }
bool memory_check(const MemoryPlan *p, Error *err) { return true; }
void trainer_print(const Trainer *t, FILE *out) {}

// ---- Functions with nothing to do ---------------------------------------------------------------------------------
#define EMPTY(function, type) void function(type nothing) {}
EMPTY(verify_gold_free, VerifyGold *) EMPTY(timer_end, Device *) EMPTY(comm_detach, Comm *) EMPTY(graph_begin, Device *)
EMPTY(timers_start, Device *) EMPTY(process_start, const char *) EMPTY(comm_close, Comm *)
EMPTY(tokenizer_free, Tokenizer *) EMPTY(verify_scratch_free, VerifyScratch *) EMPTY(metrics_close, MetricsLog *)
EMPTY(reward_command_close, RewardCommand *)

// ---- Sampling and losses that the demo does not use ---------------------------------------------------------------
#define ABSENT REQUIRE(false, "not in the core demo: such allocation, dynamic sampling, token choice, KL or ratio")
void adjust_plan(Trainer *t) { if (t->config.kl_coef > 0 || t->config.ratio || methods[t->config.method].rule) ABSENT; }
void adjust_tokens(Trainer *t, int first, int end, int count, int update, const PolicyObjective *o) {}
void knapsack_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified, int P,
                       const AllocateConfig *c) { ABSENT; }
bool resample(Trainer *t, Prompt *prompts, int round, StepMetrics *m) { ABSENT; return false; }
const History *oracle_history(Trainer *t, const Prompt *prompts, StepMetrics *m) { ABSENT; return NULL; }

// ---- The tasks that the demo does not use -------------------------------------------------------------------------
#define NO_TASK(task) const TaskRow task_row_##task = {.name = ""};
NO_TASK(add) NO_TASK(mul) NO_TASK(base) NO_TASK(gcd) NO_TASK(linear) NO_TASK(countdown)
