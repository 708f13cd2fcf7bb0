// Optional (./eval --ask, --chat).
#include "rl/evaluate/show.h"
#include "base/text.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

static unsigned decoded(const char *text, size_t n) {
    const unsigned char *s = (const unsigned char *)text;
    if (n == 1) return s[0];
    unsigned c = s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) c = c << 6 | (s[i] & 0x3f);
    return c;
}

// What a terminal may act on, or what makes a line read otherwise than it is: C0 and C1 controls, line and paragraph
// separators, marks and overrides of direction, and the tags of plane 14.
static bool is_hostile(unsigned c) {
    bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c <= 0x9f);
    bool direction = c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
                     (c >= 0x2066 && c <= 0x2069);
    return control || direction || c == 0xfeff || (c >= 0xe0000 && c <= 0xe0fff);
}

// Whether the bytes to the end of the text may still become a character.
static bool is_cut(const char *text, size_t n, size_t length) {
    unsigned char lead = (unsigned char)text[0];
    return length == n && lead >= 0xc2 && lead <= 0xf4;
}

size_t show_safe(char *to, const char *bytes, size_t n, size_t *held) {
    size_t used = 0;
    if (held) *held = 0;
    for (size_t i = 0; i < n;) {
        bool valid;
        size_t length = utf8_next(bytes + i, n - i, &valid);
        if (!valid && held && is_cut(bytes + i, n - i, length)) {
            *held = length;
            break;
        }
        unsigned c = valid ? decoded(bytes + i, length) : 0;
        if (!valid) memcpy(to + used, "\xef\xbf\xbd", 3), used += 3;
        else if (is_hostile(c)) used += (size_t)sprintf(to + used, c < 0x100 ? "\\x%02x" : "\\u{%x}", c);
        else memcpy(to + used, bytes + i, length), used += length;
        i += length;
    }
    to[used] = 0;
    return used;
}

bool show_has_colors(FILE *out) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

Show show_open(FILE *out, ShowColor color) {
    return (Show){.out = out, .color = show_has_colors(out) ? color : SHOW_PLAIN};
}

// A colour of xterm's 256: from the terminal's own (-1: sure) over yellow to red.
static int color_of(const Show *show, const TokenPolicy *policy) {
    static const int scale[] = {-1, 229, 221, 214, 208, 196};
    static const double entropy[] = {0.2, 0.5, 1, 1.5, 2.5}, probability[] = {0.9, 0.7, 0.4, 0.2, 0.05};
    int level = 0;
    if (show->color == SHOW_PLAIN || !policy) return -1;
    while (level < 5 && (show->color == SHOW_ENTROPY ? policy->entropy > entropy[level]
                                                     : exp(policy->logp) < probability[level]))
        level++;
    return scale[level];
}

static void put(Show *show, const char *bytes, size_t n, int color, size_t *held) {
    char *text = malloc(4 * n + 1);
    REQUIRE(text, "out of memory");
    size_t length = show_safe(text, bytes, n, held);
    if (length && color >= 0) fprintf(show->out, "\033[38;5;%dm", color);
    fwrite(text, 1, length, show->out);
    if (length && color >= 0) fputs("\033[0m", show->out);
    fflush(show->out);
    free(text);
}

void show_token(Show *show, const char *bytes, size_t n, const TokenPolicy *policy) {
    size_t all = (size_t)show->n_held + n, held;
    char *joined = malloc(all + 1);
    REQUIRE(joined, "out of memory");
    memcpy(joined, show->held, (size_t)show->n_held);
    memcpy(joined + show->n_held, bytes, n);
    put(show, joined, all, color_of(show, policy), &held);
    memcpy(show->held, joined + all - held, held);
    show->n_held = (int)held;
    free(joined);
}

void show_end(Show *show) {
    put(show, (const char *)show->held, (size_t)show->n_held, -1, NULL);
    show->n_held = 0;
}
