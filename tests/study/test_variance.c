// The instrument for gradient variance against a policy whose responses can all be listed: at most two tokens of 33.
// Given how many of a group's rollouts are of each reward and length, its gradient is a sum of independent draws, so
// the variance is a finite sum. And what the instrument adds up is the gradient that a training step would take.
#define rl_step rl_step_in_test
#include "rl/step.c"
#undef rl_step
#include "dev/study/batches.h"
#include "dev/study/groups.h"
#include "dev/study/plans.h"
#include "dev/study/policy.h"
#include "tests/model/tiny_model.h"
#include "tests/rl/small_trainer.h"

enum { PROMPTS = 3, R = 2048, CELLS = 2048 };

typedef struct World {
    Policy policy;
    char folder[64];
    PolicyObjective objective;
    Sketch sketch;
    RolloutBatch batch;
    Scores scores[PROMPTS];
} World;

// Any rule will do: what matters is that reward and gradient depend on each other.
static float reward_of(const int *tokens, int n, int prompt) {
    return (tokens[0] * 7 + tokens[n - 1] + n + prompt) % 5 < 2 + prompt % 2;
}

static void open_policy(World *w, const char *max_tokens) {
    const char *const extra[] = {"--channels", "8", "--heads", "1", "--ffn", "8", "--max-tokens", max_tokens, NULL};
    *w = (World){0};
    new_folder(w->folder);
    small_trainer(&w->policy.trainer, w->folder, extra);
    Trainer *t = &w->policy.trainer;
    float *h = tiny_params(&t->gpt->table);
    device_upload_floats(t->dev, t->gpt->params, h, t->gpt->table.size);
    free(h);
    w->objective = policy_objective(&w->policy);
    w->sketch = sketch_new(t->gpt->table.size, CELLS, 1);
}

// alternate: every second rollout is right, so that small groups have spread.
static void score(World *w, int each, bool alternate) {
    Trainer *t = &w->policy.trainer;
    float *reward = malloc((size_t)each * sizeof *reward);
    policy_room(&w->policy, &w->batch, PROMPTS * each);
    policy_sample(&w->policy, &w->batch, t->train.prompts, PROMPTS, each, STREAM_SCORES);
    for (int i = 0; i < PROMPTS; i++) {
        const Rollout *r = w->batch.rollouts + i * each;
        for (int j = 0; j < each; j++) reward[j] = alternate ? (float)(j % 2) : reward_of(r[j].tokens, r[j].n, i);
        w->scores[i] = scores_new(t->updater, t->gpt, &t->grads, &w->objective, &w->sketch, &t->train.prompts[i], r,
                                  reward, each);
    }
    free(reward);
}

static void close_world(World *w) {
    for (int i = 0; i < PROMPTS; i++) scores_free(&w->scores[i]);
    rollout_batch_free(&w->batch, w->policy.trainer.dev);
    sketch_free(&w->sketch);
    small_trainer_close(&w->policy.trainer);
    remove_tree(w->folder);
}

// ---- The exact variance --------------------------------------------------------------------------------------------
enum { LENGTHS = 2, CLASSES = 2 * LENGTHS, ALL = PROMPTS * CLASSES }; // a class: reward and length
typedef struct Exact {
    double probability[ALL];   // of each class, given its prompt
    double gram[ALL][ALL];     // inner products of the classes' mean gradients
    double within[ALL];        // trace of the covariance of one gradient within the class
    double total[PROMPTS];     // probability of all responses: 1
} Exact;

// Adds response tokens (n) to its class: mean (CLASSES, size), squares (CLASSES).
static void list_response(World *w, Exact *e, int prompt, const int *tokens, int n, double *mean, double *squares) {
    Trainer *t = &w->policy.trainer;
    const Prompt *p = &t->train.prompts[prompt];
    size_t size = t->gpt->table.size;
    TokenResult results[LENGTHS];
    TrainSequence s = {.prompt = p->tokens, .tokens = tokens, .n_prompt = p->n, .n = n, .advantage = 1, .weight = 1};
    updater_gradient(t->updater, &t->grads, results, &s, 1, &w->objective, false);
    double logp = 0;
    for (int k = 0; k < n; k++) logp += (double)results[k].logp;
    int c = (reward_of(tokens, n, prompt) != 0) * LENGTHS + n - 1;
    e->probability[prompt * CLASSES + c] += exp(logp);
    for (size_t i = 0; i < size; i++) {
        double g = (double)t->grads.flat[i];
        mean[(size_t)c * size + i] += exp(logp) * g;
        squares[c] += exp(logp) * g * g;
    }
}

