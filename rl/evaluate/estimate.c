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
    bool supported = sets >= 1;
    for (int s = 0; s < sets; value += P[s++]) {
        double sum = 0;
        for (size_t i = 0; i < P[s]; i++) sum += value[i];
        if (P[s] < 1 || !isfinite(sum)) supported = false;
        average += sum / (double)P[s] / sets;
        for (uint32_t b = 0; b < BOOTSTRAP_RESAMPLES && supported; b++)
            means[b] += resample_mean(value, P[s], (uint32_t)s, seed, b) / sets;
    }
    if (!supported) return (Estimate){NAN, NAN, NAN};
    qsort(means, BOOTSTRAP_RESAMPLES, sizeof *means, ascending);
    return (Estimate){average, quantile(means, 0.025), quantile(means, 0.975)};
}

Estimate bootstrap_mean(const double *value, size_t P, uint64_t seed) { return bootstrap_average(value, &P, 1, seed); }
