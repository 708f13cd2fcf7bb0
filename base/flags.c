#include "base/flags.h"
#include "base/flags_text.h"
#include <errno.h>
#include <math.h>
#include <string.h>

static bool set_choice(const Flag *f, int *to, const char *text, Error *err) {
    for (*to = 0; f->word(*to); ++*to)
        if (strcmp(f->word(*to), text) == 0) return true;
    return flags_refuse_word(f, text, err);
}

static bool set_number(const Flag *f, void *to, const char *text, Error *err) {
    char *end;
    errno = 0;
    double x = f->type == FLAG_FLOAT ? strtod(text, &end) : (double)strtoll(text, &end, 10);
    if (end == text || *end || errno || !isfinite(x))
        return fail(err, "--%s %s: must be a%s number", f->name, text, f->type == FLAG_FLOAT ? "" : " whole");
    if (!(x >= f->low && x <= f->high))
        return fail(err, "--%s %s: must be between %.10g and %.10g", f->name, text, f->low, f->high);
    if (f->type == FLAG_INT) *(int *)to = (int)x;
    if (f->type == FLAG_LONG) *(long long *)to = strtoll(text, NULL, 10);
    if (f->type == FLAG_FLOAT) *(double *)to = x;
    return true;
}

bool flag_set(const Flag *f, void *config, const char *text, Error *err) {
    void *to = (char *)config + f->field;
    if (f->type == FLAG_CHOICE) return set_choice(f, to, text, err);
    if (f->type == FLAG_SWITCH) {
        *(bool *)to = strcmp(text, "yes") == 0;
        bool known = *(bool *)to || strcmp(text, "no") == 0;
        return known || fail(err, "--%s=%s: a switch takes no value, or yes or no", f->name, text);
    }
    if (f->type != FLAG_TEXT) return set_number(f, to, text, err);
    if (strlen(text) >= FLAG_TEXT_SIZE) return fail(err, "--%s: longer than %d bytes", f->name, FLAG_TEXT_SIZE - 1);
    strcpy(to, text);
    return true;
}

const Flag *flags_find(const FlagTable *table, const char *name, size_t n) {
    for (const Flag *f = table->flags; f < table->flags + table->count; f++)
        if (f->name && strlen(f->name) == n && strncmp(f->name, name, n) == 0) return f;
    return NULL;
}

bool flags_parse(const FlagTable *table, void *config, int argc, char **argv, Error *err) {
    for (const Flag *f = table->flags; f < table->flags + table->count; f++)
        if (f->name && !flag_set(f, config, f->standard, err)) return false;
    if (!flags_read_files(table, config, argc, argv, err)) return false;
    for (int a = 1; a < argc; a++) {
        const char *name = argv[a], *value = NULL;
        if (strncmp(name, "--", 2) != 0) return fail(err, "\"%s\" is not a flag; see --help", name);
        size_t n = strcspn(name + 2, "=");
        const Flag *f = flags_find(table, name + 2, n);
        if (!f) return flags_refuse_name(table, name, err);
        if (name[2 + n] == '=') value = name + 3 + n;
        else if (f->type == FLAG_SWITCH) value = "yes";
        else if (a + 1 < argc) value = argv[++a];
        if (!value) return fail(err, "--%s needs a value: %s", f->name, f->help);
        if (!flag_set(f, config, value, err)) return false;
    }
    return true;
}
