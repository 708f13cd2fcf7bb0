// What changes in the loss of single tokens (kernels/token_adjust.h): values by hand, and the gradient of the kernel
// against finite differences of the loss in double, for every estimator of the KL, both ratios and all that a
// token-level method changes, alone and together.
#include "tests/kernels/policy_reference.h"

static bool close_to(double got, double want) { return near(got, want, 2e-6 * (1 + fabs(want))); }

static void test_estimators(void **state) {
    (void)state;
    float slope;
    const float d = -0.5f, e_d = expf(d); // log pi = -1, log pi_ref = -1.5
    assert_true(close_to(kl_estimate(KL_K1, d, e_d, &slope), 0.5) && slope == 1);
    assert_true(close_to(kl_estimate(KL_K2, d, e_d, &slope), 0.125) && slope == 0.5f);
    assert_true(close_to(kl_estimate(KL_K3, d, e_d, &slope), 0.1065306597) && close_to(slope, 0.3934693403));
    for (int kind = KL_K1; kind <= KL_K3; kind++) // at the reference itself
        assert_true(kl_estimate((KlEstimator)kind, 0, 1, &slope) == 0 && slope == (kind == KL_K1));
}

static void test_by_hand(void **state) {
    (void)state;
    TokenAdjust a = {.factor = 3, .ratio = -1, .move = 0.5f, .logp_ref = -1.5f};
    float loss = -2, dlogp = 2;
    token_adjust(&loss, &dlogp, &a, -1, -1.25f, 0.1f, KL_K2, expf(-0.5f));
    assert_true(close_to(loss, -6 + 0.125 + 0.0125) && close_to(dlogp, 6 - 0.5 - 0.05));
    loss = -2, dlogp = 2;
    token_adjust(&loss, &dlogp, &a, -1, -0.75f, 0, KL_K2, NAN);
    assert_true(close_to(loss, -6 + 0.125) && close_to(dlogp, 6 + 0.5));
    loss = -2, dlogp = 2;
    token_adjust(&loss, &dlogp, &a, -1, -1, 0, KL_K3, NAN); // a policy that has not moved is not held
    assert_true(loss == -6 && dlogp == 6);
    // The sequence ratio replaces the token's, and is what the clip sees.
    const PolicyObjective o = {.eps_low = 0.2f, .eps_high = 0.3f};
    a = (TokenAdjust){.factor = 1, .ratio = 1.25f};
    TokenPush t = token_push(&o, (TokenPolicy){-1, 1, 0}, -3, 2, 0, &a);
    assert_true(t.ratio == 1.25f && close_to(t.loss, -2.5) && close_to(t.dlogp, 2.5) && t.clipped == 0);
    a.ratio = 1.5f;
    t = token_push(&o, (TokenPolicy){-1, 1, 0}, -1, 2, 0, &a);
    assert_true(close_to(t.loss, -2.6) && t.dlogp == 0 && t.clipped == 1);
}

// A + min(0.4 H, |A| / 2)
static void test_shaping(void **state) {
    (void)state;
    const PolicyObjective o = {.eps_low = 0.2f, .eps_high = 0.2f, .shaping = 0.4f, .shaping_most = 0.5f};
    const double cases[][3] = {{1, 0.5, 1.2}, {1, 3, 1.5}, {-1, 0.5, -0.8}, {-1, 3, -0.5}, {0, 3, 0}}; // A, H, A'
    for (int i = 0; i < 5; i++) {
        TokenPush t = token_push(&o, (TokenPolicy){-1, (float)cases[i][1], 0}, -1, (float)cases[i][0], 0, NULL);
        assert_true(close_to(t.dlogp, cases[i][2]) && close_to(t.loss, -cases[i][2]));
    }
}

enum { N = 5, V = 13 };
typedef struct Case {
    PolicyObjective o;
    TokenAdjust adjust[N];
    bool sequence, even; // the ratio is the sequence's; all tokens have the same factor
    float A;
    float z[N * V], logp_old[N];
    int target[N];
    double logp[N], H[N], s; // of z: what no gradient flows through
} Case;

static double log_pi(const Case *c, const double *z, int t, double *H) {
    ReferenceRow row = reference_row(z + t * V, V, c->o.inv_temp);
    *H = row.H.value;
    return reference_log_pi(&row, z[t * V + c->target[t]], c->o.inv_temp);
}

static double policy_term(const PolicyObjective *o, double r, double A) {
    double loss = fmax(-r * A, -clamp(r, 1 - (double)o->eps_low, 1 + (double)o->eps_high) * A);
    return A < 0 && o->dual_clip > 0 ? fmin(loss, -o->dual_clip * A) : loss;
}

static double sequence_ratio(const Case *c, const double *logp) {
    double sum = 0;
    for (int t = 0; t < N; t++) sum += logp[t] - c->logp_old[t];
    return exp(sum / N);
}

// The loss of a response of N tokens of equal weight, 0.25. With --ratio sequence and one factor for all tokens it is
// GSPO's, else GSPO-token's.
static double loss(const double *z, void *context) {
    const Case *c = context;
    const PolicyObjective *o = &c->o;
    double sum = 0, logp[N], H[N];
    for (int t = 0; t < N; t++) logp[t] = log_pi(c, z, t, &H[t]);
    double s = sequence_ratio(c, logp);
    for (int t = 0; t < N; t++) {
        const TokenAdjust *a = &c->adjust[t];
        double own = exp(logp[t] - c->logp_old[t]), held = c->s * exp(logp[t] - c->logp[t]);
        double r = !c->sequence ? own : c->even ? s : held;
        double A = c->A + (o->shaping > 0 ? fmin(o->shaping * c->H[t], o->shaping_most * fabs((double)c->A)) : 0);
        double d = a->logp_ref - logp[t], k[] = {-d, d * d / 2, exp(d) - 1 - d};
        sum += a->factor * policy_term(o, r, A) + a->move * fabs(logp[t] - c->logp_old[t]) - o->entropy_coef * H[t];
        if (o->kl_coef > 0) sum += o->kl_coef * k[o->kl];
    }
    return 0.25 * sum;
}

