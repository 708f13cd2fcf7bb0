// Line charts of a run's columns over its steps, as inline SVG. The warm-up and RL stand side by side on one y axis,
// each with its own step axis; a chart without warm-up values gives RL the full width.
#ifndef RL_REPORT_CHARTS_H
#define RL_REPORT_CHARTS_H
#include <stdbool.h>
#include <stdio.h>
#include "rl/report_log.h"

enum { CHART_LINES = 4 };

typedef struct ChartLine {
    const char *name;
    Field y;
    bool banded;
    Field low, high; // ends of the band around y where `banded`
} ChartLine;

typedef struct Chart {
    const char *title, *unit;    // unit: what the y axis counts, with its unit
    const char *caption;         // one sentence under the chart
    bool percent;                // values are shares in [0, 1], shown in per cent
    bool from_zero;              // the y axis begins at 0
    bool stacked;                // areas on top of each other instead of lines
    bool no_sft, no_rl;          // leaves that phase out: its values would flatten the other's
    ChartLine line[CHART_LINES]; // ends at the first without a name
} Chart;                         // all strings are HTML from the program alone

// Writes <figure>: title, legend (two or more lines), SVG, caption. Where a phase has SMOOTH_FROM rows or more, a line
// is drawn pale and its mean with the rows within a fortieth of the phase on either side is drawn strong.
// Steps and values are embedded for the page's script to show on hover. Writes nothing and returns false where no line
// has a value.
enum { SMOOTH_FROM = 60 };
bool chart_write(FILE *out, const Run *run, const Chart *chart);

#endif
