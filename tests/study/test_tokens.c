// The instruments for attenuation and entropy: the logits that they read are those the tokens were drawn from; a push
// is as long as the trainer's gradient on the logits; Eq. 29 is exact where its assumption holds, for a step on one
// token's logits alone; and a measurement leaves policy and optimizer as they were.
#define measure_entropy measure_entropy_in_test
#include "dev/study/entropy.c"
#undef measure_entropy
#include "dev/study/logits.h"
#include "kernels/softmax_row.h"
#include "tests/model/tiny_model.h"
#include "tests/rl/small_trainer.h"

typedef struct World {
    Study study;
    char folder[64];
    int count; // sequences
} World;

static void close_world(World *w) {
    small_trainer_close(&w->study.policy.trainer);
    remove_tree(w->folder);
}

// A batch of a random policy, of which every second rollout is right.
static Trainer *open_world(World *w) {
    const char *const extra[] = {"--temp", "0.8", "--lr", "1e-3", NULL};
    Trainer *t = &w->study.policy.trainer;
    *w = (World){.study.config = {.token_batches = 1}};
    new_folder(w->folder);
    small_trainer(t, w->folder, extra);
    float *h = tiny_params(&t->gpt->table);
    device_upload_floats(t->dev, t->gpt->params, h, t->gpt->table.size);
    free(h);
    w->count = policy_batch(&w->study.policy, 0);
    for (int j = 0; j < w->count; j++) t->sequences[j].advantage = j % 2 ? 0.9f : -0.7f;
    return t;
}

static void test_logits(void **state) {
    (void)state;
    World w;
    Trainer *t = open_world(&w);
    Logits *logits = logits_new(t->gpt, t->T);
    int V = t->gpt->config.V, tokens = 0;
    for (int j = 0; j < w.count; j++) {
        const TrainSequence *s = &t->sequences[j];
        const float *z = logits_read(logits, s);
        for (int k = 0; k < s->n; k++, tokens++) { // to the bit
            PolicyRow row = policy_row(z + k * V, V, 1 / 0.8f);
            assert_true(row.entropy == s->sampled[k].entropy && row.E == s->sampled[k].E);
            assert_true(policy_log_prob(&row, z[k * V + s->tokens[k]], 1 / 0.8f) == s->sampled[k].logp);
        }
    }
    assert_true(tokens > w.count);
    logits_free(logits);
    close_world(&w);
}

// The gradient that the trainer's loss puts on the logits of one token, per unit of weight.
static TokenResult push(Device *dev, float *dz, const float *z, int V, int a, float A, float logp_old,
                        const PolicyObjective *o) {
    TokenResult result;
    const float weight = 1;
    PolicyTargets targets = {.target = &a, .advantage = &A, .logp_old = &logp_old, .weight = &weight};
    policy_loss(dev, &result, dz, z, &targets, o, 1, V);
    return result;
}

static void test_push_length(void **state) {
    (void)state;
    World w;
    Trainer *t = open_world(&w);
    Logits *logits = logits_new(t->gpt, t->T);
    int V = t->gpt->config.V;
    PolicyObjective o = policy_objective(&w.study.policy);
    updater_norms(t->updater, t->comm, &o, t->sequences, w.count);
    o.comp = 0.4f, o.stab = 0.4f, o.stab_gamma = 50, o.stab_tau = 0.3f;
    for (int j = 0; j < w.count; j++) {
        const TrainSequence *s = &t->sequences[j];
        const float *z = logits_read(logits, s);
        for (int k = 0; k < s->n; k++) {
            float dz[V];
            double squares = 0;
            push(t->dev, dz, z + k * V, V, s->tokens[k], s->advantage, s->sampled[k].logp, &o);
            for (int b = 0; b < V; b++) squares += (double)dz[b] * dz[b];
            TokenPush p = token_push(&o, s->sampled[k], s->sampled[k].logp, s->advantage, s->sampled[k].E, NULL);
            double length = logits_push_length(z + k * V, V, s->tokens[k], o.inv_temp);
            double want = fabs((double)p.dlogp) * length * (double)o.inv_temp;
            assert_true(fabs(sqrt(squares) - want) <= 1e-5 * want + 1e-7);
        }
    }
    logits_free(logits);
    close_world(&w);
}

// A step on the logits of each token alone, forwards and back: what Eq. 29 leaves out is of third order then.
static void test_single_token(void **state) {
    (void)state;
    World w;
    Trainer *t = open_world(&w);
    Logits *logits = logits_new(t->gpt, t->T);
    Tokens k = tokens_new(t->dev, t->sequences, w.count);
    int V = t->gpt->config.V;
    PolicyObjective o = policy_objective(&w.study.policy);
    const float lr = 0.01f;
    for (int j = 0, m = 0; j < w.count; j++) {
        const TrainSequence *s = &t->sequences[j];
        const float *z = logits_read(logits, s);
        for (int i = 0; i < s->n; i++, m++) {
            float dz[V], up[V], down[V];
            push(t->dev, dz, z + i * V, V, s->tokens[i], s->advantage, s->sampled[i].logp, &o);
            for (int b = 0; b < V; b++) up[b] = z[i * V + b] - lr * dz[b], down[b] = z[i * V + b] + lr * dz[b];
            k.change[m] = (double)policy_row(up, V, o.inv_temp).entropy;
            k.change[m] -= (double)policy_row(down, V, o.inv_temp).entropy;
        }
    }
    Correlation exact = compare_tokens(&k, 0), mean = compare_tokens(&k, 1);
    double unit = 2 * (double)lr * (double)(o.inv_temp * o.inv_temp); // at temperature 1, Eq. 29 has no such factor
    assert_int_equal(exact.n, k.n);
    assert_true(exact.pearson > 0.9999 && exact.spearman > 0.999 && exact.sign > 0.995);
    assert_true(fabs(exact.slope / unit - 1) < 1e-3);
    assert_true(mean.pearson < 0.99); // the release's E is another prediction
    tokens_free(&k);
    logits_free(logits);
    close_world(&w);
}

