// Optional (study).
#include "dev/study/groups.h"
#include "kernels/philox.h"
#include <string.h>

enum { PARTITION_STREAM = 0x5b000001 };

static double weight(const Scores *s, const int *members, int n, LossMean mean, int j) {
    double tokens = 0;
    for (int i = 0; i < n; i++) tokens += s->length[members[i]];
    if (mean == MEAN_SEQUENCE) return 1.0 / ((double)n * s->length[members[j]]);
    return mean == MEAN_CONSTANT ? 1.0 / n : 1.0 / tokens; // of one group MEAN_PROMPT is MEAN_TOKEN
}

void group_gradient(float *out, const Scores *s, const int *members, int n, AdvantageKind kind, LossMean mean) {
    float reward[n], A[n];
    for (int j = 0; j < n; j++) reward[j] = s->reward[members[j]];
    advantage_of_group(A, reward, n, kind);
    memset(out, 0, (size_t)s->D * sizeof *out);
    for (int j = 0; j < n; j++) {
        const float *x = s->sketch + (size_t)members[j] * (size_t)s->D;
        float c = A[j] * (float)weight(s, members, n, mean, j);
        for (int d = 0; c != 0 && d < s->D; d++) out[d] += c * x[d];
    }
}

// A random order of 0 .. R - 1 (Fisher and Yates).
static void shuffle(int *order, int R, uint64_t seed, int partition) {
    for (int j = 0; j < R; j++) order[j] = j;
    for (int j = R - 1; j > 0; j--) {
        uint32_t bits = philox(seed, PARTITION_STREAM, (uint32_t)partition, (uint32_t)j, 0).word[0];
        int k = (int)((uint64_t)bits * (uint64_t)(j + 1) >> 32), keep = order[j];
        order[j] = order[k], order[k] = keep;
    }
}

// Mean, covariance and its error of M vectors x (M, D).
static GroupVariance variance_of(const float *x, int M, int D, double *mean) {
    GroupVariance v = {0};
    double squares = 0, length = 0, unbiased = (double)M / (M - 1);
    memset(mean, 0, (size_t)D * sizeof *mean);
    for (int m = 0; m < M; m++)
        for (int d = 0; d < D; d++) mean[d] += (double)x[(size_t)m * (size_t)D + (size_t)d] / M;
    for (int d = 0; d < D; d++) length += mean[d] * mean[d];
    for (int m = 0; m < M; m++) {
        double q = 0;
        for (int d = 0; d < D; d++) {
            double off = (double)x[(size_t)m * (size_t)D + (size_t)d] - mean[d];
            q += off * off;
        }
        v.trace += q * unbiased / M;
        squares += q * unbiased * q * unbiased / M;
    }
    v.error = sqrt(fmax(squares - v.trace * v.trace, 0) / (M - 1));
    v.signal = length - v.trace / M;
    return v;
}

GroupVariance group_variance(const Scores *s, int n, AdvantageKind kind, LossMean mean, int partitions, uint64_t seed) {
    GroupVariance v = {0};
    int M = s->R / n, order[s->R];
    REQUIRE(M > 1, "%d rollouts hold no two groups of %d", s->R, n);
    if (!s->sketch) return v;
    float *x = malloc((size_t)M * (size_t)s->D * sizeof *x);
    double *sum = malloc((size_t)s->D * sizeof *sum);
    REQUIRE(x && sum, "out of memory");
    for (int p = 0; p < partitions; p++) {
        shuffle(order, s->R, seed, p);
        for (int m = 0; m < M; m++) group_gradient(x + (size_t)m * (size_t)s->D, s, order + m * n, n, kind, mean);
        GroupVariance one = variance_of(x, M, s->D, sum);
        v.trace += one.trace / partitions, v.error += one.error / partitions, v.signal += one.signal / partitions;
    }
    free(x), free(sum);
    return v;
}
