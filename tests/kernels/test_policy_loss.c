// The policy loss: statistics, every branch of clip and modulation, and the gradient on the logits.
#include "tests/kernels/policy_reference.h"

typedef struct Case {
    const char *name;
    PolicyObjective o;
    int clipped; // tokens of `fill` that are clipped: A > 0 with ratios 2 and 12, A < 0 with 0.3 (0.85), 12 if dual
} Case;
#define PPO .inv_temp = 1, .eps_low = 0.2f, .eps_high = 0.2f
static const Case cases[] = {
    {"plain", {PPO}, 3},
    {"dual clip", {.inv_temp = 1, .eps_low = 0.2f, .eps_high = 0.28f, .dual_clip = 3}, 4},
    {"temperature", {.inv_temp = 1 / 0.7f, .eps_low = 0.2f, .eps_high = 0.2f, .dual_clip = 10}, 4},
    {"entropy bonus", {.inv_temp = 1 / 1.3f, .eps_low = 0.2f, .eps_high = 0.2f, .entropy_coef = 0.05f}, 3},
    {"comp", {PPO, .comp = 0.4f, .entropy_min = 0.1f, .entropy_max = 2.5f, .delta_max = 0.2f}, 3},
    {"stab", {PPO, .stab = 0.4f, .stab_gamma = 50, .stab_tau = 0.9f, .entropy_max = 3, .delta_max = 0.2f}, 3},
    {"both", {.inv_temp = 1 / 0.9f, .eps_low = 0.1f, .eps_high = 0.3f, .dual_clip = 4, .entropy_coef = 0.01f,
              .comp = 0.2f, .stab = 0.4f, .stab_gamma = 50, .stab_tau = 0.99f, .entropy_min = 0.5f,
              .entropy_max = 1.9f, .delta_max = 0.6f}, 5},
    {"const", {PPO, .const_boost = 0.3f}, 3},
    {"no spread, nothing moves", {PPO, .comp = 0.4f, .stab = 0.4f, .stab_gamma = 50, .stab_tau = 0.9f,
                                  .entropy_min = 1, .entropy_max = 1, .delta_max = 0}, 3},
};
enum { CASES = sizeof cases / sizeof *cases };
static const float advantages[] = {0.7f, -0.8f, 0}, ratios[] = {0.3f, 0.85f, 1, 1.15f, 2, 12};
enum { ADVANTAGES = 3, RATIOS = 6, M = ADVANTAGES * RATIOS + 2 };
typedef enum Kind { POLICY, SUPERVISED, COMPAT } Kind;

typedef struct Batch {
    float *z, advantage[M], logp_old[M], weight[M], E_override[M];
    int target[M];
} Batch;

// Row m: another steepness, a target that is likely, unlikely or arbitrary, one pair (A, ratio); the last two rows are
// masked. Every seventh row has logits of -inf.
static void fill(KernelTest *t, Batch *batch, int rows, int V, double inv_temp) {
    double *wide = HOST(t, double, V);
    batch->z = random_floats(t, (size_t)rows * V, 1, 1);
    for (int m = 0; m < rows; m++) {
        float *z = batch->z + (size_t)m * V, scale = (float[]){0.5f, 3, 8}[m % 3];
        int best = 0;
        for (int b = 0; b < V; b++)
            z[b] = z[b] * scale + (m % 5 == 4 ? 100.0f : 0.0f); // a common shift must not matter
        for (int b = 0; b < V; b++) best = z[b] > z[best] ? b : best;
        for (int b = 0; b < V; b++) wide[b] = z[b];
        batch->target[m] = m % 4 == 0 ? best : m % 4 == 1 ? V - 1 : m % 4 == 2 ? 0 : (m * 131) % V;
        for (int b = 1; m % 7 == 3 && b < V; b += 3)
            if (b != batch->target[m]) z[b] = -INFINITY, wide[b] = -INFINITY;
        ReferenceRow row = reference_row(wide, V, inv_temp);
        batch->advantage[m] = advantages[m / RATIOS % ADVANTAGES];
        double logp = reference_log_pi(&row, wide[batch->target[m]], inv_temp);
        batch->logp_old[m] = (float)(logp - log(ratios[m % RATIOS]));
        batch->weight[m] = m < M - 2 ? 0.01f * (float)(m + 1) : 0;
        batch->E_override[m] = -0.1f * (float)(m % 3);
    }
}

