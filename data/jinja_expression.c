// Optional (chat templates): Jinja's expressions, evaluated as they are parsed. From the loosest to the tightest:
//
//   a if b else c    or    and    not    == != < <= > >= in    + -    ~    * // %    - (sign)    | is    . [ (
#include "data/jinja_parts.h"
#include <string.h>

enum { DEPTH_MAX = 50, STEPS_MAX = 100000 };

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void skip_space(Jinja *j) {
    while (j->at < j->end && strchr(" \t\r\n", *j->at)) j->at++;
}

size_t jinja_word(const Jinja *j) {
    const char *at = j->at;
    if (at < j->end && *at >= '0' && *at <= '9') return 0;
    while (at < j->end && is_word_char(*at)) at++;
    return (size_t)(at - j->at);
}

bool jinja_accept(Jinja *j, const char *symbol) {
    size_t n = strlen(symbol);
    skip_space(j);
    if ((size_t)(j->end - j->at) < n || memcmp(j->at, symbol, n) != 0) return false;
    if (is_word_char(*symbol) && jinja_word(j) != n) return false;
    j->at += n;
    return true;
}

static bool next_is(Jinja *j, const char *symbol) {
    const char *at = j->at;
    bool found = jinja_accept(j, symbol);
    j->at = at;
    return found;
}

static void expect(Jinja *j, const char *symbol) {
    if (!jinja_accept(j, symbol)) jinja_fail(j, "\"%s\" is missing at \"%.*s\"", symbol, 20, j->at);
}

// The end of the text that begins at the quote, or NULL.
static const char *text_end(const char *at, const char *end) {
    char quote = *at;
    for (at++; at < end && *at != quote; at++)
        if (*at == '\\') at++;
    return at < end ? at : NULL;
}

// A text, or several in a row, which are one.
static Value text_literal(Jinja *j) {
    char *text = malloc((size_t)(j->end - j->at) + 1), *to = text;
    static const char escapes[] = "ntr\\'\"", meanings[] = "\n\t\r\\'\"";
    REQUIRE(text, "out of memory");
    while (next_is(j, "'") || next_is(j, "\"")) {
        skip_space(j);
        const char *end = text_end(j->at, j->end);
        if (!end) return free(text), jinja_fail(j, "a text without its end");
        for (const char *at = j->at + 1; at < end; at++) {
            const char *escape = *at == '\\' ? strchr(escapes, at[1]) : NULL;
            if (*at == '\\' && !escape) jinja_fail(j, "the escape \\%c", at[1]);
            *to++ = escape ? meanings[escape - escapes] : *at;
            at += *at == '\\';
        }
        j->at = end + 1;
    }
    Value v = jinja_text(j, text, (size_t)(to - text));
    free(text);
    return v;
}

static Value number_literal(Jinja *j) {
    long n = 0;
    for (; j->at < j->end && *j->at >= '0' && *j->at <= '9' && n < 1000000000; j->at++) n = 10 * n + (*j->at - '0');
    if (j->at < j->end && (is_word_char(*j->at) || *j->at == '.')) return jinja_fail(j, "a number that is not whole");
    return jinja_number(j, n);
}

// [a, b] or (a, b), which may be (a), up to `close`
static Value list_literal(Jinja *j, const char *close) {
    cJSON *list = cJSON_CreateArray();
    Value made = jinja_own(j, list), item = made;
    bool comma = true;
    while (comma && !j->failed && !next_is(j, close)) {
        item = jinja_expression(j);
        cJSON_AddItemToArray(list, cJSON_Duplicate(item, true));
        comma = jinja_accept(j, ",");
    }
    expect(j, close);
    bool in_parentheses = *close == ')' && !comma && cJSON_GetArraySize(list) == 1;
    return in_parentheses ? item : made;
}

