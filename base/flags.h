// Command-line flags from one table: parsing, --help, the start-up print and the copy in metrics.jsonl all come from it.
#ifndef BASE_FLAGS_H
#define BASE_FLAGS_H
#include "base/check.h"
#include <cjson/cJSON.h>
#include <stddef.h>

typedef enum FlagType { FLAG_INT, FLAG_LONG, FLAG_FLOAT, FLAG_TEXT, FLAG_CHOICE, FLAG_SWITCH } FlagType;
enum { FLAG_TEXT_SIZE = 1024 };

typedef struct Flag {
    const char *name;     // "rollouts" is --rollouts N; NULL: a heading in --help
    FlagType type;        // the field is int, long long, double, char[FLAG_TEXT_SIZE], int (index of the choice), bool
    size_t field;         // offsetof in the config struct
    const char *standard; // default, as it would be typed; NULL: must be given
    double low, high;     // range of numbers
    const char *choices;  // "uniform|variance|stddev"
    const char *help;
} Flag;

// Fills config from the defaults and then from argv. An unknown flag, a missing or malformed value, or one out of range is
// an error that names the flag and what it takes; of a flag given twice the last one counts. False with the reason in err.
bool flags_parse(const Flag *flags, int count, void *config, int argc, char **argv, Error *err);

void flags_help(const Flag *flags, int count, FILE *out);
void flags_print(const Flag *flags, int count, const void *config, FILE *out); // two columns: name, value
void flags_to_json(const Flag *flags, int count, const void *config, cJSON *object);
const char *flag_choice_name(const Flag *flag, int index, char *buffer, size_t size);

#endif
