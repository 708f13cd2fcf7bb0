// Optional (math answers from data sets): UTF-8 to ASCII TeX by one sorted table; see unicode.h.
#include "verify/unicode.h"

#include "verify/ascii.h"

#include <stdio.h>
#include <string.h>

typedef struct Glyph {
    unsigned code;
    const char *tex;
} Glyph;

// Sorted by code. A leading '^' or '_' marks a super- or subscript digit; runs of them share one pair of braces.
static const Glyph TABLE[] = {
    {0xA0, "~"}, {0xA2, "\\cent "}, {0xA3, "\\pounds "}, {0xA5, "\\yen "}, {0xAC, "\\neg "}, {0xAD, ""},
    {0xB0, "^\\circ "}, {0xB1, "\\pm "}, {0xB2, "^2"}, {0xB3, "^3"}, {0xB5, "\\mu "}, {0xB7, "\\cdot "}, {0xB9, "^1"},
    {0xBA, "^\\circ "}, {0xBC, "\\frac{1}{4}"}, {0xBD, "\\frac{1}{2}"}, {0xBE, "\\frac{3}{4}"}, {0xD7, "\\times "},
    {0xF7, "\\div "}, {0x127, "\\hbar "}, {0x2DA, "^\\circ "}, {0x391, "A"}, {0x392, "B"}, {0x393, "\\Gamma "},
    {0x394, "\\Delta "}, {0x395, "E"}, {0x396, "Z"}, {0x397, "H"}, {0x398, "\\Theta "}, {0x399, "I"}, {0x39A, "K"},
    {0x39B, "\\Lambda "}, {0x39C, "M"}, {0x39D, "N"}, {0x39E, "\\Xi "}, {0x39F, "O"}, {0x3A0, "\\Pi "}, {0x3A1, "P"},
    {0x3A3, "\\Sigma "}, {0x3A4, "T"}, {0x3A5, "\\Upsilon "}, {0x3A6, "\\Phi "}, {0x3A7, "X"}, {0x3A8, "\\Psi "},
    {0x3A9, "\\Omega "}, {0x3B1, "\\alpha "}, {0x3B2, "\\beta "}, {0x3B3, "\\gamma "}, {0x3B4, "\\delta "},
    {0x3B5, "\\epsilon "}, {0x3B6, "\\zeta "}, {0x3B7, "\\eta "}, {0x3B8, "\\theta "}, {0x3B9, "\\iota "},
    {0x3BA, "\\kappa "}, {0x3BB, "\\lambda "}, {0x3BC, "\\mu "}, {0x3BD, "\\nu "}, {0x3BE, "\\xi "}, {0x3BF, "o"},
    {0x3C0, "\\pi "}, {0x3C1, "\\rho "}, {0x3C3, "\\sigma "}, {0x3C4, "\\tau "}, {0x3C5, "\\upsilon "},
    {0x3C6, "\\phi "}, {0x3C7, "\\chi "}, {0x3C8, "\\psi "}, {0x3C9, "\\omega "}, {0x3D5, "\\phi "},
    {0x3F5, "\\epsilon "}, {0x1D62, "_i"}, {0x1D2C, "^A"}, {0x2002, " "}, {0x2003, " "}, {0x2009, "\\,"},
    {0x200A, "\\,"}, {0x200B, ""}, {0x200C, ""}, {0x200D, ""}, {0x200E, ""}, {0x2010, "-"}, {0x2011, "-"},
    {0x2012, "-"}, {0x2013, "-"}, {0x2014, "-"}, {0x2015, "-"}, {0x2016, "\\|"}, {0x2018, "'"}, {0x2019, "'"},
    {0x201C, "\""}, {0x201D, "\""}, {0x2022, "\\cdot "}, {0x2026, "\\ldots "}, {0x202F, "\\,"}, {0x2030, "\\permil "},
    {0x2032, "'"}, {0x2033, "''"}, {0x2044, "/"}, {0x2060, ""}, {0x2061, ""}, {0x2062, "\\cdot "}, {0x2070, "^0"},
    {0x2071, "^i"}, {0x2074, "^4"}, {0x2075, "^5"}, {0x2076, "^6"}, {0x2077, "^7"}, {0x2078, "^8"}, {0x2079, "^9"},
    {0x207A, "^+"}, {0x207B, "^-"}, {0x207D, "^("}, {0x207E, "^)"}, {0x207F, "^n"}, {0x2080, "_0"}, {0x2081, "_1"},
    {0x2082, "_2"}, {0x2083, "_3"}, {0x2084, "_4"}, {0x2085, "_5"}, {0x2086, "_6"}, {0x2087, "_7"}, {0x2088, "_8"},
    {0x2089, "_9"}, {0x208A, "_+"}, {0x208B, "_-"}, {0x2090, "_a"}, {0x2099, "_n"}, {0x20AC, "\\euro "},
    {0x20B9, "\\rupee "}, {0x2102, "\\mathbb{C}"}, {0x2103, "^\\circ C"}, {0x2109, "^\\circ F"}, {0x2113, "\\ell "},
    {0x2115, "\\mathbb{N}"}, {0x211A, "\\mathbb{Q}"}, {0x211D, "\\mathbb{R}"}, {0x2124, "\\mathbb{Z}"}, {0x212F, "e"},
    {0x2147, "e"}, {0x2148, "i"}, {0x2150, "\\frac{1}{7}"}, {0x2151, "\\frac{1}{9}"}, {0x2152, "\\frac{1}{10}"},
    {0x2153, "\\frac{1}{3}"}, {0x2154, "\\frac{2}{3}"}, {0x2155, "\\frac{1}{5}"}, {0x2156, "\\frac{2}{5}"},
    {0x2157, "\\frac{3}{5}"}, {0x2158, "\\frac{4}{5}"}, {0x2159, "\\frac{1}{6}"}, {0x215A, "\\frac{5}{6}"},
    {0x215B, "\\frac{1}{8}"}, {0x215C, "\\frac{3}{8}"}, {0x215D, "\\frac{5}{8}"}, {0x215E, "\\frac{7}{8}"},
    {0x2190, "\\leftarrow "}, {0x2192, "\\to "}, {0x21A6, "\\mapsto "}, {0x21D2, "\\Rightarrow "}, {0x21D4, "\\iff "},
    {0x2200, "\\forall "}, {0x2202, "\\partial "}, {0x2203, "\\exists "}, {0x2205, "\\emptyset "},
    {0x2206, "\\Delta "}, {0x2208, "\\in "}, {0x2209, "\\notin "}, {0x220F, "\\prod "}, {0x2211, "\\sum "},
    {0x2212, "-"}, {0x2213, "\\mp "}, {0x2215, "/"}, {0x2216, "\\setminus "}, {0x2217, "*"}, {0x2218, "\\circ "},
    {0x2219, "\\cdot "}, {0x221A, "\\sqrt "}, {0x221B, "\\sqrt[3]"}, {0x221C, "\\sqrt[4]"}, {0x221E, "\\infty "},
    {0x2220, "\\angle "}, {0x2223, "\\mid "}, {0x2225, "\\parallel "}, {0x2227, "\\land "}, {0x2228, "\\lor "},
    {0x2229, "\\cap "}, {0x222A, "\\cup "}, {0x222B, "\\int "}, {0x2234, "\\therefore "}, {0x2236, ":"},
    {0x223C, "\\sim "}, {0x2245, "\\cong "}, {0x2248, "\\approx "}, {0x2260, "\\neq "}, {0x2261, "\\equiv "},
    {0x2264, "\\leq "}, {0x2265, "\\geq "}, {0x2266, "\\leq "}, {0x2267, "\\geq "}, {0x2282, "\\subset "},
    {0x2286, "\\subseteq "}, {0x22A5, "\\perp "}, {0x22C5, "\\cdot "}, {0x22EF, "\\cdots "}, {0x2308, "\\lceil "},
    {0x2309, "\\rceil "}, {0x230A, "\\lfloor "}, {0x230B, "\\rfloor "}, {0x2329, "\\langle "}, {0x232A, "\\rangle "},
    {0x25B3, "\\triangle "}, {0x27E8, "\\langle "}, {0x27E9, "\\rangle "}, {0x2A7D, "\\leq "}, {0x2A7E, "\\geq "},
    {0x3000, " "}, {0x3001, ","}, {0x3002, "."}, {0x3008, "\\langle "}, {0x3009, "\\rangle "}, {0xFE62, "+"},
    {0xFE63, "-"}, {0xFEFF, ""}, {0xFFE5, "\\yen "},
};

