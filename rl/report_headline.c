// Title line, before and after, totals.
#include "rl/report_headline.h"
#include <math.h>
#include <string.h>
#include "rl/report_charts.h"
#include "rl/report_lines.h"
#include "rl/report_text.h"

static const Chart heldout_chart = {.title = "Held-out pass@1",
                                    .unit = "held-out problems solved at one try",
                                    .percent = true,
                                    .caption = "Share of held-out problems solved, with the 95&nbsp;% interval.",
                                    .line = {{"pass@1", HELDOUT, true, HELDOUT_LOW, HELDOUT_HIGH}}};

// The last part of a path: where a file lay on the machine says nothing to a reader.
static const char *name_of(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash && slash[1] ? slash + 1 : path;
}

// A flat field of the configuration, whatever its type; false where it is missing.
static bool write_value(FILE *out, const cJSON *item) {
    if (cJSON_IsString(item))
        text_html(out, item->valuestring, 400);
    else if (cJSON_IsNumber(item))
        fprintf(out, "%.15g", item->valuedouble);
    else if (cJSON_IsBool(item))
        fputs(cJSON_IsTrue(item) ? "true" : "false", out);
    else
        return false;
    return true;
}

void headline_title(FILE *out, const Run *run) {
    const char *method = report_json_string(run->config, "method"), *data = report_json_string(run->config, "data");
    text_html(out, method ? method : "Training run", 100);
    if (data) fputs(" on ", out);
    text_html(out, name_of(data), 100);
}

static void write_subtitle(FILE *out, const Run *run) {
    static const struct {
        const char *field, *before;
    } part[] = {{"model", ""}, {"seed", "seed "}, {"allocation", "allocation "}, {"modulation", "modulation "}};
    fputs("<p class=sub>", out);
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(run->config, part[i].field);
        const bool of_method = cJSON_IsString(item) && strcmp(item->valuestring, "method") == 0; // no choice of its own
        if (!of_method && (cJSON_IsString(item) || cJSON_IsNumber(item))) {
            fprintf(out, "<span>%s", part[i].before);
            if (cJSON_IsString(item))
                text_html(out, name_of(item->valuestring), 100);
            else
                write_value(out, item);
            fputs("</span>", out);
        }
        const double parameters = json_number(run->config, "parameters");
        if (i == 0 && !isnan(parameters)) {
            fputs("<span>", out);
            text_amount(out, parameters);
            fputs(" parameters</span>", out);
        }
    }
    fputs("</p>", out);
}

static void write_interval(FILE *out, const Run *run, size_t row) {
    const double low = run->column[HELDOUT_LOW][row], high = run->column[HELDOUT_HIGH][row];
    fprintf(out, "step\u00A0%.0f", run->step[row]);
    if (isnan(low) || isnan(high)) return;
    fprintf(out, "\u00A0[%.1f,\u00A0%.1f]", 100 * low, 100 * high);
}

static void write_before_after(FILE *out, const Run *run) {
    const double *heldout = run->column[HELDOUT];
    size_t first = run->rows, last = run->rows;
    for (int rl = 1; rl >= 0 && first == run->rows; rl--)
        for (size_t row = rl ? run->sft : 0; row < (rl ? run->rows : run->sft); row++)
            if (!isnan(heldout[row])) first = first == run->rows ? row : first, last = row;
    fputs("<p class=label>Held-out pass@1", out);
    if (first == run->rows) {
        fputs("</p><p class=big>\u2013</p><p class=ends>No held-out evaluation has been logged yet.</p>", out);
        return;
    }
    const char *phase = first < run->sft ? "the warm-up" : "RL";
    fprintf(out, ", %s of %s</p><p class=big>", last != first ? "first and last evaluation" : "the one evaluation",
            phase);
    text_percent(out, heldout[first]);
    if (last != first) {
        fputs("<span class=arrow>\u2192</span><b>", out);
        text_percent(out, heldout[last]);
        fputs("</b>", out);
    }
    fputs("</p><p class=ends>", out);
    if (last != first) {
        const double gain = 100 * (heldout[last] - heldout[first]);
        fprintf(out, "%s%.1f points. ", gain < 0 ? "\u2212" : "+", fabs(gain));
    }
    fputs(isnan(run->column[HELDOUT_LOW][first]) ? "Evaluated at " : "95&nbsp;% intervals: ", out);
    write_interval(out, run, first);
    if (last != first) fputs(", ", out), write_interval(out, run, last);
    fputs(".</p>", out);
}

