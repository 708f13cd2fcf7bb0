// C build only. Ops on single rows give the same bits however the rows are cut into calls, with any number of threads;
// sums over rows continue from the value so far, in row order; sampling stores the bits that the policy loss computes.
#include "kernels/adamw.h"
#include "kernels/advantage.h"
#include "kernels/embedding.h"
#include "kernels/gradnorm.h"
#include "kernels/policy_loss.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/sample.h"
#include "kernels/swiglu.h"
#include "tests/kernels/kernel_test.h"

enum { N = 61, C = 36, V = 301, OUT = 40000 };
typedef struct Inputs {
    float *x, *y, *w, *z, *cos_sin, *rstd;
    int *ids;
    SampleKey *key;
} Inputs;

// Each op handles rows n .. n + rows - 1 and keeps its results in `out` (OUT floats, zero at first).
typedef void (*Op)(Device *dev, float *out, const Inputs *in, int n, int rows);

static void op_rmsnorm(Device *dev, float *out, const Inputs *in, int n, int rows) {
    float *x = in->x + n * C, *y = in->y + n * C, *rstd = in->rstd + n * 3;
    rmsnorm_forward(dev, out + n * C, out + N * C + n * 3, x, in->w, rows, 3, C / 3, C, C, 1e-5f);
    rmsnorm_backward(dev, out + 10000 + n * C, out + 20000, y, y, x, in->w, rstd, rows, 3, C / 3, C, C, C, NULL);
    rmsnorm_residual_forward(dev, out + 21000 + n * C, out + 25000 + n * C, out + 29000 + n, x, y, in->w, rows, C,
                             1e-5f);
}

static void op_embedding(Device *dev, float *out, const Inputs *in, int n, int rows) {
    embedding_forward(dev, out + n * C, in->ids + n, in->x, rows, C);
    embedding_backward(dev, out + 10000, in->ids + n, in->y + n * C, rows, C, N, NULL);
}

static void op_swiglu(Device *dev, float *out, const Inputs *in, int n, int rows) {
    swiglu_forward(dev, out + n * C / 2, in->x + n * C, rows, C / 2);
    swiglu_backward(dev, out + 10000 + n * C, in->y + n * C / 2, in->x + n * C, rows, C / 2);
}

static void op_rope(Device *dev, float *out, const Inputs *in, int n, int rows) {
    float *to = out + n * C;
    memcpy(to, in->x + n * C, (size_t)rows * C * sizeof(float));
    rope_forward(dev, to, in->ids + n, in->cos_sin, rows, 2, C / 2, C);
    memcpy(to + 10000, in->x + n * C, (size_t)rows * C * sizeof(float));
    rope_backward(dev, to + 10000, in->ids + n, in->cos_sin, rows, 2, C / 2, C);
}

static const PolicyObjective objective = {.inv_temp = 1 / 0.9f, .eps_low = 0.2f, .eps_high = 0.2f, .dual_clip = 10,
                                          .entropy_coef = 0.01f, .comp = 0.4f, .stab = 0.4f, .stab_gamma = 50,
                                          .stab_tau = 0.9f, .entropy_max = 5, .delta_max = 0.3f};

static void op_policy_loss(Device *dev, float *out, const Inputs *in, int n, int rows) {
    PolicyTargets targets = {in->ids + n, in->x + n, in->y + n, in->rstd + n, NULL, NULL};
    policy_loss(dev, (TokenResult *)(out + 30000) + n, out + n * V, in->z + n * V, &targets, &objective, rows, V);
}

static void op_sample(Device *dev, float *out, const Inputs *in, int n, int rows) {
    const SampleConfig plain = {0.9f, 0, 1, 4, 5}, cut = {1.1f, 20, 0.8f, 6, 7}, greedy = {0, 0, 1, 0, 0};
    sample_forward(dev, (Sampled *)out + n, in->z + n * V, in->key + n, &plain, rows, V);
    sample_forward(dev, (Sampled *)(out + 10000) + n, in->z + n * V, in->key + n, &cut, rows, V);
    sample_forward(dev, (Sampled *)(out + 20000) + n, in->z + n * V, in->key + n, &greedy, rows, V);
}

