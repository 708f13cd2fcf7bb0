// Optional (math answers from data sets): the table of units and their reader; see units.h.
// Factors: SI brochure; international yard and pound (1959).
#include "verify/units.h"

#include "verify/ascii.h"
#include "verify/words.h"

#include <string.h>
#include <strings.h>

// The first eight are the base dimensions, by their place in Unit.dims.
enum {
    LENGTH, MASS, TIME, MONEY, CURRENT, HEAT, AMOUNT, DATA, PERCENT, DEGREE, GENERIC, FORCE, ENERGY, POWER, PRESSURE,
    VOLUME, AREA, SPEED, FREQUENCY, VOLT, OHM, CHARGE
};

typedef struct UnitEntry {
    const char *names; // separated by blanks, singular
    int what, ten;
    int64_t num, den;
} UnitEntry;

static const UnitEntry TABLE[] = {
    {"m meter metre", LENGTH, 0, 1, 1}, {"km kilometer kilometre", LENGTH, 3, 1, 1},
    {"cm centimeter centimetre", LENGTH, -2, 1, 1}, {"mm millimeter millimetre", LENGTH, -3, 1, 1},
    {"dm decimeter decimetre", LENGTH, -1, 1, 1}, {"nm nanometer", LENGTH, -9, 1, 1}, {"micrometer", LENGTH, -6, 1, 1},
    {"in inch inche", LENGTH, -4, 254, 1}, {"ft foot feet", LENGTH, -4, 3048, 1}, {"yd yard", LENGTH, -4, 9144, 1},
    {"mi mile", LENGTH, -3, 1609344, 1}, {"g gram gramme", MASS, 0, 1, 1}, {"kg kilogram kilo", MASS, 3, 1, 1},
    {"mg milligram", MASS, -3, 1, 1}, {"lb pound lbs", MASS, -5, 45359237, 1}, {"oz ounce", MASS, -5, 45359237, 16},
    {"tonne", MASS, 6, 1, 1}, {"ton", MASS, -5, 90718474000, 1}, {"s sec second", TIME, 0, 1, 1},
    {"ms millisecond", TIME, -3, 1, 1}, {"min minute", TIME, 0, 60, 1}, {"h hr hour hrs", TIME, 0, 3600, 1},
    {"day", TIME, 0, 86400, 1}, {"week", TIME, 0, 604800, 1}, {"year yr", TIME, 0, 31557600, 1},
    {"month", TIME, 0, 2629800, 1}, {"dollar usd buck", MONEY, 0, 1, 1}, {"cent penny pennie", MONEY, -2, 1, 1},
    {"dime", MONEY, -1, 1, 1}, {"nickel", MONEY, -2, 5, 1}, 
    {"A amp ampere", CURRENT, 0, 1, 1}, {"K kelvin", HEAT, 0, 1, 1}, {"mol mole", AMOUNT, 0, 1, 1},
    {"byte", DATA, 0, 1, 1}, {"kb kilobyte", DATA, 3, 1, 1}, {"mb megabyte", DATA, 6, 1, 1},
    {"gb gigabyte", DATA, 9, 1, 1}, {"percent pct percentage %", PERCENT, 0, 1, 1}, {"degree deg", DEGREE, 0, 1, 1},
    {"unit radian rad", GENERIC, 0, 1, 1}, {"N newton", FORCE, 3, 1, 1}, {"J joule", ENERGY, 3, 1, 1},
    {"kJ kilojoule", ENERGY, 6, 1, 1}, {"W watt", POWER, 3, 1, 1}, {"kW kilowatt", POWER, 6, 1, 1},
    {"Pa pascal", PRESSURE, 3, 1, 1}, {"kPa", PRESSURE, 6, 1, 1}, {"L l liter litre", VOLUME, -3, 1, 1},
    {"mL ml milliliter millilitre", VOLUME, -6, 1, 1}, {"gallon gal", VOLUME, -12, 3785411784, 1},
    {"quart", VOLUME, -12, 946352946, 1}, {"pint", VOLUME, -12, 473176473, 1}, {"acre", AREA, -10, 40468564224000, 1},
    {"hectare ha", AREA, 4, 1, 1}, {"mph", SPEED, -5, 44704, 1}, {"kph kmh", SPEED, 0, 5, 18},
    {"Hz hertz", FREQUENCY, 0, 1, 1}, {"V volt", VOLT, 3, 1, 1}, {"ohm Omega", OHM, 3, 1, 1},
    {"C coulomb", CHARGE, 0, 1, 1},
};

typedef struct Composite {
    int what;
    int8_t dims[8];
} Composite;
static const Composite COMPOSITES[] = {
    {FORCE, {1, 1, -2}}, {ENERGY, {2, 1, -2}}, {POWER, {2, 1, -3}}, {PRESSURE, {-1, 1, -2}}, {VOLUME, {3}},
    {AREA, {2}}, {SPEED, {1, 0, -1}}, {FREQUENCY, {0, 0, -1}}, {VOLT, {2, 1, -3, 0, -1}}, {OHM, {2, 1, -3, 0, -2}},
    {CHARGE, {0, 0, 1, 0, 1}},
};

