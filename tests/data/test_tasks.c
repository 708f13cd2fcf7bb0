// Every task at every level: golds against a second computation, the teacher against the check.
#include "data/task_kind.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "tests/data/task_prompts.h"

enum { MANY = 2000 };

static TaskSpec cell(int kind, int level) {
    char text[40];
    snprintf(text, sizeof text, "%s@%d", task_name((TaskKind)kind), level);
    return spec_of(text);
}

// ---- the golds, computed a second time --------------------------------------------------------------------------

static int run_left_to_right(const char *at, int modulus) {
    int value = (int)strtol(at, (char **)&at, 10);
    while (*at != '=') {
        char op = *at++;
        int operand = (int)strtol(at, (char **)&at, 10);
        value = op == '+' ? value + operand : op == '-' ? value - operand : value * operand;
        if (modulus) value = ((value % modulus) + modulus) % modulus;
    }
    return value;
}

static int digit_sum(const char *at, int modulus) {
    int sum = 0;
    for (; *at != '='; at++) sum += *at - '0';
    return sum % modulus;
}

static int euclid(int a, int b) { return b ? euclid(b, a % b) : a; }

static bool solves_linear(const char *prompt, int x) {
    int a, b, c, d;
    if (sscanf(prompt, "l%dx%d=%dx%d?", &a, &b, &c, &d) == 4) return a * x + b == c * x + d;
    return sscanf(prompt, "l%dx%d=%d?", &a, &b, &d) == 3 && a * x + b == d;
}

static bool same_in_base(const char *prompt, const char *gold) {
    int from, to;
    char written[16];
    if (sscanf(prompt, "b%d:%15[0-9]>%d=", &from, written, &to) != 3 || (from == 10) == (to == 10)) return false;
    return strtol(written, NULL, from) == strtol(gold, NULL, to);
}

static bool gold_is_right(const TaskProblem *p) {
    int a, b, gold = (int)strtol(p->gold, NULL, 10);
    char response[32];
    snprintf(response, sizeof response, "#%s", p->gold);
    switch (p->kind) {
    case TASK_CHAIN:
        return gold == run_left_to_right(p->prompt + 1, 0);
    case TASK_MOD:
        return gold == digit_sum(p->prompt + 3, p->prompt[1] - '0');
    case TASK_SERIAL:
        return gold == run_left_to_right(p->prompt + 3, p->prompt[1] - '0');
    case TASK_ADD:
        return sscanf(p->prompt, "a%d+%d=", &a, &b) == 2 && gold == a + b;
    case TASK_MUL:
        return sscanf(p->prompt, "p%d*%d=", &a, &b) == 2 && gold == a * b;
    case TASK_GCD:
        return sscanf(p->prompt, "g%d,%d=", &a, &b) == 2 && gold == euclid(a, b) && gold >= 2;
    case TASK_LINEAR:
        return solves_linear(p->prompt, gold);
    case TASK_BASE:
        return same_in_base(p->prompt, p->gold);
    case TASK_COUNTDOWN: // the gold is one of many: the response must state it
        return right(p, response);
    default:
        fail_msg("task %s has no second computation of its answer here", task_name(p->kind));
    }
    return false;
}

static void assert_in_alphabet(const char *text, bool used[256]) {
    for (; *text; text++) {
        if (*text != TASK_END && !strchr(TASK_CHARACTERS, *text)) fail_msg("character %d in %s", *text, text);
        used[(unsigned char)*text] = true;
    }
}

static void try_problem(const TaskSpec *spec, uint64_t index, bool used[256]) {
    char out[TASK_RESPONSE_MAX + 1];
    TaskProblem problem, again;
    task_problem(&problem, spec, 7, index);
    assert_true(gold_is_right(&problem));
    assert_in_alphabet(problem.prompt, used);
    assert_true(strlen(problem.prompt) <= TASK_PROMPT_MAX);
    assert_true(strchr("=?", problem.prompt[strlen(problem.prompt) - 1]) != NULL);
    again = from_prompt(problem.prompt);
    assert_int_equal(again.kind, problem.kind);
    assert_string_equal(again.gold, problem.gold);
    for (int form = 0; form < 4; form++) {
        bool worked = form & 1, errs = form & 2;
        int length = task_response(&problem, worked, errs ? 1.0 : 0.0, 11, index, out, sizeof out);
        assert_int_equal(length, strlen(out));
        assert_true(length <= TASK_RESPONSE_MAX && out[length - 1] == TASK_END);
        assert_in_alphabet(out, used);
        assert_int_equal(task_is_worked(out, (size_t)length), worked);
        if (right(&problem, out) == errs) fail_msg("%s judged %d: %s", problem.prompt, !errs, out);
    }
}

