#include "base/flags.h"
#include <errno.h>
#include <math.h>
#include <string.h>

static bool set_choice(const Flag *f, int *to, const char *text, Error *err) {
    char words[FLAG_TEXT_SIZE] = "";
    for (int value = 0; f->word(value); value++) {
        if (strcmp(f->word(value), text) == 0) {
            *to = value;
            return true;
        }
        size_t used = strlen(words);
        snprintf(words + used, sizeof words - used, "%s%s", value ? "|" : "", f->word(value));
    }
    return fail(err, "--%s %s: must be one of %.400s", f->name, text, words);
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

static bool set(const Flag *f, void *config, const char *text, Error *err) {
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

static int find(const FlagTable *table, const char *name, size_t n) {
    for (int i = 0; i < table->count; i++) {
        const char *known = table->flags[i].name;
        if (known && strlen(known) == n && strncmp(known, name, n) == 0) return i;
    }
    return -1;
}

bool flags_parse(const FlagTable *table, void *config, int argc, char **argv, Error *err) {
    const Flag *flags = table->flags;
    bool given[table->count];
    memset(given, 0, sizeof given);
    for (int i = 0; i < table->count; i++)
        if (flags[i].name && flags[i].standard && !set(&flags[i], config, flags[i].standard, err)) return false;
    for (int a = 1; a < argc; a++) {
        const char *name = argv[a], *value = NULL;
        if (strncmp(name, "--", 2) != 0) return fail(err, "\"%s\" is not a flag; see --help", name);
        size_t n = strcspn(name + 2, "=");
        int i = find(table, name + 2, n);
        if (i < 0) return fail(err, "unknown flag %.*s; see --help", (int)n + 2, name);
        given[i] = true;
        if (name[2 + n] == '=') value = name + 3 + n;
        else if (flags[i].type == FLAG_SWITCH) value = "yes";
        else if (a + 1 < argc) value = argv[++a];
        if (!value) return fail(err, "--%s needs a value: %s", flags[i].name, flags[i].help);
        if (!set(&flags[i], config, value, err)) return false;
    }
    for (int i = 0; i < table->count; i++)
        if (flags[i].name && !flags[i].standard && !given[i])
            return fail(err, "--%s must be given: %s", flags[i].name, flags[i].help);
    return true;
}

static const char *value_text(const Flag *f, const void *config, char buffer[64]) {
    const void *at = (const char *)config + f->field;
    if (f->type == FLAG_TEXT) return at;
    if (f->type == FLAG_CHOICE) return f->word(*(const int *)at);
    if (f->type == FLAG_SWITCH) return *(const bool *)at ? "yes" : "no";
    if (f->type == FLAG_INT) snprintf(buffer, 64, "%d", *(const int *)at);
    if (f->type == FLAG_LONG) snprintf(buffer, 64, "%lld", *(const long long *)at);
    for (int digits = 6; f->type == FLAG_FLOAT && digits <= 17; digits++) { // the fewest that give the value back
        snprintf(buffer, 64, "%.*g", digits, *(const double *)at);
        if (strtod(buffer, NULL) == *(const double *)at) break;
    }
    return buffer;
}

void flags_help(const FlagTable *table, FILE *out) {
    for (const Flag *f = table->flags; f < table->flags + table->count; f++) {
        if (!f->name) {
            fprintf(out, "\n%s\n", f->help);
            continue;
        }
        fprintf(out, "  --%-18s %s", f->name, f->help);
        for (int value = 0; f->word && f->word(value); value++)
            fprintf(out, "%s%s", value ? "|" : " (", f->word(value));
        if (f->type == FLAG_CHOICE) fputc(')', out);
        if (f->type == FLAG_INT || f->type == FLAG_LONG || f->type == FLAG_FLOAT)
            fprintf(out, " (%.10g to %.10g)", f->low, f->high);
        if (f->type == FLAG_SWITCH) fprintf(out, " (switch)\n");
        else if (f->standard) fprintf(out, " [%s]\n", *f->standard ? f->standard : "none");
        else fprintf(out, " [must be given]\n");
    }
}

void flags_print(const FlagTable *table, const void *config, FILE *out) {
    char buffer[64];
    int column = 0;
    for (const Flag *f = table->flags; f < table->flags + table->count; f++) {
        if (!f->name) continue;
        const char *text = value_text(f, config, buffer);
        fprintf(out, "  %-17s %-18s%s", f->name, *text ? text : "-", ++column % 3 == 0 ? "\n" : "");
    }
    if (column % 3) fputc('\n', out);
}

void flags_to_json(const FlagTable *table, const void *config, cJSON *object) {
    char buffer[64];
    for (const Flag *f = table->flags; f < table->flags + table->count; f++) {
        if (!f->name) continue;
        const char *text = value_text(f, config, buffer);
        if (f->type == FLAG_SWITCH) cJSON_AddBoolToObject(object, f->name, strcmp(text, "yes") == 0);
        else if (f->type == FLAG_TEXT || f->type == FLAG_CHOICE) cJSON_AddStringToObject(object, f->name, text);
        else cJSON_AddRawToObject(object, f->name, text);
    }
}
