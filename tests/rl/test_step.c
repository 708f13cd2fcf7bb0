// The parts of one RL step: how rollouts are dealt to ranks, the weight of a token, the cuts between mini-batches, the
// history, and that mixed-up prompts are refused. step.c is compiled into this test, which plays the ranks in turn.
#include "kernels/device/comm.h"
static int played_rank, played_ranks = 1; // instead of comm.h's
#define comm_rank(comm) ((void)(comm), played_rank)
#define comm_size(comm) ((void)(comm), played_ranks)
#define rl_step         rl_step_in_test
#include "rl/step.c"
#include "tests/rl/small_trainer.h"

static bool near(double got, double want, double tolerance) { return fabs(got - want) <= tolerance; }

static void test_near(void **state) {
    (void)state;
    assert_true(near(1, 1, 0) && !near(1, 1.1, 0.05) && !near(NAN, 1, 1) && !near(1, NAN, 1));
}

enum { ROLLOUTS = 8 };
// Prompt 0: 3 and 5 tokens; prompt 1: 2 (truncated), 4 and 1; prompt 2: 7 and 6, both truncated; prompt 3: 2.
static void some_rollouts(Rollout *r) {
    const int prompt[ROLLOUTS] = {0, 0, 1, 1, 1, 2, 2, 3}, n[ROLLOUTS] = {3, 5, 2, 4, 1, 7, 6, 2};
    for (int j = 0; j < ROLLOUTS; j++)
        r[j] = (Rollout){.prompt = prompt[j], .n = n[j], .truncated = j == 2 || j == 5 || j == 6};
}

static void check_weights(LossMean mean, Truncated truncated, int first, int end, const double *want_inverse) {
    TrainConfig c = {.loss_mean = (int)mean, .truncated = (int)truncated, .max_tokens = 10};
    Rollout r[ROLLOUTS];
    float weight[ROLLOUTS];
    some_rollouts(r);
    token_weights(&c, r, first, end, weight);
    for (int j = first; j < end; j++) {
        double inverse = want_inverse[j - first], want = inverse > 0 ? 1 / inverse : 0;
        if (!near(weight[j - first], want, 1e-7))
            fail_msg("mean %d, rollout %d weighs 1/%g, want 1/%g", (int)mean, j, 1 / weight[j - first], inverse);
    }
}

// Each divisor by hand; 0 is a rollout that is left out. 30 tokens in all, 15 of them not truncated; 8 sequences, 5 not
// truncated; 4 prompts of 8, 7, 13 and 2 tokens, of which 8, 5, none and 2 are left without the truncated ones.
static void test_loss_means(void **state) {
    (void)state;
    const double token[] = {30, 30, 30, 30, 30, 30, 30, 30}, token_mask[] = {15, 15, 0, 15, 15, 0, 0, 15};
    check_weights(MEAN_TOKEN, TRUNCATED_KEEP, 0, 8, token);
    check_weights(MEAN_TOKEN, TRUNCATED_MASK, 0, 8, token_mask);
    const double sequence[] = {24, 40, 16, 32, 8, 56, 48, 16}, sequence_mask[] = {15, 25, 0, 20, 5, 0, 0, 10};
    check_weights(MEAN_SEQUENCE, TRUNCATED_KEEP, 0, 8, sequence);
    check_weights(MEAN_SEQUENCE, TRUNCATED_MASK, 0, 8, sequence_mask);
    const double prompt[] = {32, 32, 28, 28, 28, 52, 52, 8}, prompt_mask[] = {24, 24, 0, 15, 15, 0, 0, 6};
    check_weights(MEAN_PROMPT, TRUNCATED_KEEP, 0, 8, prompt);
    check_weights(MEAN_PROMPT, TRUNCATED_MASK, 0, 8, prompt_mask);
    const double constant[] = {80, 80, 80, 80, 80, 80, 80, 80}, constant_mask[] = {50, 50, 0, 50, 50, 0, 0, 50};
    check_weights(MEAN_CONSTANT, TRUNCATED_KEEP, 0, 8, constant);
    check_weights(MEAN_CONSTANT, TRUNCATED_MASK, 0, 8, constant_mask);
    // Mini-batches: of one prompt, of two, and one in which nothing is trained.
    check_weights(MEAN_PROMPT, TRUNCATED_KEEP, 2, 5, (const double[]){7, 7, 7});
    check_weights(MEAN_TOKEN, TRUNCATED_KEEP, 2, 5, (const double[]){7, 7, 7});
    check_weights(MEAN_PROMPT, TRUNCATED_KEEP, 5, 8, (const double[]){26, 26, 4});
    for (LossMean mean = MEAN_TOKEN; mean <= MEAN_CONSTANT; mean++)
        check_weights(mean, TRUNCATED_MASK, 5, 7, (const double[]){0, 0});
}

