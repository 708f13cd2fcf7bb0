// Hostile answers end in bounded time with a verdict, and verdicts do not depend on the number of threads.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "verify/verify.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BIG = 400000, THREADS = 64 };
static const double SECONDS = 0.25; // of CPU time a check, sanitizers and slow machines included; measured: below 0.005

typedef struct Buffer {
    char *text;
    size_t len;
} Buffer;

static void add(Buffer *b, const char *piece, size_t times) {
    size_t n = strlen(piece);
    for (size_t i = 0; i < times && b->len + n < BIG; i++, b->len += n) memcpy(b->text + b->len, piece, n);
}

static VerifyVerdict timed(const char *gold, const char *response, size_t len) {
    VerifyPolicy policy = verify_policy_evaluation();
    struct timespec from, to;
    VerifyScratch *scratch = verify_scratch_new();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    VerifyGold *compiled = verify_compile(gold, strlen(gold), &policy);
    VerifyResult result = verify_check(scratch, compiled, response, len);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    if (seconds > SECONDS) fail_msg("%.2f s for gold %s", seconds, gold);
    assert_non_null(result.reason);
    assert_true(result.begin <= result.end && result.end <= len);
    verify_gold_free(compiled);
    verify_scratch_free(scratch);
    return result.verdict;
}

// open * n, middle, close * n in a box.
static VerifyVerdict nested(const char *gold, const char *open, size_t n, const char *middle, const char *close) {
    Buffer b = {malloc(BIG), 0};
    add(&b, "\\boxed{", 1);
    add(&b, open, n);
    add(&b, middle, 1);
    add(&b, close, n);
    add(&b, "}", 1);
    VerifyVerdict verdict = timed(gold, b.text, b.len);
    free(b.text);
    return verdict;
}

static void ten_thousand_levels(void **state) {
    (void)state;
    static const char *const OPEN[] = {"\\frac{1}{", "(", "\\sqrt{", "[", "\\{", "-", "|", "x^", "\\left(", "{",
        "\\sin ", "(1,", "\\text{", "1+(", "a_{", "\\binom{2}{", "f(", "\\lfloor "};
    static const char *const CLOSE[] = {"}", ")", "}", "]", "\\}", "", "|", "", "\\right)", "}", "", ")", "}", ")",
        "}", "}", ")", "\\rfloor"};
    for (size_t i = 0; i < sizeof OPEN / sizeof *OPEN; i++)
        for (size_t n = 40; n <= 10000; n = n * 4 < 10000 ? n * 4 : n + 9000)
            assert_int_not_equal(nested("7", OPEN[i], n, "2", CLOSE[i]), VERIFY_EQUAL);
    Buffer b = {malloc(BIG), 0};
    add(&b, "\\boxed{", 20000);
    assert_int_equal(timed("1", b.text, b.len), VERIFY_NO_ANSWER);
    free(b.text);
}

// What people write stays within the bounds: a LIMIT here would be a right answer refused.
static void depth_that_people_write(void **state) {
    (void)state;
    static const char *const OPEN[] = {"(", "{", "\\left(", "\\sqrt{", "-(-"}, *const CLOSE[] = {")", "}", "\\right)",
                                                                                                 "}", ")"};
    for (size_t i = 0; i < sizeof OPEN / sizeof *OPEN; i++)
        assert_int_equal(nested("1", OPEN[i], 60, "1", CLOSE[i]), VERIFY_EQUAL);
    assert_int_equal(nested("\\frac{2178309}{1346269}", "1+\\frac{1}{", 30, "1", "}"), VERIFY_EQUAL); // Fibonacci
    assert_int_equal(nested("5", "          ", 1000, "5", " "), VERIFY_EQUAL);
    assert_int_equal(nested("x+500", "", 0, "x", "+1"), VERIFY_NOT_EQUAL);
    assert_int_equal(nested("x+500", "1+", 500, "x", ""), VERIFY_EQUAL);
    Buffer up = {malloc(BIG), 0}, down = {malloc(BIG), 0};
    add(&down, "\\boxed{", 1);
    for (int i = 1; i < 500; i++) {
        char item[16];
        snprintf(item, sizeof item, "%d,", i);
        add(&up, item, 1);
        snprintf(item, sizeof item, "%d,", 500 - i);
        add(&down, item, 1);
    }
    up.text[--up.len] = 0;
    down.text[down.len - 1] = '}';
    assert_int_equal(timed(up.text, down.text, down.len), VERIFY_EQUAL);
    free(up.text);
    free(down.text);
}

