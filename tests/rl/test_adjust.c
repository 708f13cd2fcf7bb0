// Which tokens a method treats differently: small mini-batches by hand, large ones against a sort of all tokens, and
// the same choice for every number of ranks. adjust.c is compiled into this test, which plays the ranks as threads and
// the forward pass from a table.
#define adjust_plan   adjust_plan_in_test
#define adjust_tokens adjust_tokens_in_test
#define adjust_has_reference adjust_has_reference_in_test
#include "rl/trainer.h"
static int played_rank(const Comm *comm);
static void played_sum(Comm *comm, double *x, size_t n);
static void played_forward(Updater *updater, Gradients *grads, TokenResult *results, const TrainSequence *sequences,
                           int count, const PolicyObjective *objective, bool compat);
#define comm_rank        played_rank
#define comm_sum         played_sum
#define updater_gradient played_forward
#include "rl/adjust.c"
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static bool close_to(double got, double want) { return fabs(got - want) <= 2e-6 * (1 + fabs(want)); }

// ---- Ranks as threads ----------------------------------------------------------------------------------------------
enum { RANKS_MAX = 3, SUM_MAX = 4096 };
typedef struct Ranks {
    pthread_barrier_t barrier;
    pthread_mutex_t lock;
    double sum[SUM_MAX];
} Ranks;
typedef struct Player { // what adjust.c takes for a Comm
    Ranks *ranks;
    int rank;
} Player;

static int played_rank(const Comm *comm) { return ((const Player *)(const void *)comm)->rank; }

static void played_sum(Comm *comm, double *x, size_t n) {
    Player *p = (Player *)(void *)comm;
    assert_true(n <= SUM_MAX);
    if (p->rank == 0) memset(p->ranks->sum, 0, n * sizeof *x);
    pthread_barrier_wait(&p->ranks->barrier);
    pthread_mutex_lock(&p->ranks->lock);
    for (size_t i = 0; i < n; i++) p->ranks->sum[i] += x[i];
    pthread_mutex_unlock(&p->ranks->lock);
    pthread_barrier_wait(&p->ranks->barrier);
    memcpy(x, p->ranks->sum, n * sizeof *x);
    pthread_barrier_wait(&p->ranks->barrier);
}

// ---- A mini-batch: `count` rollouts, whose token ids are their places in these arrays -------------------------------
enum { ROLLOUTS = 2000, LENGTH = 12, TOKENS = ROLLOUTS * LENGTH };
typedef struct World {
    int count, method, update, updates, rl_done, updated, forwards; // updated: by RL so far; forwards: passes of a rank
    Ratio ratio;
    long long seed;
    bool reference;
    Rollout rollouts[ROLLOUTS];
    int tokens[TOKENS];
    TokenPolicy sampled[TOKENS], now[TOKENS]; // by the policy that sampled, and by that of this update
    float weights[ROLLOUTS];
    TokenAdjust adjust[TOKENS]; // what came out
} World;
static World world;
static const PolicyObjective objective = {.inv_temp = 1, .eps_low = 0.2f, .eps_high = 0.2f};
static const float reference_off = -0.25f; // log pi of the reference minus that of the policy
static const float left_from_before = -77; // log pi of the reference, of an earlier epoch
static floatX policy_params[4], reference_params[4];

static void played_forward(Updater *u, Gradients *grads, TokenResult *r, const TrainSequence *s, int count,
                           const PolicyObjective *o, bool compat) {
    const Trainer *t = (const Trainer *)(const void *)u;
    bool reference = t->gpt->params == reference_params;
    assert_true(!grads && !compat && o == &objective);
    if (played_rank(t->comm) == 0) world.forwards++;
    for (int k = 0; k < count; k++)
        for (int i = 0; i < s[k].n; i++, r++) {
            assert_null(s[k].adjust);
            TokenPolicy p = world.now[s[k].tokens[i]];
            *r = (TokenResult){.logp = p.logp + (reference ? reference_off : 0), .entropy = p.entropy,
                               .ratio = exp_f32(p.logp - s[k].sampled[i].logp)};
        }
}

