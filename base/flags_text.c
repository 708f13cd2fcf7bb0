// Optional (help, messages, the start-up table, JSON): the flags of a table as text.
#include "base/flags_text.h"
#include <math.h>
#include <string.h>

enum { COLUMNS = 80, NAME_COLUMN = 24 };

// ---- Did you mean ...? ---------------------------------------------------------------------------------------------
static int least(int a, int b) { return a < b ? a : b; }

// The fewest insertions, deletions, substitutions and swaps of neighbours that make b of a (optimal string alignment).
static int distance(const char *a, const char *b) {
    enum { MOST = 40 };
    int n = (int)strnlen(a, MOST), m = (int)strnlen(b, MOST), d[MOST + 1][MOST + 1];
    for (int i = 0; i <= n; i++)
        for (int j = 0; j <= m; j++) {
            int change = i && j && a[i - 1] != b[j - 1];
            d[i][j] = i && j ? least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + change) : i + j;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

// Whether `known` is nearer to `typed` than the best so far, and near at all: at most a third of its letters differ, or
// one begins with the other.
static bool nearer(const char *typed, const char *known, int *best) {
    size_t n = strlen(typed), m = strlen(known);
    bool begins = n >= 2 && strncmp(known, typed, n < m ? n : m) == 0;
    int d = begins ? 1 : distance(typed, known);
    if (d >= *best || d > (int)(n > m ? n : m) / 3) return false;
    *best = d;
    return true;
}

bool flags_refuse_name(const FlagTable *table, const char *name, Error *err) {
    char typed[64];
    const char *nearest = NULL;
    int best = 100, n = (int)strcspn(name, "=");
    snprintf(typed, sizeof typed, "%.*s", n - 2, name + 2);
    for (const Flag *f = table->flags; f < table->flags + table->count; f++)
        if (f->name && nearer(typed, f->name, &best)) nearest = f->name;
    if (nearest) return fail(err, "unknown flag %.*s: did you mean --%s? See --help", n, name, nearest);
    return fail(err, "unknown flag %.*s; see --help", n, name);
}

bool flags_refuse_word(const Flag *f, const char *word, Error *err) {
    char words[400] = "";
    const char *nearest = NULL;
    int best = 100;
    for (int value = 0; f->word(value); value++) {
        size_t used = strlen(words);
        snprintf(words + used, sizeof words - used, "%s%s", value ? "|" : "", f->word(value));
        if (nearer(word, f->word(value), &best)) nearest = f->word(value);
    }
    return fail(err, "--%s %.60s: must be one of %s%s%s%s", f->name, word, words, nearest ? "; did you mean " : "",
                nearest ? nearest : "", nearest ? "?" : "");
}

// ---- Help ----------------------------------------------------------------------------------------------------------
bool flags_help_asked(int argc, char **argv) {
    for (int a = 1; a < argc; a++)
        if (strcmp(argv[a], "--help") == 0 || strcmp(argv[a], "-h") == 0) return true;
    return false;
}

// Prints words from column NAME_COLUMN on, in lines of up to COLUMNS. *column: where the line is.
static void wrap(FILE *out, const char *text, int *column) {
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (*column > NAME_COLUMN && *column + 1 + n > COLUMNS)
            fprintf(out, "\n%*s", NAME_COLUMN, ""), *column = NAME_COLUMN;
        *column += fprintf(out, "%s%.*s", *column > NAME_COLUMN ? " " : "", n, text);
        text += n + strspn(text + n, " ");
    }
}

static void help_of(const Flag *f, FILE *out) {
    char range[FLAG_TEXT_SIZE + 16] = "";
    int column = fprintf(out, "  --%-*s", NAME_COLUMN - 4, f->name);
    if (column > NAME_COLUMN) fprintf(out, "\n%*s", NAME_COLUMN, ""), column = NAME_COLUMN;
    wrap(out, f->help, &column);
    for (int value = 0; f->type == FLAG_CHOICE && f->word(value); value++) {
        snprintf(range, sizeof range, "%s%s", value ? "| " : "(", f->word(value));
        if (!f->word(value + 1)) strcat(range, ")");
        wrap(out, range, &column);
    }
    if (f->type == FLAG_INT || f->type == FLAG_LONG || f->type == FLAG_FLOAT)
        snprintf(range, sizeof range, "(%.10g to %.10g)", f->low, f->high), wrap(out, range, &column);
    snprintf(range, sizeof range, f->type == FLAG_SWITCH ? "(switch)" : "[%s]", *f->standard ? f->standard : "none");
    wrap(out, range, &column);
    fputc('\n', out);
}

void flags_help(const FlagTable *table, FILE *out) {
    for (const Flag *f = table->flags; f < table->flags + table->count; f++) {
        if (f->name) help_of(f, out);
        else fprintf(out, "\n%s\n", f->help);
    }
}

// ---- Values --------------------------------------------------------------------------------------------------------
// The shortest number that is read back as the same one.
static void shortest(double x, char buffer[64]) {
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(buffer, 64, "%.*g", digits, x);
        if (strtod(buffer, NULL) == x) return;
    }
}

static const char *value_text(const Flag *f, const void *config, char buffer[64]) {
    const void *at = (const char *)config + f->field;
    if (f->type == FLAG_TEXT) return at;
    if (f->type == FLAG_CHOICE) return f->word(*(const int *)at);
    if (f->type == FLAG_SWITCH) return *(const bool *)at ? "yes" : "no";
    if (f->type == FLAG_INT) snprintf(buffer, 64, "%d", *(const int *)at);
    if (f->type == FLAG_LONG) snprintf(buffer, 64, "%lld", *(const long long *)at);
    if (f->type == FLAG_FLOAT) shortest(*(const double *)at, buffer);
    return buffer;
}

void flags_print(const FlagTable *table, const void *config, FILE *out) {
    enum { CELL = 39, NAME = 17 };
    char buffer[64];
    int column = 0;
    for (const Flag *f = table->flags; f < table->flags + table->count; f++) {
        if (!f->name) continue;
        const char *text = value_text(f, config, buffer);
        if (!*text) text = "-";
        bool fits = strlen(text) <= CELL - NAME - 3;
        if (column && (!fits || column > CELL)) fputc('\n', out), column = 0;
        if (column) fprintf(out, "%*s", CELL - column, "");
        column += fprintf(out, "  %-*s%s", NAME, f->name, text);
        if (!fits) column = CELL + 1;
    }
    if (column) fputc('\n', out);
}

void flags_to_json(const FlagTable *table, const void *config, cJSON *object) {
    static const double exact = 1e14; // larger whole numbers are text: some readers of JSON round them
    char buffer[64];
    for (const Flag *f = table->flags; f < table->flags + table->count; f++) {
        if (!f->name) continue;
        const char *text = value_text(f, config, buffer);
        bool large = f->type == FLAG_LONG && fabs(strtod(text, NULL)) > exact;
        if (f->type == FLAG_SWITCH) cJSON_AddBoolToObject(object, f->name, strcmp(text, "yes") == 0);
        else if (f->type == FLAG_TEXT || f->type == FLAG_CHOICE || large)
            cJSON_AddStringToObject(object, f->name, text);
        else cJSON_AddRawToObject(object, f->name, text);
    }
}
