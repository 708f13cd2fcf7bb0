// Optional (study): the variance of the policy gradient, of one prompt's group and of a whole batch.
//
// The claim: the variance of a prompt's gradient follows that of its reward, p (1 - p), so rollouts allocated by an
// estimate of p (1 - p) make a batch's gradient vary less than equally many each do. Three parts:
//   1. A survey estimates the pass rate of many training prompts. From its bins the measured prompts are chosen.
//   2. Of each measured prompt: many rollouts, the gradient of each, and the variance of groups of 4, 8 and 16.
//   3. Batches drawn from the measured prompts: `natural`, with the pass rates that the survey found, and `spread`, all
//      bins alike. Each is allocated by every plan of plans.h, and the variances are compared.
#include "dev/study/groups.h"
#include "dev/study/plans.h"
#include "dev/study/study.h"
#include "kernels/philox.h"
#include <string.h>

enum { MEMBER_STREAM = 0x5b100000, CURVE_KEY = 1 << 20, LEAST_PROMPTS = 64, SURVEY_CHUNK = 64 };
enum { GROUP_SIZES = 3, GROUP_MEANS = 3 };
static const int group_size[GROUP_SIZES] = {4, 8, 16};
static const LossMean group_mean[GROUP_MEANS] = {MEAN_TOKEN, MEAN_SEQUENCE, MEAN_CONSTANT};
static const char *const kind_name[FORM_KINDS] = {"grpo", "no-std"}; // rloo is no-std times n / (n - 1)
static const char *const mean_name[] = {"token", "sequence", "prompt", "constant"};

typedef struct Measured { // one prompt
    const Prompt *prompt;
    int bin; // of its pass rate in the survey
    Scores scores;
    Known known;
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
            if (bin[i] == b && chosen[i])
                pool.measured[pool.count++] = (Measured){.prompt = &train->prompts[i], .bin = b};
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
    for (int i = 0; i < pool->count; i++) {
        scores_free(&pool->measured[i].scores);
        for (int k = 0; k < FORM_KINDS; k++) free(pool->measured[i].known.curve[k]);
    }
    free(pool->measured);
}

// ---- 2. Groups of one prompt ---------------------------------------------------------------------------------------
static void write_groups(Study *s, const Measured *m) {
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
            fprintf(s->out, ", \"%s/%s\": ", kind_name[k], mean_name[group_mean[mean]]);
            study_numbers(s->out, numbers, GROUP_SIZES + 1, 3);
        }
    fprintf(s->out, "}\n");
}

// The variance of its group's gradient by the group's size: batches of this prompt alone, one plan for each size.
static void measure_curve(const Study *s, Measured *m) {
    const History *history = &s->policy.trainer.history;
    int most = plan_most(&s->policy.trainer.config), problem = m->prompt->problem, n[most];
    const Scores *scores = &m->scores;
    BatchVariance *v = calloc((size_t)(most * FORMS), sizeof *v);
    REQUIRE(v, "out of memory");
    m->known = (Known){
        .p = scores_pass_rate(scores), .correct = history->correct[problem], .verified = history->verified[problem]};
    for (int i = 2; i <= most; i++) n[i - 2] = i;
    if (scores->sketch)
        batch_variance(v, &scores, 1, n, most - 1, 4 * s->config.replicates, (uint64_t)s->config.seed, CURVE_KEY);
    for (int k = 0; k < FORM_KINDS; k++) {
        m->known.curve[k] = calloc((size_t)most + 1, sizeof(double));
        REQUIRE(m->known.curve[k], "out of memory");
        for (int i = 2; i <= most; i++) m->known.curve[k][i] = v[(i - 2) * FORMS + k * FORM_MEANS].variance;
    }
    free(v);
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
        m->scores =
            scores_new(t->updater, t->gpt, &t->grads, &objective, &sketch, m->prompt, batch.rollouts, reward, R);
        write_groups(s, m);
        measure_curve(s, m);
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

static void write_batches(Study *s, bool natural, const BatchVariance *v) {
    int B = s->config.batches;
    for (int p = 0; p < PLANS; p++)
        for (int f = 0; f < FORMS; f++) {
            double variance[B], signal[B], cross[B];
            bool knows = plans[p].rule == ALLOCATE_NEYMAN || plans[p].rule == ALLOCATE_OPTIMUM;
            if (plans[p].counts == COUNTS_OF_RUN && !s->policy.history) continue;
            if (knows && plans[p].kind != f / FORM_MEANS) continue; // it knows the variance of another advantage
            for (int b = 0; b < B; b++) {
                const BatchVariance *x = &v[(b * PLANS + p) * FORMS + f];
                variance[b] = x->variance, signal[b] = x->signal, cross[b] = x->cross;
            }
            fprintf(s->out,
                    "{\"row\": \"batch\", \"prompts\": \"%s\", \"allocation\": \"%s\", \"loss\": \"%s/%s\", "
                    "\"variance\": ",
                    natural ? "natural" : "spread", plans[p].name, kind_name[f / FORM_MEANS],
                    mean_name[form_mean[f % FORM_MEANS]]);
            study_numbers(s->out, variance, B, 3);
            fprintf(s->out, ", \"signal\": ");
            study_numbers(s->out, signal, B, 3);
            fprintf(s->out, ", \"cross\": ");
            study_numbers(s->out, cross, B, 3);
            fprintf(s->out, "}\n");
        }
}

static void measure_batches(Study *s, const Pool *pool) {
    Trainer *t = &s->policy.trainer;
    int B = s->config.batches, P = t->config.prompts;
    uint64_t seed = (uint64_t)s->config.seed;
    BatchVariance *v = malloc((size_t)(B * PLANS * FORMS) * sizeof *v);
    int *n = malloc((size_t)(PLANS * P) * sizeof *n);
    REQUIRE(v && n, "out of memory");
    for (int natural = 0; natural < 2; natural++) {
        for (int b = 0; b < B; b++) {
            const Measured *members[P];
            const Scores *scores[P];
            const Known *known[P];
            uint32_t key = (uint32_t)(2 * b + natural);
            choose_members(s, pool, natural, b, members, P);
            for (int i = 0; i < P; i++) scores[i] = &members[i]->scores, known[i] = &members[i]->known;
            for (int p = 0; p < PLANS; p++)
                plan_allocate(&plans[p], n + p * P, known, P, &t->config, t->dev, seed, key);
            batch_variance(v + b * PLANS * FORMS, scores, P, n, PLANS, s->config.replicates, seed, key);
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