// One rank adjusts its tokens and writes them to world.adjust.
static void *rank_main(void *argument) {
    Player *p = argument;
    Gpt gpt = {.params = policy_params, .table.room = 4};
    Trainer t = {.config = {.method = world.method, .ratio = (int)world.ratio, .seed = world.seed,
                            .updates = world.updates},
                 .comm = (Comm *)(void *)p, .gpt = &gpt, .rl_done = world.rl_done, .opt.t = world.updated};
    size_t n = (size_t)world.count * LENGTH;
    t.batch = (RolloutBatch){.rollouts = world.rollouts, .count = world.count, .capacity = world.count,
                             .max_new = LENGTH, .tokens = world.tokens};
    t.adjust = (Adjust){calloc(n, sizeof(TokenAdjust)), calloc(n, sizeof(uint64_t)),
                        calloc((size_t)world.count, sizeof(double)), world.reference ? reference_params : NULL};
    for (size_t m = 0; m < n; m++) t.adjust.tokens[m].logp_ref = left_from_before;
    t.updater = (Updater *)(void *)&t, t.weights = world.weights;
    t.results = calloc(n, sizeof *t.results), t.sequences = calloc((size_t)world.count, sizeof *t.sequences);
    t.dev = device_open(1, 0, NULL);
    int count = 0;
    for (int j = 0; j < world.count; j++) {
        const Rollout *r = &world.rollouts[j];
        if (r->rank != p->rank || world.weights[j] == 0) continue;
        t.sequences[count++] = (TrainSequence){.tokens = r->tokens, .sampled = r->sampled, .n = r->n,
                                               .advantage = r->advantage, .weight = world.weights[j]};
    }
    adjust_tokens(&t, 0, world.count, count, world.update, &objective);
    assert_true(gpt.params == policy_params);
    for (int k = 0; k < count; k++) {
        const TrainSequence *s = &t.sequences[k];
        assert_non_null(s->adjust);
        memcpy(world.adjust + s->tokens[0], s->adjust, (size_t)s->n * sizeof *s->adjust);
    }
    device_close(t.dev);
    free(t.adjust.tokens), free(t.adjust.keys), free(t.adjust.sums), free(t.results), free(t.sequences);
    return NULL;
}

static void adjust(int ranks) {
    static Ranks shared;
    Player players[RANKS_MAX];
    pthread_t threads[RANKS_MAX];
    pthread_barrier_init(&shared.barrier, NULL, (unsigned)ranks);
    pthread_mutex_init(&shared.lock, NULL);
    memset(world.adjust, 0xff, sizeof world.adjust);
    world.forwards = 0;
    for (int j = 0; j < world.count; j++) world.rollouts[j].rank = (j * 7 + j / 5) % ranks;
    for (int r = 0; r < ranks; r++) {
        players[r] = (Player){&shared, r};
        assert_int_equal(pthread_create(&threads[r], NULL, rank_main, &players[r]), 0);
    }
    for (int r = 0; r < ranks; r++) pthread_join(threads[r], NULL);
    pthread_barrier_destroy(&shared.barrier);
    pthread_mutex_destroy(&shared.lock);
}

static void start(const char *method, int count) {
    for (world.method = 0; strcmp(methods[world.method].name, method) != 0;) world.method++;
    world.count = count, world.update = 0, world.updates = 4, world.seed = 1, world.rl_done = 3, world.updated = 9;
    world.ratio = RATIO_TOKEN, world.reference = false;
    for (int m = 0; m < TOKENS; m++) world.tokens[m] = m;
}

static void put_rollout(int j, int n, float A, float weight) {
    world.rollouts[j] = (Rollout){.n = n, .advantage = A, .tokens = world.tokens + j * LENGTH,
                                  .sampled = world.sampled + j * LENGTH};
    world.weights[j] = weight;
}

// ---- By hand: 12 trained tokens in 3 rollouts; rollout 1 is left out ------------------------------------------------
static void small(const char *method) {
    const float logp[4][5] = {{-1, -1, -4, -1, -1}, {-9, -9, -9}, {-1, -6, -1, -2}, {-3, -1, -1}};
    const float H[4][5] = {{0.1f, 2, 0.3f, 2, 0.5f}, {9, 9, 9}, {0.1f, 2, 0.2f, 1}, {2.5f, 0.4f, 0.3f}};
    start(method, 4);
    put_rollout(0, 5, 1, 0.25f), put_rollout(1, 3, 7, 0), put_rollout(2, 4, -1, 0.5f), put_rollout(3, 3, -1, 0.25f);
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < world.rollouts[j].n; i++)
            world.sampled[j * LENGTH + i] = world.now[j * LENGTH + i] = (TokenPolicy){logp[j][i], H[j][i], 0};
}
static const TokenAdjust *out(int j, int i) { return &world.adjust[j * LENGTH + i]; }