static Value dict_literal(Jinja *j) {
    cJSON *dict = cJSON_CreateObject();
    while (!j->failed && !next_is(j, "}")) {
        Value key = jinja_expression(j);
        expect(j, ":");
        Value item = jinja_expression(j);
        if (!cJSON_IsString(key) && !j->dead) jinja_fail(j, "a key that is not a text");
        if (cJSON_IsString(key)) {
            cJSON_DeleteItemFromObjectCaseSensitive(dict, key->valuestring);
            cJSON_AddItemToObject(dict, key->valuestring, cJSON_Duplicate(item, true));
        }
        if (!jinja_accept(j, ",")) break;
    }
    expect(j, "}");
    return jinja_own(j, dict);
}

// The arguments of a call, after its "("; those with a name go into `named` (NULL: there may be none).
static int arguments(Jinja *j, Value *args, cJSON *named) {
    int count = 0;
    while (!j->failed && !next_is(j, ")")) {
        skip_space(j);
        const char *name = j->at;
        size_t n = jinja_word(j);
        j->at += n;
        if (n && n < 60 && jinja_accept(j, "=") && !next_is(j, "=")) {
            char key[64];
            snprintf(key, sizeof key, "%.*s", (int)n, name);
            Value v = jinja_expression(j);
            if (!named)
                jinja_fail(j, "the argument %s=", key);
            else
                cJSON_AddItemToObject(named, key, cJSON_Duplicate(v, true));
        } else {
            j->at = name;
            if (count == JINJA_ARGUMENTS) return jinja_fail(j, "more than %d arguments", JINJA_ARGUMENTS), 0;
            args[count++] = jinja_expression(j);
        }
        if (!jinja_accept(j, ",")) break;
    }
    expect(j, ")");
    return count;
}

static Value call_function(Jinja *j, const char *name, size_t n) {
    Value args[JINJA_ARGUMENTS];
    cJSON *named = cJSON_CreateObject();
    int count = arguments(j, args, named);
    Value result = jinja_own(j, named);
    if (j->dead || j->failed) return jinja_undefined();
    bool no_names = !named->child;
    if (n == 9 && memcmp(name, "namespace", n) == 0 && count == 0) return named->valueint = JINJA_NAMESPACE, result;
    if (n == 15 && memcmp(name, "raise_exception", n) == 0 && count == 1 && cJSON_IsString(args[0]))
        return jinja_fail(j, "it refuses this chat: %.100s", args[0]->valuestring);
    bool range = n == 5 && memcmp(name, "range", n) == 0 && no_names && (count == 1 || count == 2);
    for (int i = 0; range && i < count; i++) range = cJSON_IsNumber(args[i]);
    int from = range && count == 2 ? args[0]->valueint : 0, to = range ? args[count - 1]->valueint : 0;
    if (!range || to - from > 10000) return jinja_fail(j, "the function %.*s, with these arguments", (int)n, name);
    cJSON *list = cJSON_CreateArray();
    for (int i = from; i < to; i++) cJSON_AddItemToArray(list, cJSON_CreateNumber(i));
    return jinja_own(j, list);
}

static Value name_or_call(Jinja *j) {
    static const char *const constants[] = {"true", "True", "false", "False", "none", "None"};
    for (int i = 0; i < 6; i++)
        if (jinja_accept(j, constants[i])) return i < 4 ? jinja_bool(j, i < 2) : jinja_own(j, cJSON_CreateNull());
    const char *name = j->at;
    size_t n = jinja_word(j);
    if (n == 0) return jinja_fail(j, "a value is missing at \"%.*s\"", 20, name);
    j->at += n;
    return jinja_accept(j, "(") ? call_function(j, name, n) : jinja_find(j, name, n);
}

void jinja_step(Jinja *j) {
    if (++j->steps <= STEPS_MAX) return;
    j->dead = 0; // this fails in any case
    jinja_fail(j, "more than %d steps", STEPS_MAX);
}

