// Lines, bands and stacked areas in SVG. Colours are classes: the style sheet gives them for light, dark and print.
#include "rl/report_charts.h"
#include <math.h>
#include "rl/report_axes.h"
#include "rl/report_text.h"

enum { MARK_UP_TO = 40 }; // points of a line in a phase that are few enough to be marked one by one

// Mean of y over the rows of the panel within `reach` of `row`.
static double centred_mean(const double *y, const Panel *p, size_t row, size_t reach) {
    const size_t begin = row - p->begin < reach ? p->begin : row - reach;
    const size_t end = p->end - row <= reach ? p->end : row + reach + 1;
    double sum = 0;
    size_t count = 0;
    for (size_t i = begin; i < end; i++)
        if (!isnan(y[i])) sum += y[i], count++;
    return sum / (double)count;
}

static size_t values_in(const double *y, const Panel *p) {
    size_t count = 0;
    for (size_t row = p->begin; row < p->end; row++) count += !isnan(y[row]);
    return count;
}

// A line through the rows with a value. One that is there on most rows breaks where it is missing; one that is there on
// few (evaluations) is joined across the others.
static void write_line(FILE *out, const Axes *a, const Panel *p, int l, size_t reach, const char *class) {
    const double *y = a->run->column[a->chart->line[l].y];
    const bool join = 2 * values_in(y, p) < p->end - p->begin;
    bool pen_down = false;
    fprintf(out, "<path class=\"%s c%d\" d=\"", class, l);
    for (size_t row = p->begin; row < p->end; row++) {
        if (isnan(y[row])) {
            pen_down &= join;
            continue;
        }
        fprintf(out, "%c%.1f %.1f", pen_down ? 'L' : 'M', axes_x(p, a->run->step[row]),
                axes_y(a, centred_mean(y, p, row, reach)));
        pen_down = true;
    }
    fputs("\"/>", out);
}

static void write_marks(FILE *out, const Axes *a, const Panel *p, int l) {
    const double *y = a->run->column[a->chart->line[l].y];
    for (size_t row = p->begin; row < p->end; row++)
        if (!isnan(y[row]))
            fprintf(out, "<circle class=c%d cx=%.1f cy=%.1f r=2.3 />", l, axes_x(p, a->run->step[row]),
                    axes_y(a, y[row]));
}

static void write_band(FILE *out, const Axes *a, const Panel *p, int l, bool alone) {
    const double *low = a->run->column[a->chart->line[l].low], *high = a->run->column[a->chart->line[l].high];
    char command = 'M';
    fprintf(out, "<path class=\"%s c%d\" d=\"", alone ? "line" : "band", l); // of one value, a bar
    for (size_t row = p->begin; row < p->end; row++) {
        if (isnan(low[row]) || isnan(high[row])) continue;
        fprintf(out, "%c%.1f %.1f", command, axes_x(p, a->run->step[row]), axes_y(a, high[row]));
        command = 'L';
    }
    for (size_t row = p->end; row-- > p->begin;)
        if (!isnan(low[row]) && !isnan(high[row]))
            fprintf(out, "L%.1f %.1f", axes_x(p, a->run->step[row]), axes_y(a, low[row]));
    fprintf(out, "%s\"/>", command == 'L' ? "Z" : "");
}

static void write_area(FILE *out, const Axes *a, const Panel *p, int l) {
    fprintf(out, "<path class=\"area c%d\" d=\"", l);
    for (size_t row = p->begin; row < p->end; row++)
        fprintf(out, "%c%.1f %.1f", row == p->begin ? 'M' : 'L', axes_x(p, a->run->step[row]),
                axes_y(a, axes_value(a, l, row)));
    for (size_t row = p->end; row-- > p->begin;)
        fprintf(out, "L%.1f %.1f", axes_x(p, a->run->step[row]), axes_y(a, l ? axes_value(a, l - 1, row) : 0));
    fputs("Z\"/>", out);
}

