// Optional (study): how well one list of numbers predicts another.
#ifndef DEV_STUDY_CORRELATION_H
#define DEV_STUDY_CORRELATION_H

typedef struct Correlation {
    int n;
    double pearson;
    double spearman; // of ranks, equal values sharing their mean rank
    double sign;     // share of pairs whose signs agree, among those where neither is 0
    double slope;    // of y against x, least squares through the origin: y per unit of x
} Correlation;

// Of x (n) and y (n). A list without spread correlates 0 with anything.
Correlation correlation_of(const double *x, const double *y, int n);

#endif
