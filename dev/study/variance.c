// Optional (study): the variance of the policy gradient, of one prompt's group and of a whole batch.
//
// The claim: the variance of a prompt's gradient follows that of its reward, p (1 - p), so rollouts allocated by an
// estimate of p (1 - p) make a batch's gradient vary less than equally many each do. Three parts:
//   1. A survey estimates the pass rate of many training prompts. From its bins the measured prompts are chosen.
//   2. Of each measured prompt: many rollouts, the gradient of each, and the variance of groups of 4, 8 and 16.
//   3. Batches drawn from the measured prompts: `natural`, with the pass rates that the survey found, and `spread`, all
//      bins alike. Each is allocated in every way below, and the variances are compared.
#include "dev/study/batches.h"
#include "dev/study/groups.h"
#include "dev/study/study.h"
#include "kernels/philox.h"
#include <string.h>

enum { HISTORY_STREAM = 0x5b100000, MEMBER_STREAM, LEAST_PROMPTS = 64, SURVEY_CHUNK = 64 };
enum { GROUP_SIZES = 3, GROUP_MEANS = 3 };
static const int group_size[GROUP_SIZES] = {4, 8, 16};
static const LossMean group_mean[GROUP_MEANS] = {MEAN_TOKEN, MEAN_SEQUENCE, MEAN_CONSTANT};
static const char *const kind_name[FORM_KINDS] = {"grpo", "no-std"}; // rloo is no-std times n / (n - 1)
static const char *const mean_name[] = {"token", "sequence", "prompt", "constant"};

// What an allocation knows of a prompt's pass rate p.
enum { KNOWS_NOTHING = 0, KNOWS_P = -1, KNOWS_VARIANCE = -2, RUNS_HISTORY = -3 }; // else: earlier rollouts
typedef enum Rule { RULE_UNIFORM, RULE_VARIANCE, RULE_STDDEV, RULE_BETA, RULE_NEYMAN } Rule;
typedef struct Plan {
    const char *name;
    Rule rule;
    int knows;
    bool wide; // bounds 2 and 4 times --rollouts, else --rollouts-low and --rollouts-high
    int form;  // of the variance that RULE_NEYMAN knows: an index of form_kind
} Plan;
static const Plan plans[] = {
    {"uniform", RULE_UNIFORM, KNOWS_NOTHING, false, 0},
    {"variance 8", RULE_VARIANCE, 8, false, 0},
    {"variance 16", RULE_VARIANCE, 16, false, 0},
    {"variance 64", RULE_VARIANCE, 64, false, 0},
    {"variance run", RULE_VARIANCE, RUNS_HISTORY, false, 0},
    {"variance p", RULE_VARIANCE, KNOWS_P, false, 0},
    {"variance p wide", RULE_VARIANCE, KNOWS_P, true, 0},
    {"stddev 8", RULE_STDDEV, 8, false, 0},
    {"stddev 16", RULE_STDDEV, 16, false, 0},
    {"stddev 64", RULE_STDDEV, 64, false, 0},
    {"stddev run", RULE_STDDEV, RUNS_HISTORY, false, 0},
    {"stddev p", RULE_STDDEV, KNOWS_P, false, 0},
    {"stddev p wide", RULE_STDDEV, KNOWS_P, true, 0},
    {"beta 8", RULE_BETA, 8, false, 0},
    {"beta 16", RULE_BETA, 16, false, 0},
    {"beta 64", RULE_BETA, 64, false, 0},
    {"beta run", RULE_BETA, RUNS_HISTORY, false, 0},
    {"oracle", RULE_NEYMAN, KNOWS_VARIANCE, false, 0},
    {"oracle", RULE_NEYMAN, KNOWS_VARIANCE, false, 1},
    {"oracle wide", RULE_NEYMAN, KNOWS_VARIANCE, true, 0},
    {"oracle wide", RULE_NEYMAN, KNOWS_VARIANCE, true, 1},
};
enum { PLANS = sizeof plans / sizeof *plans };

typedef struct Measured { // one prompt
    const Prompt *prompt;
    int bin;                  // of its pass rate in the survey
    double sigma[FORM_KINDS]; // root of n times the variance of its group's gradient, at the largest group size
    Scores scores;
} Measured;

