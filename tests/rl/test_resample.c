// Dynamic sampling, in whole steps of a small trainer whose grader is made up here: which prompts are drawn and kept,
// what the history, the metrics and the update see of them, and that no bit depends on slots, threads or a resumption.
// step.c is compiled into this test.
#include "kernels/philox.h"
#include "rl/checkpoint/checkpoint.h"
#include "rl/reward.h"
static void played_grade(Rollout *rollouts, int count, float right, float wrong);
#define grade_rollouts(grader, tokenizer, prompts, P, rollouts, count, rank, right, wrong)                             \
    ((void)(rank), played_grade(rollouts, count, right, wrong))
#define rl_step rl_step_in_test
#include "rl/step.c"
#include "tests/rl/small_trainer.h"

enum { PROMPTS = 7, PROBLEMS = 48 };
static enum { SOME, NONE, ALL } solved; // prompts with groups of both kinds of verdict
static int tamper_at = -1;              // the graded rollout, counted over the step, whose id is changed
static struct {
    int rollouts, tokens, correct;
} graded;

// A third of the prompts is always right, a third always wrong, the rest depends on what was generated.
static void played_grade(Rollout *rollouts, int count, float right, float wrong) {
    for (Rollout *r = rollouts; r < rollouts + count; r++) {
        uint32_t kind = philox(7, (uint32_t)r->prompt_id, 0, 0, 0).word[0] % 3;
        bool mixed = (r->tokens[0] + r->tokens[r->n - 1] + r->number) % 2 == 0;
        bool correct = solved == ALL ? r->number % 2 : solved == NONE ? kind == 0 : kind == 1 ? mixed : kind == 2;
        r->verdict = correct ? VERDICT_CORRECT : VERDICT_WRONG;
        r->reward = correct ? right : wrong;
        if (graded.rollouts++ == tamper_at) r->prompt_id++;
        graded.tokens += r->n, graded.correct += correct;
    }
}

static char folder[64];
static Trainer trainer;

static void open_trainer(const char *const *flags) {
    solved = SOME, tamper_at = -1;
    new_folder(folder);
    small_trainer(&trainer, folder, flags);
}
static void close_trainer(void) {
    small_trainer_close(&trainer);
    remove_tree(folder);
}

static StepMetrics step(Trainer *t) {
    StepMetrics m = metrics_empty("rl", t->rl_done + 1, 99);
    memset(&graded, 0, sizeof graded);
    rl_step_in_test(t, &m);
    return m;
}

// Every group of the batch has both verdicts, and its rollouts are its prompt's, in order.
static void check_batch(const Trainer *t) {
    const RolloutBatch *b = &t->batch;
    assert_true(b->P <= PROMPTS && b->count == b->h_starts[b->P]);
    for (int i = 0; i < b->P; i++) {
        int correct = 0, n = b->h_starts[i + 1] - b->h_starts[i];
        assert_int_equal(n, b->h_n[i]);
        for (int k = 0; k < n; k++) {
            int j = b->h_starts[i] + k;
            const Rollout *r = &b->rollouts[j];
            assert_true(r->prompt == i && r->number == k && r->prompt_id == b->rollouts[b->h_starts[i]].prompt_id);
            assert_true(r->tokens == b->tokens + j * b->max_new && r->sampled == b->sampled + j * b->max_new);
            correct += r->verdict == VERDICT_CORRECT;
        }
        assert_true(correct > 0 && correct < n);
    }
}

// The figures of a step against what was graded and what its visits added to the history.
static void check_figures(const Trainer *t, const StepMetrics *m, const double *before) {
    double verified = 0, visited = 0;
    for (int i = 0; i < PROBLEMS; i++) {
        double more = t->history.verified[i] - before[i];
        verified += more, visited += more > 0;
        assert_true(more == 0 || (more >= t->config.rollouts_low && more <= t->config.rollouts_high)); // one visit
    }
    assert_true(m->groups_generated == visited && m->rollouts_generated == verified && verified == graded.rollouts);
    assert_true(m->tokens_generated == graded.tokens);
    assert_true(m->correct_generated == graded.correct);
    assert_true(m->groups_trained == t->batch.P && m->P == t->batch.P);
    if (t->batch.P > 0) assert_true(m->logprob_diff_max == 0 && m->zero_spread == 0); // the tokens moved along
}

