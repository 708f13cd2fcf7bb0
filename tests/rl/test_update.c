// The gradient of the policy loss agrees with finite differences of the whole model in double, with prompts shared and
// not. No cut into micro-batches or rows of logits changes its bits or the normalisers, which are over all tokens.
#include "kernels/advantage.h"
#include "rl/update.h"
#include "tests/kernels/policy_reference.h"
#include "tests/model/reference_model.h"
#include "tests/model/tiny_model.h"

enum { SEQUENCES = 5, T_MAX = 12, V = 29 };
static const int response_length[SEQUENCES] = {4, 2, 7, 1, 5};
// Each sequence has a prompt of its own; or the first three have one, and the last two another. first_of[s] is the
// first sequence with the prompt of s.
typedef struct Prompts {
    int length[SEQUENCES], first_of[SEQUENCES];
} Prompts;
static const Prompts apart = {{3, 1, 5, 2, 4}, {0, 1, 2, 3, 4}}, common = {{4, 4, 4, 3, 3}, {0, 0, 0, 3, 3}};
enum { TOKENS = 4 + 2 + 7 + 1 + 5 };

typedef struct World {
    Prompts prompts;
    bool share; // --share-prompts
    Device *dev;
    Gpt *gpt;
    double *p;
    int ids[SEQUENCES][T_MAX];
    TokenPolicy sampled[SEQUENCES][T_MAX];
    TrainSequence sequences[SEQUENCES];
    Gradients grads;
    Arena arena;
    Comm *comm;
} World;

static const PolicyObjective dynamo = { // a low tau, so that stabilisation affects many tokens
    .inv_temp = 1 / 0.8f, .eps_low = 0.2f, .eps_high = 0.28f, .dual_clip = 3, .entropy_coef = 0.02f,
    .comp = 0.4f, .stab = 0.4f, .stab_gamma = 50, .stab_tau = 0.1f};

// The reference's row of logits that predicts response token t of sequence s.
static void predict(const World *w, const double *p, int s, int t, ReferenceRow *row, double *z_target) {
    double logits[T_MAX * V];
    int at = w->prompts.length[s] + t - 1;
    reference_logits(logits, p, &w->gpt->table, &w->gpt->config, w->ids[s], at + 1);
    *row = reference_row(logits + (size_t)at * V, V, dynamo.inv_temp);
    *z_target = logits[(size_t)at * V + w->ids[s][at + 1]];
}

// "Sampled" by a policy slightly different from the model's, so that ratios lie on both sides of the clip.
static World open_world(const char *architecture, int threads, const Prompts *prompts, bool share) {
    World w = {.prompts = *prompts, .share = share, .dev = device_open(threads, 0, NULL), .arena.name = "gradients",
               .comm = comm_open(NULL, NULL, NULL)};
    w.gpt = tiny_model(w.dev, architecture);
    float *h = tiny_params(&w.gpt->table);
    w.p = malloc(w.gpt->table.size * sizeof *w.p);
    for (size_t i = 0; i < w.gpt->table.size; i++) w.p[i] = h[i];
    free(h);
    static Buckets whole;
    whole = buckets_make(&w.gpt->table, NULL, false);
    gradients_plan(w.gpt, &w.grads, &w.arena, &whole);
    arena_commit(&w.arena, w.dev);
    for (int s = 0; s < SEQUENCES; s++) {
        int n_prompt = prompts->length[s];
        for (int t = 0; t < n_prompt + response_length[s]; t++) {
            int from = t < n_prompt ? prompts->first_of[s] : s;
            w.ids[s][t] = (int)((test_random(98, (uint64_t)(from * 100 + t)) + 1) * 14.49f);
        }
        for (int t = 0; t < response_length[s]; t++) {
            ReferenceRow row;
            double z;
            predict(&w, w.p, s, t, &row, &z);
            double off = (double[]){0, 0.1, -0.4, 0.5, -0.1, 1.7}[(s * 3 + t) % 6];
            double logp = fmin(reference_log_pi(&row, z, dynamo.inv_temp) + off, -0.01);
            w.sampled[s][t] = (TokenPolicy){(float)logp, (float)row.H.value, (float)row.E.value};
        }
        w.sequences[s] = (TrainSequence){.n_prompt = n_prompt, .n = response_length[s],
                                         .advantage = (float[]){0.9f, -1.2f, 0.4f, 1.5f, -0.3f}[s],
                                         .weight = 0.02f * (float)(s + 1)};
    }
    return w;
}

