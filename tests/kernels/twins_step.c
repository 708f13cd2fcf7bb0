// The twins of the training step: see twins.h.
#include "kernels/adamw.h"
#include "kernels/advantage.h"
#include "kernels/allocate.h"
#include "kernels/gradnorm.h"
#include "kernels/policy_loss.h"
#include "kernels/sample.h"
#include "tests/kernels/twins.h"

// -inf for a third of every third row's logits, but not for target[m]
static void mask_some(float *h_logits, const int *target, int M, int V) {
    for (int m = 2; m < M; m += 3)
        for (int b = 1; b < V; b += 3)
            if (!target || b != target[m]) h_logits[(size_t)m * V + b] = -INFINITY;
}

static void twin_sample(Twins *w, SampleConfig c, int R, int V) {
    SampleKey *h_key = HOST(&w->t, SampleKey, R);
    for (int r = 0; r < R; r++) h_key[r] = (SampleKey){(uint32_t)r, 7, (uint32_t)(r * r)};
    SampleKey *key = UPLOAD(&w->t, h_key, R);
    float *h_logits = random_floats(&w->t, (size_t)R * V, 1, 6);
    mask_some(h_logits, NULL, R, V);
    float *logits = UPLOAD(&w->t, h_logits, R * V);
    Sampled *sampled = DEVICE(&w->t, Sampled, R), *want = HOST(&w->t, Sampled, R);
    sample_forward(dev_of(w), sampled, logits, key, UPLOAD(&w->t, &c, 1), R, V);
    C(sample_forward)(w->c, want, h_logits, h_key, &c, R, V);
    Sampled *got = DOWNLOAD(&w->t, sampled, R);
    // of many tokens a row or two may be drawn where rounding decides between neighbours
    for (int r = 0, apart = 0; r < R; r++) {
        int by = abs(got[r].token - want[r].token);
        assert_true(by == 0 || (V > 500 && by <= 2 && ++apart <= R / 8));
        const float *z = h_logits + (size_t)r * V;
        if (by > 0) want[r].policy.logp += (z[got[r].token] - z[want[r].token]) / c.temp;
        double scale = 12 / fmax(c.temp, 0.5f) + log(V); // logits: -6 to 6
        agree(w, "log pi, H, E", &got[r].policy.logp, &want[r].policy.logp, 3, scale, V, 0, UNIT_FP32);
    }
}

static TokenAdjust *adjustments(Twins *w, int M) {
    TokenAdjust *a = HOST(&w->t, TokenAdjust, M);
    for (int m = 0; m < M; m++)
        a[m] = (TokenAdjust){(float)(m % 3), m % 2 ? -1.0f : 0.7f + 0.1f * (float)m, m % 4 ? 0.0f : 0.5f,
                             (float)(-4 + random_at(5, (size_t)m))};
    return a;
}

