// Optional (study).
#include "dev/study/batches.h"
#include "kernels/philox.h"
#include <string.h>

enum { DRAW_STREAM = 0x5b000002 };

typedef struct Replication {
    int P, plans, D;
    const int *n;         // (plans, P)
    float *right, *wrong; // (D) sums of scores over the drawn rollouts of one prompt, by reward
    float *x;             // (plans, FORMS, D) the batch's gradients
    double *tokens;       // (plans)
} Replication;

// Adds a prompt's group, the draws so far, to the gradients of plan p. With rewards 0 and 1 the advantage is a function
// of the reward: A_1 and A_0.
static void add_group(Replication *r, int p, const float *reward, int n, double tokens) {
    float A[n];
    int one = 0, zero = 0;
    r->tokens[p] += tokens;
    while (one < n && reward[one] == 0) one++;
    while (zero < n && reward[zero] != 0) zero++;
    if (one == n || zero == n) return; // no spread
    for (int k = 0; k < FORM_KINDS; k++) {
        advantage_of_group(A, reward, n, form_kind[k]);
        float A1 = A[one], A0 = A[zero], prompt_mean = (float)(1.0 / (r->P * tokens));
        float *by_token = r->x + (size_t)(p * FORMS + k * FORM_MEANS) * (size_t)r->D, *by_prompt = by_token + r->D;
        for (int d = 0; d < r->D; d++) {
            float sum = A1 * r->right[d] + A0 * r->wrong[d];
            by_token[d] += sum;
            by_prompt[d] += prompt_mean * sum;
        }
    }
}

// Draws prompt i's rollouts, as many as the plan that gives it most, and adds each plan's share.
static void add_prompt(Replication *r, const Scores *s, int i, uint64_t seed, uint32_t key, uint32_t number) {
    int most = 0;
    double tokens = 0;
    for (int p = 0; p < r->plans; p++) most = r->n[p * r->P + i] > most ? r->n[p * r->P + i] : most;
    float reward[most];
    memset(r->right, 0, (size_t)r->D * sizeof *r->right);
    memset(r->wrong, 0, (size_t)r->D * sizeof *r->wrong);
    for (int j = 0; j < most; j++) {
        uint32_t bits = philox(seed, DRAW_STREAM + key, number, (uint32_t)i, (uint32_t)j).word[0];
        int drawn = (int)((uint64_t)bits * (uint64_t)s->R >> 32);
        reward[j] = s->reward[drawn];
        tokens += s->length[drawn];
        const float *x = s->sketch + (size_t)drawn * (size_t)r->D;
        float *sum = reward[j] != 0 ? r->right : r->wrong;
        for (int d = 0; s->sketch && d < r->D; d++) sum[d] += x[d];
        for (int p = 0; p < r->plans; p++)
            if (r->n[p * r->P + i] == j + 1) add_group(r, p, reward, j + 1, tokens);
    }
}

static void replicate(Replication *r, const Scores *const *scores, uint64_t seed, uint32_t key, uint32_t number) {
    memset(r->x, 0, (size_t)(r->plans * FORMS) * (size_t)r->D * sizeof *r->x);
    for (int p = 0; p < r->plans; p++) r->tokens[p] = 0;
    for (int i = 0; i < r->P; i++) add_prompt(r, scores[i], i, seed, key, number);
    for (int p = 0; p < r->plans; p++)
        for (int k = 0; k < FORM_KINDS; k++) {
            float *by_token = r->x + (size_t)(p * FORMS + k * FORM_MEANS) * (size_t)r->D;
            for (int d = 0; d < r->D; d++) by_token[d] /= (float)r->tokens[p];
        }
}

static double dot(const float *a, const float *b, int D) {
    double sum = 0;
    for (int d = 0; d < D; d++) sum += (double)a[d] * b[d];
    return sum;
}

// With vectors x_1 .. x_M and f_1 .. f_M, drawn together: sum over r != s of <x_r, f_s> is <sum x, sum f> - sum <x_r,
// f_r>, and has the expectation M (M - 1) <E x, E f>.
void batch_variance(BatchVariance *result, const Scores *const *scores, int P, const int *n, int plans, int replicates,
                    uint64_t seed, uint32_t key) {
    size_t D = (size_t)scores[0]->D, vectors = (size_t)(plans * FORMS);
    Replication r = {P,
                     plans,
                     (int)D,
                     n,
                     malloc(D * sizeof(float)),
                     malloc(D * sizeof(float)),
                     malloc(vectors * D * sizeof(float)),
                     malloc((size_t)plans * sizeof(double))};
    float *sum = calloc(vectors * D, sizeof *sum);
    REQUIRE(r.right && r.wrong && r.x && r.tokens && sum, "out of memory");
    REQUIRE(replicates > 1, "a variance needs two replications");
    memset(result, 0, vectors * sizeof *result); // sums of |x_r|^2 and <x_r, f_r> first
    for (int m = 0; m < replicates; m++) {
        replicate(&r, scores, seed, key, (uint32_t)m);
        for (size_t v = 0; v < vectors; v++) {
            const float *x = r.x + v * D, *reference = r.x + (v % FORMS / FORM_MEANS * FORM_MEANS + 1) * D;
            result[v].variance += dot(x, x, (int)D);
            result[v].cross += dot(x, reference, (int)D);
            for (size_t d = 0; d < D; d++) sum[v * D + d] += x[d];
        }
    }
    for (size_t v = 0; v < vectors; v++) {
        const float *x = sum + v * D, *reference = sum + (v % FORMS / FORM_MEANS * FORM_MEANS + 1) * D;
        double M = replicates, squares = result[v].variance, length = dot(x, x, (int)D);
        result[v].variance = (squares - length / M) / (M - 1);
        result[v].signal = (length - squares) / (M * (M - 1));
        result[v].cross = (dot(x, reference, (int)D) - result[v].cross) / (M * (M - 1));
    }
    free(r.right), free(r.wrong), free(r.x), free(r.tokens), free(sum);
}