typedef struct Pool {
    Measured *measured; // (count), by bin
    int count, first[PASS_RATE_BINS + 1];
    double frequency[PASS_RATE_BINS]; // of each bin in the survey
} Pool;

// ---- 1. The survey -------------------------------------------------------------------------------------------------
static void survey(Study *s, int *bin, int count) {
    RolloutBatch batch;
    int each = s->config.survey_rollouts;
    const Prompt *prompts = s->policy.trainer.train.prompts;
    policy_room(&s->policy, &batch, SURVEY_CHUNK * each);
    for (int from = 0; from < count; from += SURVEY_CHUNK) {
        int P = count - from < SURVEY_CHUNK ? count - from : SURVEY_CHUNK;
        policy_sample(&s->policy, &batch, prompts + from, P, each, STREAM_SURVEY);
        for (int i = 0; i < P; i++) {
            double correct = 0;
            for (int j = 0; j < each; j++) correct += (double)batch.rollouts[i * each + j].reward;
            bin[from + i] = pass_rate_bin(correct / each);
        }
    }
    rollout_batch_free(&batch, s->policy.trainer.dev);
}

// Marks up to `quota` prompts of each bin, half as many of pass rate 0 and 1, and then any until there are enough.
static int choose(const Study *s, const int *bin, int count, bool *chosen) {
    int taken[PASS_RATE_BINS] = {0}, total = 0;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < count; i++) {
            bool edge = bin[i] == 0 || bin[i] == PASS_RATE_BINS - 1;
            int quota = edge ? (s->config.quota + 1) / 2 : s->config.quota;
            bool wanted = round == 0 ? taken[bin[i]] < quota : total < LEAST_PROMPTS && (round == 2 || !edge);
            if (chosen[i] || !wanted) continue;
            chosen[i] = true;
            taken[bin[i]]++, total++;
        }
    return total;
}

static Pool pool_new(Study *s) {
    const PromptSet *train = &s->policy.trainer.train;
    int count = train->problems.count < s->config.survey ? train->problems.count : s->config.survey;
    int *bin = malloc((size_t)count * sizeof *bin);
    bool *chosen = calloc((size_t)count, sizeof *chosen);
    REQUIRE(bin && chosen, "out of memory");
    survey(s, bin, count);
    Pool pool = {.measured = calloc((size_t)count, sizeof *pool.measured)};
    int total = choose(s, bin, count, chosen);
    REQUIRE(pool.measured, "out of memory");
    for (int b = 0; b < PASS_RATE_BINS; b++) {
        pool.first[b] = pool.count;
        for (int i = 0; i < count; i++) {
            if (bin[i] == b) pool.frequency[b] += 1.0 / count;
            if (bin[i] == b && chosen[i]) pool.measured[pool.count++] = (Measured){&train->prompts[i], b, {0}, {0}};
        }
    }
    pool.first[PASS_RATE_BINS] = pool.count;
    REQUIRE(pool.count == total, "a chosen prompt is in no bin");
    fprintf(s->out, "{\"row\": \"survey\", \"prompts\": %d, \"frequency\": ", count);
    study_numbers(s->out, pool.frequency, PASS_RATE_BINS, 4);
    fprintf(s->out, "}\n");
    free(bin), free(chosen);
    return pool;
}

static void pool_free(Pool *pool) {
    for (int i = 0; i < pool->count; i++) scores_free(&pool->measured[i].scores);
    free(pool->measured);
}

