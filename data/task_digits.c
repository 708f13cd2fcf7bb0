// Optional (more tasks): digits: addition by columns, multiplication by partial products, conversion between bases.
//
// Addition writes every column, from the right, as  digit + digit + carry = two digits,  so the carry always follows
// the last '=' and the answer is read backwards. Multiplication adds the partial products from the largest down, so
// each overlaps the running sum in one or two digits.
#include "data/task_kind.h"

static int pose_digits(Random *random, int digits) {
    static const int power[] = {1, 10, 100, 1000, 10000};
    return random_range(random, power[digits - 1], power[digits] - 1);
}

static void add_pose(int level, Random *random, TaskText *prompt) {
    static const int left[TASK_LEVELS] = {2, 2, 3, 3, 4}, right[TASK_LEVELS] = {1, 2, 2, 3, 4};
    int a = pose_digits(random, left[level - 1]), b = pose_digits(random, right[level - 1]);
    text_add(prompt, "a%d+%d=", a, b);
}

static bool add_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    int a, b, sum = 0, power = 1, carry = 0;
    scan_form(&scan, "a%+%=", &a, 0, 9999, &b, 0, 9999);
    for (const char *comma = ""; power == 1 || a > 0 || b > 0; comma = ",") {
        int column = slip_number(slip, a % 10 + b % 10 + carry, 1);
        text_add(steps, "%s%d+%d+%d=%02d", comma, a % 10, b % 10, carry, column);
        carry = column / 10;
        sum += column % 10 * power;
        power *= 10;
        a /= 10;
        b /= 10;
    }
    text_add(answer, "%d", slip_number(slip, sum + carry * power, 1));
    return scan_end(&scan);
}

static void mul_pose(int level, Random *random, TaskText *prompt) {
    static const int left[TASK_LEVELS] = {2, 2, 3, 2, 3};
    int a = pose_digits(random, left[level - 1]);
    int b = level >= 4 ? pose_digits(random, 2) : random_range(random, 2, level == 1 ? 5 : 9);
    text_add(prompt, "p%d*%d=", a, b);
}

static bool mul_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    int a, b, sum = 0;
    scan_form(&scan, "p%*%=", &a, 1, 9999, &b, 1, 99);
    for (int high = 1000; high > 0; high /= 10) {
        for (int low = 10; low > 0; low /= 10) {
            int true_part = a / high % 10 * high * (b / low % 10) * low;
            if (true_part == 0) continue;
            int part = slip_number(slip, true_part, high * low);
            text_add(steps, sum ? "+%d" : "%d", part);
            bool first = sum == 0;
            sum = first ? part : slip_number(slip, sum + part, high * low);
            if (!first) text_add(steps, "=%d", sum);
        }
    }
    text_add(answer, "%d", slip_number(slip, sum, 1));
    return scan_end(&scan);
}

// A level sets the number of digits in the other base, and that base's range; half of the problems go each way.
static void base_pose(int level, Random *random, TaskText *prompt) {
    static const int digits[TASK_LEVELS] = {2, 3, 3, 4, 4}, low[TASK_LEVELS] = {3, 2, 5, 2, 6},
                     high[TASK_LEVELS] = {9, 5, 9, 5, 9};
    int base = random_range(random, low[level - 1], high[level - 1]);
    int value = random_range(random, 1, base - 1), written = value;
    for (int i = 1; i < digits[level - 1]; i++) {
        int digit = random_range(random, 0, base - 1);
        value = value * base + digit;
        written = written * 10 + digit;
    }
    if (random_range(random, 0, 1)) text_add(prompt, "b10:%d>%d=", value, base);
    else text_add(prompt, "b%d:%d>10=", base, written);
}

// value = quotient * base + remainder, until the quotient is a digit: that digit, then the remainders backwards.
static bool base_from_ten(int value, int base, Slip *slip, TaskText *steps, TaskText *answer) {
    int digits[24], count = 0;
    for (const char *comma = ""; value >= base; comma = ",") {
        int quotient = slip_number(slip, value / base, 1);
        int remainder = slip_residue(slip, value % base, base);
        if (quotient == 0 || count == 22) return false;
        text_add(steps, "%s%d=%d*%d+%d", comma, value, quotient, base, remainder);
        digits[count++] = remainder;
        value = quotient;
    }
    text_add(answer, "%d", base == 2 ? value : 1 + slip_residue(slip, value - 1, base - 1)); // never a leading zero
    while (count > 0) text_add(answer, "%d", slip_residue(slip, digits[--count], base));
    return true;
}

// Horner: the running value times the base plus the next digit.
static bool base_to_ten(int written, int base, Slip *slip, TaskText *steps, TaskText *answer) {
    int power = 1;
    while (written / power >= 10) power *= 10;
    int value = written / power;
    if (value >= base) return false;
    text_add(steps, "%d", value);
    for (power /= 10; power > 0; power /= 10) {
        int digit = written / power % 10;
        if (digit >= base) return false;
        int product = slip_number(slip, value * base, 1);
        value = slip_number(slip, product + digit, 1);
        text_add(steps, "*%d=%d+%d=%d", base, product, digit, value);
    }
    text_add(answer, "%d", slip_number(slip, value, 1));
    return true;
}

static bool base_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    int from, written, to;
    scan_form(&scan, "b%:%>%=", &from, 2, 10, &written, 1, 9999, &to, 2, 10);
    if (!scan_end(&scan) || (from == 10) == (to == 10)) return false;
    return to == 10 ? base_to_ten(written, from, slip, steps, answer) : base_from_ten(written, to, slip, steps, answer);
}

const TaskRow task_row_add = {"add", add_pose, add_solve, NULL};
const TaskRow task_row_mul = {"mul", mul_pose, mul_solve, NULL};
const TaskRow task_row_base = {"base", base_pose, base_solve, NULL};