// Case number i: what it has of everything is a digit of i.
static bool make_case(Case *c, int i) {
    const float factors[][N] = {{1, 1, 1, 1, 1}, {3, 3, 3, 3, 3}, {0, 2, 1, 0, 1}};
    const float distances[] = {0.02f, 0.35f, -0.5f, 2};
    int kl = i % 4, factor = i / 4 % 3, sequence = i / 12 % 2, move = i / 24 % 2, shaping = i / 48 % 2, A = i / 96 % 3,
        distance = i / 288;
    if (distance >= 4) return false;
    *c = (Case){.o = {.inv_temp = 1.25f, .eps_low = 0.2f, .eps_high = 0.28f, .dual_clip = 4, .entropy_coef = 0.03f,
                      .shaping = shaping ? 0.4f : 0, .shaping_most = 0.5f, .kl_coef = kl ? 0.3f : 0,
                      .kl = (KlEstimator)(kl ? kl - 1 : 0)},
                .sequence = sequence, .even = factor < 2, .A = (float[]){0.7f, -0.8f, 0}[A]};
    double z[N * V];
    for (int m = 0; m < N * V; m++) z[m] = c->z[m] = (float)(2 * random_at(5, (size_t)m));
    for (int t = 0; t < N; t++) {
        c->target[t] = (t * 5 + 2) % V;
        c->logp[t] = log_pi(c, z, t, &c->H[t]);
        c->logp_old[t] = (float)(c->logp[t] - distances[distance] - 0.05 * random_at(6, (size_t)t));
        c->adjust[t] = (TokenAdjust){factors[factor][t], -1, move && t != 1 ? 0.6f : 0,
                                     kl ? (float)(c->logp[t] + random_at(7, (size_t)t)) : NAN};
    }
    c->s = sequence_ratio(c, c->logp);
    for (int t = 0; t < N && sequence; t++) c->adjust[t].ratio = (float)c->s;
    return true;
}

static void run_kernel(const Case *c, bool adjusted, float *dlogits, TokenResult *results) {
    KernelTest t = test_open();
    float A[N], weight[N];
    for (int m = 0; m < N; m++) A[m] = c->A, weight[m] = 0.25f;
    PolicyTargets targets = {UPLOAD(&t, c->target, N), UPLOAD(&t, A, N), UPLOAD(&t, c->logp_old, N),
                             UPLOAD(&t, weight, N), NULL, adjusted ? UPLOAD(&t, c->adjust, N) : NULL};
    TokenResult *result = DEVICE(&t, TokenResult, N);
    floatX *d = DEVICE(&t, floatX, N * V);
    policy_loss(t.dev, result, d, UPLOAD(&t, c->z, N * V), &targets, &c->o, N, V);
    memcpy(dlogits, download_floats(&t, d, N * V), N * V * sizeof *dlogits);
    memcpy(results, DOWNLOAD(&t, result, N), N * sizeof *results);
    test_close(&t);
}

static void test_gradient(void **state) {
    (void)state;
    KernelTest t = test_open();
    int step = is_slow(&t) ? 7 : 1, clipped = 0;
    test_close(&t);
    Case c;
    for (int i = 0; make_case(&c, i); i += step) {
        float d[N * V];
        double z[N * V], total = 0, h = 1e-5;
        TokenResult results[N];
        run_kernel(&c, true, d, results);
        for (int m = 0; m < N * V; m++) z[m] = c.z[m];
        for (int m = 0; m < N; m++) total += 0.25 * results[m].loss, clipped += results[m].clipped > 0;
        double want = loss(z, &c);
        if (!near(total, want, 1e-5 * (1 + fabs(want)))) fail_msg("case %d: the loss is %g, want %g", i, total, want);
        for (int m = 0; m < N * V; m++) {
            double keep = z[m], up = (z[m] = keep + h, loss(z, &c)), down = (z[m] = keep - h, loss(z, &c));
            double slope = (up - down) / (2 * h);
            z[m] = keep;
            if (!near(d[m], slope, 1e-5 * (1 + fabs(slope)) + unit_floatX() * fabs(slope)))
                fail_msg("case %d: the gradient [%d] is %g, the finite difference %g", i, m, d[m], slope);
        }
    }
    assert_true(clipped > 20); // bounds are reached too
}

// An adjustment that adjusts nothing changes no bit.
static void test_identity(void **state) {
    (void)state;
    Case c;
    for (int i = 0; make_case(&c, i); i += 96) {
        float plain[N * V], adjusted[N * V];
        TokenResult plain_results[N], adjusted_results[N];
        c.o.kl_coef = 0;
        for (int t = 0; t < N; t++) c.adjust[t] = (TokenAdjust){.factor = 1, .ratio = -1, .logp_ref = NAN};
        run_kernel(&c, false, plain, plain_results);
        run_kernel(&c, true, adjusted, adjusted_results);
        assert_memory_equal(plain, adjusted, sizeof plain);
        assert_memory_equal(plain_results, adjusted_results, sizeof plain_results);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_estimators), cmocka_unit_test(test_by_hand),
                                       cmocka_unit_test(test_shaping), cmocka_unit_test(test_gradient),
                                       cmocka_unit_test(test_identity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
