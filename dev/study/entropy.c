// Optional (study): whether Eq. 29 of DynaMO foretells how the entropy of a token's distribution changes.
//
// Eq. 29 is the change that a step on this token's own logits would make (kernels/modulation.h: entropy_change). A real
// step moves parameters, and with them the logits of all tokens at once. Here real batches are sampled, one optimizer
// step is taken on each, and the entropy is measured again at every token's context: AdamW as in training, and plain
// SGD on the same gradient, by a step of the same length. Both are compared with Eq. 29, with its exact E and with the
// release's mean over the response:
//   token    each token's own prediction, among tokens whose advantage is not 0
//   context  the sum over all tokens drawn in one context (prompt and response so far), where their pushes add up
#include "dev/study/correlation.h"
#include "dev/study/study.h"
#include "kernels/advantage.h"
#include <string.h>

enum { STEPS = 3, PREDICTIONS = 2, QUANTILES = 4 };
static const double step_size[STEPS] = {0.1, 1, 10}; // times --lr
static const double quantile[QUANTILES] = {0.5, 0.9, 0.99, 0.999};
static const char *const prediction_name[PREDICTIONS] = {"exact", "response mean"};

typedef struct Tokens { // of one batch, in order
    int n;
    double *predicted[PREDICTIONS]; // (n) Eq. 29 per unit of learning rate and weight
    double *change;                 // (n) of H, measured
    bool *active;                   // (n) the advantage is not 0
    int *context, contexts;         // (n) each token's, from 0; how many there are
    TokenResult *before;            // (n) under the policy that sampled
} Tokens;

static void *room(size_t n, size_t size) {
    void *memory = calloc(n, size);
    REQUIRE(memory, "out of memory");
    return memory;
}

// ---- Contexts ------------------------------------------------------------------------------------------------------
typedef struct Place {
    const TrainSequence *s;
    int t, token; // token t of s is token `token` of the batch
} Place;

static int by_context(const void *a, const void *b) {
    const Place *x = a, *y = b;
    if (x->s->prompt != y->s->prompt) return x->s->prompt < y->s->prompt ? -1 : 1;
    if (x->t != y->t) return x->t - y->t;
    return memcmp(x->s->tokens, y->s->tokens, (size_t)x->t * sizeof(int));
}

// Prompts of one batch differ, so their tokens' addresses tell them apart.
static void number_contexts(Tokens *k, const TrainSequence *sequences, int count) {
    Place *places = room((size_t)k->n, sizeof *places);
    for (int j = 0, m = 0; j < count; j++)
        for (int t = 0; t < sequences[j].n; t++, m++) places[m] = (Place){&sequences[j], t, m};
    qsort(places, (size_t)k->n, sizeof *places, by_context);
    for (int m = 0; m < k->n; m++) {
        if (m == 0 || by_context(&places[m - 1], &places[m]) != 0) k->contexts++;
        k->context[places[m].token] = k->contexts - 1;
    }
    free(places);
}

// ---- Predictions ---------------------------------------------------------------------------------------------------
static Tokens tokens_new(Device *dev, const TrainSequence *sequences, int count) {
    Tokens k = {0};
    for (int j = 0; j < count; j++) k.n += sequences[j].n;
    size_t n = (size_t)k.n;
    for (int e = 0; e < PREDICTIONS; e++) k.predicted[e] = room(n, sizeof(double));
    k.change = room(n, sizeof(double)), k.active = room(n, sizeof(bool)), k.context = room(n, sizeof(int));
    k.before = room(n, sizeof(TokenResult));
    for (int j = 0, m = 0; j < count; m += sequences[j++].n) {
        const TrainSequence *s = &sequences[j];
        float mean[s->n];
        response_mean_E(dev, mean, s->sampled, (int[]){0, s->n}, 1);
        for (int t = 0; t < s->n; t++) {
            TokenPolicy p = s->sampled[t];
            k.active[m + t] = s->advantage != 0;
            k.predicted[0][m + t] = (double)entropy_change(p, 1, s->advantage, false);
            p.E = mean[t];
            k.predicted[1][m + t] = (double)entropy_change(p, 1, s->advantage, false);
        }
    }
    number_contexts(&k, sequences, count);
    return k;
}

