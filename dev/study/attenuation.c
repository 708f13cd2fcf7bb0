// Optional (study): the length of a token's gradient on the logits, by its probability and by the entropy that it was
// drawn at.
//
// For a token a of its distribution pi, and dlogp of kernels/modulation.h: token_push, the gradient on the logits is
// -dlogp (onehot_a - pi) / temp, of length |dlogp| u / temp with u = |onehot_a - pi|. The claim: where entropy is low u
// is small (E u^2 = 1 - sum pi^2 <= 1 - exp(-H)), so correct tokens of low entropy learn little, and b_comp gives some
// of that back. The tokens are those of real batches; the pushes are the trainer's own.
#include "dev/study/logits.h"
#include "dev/study/study.h"
#include <string.h>

// Tokens are binned by probability and by entropy; bin k holds values in [edge k, edge k+1).
enum { BINS = 12, AXES = 2, SIGNS = 2 };
static const double edges[AXES][BINS - 1] = {{.01, .03, .1, .2, .3, .5, .7, .9, .97, .99, .999},
                                             {.001, .003, .01, .03, .1, .2, .4, .6, .8, 1, 1.5}};
static const char *const axis_name[AXES] = {"probability", "entropy"};

// The variants of token_push, and what else is summed in a bin.
typedef enum Variant { OFF, COMP, STAB, BOTH, CONST, COMP_RELEASE, VARIANTS } Variant;
static const char *const variant_name[VARIANTS] = {"off", "comp", "stab", "both", "const", "comp release"};
typedef struct Bin {
    double count, unit, square, bound; // tokens; sums of u, u^2 and 1 - exp(-H)
    double length[VARIANTS], power;    // sums of |dlogp| u / temp, and of its square with modulation off
} Bin;

static int bin_of(const double *edge, double x) {
    int bin = 0;
    while (bin < BINS - 1 && x >= edge[bin]) bin++;
    return bin;
}

static void variants(PolicyObjective *o, const PolicyObjective *plain) {
    for (int v = 0; v < VARIANTS; v++) {
        o[v] = *plain;
        o[v].stab_gamma = 50, o[v].stab_tau = 0.9f;
        if (v == COMP || v == BOTH) o[v].comp = 0.4f;
        if (v == STAB || v == BOTH) o[v].stab = 0.4f;
        if (v == CONST) o[v].const_boost = 0.4f;
        if (v == COMP_RELEASE) o[v].comp = 0.2f;
    }
}

static void add_token(Bin bins[AXES][SIGNS][BINS], const PolicyObjective *o, TokenPolicy p, float A, double unit) {
    double at[AXES] = {exp((double)p.logp), (double)p.entropy};
    for (int axis = 0; axis < AXES; axis++) {
        Bin *bin = &bins[axis][A < 0][bin_of(edges[axis], at[axis])];
        bin->count++, bin->unit += unit, bin->square += unit * unit, bin->bound += 1 - exp(-(double)p.entropy);
        for (int v = 0; v < VARIANTS; v++) {
            TokenPush push = token_push(&o[v], p, p.logp, A, p.E, NULL);
            double length = fabs((double)push.dlogp) * unit * (double)o[v].inv_temp;
            bin->length[v] += length;
            if (v == OFF) bin->power += length * length;
        }
    }
}

static void write_bins(FILE *out, const char *name, const Bin *bins, size_t field) {
    double values[BINS];
    for (int k = 0; k < BINS; k++) memcpy(&values[k], (const char *)&bins[k] + field, sizeof *values);
    fprintf(out, ", \"%s\": ", name);
    study_numbers(out, values, BINS, 3);
}

static void write_batch(FILE *out, int batch, Bin bins[AXES][SIGNS][BINS], double idle) {
    for (int axis = 0; axis < AXES; axis++)
        for (int sign = 0; sign < SIGNS; sign++) {
            const Bin *b = bins[axis][sign];
            fprintf(out, "{\"row\": \"tokens\", \"batch\": %d, \"by\": \"%s\", \"sign\": %d, \"idle\": %g", batch,
                    axis_name[axis], sign ? -1 : 1, idle);
            write_bins(out, "count", b, offsetof(Bin, count));
            write_bins(out, "unit", b, offsetof(Bin, unit));
            write_bins(out, "square", b, offsetof(Bin, square));
            write_bins(out, "bound", b, offsetof(Bin, bound));
            write_bins(out, "power", b, offsetof(Bin, power));
            for (int v = 0; v < VARIANTS; v++)
                write_bins(out, variant_name[v], b, offsetof(Bin, length) + (size_t)v * sizeof(double));
            fprintf(out, "}\n");
        }
}

void measure_attenuation(Study *s) {
    Trainer *t = &s->policy.trainer;
    PolicyObjective plain = policy_objective(&s->policy), o[VARIANTS];
    Logits *logits = logits_new(t->gpt, t->T);
    int V = t->gpt->config.V;
    for (int axis = 0; axis < AXES; axis++) {
        fprintf(s->out, "{\"row\": \"edges\", \"by\": \"%s\", \"at\": ", axis_name[axis]);
        study_numbers(s->out, edges[axis], BINS - 1, 4);
        fprintf(s->out, "}\n");
    }
    for (int b = 0; b < s->config.token_batches; b++) {
        Bin bins[AXES][SIGNS][BINS] = {{{{0}}}};
        double idle = 0; // tokens of groups without spread
        int count = policy_batch(&s->policy, t->rl_done + b);
        updater_norms(t->updater, t->comm, &plain, t->sequences, count);
        variants(o, &plain);
        for (int j = 0; j < count; j++) {
            const TrainSequence *q = &t->sequences[j];
            if (q->advantage == 0) idle += q->n;
            const float *z = q->advantage != 0 ? logits_read(logits, q) : NULL;
            for (int k = 0; z && k < q->n; k++)
                add_token(bins, o, q->sampled[k], q->advantage,
                          logits_push_length(z + (size_t)k * (size_t)V, V, q->tokens[k], plain.inv_temp));
        }
        write_batch(s->out, b, bins, idle);
    }
    logits_free(logits);
}
