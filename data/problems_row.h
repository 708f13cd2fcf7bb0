// Inside the file loader: which texts of a JSON row are the question and the gold.
#ifndef DATA_PROBLEMS_ROW_H
#define DATA_PROBLEMS_ROW_H
#include <cjson/cJSON.h>

enum { ROW_KEY_MAX = 64 };

typedef enum GoldRule { GOLD_PLAIN, GOLD_GSM8K, GOLD_BOXED } GoldRule;

typedef struct RowKeys { // as data/problems.h explains them; an empty key means its defaults
    char question[2][ROW_KEY_MAX], answer[ROW_KEY_MAX];
    GoldRule rule;
} RowKeys;

// The question or the gold of a row, to be freed; NULL where the row has none.
char *row_question(const cJSON *row, const RowKeys *keys);
char *row_gold(const cJSON *row, const RowKeys *keys);
#endif