static void check_steps(const char *const *flags, int steps, bool full) {
    open_trainer(flags);
    double before[PROBLEMS], rounds = 0, dropped = 0;
    for (int s = 0; s < steps; s++) {
        const TrainConfig *c = &trainer.config;
        long long updates = trainer.opt.t;
        memcpy(before, trainer.history.verified, sizeof before);
        StepMetrics m = step(&trainer);
        check_batch(&trainer);
        check_figures(&trainer, &m, before);
        updates = trainer.opt.t - updates; // none without a group
        assert_true(updates == c->epochs * (trainer.batch.P < c->updates ? trainer.batch.P : c->updates));
        if (full) assert_int_equal(trainer.batch.P, PROMPTS);
        rounds += m.rounds, dropped += m.groups_generated - m.groups_trained;
    }
    assert_true(dropped > steps && (full ? rounds > steps : rounds == steps)); // the test would else show little
    close_trainer();
}

static void test_kept_groups_have_spread(void **state) {
    (void)state;
    check_steps((const char *const[]){"--dynamic-sampling", "50", "--method", "grpo", NULL}, 9, true);
    check_steps((const char *const[]){"--dynamic-sampling", "50", "--allocation", "knapsack", NULL}, 9, true);
    check_steps((const char *const[]){"--dynamic-sampling", "50", "--allocation", "variance", NULL}, 9, true);
}

static void test_rounds_run_out(void **state) {
    (void)state;
    check_steps((const char *const[]){"--dynamic-sampling", "1", "--method", "grpo", NULL}, 6, false);
    check_steps((const char *const[]){"--dynamic-sampling", "1", "--updates", "7", "--epochs", "2", NULL}, 6, false);
}

// The prompts of all steps, in the order drawn, are the epochs' random orders, one after another, but for prompts that
// the same step has had.
static void test_order_of_prompts(void **state) {
    (void)state;
    open_trainer((const char *const[]){"--dynamic-sampling", "50", NULL});
    int64_t position = 0;
    for (int s = 0; s < 9; s++) {
        double before[PROBLEMS];
        bool drawn[PROBLEMS] = {false};
        memcpy(before, trainer.history.verified, sizeof before);
        step(&trainer);
        for (; position < trainer.prompts_done; position++)
            drawn[problems_at(&trainer.train.problems, 1, position / PROBLEMS, (int)(position % PROBLEMS))] = true;
        for (int i = 0; i < PROBLEMS; i++) assert_true(drawn[i] == (trainer.history.verified[i] > before[i]));
    }
    assert_true(position > 2 * PROBLEMS);
    close_trainer();
}

// A round allocates by the history of its own prompts and leaves the groups before it alone.
static void test_allocation_of_a_round(void **state) {
    (void)state;
    enum { KEPT = 3, NEW = PROMPTS - KEPT };
    const AllocateConfig rule = {ALLOCATE_BETA, 4, 2, 6, 2, 0.85};
    const int kept[] = {2, 4, 6};
    open_trainer(NULL);
    RolloutBatch *b = &trainer.batch;
    double correct[NEW], verified[NEW];
    int n[NEW];
    for (int i = 0; i < PROMPTS; i++)
        history_visit(&trainer.history, i, trainer.train.prompts[i].id, 10, (i * i) % 7, 3, 1);
    for (int i = 0; i < KEPT; i++) b->h_n[i] = kept[i], b->h_starts[i + 1] = b->h_starts[i] + kept[i];
    for (int i = 0; i < NEW; i++) correct[i] = trainer.history.correct[KEPT + i], verified[i] = 10;
    b->first = KEPT;
    rollout_batch_allocate(b, trainer.dev, trainer.train.prompts, &trainer.history, &rule);
    rollout_batch_deal(b, trainer.train.prompts, &trainer.history, 1);
    allocate_rollouts(trainer.dev, n, NULL, correct, verified, NEW, &rule); // the C build's device is the host
    for (int i = 0; i < PROMPTS; i++) assert_int_equal(b->h_n[i], i < KEPT ? kept[i] : n[i - KEPT]);
    assert_true(b->count == 12 + NEW * 4 && b->h_starts[PROMPTS] == b->count && n[2] > n[3]);
    for (int j = 12; j < b->count; j++) assert_true(b->rollouts[j].prompt >= KEPT);
    close_trainer();
}