static void enumerate(World *w, Exact *e) {
    const Gpt *gpt = w->policy.trainer.gpt;
    size_t size = gpt->table.size;
    double *mean = calloc(ALL * size, sizeof *mean);
    memset(e, 0, sizeof *e);
    for (int i = 0; i < PROMPTS; i++) {
        double squares[CLASSES] = {0}, *own = mean + (size_t)(i * CLASSES) * size;
        for (int a = 0; a < gpt->config.V; a++) {
            if (model_config_is_eos(&gpt->config, a)) list_response(w, e, i, (int[]){a}, 1, own, squares);
            for (int b = 0; b < gpt->config.V && !model_config_is_eos(&gpt->config, a); b++)
                list_response(w, e, i, (int[]){a, b}, 2, own, squares);
        }
        for (int c = 0; c < CLASSES; c++) {
            double q = e->probability[i * CLASSES + c], length = 0;
            e->total[i] += q;
            for (size_t k = 0; k < size && q > 0; k++) {
                own[(size_t)c * size + k] /= q;
                length += own[(size_t)c * size + k] * own[(size_t)c * size + k];
            }
            e->within[i * CLASSES + c] = q > 0 ? squares[c] / q - length : 0;
        }
    }
    for (int a = 0; a < ALL; a++)
        for (int b = 0; b < ALL; b++)
            for (size_t k = 0; k < size; k++)
                e->gram[a][b] += mean[(size_t)a * size + k] * mean[(size_t)b * size + k];
    free(mean);
}

typedef struct Sum { // over all compositions of a batch
    const Exact *e;
    int first, P;    // its prompts: first .. first + P - 1
    const int *n;    // (P)
    AdvantageKind kind;
    LossMean mean;
    int count[ALL];
    double probability, within, square; // E of 1, of the variance given the counts, of the squared mean given them
    double coefficient[ALL];            // expected weight of each class's mean
} Sum;

static double product(const Exact *e, const double *a, const double *b) {
    double sum = 0;
    for (int x = 0; x < ALL; x++)
        for (int y = 0; y < ALL; y++) sum += a[x] * e->gram[x][y] * b[y];
    return sum;
}

// One composition: the counts of every class are given, and so are advantages and weights.
static void add_composition(Sum *s, double probability) {
    double b[ALL] = {0}, tokens = 0, sequences = 0, within = 0;
    for (int x = 0; x < ALL; x++) tokens += s->count[x] * (x % LENGTHS + 1), sequences += s->count[x];
    for (int i = s->first; i < s->first + s->P; i++) {
        int n = s->n[i - s->first];
        float reward[n], A[n];
        double own = 0;
        for (int c = 0, j = 0; c < CLASSES; c++)
            for (int k = 0; k < s->count[i * CLASSES + c]; k++, j++)
                reward[j] = (float)(c / LENGTHS), own += c % LENGTHS + 1;
        advantage_of_group(A, reward, n, s->kind);
        for (int c = 0, j = 0; c < CLASSES; j += s->count[i * CLASSES + c++]) {
            int count = s->count[i * CLASSES + c], length = c % LENGTHS + 1;
            double divisor = s->mean == MEAN_TOKEN    ? tokens
                             : s->mean == MEAN_PROMPT ? s->P * own
                                                      : sequences * (s->mean == MEAN_SEQUENCE ? length : 1);
            double a = count ? (double)A[j] / divisor : 0;
            b[i * CLASSES + c] = count * a;
            within += count * a * a * s->e->within[i * CLASSES + c];
        }
    }
    s->probability += probability;
    s->within += probability * within;
    s->square += probability * product(s->e, b, b);
    for (int x = 0; x < ALL; x++) s->coefficient[x] += probability * b[x];
}

// All ways to fill the classes from x on: left rollouts of its prompt are still without one.
static void compose(Sum *s, int x, int left, double probability) {
    int i = x / CLASSES - s->first;
    if (x % CLASSES == 0 && i == s->P) return add_composition(s, probability);
    if (x % CLASSES == 0) left = s->n[i];
    bool last = x % CLASSES == CLASSES - 1;
    double ways = 1; // left choose k, times q^k
    for (int k = 0; k <= left; k++) {
        s->count[x] = k;
        if (!last || k == left) compose(s, x + 1, left - k, probability * ways);
        ways *= s->e->probability[x] * (left - k) / (k + 1);
    }
    s->count[x] = 0;
}

