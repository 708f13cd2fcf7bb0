// From creation to reward: rollouts in any order, split over ranks and generated in a few refilled slots, have the same
// tokens as alone, and each is graded against its own prompt's gold. A rollout with a wrong prompt id stops the run.
#include "kernels/philox.h"
#include "tests/rl/small_trainer.h"

enum { PROMPTS = 12, EACH = 4, COUNT = PROMPTS * EACH, MAX_NEW = 12 };

static char folder[64];
static Trainer trainer;
static int open_world(void **state) {
    (void)state;
    new_folder(folder);
    small_trainer(&trainer, folder, (const char *const[]){"--prompts", "12", NULL});
    return 0;
}
static int close_world(void **state) {
    (void)state;
    small_trainer_close(&trainer);
    remove_tree(folder);
    return 0;
}

static const SampleConfig usual = {.temp = 1, .top_p = 1, .seed = 3, .step = 1};

static void fill_batch(int ranks) {
    trainer.batch.count = 0;
    for (int i = 0; i < PROMPTS; i++)
        for (int number = 0; number < EACH; number++)
            rollout_batch_add(&trainer.batch, trainer.train.prompts, i, number, (i * 5 + number) % ranks);
}

static void shuffle(uint32_t seed) {
    for (int j = COUNT - 1; j > 0; j--) {
        int other = (int)(philox(seed, (uint32_t)j, 0, 0, 0).word[0] % (uint32_t)(j + 1));
        Rollout keep = trainer.batch.rollouts[j];
        trainer.batch.rollouts[j] = trainer.batch.rollouts[other], trainer.batch.rollouts[other] = keep;
    }
}

static void generate(int slots, int ranks) {
    Generator *g = generator_new(trainer.gpt, slots, trainer.train.longest + MAX_NEW);
    for (int rank = 0; rank < ranks; rank++) {
        int tokens = 0, steps = (int)generator_run(g, trainer.batch.rollouts, COUNT, rank, trainer.train.prompts,
                                                   PROMPTS, MAX_NEW, &usual);
        for (int j = 0; j < COUNT; j++)
            if (trainer.batch.rollouts[j].rank == rank) tokens += trainer.batch.rollouts[j].n;
        assert_true(steps * slots >= tokens && (slots > 1 || steps == tokens)); // a single slot is never idle
    }
    generator_free(g);
}

static int at(const Rollout *r) { return r->prompt * EACH + r->number; }

static void test_generated_as_if_alone(void **state) {
    (void)state;
    static int tokens[COUNT][MAX_NEW], n[COUNT];
    fill_batch(1);
    generate(COUNT, 1);
    for (int j = 0; j < COUNT; j++) {
        const Rollout *r = &trainer.batch.rollouts[j];
        n[at(r)] = r->n;
        memcpy(tokens[at(r)], r->tokens, (size_t)r->n * sizeof(int));
    }
    for (int variant = 0; variant < 5; variant++) {
        int ranks = 1 + variant % 3, slots = (int[]){1, 2, 3, 7, 64}[variant];
        fill_batch(ranks);
        shuffle((uint32_t)variant);
        generate(slots, ranks);
        for (int j = 0; j < COUNT; j++) {
            const Rollout *r = &trainer.batch.rollouts[j];
            assert_true(r->prompt_id == trainer.train.prompts[r->prompt].id && r->n == n[at(r)]);
            assert_memory_equal(r->tokens, tokens[at(r)], (size_t)r->n * sizeof(int));
        }
    }
}

// Replaces the untrained model's tokens with a right response: to the rollout's own prompt if its number is even, else
// to the next one.
static void answer(Rollout *r) {
    char text[TASK_RESPONSE_MAX + 1];
    Error err = {""};
    const Problem *p = &trainer.train.problems.items[(r->prompt + r->number % 2) % PROMPTS];
    int len = task_response(p->task, false, 0, 1, 1, text, sizeof text), tokens[TASK_RESPONSE_MAX];
    r->n = tokenizer_encode(trainer.tokenizer, text, (size_t)len, tokens, TASK_RESPONSE_MAX, &err);
    assert_true(r->n > 0 && r->n <= trainer.batch.max_new);
    memcpy(r->tokens, tokens, (size_t)r->n * sizeof(int));
    r->truncated = false;
}

static void grade(int rank, float wrong) {
    grade_rollouts(trainer.grader, trainer.tokenizer, trainer.train.prompts, PROMPTS, trainer.batch.rollouts, COUNT,
                   rank, 1, wrong);
}

static void test_graded_against_its_own_gold(void **state) {
    (void)state;
    for (int variant = 0; variant < 6; variant++) {
        int ranks = 1 + variant % 3;
        fill_batch(ranks);
        shuffle(10 + (uint32_t)variant);
        generate(1 + variant * 3, ranks);
        for (int j = 0; j < COUNT; j++) answer(&trainer.batch.rollouts[j]);
        for (int rank = ranks - 1; rank >= 0; rank--) grade(rank, -1);
        for (int j = 0; j < COUNT; j++) {
            const Rollout *r = &trainer.batch.rollouts[j];
            const Problem *own = &trainer.train.problems.items[r->prompt];
            const Problem *next = &trainer.train.problems.items[(r->prompt + 1) % PROMPTS];
            bool right = r->number % 2 == 0 || strcmp(own->gold, next->gold) == 0; // two prompts may have the same gold
            assert_true(r->prompt_id == own->id && (r->verdict == VERDICT_CORRECT) == right);
            assert_true(r->reward == (right ? 1.0f : -1.0f));
        }
    }
}

static void leave(void) {}
static void wrong_id(void) { trainer.batch.rollouts[17].prompt_id++; }
static void wrong_prompt(void) { trainer.batch.rollouts[30].prompt = 3; }
static void no_such_prompt(void) { trainer.batch.rollouts[30].prompt = PROMPTS; }
static void swapped_prompts(void) {
    Prompt keep = trainer.train.prompts[2];
    trainer.train.prompts[2] = trainer.train.prompts[5], trainer.train.prompts[5] = keep;
}

static void act_generate(void *context) {
    fill_batch(1);
    (*(void (**)(void))context)();
    generate(6, 1);
}
static void act_grade(void *context) {
    fill_batch(1);
    generate(6, 1);
    (*(void (**)(void))context)();
    grade(0, 0);
}

static void test_tampered_is_refused(void **state) {
    (void)state;
    void (*const tampers[])(void) = {wrong_id, wrong_prompt, swapped_prompts};
    void (*none)(void) = leave, (*beyond)(void) = no_such_prompt;
    assert_false(refused(act_generate, &none, "") || refused(act_grade, &none, ""));
    for (int i = 0; i < 3; i++) {
        void (*tamper)(void) = tampers[i];
        assert_true(refused(act_generate, &tamper, "was about to be generated from prompt"));
        assert_true(refused(act_grade, &tamper, "another prompt's answer"));
    }
    assert_true(refused(act_grade, &beyond, "names prompt 12 of 12"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_as_if_alone),
        cmocka_unit_test(test_graded_against_its_own_gold),
        cmocka_unit_test(test_tampered_is_refused),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
