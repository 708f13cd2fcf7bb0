// The oracle's extra rollouts: their counts are those of rollouts drawn from a stream of their own, the allocation
// follows them, and nothing else of the step changes. step.c and oracle.c are compiled into this test, with a grader
// that is made up here.
#include "kernels/philox.h"
#include "rl/reward.h"
static void played_grade(Rollout *rollouts, int count, int rank, float right, float wrong);
static int played_rank, played_ranks = 1; // of oracle.c
#define grade_rollouts(grader, tokenizer, prompts, P, rollouts, count, rank, right, wrong)                             \
    played_grade(rollouts, count, rank, right, wrong)
#define rl_step        rl_step_in_test
#define oracle_history oracle_history_in_test
#include "rl/step.c"
#define comm_rank(comm)       ((void)(comm), played_rank)
#define comm_size(comm)       ((void)(comm), played_ranks)
#define comm_sum(comm, x, n) played_sum(x, n)
static void played_sum(double *x, size_t n);
#include "rl/oracle.c"
#undef comm_rank
#undef comm_size
#undef comm_sum
#include "rl/evaluate/evaluate.h"
#include "tests/rl/small_trainer.h"

enum { PROMPTS = 7, EACH = 9 };

// Of a third of the prompts half the responses are right, of the others one in eight or none.
static void played_grade(Rollout *rollouts, int count, int rank, float right, float wrong) {
    for (Rollout *r = rollouts; r < rollouts + count; r++) {
        uint32_t hash = (uint32_t)(r->tokens[0] * 7 + r->tokens[r->n - 1] * 3 + r->n);
        uint32_t kind = (uint32_t)(r->prompt_id % 3);
        if (r->rank != rank) continue;
        r->verdict = (kind == 0 ? hash % 2 == 0 : kind == 1 && hash % 8 == 0) ? VERDICT_CORRECT : VERDICT_WRONG;
        r->reward = r->verdict == VERDICT_CORRECT ? right : wrong;
    }
}

// Ranks are played one after another: the sum is right for the last.
static double total[2 * PROMPTS];
static void played_sum(double *x, size_t n) {
    assert_int_equal(n, 2 * PROMPTS);
    for (size_t i = 0; i < n; i++) total[i] += x[i], x[i] = total[i];
}

static char folder[64];
static Trainer trainer;
static void open_trainer(const char *const *flags) {
    new_folder(folder);
    small_trainer(&trainer, folder, flags);
    memset(total, 0, sizeof total);
    played_rank = 0, played_ranks = 1;
}
static void close_trainer(void) {
    small_trainer_close(&trainer);
    remove_tree(folder);
}

static StepMetrics step(void) {
    StepMetrics m = metrics_empty("rl", trainer.rl_done + 1, 9);
    memset(total, 0, sizeof total);
    rl_step_in_test(&trainer, &m);
    return m;
}

// The counts against rollouts generated here in one go, for any number of ranks and whatever room the batch has.
static void test_counts(void **state) {
    (void)state;
    for (int ranks = 1; ranks <= 3; ranks++) {
        open_trainer((const char *const[]){"--allocation", "oracle", "--oracle-rollouts", "9", NULL});
        Prompt prompts[PROMPTS];
        RolloutBatch batch;
        trainer.rl_done = 5;
        choose_prompts(&trainer, prompts);
        rollout_batch_plan(&batch, 0, PROMPTS * EACH, trainer.batch.max_new);
        rollout_batch_commit(&batch, trainer.dev);
        for (int i = 0; i < PROMPTS; i++)
            for (int k = 0; k < EACH; k++) rollout_batch_add(&batch, prompts, i, k, 0);
        const SampleConfig sample = {.temp = 1, .top_p = 1, .seed = 1, .step = 0x80000005};
        generator_run(trainer.generator, batch.rollouts, batch.count, 0, prompts, PROMPTS, batch.max_new, &sample);
        played_grade(batch.rollouts, batch.count, 0, 1, 0);
        trainer.batch.P = PROMPTS, trainer.batch.first = 0;
        StepMetrics m = metrics_empty("rl", 6, 9);
        for (played_rank = 0, played_ranks = ranks; played_rank < ranks; played_rank++) {
            m.oracle_tokens = NAN;
            assert_true(oracle_history_in_test(&trainer, prompts, &m) == &trainer.oracle);
        }
        double correct = 0, tokens = 0, counted = 0;
        for (int j = 0; j < batch.count; j++) tokens += batch.rollouts[j].n;
        for (int i = 0; i < PROMPTS; i++) {
            for (int k = 0; k < EACH; k++) correct += batch.rollouts[i * EACH + k].verdict == VERDICT_CORRECT;
            assert_true(trainer.oracle.verified[prompts[i].problem] == EACH);
            counted += trainer.oracle.correct[prompts[i].problem];
            assert_true(counted == correct);
        }
        assert_true(m.oracle_tokens == tokens && correct > 5);
        assert_true(trainer.history.verified[prompts[0].problem] == 0);
        rollout_batch_free(&batch, trainer.dev);
        close_trainer();
    }
    assert_true(EVALUATE_STREAM < ORACLE_STREAM); // steps are fewer than 2^30, so the three never meet
}

