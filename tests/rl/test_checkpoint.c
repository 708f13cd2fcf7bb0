// Checkpoints: what was saved is restored, the next step is bit-identical, and a checkpoint that is cut, damaged,
// foreign or impossible is refused with the reason, whichever byte or value is wrong.
#include "model/files/safetensors.h"
#include "rl/checkpoint.h"
#include "rl/step.h"
#include "tests/rl/small_trainer.h"
#include <math.h>
#include <sys/stat.h>

static const char *const flags[] = {"--sft-steps", "2", "--sft-batch", "8", NULL};
static char folder[64], checkpoint[160], state_path[200], model_path[200];
static Trainer trainer;

static int open_world(void **state) {
    (void)state;
    StepMetrics m = metrics_empty("rl", 1, 1);
    new_folder(folder);
    small_trainer(&trainer, folder, flags);
    warmup_step(&trainer, &m), warmup_step(&trainer, &m), rl_step(&trainer, &m);
    assert_true(checkpoint_save(&trainer));
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoints/step-0000003", folder);
    snprintf(state_path, sizeof state_path, "%s/trainer.safetensors", checkpoint);
    snprintf(model_path, sizeof model_path, "%s/model.safetensors", checkpoint);
    return 0;
}
static int close_world(void **state) {
    (void)state;
    small_trainer_close(&trainer);
    remove_tree(folder);
    return 0;
}

