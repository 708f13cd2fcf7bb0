// Optional (study).
#include "dev/study/correlation.h"
#include "base/check.h"
#include <math.h>

static double pearson(const double *x, const double *y, int n) {
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < n; i++) mx += x[i] / n, my += y[i] / n;
    for (int i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx) / sqrt(yy) : 0;
}

typedef struct Ranked {
    double value;
    int at;
} Ranked;

static int ascending(const void *a, const void *b) {
    double x = ((const Ranked *)a)->value, y = ((const Ranked *)b)->value;
    return (x > y) - (x < y);
}

static void rank(double *ranks, const double *x, Ranked *sorted, int n) {
    for (int i = 0; i < n; i++) sorted[i] = (Ranked){x[i], i};
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].value == sorted[i].value;) end++;
        for (int k = i; k < end; k++) ranks[sorted[k].at] = 0.5 * (i + end - 1);
    }
}

Correlation correlation_of(const double *x, const double *y, int n) {
    Correlation c = {.n = n, .pearson = pearson(x, y, n)};
    double *ranks = malloc(2 * (size_t)n * sizeof *ranks), xx = 0, xy = 0, agree = 0, signs = 0;
    Ranked *sorted = malloc((size_t)n * sizeof *sorted);
    REQUIRE(n == 0 || (ranks && sorted), "out of memory");
    if (n > 0) {
        rank(ranks, x, sorted, n);
        rank(ranks + n, y, sorted, n);
        c.spearman = pearson(ranks, ranks + n, n);
    }
    for (int i = 0; i < n; i++) {
        xx += x[i] * x[i], xy += x[i] * y[i];
        signs += x[i] * y[i] != 0, agree += x[i] * y[i] > 0;
    }
    c.sign = signs > 0 ? agree / signs : 0;
    c.slope = xx > 0 ? xy / xx : 0;
    free(ranks), free(sorted);
    return c;
}