static Value primary(Jinja *j) {
    jinja_step(j);
    skip_space(j);
    char c = j->at < j->end ? *j->at : 0;
    if (c == '\'' || c == '"') return text_literal(j);
    if (c >= '0' && c <= '9') return number_literal(j);
    if (jinja_accept(j, "(")) return list_literal(j, ")");
    if (jinja_accept(j, "[")) return list_literal(j, "]");
    if (jinja_accept(j, "{")) return dict_literal(j);
    return name_or_call(j);
}

// After "[": an index, or a slice a:b:c with parts left out.
static Value subscript(Jinja *j, Value of) {
    Value part[3] = {jinja_undefined(), jinja_undefined(), jinja_undefined()};
    int colons = 0;
    while (!j->failed && !next_is(j, "]")) {
        if (!next_is(j, ":")) part[colons] = jinja_expression(j);
        if (colons == 2 || !jinja_accept(j, ":")) break;
        colons++;
    }
    expect(j, "]");
    if (j->dead || j->failed) return jinja_undefined();
    return colons ? jinja_slice(j, of, part[0], part[1], part[2]) : jinja_item(j, of, part[0]);
}

static Value member(Jinja *j, Value of) {
    Value args[JINJA_ARGUMENTS];
    skip_space(j);
    const char *name = j->at;
    size_t n = jinja_word(j);
    j->at += n;
    if (n == 0) return jinja_fail(j, "a name is missing after \".\"");
    if (!jinja_accept(j, "(")) return j->dead ? of : jinja_attribute(j, of, name, n);
    int count = arguments(j, args, NULL);
    return j->dead || j->failed ? jinja_undefined() : jinja_call_method(j, name, n, of, args, count);
}

static Value filter(Jinja *j, Value v) {
    Value args[JINJA_ARGUMENTS];
    skip_space(j);
    const char *name = j->at;
    size_t n = jinja_word(j);
    j->at += n;
    int count = jinja_accept(j, "(") ? arguments(j, args, NULL) : 0;
    return j->dead || j->failed ? jinja_undefined() : jinja_call_filter(j, name, n, v, args, count);
}

static Value test(Jinja *j, Value v) {
    bool negated = jinja_accept(j, "not");
    skip_space(j);
    const char *name = j->at;
    size_t n = jinja_word(j);
    j->at += n;
    if (next_is(j, "(")) return jinja_fail(j, "the test %.*s", (int)n, name);
    return j->dead ? v : jinja_bool(j, jinja_test(j, name, n, v) != negated);
}

static Value unary(Jinja *j) {
    bool minus = jinja_accept(j, "-");
    Value v = primary(j);
    while (!j->failed) {
        if (jinja_accept(j, "."))
            v = member(j, v);
        else if (jinja_accept(j, "["))
            v = subscript(j, v);
        else
            break;
    }
    if (minus && !j->dead) v = jinja_binary(j, "-", jinja_number(j, 0), v);
    while (!j->failed) {
        if (jinja_accept(j, "|"))
            v = filter(j, v);
        else if (jinja_accept(j, "is"))
            v = test(j, v);
        else
            return v;
    }
    return v;
}

// Left-associative operators of one level.
static Value chain(Jinja *j, const char *const *operators, Value (*operand)(Jinja *)) {
    Value v = operand(j);
    for (int i = 0; !j->failed && operators[i];) {
        if (!jinja_accept(j, operators[i])) {
            i++;
            continue;
        }
        Value right = operand(j);
        v = j->dead || j->failed ? jinja_undefined() : jinja_binary(j, operators[i], v, right);
        i = 0;
    }
    return v;
}

static Value product(Jinja *j) {
    static const char *const operators[] = {"*", "//", "%", NULL};
    return chain(j, operators, unary);
}
static Value concatenation(Jinja *j) { return chain(j, (const char *const[]){"~", NULL}, product); }
static Value sum(Jinja *j) { return chain(j, (const char *const[]){"+", "-", NULL}, concatenation); }