static void memory_stays(void **state) {
    (void)state;
    static const char *const PAIRS[][2] = {
        {"\\sqrt{12}", "2\\sqrt3"}, {"\\pi", "3.14"},          {"x^2-1", "(x-1)(x+1)"},       {"|x|", "\\sqrt{x^2}"},
        {"20!", "3^{50}"},          {"[1,2]", "1\\le x\\le2"}, {"\\binom{n}{2}", "n(n-1)/2"}, {"\\Gamma", "\\ln 2"}};
    enum { N = sizeof PAIRS / sizeof *PAIRS };
    VerifyPolicy policy = verify_policy_training();
    VerifyScratch *scratch = verify_scratch_new();
    VerifyGold *golds[N];
    char response[64];
    size_t in_use = 0;
    for (size_t i = 0; i < N; i++) golds[i] = verify_compile(PAIRS[i][0], strlen(PAIRS[i][0]), &policy);
    for (int round = 0; round < 400; round++) {
        if (round == 100) in_use = mallinfo2().uordblks; // FLINT has its constants by now
        for (size_t i = 0; i < N; i++) {
            int n = snprintf(response, sizeof response, "\\boxed{%s}", PAIRS[i][1]);
            verify_check(scratch, golds[i], response, (size_t)n);
        }
    }
    assert_true(mallinfo2().uordblks <= in_use + 4096); // a leak of one small piece a check would be 38,400 and more
    for (size_t i = 0; i < N; i++) verify_gold_free(golds[i]);
    verify_scratch_free(scratch);
}

static void huge_numbers(void **state) {
    (void)state;
    static const char *const ANSWERS[] = {"10^{10^{10}}", "9^{9^{9^{9}}}", "((10!)!)!",
        "\\binom{10^{12}}{5\\cdot10^{11}}", "\\sum_{k=1}^{10^{15}} k", "\\frac{5^{5^{5^{5^5}}-4}-5}{16}",
        "2^{2^{2^{2^{2^2}}}}", "1e999999999", "\\sum_{k=1}^{1000}\\sum_{j=1}^{1000} kj", "\\prod_{k=1}^{999} k^k",
        "99999!", "\\sqrt[100000]{2}", "\\sin(10^{100})", "e^{e^{e^{e^{e}}}}", "\\gcd(2^{1000000},3^{1000000})",
        "3^{1300000}/7^{700000}", "1\\pm1\\pm1\\pm1\\pm1\\pm1\\pm1\\pm1\\pm1", "(x+1)^{1000000}",
        "0.\\overline{1234567890123456789}", "\\binom{n}{10^{9}}", "\\lfloor 10^{100000}/7 \\rfloor"};
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        assert_int_not_equal(nested("1", ANSWERS[i], 1, "", ""), VERIFY_EQUAL);
        nested(ANSWERS[i], ANSWERS[i], 1, "+1", "");
    }
    assert_int_equal(nested("10^{10^{10}}", "10^{10^{10}}", 1, "", ""), VERIFY_EQUAL);
    assert_int_equal(nested("1", "1^{10^{10^{10}}}", 1, "", ""), VERIFY_EQUAL);
}

static void long_and_odd_bytes(void **state) {
    (void)state;
    Buffer b = {malloc(BIG), 0};
    static const char *const SPAM[] = {"9", "answer is 2. ", "$", "\\(", "1,", "\\boxed{1}", "\\boxed{", "<answer>",
        "}", "\xff", "\xc2\xb2", "#### ", "1 ", "\\text{ or }", "is ", "$1$ ", "\\\\boxed{3} "};
    for (size_t i = 0; i < sizeof SPAM / sizeof *SPAM; i++)
        for (int boxed = 0; boxed < 2; boxed++) {
            b.len = 0;
            add(&b, boxed ? "\\boxed{" : "", 1);
            add(&b, SPAM[i], 200000 / strlen(SPAM[i]));
            add(&b, boxed ? "}" : "", 1);
            timed("7", b.text, b.len);
        }
    char digits[3000];
    memset(digits, '7', sizeof digits - 1);
    digits[sizeof digits - 1] = 0;
    assert_int_equal(nested(digits, digits, 1, "", ""), VERIFY_EQUAL);
    digits[1500] = '8';
    char other[3000];
    memset(other, '7', sizeof other - 1);
    other[sizeof other - 1] = 0;
    assert_int_equal(nested(digits, other, 1, "", ""), VERIFY_NOT_EQUAL);
    static const char NUL_INSIDE[] = "\\boxed{1\0002}", AFTER[] = "\\boxed{7}\0\\boxed{8}";
    assert_int_not_equal(timed("12", NUL_INSIDE, sizeof NUL_INSIDE - 1), VERIFY_EQUAL);
    assert_int_equal(timed("8", AFTER, sizeof AFTER - 1), VERIFY_EQUAL); // text after a NUL counts
    free(b.text);
}