// Words of Chinese, Japanese and Korean answers: units and counters of things only, and only after a number. 万, 半,
// 倍 and all others that would change it have no entry, so they stay opaque names and no number is paid beside them.
typedef struct Phrase {
    const char *words, *tex; // words separated by blanks, longer ones first
} Phrase;

static const Phrase PHRASES[] = {
    {"平方厘米", "cm^2"}, {"平方千米 平方公里", "km^2"}, {"平方米", "m^2"}, {"立方厘米", "cm^3"},
    {"立方米", "m^3"}, {"厘米", "cm"}, {"毫米", "mm"}, {"分米", "dm"}, {"千米 公里", "km"}, {"米", "m"},
    {"千克 公斤", "kg"}, {"克", "g"}, {"毫升", "mL"}, {"升", "L"}, {"小时", "hour"}, {"分钟", "minute"},
    {"秒", "second"}, {"天", "day"}, {"美元", "dollar"}, {"元", "yuan"}, {"円", "yen"}, {"원", "won"},
    {"岁 歳 세 살", "years old"}, {"个 只 本 人 次 种 条 张 棵 件 名 位 辆 支 块 头 朵", "item"},
    {"根 盒 箱 组 页 題 题 個 枚 匹 通り 回 개 명 번 마리 권", "item"},
};