static void write_panel(FILE *out, const Axes *a, int k) {
    const Panel *p = &a->panel[k];
    if (p->begin == p->end) return;
    if (k == 0)
        fprintf(out, "<rect class=warmup x=%.1f y=%d width=%.1f height=%d />", p->left, PLOT_TOP, p->right - p->left,
                PLOT_BOTTOM - PLOT_TOP);
    for (int l = 0; l < a->lines; l++) {
        if (!a->present[l]) continue;
        if (a->chart->stacked) {
            write_area(out, a, p, l);
            continue;
        }
        const size_t values = values_in(a->run->column[a->chart->line[l].y], p);
        const bool smooth = values >= SMOOTH_FROM;
        if (a->chart->line[l].banded) write_band(out, a, p, l, values == 1);
        write_line(out, a, p, l, 0, smooth ? "pale" : "line");
        if (smooth) write_line(out, a, p, l, (p->end - p->begin) / 40, "line");
        if (values <= MARK_UP_TO) write_marks(out, a, p, l);
    }
}

static void write_numbers(FILE *out, const Axes *a, const char *key, const double *value, int digits) {
    fprintf(out, "\"%s\":[", key);
    const char *comma = "";
    for (int k = 0; k < 2; k++)
        for (size_t row = a->panel[k].begin; row < a->panel[k].end; row++, comma = ",") {
            fputs(comma, out);
            text_json(out, value ? value[row] : axes_x(&a->panel[k], a->run->step[row]), digits);
        }
    fputc(']', out);
}

// What the script needs on hover: places and numbers of the steps, and of each line its name and values.
static void write_data(FILE *out, const Axes *a) {
    fputs(" data-chart='{", out);
    write_numbers(out, a, "x", NULL, 4);
    fputc(',', out);
    write_numbers(out, a, "step", a->run->step, 10);
    fprintf(out, ",\"sft\":%zu,\"percent\":%d,\"stacked\":%d,\"low\":%.6g,\"high\":%.6g,\"lines\":[",
            a->panel[0].end - a->panel[0].begin, a->chart->percent, a->chart->stacked, a->low, a->high);
    const char *comma = "";
    for (int l = 0; l < a->lines; l++) {
        const ChartLine *line = &a->chart->line[l];
        if (!a->present[l]) continue;
        fprintf(out, "%s{\"name\":\"%s\",\"colour\":%d,", comma, line->name, l);
        write_numbers(out, a, "y", a->run->column[line->y], 4);
        if (line->banded) fputc(',', out), write_numbers(out, a, "from", a->run->column[line->low], 4);
        if (line->banded) fputc(',', out), write_numbers(out, a, "to", a->run->column[line->high], 4);
        fputc('}', out);
        comma = ",";
    }
    fputs("]}'", out);
}

bool chart_write(FILE *out, const Run *run, const Chart *chart) {
    Axes axes;
    if (!axes_make(&axes, run, chart)) return false;
    fprintf(out, "<figure><h3>%s</h3>", chart->title);
    fputs("<p class=legend>", out);
    for (int l = 0; l < axes.lines; l++)
        if (axes.lines > 1 && axes.present[l])
            fprintf(out, "<span><i class=\"key c%d\"></i>%s</span>", l, chart->line[l].name);
    fprintf(out, "</p><svg class=chart viewBox=\"0 0 %d %d\" role=img aria-label=\"%s\"", CHART_WIDTH, CHART_HEIGHT,
            chart->title);
    write_data(out, &axes);
    fputs(">", out);
    axes_write(out, &axes);
    for (int k = 0; k < 2; k++) write_panel(out, &axes, k);
    if (axes.all_zero)
        fprintf(out, "<text class=xname x=%d y=%d>0 at every step</text>", (PLOT_LEFT + PLOT_RIGHT) / 2,
                (PLOT_TOP + PLOT_BOTTOM) / 2);
    fprintf(out, "<path class=cross d=\"\"/></svg><figcaption>%s</figcaption></figure>\n", chart->caption);
    return true;
}
