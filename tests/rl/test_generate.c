// Training finds the sampler's log pi, H and E bit for bit, and a rollout depends only on its own key.
#include "rl/generate.h"
#include "rl/update.h"
#include "tests/model/tiny_model.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

enum { PROMPTS = 10, EACH = 5, ROLLOUTS = PROMPTS * EACH, MAX_NEW = 21, LONGEST = 530 };
// Around the edges of KV blocks; without prefill; and longer than one and than two prefill forwards of the C build.
static const int lengths[PROMPTS] = {1, 2, 17, 300, 33, 16, LONGEST, 1, 18, 40};

typedef struct Batchful {
    Prompt prompts[PROMPTS];
    Rollout rollouts[ROLLOUTS];
    int prompt_tokens[PROMPTS][LONGEST], tokens[ROLLOUTS][MAX_NEW];
    TokenPolicy sampled[ROLLOUTS][MAX_NEW];
} Batchful;

static void fill(Batchful *b, int ranks) {
    memset(b, 0, sizeof *b);
    for (int i = 0; i < PROMPTS; i++) {
        for (int t = 0; t < lengths[i]; t++)
            b->prompt_tokens[i][t] = (int)((test_random(5, (uint64_t)(i * 1000 + t)) + 1) * 14.49f);
        b->prompts[i] = (Prompt){.id = 1000 + i, .problem = i, .tokens = b->prompt_tokens[i], .n = lengths[i]};
        for (int number = 0, j = i * EACH; number < EACH; number++, j++)
            b->rollouts[j] = (Rollout){.prompt_id = 1000 + i, .prompt = i, .number = number, .rank = j % ranks,
                                       .tokens = b->tokens[j], .sampled = b->sampled[j]};
    }
}

static Gpt *open_model(Device *dev, const char *architecture) {
    ModelConfig config = tiny_config(architecture);
    config.T_max = LONGEST + MAX_NEW;
    Gpt *gpt = gpt_new(dev, &config, config.T_max);
    float *h = tiny_params(&gpt->table);
    device_upload_floats(dev, gpt->params, h, gpt->table.size);
    free(h);
    return gpt;
}

static const PromptTemplate *stops; // whose stop strings end a response; NULL: none
static const Tokenizer *tokenizer;
static int burst; // decoding steps per burst; 0: the build's own

static void generate(Batchful *b, const char *architecture, int slots, int threads, int ranks,
                     const SampleConfig *sample) {
    Device *dev = device_open(threads, 0, NULL);
    Gpt *gpt = open_model(dev, architecture);
    Generator *generator = generator_new(gpt, slots, LONGEST + MAX_NEW);
    if (burst) generator_set_burst(generator, burst);
    if (stops) generator_set_stop(generator, stops, tokenizer);
    fill(b, ranks);
    for (int rank = 0; rank < ranks; rank++)
        generator_run(generator, b->rollouts, ROLLOUTS, rank, b->prompts, PROMPTS, MAX_NEW, sample);
    generator_free(generator);
    gpt_free(gpt);
    device_close(dev);
}

static const SampleConfig usual = {.temp = 0.8f, .top_p = 1.0f, .seed = 7, .step = 3};

// A stop string cuts a rollout and changes no token before: whatever the slots and bursts, the same prefix.
static void test_stop_strings_cut(void **state) {
    (void)state;
    static Batchful whole, cut;
    char dir[] = P_tmpdir "/test_generate_XXXXXX", path[100];
    assert_true(mkdtemp(dir) && tokenizer_write_characters(dir, "abcdefghijklmnopqrstuvwxyz0123456789", NULL, 0, NULL));
    Tokenizer *letters = tokenizer_load(dir, NULL);
    PromptTemplate template = prompt_template_verbatim();
    for (const char *c = "aehmqw"; *c; c++) assert_true(prompt_template_stop(&template, (char[]){*c, 0}, NULL));
    tokenizer = letters;
    generate(&whole, "llama", 64, 1, 1, &usual);
    int ended = 0;
    stops = &template;
    for (int v = 0; v < 3; v++) {
        burst = (const int[]){1, 8, 5}[v];
        generate(&cut, "llama", (const int[]){64, 3, 13}[v], 1, 1, &usual);
        for (int j = 0; j < ROLLOUTS; j++) {
            const Rollout *a = &whole.rollouts[j], *b = &cut.rollouts[j];
            int n = 0;
            bool found = false;
            for (; n < a->n && !found; n++) {
                size_t size;
                const char *letter = tokenizer_token_bytes(letters, a->tokens[n], &size);
                found = size == 1 && memchr("aehmqw", *letter, 6);
            }
            assert_int_equal(b->n, n);
            assert_int_equal(b->uncounted, found);
            assert_int_equal(b->truncated, a->truncated && !found);
            assert_memory_equal(a->tokens, b->tokens, (size_t)n * sizeof(int));
            assert_memory_equal(a->sampled, b->sampled, (size_t)n * sizeof *a->sampled);
            ended += found;
        }
    }
    assert_true(ended > 3 * ROLLOUTS / 2);
    stops = NULL, burst = 0;
    tokenizer_free(letters);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir), unlink(path);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir), unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

// With 64 slots all prompts are prefilled together and long ones are cut where a forward is full; with one, each alone.
static void test_slots_threads_ranks_bursts(void **state) {
    (void)state;
    static Batchful first, other;
    const char *const architectures[] = {"llama", "qwen2", "qwen3"};
    for (int a = 0; a < 3; a++) {
        burst = 0;
        generate(&first, architectures[a], 64, 1, 1, &usual);
        const int variants[][4] = {{1, 1, 1, 1}, {2, 2, 1, 8}, {5, 3, 2, 1}, {13, 2, 3, 5}, {64, 2, 1, 7}};
        for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
            burst = variants[v][3];
            generate(&other, architectures[a], variants[v][0], variants[v][1], variants[v][2], &usual);
            for (int j = 0; j < ROLLOUTS; j++) assert_int_equal(first.rollouts[j].n, other.rollouts[j].n);
            assert_memory_equal(first.tokens, other.tokens, sizeof first.tokens);
            assert_memory_equal(first.sampled, other.sampled, sizeof first.sampled);
        }
    }
    burst = 0;
}

