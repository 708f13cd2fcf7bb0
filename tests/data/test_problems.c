// Problem sets: unique, disjoint, the same for the same seed; batches as permutations.
#include "data/problems_file.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static TaskSpec spec_of(const char *text) {
    TaskSpec spec;
    Error err;
    if (!task_spec_parse(text, &spec, &err)) fail_msg("%s: %s", text, err.text);
    return spec;
}

static void make(const char *tasks, uint64_t seed, int n_train, int n_heldout, ProblemSet *train, ProblemSet *heldout) {
    TaskSpec spec = spec_of(tasks);
    Error err;
    if (!problems_from_tasks(&spec, seed, n_train, n_heldout, false, train, heldout, &err)) fail_msg("%s", err.text);
    assert_int_equal(train->count, n_train);
    assert_int_equal(heldout->count, n_heldout);
}

static int compare_ids(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// The number of ids that both sets hold; with the same set twice, the number of distinct ids.
static int common_ids(const ProblemSet *a, const ProblemSet *b) {
    int n = a->count + b->count, common = 0;
    int64_t *ids = malloc((size_t)n * sizeof *ids + 1);
    for (int i = 0; i < n; i++) ids[i] = i < a->count ? a->items[i].id : b->items[i - a->count].id;
    qsort(ids, (size_t)n, sizeof *ids, compare_ids);
    for (int i = 1; i < n; i++) common += ids[i] == ids[i - 1];
    free(ids);
    return common;
}

// ---- from tasks --------------------------------------------------------------------------------------------------

static void test_tasks_are_disjoint(void **state) {
    (void)state;
    static const int sizes[][2] = {{10, 10}, {2000, 100}, {100, 600}};
    ProblemSet train[9], heldout[9];
    for (int i = 0; i < 9; i++) {
        make("all@2-5", (uint64_t)(i / 3), sizes[i % 3][0], sizes[i % 3][1], &train[i], &heldout[i]);
        assert_int_equal(common_ids(&train[i], &(ProblemSet){0}), 0);
        assert_int_equal(common_ids(&heldout[i], &(ProblemSet){0}), 0);
        for (int j = 0; j < train[i].count; j++) {
            const Problem *problem = &train[i].items[j];
            assert_true(problem->id >= 0 && !task_is_heldout(problem->prompt));
            assert_string_equal(problem->prompt, problem->task->prompt);
            assert_string_equal(problem->gold, problem->task->gold);
        }
    }
    for (int i = 0; i < 9; i++) { // for any seeds and sizes
        for (int j = 0; j < 9; j++) assert_int_equal(common_ids(&train[i], &heldout[j]), 0);
    }
    assert_true(common_ids(&train[0], &train[1]) == 10); // it can find a match: the smaller set is in the larger
    for (int i = 0; i < 9; i++) {
        problems_free(&train[i]);
        problems_free(&heldout[i]);
    }
}

static void test_tasks_are_fixed_by_the_seed(void **state) {
    (void)state;
    ProblemSet a, b, c, held_a, held_b, held_c;
    make("all", 5, 300, 40, &a, &held_a);
    make("all", 5, 500, 20, &b, &held_b);
    make("all", 6, 300, 40, &c, &held_c);
    int same = 0;
    for (int i = 0; i < 300; i++) { // larger sizes extend smaller ones
        assert_string_equal(a.items[i].prompt, b.items[i].prompt);
        assert_true(a.items[i].id == b.items[i].id);
        same += strcmp(a.items[i].prompt, c.items[i].prompt) == 0;
    }
    for (int i = 0; i < 20; i++) assert_string_equal(held_a.items[i].prompt, held_b.items[i].prompt);
    for (int i = 0; i < 40; i++) assert_string_equal(held_a.items[i].prompt, held_c.items[i].prompt); // of any seed
    assert_true(same < 5);
    ProblemSet *sets[] = {&a, &b, &c, &held_a, &held_b, &held_c};
    for (int i = 0; i < 6; i++) problems_free(sets[i]);
    assert_int_equal(a.count, 0);
}

static void test_tasks_run_dry(void **state) {
    (void)state;
    TaskSpec spec = spec_of("gcd@1");
    ProblemSet train, heldout;
    Error err = {0};
    assert_false(problems_from_tasks(&spec, 1, 5000, 10, false, &train, &heldout, &err));
    assert_int_equal(train.count, 0);
    int found = 0;
    assert_non_null(strstr(err.text, " of 5000 training"));
    assert_int_equal(sscanf(err.text, "tasks ran dry at %d of", &found), 1);
    assert_true(problems_from_tasks(&spec, 1, 5000, 10, true, &train, &heldout, &err)); // fewer: as many as it said
    assert_int_equal(train.count, found);
    problems_free(&train);
    problems_free(&heldout);
    make("gcd@1", 1, found, 10, &train, &heldout); // what the message says is there, is there
    problems_free(&train);
    problems_free(&heldout);
}

// ---- order -------------------------------------------------------------------------------------------------------

static void check_epochs(const ProblemSet *set, int P) {
    int batches = set->count / P, *seen = calloc((size_t)set->count, sizeof *seen),
        *index = calloc((size_t)P, sizeof *index);
    Error err;
    for (int epoch = 0; epoch < 3; epoch++) {
        for (int b = 0; b < batches; b++) {
            assert_true(problems_batch(set, 9, (int64_t)epoch * batches + b, P, index, &err));
            for (int p = 0; p < P; p++) {
                assert_in_range(index[p], 0, set->count - 1);
                assert_int_equal(seen[index[p]], epoch); // once an epoch; those left over are caught up below
                seen[index[p]]++;
            }
        }
        int left_over = 0;
        for (int i = 0; i < set->count; i++) {
            left_over += seen[i] == epoch;
            seen[i] = epoch + 1;
        }
        assert_int_equal(left_over, set->count - batches * P);
    }
    free(seen);
    free(index);
}

static void test_batches_are_permutations(void **state) {
    (void)state;
    static const int sizes[] = {1, 2, 3, 5, 64, 100, 257}, batch[] = {1, 2, 3, 7, 64};
    for (int i = 0; i < 7; i++) {
        ProblemSet set = {.count = sizes[i]};
        for (int j = 0; j < 5; j++) {
            if (batch[j] <= sizes[i]) check_epochs(&set, batch[j]);
        }
    }
}

static void test_batch_order(void **state) {
    (void)state;
    ProblemSet set = {.count = 1000};
    int a[100], b[100], in_place = 0, same_epoch = 0, same_seed = 0;
    Error err = {0};
    assert_true(problems_batch(&set, 1, 3, 100, a, &err));
    for (int i = 0; i < 100; i++) in_place += a[i] == 300 + i;
    assert_true(problems_batch(&set, 1, 3, 100, b, &err));
    assert_memory_equal(a, b, sizeof a);
    assert_true(problems_batch(&set, 1, 13, 100, b, &err));
    for (int i = 0; i < 100; i++) same_epoch += a[i] == b[i];
    assert_true(problems_batch(&set, 2, 3, 100, b, &err));
    for (int i = 0; i < 100; i++) same_seed += a[i] == b[i];
    assert_true(in_place < 5 && same_epoch < 5 && same_seed < 5);
    assert_false(problems_batch(&set, 1, 0, 1001, a, &err));
    assert_non_null(strstr(err.text, "1001"));
    assert_false(problems_batch(&set, 1, 0, 0, a, &err));
    assert_false(problems_batch(&set, 1, -1, 10, a, &err));
    assert_true(problems_batch(&set, 1, INT64_MAX, 100, a, &err));
    for (int i = 0; i < 100; i++) assert_in_range(a[i], 0, 999);
}

// Over many epochs every problem is equally likely to come first: chi-square of 16 cells, 15 degrees of freedom.
static void test_first_of_an_epoch_is_uniform(void **state) {
    (void)state;
    ProblemSet set = {.count = 16};
    double chi = 0, expected = 500;
    int counts[16] = {0}, index[16];
    Error err;
    for (int epoch = 0; epoch < 8000; epoch++) {
        assert_true(problems_batch(&set, 3, epoch, 16, index, &err));
        counts[index[0]]++;
    }
    for (int i = 0; i < 16; i++) chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    assert_true(chi < 45); // one chance in 10,000
}

static void test_split(void **state) {
    (void)state;
    static const struct {
        int count, most, held;
    } cases[] = {
        {2000, 300, 300}, {2000, 1, 1}, {2000, 2000, 400}, {1501, 300, 300}, {1499, 300, 299}, {10, 256, 2},
        {9, 256, 1},      {6, 3, 1},    {4, 256, 1},       {2, 1, 1},        {1, 256, 0},
    };
    ProblemSet set, none, train, heldout;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) { // the number asked for, or a fifth
        make("all@3-5", 1, cases[i].count, 0, &set, &none);
        problems_split(&set, cases[i].most, &train, &heldout);
        assert_int_equal(set.count, 0);
        assert_int_equal(heldout.count, cases[i].held);
        assert_int_equal(train.count, cases[i].count - cases[i].held);
        assert_int_equal(common_ids(&train, &heldout), 0);
        problems_free(&train);
        problems_free(&heldout);
    }
}

