// Optional (more tasks): countdown, an expression that uses each given number exactly once and equals the target.
//
// The teacher gives the first expression in a fixed search order (all pairs, + - * /, positive whole intermediate
// values), so it follows from the prompt alone. Its error is a wrong operator in one step that keeps the value:
// 3+7=21,21+4=25#3+7+4. The check evaluates any expression exactly over the rationals. Its input is untrusted: every
// number must be an unused one of the prompt, so at most COUNT_MAX numbers up to 99 are combined and 64-bit fractions
// cannot overflow; the depth of parentheses is bounded.
#include "data/task_kind.h"

enum { COUNT_MAX = 4, VALUE_MAX = 9999, DEPTH_MAX = 12 };

typedef struct Numbers {
    int count, value[COUNT_MAX], target;
} Numbers;

typedef struct Combine { // number i op number j; the result replaces i, and the last number replaces j
    int i, j;
    char op;
} Combine;

static bool scan_countdown(const char *prompt, Numbers *numbers) {
    Scan scan = {prompt, true};
    numbers->count = 0;
    scan_form(&scan, "d");
    do {
        if (numbers->count == COUNT_MAX) return false;
        numbers->value[numbers->count++] = scan_number(&scan, 1, 99);
    } while (scan_is(&scan, ','));
    scan_form(&scan, ":%=", &numbers->target, 1, 999);
    return scan_end(&scan) && numbers->count >= 2;
}

// left op right if that is whole, positive and at most VALUE_MAX; otherwise 0.
static int whole(int left, char op, int right) {
    int value = 0;
    if (op == '+') value = left + right;
    else if (op == '-') value = left - right;
    else if (op == '*') value = left * right;
    else if (left % right == 0) value = left / right;
    return value > 0 && value <= VALUE_MAX ? value : 0;
}

static void combine(Numbers *numbers, const Combine *step, int value) {
    numbers->value[step->i] = value;
    numbers->value[step->j] = numbers->value[--numbers->count];
}

// Depth-first search over pairs and operators. writes the steps to the target; false: none. 4 numbers: 3,888 leaves.
static bool search(const Numbers *numbers, Combine *steps) {
    if (numbers->count == 1) return numbers->value[0] == numbers->target;
    for (const char *op = "+-*/"; *op; op++) {
        for (int i = 0; i < numbers->count; i++) {
            for (int j = 0; j < numbers->count; j++) {
                bool mirrored = i > j && (*op == '+' || *op == '*');
                int value = i == j || mirrored ? 0 : whole(numbers->value[i], *op, numbers->value[j]);
                if (value == 0) continue;
                Numbers rest = *numbers;
                *steps = (Combine){i, j, *op};
                combine(&rest, steps, value);
                if (search(&rest, steps + 1)) return true;
            }
        }
    }
    return false;
}

typedef struct Expression {
    TaskText text;
    int rank; // 0 a number, 1 a product or quotient, 2 a sum or difference
} Expression;

static void join(Expression *left, char op, const Expression *right) {
    int rank = op == '+' || op == '-' ? 2 : 1;
    bool wrap_left = left->rank > rank;
    bool wrap_right = right->rank > rank || (right->rank == rank && (op == '-' || op == '/'));
    Expression all = {.rank = rank};
    text_add(&all.text, wrap_left ? "(%s)" : "%s", left->text.text);
    text_add(&all.text, "%c", op);
    text_add(&all.text, wrap_right ? "(%s)" : "%s", right->text.text);
    *left = all;
}

static bool countdown_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Numbers numbers;
    Combine found[COUNT_MAX];
    Expression expression[COUNT_MAX] = {0};
    if (!scan_countdown(prompt, &numbers) || !search(&numbers, found)) return false;
    for (int i = 0; i < numbers.count; i++) text_add(&expression[i].text, "%d", numbers.value[i]);
    for (int k = 0; numbers.count > 1; k++) {
        Combine *step = &found[k];
        int left = numbers.value[step->i], right = numbers.value[step->j], value = whole(left, step->op, right);
        if (slip_here(slip)) step->op = "+-*/"[random_range(&slip->random, 0, 3)];
        text_add(steps, "%s%d%c%d=%d", k ? "," : "", left, step->op, right, value);
        join(&expression[step->i], step->op, &expression[step->j]);
        combine(&numbers, step, value);
        expression[step->j] = expression[numbers.count];
    }
    text_add(answer, "%s", expression[0].text.text);
    return true;
}