// The training forward of the sampled tokens gives log pi, H and E with the same bits, so the ratio is exactly 1:
// whether prompts are shared, and where micro-batches cut the responses to one.
static void check_training(int micro_tokens, bool share_prompts) {
    static Batchful b;
    static TokenResult results[ROLLOUTS * MAX_NEW];
    TrainSequence sequences[ROLLOUTS];
    const char *const architectures[] = {"llama", "qwen2", "qwen3"};
    for (int a = 0; a < 3; a++) {
        generate(&b, architectures[a], 9, 2, 1, &usual);
        Device *dev = device_open(3, 0, NULL);
        Gpt *gpt = open_model(dev, architectures[a]);
        Updater *updater = updater_new(gpt, micro_tokens, LONGEST + MAX_NEW, 17, share_prompts);
        Arena arena = {.name = "gradients"};
        Gradients grads;
        int ended = 0, tokens = 0;
        Buckets whole = buckets_make(&gpt->table, NULL, false);
        gradients_plan(gpt, &grads, &arena, &whole);
        arena_commit(&arena, dev);
        for (int j = 0; j < ROLLOUTS; j++) {
            const Rollout *r = &b.rollouts[j];
            const Prompt *prompt = &b.prompts[r->prompt];
            sequences[j] = (TrainSequence){prompt->tokens, r->tokens, r->sampled, prompt->n, r->n,
                                           j % 2 ? 1.0f : -0.5f, 0.01f, NULL};
            ended += !r->truncated;
            tokens += r->n;
            assert_int_equal(r->truncated, r->tokens[r->n - 1] != 3);
        }
        assert_true(ended > 0 && ended < ROLLOUTS); // both kinds of end occur
        PolicyObjective objective = {.inv_temp = 1.0f / 0.8f, .eps_low = 0.2f, .eps_high = 0.2f, .dual_clip = 10};
        updater_gradient(updater, &grads, results, sequences, ROLLOUTS, &objective, false);
        for (int j = 0, m = 0; j < ROLLOUTS; j++)
            for (int t = 0; t < b.rollouts[j].n; t++, m++) {
                assert_memory_equal(&results[m].logp, &b.sampled[j][t].logp, sizeof(float));
                assert_memory_equal(&results[m].entropy, &b.sampled[j][t].entropy, sizeof(float));
                assert_memory_equal(&results[m].E, &b.sampled[j][t].E, sizeof(float));
                assert_true(results[m].ratio == 1.0f && results[m].clipped == 0.0f);
            }
        assert_true(tokens > ROLLOUTS);
        arena_free(&arena, dev);
        updater_free(updater);
        gpt_free(gpt);
        device_close(dev);
    }
}

static void test_same_bits_in_training(void **state) {
    (void)state;
    check_training(600, false);
    check_training(600, true); // the longest prompt's responses do not fit into one
    check_training(5000, true);
}

// Other seeds, steps and rollout numbers give other responses; the same ones the same.
static void test_keys(void **state) {
    (void)state;
    static Batchful first, other;
    SampleConfig seed = usual, step = usual;
    seed.seed++, step.step++;
    generate(&first, "qwen3", 16, 2, 1, &usual);
    generate(&other, "qwen3", 16, 2, 1, &seed);
    assert_memory_not_equal(first.tokens, other.tokens, sizeof first.tokens);
    generate(&other, "qwen3", 16, 2, 1, &step);
    assert_memory_not_equal(first.tokens, other.tokens, sizeof first.tokens);
    assert_memory_not_equal(first.tokens[0], first.tokens[1], sizeof first.tokens[0]);
}

// There are enough blocks even if every slot needs all of its own while more rollouts of its prompt wait: a generator
// that runs out of blocks, or loses one, ends the program. Prompts around the edges of a block; all are truncated.
static void test_blocks_suffice(void **state) {
    (void)state;
    Device *dev = device_open(1, 0, NULL);
    Gpt *gpt = open_model(dev, "llama");
    gpt->config.n_eos = 0;
    int block = kv_block_tokens(), T = 3 * block, tokens[64] = {0};
    assert_true(block + 2 <= 64);
    for (int slots = 1; slots <= 4; slots++) {
        Generator *generator = generator_new(gpt, slots, T);
        for (int n = block - 1; n <= block + 2; n++) {
            Prompt prompts[] = {{.id = 1, .tokens = tokens, .n = n}, {.id = 2, .tokens = tokens, .n = n}};
            RolloutBatch batch;
            rollout_batch_plan(&batch, 0, 8, T - n);
            rollout_batch_commit(&batch, NULL);
            for (int j = 0; j < 8; j++) rollout_batch_add(&batch, prompts, j / 5, j, 0);
            generator_run(generator, batch.rollouts, batch.count, 0, prompts, 2, T - n, &usual);
            for (int j = 0; j < 8; j++) assert_int_equal(batch.rollouts[j].n, T - n);
            rollout_batch_free(&batch, NULL);
        }
        generator_free(generator);
    }
    gpt_free(gpt);
    device_close(dev);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_strings_cut),      cmocka_unit_test(test_slots_threads_ranks_bursts),
        cmocka_unit_test(test_same_bits_in_training), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_blocks_suffice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
