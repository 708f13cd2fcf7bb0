// No rollout is graded against another prompt's gold: shuffled and split over ranks, rollouts keep their prompt's id,
// and a wrong id stops the program.
#include "rl/history.h"
#include "rl/overlong.h"
#include "rl/prompts.h"
#include "rl/reward.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

enum { PROBLEMS = 40, EACH = 6, COUNT = PROBLEMS * EACH };

typedef struct World {
    char folder[64];
    PromptSet set;
    Tokenizer *tokenizer;
    Grader *grader;
    RolloutBatch batch;
} World;

static void open_world(World *w) { // in place: the grader keeps a pointer to the set
    *w = (World){.folder = "/tmp/dynamo-test-reward"};
    TaskSpec spec;
    ProblemSet heldout = {0};
    Error err = {""};
    char characters[] = TASK_CHARACTERS "\n";
    assert_true(task_spec_parse("all", &spec, &err));
    assert_true(problems_from_tasks(&spec, 3, PROBLEMS, 1, false, &w->set.problems, &heldout, &err));
    problems_free(&heldout);
    if (!tokenizer_write_characters(w->folder, characters, NULL, 0, &err)) fail_msg("%s", err.text);
    if (!(w->tokenizer = tokenizer_load(w->folder, &err))) fail_msg("%s", err.text);
    const PromptTemplate verbatim = {.text = PROMPT_SLOT};
    if (!prompts_tokenize(&w->set, w->tokenizer, &verbatim, 0, true, NULL, &err)) fail_msg("%s", err.text);
    w->grader = grader_new(&w->set.problems, true, NULL);
    rollout_batch_plan(&w->batch, 0, COUNT, TASK_RESPONSE_MAX);
    rollout_batch_commit(&w->batch, NULL);
}

static void close_world(World *w) {
    grader_free(w->grader);
    tokenizer_free(w->tokenizer);
    prompts_free(&w->set);
    rollout_batch_free(&w->batch, NULL);
}

// Gives the rollout a response to its prompt: right if its number is even, wrong if it is odd.
static void answer(World *w, Rollout *r) {
    char text[TASK_RESPONSE_MAX + 1];
    Error err;
    const TaskProblem *task = w->set.problems.items[r->prompt].task;
    double wrong = r->number % 2 ? 1.0 : 0.0;
    int n = task_response(task, r->number % 4 < 2, wrong, 5, (uint64_t)r->number, text, sizeof text);
    r->n = tokenizer_encode(w->tokenizer, text, (size_t)n, r->tokens, TASK_RESPONSE_MAX, &err);
    assert_true(r->n > 0);
}

static void test_own_answer_only(void **state) {
    (void)state;
    World w;
    open_world(&w);
    for (int ranks = 1; ranks <= 3; ranks++) {
        w.batch.count = 0;
        for (int i = 0; i < PROBLEMS; i++)
            for (int j = 0; j < EACH; j++) rollout_batch_add(&w.batch, w.set.prompts, i, j, (i * EACH + j) % ranks);
        for (int j = COUNT - 1; j > 0; j--) { // shuffle: the order of the list must not matter
            Rollout *a = &w.batch.rollouts[j], *b = &w.batch.rollouts[(j * 7919 + 13) % (j + 1)], keep = *a;
            *a = *b, *b = keep;
        }
        for (int j = 0; j < COUNT; j++) answer(&w, &w.batch.rollouts[j]);
        for (int rank = ranks - 1; rank >= 0; rank--)
            grade_rollouts(w.grader, w.tokenizer, w.set.prompts, PROBLEMS, w.batch.rollouts, COUNT, rank, 1, -1);
        for (const Rollout *r = w.batch.rollouts; r < w.batch.rollouts + COUNT; r++) {
            assert_int_equal(r->verdict == VERDICT_CORRECT, r->number % 2 == 0);
            assert_true(r->reward == (r->number % 2 == 0 ? 1.0f : -1.0f));
        }
    }
    close_world(&w);
}

// Whether grading after `tamper`, in a child process, is refused (exit status 1).
static bool refuses(World *w, void (*tamper)(World *)) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        fclose(stderr);
        tamper(w);
        grade_rollouts(w->grader, w->tokenizer, w->set.prompts, PROBLEMS, w->batch.rollouts, w->batch.count, 0, 1, 0);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void leave(World *w) { (void)w; }