// ceil(12 / 5) = 3 tokens: H = 2.5, and of the three with H = 2 the first two. All weights: 5/4 + 4/2 + 3/4 = 4; those
// of the forks: 1/4 + 1/4 + 1/4.
static void test_forks(void **state) {
    (void)state;
    small("fork-tokens");
    adjust(1);
    assert_int_equal(world.forwards, 0); // the first update's policy is the one that sampled
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < world.rollouts[j].n && j != 1; i++) {
            bool fork = (j == 0 && (i == 1 || i == 3)) || (j == 3 && i == 0);
            assert_true(close_to(out(j, i)->factor, fork ? 4 / 0.75 : 0));
            assert_true(out(j, i)->ratio < 0 && out(j, i)->move == 0);
        }
}

// Mean A = (5 - 7) / 12 = -1/6, mean log pi = -23 / 12 = -1.9167. The covariances of (0, 2) and (2, 1) are -2.43 and
// 3.40; of (3, 0): 0.90; of A = 1 with log pi = -1: 1.07; of A = -1 with log pi = -1: -0.76; of (2, 3): 0.07.
static void test_kl_cov(void **state) {
    (void)state;
    small("kl-cov");
    adjust(1);
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < world.rollouts[j].n && j != 1; i++) {
            assert_true(out(j, i)->move == (j == 2 && i == 1 ? 1 : 0));
            assert_true(out(j, i)->factor == 1 && out(j, i)->ratio < 0);
        }
}

// Candidates: (2, 1) and the four tokens of rollout 0 with log pi = -1. One is drawn; each is, by some seed.
static void test_clip_cov(void **state) {
    (void)state;
    int drawn[5] = {0};
    for (int seed = 0; seed < 60; seed++) {
        int count = 0;
        small("clip-cov");
        world.seed = seed;
        adjust(1);
        for (int j = 0; j < 4; j++)
            for (int i = 0; i < world.rollouts[j].n && j != 1; i++) {
                bool candidate = (j == 0 && i != 2) || (j == 2 && i == 1);
                assert_true(out(j, i)->factor == 1 || (candidate && out(j, i)->factor == 0));
                count += out(j, i)->factor == 0;
                if (candidate) drawn[j == 2 ? 2 : i] += out(j, i)->factor == 0;
            }
        assert_int_equal(count, 1);
    }
    for (int i = 0; i < 5; i++) assert_true(drawn[i] >= 4); // 12 expected
    // In a later update (2, 1) is clipped below and rollout 0 above, but for (0, 4): that one is left. By the ratio of
    // the sequence all of rollout 0 is clipped (e^0.24 > 1.2), and (2, 1) is not (e^-0.075).
    for (int seed = 0; seed < 20; seed++)
        for (int ratio = RATIO_TOKEN; ratio <= RATIO_SEQUENCE; ratio++) {
            small("clip-cov");
            world.update = 1, world.seed = seed, world.ratio = (Ratio)ratio;
            for (int i = 0; i < 4; i++) world.sampled[i].logp -= 0.3f;
            world.sampled[2 * LENGTH + 1].logp += 0.3f;
            adjust(1);
            assert_true(world.forwards == 1 && out(0, 4)->factor == (ratio == RATIO_SEQUENCE) &&
                        out(2, 1)->factor == (ratio == RATIO_TOKEN));
        }
    small("clip-cov"); // no candidate at all: nothing is clipped
    for (int j = 0; j < 4; j++) world.rollouts[j].advantage = 0;
    adjust(1);
    for (int i = 0; i < 5; i++) assert_true(out(0, i)->factor == 1);
}

static void test_sequence_ratio(void **state) {
    (void)state;
    small("grpo");
    world.ratio = RATIO_SEQUENCE;
    adjust(1);
    for (int i = 0; i < 5; i++) assert_true(out(0, i)->ratio == 1 && out(0, i)->factor == 1);
    world.update = 1;
    for (int i = 0; i < 5; i++) world.sampled[i].logp -= 0.1f * (float)i; // (0 + 0.1 + 0.2 + 0.3 + 0.4) / 5 = 0.2
    adjust(1);
    for (int i = 0; i < 5; i++)
        assert_true(close_to(out(0, i)->ratio, exp(0.2)) && out(0, i)->ratio == out(0, 0)->ratio);
    assert_true(out(2, 0)->ratio == 1);
}

// Until RL has made an update the policy becomes the reference; its log pi is taken once a step and kept.
static void test_reference(void **state) {
    (void)state;
    const float before[4] = {1, 2, 3, 4}, other[4] = {0};
    Device *dev = device_open(1, 0, NULL);
    small("grpo");
    device_upload_floats(dev, policy_params, before, 4);
    device_upload_floats(dev, reference_params, other, 4);
    world.reference = true;
    adjust(1);
    assert_memory_equal(reference_params, other, sizeof other); // it is there already
    assert_true(world.forwards == 1 && close_to(out(2, 1)->logp_ref, -6.25));
    world.updated = 0; // as in the first step, and after steps that found nothing to learn from
    adjust(1);
    assert_memory_equal(reference_params, before, sizeof before);
    world.updated = 9, world.update = 4; // the second epoch
    adjust(1);
    assert_true(world.forwards == 0 && out(2, 1)->logp_ref == left_from_before);
    device_close(dev);
}