static void check_result(const Case *c, int V, int m, const TokenResult *got, const ReferenceToken *want) {
    const struct {
        const char *name;
        float got;
        Sum want;
    } fields[] = {
        {"logp", got->logp, want->logp},      {"entropy", got->entropy, want->H}, {"E", got->E, want->E},
        {"loss", got->loss, want->loss},      {"ratio", got->ratio, want->ratio}, {"b_comp", got->b_comp, want->b_comp},
        {"b_stab", got->b_stab, want->b_stab}};
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        if (!near(fields[f].got, fields[f].want.value, allowed(fields[f].want, row_terms(V), 0, UNIT_FP32)))
            fail_msg("%s, V %d, row %d: %s is %.9g, want %.9g", c->name, V, m, fields[f].name, fields[f].got,
                     fields[f].want.value);
    assert_true(got->clipped == want->clipped);
}

static void check_case(const Case *c, int V, int rows, Kind kind, int *clipped) {
    KernelTest t = test_open();
    Batch batch;
    fill(&t, &batch, rows, V, c->o.inv_temp);
    float *logits = UPLOAD(&t, batch.z, rows * V);
    floatX *d = sizeof(floatX) == sizeof(float) && rows % 2 ? (floatX *)logits : DEVICE(&t, floatX, rows * V);
    TokenResult *result = DEVICE(&t, TokenResult, rows);
    PolicyTargets targets = {
        UPLOAD(&t, batch.target, rows), kind == SUPERVISED ? NULL : UPLOAD(&t, batch.advantage, rows),
        kind == SUPERVISED ? NULL : UPLOAD(&t, batch.logp_old, rows), UPLOAD(&t, batch.weight, rows),
        kind == COMPAT ? UPLOAD(&t, batch.E_override, rows) : NULL, NULL};
    policy_loss(t.dev, result, d, logits, &targets, &c->o, rows, V);
    TokenResult *got = DOWNLOAD(&t, result, rows);
    float *got_d = download_floats(&t, d, (size_t)rows * V);
    double *z = HOST(&t, double, V);
    Sum *want_d = HOST(&t, Sum, V);
    for (int m = 0; m < rows; m++) {
        double A = batch.advantage[m], E = batch.E_override[m];
        for (int b = 0; b < V; b++) z[b] = batch.z[(size_t)m * V + b];
        ReferenceRow row = reference_row(z, V, c->o.inv_temp);
        ReferenceToken want = reference_token(&row, z[batch.target[m]], &c->o, kind == SUPERVISED ? NULL : &A,
                                              batch.logp_old[m], kind == COMPAT ? &E : NULL);
        check_result(c, V, m, &got[m], &want);
        for (int b = 0; b < V; b++)
            want_d[b] = reference_slope(&row, &want, z[b], b == batch.target[m], &c->o, batch.weight[m]);
        check_values(c->name, got_d + (size_t)m * V, want_d, (size_t)V, row_terms(V), 0, unit_floatX());
        for (int b = 0; batch.weight[m] == 0 && b < V; b++)
            assert_true(got_d[(size_t)m * V + b] == 0); // a masked token has no gradient
        *clipped += want.clipped > 0;
    }
    test_close(&t);
}

static void test_kernel(void **state) {
    (void)state;
    const int sizes[] = {1, 2, 29, 64, 1001};
    for (int i = 0; i < CASES; i++)
        for (size_t v = 0; v < sizeof sizes / sizeof *sizes; v++)
            for (Kind kind = POLICY; kind <= COMPAT; kind++) {
                int clipped = 0;
                check_case(&cases[i], sizes[v], M, kind, &clipped);
                assert_int_equal(clipped, kind == SUPERVISED ? 0 : cases[i].clipped);
            }
}

static void test_large_vocabulary(void **state) {
    (void)state;
    int clipped = 0;
    check_case(&cases[6], 151665, 5, POLICY, &clipped);
    check_case(&cases[3], 151665, 4, SUPERVISED, &clipped);
}

typedef struct Loss { // of one token as a function of the logits, the modulated advantage held fixed
    const PolicyObjective *o;
    int V, target;
    double logp_old, A_final, weight;
} Loss;
static double loss(const double *z, void *context) {
    const Loss *l = context;
    ReferenceRow row = reference_row(z, l->V, l->o->inv_temp);
    PolicyObjective o = *l->o;
    o.comp = o.stab = o.const_boost = 0;
    return l->weight * reference_token(&row, z[l->target], &o, &l->A_final, l->logp_old, NULL).loss.value;
}