static bool listed(const char *names, const char *word, size_t len) {
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, " ");
        // Symbols are case-sensitive, names are not.
        if (n == len && (n <= 2 ? !memcmp(p, word, n) : !strncasecmp(p, word, n))) return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

static const UnitEntry *find(const char *word, size_t len) {
    for (int plural = 0; plural < 2; plural++) {
        if (plural && (len < 4 || word[len - 1] != 's')) break;
        for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
            if (listed(TABLE[i].names, word, len - (size_t)plural)) return &TABLE[i];
    }
    return NULL;
}

static int64_t scale_word(const char *word, size_t len) {
    static const int64_t VALUES[] = {12, 100, 1000, 100000, 1000000, 10000000, 1000000000, 1000000000000};
    int place = words_place(word, len, "dozen|hundred|thousand|lakh|million|crore|billion|trillion");
    return place < 0 ? 0 : VALUES[place];
}

bool unit_word(const char *word, size_t len) { return len >= 2 && (find(word, len) || scale_word(word, len)); }

static int64_t power(int64_t x, int n) {
    int64_t y = 1;
    while (n-- > 0) y = y > INT64_MAX / (x ? x : 1) / 4 ? INT64_MAX / 4 : y * x;
    return y;
}

static bool multiply(Unit *unit, const UnitEntry *entry, int exponent) {
    if (entry->what == PERCENT) unit->percent = true;
    else if (entry->what == DEGREE) unit->degree = true;
    else if (entry->what == GENERIC) unit->generic = true;
    else if (entry->what < PERCENT) unit->dims[entry->what] = (int8_t)(unit->dims[entry->what] + exponent);
    else
        for (size_t i = 0; i < sizeof COMPOSITES / sizeof *COMPOSITES; i++)
            for (int d = 0; d < 8 && COMPOSITES[i].what == entry->what; d++)
                unit->dims[d] = (int8_t)(unit->dims[d] + exponent * COMPOSITES[i].dims[d]);
    int64_t num = power(exponent < 0 ? entry->den : entry->num, exponent < 0 ? -exponent : exponent);
    int64_t den = power(exponent < 0 ? entry->num : entry->den, exponent < 0 ? -exponent : exponent);
    if (num > INT64_MAX / 4 / unit->num || den > INT64_MAX / 4 / unit->den) return false;
    unit->num *= num;
    unit->den *= den;
    unit->ten = (int16_t)(unit->ten + entry->ten * exponent);
    return true;
}

// Exponent written after a unit at text[*i]: ^2, ^{2}, ^{-1}; 1 when there is none.
static int exponent_at(const char *text, size_t len, size_t *i) {
    size_t j = *i;
    int sign = 1;
    while (j < len && text[j] == ' ') j++;
    if (j >= len || text[j] != '^') return 1;
    for (j++; j < len && (text[j] == ' ' || text[j] == '{' || text[j] == '-'); j++)
        if (text[j] == '-') sign = -1;
    if (j >= len || text[j] < '1' || text[j] > '4') return 0;
    int n = text[j++] - '0';
    while (j < len && (text[j] == ' ' || text[j] == '}')) j++;
    *i = j;
    return sign * n;
}

// "degrees Celsius" is the label celsius, as 25^\circ\text{C} is: no factor leads from one scale to the other.
static size_t before_scale(const char *text, size_t len) {
    size_t first = strcspn(text, " "), rest = first + strspn(text + first, " ");
    if (rest >= len || !words_in(text, first, "degree|degrees|deg")) return 0;
    return words_in(text + rest, len - rest, "celsius|fahrenheit|c|f") ? rest : 0;
}

// Words after a number that make it another number: halves, hundredths, squared, negative. To drop them as a noun would
// pay 12 for "12 halves", so a label may not hold them. An ordinal counts only as the last word: "12 tenth graders".
static bool changes_number(const char *word, size_t len, bool last) {
    static const char ANYWHERE[] = "half|halve|halves|halved|quarters|thirds|k|bn|mn|mil|mill|lac|lacs|lakhs|crores|"
        "score|gross|squared|cubed|factorial|double|doubled|triple|tripled|quadruple|quadrupled|twice|thrice|fold|"
        "inverse|inverted|reciprocal|conjugate|repeating|recurring|negative|negated|opposite|never|untrue|void|nil|"
        "null|none|nothing|ths|base|basis|myriad|ish|approx|circa|almost|nearly|barely|one|two|three|four|five|six|"
        "seven|eight|nine|ten|without|logarithm|permille|ppm";
    static const char ORDINALS[] = "four|fif|six|seven|eigh|nin|ten|eleven|twelf|thirteen|fourteen|fifteen|sixteen|"
        "seventeen|eighteen|nineteen|twentie|thirtie|fortie|fiftie|sixtie|seventie|eightie|ninetie|hundred|thousand|"
        "million|billion|trillion";
    for (size_t i = len; i > 0; i--)
        if (word[i - 1] == '-') return changes_number(word + i, len - i, last); // ten-thousandths
    if (words_in(word, len, ANYWHERE) || (last && words_in(word, len, "third|quarter|square|cube|zero"))) return true;
    bool one = len > 2 && words_equal(word + len - 2, 2, "th");
    if (len > 3 && words_equal(word + len - 3, 3, "ths")) return words_in(word, len - 3, ORDINALS);
    return one && last && words_in(word, len - 2, ORDINALS);
}

