// Which bytes are judged: every step of the extraction order, and what stops it.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "verify/extract.h"

#include <string.h>

// Pieces joined by '|', "" for no answer.
static void finds(const char *response, bool fallback, const char *want) {
    Extract found = extract_answer(response, strlen(response), fallback);
    char have[256] = "";
    for (int i = 0; i < found.count; i++) {
        if (i) strcat(have, "|");
        strncat(have, response + found.part[i].begin, found.part[i].end - found.part[i].begin);
    }
    if (strcmp(have, want)) fail_msg("%s: found '%s' by %s, expected '%s'", response, have, found.rule, want);
    assert_true(found.span.begin <= found.span.end && found.span.end <= strlen(response));
}

static void boxes(void **state) {
    (void)state;
    finds("so \\boxed{5}.", false, "5");
    finds("\\boxed{\\{1,3\\}}", false, "\\{1,3\\}");
    finds("\\boxed{\\frac{1}{2}} and more", false, "\\frac{1}{2}");
    finds("\\boxed 9 and", false, "9");
    finds("\\boxed\\pi", false, "\\pi");
    finds("\\fbox{8}", false, "8");
    finds("\\\\boxed{7}", false, "7");
    finds("\\boxed{x = \\boxed{5}}", false, "x = \\boxed{5}");
    finds("\\boxed{7}. No, that was wrong: \\boxed{9}", false, "9");
    finds("stray } brace { \\boxed{3}", false, "3");
}

static void runs_of_boxes(void **state) {
    (void)state;
    finds("\\boxed{1}, \\boxed{2} and \\boxed{5}", false, "1|2|5");
    finds("$\\boxed{1}$\n\\[ \\boxed{2} \\]", false, "1|2");
    finds("$x=\\boxed{1}$ and $y_2 = \\boxed{4}$", false, "1|4");
    finds("\\boxed{10} is what we get, so \\boxed{10}", false, "10");
    finds("\\boxed{6} or \\boxed{6}", false, "6");
    finds("\\boxed{5} and not \\boxed{6}", false, "6");
    finds("\\boxed{1} papers and \\boxed{2} bins", false, "1|2");
    finds("\\boxed{(3,3)} \\text{ for part (a) and } \\boxed{(1,1)}", false, "(3,3)|(1,1)");
    finds("\\boxed{1} is wrong and \\boxed{2}", false, "2");
    finds("\\boxed{1}. Then we add and \\boxed{2}", false, "2");
    finds("- \\boxed{1}\n- \\boxed{2}", false, "1|2");
    finds("\\boxed{3} + \\boxed{4} = \\boxed{7}", false, "7");
}

static void no_answer(void **state) {
    (void)state;
    finds("", true, "");
    finds("The total is \\boxed{12", true, "");
    finds("I put it within \\boxed{}. 42", true, "");
    finds("\\boxed{ }", true, "");
    finds("the total is 17", false, "");
    finds("<think>\\boxed{3}</think> hm", false, "");
    finds("\\boxed{9} and then \\boxed{10", false, "9"); // the open one is dropped
}

static void markers(void **state) {
    (void)state;
    finds("<think>\\boxed{3}</think>\\boxed{4}", false, "4");
    finds("<answer> 7 </answer>", false, "7");
    finds("#### 1\n#### 1,234\n", false, "1,234");
    finds("**Answer: 42**", false, "42");
    finds("The answer is 3.", false, "3");
    finds("The answer is 2.5. I hope it is correct.", false, "2.5");
    finds("Answer: 3\nWait.\nAnswer: 4", false, "4");
    finds("**Final Answer**\n\n$5$", false, "$5$");
    finds("Final Answer: The largest $n$ is 34.", false, "34");
    finds("Answer: \\[\n5\n\\]", false, "5");
    finds("answers are hard", false, "");
    finds("\\boxed{255}\nFinal Answer: The final answer is $10,455$. I hope it is correct.", false, "10,455");
    finds("The final answer is $3$. I hope it is correct. Or \\boxed{4}", false, "4");
}

static void fallback(void **state) {
    (void)state;
    finds("We add 8 and 9, so the total is 17.", true, "17");
    finds("Solving gives $(x,y)=(3,-1)$.", true, "(x,y)=(3,-1)");
    finds("He pays $4 and $6 so $10", true, "10");
    finds("28 percent", true, "28 percent");
    finds("-1 + exp(16)", true, "-1 + exp(16)");
    finds("The probability is 1/2.", true, "1/2");
    finds("Answer: Jane started 3 hours ago", true, "3");
    finds("Answer: one of 3 and 4", true, "one of 3 and 4");
    finds("Because B is valid", true, "B");
    finds("A. Because option B fails", true, "A");
    finds("A cat or B or C", true, ""); // two letters name nothing
    finds("$$x=2.$$ So it rose by 100%", true, "100%");
    finds("With $x>0$ fixed. So there are 12 of them in all, as was to be shown above.", true, "12");
}

static void bytes(void **state) {
    (void)state;
    static const char NUL[] = "a\0b\\boxed{5\0}\0", CUT[] = "\\boxed{5}";
    Extract found = extract_answer(NUL, sizeof NUL - 1, false);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.part[0].end - found.part[0].begin, 2);
    for (size_t len = 0; len < sizeof CUT - 1; len++) assert_int_equal(extract_answer(CUT, len, false).count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(boxes),     cmocka_unit_test(runs_of_boxes),
                                       cmocka_unit_test(no_answer), cmocka_unit_test(markers),
                                       cmocka_unit_test(fallback),  cmocka_unit_test(bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
