// Ranges, ticks and the two panels of a chart. The warm-up gets a fixed share of the width: it may have thousands of
// steps or ten, and RL is what the page is about.
#include "rl/report_axes.h"
#include <math.h>
#include <stdlib.h>

enum { PANEL_GAP = 8 };
static const double WARM_UP_SHARE = 0.24; // of the width, whatever its number of steps

double tick_step(double span, int most) {
    if (!(span > 0) || !isfinite(span)) return 1;
    double step = pow(10, floor(log10(span / most)));
    static const double factor[] = {1, 2, 5, 10};
    for (int i = 0; i < 4; i++)
        if (span <= most * step * factor[i] * (1 + 1e-9)) return step * factor[i];
    return step * 10;
}

double axes_x(const Panel *p, double step) {
    if (!(p->last > p->first)) return 0.5 * (p->left + p->right);
    return p->left + (step - p->first) / (p->last - p->first) * (p->right - p->left);
}

double axes_y(const Axes *a, double y) {
    return PLOT_BOTTOM - (y - a->low) / (a->high - a->low) * (PLOT_BOTTOM - PLOT_TOP);
}

double axes_value(const Axes *a, int l, size_t row) {
    if (!a->chart->stacked) return a->run->column[a->chart->line[l].y][row];
    double sum = 0;
    for (int i = 0; i <= l; i++) {
        const double part = a->run->column[a->chart->line[i].y][row];
        sum += isnan(part) ? 0 : part;
    }
    return sum;
}

static void extend(Axes *a, double y) {
    if (isnan(y)) return;
    a->low = fmin(a->low, y);
    a->high = fmax(a->high, y);
}

// Trims [begin, end) to the rows that hold a value of any line.
static void panel_trim(Axes *a, Panel *p) {
    size_t first = p->end, last = p->begin;
    for (size_t row = p->begin; row < p->end; row++)
        for (int l = 0; l < a->lines; l++)
            if (!isnan(a->run->column[a->chart->line[l].y][row])) {
                a->present[l] = true;
                if (first == p->end) first = row;
                last = row + 1;
            }
    p->begin = first, p->end = last > first ? last : first;
    if (p->begin < p->end) p->first = a->run->step[p->begin], p->last = a->run->step[p->end - 1];
}

static void axes_range(Axes *a) {
    a->low = INFINITY, a->high = -INFINITY;
    for (int k = 0; k < 2; k++)
        for (size_t row = a->panel[k].begin; row < a->panel[k].end; row++)
            for (int l = 0; l < a->lines; l++) {
                const ChartLine *line = &a->chart->line[l];
                extend(a, axes_value(a, l, row));
                if (line->banded) extend(a, a->run->column[line->low][row]);
                if (line->banded) extend(a, a->run->column[line->high][row]);
            }
    const double top = a->high;
    a->all_zero = a->low == 0 && a->high == 0;
    if (a->chart->from_zero) a->low = fmin(a->low, 0);
    const double span = a->high - a->low;
    if (!(span > 1e-9 * fabs(a->high))) { // one value: a range around it
        const double around = a->high == 0 ? 1 : 0.5 * fabs(a->high);
        a->high += around;
        if (a->low != 0) a->low -= around;
    } else {
        a->high += 0.07 * span;
        if (a->low != 0) a->low -= 0.07 * span;
    }
    if (a->chart->percent && top <= 1) a->high = fmin(a->high, 1);
    const double size = fmax(fabs(a->low), fabs(a->high));
    a->unit = a->chart->percent ? 0.01 : size < 0.01 || size >= 2e4 ? pow(1000, floor(log10(size) / 3)) : 1;
}

bool axes_make(Axes *a, const Run *run, const Chart *chart) {
    *a = (Axes){.run = run, .chart = chart};
    while (a->lines < CHART_LINES && chart->line[a->lines].name) a->lines++;
    a->panel[0] = (Panel){.begin = 0, .end = chart->no_sft ? 0 : run->sft};
    a->panel[1] = (Panel){.begin = run->sft, .end = chart->no_rl ? run->sft : run->rows};
    for (int k = 0; k < 2; k++) panel_trim(a, &a->panel[k]);
    const bool warm_up = a->panel[0].begin < a->panel[0].end, rl = a->panel[1].begin < a->panel[1].end;
    const double split = !warm_up ? PLOT_LEFT : !rl ? PLOT_RIGHT : PLOT_LEFT + WARM_UP_SHARE * (PLOT_RIGHT - PLOT_LEFT);
    a->panel[0].left = PLOT_LEFT, a->panel[0].right = split;
    a->panel[1].left = warm_up && rl ? split + PANEL_GAP : split, a->panel[1].right = PLOT_RIGHT;
    if (warm_up || rl) axes_range(a);
    return (warm_up || rl) && isfinite(a->high - a->low);
}

static void write_y_axis(FILE *out, const Axes *a) {
    const double step = tick_step((a->high - a->low) / a->unit, 5);
    const int digits = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    for (double tick = ceil(a->low / a->unit / step - 1e-9) * step; tick * a->unit <= a->high * (1 + 1e-9);
         tick += step) {
        if (a->all_zero && tick > 0) break; // nothing to read off
        const double y = axes_y(a, tick * a->unit);
        fprintf(out, "<path class=grid d=\"M%d %.1fH%d\"/><text class=ytick x=%d y=%.1f>%s%.*f</text>", PLOT_LEFT, y,
                PLOT_RIGHT, PLOT_LEFT - 6, y + 4, tick < -1e-9 * step ? "\u2212" : "", digits, fabs(tick));
    }
    fprintf(out, "<text class=unit x=2 y=12>%s%s", a->chart->unit, a->chart->percent ? ", %" : "");
    if (!a->chart->percent && a->unit != 1) {
        fputs(" \u00D710<tspan class=power dy=-4>", out);
        const int power = (int)lround(log10(a->unit));
        fprintf(out, "%s%d</tspan>", power < 0 ? "\u2212" : "", abs(power));
    }
    fputs("</text>", out);
}

static void write_x_axis(FILE *out, const Axes *a) {
    static const char *const phase[] = {"SFT", "RL"};
    for (int k = 0; k < 2; k++) {
        const Panel *p = &a->panel[k];
        if (p->begin == p->end) continue;
        fprintf(out, "<path class=axis d=\"M%.1f %dH%.1f\"/>", p->left, PLOT_BOTTOM, p->right);
        const double step = fmax(1, tick_step(p->last - p->first, p->right - p->left < 150 ? 2 : 5));
        double after = -INFINITY;
        for (double tick = ceil(p->first / step) * step; tick <= p->last; tick += step) {
            const double x = axes_x(p, tick);
            if (x < after) continue;
            after = x + 34;
            // Where the panels meet, each keeps its label on its own side.
            const bool meets_rl = k == 0 && p->right < PLOT_RIGHT && x > p->right - 10;
            fprintf(out, "<path class=axis d=\"M%.1f %dv4\"/><text class=%s x=%.1f y=%d>%.0f</text>", x, PLOT_BOTTOM,
                    meets_rl ? "ytick" : "xtick", meets_rl ? p->right : fmin(x, CHART_WIDTH - 12), PLOT_BOTTOM + 16,
                    tick);
        }
        fprintf(out, "<text class=xname x=%.1f y=%d>%s step</text>", 0.5 * (p->left + p->right), PLOT_BOTTOM + 31,
                phase[k]);
    }
}

void axes_write(FILE *out, const Axes *a) {
    write_y_axis(out, a);
    write_x_axis(out, a);
}
