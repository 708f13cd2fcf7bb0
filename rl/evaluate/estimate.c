// Optional (confidence intervals): estimate.h has the formulas and their sources.
//
// Departures: the Codex paper's reference code computes the product over a numpy array; here it is a loop from the
// largest factor down. Random numbers are Philox 4x32-10 (Salmon et al., SC 2011) rather than a stream, so a resample
// does not depend on the order of the draws.
#include "rl/evaluate/estimate.h"
#include "kernels/philox.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

double pass_at_k(int n, int c, int k) {
    if (n < 1 || c < 0 || c > n || k < 1 || k > n) return NAN;
    if (n - c < k) return 1; // any k of them contain a correct one
    double none = 1;
    for (int i = n; i > n - c; i--) none *= 1 - (double)k / i;
    return 1 - none;
}

int majority_vote(int n, const int *answer) {
    int best = -1, best_votes = 0;
    for (int j = 0; j < n; j++) {
        if (answer[j] < 0) continue;
        int votes = 0; // from j on: complete at an answer's first sample, smaller at later ones
        for (int other = j; other < n; other++) votes += answer[other] == answer[j];
        if (votes > best_votes) best = j, best_votes = votes;
    }
    return best;
}

static double resample_mean(const double *value, size_t P, uint32_t set, uint64_t seed, uint32_t resample) {
    Philox bits = {{0}};
    double sum = 0;
    for (size_t d = 0; d < P; d++) {
        if (d % 4 == 0) bits = philox(seed, (uint32_t)(d / 4), resample, set, 0);
        // Multiply and shift instead of a remainder; the bias is below P / 2^32.
        sum += value[(size_t)(((uint64_t)bits.word[d % 4] * P) >> 32)];
    }
    return sum / (double)P;
}

static bool all_equal(const double *value, size_t P) {
    for (size_t i = 1; i < P; i++)
        if (value[i] != value[0]) return false;
    return true;
}

// The mean if a share `other` of the problems were as far from v as [0, 1] allows, upwards or downwards.
static double moved(double v, double other, bool up) { return v + other * ((up ? 1 : 0) - v); }

// The share of problems unlike all P seen: 1 - u^(1/P), the bound that a Clopper-Pearson interval puts on it for 0 of
// P.
static double unseen_share(double u, size_t P) { return 1 - exp(log(u) / (double)P); }

// What resample_mean is to a set whose P values are all v.
static double equal_mean(double v, size_t P, uint32_t set, uint64_t seed, uint32_t resample) {
    Philox bits = philox(seed, 0, resample, set, 1);
    double u = (bits.word[0] + 0.5) * 0x1p-32;
    return moved(v, unseen_share(u, P), v == 0 || (v != 1 && bits.word[1] & 1));
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double sorted[BOOTSTRAP_RESAMPLES], double q) { // q < 1
    const double at = q * (BOOTSTRAP_RESAMPLES - 1);
    const int below = (int)at;
    return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

Estimate bootstrap_average(const double *value, const size_t *P, int sets, uint64_t seed) {
    double means[BOOTSTRAP_RESAMPLES] = {0}, average = 0;
    bool supported = sets >= 1, equal = false;
    for (int s = 0; s < sets; value += P[s++]) {
        double sum = 0;
        for (size_t i = 0; i < P[s]; i++) sum += value[i];
        if (P[s] < 1 || !isfinite(sum)) supported = false;
        average += sum / (double)P[s] / sets;
        equal = supported && all_equal(value, P[s]);
        for (uint32_t b = 0; b < BOOTSTRAP_RESAMPLES && supported; b++)
            means[b] += (equal ? equal_mean(value[0], P[s], (uint32_t)s, seed, b)
                               : resample_mean(value, P[s], (uint32_t)s, seed, b)) /
                        sets;
    }
    if (!supported) return (Estimate){NAN, NAN, NAN};
    if (sets == 1 && equal) { // no need to draw
        double other = unseen_share(0.025, P[0]);
        return (Estimate){average, moved(average, other, false), moved(average, other, true)};
    }
    qsort(means, BOOTSTRAP_RESAMPLES, sizeof *means, ascending);
    return (Estimate){average, fmin(average, quantile(means, 0.025)), fmax(average, quantile(means, 0.975))};
}

Estimate bootstrap_mean(const double *value, size_t P, uint64_t seed) { return bootstrap_average(value, &P, 1, seed); }