// kl: the estimator, or KL_K3 + 1 for no adjustment
static void twin_policy_loss(Twins *w, bool supervised, int kl, int M, int V) {
    bool adjusted = kl <= KL_K3;
    PolicyObjective o = {.inv_temp = 1.25f, .eps_low = 0.2f, .eps_high = 0.28f, .dual_clip = 3, .entropy_coef = 0.01f,
                         .comp = 0.4f, .stab = 0.4f, .stab_gamma = 50, .stab_tau = 0.9f, .entropy_min = 0.5f,
                         .entropy_max = 4, .delta_max = 0.5f, .shaping = adjusted ? 0.4f : 0, .shaping_most = 0.5f,
                         .kl_coef = adjusted ? 0.1f : 0, .kl = (KlEstimator)kl};
    int *target, *h_target = random_ids(w, &target, M, V, 1);
    float *h_logits = random_floats(&w->t, (size_t)M * V, 2, 3), *h_A = random_floats(&w->t, M, 3, 2);
    mask_some(h_logits, h_target, M, V);
    float *logits = UPLOAD(&w->t, h_logits, M * V);
    float *h_weight = HOST(&w->t, float, M), *h_old = HOST(&w->t, float, M);
    for (int m = 0; m < M; m++) h_weight[m] = 0.5f + (float)(m % 3) * 0.25f, h_old[m] = (float)(-3 + random_at(4, m));
    PolicyTargets h_t = {h_target, supervised ? NULL : h_A, supervised ? NULL : h_old, h_weight, NULL, NULL};
    PolicyTargets t = {target, NULL, NULL, UPLOAD(&w->t, h_weight, M), NULL, NULL};
    if (adjusted) h_t.adjust = adjustments(w, M), t.adjust = UPLOAD(&w->t, h_t.adjust, M);
    if (!supervised) t.advantage = UPLOAD(&w->t, h_A, M), t.logp_old = UPLOAD(&w->t, h_old, M);
    TokenResult *result = DEVICE(&w->t, TokenResult, M), *want = HOST(&w->t, TokenResult, M);
    OUT(M * V, d);
    policy_loss(dev_of(w), result, d, logits, &t, &o, M, V);
    C(policy_loss)(w->c, want, X(h_d), h_logits, &h_t, &o, M, V);
    TokenResult *got = DOWNLOAD(&w->t, result, M);
    // |log pi| is at most log V + 8; the ratio's error is log pi's times the ratio, b_stab's ten times that of |dH|
    for (int m = 0; m < M; m++) {
        double reach = log(V) + 8, push = fmax(1, 2 * want[m].ratio);
        agree(w, "log pi, H, E", &got[m].logp, &want[m].logp, 3, reach, V, 0, UNIT_FP32);
        agree(w, "loss", &got[m].loss, &want[m].loss, 1, 10 * reach * push * push, V, 0, UNIT_FP32);
        agree(w, "ratio", &got[m].ratio, &want[m].ratio, 1, reach * push, V, 0, UNIT_FP32);
        agree(w, "b_comp, b_stab", &got[m].b_comp, &want[m].b_comp, 2, 10 * reach * push, V, 0, UNIT_FP32);
        assert_true(got[m].clipped == want[m].clipped);
    }
    agree_floatX(w, "dlogits", d, h_d, (size_t)M * V, 0, V, 0);
}

static void twin_advantage(Twins *w, int P, AdvantageKind kind) {
    int h_starts[64] = {0}, B;
    for (int i = 0; i < P; i++) h_starts[i + 1] = h_starts[i] + 1 + i % 5;
    B = h_starts[P];
    float *h_reward = HOST(&w->t, float, B), *h_A = HOST(&w->t, float, B), h_norms[3], *h_E = HOST(&w->t, float, B),
          *A = DEVICE(&w->t, float, B);
    float *norms = DEVICE(&w->t, float, 3), *E = DEVICE(&w->t, float, B);
    TokenPolicy *h_policy = HOST(&w->t, TokenPolicy, B);
    for (int i = 0; i < B; i++) {
        h_reward[i] = random_at(1, i) > 0.2;
        h_policy[i] =
            (TokenPolicy){(float)(random_at(2, i) - 1.5), (float)(random_at(3, i) + 1), (float)random_at(4, i)};
    }
    int *starts = UPLOAD(&w->t, h_starts, P + 1);
    TokenPolicy *policy = UPLOAD(&w->t, h_policy, B);
    group_advantage(dev_of(w), A, UPLOAD(&w->t, h_reward, B), starts, P, kind);
    C(group_advantage)(w->c, h_A, h_reward, h_starts, P, kind);
    agree_fp32(w, "advantage", A, h_A, B, 0, 1);
    response_mean_E(dev_of(w), E, policy, starts, P);
    C(response_mean_E)(w->c, h_E, h_policy, h_starts, P);
    agree_fp32(w, "mean E", E, h_E, B, 0, 6);
    modulation_norms(dev_of(w), norms, policy, A, E, B);
    C(modulation_norms)(w->c, h_norms, h_policy, h_A, h_E, B);
    agree_fp32(w, "norms", norms, h_norms, 3, 0, 8);
}

