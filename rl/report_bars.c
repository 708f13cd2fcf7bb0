// Bars in the same view box as the line charts. The y axis begins at 0, as it must where areas are compared.
#include "rl/report_bars.h"
#include <math.h>
#include "rl/report_axes.h"
#include "rl/report_text.h"

static bool shown(double x) { return isfinite(x) && x >= 0; }

static double highest(const Bars *b) {
    double high = shown(b->reference) ? b->reference : 0;
    bool any = false;
    for (int s = 0; s < b->series; s++)
        for (int i = 0; i < b->bins; i++)
            if (shown(b->value[s][i])) high = fmax(high, b->value[s][i]), any = true;
    return !any ? NAN : high > 0 ? 1.08 * high : 1;
}

static double height_of(double value, double high) { return value / high * (PLOT_BOTTOM - PLOT_TOP); }

static void write_grid(FILE *out, const Bars *b, double high) {
    const double unit = b->percent ? 0.01 : 1, step = tick_step(high / unit, 5);
    const int digits = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    for (int t = 0; t * step * unit <= high; t++) {
        const double y = PLOT_BOTTOM - height_of(t * step * unit, high);
        fprintf(out, "<path class=grid d=\"M%d %.1fH%d\"/><text class=ytick x=%d y=%.1f>%.*f</text>", PLOT_LEFT, y,
                PLOT_RIGHT, PLOT_LEFT - 6, y + 4, digits, t * step);
    }
    fprintf(out, "<text class=unit x=2 y=12>%s%s</text>", b->unit, b->percent ? ", %" : "");
    fprintf(out, "<text class=xname x=%d y=%d>%s</text>", (PLOT_LEFT + PLOT_RIGHT) / 2, PLOT_BOTTOM + 31, b->x_name);
}

static void write_tip(FILE *out, const Bars *b, int s, int i) {
    fprintf(out, " data-tip=\"%s %s&#10;", b->x_name, b->label[i]);
    if (b->series > 1) fprintf(out, "%s: ", b->name[s]);
    if (b->percent)
        text_percent(out, b->value[s][i]);
    else
        text_number(out, b->value[s][i]);
    if (!b->percent) fprintf(out, " %s", b->unit);
    if (b->weight_name) {
        fputs("&#10;", out);
        text_number(out, b->weight[s][i]);
        fprintf(out, " %s", b->weight_name);
    }
    fputs("\"", out);
}

static void write_bins(FILE *out, const Bars *b, double high) {
    const double slot = (double)(PLOT_RIGHT - PLOT_LEFT) / b->bins, bar = 0.78 * slot / b->series;
    const int every = (b->bins + 17) / 18; // labels that fit
    for (int i = 0; i < b->bins; i++) {
        const double left = PLOT_LEFT + slot * (i + 0.11);
        for (int s = 0; s < b->series; s++) {
            if (!shown(b->value[s][i])) continue;
            const double height = height_of(b->value[s][i], high);
            fprintf(out, "<rect class=\"bar c%d\" x=%.1f y=%.1f width=%.1f height=%.1f", s, left + s * bar,
                    PLOT_BOTTOM - height, fmax(1, bar - 1), height);
            write_tip(out, b, s, i);
            fputs(" />", out);
        }
        if (i % every == 0)
            fprintf(out, "<text class=xtick x=%.1f y=%d>%s</text>", PLOT_LEFT + slot * (i + 0.5), PLOT_BOTTOM + 16,
                    b->label[i]);
    }
}

bool bars_write(FILE *out, const Bars *b) {
    const double high = highest(b);
    if (!isfinite(high)) return false;
    fprintf(out, "<figure><h3>%s</h3><p class=legend>", b->title);
    for (int s = 0; s < b->series && (b->series > 1 || shown(b->reference)); s++)
        fprintf(out, "<span><i class=\"key c%d\"></i>%s</span>", s, b->name[s]);
    if (shown(b->reference)) fprintf(out, "<span><i class=dashkey></i>%s</span>", b->reference_name);
    fprintf(out, "</p><svg class=bars viewBox=\"0 0 %d %d\" role=img aria-label=\"%s\">", CHART_WIDTH, CHART_HEIGHT,
            b->title);
    write_grid(out, b, high);
    write_bins(out, b, high);
    fprintf(out, "<path class=axis d=\"M%d %dH%d\"/>", PLOT_LEFT, PLOT_BOTTOM, PLOT_RIGHT);
    if (shown(b->reference))
        fprintf(out, "<path class=reference d=\"M%d %.1fH%d\"/>", PLOT_LEFT,
                PLOT_BOTTOM - height_of(b->reference, high), PLOT_RIGHT);
    fprintf(out, "</svg><figcaption>%s</figcaption></figure>\n", b->caption);
    return true;
}
