// Optional (more tasks): the greatest common divisor and linear equations.
//
// Euclid's algorithm by subtraction, larger minus smaller until both are equal: a subtraction goes digit by digit,
// while a remainder of two-digit numbers is a table of thousands of entries. Problems are built backwards from (1, 1)
// by the inverse steps and multiplied by g >= 2, which bounds the number of steps.
#include "data/task_kind.h"

enum { EUCLID_MAX = 6 }; // steps: at most 5 in a problem, and one more by a slip

static void gcd_pose(int level, Random *random, TaskText *prompt) {
    static const int largest[TASK_LEVELS] = {99, 99, 200, 400, 999};
    static const int low[TASK_LEVELS] = {1, 2, 3, 3, 4}, high[TASK_LEVELS] = {3, 5, 5, 5, 5};
    int a = 1, b = 1;
    for (int steps = random_range(random, low[level - 1], high[level - 1]); steps > 0; steps--) {
        if (random_range(random, 0, 1)) a += b;
        else b += a;
    }
    int g = random_range(random, 2, largest[level - 1] / (a > b ? a : b));
    text_add(prompt, "g%d,%d=", a * g, b * g);
}

static bool gcd_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    int a, b;
    scan_form(&scan, "g%,%=", &a, 1, 999, &b, 1, 999);
    if (!scan_end(&scan) || a == b) return false;
    const char *comma = "";
    for (int i = 0; a != b; i++, comma = ",") {
        if (i == EUCLID_MAX) return false;
        int larger = a > b ? a : b, smaller = a > b ? b : a;
        int difference = slip_number(slip, larger - smaller, 1);
        if (difference <= 0) return false;
        text_add(steps, "%s%d-%d=%d", comma, larger, smaller, difference);
        a = smaller;
        b = difference;
    }
    text_add(answer, "%d", slip_number(slip, a, 1));
    return slip->at >= 0 || a >= 2;
}

static int pose_sign(Random *random) { return random_range(random, 0, 1) ? 1 : -1; }

// Up to level 3 a x + b = d; from level 4 a x + b = c x + d with a > c.
static void linear_pose(int level, Random *random, TaskText *prompt) {
    static const int x_high[TASK_LEVELS] = {9, 9, 20, 9, 12}, a_high[TASK_LEVELS] = {5, 9, 9, 9, 9},
                     b_high[TASK_LEVELS] = {9, 20, 50, 9, 30};
    int i = level - 1, x = random_range(random, 1, x_high[i]);
    if (level == 5) x *= pose_sign(random);
    int a = random_range(random, level < 4 ? 2 : 3, a_high[i]);
    int c = level < 4 ? 0 : random_range(random, 2, a - 1);
    int b = 0, d = 0;
    while (b == 0 || d == 0 || (level < 4 && d < 0)) {
        b = random_range(random, 1, b_high[i]);
        b *= pose_sign(random);
        d = (a - c) * x + b;
    }
    text_add(prompt, "l%dx%+d=", a, b);
    if (c) text_add(prompt, "%dx%+d?", c, d);
    else text_add(prompt, "%d?", d);
}

static int scan_signed(Scan *scan, int high) {
    int sign = scan_one_of(scan, "+-") == '-' ? -1 : 1;
    return sign * scan_number(scan, 1, high);
}

static bool linear_solve(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer) {
    Scan scan = {prompt, true};
    int a, c = 0, d;
    scan_form(&scan, "l%x", &a, 2, 9);
    int b = scan_signed(&scan, 99);
    scan_form(&scan, "=%", &d, 1, 999);
    if (scan_is(&scan, 'x')) {
        c = d;
        d = scan_signed(&scan, 999);
    }
    scan_form(&scan, "?");
    if (!scan_end(&scan) || c >= a || c > 9 || (d - b) % (a - c) != 0) return false;
    int divisor = a - c;
    int right = slip_number(slip, d - b, divisor); // off by a multiple, so the division stays exact
    text_add(steps, "%d%+d=%d,", d, -b, right);
    if (c) text_add(steps, "%d-%d=%d,", a, c, divisor);
    int x = slip_number(slip, right / divisor, 1);
    text_add(steps, "%d/%d=%d", right, divisor, x);
    text_add(answer, "%d", slip_number(slip, x, 1));
    return true;
}

const TaskRow task_row_gcd = {"gcd", gcd_pose, gcd_solve, NULL};
const TaskRow task_row_linear = {"linear", linear_pose, linear_solve, NULL};
