// Optional (confidence intervals): pass@k and majority vote (maj@n) of one problem, and the mean of such numbers over a
// set of problems with a 95 % interval. Pure functions over arrays. To compare two models on the same problems, take
// the mean of the differences (the paired bootstrap): far tighter than asking whether two separate intervals overlap.
//
// A quantity that the samples cannot support (fewer than k samples, c > n, no problems) is NaN, and so is the mean over
// it: to leave such a problem out would silently change the set that the figure describes.
#ifndef RL_EVALUATE_ESTIMATE_H
#define RL_EVALUATE_ESTIMATE_H
#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_RESAMPLES = 2000 };

typedef struct Estimate {
    double mean;      // over the problems
    double low, high; // ends of the 95 % interval
} Estimate;

// Unbiased pass@k of one problem from n samples of which c are correct: the chance that k of the n, drawn without
// replacement, contain at least one correct one,
//     1 - C(n-c, k) / C(n, k) = 1 - prod_{i=n-c+1}^{n} (1 - k/i)        (Chen et al. 2021, arXiv 2107.03374, Eq. 1)
// as a product of factors in [0, 1), which neither overflows nor cancels. pass@1 is c/n.
// NaN unless 1 <= k <= n and 0 <= c <= n.
double pass_at_k(int n, int c, int k);

// The majority vote of one problem. answer[j], j < n, is the class of sample j's answer: equal answers share a number
// >= 0; a sample with a negative number states no answer and does not vote. Returns the first sample with the most
// frequent answer, a tie going to the answer seen first; -1 if no sample votes. O(n^2) comparisons; n is some tens.
int majority_vote(int n, const int *answer);

// Mean of value (P), each in [0, 1], with the 95 % interval of the percentile bootstrap over problems (Efron 1979):
// draw P problems with replacement, take the mean, 2,000 times; the interval runs from the 2.5 % to the 97.5 % quantile
// of those means (linear interpolation between order statistics). It covers the choice of problems and, since each
// problem brings its own samples, their noise; not the choice of the training seed. Where all P values are the same v,
// as at none of P correct, every resample is too, and the bootstrap would claim to be certain. Instead, with Clopper
// and Pearson (1934): problems of another kind were seen 0 times in P, so their share is at most s = 1 - 0.025^(1/P),
// and the interval is [v - s v, v + s (1 - v)]. For 0 of 8: [0, 0.369]. Draw d of resample b is Philox(seed, b, d): the
// same seed gives the same interval everywhere. P < 2^32.
Estimate bootstrap_mean(const double *value, size_t P, uint64_t seed);

// The mean over data sets of each set's mean, with its interval: every set has the same weight, and each of the 2,000
// resamples draws problems with replacement within their own set. value holds the sets' values end to end, P[s] of set
// s. Draw d of set s in resample b is Philox(seed, b, d, s); for one set it is bootstrap_mean. Of a set whose values
// are all the same, a resample draws s from the distribution of which 0.025^(1/P) gives the 97.5 % quantile. The
// interval holds the mean.
Estimate bootstrap_average(const double *value, const size_t *P, int sets, uint64_t seed);

#endif