// The order of the set does not matter, and a larger held-out set extends a smaller one; both keep the set's order.
static void test_split_is_fixed(void **state) {
    (void)state;
    ProblemSet set, none, reversed = {0}, train, few, many, same;
    make("all@3-5", 1, 500, 0, &set, &none);
    for (int i = 500; i-- > 0;) problems_add(&reversed, set.items[i].prompt, set.items[i].gold, NULL, 500 - i);
    problems_split(&set, 50, &train, &few);
    for (int i = 0; i < 450; i++) assert_string_equal(train.items[i].task->prompt, train.items[i].prompt);
    problems_free(&train);
    problems_split(&reversed, 50, &train, &same);
    assert_int_equal(common_ids(&few, &same), 50);
    for (int i = 1; i < 50; i++) assert_true(same.items[i].line > same.items[i - 1].line);
    int early = 0; // spread over the set
    for (int i = 0; i < 50; i++) early += same.items[i].line <= 250;
    assert_true(early > 10 && early < 40); // 25 expected, standard deviation 3.4
    problems_free(&train);
    problems_free(&same);
    make("all@3-5", 1, 500, 0, &set, &none);
    problems_split(&set, 90, &train, &many);
    assert_int_equal(common_ids(&few, &many), 50);
    problems_free(&train);
    problems_free(&few);
    problems_free(&many);
}

