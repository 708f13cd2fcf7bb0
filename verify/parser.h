// Optional (math answers from data sets): the state that parse*.c share.
//
// Every parse_* function returns NULL after setting p->failed; callers pass that on.
#ifndef VERIFY_PARSER_H
#define VERIFY_PARSER_H
#include "verify/parse.h"
#include "verify/words.h"

typedef struct Parser {
    Exact *exact;
    NodePool *pool;
    Token *t;      // next token; a T_END follows the last
    int depth;
    struct Scope { // of the innermost bracket
        int bars;     // open absolute values
        bool builder; // directly inside \{ \}, where | and : divide
        bool right;   // after the first sign of a relation
    } scope;
    bool failed, limit;
    uint32_t steps;
} Parser;

enum { ITEMS = 64 }; // children gathered on the stack before a longer list moves to the pool

// A growing list of children.
typedef struct Items {
    const Node **at;
    uint32_t count, room;
    const Node *first[ITEMS];
} Items;

const Node *parse_fail(Parser *p);
bool parse_enter(Parser *p); // one call deeper, one more step; false (failed, limit) past the bounds
void parse_leave(Parser *p);
bool items_start(Parser *p, Items *items, const Node *first); // the list of one; false when the parser failed
bool items_add(Parser *p, Items *items, const Node *n);

bool at_symbol(const Parser *p, char symbol);
bool at_command(const Parser *p, const char *names); // one of "cup|cap"
bool at_word(const Parser *p, const char *words); // token_word
bool accept_symbol(Parser *p, char symbol);
bool accept_command(Parser *p, const char *names);

// parse_statement.c
const Node *parse_statement(Parser *p); // lists and relations, up to a closing bracket or the end
const Node *parse_relation(Parser *p);
bool at_separator(const Parser *p);
bool at_condition(const Token *t); // (k\in\mathbb{Z}) after an answer
bool at_domain(const Token *t); // "for all n\ge1" up to the end
bool at_new_statement(const Parser *p); // "x=2" of "x=1 \quad x=2" and "x=1 x=2", which is no product 1x
bool at_modulus(const Token *t);   // (mod
int half_day(const Token *t, int *used); // 1 a.m., 2 p.m., else 0; the tokens it takes
// parse_measure.c
const Node *parse_measure(Parser *p); // sum with a unit
const Node *parse_degree(Parser *p, const Node *value); // after the degree sign
bool accept_currency(Parser *p, Unit *unit);            // a sign or word before an amount
// parse_expression.c
const Node *parse_sum(Parser *p);
const Node *parse_factor(Parser *p);  // sign and power
const Node *parse_argument_run(Parser *p); // what follows \sin without brackets: "2x" in \sin 2x \cos x
bool starts_factor(const Parser *p);
// parse_atom.c
const Node *parse_atom(Parser *p);
const Node *parse_group(Parser *p);    // {...}
bool skip_argument(Parser *p); // a balanced group or one token; false at the end of the text
bool accept_prime(Parser *p);          // ' or ^\prime
bool at_norm(const Token *t);          // \|
const Node *parse_bracketed(Parser *p); // after the opening bracket token, which is consumed here
const char *spelling_until(Parser *p, const Token *from, const Token *to, size_t *len); // without blanks or braces
const Node *name_until(Parser *p, const Token *from, Token *to); // a name of that spelling, consumed
// Appends "_x" when a subscript follows; false when it has no text or no room.
bool add_subscript(Parser *p, char *name, size_t *len, size_t room);
// parse_number.c
const Node *parse_number(Parser *p);
const Node *parse_point(Parser *p); // ".\overline{3}"; like the next three NULL, nothing consumed, when it is none
// parse_base.c
const Node *parse_based(Parser *p, const Token *head); // 204_5, head consumed
const Node *parse_letter_digits(Parser *p);            // A3_{16}
const Node *parse_bracketed_digits(Parser *p);         // (204)_5
// parse_command.c
const Node *parse_command(Parser *p);
const Node *parse_tex_argument(Parser *p, bool one_digit); // a group or one token
const Node *parse_function(Parser *p, int fn);             // arguments of a known function, the name consumed
int function_by_name(const char *name, size_t len);        // FN_* or -1
const Node *parse_environment(Parser *p);                  // parse_matrix.c: after \begin

#endif