static void test_reference(void **state) {
    (void)state;
    enum { V = 11 };
    KernelTest t = test_open();
    Batch batch;
    for (int i = 0; i < CASES; i++) {
        fill(&t, &batch, M, V, cases[i].o.inv_temp);
        for (int m = 0; m < M; m++) {
            double z[V], slopes[V], A = batch.advantage[m];
            for (int b = 0; b < V; b++) z[b] = batch.z[m * V + b];
            ReferenceRow row = reference_row(z, V, cases[i].o.inv_temp);
            ReferenceToken token = reference_token(&row, z[batch.target[m]], &cases[i].o, &A, batch.logp_old[m], NULL);
            const PolicyObjective *o = &cases[i].o;
            for (int b = 0; b < V; b++)
                slopes[b] = reference_slope(&row, &token, z[b], b == batch.target[m], o, batch.weight[m]).value;
            Loss l = {&cases[i].o, V, batch.target[m], batch.logp_old[m], token.A_final, batch.weight[m]};
            check_slopes(cases[i].name, loss, &l, z, slopes, V);
        }
        host_release(&t, 0);
    }
    test_close(&t);
}

static double entropy_along(const float *z, int V, int a, double step) { // H of the logits z + step (onehot_a - pi)
    double at[64] = {0}, moved[64];
    for (int b = 0; b < V; b++) at[b] = z[b];
    ReferenceRow row = reference_row(at, V, 1);
    for (int b = 0; b < V; b++) moved[b] = at[b] + step * ((b == a) - exp(reference_log_pi(&row, at[b], 1)));
    return reference_row(moved, V, 1).H.value;
}

// Eq. 29: the kernel's log pi_a, H and E give the derivative of the entropy along a softmax-gradient step of size 1.
static void test_entropy_change(void **state) {
    (void)state;
    enum { V = 40 };
    KernelTest t = test_open();
    Batch batch;
    fill(&t, &batch, M, V, 1);
    TokenResult *result = DEVICE(&t, TokenResult, M);
    PolicyTargets targets = {UPLOAD(&t, batch.target, M), UPLOAD(&t, batch.advantage, M), UPLOAD(&t, batch.logp_old, M),
                             UPLOAD(&t, batch.weight, M), NULL, NULL};
    policy_loss(t.dev, result, DEVICE(&t, floatX, M * V), UPLOAD(&t, batch.z, M * V), &targets, &cases[0].o, M, V);
    TokenResult *got = DOWNLOAD(&t, result, M);
    for (int m = 0; m < M; m++) {
        const float *z = batch.z + m * V;
        double h = 1e-4, up = entropy_along(z, V, batch.target[m], h), down = entropy_along(z, V, batch.target[m], -h);
        double slope = (up - down) / (2 * h);
        TokenPolicy p = {got[m].logp, got[m].entropy, got[m].E};
        // h^2/6 |H'''|, and fp32 with |z| up to 108
        assert_true(near(entropy_change(p, 1, 1, false), slope, 2e-5 * (1 + fabs(slope))));
        assert_true(near(entropy_change(p, 1.5f, -2, false), -3 * slope, 6e-5 * (1 + fabs(slope))));
        assert_true(entropy_change(p, 1.5f, -2, true) == 0);
    }
    test_close(&t);
}

// A NaN or an infinity among the logits makes the gradient not finite, so that the optimizer skips the step.
static void test_not_finite(void **state) {
    (void)state;
    const float bad[] = {NAN, INFINITY};
    for (int i = 0; i < 2; i++)
        for (int at = 0; at < 29; at += 7) {
            KernelTest t = test_open();
            Batch batch;
            fill(&t, &batch, 1, 29, 1);
            batch.z[at] = bad[i];
            TokenResult *result = DEVICE(&t, TokenResult, 1);
            floatX *d = DEVICE(&t, floatX, 29);
            PolicyTargets targets = {UPLOAD(&t, batch.target, 1), UPLOAD(&t, batch.advantage, 1),
                                     UPLOAD(&t, batch.logp_old, 1), UPLOAD(&t, batch.weight, 1), NULL, NULL};
            device_zero(t.dev, d, 29 * sizeof *d);
            policy_loss(t.dev, result, d, UPLOAD(&t, batch.z, 29), &targets, &cases[0].o, 1, 29);
            float *got = download_floats(&t, d, 29), sum = 0;
            for (int b = 0; b < 29; b++) sum += got[b];
            assert_false(isfinite(sum));
            test_close(&t);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference), cmocka_unit_test(test_kernel),
                                       cmocka_unit_test(test_large_vocabulary), cmocka_unit_test(test_entropy_change),
                                       cmocka_unit_test(test_not_finite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
