// Optional (confidence intervals): estimate.h has the formulas and their sources.
//
// Departures: the Codex paper's reference code computes the product over a numpy array; here it is a loop from the
// largest factor down. Random numbers are Philox 4x32-10 (Salmon et al., SC 2011) rather than a stream, so a resample
// does not depend on the order of the draws.
#include "rl/evaluate/estimate.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "kernels/philox.h"

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

void pass_at_k_each(double *value, size_t P, const int *n, const int *c, int k) {
    for (size_t i = 0; i < P; i++) value[i] = pass_at_k(n[i], c[i], k);
}

void avg_each(double *value, size_t P, const int *n, const int *c) {
    for (size_t i = 0; i < P; i++) {
        const bool valid = n[i] >= 1 && c[i] >= 0 && c[i] <= n[i];
        value[i] = valid ? (double)c[i] / n[i] : NAN;
    }
}

void majority_each(double *value, size_t P, const int *n, const int *answer, const int *correct) {
    size_t first = 0;
    for (size_t i = 0; i < P; i++) {
        const int winner = majority_vote(n[i], answer + first);
        value[i] = n[i] < 1 ? NAN : winner >= 0 && correct[first + (size_t)winner];
        if (n[i] > 0) first += (size_t)n[i];
    }
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

static double quantile(const double *sorted, int count, double q) {
    const double at = q * (count - 1);
    const int below = (int)at;
    if (below >= count - 1) return sorted[count - 1];
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
    double low = quantile(means, BOOTSTRAP_RESAMPLES, 0.025), high = quantile(means, BOOTSTRAP_RESAMPLES, 0.975);
    return (Estimate){average, low, high};
}

Estimate bootstrap_mean(const double *value, size_t P, uint64_t seed) { return bootstrap_average(value, &P, 1, seed); }