// ---- threads ----

typedef struct Work {
    const VerifyGold *const *golds;
    char *const *responses;
    const size_t *lengths;
    VerifyVerdict *verdicts; // (count)
    size_t count;
} Work;

static void *judge_all(void *argument) {
    Work *work = argument;
    VerifyScratch *scratch = verify_scratch_new();
    for (size_t i = 0; i < work->count; i++)
        work->verdicts[i] = verify_check(scratch, work->golds[i], work->responses[i], work->lengths[i]).verdict;
    verify_scratch_free(scratch);
    return NULL;
}

static void same_verdicts_with_64_threads(void **state) {
    (void)state;
    static const char *const ANSWERS[] = {"18", "\\frac34", "0.75", "2\\sqrt3", "\\sqrt{12}", "x^2-1", "(x-1)(x+1)",
        "\\sin 2x", "2\\sin x\\cos x", "[1,2]", "1\\le x\\le2", "\\{1,2\\}", "2,1", "10^{10^{10}}", "\\text{ellipse}",
        "n!/(n-2)!", "n(n-1)", "3\\text{ hours}", "180\\text{ minutes}", "\\pi/4", "45^\\circ", "e^{i\\pi}", "-1",
        "y=2x+1", "2x-y=-1", "0.\\overline{3}", "1/3", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"};
    enum { N = sizeof ANSWERS / sizeof *ANSWERS };
    VerifyPolicy policy = verify_policy_training();
    const VerifyGold *golds[N * N];
    char *responses[N * N];
    size_t lengths[N * N];
    for (size_t i = 0; i < N * N; i++) {
        golds[i] = i % N ? golds[i - 1] : verify_compile(ANSWERS[i / N], strlen(ANSWERS[i / N]), &policy);
        responses[i] = malloc(128);
        lengths[i] = (size_t)snprintf(responses[i], 128, "so \\boxed{%s}", ANSWERS[i % N]);
    }
    VerifyVerdict *verdicts = calloc((THREADS + 1) * N * N, sizeof *verdicts);
    Work work[THREADS + 1];
    pthread_t threads[THREADS];
    for (size_t t = 0; t <= THREADS; t++) work[t] = (Work){golds, responses, lengths, verdicts + t * N * N, N * N};
    judge_all(&work[THREADS]); // alone first
    for (size_t t = 0; t < THREADS; t++) assert_int_equal(pthread_create(&threads[t], NULL, judge_all, &work[t]), 0);
    for (size_t t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
    size_t equal = 0;
    for (size_t i = 0; i < N * N; i++) equal += verdicts[THREADS * N * N + i] == VERIFY_EQUAL;
    assert_int_equal(equal, N + 2 * 12); // each itself, and twelve equal pairs both ways
    for (size_t t = 0; t < THREADS; t++)
        assert_memory_equal(verdicts + t * N * N, verdicts + THREADS * N * N, N * N * sizeof *verdicts);
    for (size_t i = 0; i < N * N; i++) {
        if (i % N == 0) verify_gold_free((VerifyGold *)golds[i]);
        free(responses[i]);
    }
    free(verdicts);
}

// The seeds of the fuzz target, gold and response around a zero byte, among them inputs that once wrote out of bounds:
// under the sanitizers each is a test of memory. Judging twice must give the same verdict.
static void fuzz_seeds(void **state) {
    (void)state;
    DIR *folder = opendir("tests/verify/corpus");
    assert_non_null(folder);
    VerifyScratch *scratch = verify_scratch_new();
    VerifyPolicy policy = verify_policy_evaluation();
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[512], *text = malloc(4096);
        snprintf(path, sizeof path, "tests/verify/corpus/%s", entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        size_t len = file ? fread(text, 1, 4096, file) : 0;
        const char *zero = memchr(text, 0, len);
        size_t gold_len = zero ? (size_t)(zero - text) : len, rest = zero ? gold_len + 1 : 0;
        VerifyGold *gold = verify_compile(text, gold_len, &policy);
        VerifyVerdict verdict = verify_check(scratch, gold, text + rest, len - rest).verdict;
        assert_int_equal(verify_check(scratch, gold, text + rest, len - rest).verdict, verdict);
        count += len > 0;
        verify_gold_free(gold);
        free(text);
        if (file) fclose(file);
    }
    closedir(folder);
    verify_scratch_free(scratch);
    assert_true(count > 80);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_levels), cmocka_unit_test(depth_that_people_write),
        cmocka_unit_test(memory_stays),        cmocka_unit_test(huge_numbers),
        cmocka_unit_test(long_and_odd_bytes),  cmocka_unit_test(same_verdicts_with_64_threads),
        cmocka_unit_test(fuzz_seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