// ---- 2. Groups of one prompt ---------------------------------------------------------------------------------------
static void write_groups(Study *s, Measured *m) {
    const Scores *x = &m->scores;
    double length = 0;
    for (int j = 0; j < x->R; j++) length += (double)x->length[j] / x->R;
    fprintf(s->out, "{\"row\": \"prompt\", \"id\": %lld, \"bin\": %d, \"p\": %.5g, \"length\": %.4g",
            (long long)m->prompt->id, m->bin, scores_pass_rate(x), length);
    if (x->sketch) {
        fprintf(s->out, ", \"squares\": ");
        study_numbers(s->out, x->squares, 2, 5);
        fprintf(s->out, ", \"spread\": ");
        study_numbers(s->out, x->spread, 2, 5);
    }
    for (int k = 0; x->sketch && k < FORM_KINDS; k++)
        for (int mean = 0; mean < GROUP_MEANS; mean++) {
            GroupVariance v;
            double numbers[GROUP_SIZES + 1];
            for (int g = 0; g < GROUP_SIZES; g++) {
                v = group_variance(x, group_size[g], form_kind[k], group_mean[mean], s->config.partitions,
                                   (uint64_t)s->config.seed);
                numbers[g] = v.trace, numbers[g + 1] = v.error;
            }
            if (group_mean[mean] == MEAN_TOKEN) m->sigma[k] = sqrt(group_size[GROUP_SIZES - 1] * v.trace);
            fprintf(s->out, ", \"%s/%s\": ", kind_name[k], mean_name[group_mean[mean]]);
            study_numbers(s->out, numbers, GROUP_SIZES + 1, 3);
        }
    fprintf(s->out, "}\n");
}

static void measure_groups(Study *s, Pool *pool) {
    Trainer *t = &s->policy.trainer;
    RolloutBatch batch;
    int R = s->config.rollouts;
    float reward[R];
    PolicyObjective objective = policy_objective(&s->policy);
    Sketch sketch = sketch_new(t->gpt->table.size, s->config.cells, (uint64_t)s->config.seed);
    policy_room(&s->policy, &batch, R);
    for (int i = 0; i < pool->count; i++) {
        Measured *m = &pool->measured[i];
        policy_sample(&s->policy, &batch, m->prompt, 1, R, STREAM_SCORES);
        for (int j = 0; j < R; j++) reward[j] = batch.rollouts[j].reward;
        m->scores = scores_new(t->updater, t->gpt, &t->grads, &objective, &sketch, m->prompt, batch.rollouts, reward,
                               R);
        write_groups(s, m);
    }
    rollout_batch_free(&batch, t->dev);
    sketch_free(&sketch);
}

// ---- 3. Whole batches ----------------------------------------------------------------------------------------------
static double uniform(const Study *s, uint32_t stream, int a, int b, int c) {
    Philox bits = philox((uint64_t)s->config.seed, stream, (uint32_t)a, (uint32_t)b, (uint32_t)c);
    return (double)philox_uniform(bits.word[0]);
}

// The P prompts of batch b: first a bin, as frequent as in the survey or all alike, then one of its measured prompts.
static void choose_members(const Study *s, const Pool *pool, bool natural, int b, Measured const **members, int P) {
    double total = 0, weight[PASS_RATE_BINS];
    for (int k = 0; k < PASS_RATE_BINS; k++) {
        bool any = pool->first[k + 1] > pool->first[k];
        total += weight[k] = !any ? 0 : natural ? pool->frequency[k] : 1;
    }
    for (int i = 0; i < P; i++) {
        double at = uniform(s, MEMBER_STREAM, b, i, natural) * total;
        int k = 0, last = 0;
        for (; k < PASS_RATE_BINS && at >= 0; k++)
            if (weight[k] > 0) at -= weight[k], last = k;
        int in_bin = pool->first[last + 1] - pool->first[last];
        members[i] = &pool->measured[pool->first[last] + (int)(uniform(s, MEMBER_STREAM, b, i, 2) * in_bin)];
    }
}

// A prompt's correct rollouts among `earlier` ones of the same policy.
static double earlier_correct(const Study *s, double p, int b, int i, int earlier) {
    double correct = 0;
    for (int j = 0; j < earlier; j++) correct += uniform(s, HISTORY_STREAM + (uint32_t)b, earlier, i, j) < p;
    return correct;
}

// Counts whose ALLOCATE_STDDEV weighs prompts as `weight` (P) does, relative to the largest: of very many rollouts.
static void counts_of_weights(double *correct, double *verified, const double *weight, int P) {
    double most = 1e-30;
    for (int i = 0; i < P; i++) most = fmax(most, weight[i]);
    for (int i = 0; i < P; i++) {
        double stddev = 0.5 * fmax(weight[i], 0) / most;
        verified[i] = 1e12;
        correct[i] = verified[i] * 0.5 * (1 - sqrt(fmax(1 - 4 * stddev * stddev, 0)));
    }
}