static void tokens_free(Tokens *k) {
    for (int e = 0; e < PREDICTIONS; e++) free(k->predicted[e]);
    free(k->change), free(k->active), free(k->context), free(k->before);
}

// ---- Steps ---------------------------------------------------------------------------------------------------------
typedef struct State { // of parameters and optimizer, on the host
    size_t n;
    float *params, *m, *v, *grads;
    long long t;
} State;

static State state_save(Trainer *t) {
    size_t n = t->gpt->table.size, bytes = n * sizeof(float);
    State s = {n,       room(n, sizeof(float)), room(n, sizeof(float)), room(n, sizeof(float)), room(n, sizeof(float)),
               t->opt.t};
    device_download_floats(t->dev, s.params, t->gpt->params, n);
    device_download(t->dev, s.m, t->opt.m, bytes);
    device_download(t->dev, s.v, t->opt.v, bytes);
    device_download(t->dev, s.grads, t->grads.flat, bytes);
    return s;
}

static void state_restore(Trainer *t, const State *s) {
    optimizer_write(t->gpt, &t->opt, t->opt.master, 0, s->params, s->n);
    device_upload_floats(t->dev, t->gpt->params, s->params, s->n);
    optimizer_write(t->gpt, &t->opt, t->opt.m, 0, s->m, s->n);
    optimizer_write(t->gpt, &t->opt, t->opt.v, 0, s->v, s->n);
    device_upload(t->dev, t->grads.flat, s->grads, s->n * sizeof(float));
    t->opt.t = s->t;
}

static void state_free(State *s) { free(s->params), free(s->m), free(s->v), free(s->grads); }

// One step of AdamW from the state, and its length.
static double step_adamw(Trainer *t, const State *s, float lr) {
    OptimizerConfig config = optimizer_config(&t->config);
    double squares = 0;
    float *now = room(s->n, sizeof *now);
    optimizer_step(t->gpt, &t->opt, &t->grads, &config, lr);
    device_download_floats(t->dev, now, t->gpt->params, s->n);
    for (size_t i = 0; i < s->n; i++) squares += ((double)now[i] - s->params[i]) * ((double)now[i] - s->params[i]);
    free(now);
    return sqrt(squares);
}

// One step of this length against the gradient.
static void step_sgd(Trainer *t, const State *s, double length) {
    double squares = 0;
    float *now = room(s->n, sizeof *now);
    for (size_t i = 0; i < s->n; i++) squares += (double)s->grads[i] * s->grads[i];
    double scale = squares > 0 ? length / sqrt(squares) : 0;
    for (size_t i = 0; i < s->n; i++) now[i] = (float)(s->params[i] - scale * s->grads[i]);
    device_upload_floats(t->dev, t->gpt->params, now, s->n);
    free(now);
}

// ---- Comparison ----------------------------------------------------------------------------------------------------
static Correlation compare_tokens(const Tokens *k, int e) {
    double *x = room((size_t)k->n, sizeof *x), *y = room((size_t)k->n, sizeof *y);
    int n = 0;
    for (int m = 0; m < k->n; m++)
        if (k->active[m]) x[n] = k->predicted[e][m], y[n++] = k->change[m];
    Correlation c = correlation_of(x, y, n);
    free(x), free(y);
    return c;
}

static Correlation compare_contexts(const Tokens *k, int e) {
    size_t n = (size_t)k->contexts;
    double *x = room(n, sizeof *x), *y = room(n, sizeof *y);
    bool *active = room(n, sizeof *active);
    int kept = 0;
    for (int m = 0; m < k->n; m++) {
        int at = k->context[m];
        x[at] += k->predicted[e][m], y[at] = k->change[m]; // H is the same for all tokens of a context
        active[at] |= k->active[m];
    }
    for (int at = 0; at < k->contexts; at++)
        if (active[at]) x[kept] = x[at], y[kept++] = y[at];
    Correlation c = correlation_of(x, y, kept);
    free(x), free(y), free(active);
    return c;
}