static Sum exact_sum(const Exact *e, int first, int P, const int *n, AdvantageKind kind, LossMean mean) {
    Sum s = {.e = e, .first = first, .P = P, .n = n, .kind = kind, .mean = mean};
    compose(&s, first * CLASSES, 0, 1);
    assert_true(fabs(s.probability - 1) < 1e-4);
    return s;
}

static double exact_variance(const Sum *s) {
    return s->within + s->square - product(s->e, s->coefficient, s->coefficient);
}

// ---- Tests ---------------------------------------------------------------------------------------------------------
static void within(const char *what, int n, double got, double want, double error) {
    if (!(fabs(got - want) <= 4 * error)) fail_msg("%s, n = %d: %g, want %g +- %g", what, n, got, want, error);
}

static void check_groups(World *w, const Exact *e) {
    static const AdvantageKind kinds[] = {ADVANTAGE_GRPO, ADVANTAGE_NO_STD, ADVANTAGE_RLOO};
    static const LossMean means[] = {MEAN_TOKEN, MEAN_SEQUENCE, MEAN_CONSTANT};
    for (int i = 0; i < PROMPTS; i++)
        for (int n = 4; n <= 16; n *= 2)
            for (int k = 0; k < 9; k++) {
                GroupVariance v = group_variance(&w->scores[i], n, kinds[k / 3], means[k % 3], 2, 5);
                Sum s = exact_sum(e, i, 1, &n, kinds[k / 3], means[k % 3]);
                double want = exact_variance(&s), M = R / n, signal = product(e, s.coefficient, s.coefficient);
                assert_true(v.error < 0.2 * want && want > 0);
                within("variance of a group's gradient", n, v.trace, want, v.error);
                within("squared mean", n, v.signal, signal, sqrt(4 * signal * want / M + 2 * want * want / (M * M)));
            }
}

// Few replications at a time, many times over, so that what is not unbiased shows.
static void check_batches(World *w, const Exact *e) {
    enum { WAYS = 2, M = 4, KEYS = 300 };
    const int n[WAYS * PROMPTS] = {4, 4, 4, 2, 5, 3};
    const Scores *scores[] = {&w->scores[0], &w->scores[1], &w->scores[2]};
    BatchVariance mean[WAYS * FORMS] = {{0}}, v[WAYS * FORMS];
    for (uint32_t key = 0; key < KEYS; key++) {
        batch_variance(v, scores, PROMPTS, n, WAYS, M, 3, key);
        for (int x = 0; x < WAYS * FORMS; x++) {
            mean[x].variance += v[x].variance / KEYS;
            mean[x].signal += v[x].signal / KEYS, mean[x].cross += v[x].cross / KEYS;
        }
    }
    double relative = sqrt(2.0 / ((M - 1) * KEYS)) + sqrt(2.0 / R); // at most, of a variance
    for (int p = 0; p < WAYS; p++)
        for (int f = 0; f < FORMS; f++) {
            Sum s = exact_sum(e, 0, PROMPTS, n + p * PROMPTS, form_kind[f / FORM_MEANS], form_mean[f % FORM_MEANS]);
            Sum first = exact_sum(e, 0, PROMPTS, n, form_kind[f / FORM_MEANS], MEAN_PROMPT);
            double want = exact_variance(&s), signal = product(e, s.coefficient, s.coefficient);
            double cross = product(e, s.coefficient, first.coefficient), scale = cross / signal;
            double error = sqrt((4 * signal * want / M + 2 * want * want / (M * M)) / KEYS) + 4 * signal / sqrt(R);
            const BatchVariance *x = &mean[p * FORMS + f];
            within("variance of a batch's gradient", p, x->variance, want, relative * want);
            within("signal", p, x->signal, signal, error);
            within("cross", p, x->cross, cross, error * scale);
        }
}