static void point(World *w) { // once the world has its final address
    for (int s = 0; s < SEQUENCES; s++) {
        w->sequences[s].prompt = w->ids[w->prompts.first_of[s]];
        w->sequences[s].tokens = w->ids[s] + w->prompts.length[s];
        w->sequences[s].sampled = w->sampled[s];
    }
}

static void close_world(World *w) {
    arena_free(&w->arena, w->dev);
    free(w->p);
    gpt_free(w->gpt);
    device_close(w->dev);
    comm_close(w->comm);
}

static void gradient(World *w, float *h_grad, TokenResult *results, PolicyObjective *o, int micro_tokens, int chunk,
                     bool compat) {
    Updater *updater = updater_new(w->gpt, micro_tokens, T_MAX, chunk, w->share);
    updater_norms(updater, w->comm, o, w->sequences, SEQUENCES);
    updater_gradient(updater, &w->grads, results, w->sequences, SEQUENCES, o, compat);
    device_download(w->dev, h_grad, w->grads.flat, w->gpt->table.size * sizeof *h_grad);
    updater_free(updater);
}

// The reference's loss at parameters p, and each token's terms. `fixed`: A_final is given, since no gradient flows
// through the modulation; else it is written.
static double reference_loss(const World *w, const double *p, const PolicyObjective *o, double *A_final, bool fixed,
                             ReferenceToken *tokens) {
    double loss = 0;
    PolicyObjective bare = *o;
    bare.comp = bare.stab = 0;
    for (int s = 0, m = 0; s < SEQUENCES; s++)
        for (int t = 0; t < response_length[s]; t++, m++) {
            ReferenceRow row;
            double z, A = fixed ? A_final[m] : w->sequences[s].advantage;
            predict(w, p, s, t, &row, &z);
            ReferenceToken token = reference_token(&row, z, fixed ? &bare : o, &A, w->sampled[s][t].logp, NULL);
            A_final[m] = token.A_final;
            if (tokens) tokens[m] = token;
            loss += w->sequences[s].weight * token.loss.value;
        }
    return loss;
}

static void check_tokens(const TokenResult *got, const ReferenceToken *want) {
    int clipped = 0, comp = 0, stab = 0;
    for (int m = 0; m < TOKENS; m++) {
        assert_true(near(got[m].logp, want[m].logp.value, 1e-4) && near(got[m].loss, want[m].loss.value, 1e-3) &&
                    near(got[m].ratio, want[m].ratio.value, 1e-3));
        assert_true(near(got[m].b_comp, want[m].b_comp.value, 1e-4) && near(got[m].b_stab, want[m].b_stab.value, 2e-3));
        assert_true(got[m].clipped == want[m].clipped);
        clipped += got[m].clipped > 0, comp += got[m].b_comp > 1.01f, stab += got[m].b_stab < 0.99f;
    }
    assert_true(clipped > 2 && clipped < TOKENS - 2 && comp > 2 && stab > 0); // every branch is taken
}

static void check_architecture(const char *architecture, const Prompts *prompts, bool share) {
    World w = open_world(architecture, 2, prompts, share);
    point(&w);
    float *h_grad = malloc(w.gpt->table.size * sizeof *h_grad);
    double A_final[TOKENS];
    TokenResult results[TOKENS];
    ReferenceToken want[TOKENS];
    PolicyObjective o = dynamo;
    gradient(&w, h_grad, results, &o, 64, 5, false);
    reference_loss(&w, w.p, &o, A_final, false, want);
    check_tokens(results, want);
    for (int i = 0; i < w.gpt->table.count; i++) { // some entries of every tensor
        const Param *param = &w.gpt->table.params[i];
        for (int k = 0; k < 3; k++) {
            double along = (test_random(8, (uint64_t)(i * 10 + k)) + 1) * 0.49999;
            size_t in = (size_t)(along * (double)param_elements(param)), at = param->offset + in;
            double keep = w.p[at], step = 1e-5, up, down;
            w.p[at] = keep + step, up = reference_loss(&w, w.p, &o, A_final, true, NULL);
            w.p[at] = keep - step, down = reference_loss(&w, w.p, &o, A_final, true, NULL);
            w.p[at] = keep;
            double slope = (up - down) / (2 * step);
            // b_stab is steep: its fp32 value, and so the gradient, is good to 2e-3
            if (!near(h_grad[at], slope, 2e-5 + 2e-3 * fabs(slope)))
                fail_msg("%s: d %s [%zu] = %.8f, want %.8f", architecture, param->name, in, h_grad[at], slope);
        }
    }
    free(h_grad);
    close_world(&w);
}

