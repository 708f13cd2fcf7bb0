// What an evaluation reports: pass@k, the mean of n (avg@n) and majority vote (maj@n) over a set of problems, each with
// a 95 % interval. Pure functions over arrays; no allocation, no state, no files.
//
// Two steps, so that they compose. First one number a problem (`*_each`), then its mean over the problems with an
// interval (`bootstrap_mean`). A comparison of two models on the same problems is then
//     for each problem i: difference[i] = value_b[i] - value_a[i];   bootstrap_mean(difference, ...)
// which is the paired bootstrap, far tighter than looking whether two separate intervals overlap.
//
//   M  problems            n[i]  samples drawn of problem i       c[i]  correct ones among them, 0 <= c[i] <= n[i]
//
// A quantity that the samples cannot support (fewer than k samples, c > n, no problems) is NaN and stays NaN in the
// mean: leaving such a problem out would change the set that the figure speaks of without saying so.
#ifndef RL_EVALUATE_ESTIMATE_H
#define RL_EVALUATE_ESTIMATE_H
#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_RESAMPLES = 2000 };

typedef struct Estimate {
    double mean;      // mean over the problems
    double low, high; // ends of the 95 % interval
} Estimate;

// Unbiased pass@k of one problem from n samples with c correct: the chance that k of the n, drawn without replacement,
// hold at least one correct one,
//     1 - C(n-c, k) / C(n, k) = 1 - prod_{i=n-c+1}^{n} (1 - k/i)        (Chen et al. 2021, arXiv 2107.03374, Eq. 1)
// as a product of factors in [0, 1), which neither overflows nor cancels. pass@1 is c/n.
// NaN unless 1 <= k <= n and 0 <= c <= n.
double pass_at_k(int n, int c, int k);

// The problem's majority vote. answer[j], j < n, names sample j's answer by a class: equal answers share a number >= 0;
// negative means that no answer could be read, and such a sample does not vote. Returns the first sample that gave the
// most frequent answer; among equally frequent answers the one seen first wins. -1 when nobody voted.
// O(n^2) comparisons, no memory: n is tens here.
int majority_vote(int n, const int *answer);

// value (M) writes: one number a problem. avg is c/n (NaN for n < 1 or c outside 0..n).
void pass_at_k_each(double *value, size_t M, const int *n, const int *c, int k);
void avg_each(double *value, size_t M, const int *n, const int *c);

// value (M) writes: 1 where the majority answer is correct, else 0 (also when nobody voted); NaN where n[i] < 1.
// answer and correct hold the samples of all problems one after the other, sum of n[i] entries; correct[j] is nonzero
// where sample j was judged correct. The verdict is read off the winning answer's first sample.
void majority_each(double *value, size_t M, const int *n, const int *answer, const int *correct);

// Mean of value (M) with the 95 % interval of the percentile bootstrap over problems (Efron 1979): draw M problems with
// replacement, take the mean, 2,000 times; the interval runs from the 2.5 % to the 97.5 % quantile of those means
// (linear interpolation between order statistics). It covers the choice of problems and, as each problem carries its
// own samples along, their noise; not the choice of the training seed.
// Draw d of resample b is Philox(seed, b, d): the same seed gives the same interval anywhere. M < 2^32.
Estimate bootstrap_mean(const double *value, size_t M, uint64_t seed);

// The mean over data sets of each set's mean (every set weighs the same, however many problems it has), and its interval:
// each of the 2,000 times problems are drawn with replacement within their own set. value holds the sets' values one after
// the other, M[s] of set s. Draw d of set s in resample b is Philox(seed, b, d, s); of one set it is bootstrap_mean.
Estimate bootstrap_average(const double *value, const size_t *M, int sets, uint64_t seed);

#endif