static void test_mini_batches(void **state) {
    (void)state;
    int n[40], starts[41] = {0};
    for (int i = 0; i < 40; i++) n[i] = 1 + i * 7 % 9, starts[i + 1] = starts[i] + n[i];
    for (int P = 1; P <= 40; P++)
        for (int updates = 1; updates <= P; updates++) {
            const RolloutBatch batch = {.P = P, .h_starts = starts};
            int total = 0, prompt = 0, at = 0;
            for (int i = 0; i < P; i++) total += n[i];
            assert_int_equal(first_rollout(&batch, 0, updates), 0);
            assert_int_equal(first_rollout(&batch, updates, updates), total);
            for (int u = 0; u < updates; u++) { // whole prompts, P / updates of them or one more
                int end = first_rollout(&batch, u + 1, updates), prompts = 0;
                for (; at < end; prompts++) at += n[prompt++];
                assert_int_equal(at, end);
                assert_true(prompts == P / updates || prompts == P / updates + (P % updates > 0));
            }
        }
}

static void test_objective(void **state) {
    (void)state;
    TrainConfig c = {.temp = 0.7, .eps_low = 0.1, .eps_high = 0.3, .dual_clip = 4, .entropy_coef = 0.02,
                     .const_boost = 0.5, .modulation = MODULATION_BOTH, .constants = CONSTANTS_PAPER};
    PolicyObjective o = objective(&c);
    assert_true(o.inv_temp == 1 / 0.7f && o.eps_low == 0.1f && o.eps_high == 0.3f && o.dual_clip == 4);
    assert_true(o.entropy_coef == 0.02f && o.const_boost == 0);
    assert_true(o.comp == 0.4f && o.stab == 0.4f && o.stab_gamma == 50 && o.stab_tau == 0.9f);
    c.constants = CONSTANTS_RELEASE;
    o = objective(&c);
    assert_true(o.comp == 0.2f && o.stab == 0.4f && o.stab_gamma == 50 && o.stab_tau == 0.99f);
    for (Modulation m = MODULATION_OFF; m <= MODULATION_AUTHORS_COMPAT; m++) {
        c.modulation = (int)m;
        o = objective(&c);
        bool both = m == MODULATION_BOTH || m == MODULATION_AUTHORS_COMPAT;
        assert_true((o.comp > 0) == (m == MODULATION_COMP || both));
        assert_true((o.stab > 0) == (m == MODULATION_STAB || both));
        assert_true((o.const_boost > 0) == (m == MODULATION_CONST));
    }
}

static char folder[64];
static Trainer trainer;
static int open_world(void **state) {
    (void)state;
    played_rank = 0, played_ranks = 1;
    new_folder(folder);
    small_trainer(&trainer, folder, NULL);
    return 0;
}
static int close_world(void **state) {
    (void)state;
    small_trainer_close(&trainer);
    remove_tree(folder);
    return 0;
}

static void clear_history(void) {
    History *h = &trainer.history;
    for (int i = 0; i < h->count; i++) h->correct[i] = h->verified[i] = h->length[i] = 0;
}

// Deals n[i] rollouts of prompt i, as if the allocation had chosen these numbers.
static void deal(Trainer *t, const Prompt *prompts, const int *n) {
    RolloutBatch *b = &t->batch;
    for (int i = 0; i < b->P; i++) b->h_n[i] = n[i], b->h_starts[i + 1] = b->h_starts[i] + n[i];
    rollout_batch_deal(b, prompts, &t->history, played_ranks);
}

// Group advantages and history, as rl_step calls them.
static void advantages(Trainer *t, const Prompt *prompts) {
    rollout_batch_advantages(&t->batch, t->dev, prompts, ADVANTAGE_GRPO);
    record_history(t, prompts);
}

// Gives the dealt rollouts responses and rewards, as generation and grading would.
static void make_up_responses(Trainer *t) {
    for (int j = 0; j < t->batch.count; j++) {
        Rollout *r = &t->batch.rollouts[j];
        r->n = 1 + (j * 5) % 12;
        r->truncated = r->n == 12;
        for (int i = 0; i < r->n; i++) r->tokens[i] = 3 + (j + i) % 9, r->sampled[i] = (TokenPolicy){-1, 1, 0};
        r->verdict = (j * 7) % 3 == 0 ? VERDICT_CORRECT : VERDICT_WRONG;
        r->reward = r->verdict == VERDICT_CORRECT;
    }
}