static double sum(const double *value, size_t begin, size_t end, size_t *count) {
    double total = 0;
    *count = 0;
    for (size_t row = begin; row < end; row++)
        if (!isnan(value[row])) total += value[row], ++*count;
    return *count ? total : NAN;
}

static double largest(const double *value, size_t rows) {
    double most = NAN;
    for (size_t row = 0; row < rows; row++) most = fmax(most, value[row]); // fmax takes the number of a number and a NaN
    return most;
}

static void write_duration(FILE *out, double seconds) {
    const double minutes = floor(seconds / 60);
    if (!(seconds < 1e9))
        fputs("\u2013", out);
    else if (seconds < 120)
        fprintf(out, "%.0f\u00A0s", seconds);
    else if (minutes < 60)
        fprintf(out, "%.0f\u00A0min", minutes);
    else
        fprintf(out, "%.0f\u00A0h %02.0f\u00A0min", floor(minutes / 60), fmod(minutes, 60));
}

static void write_facts(FILE *out, const Run *run) {
    size_t count;
    const double tokens = sum(run->column[TOKENS], 0, run->rows, &count);
    const double seconds = sum(run->column[SEC_TOTAL], 0, run->rows, &count);
    const double speeds = sum(run->column[TOKENS_PER_S], run->sft, run->rows, &count), speed = speeds / (double)count;
    const double skipped = largest(run->column[SKIPPED], run->rows); // counted over the whole run
    fprintf(out, "<dl><div><dt>Warm-up steps</dt><dd>%.0f</dd></div><div><dt>RL steps</dt><dd>%.0f</dd></div>",
            run->sft ? run->step[run->sft - 1] : 0, run->rows > run->sft ? run->step[run->rows - 1] : 0);
    fputs("<div><dt>Time in steps</dt><dd>", out);
    write_duration(out, seconds);
    fputs("</dd></div><div><dt>Tokens</dt><dd>", out);
    text_amount(out, tokens);
    fputs("</dd></div><div><dt>Tokens/s in RL, mean</dt><dd>", out);
    text_amount(out, speed);
    fputs("</dd></div><div><dt>Updates skipped</dt><dd>", out);
    text_number(out, skipped);
    fputs("</dd></div></dl>", out);
}

void headline_write(FILE *out, const Run *run, const Run *thin) {
    fputs("<header><h1>", out);
    headline_title(out, run);
    fputs("</h1>", out);
    write_subtitle(out, run);
    fputs("<button type=button id=theme title=\"Light or dark\" aria-label=\"Light or dark\">\u25D0</button></header>\n"
          "<div class=top><div>",
          out);
    write_before_after(out, run);
    write_facts(out, run);
    fputs("</div><div>", out);
    chart_write(out, thin, &heldout_chart);
    fputs("</div></div>\n", out);
}

void headline_config(FILE *out, const Run *run) {
    if (!run->config) return;
    fputs("<details><summary>Configuration</summary><table>", out);
    const cJSON *item;
    cJSON_ArrayForEach(item, run->config) {
        if (cJSON_IsObject(item) || cJSON_IsArray(item) || cJSON_IsNull(item)) continue;
        fputs("<tr><td>", out);
        text_html(out, item->string, 100);
        fputs("</td><td>", out);
        write_value(out, item);
        fputs("</td></tr>", out);
    }
    fputs("</table></details>\n", out);
}
