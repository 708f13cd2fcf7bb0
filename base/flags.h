// Command-line flags from one table: parsing, and what base/flags_text.h makes of it, all read it.
#ifndef BASE_FLAGS_H
#define BASE_FLAGS_H
#include "base/check.h"
#include <stddef.h>

typedef enum FlagType { FLAG_INT, FLAG_LONG, FLAG_FLOAT, FLAG_TEXT, FLAG_CHOICE, FLAG_SWITCH } FlagType;
enum { FLAG_TEXT_SIZE = 1024 };

typedef struct Flag {
    const char *name;     // "rollouts" is --rollouts N; NULL: a heading in --help
    FlagType type;        // the field is int, long long, double, char[FLAG_TEXT_SIZE], int (a choice's value), bool
    size_t field;         // its offset in the config struct
    const char *standard; // default, as it would be typed
    double low, high;     // range of numbers
    const char *(*word)(int value); // FLAG_CHOICE: the word for each value from 0 on, NULL beyond the last
    const char *help;
} Flag;

typedef struct FlagTable {
    const Flag *flags;
    int count;
} FlagTable;

// Rows of a table, for a struct that the includer names by #define FLAG_CONFIG.
#define HEADING(text)                             {.help = text}
#define FLAG_ROW(name, type, field, standard, ...) {name, type, offsetof(FLAG_CONFIG, field), standard, __VA_ARGS__}
#define INT_FLAG(name, field, standard, low, high, help)                                                               \
    FLAG_ROW(name, FLAG_INT, field, standard, low, high, NULL, help)
#define LONG_FLAG(name, field, standard, low, high, help)                                                              \
    FLAG_ROW(name, FLAG_LONG, field, standard, low, high, NULL, help)
#define FLOAT_FLAG(name, field, standard, low, high, help)                                                             \
    FLAG_ROW(name, FLAG_FLOAT, field, standard, low, high, NULL, help)
#define TEXT_FLAG(name, field, standard, help) FLAG_ROW(name, FLAG_TEXT, field, standard, 0, 0, NULL, help)
#define CHOICE_FLAG(name, field, standard, word, help) FLAG_ROW(name, FLAG_CHOICE, field, standard, 0, 0, word, help)
#define SWITCH_FLAG(name, field, help) FLAG_ROW(name, FLAG_SWITCH, field, "no", 0, 0, NULL, help)

// Defines the `word` of a choice: FLAG_WORDS(mean_word, [MEAN_TOKEN] = "token", [MEAN_PROMPT] = "prompt").
#define FLAG_WORDS(function, ...)                                                                                      \
    static const char *function(int value) {                                                                           \
        static const char *const words[] = {__VA_ARGS__};                                                              \
        return value >= 0 && value < (int)(sizeof words / sizeof *words) ? words[value] : NULL;                        \
    }

// Fills config from the defaults, then from the files that --config names, then from argv. An unknown flag and a value
// that is missing, malformed or out of range are errors that name the flag and what it takes; the last of several
// counts. False with the reason in err.
bool flags_parse(const FlagTable *table, void *config, int argc, char **argv, Error *err);

bool flag_set(const Flag *flag, void *config, const char *text, Error *err); // one value, as typed
const Flag *flags_find(const FlagTable *table, const char *name, size_t n);  // by the n bytes of its name, or NULL

#endif