static bool is_label(const char *text, size_t len) { // nouns only
    size_t words = 0;
    for (size_t i = 0; i < len;) {
        size_t k = 0;
        while (i + k < len && (is_alpha(text[i + k]) || text[i + k] == '-' || text[i + k] == '\'')) k++;
        if (k) {
            words++;
            if (words_hedge(text + i, k) || words_equal(text + i, k, "and")) return false;
            if (changes_number(text + i, k, i + k == len)) return false;
        } else if (text[i] == '.' && i + 1 < len) return false;
        else if (text[i] != ' ' && text[i] != '.') return false;
        i += k ? k : 1;
    }
    return words >= 1 && words <= 4;
}

static bool read_known(const char *text, size_t len, bool roman, Unit *unit, int64_t *scale) {
    int sign = 1, pending = 1;    // pending: exponent from "square", "cubic"
    const UnitEntry *last = NULL; // which "squared" would raise
    bool any = false;
    for (size_t i = 0; i < len;) {
        size_t k = 0;
        while (i + k < len && (is_alpha(text[i + k]) || text[i + k] == '%')) k++;
        const char *word = text + i;
        if (!k) {
            if (text[i] == '/') sign = -1;
            else if (text[i] == '\\' && i + 1 < len && text[i + 1] == ',') i++;
            else if (len - i > 5 && !memcmp(text + i, "\\cdot", 5)) i += 4;
            else if (!strchr(" .*{}~", text[i])) return false;
            i++;
            continue;
        }
        i += k;
        if (words_in(word, k, "per|an|a")) {
            sign = -1;
            continue;
        }
        if (words_in(word, k, "square|sq")) pending = 2;
        else if (words_in(word, k, "cubic|cu")) pending = 3;
        else if (last && words_in(word, k, "squared|cubed")) { // meters squared
            if (!multiply(unit, last, sign * (to_lower(*word) == 's' ? 1 : 2))) return false;
            last = NULL;
        }
        else if (!any && scale_word(word, k)) *scale *= scale_word(word, k);
        else if (words_equal(word, k, "of") && i == len) continue;
        else {
            const UnitEntry *entry = find(word, k);
            int exponent = exponent_at(text, len, &i);
            if (!entry || !exponent || (k == 1 && !roman && !any && *word != '%')) return false;
            if (!multiply(unit, entry, sign * pending * exponent)) return false;
            last = entry;
            any = true;
            pending = 1;
        }
    }
    return pending == 1 && (any || *scale != 1); // not "12 squared", not "12 per"
}

bool unit_parse(const char *text, size_t len, bool roman, Unit *unit, int64_t *scale) {
    *unit = (Unit){.num = 1, .den = 1};
    *scale = 1;
    while (len && (*text == ' ' || *text == '~')) text++, len--;
    while (len && strchr(" .,~", text[len - 1])) len--;
    if (!len) return false;
    size_t scale_name = before_scale(text, len);
    if (!scale_name && read_known(text, len, roman, unit, scale)) return true;
    *unit = (Unit){.num = 1, .den = 1};
    *scale = 1;
    size_t first = strcspn(text, " ");
    if (first < len && scale_word(text, first)) *scale = scale_word(text, first), text += first, len -= first;
    while (len && *text == ' ') text++, len--;
    text += scale_name, len -= scale_name;
    if (scale_name && len == 1) {
        *unit = unit_label(to_lower(*text) == 'c' ? "celsius" : "fahrenheit");
        return true;
    }
    if (!is_label(text, len) || len == 1) return false; // 12 k, 12 M
    unit->label = text;
    unit->label_len = (uint32_t)len;
    return true;
}

Unit unit_dollar(void) { return (Unit){.num = 1, .den = 1, .dims = {[MONEY] = 1}}; }
Unit unit_degree(void) { return (Unit){.num = 1, .den = 1, .degree = true}; }
Unit unit_percent(void) { return (Unit){.num = 1, .den = 1, .percent = true}; }
Unit unit_label(const char *label) {
    return (Unit){.num = 1, .den = 1, .label = label, .label_len = (uint32_t)strlen(label)};
}

bool unit_same_dimension(const Unit *a, const Unit *b) {
    return !memcmp(a->dims, b->dims, sizeof a->dims) && a->percent == b->percent && a->degree == b->degree;
}
