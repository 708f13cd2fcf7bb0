// Random texts for the tokenizer tests, drawn as dev/reference/make_tokenizers.py draws them.
#ifndef TESTS_MODEL_TOKENIZER_TOKENIZER_TEXTS_H
#define TESTS_MODEL_TOKENIZER_TOKENIZER_TEXTS_H
#include <cjson/cJSON.h>
#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

typedef struct Draws {
    uint64_t state;
} Draws;

static inline Draws draws_of(uint64_t seed) { return (Draws){(seed + 1) * 0x9e3779b97f4a7c15u}; }

static inline int draw(Draws *draws, int n) {
    draws->state = draws->state * 6364136223846793005u + 1442695040888963407u;
    return (int)((draws->state >> 33) % (uint64_t)n);
}

static inline int random_rune(Draws *draws, int number, const cJSON *blocks) {
    if (number % 4 == 0) return draw(draws, 256);
    if (number % 4 == 1) return draw(draws, 4) ? 33 + draw(draws, 94) : " \n\t\r"[draw(draws, 4)];
    const cJSON *block = cJSON_GetArrayItem(blocks, draw(draws, cJSON_GetArraySize(blocks)));
    int low = block->child->valueint, high = block->child->next->valueint;
    return low + draw(draws, high - low + 1);
}

// writes random text number `number` and returns its bytes; blocks and pieces are those of cases.json
static inline size_t random_text(int number, const cJSON *blocks, const cJSON *pieces, char out[1024]) {
    Draws draws = draws_of((uint64_t)number);
    size_t n = 0;
    for (int left = draw(&draws, 24); left > 0; left--) {
        if (number % 4 < 3)
            n += (size_t)utf8proc_encode_char(random_rune(&draws, number, blocks), (utf8proc_uint8_t *)out + n);
        else {
            const char *piece = cJSON_GetArrayItem(pieces, draw(&draws, cJSON_GetArraySize(pieces)))->valuestring;
            memcpy(out + n, piece, strlen(piece));
            n += strlen(piece);
        }
    }
    return n;
}

#endif