static char *read_all(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}
static void write_all(const char *path, const char *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static float *values(const float *device) {
    size_t n = trainer.gpt->table.size;
    float *h = malloc(n * sizeof *h);
    device_download(trainer.dev, h, device, n * sizeof *h);
    return h;
}
static void same_values(const float *a, const float *b) {
    float *h_a = values(a), *h_b = values(b);
    assert_memory_equal(h_a, h_b, trainer.gpt->table.size * sizeof(float));
    free(h_a), free(h_b);
}
static void same_trainers(const Trainer *a, const Trainer *b) {
    size_t P = (size_t)a->history.count * sizeof(double);
    assert_true(a->sft_done == b->sft_done && a->rl_done == b->rl_done);
    assert_true(a->opt.t == b->opt.t && a->opt.skipped == b->opt.skipped);
    same_values(a->opt.master, b->opt.master);
    same_values(a->opt.m, b->opt.m);
    same_values(a->opt.v, b->opt.v);
    assert_memory_equal(a->history.correct, b->history.correct, P);
    assert_memory_equal(a->history.verified, b->history.verified, P);
    assert_memory_equal(a->history.length, b->history.length, P);
}

static void test_resumes(void **state) {
    (void)state;
    static Trainer other;
    const char *const resume[] = {"--sft-steps", "2", "--sft-batch", "8", "--resume", "--slots", "3", NULL};
    StepMetrics m = metrics_empty("rl", 2, 2);
    small_trainer(&other, folder, resume);
    same_trainers(&trainer, &other);
    rl_step(&trainer, &m), rl_step(&other, &m);
    same_trainers(&trainer, &other);
    small_trainer_close(&other);
}

// From here on the trainer only serves to load checkpoints into.
static bool loads(const char *word) {
    Error err = {""};
    if (checkpoint_load(&trainer, &err)) return true;
    if (!strstr(err.text, word)) fail_msg("refused with \"%s\"; \"%s\" was expected", err.text, word);
    return false;
}

static void test_cut_short(void **state) {
    (void)state;
    const char *const paths[] = {state_path, model_path};
    for (int k = 0; k < 2; k++) {
        size_t n;
        char *bytes = read_all(paths[k], &n);
        for (size_t cut = 0; cut < n; cut += cut < 20 ? 1 : n / 37) {
            write_all(paths[k], bytes, cut);
            assert_false(loads(paths[k] + strlen(checkpoint)));
        }
        write_all(paths[k], bytes, n - 1);
        assert_false(loads(".safetensors"));
        char *longer = calloc(n + 1, 1);
        memcpy(longer, bytes, n);
        write_all(paths[k], longer, n + 1);
        assert_false(loads(".safetensors"));
        remove(paths[k]);
        assert_false(loads(".safetensors"));
        write_all(paths[k], bytes, n);
        assert_true(loads(""));
        free(bytes), free(longer);
    }
}

// A flipped bit anywhere in the length or the header is refused, or harmless if nothing that is read depends on it.
static void test_flipped_header_bits(void **state) {
    (void)state;
    size_t n, refusals = 0, tried = 0;
    char *bytes = read_all(state_path, &n);
    size_t header = 8 + (unsigned char)bytes[0] + 256u * (unsigned char)bytes[1];
    assert_true(header < n && header > 500);
    for (size_t at = 0; at < header; at++, tried++) {
        Error err = {""};
        bytes[at] ^= (char)(1 << at % 7);
        write_all(state_path, bytes, n);
        bool ok = checkpoint_load(&trainer, &err);
        assert_true(ok || err.text[0]);
        refusals += !ok;
        bytes[at] ^= (char)(1 << at % 7);
    }
    assert_true(refusals * 10 > tried * 9);
    write_all(state_path, bytes, n);
    assert_true(loads(""));
    free(bytes);
}

enum { TENSORS = 6, COUNTERS = 5 };
typedef struct Rewrite { // one change to the saved checkpoint; NULL or 0: none
    const char *key, *value; // of metadata
    const char *tensor;      // its first value becomes `number`, its first id another, or it is dropped or cut
    double number;
    enum { SET, DROP, CUT } how;
} Rewrite;

static void rewrite(const char *bytes, size_t n, const Rewrite *r) {
    const char *const keys[COUNTERS] = {"config", "sft_done", "rl_done", "adamw.t", "skipped"};
    Error err = {""};
    write_all(state_path, bytes, n);
    Safetensors *file = safetensors_open(state_path, &err);
    Safetensor tensors[TENSORS];
    SafetensorsPair pairs[COUNTERS];
    double copy[64];
    size_t count = 0, n_pairs = 0;
    assert_int_equal(safetensors_count(file), TENSORS);
    for (size_t i = 0; i < TENSORS; i++) {
        const Safetensor *t = safetensors_at(file, i);
        bool chosen = r->tensor && !strcmp(t->name, r->tensor);
        if (chosen && r->how == DROP) continue;
        tensors[count] = *t;
        if (chosen && r->how == CUT) tensors[count].shape[0]--;
        if (chosen && r->how == SET) {
            assert_true(t->bytes <= sizeof copy);
            memcpy(copy, t->data, t->bytes);
            int64_t id = trainer.history.id[0] + 1;
            if (t->type == SAFETENSOR_I64) memcpy(copy, &id, sizeof id);
            else copy[0] = r->number;
            tensors[count].data = copy;
        }
        count++;
    }
    for (int k = 0; k < COUNTERS; k++) {
        bool chosen = r->key && !strcmp(keys[k], r->key);
        if (chosen && !r->value) continue;
        pairs[n_pairs++] = (SafetensorsPair){keys[k], chosen ? r->value : safetensors_metadata(file, keys[k])};
    }
    if (!safetensors_write(state_path, tensors, count, pairs, n_pairs, &err)) fail_msg("%s", err.text);
    safetensors_close(file);
}

static void test_impossible_values(void **state) {
    (void)state;
    size_t n;
    char *bytes = read_all(state_path, &n);
    const struct {
        Rewrite rewrite;
        const char *word;
    } cases[] = {
        {{.key = "sft_done", .value = "-1"}, "counter sft_done"},
        {{.key = "sft_done", .value = "3"}, "counter sft_done"}, // more than --sft-steps
        {{.key = "rl_done", .value = ""}, "counter rl_done"},
        {{.key = "rl_done", .value = "1x"}, "counter rl_done"},
        {{.key = "rl_done", .value = "99999999999999999999"}, "counter rl_done"},
        {{.key = "adamw.t", .value = "nan"}, "counter adamw.t"},
        {{.key = "skipped"}, "counter skipped"},
        {{.key = "config"}, "not a checkpoint of this program"},
        {{.key = "config", .value = "[1, 2"}, "not a checkpoint of this program"},
        {{.key = "config", .value = "{}"}, "resume with the same flags"},
        {{.tensor = "adamw.m", .how = DROP}, "adamw.m"},
        {{.tensor = "adamw.v", .how = CUT}, "adamw.v"},
        {{.tensor = "history.id", .how = DROP}, "history.id"},
        {{.tensor = "history.id", .how = SET}, "of other prompts"},
        {{.tensor = "history.correct", .how = CUT}, "history.correct"},
        {{.tensor = "history.correct", .number = NAN}, "history of prompt 0 is impossible"},
        {{.tensor = "history.correct", .number = 1e6}, "history of prompt 0 is impossible"},
        {{.tensor = "history.correct", .number = -1}, "history of prompt 0 is impossible"},
        {{.tensor = "history.verified", .number = -4}, "history of prompt 0 is impossible"},
        {{.tensor = "history.verified", .number = INFINITY}, "history of prompt 0 is impossible"},
        {{.tensor = "history.length", .number = NAN}, "history of prompt 0 is impossible"},
    };
    rewrite(bytes, n, &(Rewrite){0}); // rewriting alone is harmless
    assert_true(loads(""));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rewrite(bytes, n, &cases[i].rewrite);
        if (loads(cases[i].word)) fail_msg("case %zu was not refused", i);
    }
    write_all(state_path, bytes, n);
    free(bytes);
}

// Another model's weights; a damaged newer checkpoint, where the message names the remedy; unfinished ones, which are
// ignored.
static void test_foreign_and_unfinished(void **state) {
    (void)state;
    Error err = {""};
    size_t n;
    char *bytes = read_all(model_path, &n), path[300];
    float number = 1;
    Safetensor stranger = {.name = "stranger", .type = SAFETENSOR_F32, .rank = 1, .shape = {1}, .data = &number};
    assert_true(safetensors_write(model_path, &stranger, 1, NULL, 0, &err));
    assert_false(loads("has no tensor"));
    write_all(model_path, bytes, n);
    free(bytes);
    snprintf(path, sizeof path, "%s/checkpoints/step-0000009.tmp", folder);
    mkdir(path, 0777);
    assert_true(loads(""));
    snprintf(path, sizeof path, "%s/checkpoints/step-0000009", folder);
    mkdir(path, 0777);
    assert_false(loads("resume from the checkpoint before it"));
    remove(path);
    assert_true(loads(""));
    assert_int_equal(trainer.rl_done, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_flipped_header_bits),
        cmocka_unit_test(test_impossible_values),
        cmocka_unit_test(test_foreign_and_unfinished),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