static void twin_allocate(Twins *w, AllocateKind kind, int P) {
    AllocateConfig c = {kind, 16, 8, 24, 4, 0.85};
    double *k = HOST(&w->t, double, P), *G = HOST(&w->t, double, P), *h_ideal = HOST(&w->t, double, P),
           *ideal = DEVICE(&w->t, double, P);
    int *n = DEVICE(&w->t, int, P), *h_n = HOST(&w->t, int, P);
    for (int i = 0; i < P; i++)
        G[i] = floor((random_at(1, i) + 1) * 20), k[i] = floor((random_at(2, i) + 1) * 0.5 * (G[i] + 1));
    allocate_rollouts(dev_of(w), n, ideal, UPLOAD(&w->t, k, P), UPLOAD(&w->t, G, P), P, &c);
    C(allocate_rollouts)(w->c, h_n, h_ideal, k, G, P, &c);
    assert_memory_equal(DOWNLOAD(&w->t, n, P), h_n, (size_t)P * sizeof(int));
    double *got = DOWNLOAD(&w->t, ideal, P);
    for (int i = 0; i < P; i++) assert_true(near(got[i], h_ideal[i], 1e-12 * h_ideal[i]));
}

static void twin_optimizer(Twins *w, size_t n) {
    AdamW a = {1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.5f, 3};
    float *h_v = random_floats(&w->t, n, 3, 0.5);
    for (size_t i = 0; i < n; i++) h_v[i] += 0.5f;
    float *v = UPLOAD(&w->t, h_v, n);
    SUM(n, 1, master);
    SUM(n, 2, m);
    SUM(n, 4, grad);
    OUT(n, param);
    double *partial = DEVICE(&w->t, double, gradnorm_partials(n)),
           *h_partial = HOST(&w->t, double, C(gradnorm_partials)(n));
    double want = C(gradnorm_squared)(w->c, h_partial, h_grad, n);
    assert_true(near(gradnorm_squared(dev_of(w), partial, grad, n), want, (double)n * 0x1p-52 * want));
    adamw_update(dev_of(w), param, master, m, v, grad, n, &a);
    C(adamw_update)(w->c, X(h_param), h_master, h_m, h_v, h_grad, n, &a);
    agree_fp32(w, "adamw m", m, h_m, n, 0, 3);
    agree_fp32(w, "adamw v", v, h_v, n, 0, 4);
    agree_fp32(w, "adamw master", master, h_master, n, 0, 10);
    agree_floatX(w, "adamw param", param, h_param, n, 0, 10, 0);
}

static void test_sampling(void **state) {
    (void)state;
    TWINS(twin_sample(w, (SampleConfig){1, 0, 1, 5, 3}, 20, 1003));
    TWINS(twin_sample(w, (SampleConfig){0.7f, 0, 1, 6, 3}, 16, 20011)); // pieces of more than a warp
    TWINS(twin_sample(w, (SampleConfig){1.3f, 20, 1, 7, 3}, 4, 264));
    TWINS(twin_sample(w, (SampleConfig){1, 0, 0.8f, 8, 3}, 4, 264));
    TWINS(twin_sample(w, (SampleConfig){0, 0, 1, 9, 3}, 6, 29));
}

static void test_policy(void **state) {
    (void)state;
    TWINS(twin_policy_loss(w, false, KL_K3 + 1, 9, 1003));
    TWINS(twin_policy_loss(w, true, KL_K3 + 1, 3, 264));
    for (int kl = KL_K1; kl <= KL_K3; kl++) TWINS(twin_policy_loss(w, false, kl, 9, 264));
    for (int kind = ADVANTAGE_GRPO; kind < ADVANTAGE_KINDS; kind++) TWINS(twin_advantage(w, 40, (AdvantageKind)kind));
    for (int kind = ALLOCATE_UNIFORM; kind < ALLOCATE_KINDS; kind++) TWINS(twin_allocate(w, (AllocateKind)kind, 101));
}

static void test_optimizer(void **state) {
    (void)state;
    TWINS(twin_optimizer(w, 16 * 1024 + 5));
    TWINS(twin_optimizer(w, 4096));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sampling), cmocka_unit_test(test_policy),
                                       cmocka_unit_test(test_optimizer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
