// Optional (data from files): the question and the gold of a JSON row.
#ifndef DATA_PROBLEMS_ROW_H
#define DATA_PROBLEMS_ROW_H
#include <cjson/cJSON.h>

enum { ROW_PATH_MAX = 4096, ROW_KEY_MAX = 128 };

typedef enum GoldRule { GOLD_PLAIN, GOLD_GSM8K, GOLD_BOXED } GoldRule;

typedef struct RowSource { // FILE[:settings] of data/problems_file.h; an empty key selects the default fields
    char path[ROW_PATH_MAX], question[2][ROW_KEY_MAX], answer[ROW_KEY_MAX];
    GoldRule rule;
} RowSource;

// The text, to be freed, or NULL if the row has none; then *fault says why, unless the field is missing or blank.
char *row_question(const cJSON *row, const RowSource *source, const char **fault);
char *row_gold(const cJSON *row, const RowSource *source, const char **fault);

// The row's text (n bytes) with quotes around every number that a double does not hold digit for digit, to be freed;
// NULL where there is none. Quoted, it is a text like any other.
char *row_quote_numbers(const char *text, size_t n);
#endif
