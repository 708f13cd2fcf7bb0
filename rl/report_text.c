// Escaping and number formats of the report page. The rules stand in the header.
#include "rl/report_text.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// Length of the well-formed UTF-8 sequence at s, which holds `left` bytes, and its code point; 0 if there is none.
static size_t utf8_decode(const unsigned char *s, size_t left, uint32_t *code) {
    const size_t length = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (length == 0 || length > left) return 0;
    uint32_t value = length == 1 ? s[0] : s[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        value = value << 6 | (s[i] & 0x3F);
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return 0;
    *code = value;
    return length;
}

static bool turns_direction(uint32_t code) {
    return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

static void character(FILE *out, uint32_t code, const unsigned char *bytes, size_t length, bool show_newline) {
    if (code == '&')
        fputs("&amp;", out);
    else if (code == '<')
        fputs("&lt;", out);
    else if (code == '>')
        fputs("&gt;", out);
    else if (code == '"')
        fputs("&quot;", out);
    else if (code == '\'')
        fputs("&#39;", out);
    else if (code == '\n')
        fputs(show_newline ? "\u21B5\n" : "\n", out);
    else if (code == '\t')
        fputc('\t', out);
    else if (code < 0x20)
        fprintf(out, "\xE2\x90%c", (int)(0x80 + code)); // U+2400 + code
    else if (code == 0x7F)
        fputs("\u2421", out);
    else if ((code >= 0x80 && code < 0xA0) || turns_direction(code))
        fputs("\uFFFD", out);
    else
        fwrite(bytes, 1, length, out);
}

static void write_escaped(FILE *out, const char *text, size_t limit, bool show_newline) {
    if (!text) return;
    const unsigned char *s = (const unsigned char *)text;
    const size_t size = strlen(text), end = limit && limit < size ? limit : size;
    for (size_t at = 0; at < end;) {
        uint32_t code = 0;
        const size_t length = utf8_decode(s + at, size - at, &code);
        if (length)
            character(out, code, s + at, length, show_newline);
        else
            fputs("\uFFFD", out);
        at += length ? length : 1;
    }
    if (end < size) fputs("\u2026", out);
}

void text_html(FILE *out, const char *text, size_t limit) { write_escaped(out, text, limit, false); }

void text_token(FILE *out, const char *text) { write_escaped(out, text, 0, true); }

void text_number(FILE *out, double x) {
    if (!isfinite(x))
        fputs("\u2013", out);
    else
        fprintf(out, "%s%.4g", x < 0 ? "\u2212" : "", fabs(x));
}

void text_percent(FILE *out, double x) {
    if (!isfinite(x))
        fputs("\u2013", out);
    else
        fprintf(out, "%.1f\u00A0%%", 100 * x);
}

void text_amount(FILE *out, double x) {
    static const struct {
        double size;
        const char *prefix;
    } scale[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    for (size_t i = 0; i < sizeof scale / sizeof *scale; i++)
        if (isfinite(x) && fabs(x) >= scale[i].size) {
            fprintf(out, "%.3g\u00A0%s", x / scale[i].size, scale[i].prefix);
            return;
        }
    text_number(out, x);
}

void text_json(FILE *out, double x, int digits) {
    if (isfinite(x))
        fprintf(out, "%.*g", digits, x);
    else
        fputs("null", out);
}