static void test_every_task_and_level(void **state) {
    (void)state;
    bool used[256] = {false};
    for (int kind = 0; kind < TASK_KINDS; kind++) {
        for (int level = 1; level <= TASK_LEVELS; level++) {
            TaskSpec spec = cell(kind, level);
            for (uint64_t index = 0; index < MANY; index++) try_problem(&spec, index, used);
        }
    }
    for (const char *c = TASK_CHARACTERS; *c; c++) assert_true(used[(unsigned char)*c]); // none is carried for nothing
}

// Higher levels take more work: the mean length of the worked response grows strictly, and so does that of prompts.
static void test_levels_get_harder(void **state) {
    (void)state;
    char out[TASK_RESPONSE_MAX + 1];
    for (int kind = 0; kind < TASK_KINDS; kind++) {
        double prompts = 0, works = 0;
        for (int level = 1; level <= TASK_LEVELS; level++) {
            TaskSpec spec = cell(kind, level);
            double prompt = 0, work = 0;
            for (uint64_t index = 0; index < MANY; index++) {
                TaskProblem problem;
                task_problem(&problem, &spec, 3, index);
                assert_int_equal(problem.level, level);
                prompt += (double)strlen(problem.prompt) / MANY;
                work += (double)task_response(&problem, true, 0, 1, 0, out, sizeof out) / MANY;
            }
            if (!(work > works && prompt >= prompts)) fail_msg("%s@%d is no harder", task_name((TaskKind)kind), level);
            works = work;
            prompts = prompt;
        }
    }
}

static void test_worked_forms(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"c57+4-9+8=", "57+4=61-9=52+8=60#60\n"},
        {"m7:3462=", "3061#1\n"},
        {"s7:3+4*2-1=", "3+4=0*2=0-1=6#6\n"},
        {"a47+85=", "7+5+0=12,4+8+1=13#132\n"},
        {"p47*6=", "240+42=282#282\n"},
        {"g48,36=", "48-36=12,36-12=24,24-12=12#12\n"},
        {"l3x+4=19?", "19-4=15,15/3=5#5\n"},
        {"l7x-13=2x+22?", "22+13=35,7-2=5,35/5=7#7\n"},
        {"b10:73>5=", "73=14*5+3,14=2*5+4#243\n"},
        {"b5:243>10=", "2*5=10+4=14*5=70+3=73#73\n"},
        {"d3,4,7:25=", "3*7=21,21+4=25#3*7+4\n"},
    };
    char out[TASK_RESPONSE_MAX + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TaskProblem problem = from_prompt(cases[i][0]);
        task_response(&problem, true, 0, 0, 0, out, sizeof out);
        assert_string_equal(out, cases[i][1]);
    }
}

static void test_error_rate(void **state) {
    (void)state;
    TaskSpec spec = spec_of("all");
    char out[TASK_RESPONSE_MAX + 1];
    int wrong = 0, n = 20000;
    for (int i = 0; i < n; i++) {
        TaskProblem problem;
        task_problem(&problem, &spec, 1, (uint64_t)i);
        task_response(&problem, i & 1, 0.3, 5, (uint64_t)i, out, sizeof out);
        wrong += !right(&problem, out);
    }
    double share = (double)wrong / n; // standard deviation 0.0032
    assert_true(share > 0.285 && share < 0.315);
}

