// How tasks write text, read prompts and make errors.
#include "data/task_kind.h"
#include <string.h>

void text_add(TaskText *text, const char *format, ...) {
    size_t room = sizeof text->text - text->used;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->text + text->used, room, format, args);
    va_end(args);
    text->full |= n < 0 || (size_t)n >= room;
    if (text->full) text->text[text->used] = 0;
    else text->used += (size_t)n;
}

bool scan_is(Scan *scan, char c) {
    if (!scan->ok || *scan->at != c || c == 0) return false;
    scan->at++;
    return true;
}

void scan_form(Scan *scan, const char *form, ...) {
    va_list args;
    va_start(args, form);
    for (; *form; form++) {
        if (*form == '%') {
            int *number = va_arg(args, int *), low = va_arg(args, int), high = va_arg(args, int);
            *number = scan_number(scan, low, high);
        } else if (!scan_is(scan, *form)) scan->ok = false;
    }
    va_end(args);
}

int scan_number(Scan *scan, int low, int high) {
    int value = 0, digits = 0;
    const char *first = scan->at;
    while (scan->ok && digits < 6 && *scan->at >= '0' && *scan->at <= '9') {
        value = value * 10 + (*scan->at++ - '0');
        digits++;
    }
    bool canonical = digits > 0 && (digits == 1 || *first != '0');
    if (!canonical || value < low || value > high) scan->ok = false;
    return scan->ok ? value : low;
}

char scan_one_of(Scan *scan, const char *set) {
    char c = *scan->at;
    if (!scan->ok || c == 0 || !strchr(set, c)) {
        scan->ok = false;
        return set[0];
    }
    scan->at++;
    return c;
}

bool scan_end(const Scan *scan) { return scan->ok && *scan->at == 0; }

bool slip_here(Slip *slip) { return slip->passed++ == slip->at; }

int slip_residue(Slip *slip, int value, int modulus) {
    if (!slip_here(slip)) return value;
    return (value + random_range(&slip->random, 1, modulus - 1)) % modulus;
}

int slip_number(Slip *slip, int value, int unit) {
    static const int sizes[] = {1, 1, 1, 2, 10};
    if (!slip_here(slip)) return value;
    int off = unit * sizes[random_range(&slip->random, 0, 4)];
    bool down = random_range(&slip->random, 0, 1) == 1;
    if (value >= 0 && value < off) down = false;
    return down ? value - off : value + off;
}
