// Optional (report).
#include "rl/report/csv.h"
#include "rl/report/lines.h"
#include <math.h>
#include <string.h>

enum { NAMES = 64, NAME_SIZE = 64 };

typedef struct Table {
    FILE *out;
    char name[NAMES][NAME_SIZE];
    bool seen[NAMES]; // in some row
    int names;
} Table;

static bool parse_list(Table *t, const char *list, Error *err) {
    while (*list) {
        int n = (int)strcspn(list, ",");
        if (n == 0 || n >= NAME_SIZE) return fail(err, "--csv %.200s: must be names, separated by commas", list);
        if (t->names == NAMES) return fail(err, "--csv: at most %d names", NAMES);
        snprintf(t->name[t->names++], NAME_SIZE, "%.*s", n, list);
        list += n + (list[n] == ',');
    }
    return t->names > 0 || fail(err, "--csv: no figure is named");
}

// A field in quotation marks, each of its own doubled (RFC 4180), where it needs them.
static void put_field(FILE *out, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *s = text; *s; s++) fprintf(out, *s == '"' ? "\"\"" : "%c", *s);
    fputc('"', out);
}

static void put_number(FILE *out, const cJSON *row, const char *name) {
    double x = json_number(row, name);
    fputc(',', out);
    if (!isnan(x)) fprintf(out, "%.15g", x);
}

static void put_row(Table *t, const char *dir, const cJSON *row) {
    bool any = false;
    for (int i = 0; i < t->names; i++)
        if (!isnan(json_number(row, t->name[i]))) any = t->seen[i] = true;
    if (!any) return;
    put_field(t->out, dir);
    fputc(',', t->out);
    put_field(t->out, json_string(row, "phase", ""));
    put_number(t->out, row, "step");
    put_number(t->out, row, "global_step");
    for (int i = 0; i < t->names; i++) put_number(t->out, row, t->name[i]);
    fputc('\n', t->out);
}

bool report_csv(FILE *out, const char *list, const char *const *dirs, int runs, Error *err) {
    Table t = {.out = out};
    if (!parse_list(&t, list, err)) return false;
    fprintf(out, "run,phase,step,global_step");
    for (int i = 0; i < t.names; i++) fputc(',', out), put_field(out, t.name[i]);
    fputc('\n', out);
    for (int r = 0; r < runs; r++) {
        Lines lines;
        if (!lines_open(&lines, dirs[r], "metrics.jsonl", err)) return false;
        for (cJSON *row; (row = lines_next(&lines)); cJSON_Delete(row)) put_row(&t, dirs[r], row);
        lines_close(&lines);
    }
    for (int i = 0; i < t.names; i++)
        if (!t.seen[i]) return fail(err, "--csv %.60s: no row has such a figure (see rl/metrics.h)", t.name[i]);
    return true;
}