// Two tokens have one context if and only if the same policy row drew them.
static void test_contexts(void **state) {
    (void)state;
    const int prompts[2][2] = {{1, 2}, {1, 2}}; // equal tokens of two prompts are two contexts
    const int a[] = {5, 6, 7}, b[] = {5, 6, 8}, c[] = {5, 9}, d[] = {5, 6};
    const TokenPolicy p[3] = {{-1, 0.5f, 0.1f}, {-2, 0.7f, 0.1f}, {-0.5f, 0.6f, 0.2f}};
    const TrainSequence s[] = {{prompts[0], a, p, 2, 3, 1, 1, NULL}, {prompts[0], b, p, 2, 3, -1, 1, NULL},
                               {prompts[0], c, p, 2, 2, 0, 1, NULL}, {prompts[1], d, p, 2, 2, 1, 1, NULL}};
    const int want[] = {0, 1, 2, 0, 1, 2, 0, 1, 3, 4};
    int name[10], seen = 0;
    Device *dev = device_open(1, 0, NULL);
    Tokens k = tokens_new(dev, s, 4);
    assert_int_equal(k.n, 10);
    assert_int_equal(k.contexts, 5);
    for (int m = 0; m < k.n; m++) { // numbers in order of appearance
        int first = 0;
        while (k.context[first] != k.context[m]) first++;
        name[m] = first == m ? seen++ : name[first];
        assert_int_equal(name[m], want[m]);
        k.change[m] = 1 + want[m];
    }
    assert_int_equal(compare_tokens(&k, 0).n, 8); // c has no advantage
    assert_int_equal(compare_contexts(&k, 0).n, 5);
    // The pushes of contexts 0 and 1 cancel, as a and b pull opposite ways; 2 to 4 hold one or two.
    double push = 0;
    for (int m = 0; m < k.n; m++)
        if (k.context[m] == k.context[1]) push += k.predicted[0][m];
    assert_true(fabs(push) < 1e-7);
    tokens_free(&k);
    device_close(dev);
}

static void test_correlation(void **state) {
    (void)state;
    const double x[] = {1, 2, 3, 4}, y[] = {1, 3, 2, 10}, ties[] = {1, 1, 2, 3}, flat[] = {5, 5, 5, 5};
    const double sign[] = {-1, 2, 0, -3};
    Correlation c = correlation_of(x, y, 4);
    assert_true(fabs(c.pearson - 13 / sqrt(5.0 * 50.0)) < 1e-12); // sums of squares about the means 2.5 and 4
    assert_true(fabs(c.spearman - 0.8) < 1e-12);
    assert_true(fabs(c.slope - 53.0 / 30) < 1e-12 && c.sign == 1);
    assert_true(fabs(correlation_of(x, ties, 4).spearman - 4.5 / sqrt(5.0 * 4.5)) < 1e-12);
    assert_true(correlation_of(x, flat, 4).pearson == 0 && correlation_of(x, flat, 4).spearman == 0);
    assert_true(fabs(correlation_of(x, sign, 4).sign - 1.0 / 3) < 1e-12);
}

// What is measured after a step is the entropy under the moved parameters, and afterwards nothing has moved.
static void test_steps(void **state) {
    (void)state;
    World w;
    Trainer *t = open_world(&w);
    Logits *logits = logits_new(t->gpt, t->T);
    PolicyObjective o = policy_objective(&w.study.policy);
    Tokens k = tokens_new(t->dev, t->sequences, w.count);
    int V = t->gpt->config.V, moved = 0;
    updater_gradient(t->updater, &t->grads, k.before, t->sequences, w.count, &o, false);
    State s = state_save(t);
    double length = step_adamw(t, &s, 1e-3f), sgd = 0;
    step_sgd(t, &s, length);
    for (size_t i = 0; i < s.n; i++) sgd += pow((double)t->gpt->params[i] - (double)s.params[i], 2);
    assert_true(length > 0 && fabs(sqrt(sgd) / length - 1) < 1e-3);
    measure_change(t, &k, w.count, &o);
    for (int j = 0, m = 0; j < w.count; j++) {
        const float *z = logits_read(logits, &t->sequences[j]);
        for (int i = 0; i < t->sequences[j].n; i++, m++) {
            double now = (double)policy_row(z + i * V, V, o.inv_temp).entropy;
            assert_true(k.change[m] == now - (double)t->sequences[j].sampled[i].entropy);
            moved += k.change[m] != 0;
        }
    }
    assert_true(moved > k.n / 2);
    state_restore(t, &s);
    State again = state_save(t);
    assert_memory_equal(again.params, s.params, s.n * sizeof(float));
    assert_memory_equal(again.m, s.m, s.n * sizeof(float));
    assert_memory_equal(again.v, s.v, s.n * sizeof(float));
    assert_memory_equal(again.grads, s.grads, s.n * sizeof(float));
    assert_true(t->opt.t == 0);
    state_free(&s), state_free(&again), tokens_free(&k);
    logits_free(logits);
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits),   cmocka_unit_test(test_push_length), cmocka_unit_test(test_single_token),
        cmocka_unit_test(test_contexts), cmocka_unit_test(test_correlation), cmocka_unit_test(test_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