// ---- Large, with many ties ------------------------------------------------------------------------------------------
static double grid(uint32_t stream, int m, int values) { // one of `values` values in [0, 1)
    return floor(philox_uniform(philox(99, stream, 0, (uint32_t)m, 0).word[0]) * values) / values;
}

static void large(const char *method, int update) {
    start(method, ROLLOUTS);
    world.update = update;
    for (int j = 0; j < ROLLOUTS; j++) {
        put_rollout(j, 1 + j * 5 % LENGTH, (float)(grid(1, j, 5) * 4 - 2), j % 7 == 3 ? 0 : 1e-4f * (float)(1 + j % 3));
        for (int m = j * LENGTH; m < (j + 1) * LENGTH; m++) {
            world.sampled[m] = (TokenPolicy){(float)(-6 * grid(2, m, 50)), (float)(3 * grid(3, m, 40)), 0};
            world.now[m] = world.sampled[m];
            if (update > 0) world.now[m].logp -= (float)grid(4, m, 10) - 0.45f, world.now[m].entropy += 0.25f;
        }
    }
}

typedef struct Ranked {
    float value;
    int m;
} Ranked;
static int by_value(const void *a, const void *b) { // the highest first, of equal ones the earlier
    const Ranked *x = a, *y = b;
    return x->value != y->value ? (x->value < y->value) - (x->value > y->value) : (x->m > y->m) - (x->m < y->m);
}

// Every trained token, ranked by H or by the covariance. Returns how many there are.
static int rank_tokens(Ranked *ranked, bool covariance) {
    double A = 0, logp = 0;
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        double mean_A = A / (n ? n : 1), mean_logp = logp / (n ? n : 1);
        n = 0;
        for (int j = 0; j < ROLLOUTS; j++)
            for (int i = 0; world.weights[j] > 0 && i < world.rollouts[j].n; i++) {
                TokenPolicy p = world.now[j * LENGTH + i];
                double cov = (world.rollouts[j].advantage - mean_A) * (p.logp - mean_logp);
                ranked[n++] = (Ranked){covariance ? (float)cov : p.entropy, j * LENGTH + i};
                if (pass == 0) A += world.rollouts[j].advantage, logp += p.logp;
            }
    }
    qsort(ranked, (size_t)n, sizeof *ranked, by_value);
    return n;
}

static void test_large(void **state) {
    (void)state;
    static Ranked ranked[TOKENS];
    static TokenAdjust alone[TOKENS];
    const char *names[] = {"fork-tokens", "kl-cov", "clip-cov"};
    for (int i = 0; i < 3; i++)
        for (int update = 0; update < 2; update++)
            for (int ranks = 1; ranks <= RANKS_MAX; ranks++) {
                large(names[i], update);
                world.ratio = update ? RATIO_SEQUENCE : RATIO_TOKEN;
                adjust(ranks);
                if (ranks == 1) memcpy(alone, world.adjust, sizeof alone);
                assert_memory_equal(alone, world.adjust, sizeof alone);
                int n = rank_tokens(ranked, i > 0), chosen = 0;
                int k = i == 0 ? (n + 4) / 5 : i == 1 ? n / 500 : n / 5000;
                assert_true(k > 1);
                for (int at = 0; at < n; at++) {
                    const TokenAdjust *a = &world.adjust[ranked[at].m];
                    bool is = i == 0 ? a->factor > 0 : i == 1 ? a->move > 0 : a->factor == 0;
                    chosen += is;
                    assert_true(i == 2 ? !is || (ranked[at].value > 1 && ranked[at].value < 5) : is == (at < k));
                }
                assert_int_equal(chosen, k);
            }
    // Another seed, step or update draws others.
    for (int other = 0; other < 4; other++) {
        large("clip-cov", 0);
        if (other == 1) world.seed++;
        if (other == 2) world.rl_done++;
        if (other == 3) world.update = 1;
        adjust(1);
        if (other == 0) memcpy(alone, world.adjust, sizeof alone);
        else assert_memory_not_equal(alone, world.adjust, sizeof alone);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forks), cmocka_unit_test(test_kl_cov),
                                       cmocka_unit_test(test_clip_cov), cmocka_unit_test(test_sequence_ratio),
                                       cmocka_unit_test(test_reference), cmocka_unit_test(test_large)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