static void countdown_pose(int level, Random *random, TaskText *prompt) {
    static const int counts[TASK_LEVELS] = {2, 3, 3, 4, 4}, high[TASK_LEVELS] = {20, 9, 15, 9, 15},
                     ops[TASK_LEVELS] = {3, 2, 4, 3, 4};
    Numbers numbers = {0}, rest;
    do {
        numbers.count = counts[level - 1];
        for (int i = 0; i < numbers.count; i++) numbers.value[i] = random_range(random, 1, high[level - 1]);
        rest = numbers;
        while (rest.count > 1 && rest.value[0] > 0) {
            Combine step = {.i = 0, .j = random_range(random, 1, rest.count - 1)};
            step.op = "+-*/"[random_range(random, 0, ops[level - 1] - 1)]; // after j: initialisers have no order
            combine(&rest, &step, whole(rest.value[0], step.op, rest.value[step.j]));
        }
    } while (rest.value[0] < 1 || rest.value[0] > 99);
    for (int i = 0; i < numbers.count; i++) text_add(prompt, "%c%d", i ? ',' : 'd', numbers.value[i]);
    text_add(prompt, ":%d=", rest.value[0]);
}

typedef struct Fraction {
    int64_t over, under; // under > 0
} Fraction;

typedef struct Parser {
    Scan scan;
    Numbers left; // the unused numbers
    int depth;
} Parser;

static Fraction parse_number(Parser *parser) {
    int value = scan_number(&parser->scan, 1, 99), i = 0;
    while (i < parser->left.count && parser->left.value[i] != value) i++;
    if (i == parser->left.count) parser->scan.ok = false;
    else parser->left.value[i] = parser->left.value[--parser->left.count];
    return (Fraction){value, 1};
}

static Fraction apply(Parser *parser, Fraction x, char op, Fraction y) {
    if (op == '*') return (Fraction){x.over * y.over, x.under * y.under};
    if (op == '/') {
        if (y.over == 0) parser->scan.ok = false;
        if (!parser->scan.ok) return x;
        int sign = y.over < 0 ? -1 : 1;
        return (Fraction){sign * x.over * y.under, sign * x.under * y.over};
    }
    int64_t right = y.over * x.under;
    return (Fraction){x.over * y.under + (op == '+' ? right : -right), x.under * y.under};
}

static Fraction parse_chain(Parser *parser, bool product);

static Fraction parse_factor(Parser *parser) {
    if (!scan_is(&parser->scan, '(')) return parse_number(parser);
    if (++parser->depth > DEPTH_MAX) parser->scan.ok = false;
    Fraction value = parser->scan.ok ? parse_chain(parser, false) : (Fraction){0, 1};
    if (!scan_is(&parser->scan, ')')) parser->scan.ok = false;
    parser->depth--;
    return value;
}

// A product of factors, or else a sum of products.
static Fraction parse_chain(Parser *parser, bool product) {
    const char *ops = product ? "*/" : "+-";
    Fraction value = product ? parse_factor(parser) : parse_chain(parser, true);
    while (parser->scan.ok) {
        char op = scan_is(&parser->scan, ops[0]) ? ops[0] : scan_is(&parser->scan, ops[1]) ? ops[1] : 0;
        if (!op) break;
        value = apply(parser, value, op, product ? parse_factor(parser) : parse_chain(parser, true));
    }
    return value;
}

static bool countdown_check(const char *prompt, const char *answer, size_t len) {
    char text[128] = ""; // 4 numbers in at most DEPTH_MAX parentheses each have 107 characters
    Parser parser = {.scan = {text, true}};
    if (len >= sizeof text || !scan_countdown(prompt, &parser.left)) return false;
    memcpy(text, answer, len);
    Fraction value = parse_chain(&parser, false);
    bool complete = scan_end(&parser.scan) && parser.scan.at == text + len && parser.left.count == 0;
    return complete && value.over == parser.left.target * value.under;
}

const TaskRow task_row_countdown = {"countdown", countdown_pose, countdown_solve, countdown_check};