static void move_to_other_prompt(World *w) { w->batch.rollouts[3].prompt = 2; }
static void change_id(World *w) { w->batch.rollouts[0].prompt_id++; }
static void swap_prompts(World *w) {
    Prompt keep = w->set.prompts[0];
    w->set.prompts[0] = w->set.prompts[1], w->set.prompts[1] = keep;
}
static void reorder_problems(World *w) {
    Problem keep = w->set.problems.items[0];
    w->set.problems.items[0] = w->set.problems.items[1], w->set.problems.items[1] = keep;
}
static void visit_another(World *w) {
    History h = history_new(&w->set.problems);
    history_visit(&h, 4, w->set.problems.items[5].id, 8, 1, 5.0, 1.0);
}

static void test_mixed_up_is_refused(void **state) {
    (void)state;
    World w;
    open_world(&w);
    for (int i = 0; i < 4; i++) rollout_batch_add(&w.batch, w.set.prompts, i, 0, 0);
    for (int j = 0; j < 4; j++) answer(&w, &w.batch.rollouts[j]);
    assert_false(refuses(&w, leave));
    assert_true(refuses(&w, move_to_other_prompt));
    assert_true(refuses(&w, change_id));
    assert_true(refuses(&w, swap_prompts));
    assert_true(refuses(&w, reorder_problems));
    assert_true(refuses(&w, visit_another));
    close_world(&w);
}

static void test_truncated_is_not_correct(void **state) {
    (void)state;
    World w;
    open_world(&w);
    rollout_batch_add(&w.batch, w.set.prompts, 0, 0, 0);
    answer(&w, &w.batch.rollouts[0]);
    w.batch.rollouts[0].truncated = true;
    grade_rollouts(w.grader, w.tokenizer, w.set.prompts, PROBLEMS, w.batch.rollouts, 1, 0, 1, 0);
    assert_int_equal(w.batch.rollouts[0].verdict, VERDICT_TRUNCATED);
    assert_true(w.batch.rollouts[0].reward == 0);
    close_world(&w);
}

// Within 8 tokens of the limit of 20: nothing at 12, 1/8 a token from there, all of it at 20, truncated or not.
static void test_overlong_by_hand(void **state) {
    (void)state;
    const int n[] = {1, 12, 13, 16, 19, 20, 20};
    const float lowered[] = {0, 0, 0.125f, 0.5f, 0.875f, 1, 1};
    for (int overlong = 0; overlong <= 8; overlong += 8) {
        Rollout r[7];
        for (int j = 0; j < 7; j++)
            r[j] = (Rollout){.n = n[j], .truncated = j == 6, .reward = j % 2 ? 1 : -1, .verdict = j};
        punish_overlong(r, 7, 20, overlong);
        for (int j = 0; j < 7; j++) {
            assert_true(r[j].reward == (j % 2 ? 1.0f : -1.0f) - (overlong ? lowered[j] : 0));
            assert_true(r[j].verdict == j && r[j].n == n[j] && r[j].truncated == (j == 6));
        }
    }
}

static void test_undecided_is_described(void **state) {
    (void)state;
    Problem problem = {.prompt = (char *)"q", .gold = (char *)"1"};
    ProblemSet set = {.items = &problem, .count = 1};
    Grader *grader = grader_new(&set, true, NULL);
    static const char TEXT[] = "so \\boxed{\\int_0^1 2x\\,dx}", ODD[] = "\\boxed{\\int \xff\n1}";
    char line[320], small[12];
    assert_int_equal(grade_response(grader, 0, TEXT, sizeof TEXT - 1, false, NULL, NULL), VERDICT_UNKNOWN);
    grader_describe(grader, 0, TEXT, sizeof TEXT - 1, line, sizeof line);
    assert_string_equal(line, "unknown (not understood): gold 1, answer \\int_0^1 2x\\,dx");
    grader_describe(grader, 0, ODD, sizeof ODD - 1, line, sizeof line);
    assert_string_equal(line, "unknown (not understood): gold 1, answer \\int ??1");
    grader_describe(grader, 0, TEXT, sizeof TEXT - 1, small, sizeof small);
    assert_string_equal(small, "unknown (no");
    grader_free(grader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undecided_is_described),
        cmocka_unit_test(test_own_answer_only),
        cmocka_unit_test(test_mixed_up_is_refused),
        cmocka_unit_test(test_truncated_is_not_correct),
        cmocka_unit_test(test_overlong_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
