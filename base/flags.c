#include "base/flags.h"
#include <errno.h>
#include <math.h>
#include <string.h>

const char *flag_choice_name(const Flag *flag, int index, char *buffer, size_t size) {
    const char *at = flag->choices;
    for (int i = 0; i < index && at; i++) at = (at = strchr(at, '|')) ? at + 1 : NULL;
    if (!at) return "?";
    snprintf(buffer, size, "%.*s", (int)strcspn(at, "|"), at);
    return buffer;
}

static bool set_choice(const Flag *f, int *to, const char *text, Error *err) {
    size_t n = strlen(text);
    int index = 0;
    for (const char *at = f->choices; at; index++) {
        if (strcspn(at, "|") == n && strncmp(at, text, n) == 0) {
            *to = index;
            return true;
        }
        if ((at = strchr(at, '|'))) at++;
    }
    return fail(err, "--%s %s: must be one of %s", f->name, text, f->choices);
}

static bool set_number(const Flag *f, void *to, const char *text, Error *err) {
    char *end;
    errno = 0;
    double x = f->type == FLAG_FLOAT ? strtod(text, &end) : (double)strtoll(text, &end, 10);
    if (end == text || *end || errno || !isfinite(x))
        return fail(err, "--%s %s: must be a%s number", f->name, text, f->type == FLAG_FLOAT ? "" : " whole");
    if (!(x >= f->low && x <= f->high)) return fail(err, "--%s %s: must be between %g and %g", f->name, text, f->low, f->high);
    if (f->type == FLAG_INT) *(int *)to = (int)x;
    if (f->type == FLAG_LONG) *(long long *)to = strtoll(text, NULL, 10);
    if (f->type == FLAG_FLOAT) *(double *)to = x;
    return true;
}

static bool set(const Flag *f, void *config, const char *text, Error *err) {
    void *to = (char *)config + f->field;
    if (f->type == FLAG_SWITCH) {
        *(bool *)to = strcmp(text, "yes") == 0;
        return *(bool *)to || strcmp(text, "no") == 0 || fail(err, "--%s=%s: a switch takes no value, or yes or no", f->name, text);
    }
    if (f->type == FLAG_CHOICE) return set_choice(f, to, text, err);
    if (f->type != FLAG_TEXT) return set_number(f, to, text, err);
    if (strlen(text) >= FLAG_TEXT_SIZE) return fail(err, "--%s: longer than %d bytes", f->name, FLAG_TEXT_SIZE - 1);
    strcpy(to, text);
    return true;
}

bool flags_parse(const Flag *flags, int count, void *config, int argc, char **argv, Error *err) {
    bool given[count];
    for (int i = 0; i < count; i++) {
        given[i] = false;
        if (flags[i].name && flags[i].standard && !set(&flags[i], config, flags[i].standard, err)) return false;
    }
    for (int a = 1; a < argc; a++) {
        const char *name = argv[a], *value = NULL;
        int i = 0;
        if (strncmp(name, "--", 2) != 0) return fail(err, "\"%s\" is not a flag; see --help", name);
        size_t n = strcspn(name + 2, "=");
        if (name[2 + n] == '=') value = name + 3 + n;
        while (i < count && !(flags[i].name && strlen(flags[i].name) == n && strncmp(flags[i].name, name + 2, n) == 0)) i++;
        if (i == count) return fail(err, "unknown flag %.*s; see --help", (int)n + 2, name);
        given[i] = true;
        if (flags[i].type == FLAG_SWITCH && !value) value = "yes";
        else if (!value && a + 1 < argc) value = argv[++a];
        if (!value) return fail(err, "--%s needs a value: %s", flags[i].name, flags[i].help);
        if (!set(&flags[i], config, value, err)) return false;
    }
    for (int i = 0; i < count; i++)
        if (flags[i].name && !flags[i].standard && !given[i]) return fail(err, "--%s must be given: %s", flags[i].name, flags[i].help);
    return true;
}

static const char *value_text(const Flag *f, const void *config, char *buffer, size_t size) {
    const void *at = (const char *)config + f->field;
    if (f->type == FLAG_TEXT) return at;
    if (f->type == FLAG_CHOICE) return flag_choice_name(f, *(const int *)at, buffer, size);
    if (f->type == FLAG_SWITCH) return *(const bool *)at ? "yes" : "no";
    if (f->type == FLAG_INT) snprintf(buffer, size, "%d", *(const int *)at);
    if (f->type == FLAG_LONG) snprintf(buffer, size, "%lld", *(const long long *)at);
    if (f->type == FLAG_FLOAT) snprintf(buffer, size, "%g", *(const double *)at);
    return buffer;
}

void flags_help(const Flag *flags, int count, FILE *out) {
    for (int i = 0; i < count; i++) {
        const Flag *f = &flags[i];
        if (!f->name) {
            fprintf(out, "\n%s\n", f->help);
            continue;
        }
        fprintf(out, "  --%-18s %s", f->name, f->help);
        if (f->choices) fprintf(out, " (%s)", f->choices);
        if (f->type == FLAG_INT || f->type == FLAG_LONG || f->type == FLAG_FLOAT) fprintf(out, " (%g to %g)", f->low, f->high);
        if (f->type == FLAG_SWITCH) fprintf(out, " (switch)\n");
        else if (f->standard) fprintf(out, " [%s]\n", *f->standard ? f->standard : "none");
        else fprintf(out, " [must be given]\n");
    }
}

void flags_print(const Flag *flags, int count, const void *config, FILE *out) {
    char buffer[64];
    int column = 0;
    for (int i = 0; i < count; i++) {
        if (!flags[i].name) continue;
        const char *text = value_text(&flags[i], config, buffer, sizeof buffer);
        fprintf(out, "  %-17s %-18s%s", flags[i].name, *text ? text : "-", ++column % 3 == 0 ? "\n" : "");
    }
    if (column % 3) fputc('\n', out);
}

void flags_to_json(const Flag *flags, int count, const void *config, cJSON *object) {
    char buffer[64];
    for (int i = 0; i < count; i++) {
        if (!flags[i].name) continue;
        const char *text = value_text(&flags[i], config, buffer, sizeof buffer);
        if (flags[i].type == FLAG_SWITCH) cJSON_AddBoolToObject(object, flags[i].name, strcmp(text, "yes") == 0);
        else if (flags[i].type == FLAG_TEXT || flags[i].type == FLAG_CHOICE) cJSON_AddStringToObject(object, flags[i].name, text);
        else cJSON_AddRawToObject(object, flags[i].name, text);
    }
}