static Value comparison(Jinja *j) {
    static const char *const operators[] = {"==", "!=", "<=", ">=", "<", ">", "in", "not"};
    Value a = sum(j);
    int op = 0;
    while (op < 8 && !jinja_accept(j, operators[op])) op++;
    if (op == 8 || j->failed) return a;
    if (op == 7) expect(j, "in");
    Value b = sum(j);
    for (int i = 0; i < 8; i++)
        if (next_is(j, operators[i])) return jinja_fail(j, "comparisons in a row");
    if (j->dead || j->failed) return jinja_undefined();
    bool r = op < 2 ? jinja_equal(a, b) == (op == 0) : op >= 6 ? jinja_in(j, a, b) == (op == 6) : false;
    if (op == 2 || op == 5) r = jinja_less(j, b, a) == (op == 5); // a <= b, a > b
    if (op == 3 || op == 4) r = jinja_less(j, a, b) == (op == 4); // a >= b, a < b
    return jinja_bool(j, r);
}

static Value negation(Jinja *j) {
    if (!jinja_accept(j, "not")) return comparison(j);
    if (++j->depth > DEPTH_MAX) return jinja_fail(j, "an expression nested too deeply");
    Value v = negation(j);
    j->depth--;
    return j->dead ? v : jinja_bool(j, !jinja_true(v));
}

// `a and b` is a where a is false, else b; `a or b` is a where a is true. The other is not evaluated.
static Value either(Jinja *j, const char *word, bool stops_at, Value (*operand)(Jinja *)) {
    Value v = operand(j);
    while (!j->failed && jinja_accept(j, word)) {
        bool decided = !j->dead && jinja_true(v) == stops_at;
        j->dead += decided;
        Value right = operand(j);
        j->dead -= decided;
        if (!decided) v = right;
    }
    return v;
}

static Value conjunction(Jinja *j) { return either(j, "and", false, negation); }

Value jinja_condition(Jinja *j) {
    if (++j->depth > DEPTH_MAX) return jinja_fail(j, "an expression nested too deeply");
    Value v = either(j, "or", true, conjunction);
    j->depth--;
    return v;
}

// Whether `if` follows the expression at j->at, before anything that ends it.
static bool has_if(const Jinja *j) {
    Jinja scan = *j;
    int open = 0;
    for (; scan.at < scan.end; scan.at++) {
        char c = *scan.at;
        size_t n = jinja_word(&scan);
        if (n == 2 && open == 0 && memcmp(scan.at, "if", 2) == 0) return true;
        if (n == 4 && open == 0 && memcmp(scan.at, "else", 4) == 0) return false;
        if (n)
            scan.at += n - 1;
        else if (c == '\'' || c == '"')
            scan.at = text_end(scan.at, scan.end);
        else if (strchr("([{", c))
            open++;
        else if ((strchr(")]}", c) && open-- == 0) || (open == 0 && strchr(",:", c)))
            return false;
        if (!scan.at) return false;
    }
    return false;
}

Value jinja_expression(Jinja *j) {
    if (++j->depth > DEPTH_MAX) return jinja_fail(j, "an expression nested too deeply");
    const char *start = j->at;
    Value v;
    if (!has_if(j)) {
        v = jinja_condition(j);
    } else { // the condition comes after the value and decides whether it is evaluated
        j->dead++;
        jinja_condition(j);
        j->dead--;
        expect(j, "if");
        bool yes = jinja_true(jinja_condition(j));
        const char *after = j->at;
        j->at = start;
        v = yes && !j->failed ? jinja_condition(j) : jinja_undefined();
        j->at = after;
        j->dead += yes;
        Value otherwise = jinja_accept(j, "else") ? jinja_expression(j) : jinja_undefined();
        j->dead -= yes;
        if (!yes) v = otherwise;
    }
    j->depth--;
    return v;
}