// Every rollout once, in the order of the prompts, the same deal on every rank, and loads at most one response apart.
static void test_deal(void **state) {
    (void)state;
    Prompt *prompts = trainer.train.prompts;
    const int n[7] = {2, 6, 4, 4, 3, 5, 4};
    for (int i = 0; i < 7; i += 2) trainer.history.length[i] = 3 + i;
    for (played_ranks = 1; played_ranks <= 5; played_ranks++) {
        double load[5] = {0}, longest = 0, least = INFINITY, most = 0;
        int ranks[28], j = 0;
        for (played_rank = played_ranks - 1; played_rank >= 0; played_rank--) {
            deal(&trainer, prompts, n);
            assert_int_equal(trainer.batch.count, 28);
            for (int k = 0; k < 28; k++) {
                if (played_rank < played_ranks - 1) assert_int_equal(ranks[k], trainer.batch.rollouts[k].rank);
                ranks[k] = trainer.batch.rollouts[k].rank;
                assert_true(ranks[k] >= 0 && ranks[k] < played_ranks);
            }
        }
        for (int i = 0; i < 7; i++)
            for (int number = 0; number < n[i]; number++, j++) {
                const Rollout *r = &trainer.batch.rollouts[j];
                double expected = trainer.history.length[i] > 0 ? trainer.history.length[i] : 6;
                assert_true(r->prompt == i && r->prompt_id == prompts[i].id && r->number == number);
                load[r->rank] += expected, longest = fmax(longest, expected);
            }
        for (int w = 0; w < played_ranks; w++) least = fmin(least, load[w]), most = fmax(most, load[w]);
        assert_true(most - least <= longest);
    }
    played_rank = 0, played_ranks = 1;
}

// Together the ranks train every rollout once, after its own prompt, with the weight that a single rank gives it.
static void test_split_over_ranks(void **state) {
    (void)state;
    const Prompt *prompts = trainer.train.prompts;
    const int n[7] = {2, 6, 4, 4, 3, 5, 4};
    float alone[28];
    for (LossMean mean = MEAN_TOKEN; mean <= MEAN_CONSTANT; mean++)
        for (played_ranks = 1; played_ranks <= 3; played_ranks++) {
            int seen[28] = {0};
            double total = 0;
            trainer.config.loss_mean = (int)mean;
            deal(&trainer, prompts, n);
            make_up_responses(&trainer);
            for (played_rank = 0; played_rank < played_ranks; played_rank++) {
                int count = sequences_of(&trainer, prompts, 0, 28);
                for (int k = 0; k < count; k++) {
                    const TrainSequence *s = &trainer.sequences[k];
                    int j = (int)((s->tokens - trainer.batch.tokens) / trainer.batch.max_new);
                    const Rollout *r = &trainer.batch.rollouts[j];
                    const Prompt *own = &prompts[r->prompt];
                    assert_true(r->rank == played_rank && s->prompt == own->tokens && s->n_prompt == own->n);
                    assert_true(s->n == r->n && s->sampled == r->sampled && s->advantage == r->advantage);
                    seen[j]++;
                    if (played_ranks == 1) alone[j] = s->weight;
                    assert_true(s->weight == alone[j]);
                    total += s->weight * (double)s->n;
                }
            }
            for (int j = 0; j < 28; j++) assert_int_equal(seen[j], 1);
            if (mean != MEAN_CONSTANT) assert_true(near(total, 1, 1e-6)); // a mean's weights add up to 1
        }
    played_rank = 0, played_ranks = 1;
}

// Every rollout gets its group's advantage, and the history counts each prompt's own verdicts.
static void test_advantages_and_history(void **state) {
    (void)state;
    Trainer *t = &trainer;
    const int n[7] = {2, 6, 4, 4, 3, 5, 4};
    clear_history();
    for (int visit = 0; visit < 2; visit++) {
        t->config.history_decay = 0.5;
        deal(t, t->train.prompts, n);
        make_up_responses(t);
        advantages(t, t->train.prompts);
        for (int i = 0, j = 0; i < 7; i++) {
            double sum = 0, correct = 0, length = 0;
            for (int k = 0; k < n[i]; k++, j++) {
                const Rollout *r = &t->batch.rollouts[j];
                sum += r->advantage, correct += r->verdict == VERDICT_CORRECT, length += (double)r->n / n[i];
            }
            assert_true(near(sum, 0, 1e-5));
            for (int k = j - n[i]; k < j && correct > 0 && correct < n[i]; k++)
                assert_true((t->batch.rollouts[k].advantage > 0) == (t->batch.rollouts[k].reward > 0));
            double visits = visit == 0 ? 1 : 1.5; // the first visit's counts have halved
            assert_true(near(t->history.correct[i], visits * correct, 1e-12));
            assert_true(near(t->history.verified[i], visits * n[i], 1e-12));
            assert_true(near(t->history.length[i], length, 1e-12));
        }
        for (int i = 7; i < t->history.count; i++) assert_true(t->history.verified[i] == 0);
    }
}