static void test_against_enumeration(void **state) {
    (void)state;
    World w;
    Exact e;
    open_policy(&w, "2");
    score(&w, R, false);
    enumerate(&w, &e);
    for (int i = 0; i < PROMPTS; i++) {
        double p = e.probability[i * CLASSES + LENGTHS] + e.probability[i * CLASSES + LENGTHS + 1];
        assert_true(fabs(e.total[i] - 1) < 1e-5);
        assert_true(p > 0.1 && p < 0.9);
        within("pass rate", R, scores_pass_rate(&w.scores[i]), p, sqrt(p * (1 - p) / R));
    }
    check_groups(&w, &e);
    check_batches(&w, &e);
    close_world(&w);
}

// The gradient that rl/step.c would take on a batch of groups of different sizes, against the sum of their scores.
static void check_step(World *w, LossMean mean, AdvantageKind kind) {
    enum { EACH = 6 };
    const int n[PROMPTS] = {6, 3, 5}, max_tokens = 5;
    Trainer *t = &w->policy.trainer;
    double tokens[PROMPTS] = {0}, N = 0, sequences = 0;
    float *want = malloc(CELLS * sizeof *want), *group = malloc(CELLS * sizeof *group), *got = calloc(CELLS, 4);
    t->config.loss_mean = (int)mean;
    t->batch.P = PROMPTS, t->batch.count = 0, t->batch.h_starts[0] = 0;
    for (int i = 0; i < PROMPTS; i++) {
        for (int j = 0; j < n[i]; j++) {
            Rollout *r = &t->batch.rollouts[t->batch.count++];
            *r = w->batch.rollouts[i * EACH + j];
            r->reward = w->scores[i].reward[j];
            tokens[i] += r->n;
        }
        t->batch.h_starts[i + 1] = t->batch.count;
        N += tokens[i], sequences += n[i];
    }
    rollout_batch_advantages(&t->batch, t->dev, t->train.prompts, kind);
    int count = sequences_of(t, t->train.prompts, 0, t->batch.count);
    updater_gradient(t->updater, &t->grads, t->results, t->sequences, count, &w->objective, false);
    sketch_apply(&w->sketch, want, t->grads.flat);
    double length = 0, off = 0;
    for (int i = 0; i < PROMPTS; i++) {
        int members[EACH] = {0, 1, 2, 3, 4, 5};
        double share = mean == MEAN_TOKEN ? tokens[i] / N : mean == MEAN_PROMPT ? 1.0 / PROMPTS : n[i] / sequences;
        if (mean == MEAN_CONSTANT) share /= max_tokens;
        group_gradient(group, &w->scores[i], members, n[i], kind, mean);
        for (int d = 0; d < CELLS; d++) got[d] += (float)share * group[d];
    }
    for (int d = 0; d < CELLS; d++) length += want[d] * want[d], off += (got[d] - want[d]) * (got[d] - want[d]);
    if (!(length > 0 && sqrt(off) <= 1e-5 * sqrt(length)))
        fail_msg("mean %d, advantage %d: off by %g of %g", (int)mean, (int)kind, sqrt(off), sqrt(length));
    free(want), free(group), free(got);
}

static void test_is_the_steps_gradient(void **state) {
    (void)state;
    World w;
    open_policy(&w, "5");
    score(&w, 6, true);
    for (LossMean mean = MEAN_TOKEN; mean <= MEAN_CONSTANT; mean++)
        for (AdvantageKind kind = ADVANTAGE_GRPO; kind <= ADVANTAGE_RLOO; kind++) check_step(&w, mean, kind);
    close_world(&w);
}

// Over many seeds the inner product of two sketches averages to that of the vectors, within the stated variance.
static void test_sketch(void **state) {
    (void)state;
    enum { N = 300, D = 16, SEEDS = 4000 };
    float x[N], y[N], sx[D], sy[D];
    double want = 0, xx = 0, yy = 0, sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        x[i] = test_random(1, (uint64_t)i), y[i] = x[i] + test_random(2, (uint64_t)i);
        want += x[i] * y[i], xx += x[i] * x[i], yy += y[i] * y[i];
    }
    for (int seed = 0; seed < SEEDS; seed++) {
        double got = 0;
        Sketch s = sketch_new(N, D, (uint64_t)seed);
        sketch_apply(&s, sx, x);
        sketch_apply(&s, sy, y);
        for (int d = 0; d < D; d++) got += sx[d] * sy[d];
        sum += got, squares += (got - want) * (got - want);
        sketch_free(&s);
    }
    double bound = (xx * yy + want * want) / D;
    within("mean of sketched inner products", N, sum / SEEDS, want, sqrt(bound / SEEDS));
    assert_true(squares / SEEDS < 1.1 * bound && squares / SEEDS > 0.8 * bound);
}