// size: the step in learning rates of the run. The values are pearson, spearman, sign and slope.
static void write_comparison(FILE *out, int batch, const char *optimizer, double size, double length, const Tokens *k) {
    double mean = 0;
    for (int m = 0; m < k->n; m++) mean += k->change[m] / k->n;
    fprintf(out,
            "{\"row\": \"step\", \"batch\": %d, \"optimizer\": \"%s\", \"size\": %g, \"length\": %.3g, "
            "\"mean\": %.3g}\n",
            batch, optimizer, size, length, mean);
    for (int level = 0; level < 2; level++)
        for (int e = 0; e < PREDICTIONS; e++) {
            Correlation c = level ? compare_contexts(k, e) : compare_tokens(k, e);
            fprintf(out,
                    "{\"row\": \"change\", \"batch\": %d, \"optimizer\": \"%s\", \"size\": %g, \"level\": \"%s\", "
                    "\"E\": \"%s\", \"n\": %d, \"values\": [%.4f,%.4f,%.4f,%.3g]}\n",
                    batch, optimizer, size, level ? "context" : "token", prediction_name[e], c.n, c.pearson, c.spearman,
                    c.sign, c.slope);
        }
}

// How many tokens b_stab changes notably.
static double touched(const PolicyObjective *o, const TrainSequence *sequences, int count) {
    double sum = 0;
    for (int j = 0; j < count; j++)
        for (int t = 0; t < sequences[j].n; t++) {
            TokenPolicy p = sequences[j].sampled[t];
            sum += token_push(o, p, p.logp, sequences[j].advantage, p.E, NULL).b_stab < 0.95f;
        }
    return sum;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void write_stabilised(Study *s, int batch, const PolicyObjective *plain, const Tokens *k, int count) {
    Trainer *t = &s->policy.trainer;
    PolicyObjective paper = *plain, release;
    double active = 0, compat = 0, at[QUANTILES] = {0}, *x = room((size_t)k->n, sizeof *x);
    paper.stab = 0.4f, paper.stab_gamma = 50, paper.stab_tau = 0.9f;
    release = paper;
    release.stab_tau = 0.99f;
    updater_gradient(t->updater, &t->grads, t->results, t->sequences, count, &release, true);
    for (int m = 0; m < k->n; m++) {
        compat += t->results[m].b_stab < 0.95f;
        if (k->active[m]) x[(int)active++] = fabs(k->predicted[0][m]) / (double)plain->delta_max;
    }
    qsort(x, (size_t)active, sizeof *x, ascending);
    for (int q = 0; q < QUANTILES && active > 0; q++) at[q] = x[(int)(quantile[q] * (active - 1))];
    fprintf(s->out,
            "{\"row\": \"stabilised\", \"batch\": %d, \"tokens\": %d, \"active\": %g, \"paper\": %g, "
            "\"release\": %g, \"compat\": %g, \"quantiles\": ",
            batch, k->n, active, touched(&paper, t->sequences, count), touched(&release, t->sequences, count), compat);
    study_numbers(s->out, at, QUANTILES, 3);
    fprintf(s->out, "}\n");
    free(x);
}

// The entropies after a step, as the change since before.
static void measure_change(Trainer *t, Tokens *k, int count, const PolicyObjective *plain) {
    updater_gradient(t->updater, &t->grads, t->results, t->sequences, count, plain, false);
    for (int m = 0; m < k->n; m++) k->change[m] = (double)t->results[m].entropy - (double)k->before[m].entropy;
}

static void measure_batch(Study *s, int batch) {
    Trainer *t = &s->policy.trainer;
    PolicyObjective plain = policy_objective(&s->policy);
    int count = policy_batch(&s->policy, t->rl_done + batch);
    Tokens k = tokens_new(t->dev, t->sequences, count);
    updater_norms(t->updater, t->comm, &plain, t->sequences, count);
    write_stabilised(s, batch, &plain, &k, count);
    updater_gradient(t->updater, &t->grads, k.before, t->sequences, count, &plain, false);
    State state = state_save(t);
    for (int i = 0; i < STEPS; i++) {
        double length = step_adamw(t, &state, (float)(t->config.lr * step_size[i]));
        measure_change(t, &k, count, &plain);
        write_comparison(s->out, batch, "adamw", step_size[i], length, &k);
        step_sgd(t, &state, length);
        measure_change(t, &k, count, &plain);
        write_comparison(s->out, batch, "sgd", step_size[i], length, &k);
        state_restore(t, &state);
    }
    state_free(&state);
    tokens_free(&k);
}

void measure_entropy(Study *s) {
    for (int b = 0; b < s->config.token_batches; b++) measure_batch(s, b);
}
