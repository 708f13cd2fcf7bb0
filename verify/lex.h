// Optional (math answers from data sets): tokens of an answer. Style is dropped here.
//
//   "\left(\dfrac{1}{2},\,3\right)"  ->  ( \frac { 1 } { 2 } , 3 )
//   "5{,}306{,}112", "28,491", "5\,306\,112", "1 000"  ->  one number each
//   "\text{ or }"  ->  TEXT " or "        "\textbf{12}"  ->  12        "\mathrm{e}"  ->  e
#ifndef VERIFY_LEX_H
#define VERIFY_LEX_H
#include "verify/node_pool.h"

#include <stdint.h>

enum { LEX_TOKENS = 4096 };

typedef enum LexKind {
    T_END,
    T_NUMBER,  // digits, perhaps one point; separators of thousands removed
    T_WORD,    // a run of ASCII letters
    T_COMMAND, // \name, without the backslash
    T_TEXT,    // words of a text group
    T_SYMBOL,  // one character; an escaped brace comes as a command "{" or "}"
} LexKind;

typedef struct Token {
    LexKind kind;
    bool space;   // blanks before it
    bool wide;    // \quad or \qquad before it
    bool display; // T_COMMAND between \left or \right and its delimiter; T_WORD from \mathrm and the like
    char symbol;  // T_SYMBOL
    uint32_t len;
    const char *text; // spelling; not NUL-terminated
} Token;

typedef struct Tokens {
    Token *at;
    uint32_t count;   // without the T_END that follows the last
    bool too_many;    // past LEX_TOKENS or out of memory
    bool grouped;     // some number was joined across plain commas
} Tokens;

// text is ASCII (unicode_to_tex) and outlives the tokens. group: read "1,234" as one number outside brackets.
Tokens lex(NodePool *pool, const char *text, size_t len, bool group);

static inline bool is_word(const Token *token) { return token->kind == T_WORD || token->kind == T_TEXT; }
static inline bool token_symbol(const Token *token, char symbol) {
    return token->kind == T_SYMBOL && token->symbol == symbol;
}
bool token_is(const Token *token, LexKind kind, const char *spelling);
// The index among "and|or" of a word or text without the blanks around it, ignoring case; -1 when absent.
int token_place(const Token *token, const char *words);
static inline bool token_word(const Token *token, const char *words) { return token_place(token, words) >= 0; }
bool is_command(const Token *token, const char *names); // a command with one of the names, "cup|cap"
// The same tokens, spaces aside.
bool tokens_equal(const Tokens *a, const Tokens *b);

#endif
