// Tasks of a running value: chain sums, sums modulo m, serial arithmetic modulo m.
//
// A step is  value op operand = value,  and its value is the left side of the next step, so a step is an operator, a
// digit, '=' and one look-up. serial has a prime m and operands 1..m-1: every operation is then invertible, and the
// answer depends on all steps.
#include "data/task_kind.h"

static int modulo(int value, int modulus) { return ((value % modulus) + modulus) % modulus; }

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

static bool chain_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    scan_expect(&scan, 'c');
    int value = scan_number(&scan, 1, 99);
    text_add(steps, "%d", value);
    for (int i = 0; i < 6 && (i < 2 || *scan.at != '='); i++) {
        char op = scan_one_of(&scan, "+-");
        int operand = scan_number(&scan, 1, 9);
        value = slip_number(slip, apply(value, op, operand), 1);
        text_add(steps, "%c%d=%d", op, operand, value);
    }
    scan_expect(&scan, '=');
    text_add(answer, "%d", slip_number(slip, value, 1));
    return scan_end(&scan);
}

static int pose_modulus(int level, Random *random, int smallest_of_three) {
    static const int moduli[] = {5, 7, 9};
    return moduli[random_range(random, 0, level < smallest_of_three ? 1 : 2)];
}

static void mod_pose(int level, Random *random, TaskText *prompt) {
    int m = pose_modulus(level, random, 3);
    text_add(prompt, "m%d:", m);
    for (int i = 0; i < level + 3; i++) text_add(prompt, "%d", random_range(random, 0, m - 1));
    text_add(prompt, "=");
}

static bool mod_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    scan_expect(&scan, 'm');
    int m = scan_number(&scan, 2, 9), value = 0;
    scan_expect(&scan, ':');
    for (int i = 0; i < 8 && (i < 2 || *scan.at != '='); i++) {
        int digit = scan_one_of(&scan, "0123456789") - '0';
        if (digit >= m) return false;
        value = slip_residue(slip, (value + digit) % m, m);
        text_add(steps, "%d", value);
    }
    scan_expect(&scan, '=');
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
    scan_expect(&scan, 's');
    int m = scan_number(&scan, 2, 9);
    scan_expect(&scan, ':');
    int value = scan_number(&scan, 0, m - 1);
    text_add(steps, "%d", value);
    for (int i = 0; i < 6 && (i < 2 || *scan.at != '='); i++) {
        char op = scan_one_of(&scan, "+-*");
        int operand = scan_number(&scan, 0, m - 1);
        value = slip_residue(slip, modulo(apply(value, op, operand), m), m);
        text_add(steps, "%c%d=%d", op, operand, value);
    }
    scan_expect(&scan, '=');
    text_add(answer, "%d", slip_residue(slip, value, m));
    return scan_end(&scan);
}

const TaskRow task_row_chain = {"chain", 'c', chain_pose, chain_solve, NULL};
const TaskRow task_row_mod = {"mod", 'm', mod_pose, mod_solve, NULL};
const TaskRow task_row_serial = {"serial", 's', serial_pose, serial_solve, NULL};