static void allocate_plan(const Study *s, const Plan *plan, const Measured *const *members, int b, int P, int *n) {
    const TrainConfig *c = &s->policy.trainer.config;
    const History *history = &s->policy.trainer.history;
    double correct[P], verified[P], weight[P];
    for (int i = 0; i < P; i++) {
        double p = scores_pass_rate(&members[i]->scores);
        int problem = members[i]->prompt->problem;
        verified[i] = plan->knows > 0 ? plan->knows : plan->knows == RUNS_HISTORY ? history->verified[problem] : 1e12;
        correct[i] = plan->knows > 0               ? earlier_correct(s, p, b, i, plan->knows)
                     : plan->knows == RUNS_HISTORY ? history->correct[problem]
                                                   : p * 1e12;
        double a = correct[i] + 1, d = verified[i] - correct[i] + 1;
        weight[i] = plan->rule == RULE_BETA ? a / (a + d) * (d / (a + d + 1)) : members[i]->sigma[plan->form];
    }
    AllocateConfig config = {ALLOCATE_STDDEV,
                             c->rollouts,
                             plan->wide ? 2 : c->rollouts_low,
                             plan->wide ? 4 * c->rollouts : c->rollouts_high,
                             c->explore,
                             c->mastered};
    if (plan->rule == RULE_UNIFORM) config.kind = ALLOCATE_UNIFORM;
    if (plan->rule == RULE_VARIANCE) config.kind = ALLOCATE_VARIANCE;
    if (plan->rule == RULE_BETA || plan->rule == RULE_NEYMAN) {
        counts_of_weights(correct, verified, weight, P);
        config.mastered = 2;
    }
    allocate_rollouts(s->policy.trainer.dev, n, NULL, correct, verified, P, &config);
}

static void write_batches(Study *s, bool natural, const BatchVariance *v) {
    int B = s->config.batches;
    for (int p = 0; p < PLANS; p++)
        for (int f = 0; f < FORMS; f++) {
            double variance[B], signal = 0, cross = 0;
            if (plans[p].knows == RUNS_HISTORY && !s->policy.history) continue;
            if (plans[p].rule == RULE_NEYMAN && plans[p].form != f / FORM_MEANS) continue; // it knows another variance
            for (int b = 0; b < B; b++) {
                const BatchVariance *x = &v[(b * PLANS + p) * FORMS + f];
                variance[b] = x->variance;
                signal += x->signal / B, cross += x->cross / B;
            }
            fprintf(s->out, "{\"row\": \"batch\", \"prompts\": \"%s\", \"allocation\": \"%s\", \"loss\": \"%s/%s\", "
                            "\"signal\": %.3g, \"cross\": %.3g, \"variance\": ", natural ? "natural" : "spread",
                    plans[p].name, kind_name[f / FORM_MEANS], mean_name[form_mean[f % FORM_MEANS]], signal, cross);
            study_numbers(s->out, variance, B, 3);
            fprintf(s->out, "}\n");
        }
}

static void measure_batches(Study *s, const Pool *pool) {
    int B = s->config.batches, P = s->policy.trainer.config.prompts;
    BatchVariance *v = malloc((size_t)(B * PLANS * FORMS) * sizeof *v);
    int *n = malloc((size_t)(PLANS * P) * sizeof *n);
    REQUIRE(v && n, "out of memory");
    for (int natural = 0; natural < 2; natural++) {
        for (int b = 0; b < B; b++) {
            const Measured *members[P];
            const Scores *scores[P];
            choose_members(s, pool, natural, b, members, P);
            for (int i = 0; i < P; i++) scores[i] = &members[i]->scores;
            for (int p = 0; p < PLANS; p++) allocate_plan(s, &plans[p], members, b, P, n + p * P);
            batch_variance(v + b * PLANS * FORMS, scores, P, n, PLANS, s->config.replicates,
                           (uint64_t)s->config.seed, (uint32_t)(2 * b + natural));
        }
        write_batches(s, natural, v);
    }
    free(v), free(n);
}

void measure_variance(Study *s) {
    Pool pool = pool_new(s);
    measure_groups(s, &pool);
    measure_batches(s, &pool);
    pool_free(&pool);
}
