// The policy loss of one token in double, as arXiv 2602.19208 and kernels/policy_loss.h state it. Every figure is a
// Sum: its value, and the scale of its rounding error, carried through to first order.
#ifndef TESTS_KERNELS_POLICY_REFERENCE_H
#define TESTS_KERNELS_POLICY_REFERENCE_H
#include "kernels/policy_loss.h"
#include "tests/kernels/kernel_test.h"

typedef struct ReferenceRow { // pi = softmax(z / temp)
    double top, log_sum;      // of z / temp; log pi_b = z_b / temp - top - log_sum
    double reach;             // 1 + largest |z_b / temp| + |top|: what an exponent's rounding amounts to, in units
    Sum H, E;
} ReferenceRow;

static inline double reference_log_pi(const ReferenceRow *row, double z, double inv_temp) {
    return z * inv_temp - row->top - row->log_sum;
}

static inline ReferenceRow reference_row(const double *z, int V, double inv_temp) {
    ReferenceRow row = {.top = -INFINITY};
    double sum = 0, largest = 0;
    for (int b = 0; b < V; b++) { // a logit of -inf has no part in anything
        if (z[b] == -INFINITY) continue;
        row.top = z[b] * inv_temp > row.top ? z[b] * inv_temp : row.top;
        largest = fabs(z[b] * inv_temp) > largest ? fabs(z[b] * inv_temp) : largest;
    }
    for (int b = 0; b < V; b++) sum += exp(z[b] * inv_temp - row.top);
    row.log_sum = log(sum);
    row.reach = 1 + largest + fabs(row.top);
    for (int b = 0; b < V; b++) { // H = -sum pi log pi
        if (z[b] == -INFINITY) continue;
        double log_pi = reference_log_pi(&row, z[b], inv_temp);
        row.H.value += -exp(log_pi) * log_pi;
        row.H.magnitude += exp(log_pi) * (1 + row.log_sum + fabs(log_pi)) * row.reach;
    }
    for (int b = 0; b < V; b++) { // E = sum pi^2 (log pi + H)
        if (z[b] == -INFINITY) continue;
        double log_pi = reference_log_pi(&row, z[b], inv_temp), pi2 = exp(2 * log_pi);
        row.E.value += pi2 * (log_pi + row.H.value);
        row.E.magnitude += pi2 * (1 + fabs(log_pi) + row.log_sum + row.H.magnitude) * row.reach;
    }
    return row;
}

typedef struct ReferenceToken {
    Sum logp, H, E, ratio, b_comp, b_stab, loss, dlogp; // loss with the entropy term
    double A_final, clipped;
} ReferenceToken;

static inline double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

// dH = -xi (pi_a Lambda_a - E)
static inline Sum reference_delta(const ReferenceToken *t, const double *E_override, double A, bool clipped) {
    double E = E_override ? *E_override : t->E.value, xi = clipped ? 0 : t->ratio.value * A, pi = exp(t->logp.value),
           lambda = t->logp.value + t->H.value;
    double rough =
        pi * (t->logp.magnitude * (1 + fabs(lambda)) + t->H.magnitude) + (E_override ? fabs(E) : t->E.magnitude);
    return (Sum){-xi * (pi * lambda - E),
                 fabs(xi) * rough + (clipped ? 0 : t->ratio.magnitude * fabs(A * (pi * lambda - E)))};
}

// advantage NULL: supervised
static inline ReferenceToken reference_token(const ReferenceRow *row, double z, const PolicyObjective *o,
                                             const double *advantage, double logp_old, const double *E_override) {
    ReferenceToken t = {.H = row->H, .E = row->E, .ratio = {1, 1}, .b_comp = {1, 1}, .b_stab = {1, 1}};
    double A = advantage ? *advantage : 1, low = 1 - (double)o->eps_low, high = 1 + (double)o->eps_high;
    t.logp = (Sum){reference_log_pi(row, z, o->inv_temp), row->reach + row->log_sum};
    if (!advantage) {
        t.loss = (Sum){-t.logp.value - o->entropy_coef * t.H.value, t.logp.magnitude + o->entropy_coef * t.H.magnitude};
        t.dlogp = (Sum){1, 1}, t.A_final = 1;
        return t;
    }
    double r = exp(t.logp.value - logp_old);
    t.ratio = (Sum){r, r * (1 + t.logp.magnitude + fabs(logp_old))};
    bool clipped = (A > 0 && r > high) || (A < 0 && r < low);
    double spread = (double)o->entropy_max - o->entropy_min;
    if (A > 0 && o->const_boost > 0) t.b_comp.value = 1 + (double)o->const_boost;
    else if (A > 0 && o->comp > 0 && spread > 0)
        t.b_comp = (Sum){1 + o->comp * clamp((o->entropy_max - t.H.value) / spread, 0, 1),
                         2 + o->comp * t.H.magnitude / spread};
    Sum delta = reference_delta(&t, E_override, A, clipped);
    if (o->stab > 0 && o->delta_max > 0) {
        double x = clamp(fabs(delta.value) / o->delta_max, 0, 1);
        // the logistic function is nowhere steeper than gamma / 4
        t.b_stab = (Sum){1 - o->stab + o->stab / (1 + exp(o->stab_gamma * (x - o->stab_tau))),
                         1 + o->stab * o->stab_gamma / 4 * (1 + delta.magnitude / o->delta_max)};
    }
    t.A_final = A * t.b_comp.value * t.b_stab.value;
    double A_rough = fabs(A) * (t.b_comp.value * t.b_stab.magnitude + t.b_comp.magnitude * t.b_stab.value);
    // L = -min(r A', clip(r) A'), and at most -c A' where A < 0
    double plain = -r * t.A_final, bounded = -clamp(r, low, high) * t.A_final, loss = plain > bounded ? plain : bounded;
    bool dual = o->dual_clip > 0 && A < 0 && loss > -o->dual_clip * t.A_final;
    if (dual) loss = -o->dual_clip * t.A_final;
    double rough = t.ratio.magnitude * fabs(t.A_final) + (1 + r + (dual ? o->dual_clip : 0)) * A_rough;
    t.loss = (Sum){loss - o->entropy_coef * t.H.value, rough + o->entropy_coef * t.H.magnitude};
    t.clipped = clipped || dual;
    t.dlogp = t.clipped ? (Sum){0} : (Sum){r * t.A_final, rough};
    return t;
}

// d loss / d z_b times weight: weight / temp (-dlogp ([b = a] - pi_b) + coef pi_b (log pi_b + H))
static inline Sum reference_slope(const ReferenceRow *row, const ReferenceToken *t, double z, bool is_target,
                                  const PolicyObjective *o, double weight) {
    if (z == -INFINITY && !is_target) return (Sum){0};
    double log_pi = reference_log_pi(row, z, o->inv_temp), pi = exp(log_pi), scale = weight * o->inv_temp;
    double rise = o->entropy_coef * pi * (log_pi + t->H.value),
           rough = o->entropy_coef * pi * (fabs(log_pi) + t->H.magnitude + row->reach);
    return (Sum){scale * (-t->dlogp.value * (is_target - pi) + rise),
                 fabs(scale) * (t->dlogp.magnitude * (is_target + pi) + fabs(t->dlogp.value) * pi * row->reach +
                                rough * row->reach)};
}

// A chain of a row's sum: every twin has at least 16 partial sums.
static inline double row_terms(int V) { return V / 16.0 + 16; }

#endif
