// Bar charts over bins, as inline SVG: one or two series side by side and a reference line.
#ifndef RL_REPORT_BARS_H
#define RL_REPORT_BARS_H
#include <stdbool.h>
#include <stdio.h>

enum { BARS_MAX = 48 };

typedef struct Bars {
    const char *title, *unit, *x_name; // unit: what the y axis counts
    const char *caption;               // HTML, as all strings here from the program alone; the caller's if built
    bool percent;                      // values are shares, shown in per cent
    int bins;
    char label[BARS_MAX][12];
    int series;
    const char *name[2];
    double value[2][BARS_MAX];  // NaN or negative: no bar
    double weight[2][BARS_MAX]; // shown on hover with weight_name, where that is set
    const char *weight_name;
    double reference; // height of a dashed line; NaN for none
    const char *reference_name;
} Bars;

// Writes <figure>: title, legend, SVG, caption. Writes nothing and returns false where no bin has a finite value.
bool bars_write(FILE *out, const Bars *bars);

#endif