static void test_against_differences(void **state) {
    (void)state;
    check_architecture("llama", &apart, false);
    check_architecture("qwen2", &apart, true); // nothing to share
    check_architecture("qwen3", &apart, false);
    check_architecture("qwen2", &common, true);
    check_architecture("qwen3", &common, true);
}

// The sizes of micro-batches and of chunks of logits and the threads, {micro_tokens, chunk, threads} in `variants`,
// change no bit of gradient, results or normalisers.
static void check_split(const int (*variants)[3], int count, const Prompts *prompts, bool share) {
    float *first = NULL, *h_grad = NULL;
    TokenResult first_results[TOKENS], results[TOKENS];
    PolicyObjective o, first_o;
    for (int v = 0; v < count; v++) {
        World w = open_world("qwen3", variants[v][2], prompts, share);
        point(&w);
        h_grad = malloc(w.gpt->table.size * sizeof *h_grad);
        o = dynamo;
        gradient(&w, h_grad, results, &o, variants[v][0], variants[v][1], false);
        if (!first) {
            first = h_grad, first_o = o;
            memcpy(first_results, results, sizeof results);
        } else {
            assert_memory_equal(first, h_grad, w.gpt->table.size * sizeof *h_grad);
            assert_memory_equal(first_results, results, sizeof results);
            assert_memory_equal(&first_o, &o, sizeof o);
            free(h_grad);
        }
        close_world(&w);
    }
    free(first);
}

static void test_split(void **state) {
    (void)state;
    const int any[][3] = {{64, 64, 1}, {1, 1, 2}, {10, 3, 3}, {12, 7, 2}, {15, 2, 1}, {33, 64, 2}};
    check_split(any, 6, &apart, false);
    // shared prompts: of 3 + 4 + 2 + 7 and of 2 + 1 + 5 tokens, together or in two micro-batches
    const int whole[][3] = {{64, 64, 1}, {24, 3, 2}, {23, 1, 3}, {16, 7, 2}};
    check_split(whole, 4, &common, true);
}

// Sharing a prompt changes no bit of what a token's log-probability gives, and the gradient by rounding only; so does
// running the prompt in several micro-batches, where they are too small.
static void test_sharing(void **state) {
    (void)state;
    float *want = NULL;
    TokenResult want_results[TOKENS], results[TOKENS];
    int different = 0;
    for (int micro_tokens = 64; micro_tokens > 0; micro_tokens -= 7) { // the first is without sharing, the last are cut
        World w = open_world("qwen3", 2, &common, micro_tokens < 64);
        PolicyObjective o = dynamo;
        size_t n = w.gpt->table.size;
        float *h_grad = malloc(n * sizeof *h_grad);
        point(&w);
        gradient(&w, h_grad, results, &o, micro_tokens, 5, false);
        if (!want) want = h_grad, memcpy(want_results, results, sizeof results);
        assert_memory_equal(want_results, results, sizeof results);
        for (size_t i = 0; i < n; i++) {
            if (!near(h_grad[i], want[i], 1e-6 + 1e-5 * fabs(want[i])))
                fail_msg("%d tokens: gradient [%zu] = %.8f, want %.8f", micro_tokens, i, h_grad[i], want[i]);
            different += h_grad[i] != want[i];
        }
        if (micro_tokens == 57) assert_true(different > 0); // one micro-batch: only sharing can have changed a bit
        if (h_grad != want) free(h_grad);
        close_world(&w);
    }
    free(want);
}

enum { LONG = 110, RESPONSES = 4 };

// The same where prompts and responses are longer than a tile of attention, and where a sequence begins with the same
// tokens but has fewer of them as its prompt.
static void test_sharing_long(void **state) {
    (void)state;
    static TokenPolicy sampled[LONG];
    int ids[RESPONSES][LONG], prompts[RESPONSES] = {70, 70, 70, 50}, n[RESPONSES] = {40, 1, 35, 20};
    TokenResult results[2][LONG];
    TrainSequence sequences[RESPONSES];
    PolicyObjective plain = {.inv_temp = 1, .eps_low = 9, .eps_high = 9};
    World w = open_world("llama", 2, &apart, false);
    ModelConfig config = w.gpt->config;
    size_t size = w.gpt->table.size;
    config.T_max = LONG;
    Gpt *gpt = gpt_new(w.dev, &config, LONG);
    float *h[2] = {malloc(size * sizeof(float)), malloc(size * sizeof(float))};
    device_download_floats(w.dev, h[0], w.gpt->params, size);
    device_upload_floats(w.dev, gpt->params, h[0], size);
    for (int s = 0; s < RESPONSES; s++) {
        for (int t = 0; t < LONG; t++) ids[s][t] = (int)((test_random(97, (uint64_t)(s * 200 + t)) + 1) * 14.49f);
        sequences[s] = (TrainSequence){ids[0], ids[s] + prompts[s], sampled, prompts[s], n[s], 1.0f, 0.01f, NULL};
    }
    for (int share = 0; share < 2; share++) {
        Updater *updater = updater_new(gpt, 400, LONG, 16, share);
        updater_gradient(updater, &w.grads, results[share], sequences, RESPONSES, &plain, false);
        device_download(w.dev, h[share], w.grads.flat, size * sizeof(float));
        updater_free(updater);
    }
    assert_memory_equal(results[0], results[1], (size_t)(40 + 1 + 35 + 20) * sizeof(TokenResult));
    for (size_t i = 0; i < size; i++)
        if (!near(h[1][i], h[0][i], 1e-5 + 1e-4 * fabs(h[0][i])))
            fail_msg("gradient [%zu] = %.8f, want %.8f", i, h[1][i], h[0][i]);
    free(h[0]), free(h[1]);
    gpt_free(gpt);
    close_world(&w);
}