typedef struct Mixed { // what a test of refused() does first
    void (*tamper)(void);
} Mixed;
static void leave(void) {}
static void move_rollout(void) { trainer.batch.rollouts[3].prompt = 4; }
static void change_id(void) { trainer.batch.rollouts[9].prompt_id++; }
static void swap_rollouts(void) {
    Rollout keep = trainer.batch.rollouts[1];
    trainer.batch.rollouts[1] = trainer.batch.rollouts[2], trainer.batch.rollouts[2] = keep;
}
static void other_history(void) { trainer.history.id[2]++; }
static void other_problems(void) { // whichever prompts are drawn
    for (int i = 0; i < trainer.history.count; i++) trainer.train.prompts[i].id ^= 1;
}

static void act_advantages(void *context) {
    Mixed *m = context;
    m->tamper();
    advantages(&trainer, trainer.train.prompts);
}
static void act_sequences(void *context) {
    Mixed *m = context;
    m->tamper();
    sequences_of(&trainer, trainer.train.prompts, 0, trainer.batch.count);
}
static void act_allocate(void *context) {
    Mixed *m = context;
    Prompt prompts[7];
    const AllocateConfig config = {ALLOCATE_VARIANCE, 4, 2, 6, 2, 0.85};
    m->tamper();
    choose_prompts(&trainer, prompts);
    rollout_batch_allocate(&trainer.batch, trainer.dev, prompts, &trainer.history, &config);
}

static void test_mixed_up_is_refused(void **state) {
    (void)state;
    Mixed m = {leave};
    deal(&trainer, trainer.train.prompts, (const int[]){2, 6, 4, 4, 3, 5, 4});
    make_up_responses(&trainer);
    assert_false(refused(act_advantages, &m, "") || refused(act_sequences, &m, "") || refused(act_allocate, &m, ""));
    m.tamper = move_rollout;
    assert_true(refused(act_advantages, &m, "another prompt's group"));
    assert_true(refused(act_sequences, &m, "with another prompt"));
    m.tamper = change_id;
    assert_true(refused(act_advantages, &m, "another prompt's group"));
    assert_true(refused(act_sequences, &m, "with another prompt"));
    m.tamper = swap_rollouts;
    assert_true(refused(act_advantages, &m, "another prompt's group"));
    m.tamper = other_history;
    assert_true(refused(act_advantages, &m, "belongs to another prompt"));
    m.tamper = other_problems;
    assert_true(refused(act_allocate, &m, "is of another prompt"));
}

// Two whole steps: the budget is spent, every verdict is in the history, and training finds the sampler's log pi.
static void test_whole_steps(void **state) {
    (void)state;
    clear_history();
    trainer.config.history_decay = 1, trainer.config.loss_mean = MEAN_TOKEN;
    double correct = 0;
    for (int step = 1; step <= 2; step++) {
        StepMetrics m = metrics_empty("rl", step, 2);
        double verified = 0, right = 0;
        rl_step_in_test(&trainer, &m);
        assert_true(m.logprob_diff_max == 0 && m.ratio_max == 1 && m.clip_frac == 0 && m.kl_old == 0);
        correct += m.verdicts[VERDICT_CORRECT];
        for (int i = 0; i < trainer.history.count; i++) {
            verified += trainer.history.verified[i];
            right += trainer.history.correct[i];
        }
        assert_true(verified == 28 * step && right == correct && trainer.rl_done == step);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near),
        cmocka_unit_test(test_loss_means),
        cmocka_unit_test(test_mini_batches),
        cmocka_unit_test(test_objective),
        cmocka_unit_test(test_deal),
        cmocka_unit_test(test_split_over_ranks),
        cmocka_unit_test(test_advantages_and_history),
        cmocka_unit_test(test_mixed_up_is_refused),
        cmocka_unit_test(test_whole_steps),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