static void op_adamw(Device *dev, float *out, const Inputs *in, int n, int rows) {
    const AdamW a = {0.01f, 0.9f, 0.95f, 1e-8f, 0.1f, 1, 3};
    size_t at = (size_t)n * C, count = (size_t)rows * C;
    memcpy(out + at, in->x + at, count * sizeof(float));
    adamw_update(dev, out + at, out + at, out + 10000 + at, out + 20000 + at, in->y + at, count, &a);
}

static Inputs inputs(KernelTest *t) {
    Inputs in = {random_floats(t, N * C, 1, 2), random_floats(t, N * C, 2, 1), random_floats(t, C, 3, 1),
                 random_floats(t, N * V, 4, 3), random_floats(t, N * C / 2, 5, 1), random_floats(t, N * 3, 6, 1),
                 HOST(t, int, N), HOST(t, SampleKey, N)};
    for (int n = 0; n < N; n++) in.ids[n] = n * 17 % N, in.key[n] = (SampleKey){(uint32_t)n, 1, 2};
    return in;
}

static void test_cuts_and_threads(void **state) {
    (void)state;
    const Op ops[] = {op_rmsnorm, op_embedding, op_swiglu, op_rope, op_policy_loss, op_sample, op_adamw};
    const int steps[] = {N, 1, 13, 30};
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++)
        for (int threads = 1; threads <= 3; threads++)
            for (int k = 0; k < 4; k++) {
                KernelTest t = test_open_threads(threads), one = test_open_threads(1);
                Inputs in = inputs(&t);
                float *want = HOST(&t, float, OUT), *got = HOST(&t, float, OUT);
                ops[o](one.dev, want, &in, 0, N);
                for (int n = 0; n < N; n += steps[k]) ops[o](t.dev, got, &in, n, N - n < steps[k] ? N - n : steps[k]);
                assert_memory_equal(want, got, OUT * sizeof(float));
                for (int i = 0, zeros = 0; i < N; i++)
                    assert_true((zeros += want[i] == 0) < N); // something was written
                test_close(&t), test_close(&one);
            }
}

static void test_norm_and_advantage_threads(void **state) {
    (void)state;
    enum { GRADS = 100001, P = 40 };
    double first = 0;
    float A[3][P * 3];
    for (int threads = 1; threads <= 3; threads++) {
        KernelTest t = test_open_threads(threads);
        float *g = random_floats(&t, GRADS, 1, 1);
        int starts[P + 1];
        for (int i = 0; i <= P; i++) starts[i] = 3 * i;
        double norm = gradnorm_squared(t.dev, HOST(&t, double, gradnorm_partials(GRADS)), g, GRADS);
        if (threads == 1) first = norm;
        assert_memory_equal(&first, &norm, sizeof norm);
        group_advantage(t.dev, A[threads - 1], g, starts, P, ADVANTAGE_GRPO);
        assert_memory_equal(A[0], A[threads - 1], sizeof A[0]);
        test_close(&t);
    }
}

// What is sampled is what is trained: log pi, H and E of the draw, to the bit, for any V.
static void test_sampling_is_training(void **state) {
    (void)state;
    const int sizes[] = {1, 15, 16, 17, 300, 4099};
    for (int i = 0; i < 6; i++)
        for (int how = 0; how < 3; how++) {
            enum { R = 20 };
            KernelTest t = test_open();
            int v = sizes[i], ids[R];
            float *z = random_floats(&t, (size_t)R * v, 1, 4), weight[R] = {0};
            SampleKey key[R] = {{0}};
            Sampled sampled[R];
            TokenResult result[R];
            // top_k and top_p do not change the statistics
            const SampleConfig c = {how == 2 ? 0 : 0.7f, how ? 3 : 0, how ? 0.9f : 1, 1, 2};
            for (int r = 0; r < R; r++) key[r].position = (uint32_t)r;
            sample_forward(t.dev, sampled, z, key, &c, R, v);
            for (int r = 0; r < R; r++) ids[r] = sampled[r].token;
            PolicyTargets targets = {ids, NULL, NULL, weight, NULL, NULL};
            policy_loss(t.dev, result, z, z, &targets, &(PolicyObjective){.inv_temp = how == 2 ? 1 : 1 / 0.7f}, R, v);
            for (int r = 0; r < R; r++)
                assert_memory_equal(&sampled[r].policy, &result[r], sizeof(TokenPolicy)); // logp, entropy, E
            test_close(&t);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cuts_and_threads),
                                       cmocka_unit_test(test_norm_and_advantage_threads),
                                       cmocka_unit_test(test_sampling_is_training)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