// The authors' variant over one micro-batch, sequences first .. end - 1: normalisers from its own tokens, and E a mean
// over the response.
static void check_compat(const World *w, int first, int end, const TokenResult *results) {
    PolicyObjective own = dynamo;
    double mean_E[SEQUENCES] = {0};
    own.entropy_min = INFINITY, own.entropy_max = -INFINITY;
    for (int s = first; s < end; s++) {
        const TokenPolicy *sampled = w->sampled[s];
        for (int t = 0; t < response_length[s]; t++)
            mean_E[s] += exp(sampled[t].logp) * (sampled[t].logp + sampled[t].entropy) / response_length[s];
        for (int t = 0; t < response_length[s]; t++) {
            TokenPolicy p = {sampled[t].logp, sampled[t].entropy, (float)mean_E[s]};
            own.entropy_min = fminf(own.entropy_min, p.entropy), own.entropy_max = fmaxf(own.entropy_max, p.entropy);
            own.delta_max = fmaxf(own.delta_max, fabsf(entropy_change(p, 1, w->sequences[s].advantage, false)));
        }
    }
    for (int s = first; s < end; s++)
        for (int t = 0; t < response_length[s]; t++, results++) {
            TokenPolicy p = {results->logp, results->entropy, results->E};
            TokenPush want = token_push(&own, p, w->sampled[s][t].logp, w->sequences[s].advantage, (float)mean_E[s],
                                        NULL);
            assert_true(near(results->b_comp, want.b_comp, 1e-5) && near(results->b_stab, want.b_stab, 1e-5));
        }
}

// The normalisers are the extremes over every sampled token; in the authors' variant each micro-batch has its own, and
// its own E.
static void test_norms_and_compat(void **state) {
    (void)state;
    World w = open_world("llama", 2, &apart, false);
    point(&w);
    float *h_grad = malloc(w.gpt->table.size * sizeof *h_grad), low = INFINITY, high = -INFINITY, delta = 0;
    TokenResult results[TOKENS];
    PolicyObjective o = dynamo;
    for (int s = 0; s < SEQUENCES; s++)
        for (int t = 0; t < response_length[s]; t++) {
            low = fminf(low, w.sampled[s][t].entropy), high = fmaxf(high, w.sampled[s][t].entropy);
            delta = fmaxf(delta, fabsf(entropy_change(w.sampled[s][t], 1, w.sequences[s].advantage, false)));
        }
    gradient(&w, h_grad, results, &o, 12, 64, true); // sequences of 6, 2, 11, 2 and 8 rows: cut into 2, 1 and 2
    assert_true(o.entropy_min == low && o.entropy_max == high && o.delta_max == delta);
    check_compat(&w, 0, 2, results);
    check_compat(&w, 2, 3, results + 6);
    check_compat(&w, 3, 5, results + 13);
    close_world(&w);
    w = open_world("llama", 2, &common, true);
    point(&w);
    gradient(&w, h_grad, results, &o, 12, 64, true); // 3 + 4 + 2 rows of the first prompt, then 10, and 2 + 1 + 5
    check_compat(&w, 0, 2, results);
    check_compat(&w, 2, 3, results + 6);
    check_compat(&w, 3, 5, results + 13);
    gradient(&w, h_grad, results, &o, 16, 64, true); // 3 + 4 + 2 + 7 rows, and 2 + 1 + 5
    check_compat(&w, 0, 3, results);
    check_compat(&w, 3, 5, results + 13);
    free(h_grad);
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_differences),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_sharing_long),
        cmocka_unit_test(test_norms_and_compat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