static void parameters(float **h, double *verified) {
    size_t bytes = trainer.gpt->table.size * sizeof(float);
    *h = malloc(bytes);
    device_download(trainer.dev, *h, trainer.opt.master, bytes);
    memcpy(verified, trainer.history.verified, 48 * sizeof *verified);
}

// With bounds that leave no choice the oracle's steps are the uniform ones, to the bit.
static void test_leaves_no_trace(void **state) {
    (void)state;
    float *a, *b;
    double verified_a[48], verified_b[48], sum = 0;
    open_trainer((const char *const[]){"--allocation", "uniform", NULL});
    step(), step();
    parameters(&a, verified_a);
    close_trainer();
    open_trainer((const char *const[]){"--allocation", "oracle", "--rollouts-low", "4", "--rollouts-high", "4", NULL});
    step(), step();
    parameters(&b, verified_b);
    assert_memory_equal(a, b, trainer.gpt->table.size * sizeof(float));
    assert_memory_equal(verified_a, verified_b, sizeof verified_a);
    for (int i = 0; i < 48; i++) sum += verified_b[i];
    assert_true(sum == 2 * 28);
    free(a), free(b);
    close_trainer();
}

static void test_allocation_follows(void **state) {
    (void)state;
    open_trainer((const char *const[]){"--allocation", "oracle", NULL});
    int least_mixed = 99, most_flat = 0;
    for (int s = 0; s < 3; s++) {
        StepMetrics m = step();
        int sum = 0;
        assert_true(m.oracle_tokens >= PROMPTS * 64 && m.oracle_tokens <= PROMPTS * 64 * 12);
        for (int i = 0; i < PROMPTS; i++) {
            int64_t kind = trainer.batch.rollouts[trainer.batch.h_starts[i]].prompt_id % 3;
            int n = trainer.batch.h_n[i];
            sum += n;
            if (kind == 0 && n < least_mixed) least_mixed = n;
            if (kind == 2 && n > most_flat) most_flat = n;
        }
        assert_int_equal(sum, 28);
    }
    assert_true(least_mixed > most_flat && most_flat > 0);
    close_trainer();
}

// Prompts that dynamic sampling brings in are measured in the room that the kept groups leave.
static void test_with_dynamic_sampling(void **state) {
    (void)state;
    open_trainer(
        (const char *const[]){"--allocation", "oracle", "--dynamic-sampling", "20", "--oracle-rollouts", "5", NULL});
    StepMetrics m = metrics_empty("rl", 1, 9);
    Prompt prompts[PROMPTS];
    RolloutBatch *b = &trainer.batch;
    assert_true(resample(&trainer, prompts, 0, &m));
    for (int i = 0; i < 3; i++) b->h_n[i] = 6, b->h_starts[i + 1] = 6 * (i + 1);
    b->P = 3;
    rollout_batch_deal(b, prompts, &trainer.history, 1);
    Rollout kept[18];
    memcpy(kept, b->rollouts, sizeof kept);
    b->first = 3, b->P = PROMPTS;
    played_ranks = 1;
    double counts[PROMPTS][2] = {{0}};
    sample_part(&trainer, prompts, 0, 20, counts);
    assert_memory_equal(kept, b->rollouts, sizeof kept);
    for (int j = 18; j < b->count; j++) assert_int_equal(b->rollouts[j].prompt, 3 + (j - 18) / 5);
    assert_true(counts[3][1] > 0 && counts[4][1] == 0);
    close_trainer();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_leaves_no_trace),
        cmocka_unit_test(test_allocation_follows),
        cmocka_unit_test(test_with_dynamic_sampling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