// Writes the TeX of the phrase at text; returns its bytes, 0 when there is none.
static size_t phrase_at(const char *text, size_t len, char **out) {
    for (size_t i = 0; i < sizeof PHRASES / sizeof *PHRASES; i++)
        for (const char *word = PHRASES[i].words; *word;) {
            size_t n = strcspn(word, " ");
            if (n <= len && !memcmp(word, text, n)) return *out += sprintf(*out, "\\text{ %s}", PHRASES[i].tex), n;
            word += n + (word[n] == ' ');
        }
    return 0;
}

size_t utf8_decode(const char *text, size_t len, unsigned *code) {
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) return *code = s[0], 1;
    size_t bytes = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || bytes > len) return 0;
    unsigned c = s[0] & (0xFFu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (s[i] & 0x3F);
    }
    static const unsigned LEAST[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < LEAST[bytes] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0;
    return *code = c, bytes;
}

// Digits of other scripts and fullwidth or mathematical forms, which lie in regular blocks.
static int regular(unsigned c) {
    static const unsigned ZERO[] = {0x660, 0x6F0, 0x966, 0x9E6, 0xFF10};
    for (size_t i = 0; i < sizeof ZERO / sizeof *ZERO; i++)
        if (c >= ZERO[i] && c < ZERO[i] + 10) return (int)('0' + (c - ZERO[i]));
    if (c > 0xFF00 && c < 0xFF5F) return (int)(c - 0xFF01 + '!'); // fullwidth ASCII
    if (c >= 0x1D7CE && c <= 0x1D7FF) return (int)('0' + (c - 0x1D7CE) % 10);
    if (c >= 0x1D400 && c < 0x1D6A4) { // mathematical alphabets, 52 letters each
        unsigned letter = (c - 0x1D400) % 52;
        return (int)(letter < 26 ? 'A' + letter : 'a' + letter - 26);
    }
    return 0;
}

static const char *lookup(unsigned code) {
    if (code >= 0x1D6A8 && code < 0x1D7CA) { // mathematical Greek, 58 characters a style
        unsigned letter = (code - 0x1D6A8) % 58;
        code = letter < 25 ? 0x391 + letter : letter > 25 && letter < 51 ? 0x3B1 + letter - 26 : code;
    }
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        if (TABLE[i].code == code) return TABLE[i].tex;
    return NULL;
}

static bool is_script(const char *tex) { return tex && (tex[0] == '^' || tex[0] == '_') && tex[1] && tex[1] != '\\'; }

// Writes a run of super- or subscripts as one group; returns the input bytes used.
static size_t script_run(const char *text, size_t len, char **out, const char *first, size_t used) {
    char kind = first[0];
    *(*out)++ = kind;
    *(*out)++ = '{';
    *(*out)++ = first[1];
    while (used < len) {
        unsigned code;
        size_t bytes = utf8_decode(text + used, len - used, &code);
        const char *tex = bytes > 1 ? lookup(code) : NULL;
        if (!is_script(tex) || tex[0] != kind) break;
        *(*out)++ = tex[1];
        used += bytes;
    }
    *(*out)++ = '}';
    return used;
}

char *unicode_to_tex(NodePool *pool, const char *text, size_t len, size_t *out_len) {
    size_t plain = 0;
    while (plain < len && (unsigned char)text[plain] < 0x80 && text[plain]) plain++;
    bool ascii = plain == len;
    char *result = pool_alloc(pool, ascii ? len + 1 : len * 12 + 32), *out = result;
    if (!result) return NULL;
    for (size_t i = 0; i < len;) {
        unsigned code = 0;
        size_t bytes = utf8_decode(text + i, len - i, &code);
        const char *tex = bytes > 1 ? lookup(code) : NULL;
        int c = bytes > 1 ? regular(code) : 0;
        bool after_number = code > 0x2E00 && out > result && (is_digit(out[-1]) || strchr(" {})", out[-1]));
        size_t phrase = after_number ? phrase_at(text + i, len - i, &out) : 0;
        if (phrase) {
            i += phrase;
            continue;
        }
        bool inside_word = out > result && is_alnum(out[-1]) && i + bytes < len && is_alnum(text[i + bytes]);
        if (bytes == 1 && code) *out++ = (char)code;
        else if (bytes <= 1) out += sprintf(out, "\\byte%02x ", (unsigned char)text[i]);
        else if (is_script(tex)) {
            i = script_run(text, len, &out, tex, i + bytes);
            continue;
        } else if (tex && (*tex || !inside_word)) out = stpcpy(out, tex);
        else if (c) *out++ = (char)c;
        else out += sprintf(out, "\\char%x ", code);
        i += bytes ? bytes : 1;
    }
    *out = 0;
    *out_len = (size_t)(out - result);
    return result;
}
