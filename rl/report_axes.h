// The frame of a chart: from step and value to a place in the SVG, and the ticks. Used by report_charts.c alone.
#ifndef RL_REPORT_AXES_H
#define RL_REPORT_AXES_H
#include <stdbool.h>
#include <stdio.h>
#include "rl/report_charts.h"

// The view box of every chart, and the plot within it. One size, so that the type is the same everywhere; the page
// scales the box to its column.
enum { CHART_WIDTH = 400, CHART_HEIGHT = 226, PLOT_LEFT = 44, PLOT_RIGHT = 390, PLOT_TOP = 24, PLOT_BOTTOM = 190 };

typedef struct Panel {
    size_t begin, end;  // rows; equal where the phase has no value
    double first, last; // steps
    double left, right; // view box
} Panel;

typedef struct Axes {
    const Run *run;
    const Chart *chart;
    int lines;
    bool present[CHART_LINES]; // the line has a value
    Panel panel[2];            // warm-up, RL
    double low, high;          // range of y
    bool all_zero;             // every value is exactly 0
    double unit;               // labels are y / unit: 0.01 for per cent, 1, or a power of 1,000
} Axes;

// False where no line has a value.
bool axes_make(Axes *axes, const Run *run, const Chart *chart);

double axes_x(const Panel *panel, double step);
double axes_y(const Axes *axes, double value);

// Value of a line at a row as drawn: in stacked charts the sum of the lines up to it, a missing part counting as 0.
double axes_value(const Axes *axes, int line, size_t row);

// Grid, ticks, labels and names of the axes.
void axes_write(FILE *out, const Axes *axes);

// A round step for ticks: 1, 2 or 5 times a power of ten, the smallest that cuts `span` into at most `most` parts.
double tick_step(double span, int most);

#endif