static void values(Trainer *t, float **params, float **m, float **v) {
    size_t bytes = t->gpt->table.size * sizeof(float);
    float **to[] = {params, m, v}, *const from[] = {t->opt.master, t->opt.m, t->opt.v};
    for (int i = 0; i < 3; i++) {
        *to[i] = malloc(bytes);
        device_download(t->dev, *to[i], from[i], bytes);
    }
}

typedef struct State { // of a trainer after some steps
    float *values[3]; // (size)
    size_t size;
    double history[3][PROBLEMS];
    int64_t prompts_done;
    long long updates;
} State;

static State state_of(Trainer *t) {
    State s = {.size = t->gpt->table.size, .prompts_done = t->prompts_done, .updates = t->opt.t};
    values(t, &s.values[0], &s.values[1], &s.values[2]);
    const double *const history[] = {t->history.correct, t->history.verified, t->history.length};
    for (int i = 0; i < 3; i++) memcpy(s.history[i], history[i], sizeof s.history[i]);
    return s;
}

static bool same_state(const State *a, const State *b) {
    bool same = a->prompts_done == b->prompts_done && a->updates == b->updates &&
                memcmp(a->history, b->history, sizeof a->history) == 0;
    for (int i = 0; i < 3; i++) same &= memcmp(a->values[i], b->values[i], a->size * sizeof(float)) == 0;
    return same;
}

static void state_free(State *s) {
    for (int i = 0; i < 3; i++) free(s->values[i]);
}

// Where no group has spread, every prompt is tried, once, and nothing is trained: no weight and no moment changes.
static void test_nothing_to_learn(void **state) {
    (void)state;
    const char *const rounds[] = {"100", "3"};
    for (int i = 0; i < 2; i++) {
        open_trainer((const char *const[]){"--dynamic-sampling", rounds[i], "--method", "grpo", NULL});
        step(&trainer);
        solved = NONE;
        State before = state_of(&trainer);
        double verified[PROBLEMS];
        memcpy(verified, trainer.history.verified, sizeof verified);
        StepMetrics m = step(&trainer);
        check_figures(&trainer, &m, verified);
        assert_true(m.groups_trained == 0 && m.groups_generated == (i == 0 ? PROBLEMS : 3 * PROMPTS));
        assert_true(isnan(m.loss) && isnan(m.grad_norm) && isnan(m.kl_old) && isnan(m.pass_rate) && m.skipped == 0);
        State after = state_of(&trainer);
        assert_false(same_state(&before, &after)); // but only by what was verified
        memcpy(after.history, before.history, sizeof after.history);
        after.prompts_done = before.prompts_done;
        assert_true(same_state(&before, &after));
        solved = ALL; // the next step is an ordinary one
        m = step(&trainer);
        assert_true(m.groups_trained == PROMPTS && m.rounds == 1);
        state_free(&before), state_free(&after);
        close_trainer();
    }
}

static State run(const char *slots, const char *threads, int steps) {
    open_trainer((const char *const[]){"--dynamic-sampling", "4", "--allocation", "beta", "--slots", slots, "--threads",
                                       threads, "--updates", "2", NULL});
    for (int s = 0; s < steps; s++) step(&trainer);
    State state = state_of(&trainer);
    close_trainer();
    return state;
}