// No way to share the budget has a smaller sum, by trying all.
static void test_optimum(void **state) {
    (void)state;
    enum { P = 4, LOW = 2, HIGH = 6, ROLLOUTS = 4 };
    double values[P][HIGH + 1];
    const double *curve[P];
    for (int round = 0; round < 50; round++) {
        int n[P], best_sum = 0;
        double best = INFINITY, got = 0;
        for (int i = 0; i < P; i++)
            for (int k = 0; k <= HIGH; k++) // falling as a variance does, except where it does not
                values[i][k] = (2 + test_random(11, (uint64_t)(round * P + i))) / (k + 1) +
                               0.1 * test_random(12, (uint64_t)((round * P + i) * 10 + k));
        for (int code = 0; code < 625; code++) {
            int m[P] = {2 + code % 5, 2 + code / 5 % 5, 2 + code / 25 % 5, 2 + code / 125};
            double sum = values[0][m[0]] + values[1][m[1]] + values[2][m[2]] + values[3][m[3]];
            if (m[0] + m[1] + m[2] + m[3] == P * ROLLOUTS) best = fmin(best, sum);
        }
        for (int i = 0; i < P; i++) curve[i] = values[i];
        plan_optimum(n, curve, P, P * ROLLOUTS, LOW, HIGH);
        for (int i = 0; i < P; i++) {
            assert_true(n[i] >= LOW && n[i] <= HIGH);
            got += values[i][n[i]], best_sum += n[i];
        }
        assert_int_equal(best_sum, P * ROLLOUTS);
        assert_true(fabs(got - best) < 1e-12);
    }
}

// Every plan spends the budget within its bounds, and follows what it may know and nothing else.
static void test_plans(void **state) {
    (void)state;
    enum { P = 6 };
    const TrainConfig c = {.rollouts = 16, .rollouts_low = 8, .rollouts_high = 24, .explore = 4, .mastered = 0.85};
    const double p[P] = {0.05, 0.5, 0.95, 0.5, 0.2, 0}, sigma[P] = {3, 1, 1, 2, 1, 0};
    double curve[P][65];
    Known known[P];
    const Known *list[P];
    int n[PLANS][P];
    for (int i = 0; i < P; i++) {
        for (int k = 0; k <= 64; k++) curve[i][k] = k ? sigma[i] * sigma[i] / k : 0;
        known[i] = (Known){.p = p[i], .correct = i, .verified = 2 * P, .curve = {curve[i], curve[i]}};
        list[i] = &known[i];
    }
    for (int k = 0; k < PLANS; k++) {
        int sum = 0;
        plan_allocate(&plans[k], n[k], list, P, &c, NULL, 1, 0);
        for (int i = 0; i < P; i++) {
            sum += n[k][i];
            assert_true(n[k][i] >= (plans[k].wide ? 2 : 8) && n[k][i] <= (plans[k].wide ? 64 : 24));
            if (plans[k].rule == ALLOCATE_UNIFORM) assert_int_equal(n[k][i], 16);
        }
        assert_int_equal(sum, P * 16);
        if (plans[k].rule == ALLOCATE_NEYMAN) // in proportion to sigma
            assert_true(n[k][0] > n[k][3] && n[k][3] > n[k][1] && n[k][1] == n[k][2] && n[k][4] > n[k][5]);
        if (plans[k].rule == ALLOCATE_STDDEV && plans[k].counts == COUNTS_OF_P)
            assert_true(n[k][1] == n[k][3] && n[k][1] > n[k][4] && n[k][4] > n[k][0] && n[k][2] == n[k][5]);
        double whole = 0; // i of 12 correct: 48 rollouts above the least are shared by a b, a = i + 1, b = 13 - i
        for (int i = 0; i < P; i++) whole += (i + 1) * (13 - i);
        if (plans[k].rule == ALLOCATE_BETA && plans[k].counts == COUNTS_OF_RUN)
            for (int i = 0; i < P; i++) assert_true(fabs(n[k][i] - 8 - 48 * (i + 1) * (13 - i) / whole) < 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sketch), cmocka_unit_test(test_is_the_steps_gradient),
                                       cmocka_unit_test(test_against_enumeration), cmocka_unit_test(test_optimum),
                                       cmocka_unit_test(test_plans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