// ---- several sets ------------------------------------------------------------------------------------------------

static ProblemSet set_of(int count, const char *const *prompts) {
    ProblemSet set = {0};
    for (int i = 0; i < count; i++) assert_true(problems_add(&set, prompts[i], "1", NULL, i + 1));
    for (int i = 0; i < count; i++) assert_ptr_equal(problems_find(&set, prompts[i]), &set.items[i]);
    assert_null(problems_find(&set, "none of them"));
    return set;
}

static void test_keep(void **state) {
    (void)state;
    ProblemSet set = set_of(5, (const char *const[]){"a", "b", "c", "d", "e"});
    problems_keep(&set, (const bool[]){false, true, false, true, true});
    assert_int_equal(set.count, 3);
    assert_string_equal(set.items[0].prompt, "b");
    assert_string_equal(set.items[1].prompt, "d");
    assert_string_equal(set.items[2].prompt, "e");
    assert_int_equal(set.items[1].line, 4);
    assert_null(problems_find(&set, "a")); // the index follows
    assert_ptr_equal(problems_find(&set, "e"), &set.items[2]);
    assert_true(problems_add(&set, "a", "1", NULL, 6));
    assert_false(problems_add(&set, "d", "1", NULL, 7));
    problems_truncate(&set, 1);
    assert_null(problems_find(&set, "d"));
    assert_true(problems_add(&set, "d", "1", NULL, 8));
    assert_int_equal(set.count, 2);
    problems_free(&set);
    problems_free(&set); // empty: fine
}

static void test_merge(void **state) {
    (void)state;
    ProblemSet to = set_of(3, (const char *const[]){"a", "b", "c"});
    ProblemSet from = set_of(3, (const char *const[]){"d", "b", "e"});
    assert_int_equal(problems_merge(&to, &from), 1);
    assert_int_equal(from.count, 0);
    assert_int_equal(to.count, 5);
    static const char *const order[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) assert_string_equal(to.items[i].prompt, order[i]);
    problems_free(&to);
    ProblemSet large, more, none, heldout; // thousands: the index must grow to a set that is there already
    make("all@3-5", 1, 5000, 0, &large, &none);
    make("all@3-5", 2, 2000, 10, &more, &heldout);
    int common = common_ids(&large, &more);
    assert_int_equal(problems_merge(&large, &more), common);
    assert_int_equal(large.count, 7000 - common);
    assert_int_equal(common_ids(&large, &(ProblemSet){0}), 0);
    assert_int_equal(problems_merge(&none, &heldout), 0); // into an empty set
    assert_int_equal(none.count, 10);
    problems_free(&large);
    problems_free(&none);
}

static void test_overlap(void **state) {
    (void)state;
    ProblemSet train = set_of(5, (const char *const[]){"Find  $x^2$ if $x=3$.", "What is 12 + 3?", "What is 1 + 23?",
                                                       "?!", "What is 12 - 3?"});
    ProblemSet eval = set_of(4, (const char *const[]){"what is 12+3", "??", "find x^2 if x = 3", "only there"});
    int twin[5];
    assert_int_equal(problems_overlap(&train, &eval, twin), 2);
    assert_int_equal(twin[0], 2);
    assert_int_equal(twin[1], 0);
    assert_int_equal(twin[2], -1);
    assert_int_equal(twin[3], -1); // nothing that counts
    assert_int_equal(twin[4], -1);
    assert_int_equal(problems_overlap(&train, &(ProblemSet){0}, twin), 0);
    problems_free(&train);
    problems_free(&eval);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_are_disjoint),
        cmocka_unit_test(test_tasks_are_fixed_by_the_seed),
        cmocka_unit_test(test_tasks_run_dry),
        cmocka_unit_test(test_batches_are_permutations),
        cmocka_unit_test(test_batch_order),
        cmocka_unit_test(test_first_of_an_epoch_is_uniform),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_is_fixed),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