static void test_same_bits(void **state) {
    (void)state;
    State a = run("5", "1", 4), b = run("1", "2", 4), c = run("64", "3", 4);
    assert_true(same_state(&a, &b) && same_state(&a, &c));
    state_free(&b), state_free(&c);
    const char *flags[] = {"--dynamic-sampling", "4", "--allocation", "beta", "--updates", "2", NULL, NULL};
    open_trainer(flags);
    step(&trainer), step(&trainer);
    assert_true(checkpoint_save(&trainer));
    small_trainer_close(&trainer);
    flags[6] = "--resume";
    small_trainer(&trainer, folder, flags);
    assert_true(trainer.prompts_done > 2 * PROMPTS);
    step(&trainer), step(&trainer);
    b = state_of(&trainer);
    assert_true(same_state(&a, &b));
    state_free(&a), state_free(&b);
    close_trainer();
}

static void test_off(void **state) {
    (void)state;
    open_trainer((const char *const[]){"--method", "grpo", NULL});
    StepMetrics m = step(&trainer);
    assert_true(trainer.prompts_done == 0 && trainer.batch.P == PROMPTS && m.zero_spread > 0);
    assert_true(isnan(m.rounds) && isnan(m.groups_generated) && isnan(m.rollouts_generated) && isnan(m.oracle_tokens));
    close_trainer();
}

// The rows and flags of method dapo, and that a reward is lowered once, whatever the round.
static void test_dapo(void **state) {
    (void)state;
    TrainConfig c = small_config("out", (const char *const[]){"--method", "dapo", "--max-tokens", "100", NULL});
    assert_true(c.dynamic_sampling == 10 && c.overlong == 20 && c.eps_high == 0.28 && c.eps_low == 0.2);
    assert_true(c.allocation == ALLOCATE_UNIFORM && c.modulation == MODULATION_OFF && c.loss_mean == MEAN_TOKEN);
    const char *const plain[] = {"--method", "dapo", "--dynamic-sampling", "0", "--overlong", "0", NULL};
    c = small_config("out", plain);
    assert_true(c.dynamic_sampling == 0 && c.overlong == 0);
    c = small_config("out", (const char *const[]){"--method", "grpo", NULL});
    assert_true(c.dynamic_sampling == 0 && c.overlong == 0);
    open_trainer((const char *const[]){"--method", "dapo", "--overlong", "9", NULL});
    int lowered = 0;
    for (int s = 0; s < 3; s++) {
        step(&trainer);
        check_batch(&trainer);
        for (int j = 0; j < trainer.batch.count; j++) {
            const Rollout *r = &trainer.batch.rollouts[j];
            float base = r->verdict == VERDICT_CORRECT ? 1.0f : -1.0f, excess = (float)(r->n > 3 ? r->n - 3 : 0);
            assert_true(r->reward == base - excess / 9.0f);
            lowered += excess > 0;
        }
    }
    assert_true(lowered > 10);
    close_trainer();
}

static void act_step(void *context) {
    tamper_at = *(int *)context;
    step(&trainer);
}

static void test_mixed_up_is_refused(void **state) {
    (void)state;
    const int none = -1, rollouts[] = {0, 27, 30}; // of the first round, and of the second
    int at = none;
    open_trainer((const char *const[]){"--dynamic-sampling", "50", "--method", "grpo", NULL});
    assert_false(refused(act_step, &at, ""));
    for (int i = 0; i < 3; i++) {
        at = rollouts[i];
        assert_true(refused(act_step, &at, "in another prompt's group"));
    }
    close_trainer();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_groups_have_spread), cmocka_unit_test(test_rounds_run_out),
        cmocka_unit_test(test_order_of_prompts),        cmocka_unit_test(test_allocation_of_a_round),
        cmocka_unit_test(test_nothing_to_learn),        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_off),                     cmocka_unit_test(test_dapo),
        cmocka_unit_test(test_mixed_up_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
