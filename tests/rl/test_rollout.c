// The broadcast of rewards: afterwards every rank has the reward, length and verdict of every rollout, and no tokens
// have moved. rollout.c is compiled into this test under other names; the test plays the ranks in turn.
#define rollout_batch_plan       played_plan
#define rollout_batch_commit     played_commit
#define rollout_batch_free       played_free
#define rollout_batch_add        played_add
#define rollout_batch_allocate   played_allocate
#define rollout_batch_deal       played_deal
#define rollout_batch_broadcast  played_broadcast
#define rollout_batch_advantages played_advantages
#include "kernels/device/comm.h"
static void played_sum(double *h_x, size_t n);
static int played_rank;
#define comm_rank(comm)         ((void)(comm), played_rank)
#define comm_sum(comm, h_x, n) ((void)(comm), played_sum(h_x, n))
#include "rl/rollout.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { PROMPTS = 3, EACH = 4, COUNT = PROMPTS * EACH, MAX_NEW = 9, RANKS = 4 };

// A sum over played ranks takes two rounds: each rank first contributes its values, then takes the total.
static double total[COUNT * 4];
static bool contributing;
static void played_sum(double *h_x, size_t n) {
    assert_true(n <= sizeof total / sizeof *total);
    for (size_t i = 0; i < n; i++) {
        if (contributing) total[i] += h_x[i];
        else h_x[i] = total[i];
    }
}

// What rollout j gets on the rank that generates it; `other` on a rank that only knows that it exists.
static void set_results(Rollout *r, int j, bool other) {
    r->reward = other ? 99.0f : 0.1f * (float)(j - 5);
    r->n = other ? 77 : 1 + j % MAX_NEW;
    r->verdict = other ? -3 : j % 7;
    r->truncated = other ? j % 2 == 0 : j % 2 == 1;
    for (int i = 0; i < MAX_NEW; i++) r->tokens[i] = other ? -1 : j * 10 + i;
}

static const Prompt prompts[PROMPTS] = {{.id = 11}, {.id = 22}, {.id = INT64_MAX}};

static void fill(RolloutBatch *b, int rank, int ranks) {
    b->count = 0;
    for (int j = 0; j < COUNT; j++) {
        played_add(b, prompts, j / EACH, j % EACH, j * 5 % ranks);
        set_results(&b->rollouts[j], j, j * 5 % ranks != rank);
    }
}

static void check(const RolloutBatch *b, int rank, int ranks) {
    int tokens[MAX_NEW];
    Rollout want = {.tokens = tokens};
    assert_int_equal(b->count, COUNT);
    for (int j = 0; j < COUNT; j++) {
        const Rollout *r = &b->rollouts[j];
        set_results(&want, j, r->rank != rank);
        assert_memory_equal(r->tokens, tokens, sizeof tokens);
        set_results(&want, j, false);
        assert_true(r->reward == want.reward && r->n == want.n);
        assert_true(r->verdict == want.verdict && r->truncated == want.truncated);
        assert_true(r->prompt == j / EACH && r->number == j % EACH && r->rank == j * 5 % ranks);
        assert_true(r->prompt_id == prompts[j / EACH].id);
    }
}

static void test_broadcast(void **state) {
    (void)state;
    RolloutBatch b;
    played_plan(&b, 0, COUNT, MAX_NEW);
    played_commit(&b, NULL);
    for (int ranks = 1; ranks <= RANKS; ranks++) {
        memset(total, 0, sizeof total);
        for (int round = 0; round < 2; round++)
            for (played_rank = ranks - 1; played_rank >= 0; played_rank--) {
                contributing = round == 0;
                fill(&b, played_rank, ranks);
                played_broadcast(&b, NULL);
                if (!contributing) check(&b, played_rank, ranks);
            }
    }
    played_free(&b, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_broadcast)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