// The same arguments give the same bytes; another seed, index or draw gives others.
static void test_determinism(void **state) {
    (void)state;
    TaskSpec spec = spec_of("all@3-5");
    char first[TASK_RESPONSE_MAX + 1], second[TASK_RESPONSE_MAX + 1];
    int other_seed = 0, other_index = 0, other_draw = 0;
    for (uint64_t index = 0; index < 500; index++) {
        TaskProblem a, b, c, d;
        task_problem(&a, &spec, 1, index);
        task_problem(&b, &spec, 1, index);
        task_problem(&c, &spec, 2, index);
        task_problem(&d, &spec, 1, index + 500);
        assert_memory_equal(&a, &b, sizeof a);
        other_seed += strcmp(a.prompt, c.prompt) != 0;
        other_index += strcmp(a.prompt, d.prompt) != 0;
        task_response(&a, true, 1, 9, 4, first, sizeof first);
        task_response(&b, true, 1, 9, 4, second, sizeof second);
        assert_string_equal(first, second);
        task_response(&b, true, 1, 9, 5, second, sizeof second);
        other_draw += strcmp(first, second) != 0;
    }
    assert_true(other_seed > 490 && other_index > 490 && other_draw > 300);
}

// The seed alone determines the pool and the teacher, so no order of evaluation that C leaves open may matter. The sum
// was the same with gcc and clang, with and without optimisation.
static void test_known_answers(void **state) {
    (void)state;
    static const char *const known[][3] = {{"serial@3", "s7:2*1+4*3-3=", "2*1=2+4=6*3=4-3=1#1\n"},
                                           {"add@3", "a173+63=", "3+3+0=16,7+6+1=14,1+0+1=02#246\n"},
                                           {"linear@3", "l9x-33=93?", "93+33=126,126/9=14#14\n"},
                                           {"countdown@3", "d8,5,14:17=", "8+14=22,22-5=17#8+14-5\n"}};
    TaskProblem problem;
    char response[TASK_RESPONSE_MAX + 1];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        TaskSpec spec = spec_of(known[i][0]);
        task_problem(&problem, &spec, 1, 0);
        task_response(&problem, true, 0.5, 1, 1, response, sizeof response);
        assert_string_equal(problem.prompt, known[i][1]);
        assert_string_equal(response, known[i][2]);
    }
    TaskSpec all = spec_of("all");
    uint64_t sum = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < 5000; i++) {
        task_problem(&problem, &all, 1, i);
        task_response(&problem, i % 2, 0.3, 1, i, response, sizeof response);
        for (const char *at = problem.prompt; *at; at++) sum = (sum ^ (unsigned char)*at) * 0x100000001b3u;
        for (const char *at = response; *at; at++) sum = (sum ^ (unsigned char)*at) * 0x100000001b3u;
    }
    assert_true(sum == 0xd91046afd4b1b43fu);
}

static void test_spec(void **state) {
    (void)state;
    TaskSpec spec = spec_of("serial@3");
    for (int kind = 0; kind < TASK_KINDS; kind++) assert_int_equal(spec.on[kind], kind == TASK_SERIAL);
    assert_int_equal(spec.level_low[TASK_SERIAL], 3);
    assert_int_equal(spec.level_high[TASK_SERIAL], 3);
    spec = spec_of("chain,gcd@2-4");
    assert_true(spec.on[TASK_CHAIN] && spec.on[TASK_GCD] && !spec.on[TASK_ADD]);
    assert_int_equal(spec.level_high[TASK_CHAIN], TASK_LEVELS);
    assert_int_equal(spec.level_low[TASK_GCD], 2);
    assert_int_equal(spec.level_high[TASK_GCD], 4);
    spec = spec_of("all@1-2");
    for (int kind = 0; kind < TASK_KINDS; kind++) assert_true(spec.on[kind] && spec.level_high[kind] == 2);
    static const char *const bad[][2] = {
        {"", "task:"},          {"chains", "chains"},       {"chain,", "task:"},   {"chain@0", "chain@0"},
        {"chain@6", "chain@6"}, {"chain@", "chain@"},       {"chain@3-1", "@3-1"}, {"chain@1-", "@1-"},
        {"chain@12", "@12"},    {"gcd,chain,gcd", "twice"}, {"all,add", "twice"},  {"@3", "@3"},
        {"chain@1-6", "@1-6"},  {"chain gcd", "chain gcd"}, {"chain@1:3", "@1:3"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Error err = {0};
        assert_false(task_spec_parse(bad[i][0], &spec, &err));
        if (!strstr(err.text, bad[i][1])) fail_msg("%s: %s", bad[i][0], err.text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_and_level), cmocka_unit_test(test_levels_get_harder),
        cmocka_unit_test(test_worked_forms),         cmocka_unit_test(test_error_rate),
        cmocka_unit_test(test_determinism),          cmocka_unit_test(test_spec),
        cmocka_unit_test(test_known_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
