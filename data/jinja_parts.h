// Optional (chat templates): internal to the interpreter of Jinja (data/jinja.h), whose three files share it.
//
// A value is JSON, or undefined. Values never change, except a namespace; all live until the rendering ends.
// Expressions are evaluated as they are parsed. What Python would not evaluate, such as b in `a or b` where a is true,
// is parsed while `dead` is above 0: then no operation fails and every value is undefined. An error sets `failed` and
// yields undefined, so that evaluation runs to its end without further ado.
#ifndef DATA_JINJA_PARTS_H
#define DATA_JINJA_PARTS_H
#include "data/jinja.h"
#include <stddef.h>

typedef const cJSON *Value;
enum {
    JINJA_NAMESPACE = 1,
    JINJA_ARGUMENTS = 4
}; // valueint of an object that is a namespace; most arguments of a call

typedef struct JinjaVariable {
    const char *name; // (n)
    size_t n;
    int level; // of loops around it
    Value value;
} JinjaVariable;

typedef struct Jinja {
    const char *at, *end; // what is left of the tag
    int dead, depth, level;
    long steps;
    JinjaVariable variables[256];
    int n_variables;
    cJSON **owned; // (n_owned) made during rendering
    size_t n_owned, room;
    bool failed;
    Error *err;
} Jinja;

// data/jinja.c
__attribute__((format(printf, 2, 3))) Value jinja_fail(Jinja *j, const char *format, ...); // undefined
Value jinja_own(Jinja *j, cJSON *made);                                                    // freed at the end
Value jinja_find(const Jinja *j, const char *name, size_t n);
void jinja_set(Jinja *j, const char *name, size_t n, Value value);

// data/jinja_expression.c: they advance j->at.
void jinja_step(Jinja *j); // counts a value or a turn of a loop; fails at the limit
size_t jinja_word(const Jinja *j);               // the length of the identifier there
bool jinja_accept(Jinja *j, const char *symbol); // skips white space and, if it is next, the symbol or word
Value jinja_expression(Jinja *j);
Value jinja_condition(Jinja *j); // without the outer `a if b else c`

// data/jinja_value.c
Value jinja_undefined(void);
bool jinja_is_defined(Value v);
bool jinja_true(Value v);
bool jinja_equal(Value a, Value b);
Value jinja_bool(Jinja *j, bool b);
Value jinja_number(Jinja *j, long n);
Value jinja_text(Jinja *j, const char *text, size_t n);
const char *jinja_printed(Jinja *j, Value v); // as {{ v }} prints it
bool jinja_less(Jinja *j, Value a, Value b);
bool jinja_in(Jinja *j, Value needle, Value in);
Value jinja_binary(Jinja *j, const char *operator, Value a, Value b);
Value jinja_attribute(Jinja *j, Value of, const char *name, size_t n);
Value jinja_item(Jinja *j, Value of, Value key);
Value jinja_slice(Jinja *j, Value of, Value from, Value to, Value step); // undefined: left out
bool jinja_test(Jinja *j, const char *name, size_t n, Value v);
Value jinja_call_filter(Jinja *j, const char *name, size_t n, Value v, const Value *args, int count);
Value jinja_call_method(Jinja *j, const char *name, size_t n, Value v, const Value *args, int count);

#endif
