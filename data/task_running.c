// Tasks of a running value: chain sums, sums modulo m, serial arithmetic modulo m.
//
// A step is  value op operand = value,  and its value is the left side of the next step, so a step is an operator, a
// digit, '=' and one look-up. serial has a prime m and operands 1..m-1: every operation is then invertible, and the
// answer depends on all steps.
#include "data/task_kind.h"

static int apply(int value, char op, int operand) {
    if (op == '+') return value + operand;
    return op == '-' ? value - operand : value * operand;
}

static void chain_pose(int level, Random *random, TaskText *prompt) {
    static const int first[TASK_LEVELS] = {9, 9, 20, 50, 99};
    int value = random_range(random, 1, first[level - 1]);
    text_add(prompt, "c%d", value);
    for (int i = 0; i <= level; i++) {
        int operand = random_range(random, 1, 9);
        bool minus = random_range(random, 0, 1) == 1 && value >= operand;
        value += minus ? -operand : operand;
        text_add(prompt, "%c%d", minus ? '-' : '+', operand);
    }
    text_add(prompt, "=");
}

// The value after an operation: a number, or with a modulus m > 0 a residue.
static int slip_value(Slip *slip, int value, int m) {
    return m ? slip_residue(slip, ((value % m) + m) % m, m) : slip_number(slip, value, 1);
}

// The steps from the first value on, and the answer; the prompt's operations follow at scan.
static bool solve_running(Scan scan, int value, int m, Slip *slip, TaskText *steps, TaskText *answer) {
    text_add(steps, "%d", value);
    for (int i = 0; i < 6 && (i < 2 || *scan.at != '='); i++) {
        char op = scan_one_of(&scan, m ? "+-*" : "+-");
        int operand = scan_number(&scan, m ? 0 : 1, m ? m - 1 : 9);
        value = slip_value(slip, apply(value, op, operand), m);
        text_add(steps, "%c%d=%d", op, operand, value);
    }
    scan_form(&scan, "=");
    text_add(answer, "%d", slip_value(slip, value, m));
    return scan_end(&scan);
}

static bool chain_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    int value;
    scan_form(&scan, "c%", &value, 1, 99);
    return solve_running(scan, value, 0, slip, steps, answer);
}

static void mod_pose(int level, Random *random, TaskText *prompt) {
    int m = 5 + 2 * random_range(random, 0, level < 3 ? 1 : 2);
    text_add(prompt, "m%d:", m);
    for (int i = 0; i < level + 3; i++) text_add(prompt, "%d", random_range(random, 0, m - 1));
    text_add(prompt, "=");
}

static bool mod_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    int m, value = 0;
    scan_form(&scan, "m%:", &m, 2, 9);
    for (int i = 0; i < 8 && (i < 2 || *scan.at != '='); i++) {
        int digit = scan_one_of(&scan, "0123456789") - '0';
        if (digit >= m) return false;
        value = slip_residue(slip, (value + digit) % m, m);
        text_add(steps, "%d", value);
    }
    scan_form(&scan, "=");
    text_add(answer, "%d", slip_residue(slip, value, m));
    return scan_end(&scan);
}

static void serial_pose(int level, Random *random, TaskText *prompt) {
    int m = level < 3 ? 5 : random_range(random, 0, 1) ? 7 : 5;
    text_add(prompt, "s%d:%d", m, random_range(random, 0, m - 1));
    for (int i = 0; i <= level; i++) {
        int operand = random_range(random, 1, m - 1); // apart: arguments are evaluated in any order
        text_add(prompt, "%c%d", "+-*"[random_range(random, 0, 2)], operand);
    }
    text_add(prompt, "=");
}

static bool serial_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    int m;
    scan_form(&scan, "s%:", &m, 2, 9);
    int value = scan_number(&scan, 0, m - 1);
    return solve_running(scan, value, m, slip, steps, answer);
}

const TaskRow task_row_chain = {"chain", chain_pose, chain_solve, NULL};
const TaskRow task_row_mod = {"mod", mod_pose, mod_solve, NULL};
const TaskRow task_row_serial = {"serial", serial_pose, serial_solve, NULL};
