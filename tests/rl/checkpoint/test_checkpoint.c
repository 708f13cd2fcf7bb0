// Checkpoints: what was saved is restored, the next step is bit-identical, and a checkpoint that is cut, damaged,
// foreign or impossible is refused with the reason, whichever byte or value is wrong.
#include "base/files.h"
#include "model/files/safetensors.h"
#include "rl/checkpoint/checkpoint.h"
#include "rl/checkpoint/manifest.h"
#include "rl/checkpoint/run_folder.h"
#include "rl/step.h"
#include "tests/rl/small_trainer.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>

// The program's fsync and rename are these. The calls number fails_at[kind] fail once; the disk is not waited for.
enum { FSYNC, RENAME, KINDS };
static int calls[KINDS], fails_at[KINDS];
static int fails(int kind) {
    errno = EIO;
    return ++calls[kind] == fails_at[kind];
}
int fsync(int fd) { return (void)fd, fails(FSYNC) ? -1 : 0; }
int rename(const char *from, const char *to) {
    return fails(RENAME) ? -1 : renameat(AT_FDCWD, from, AT_FDCWD, to);
}

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

static void unlock(void) {
    fclose(trainer.log.lock);
    trainer.log.lock = NULL;
}

static void test_resumes(void **state) {
    (void)state;
    static Trainer other;
    unlock();
    const char *const resume[] = {"--sft-steps", "2", "--sft-batch", "8", "--resume", "--slots", "3", NULL};
    StepMetrics m = metrics_empty("rl", 2, 2);
    small_trainer(&other, folder, resume);
    same_trainers(&trainer, &other);
    rl_step(&trainer, &m), rl_step(&other, &m);
    same_trainers(&trainer, &other);
    small_trainer_close(&other);
}

// From here on the trainer only serves to load checkpoints into. Files were changed on purpose: with `intact` the
// manifest is made to agree, so that what lies behind it is tested.
static bool loads_with(const char *word, bool intact) {
    Error err = {""};
    cJSON *flags_saved = cJSON_CreateObject();
    if (intact && !manifest_write(checkpoint, 3, flags_saved, &err)) fail_msg("%s", err.text);
    cJSON_Delete(flags_saved);
    trainer.config.resume = true;
    if (checkpoint_load(&trainer, &err)) return true;
    if (!strstr(err.text, word)) fail_msg("refused with \"%s\"; \"%s\" was expected", err.text, word);
    return false;
}
static bool loads(const char *word) { return loads_with(word, true); }

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
    size_t n, n_manifest, size, refusals = 0, tried = 0;
    char *bytes = read_all(state_path, &n), manifest_path[200], digits[24];
    assert_true(loads("")); // writes the manifest, in which this file is the last
    snprintf(manifest_path, sizeof manifest_path, "%s/manifest.json", checkpoint);
    char *manifest = read_all(manifest_path, &n_manifest);
    size_t tail = 16 + strlen("\"\n\t\t}]\n}");
    size_t header = 8 + (unsigned char)bytes[0] + 256u * (unsigned char)bytes[1];
    assert_true(header < n && header > 500);
    for (size_t at = 0; at < header; at++, tried++) {
        Error err = {""};
        bytes[at] ^= (char)(1 << at % 7);
        write_all(state_path, bytes, n);
        uint64_t hash = 0;
        assert_true(file_hash(state_path, &hash, &size, &err));
        snprintf(digits, sizeof digits, "%016" PRIx64, hash);
        memcpy(manifest + n_manifest - tail, digits, 16); // without the flushing of manifest_write
        write_all(manifest_path, manifest, n_manifest);
        bool ok = checkpoint_load(&trainer, &err);
        assert_true((ok || err.text[0]) && !strstr(err.text, "damaged"));
        refusals += !ok;
        bytes[at] ^= (char)(1 << at % 7);
    }
    assert_true(refusals * 10 > tried * 9);
    write_all(state_path, bytes, n);
    assert_true(loads(""));
    free(bytes), free(manifest);
}

enum { TENSORS = 6, COUNTERS = 7 };
typedef struct Rewrite { // one change to the saved checkpoint; NULL or 0: none
    const char *key, *value; // of metadata
    const char *tensor;      // its first value becomes `number`, its first id another, or it is dropped or cut
    double number;
    enum { SET, DROP, CUT } how;
} Rewrite;

static void rewrite(const char *bytes, size_t n, const Rewrite *r) {
    const char *const keys[COUNTERS] = {"config", "sft_done", "rl_done", "adamw.t", "skipped", "prompts_done", "data"};
    Error err = {""};
    write_all(state_path, bytes, n);
    Safetensors *file = safetensors_open(state_path, &err);
    Safetensor tensors[TENSORS];
    SafetensorsPair pairs[COUNTERS];
    void *copy = NULL;
    size_t count = 0, n_pairs = 0;
    assert_int_equal(safetensors_count(file), TENSORS);
    for (size_t i = 0; i < TENSORS; i++) {
        const Safetensor *t = safetensors_at(file, i);
        bool chosen = r->tensor && !strcmp(t->name, r->tensor);
        if (chosen && r->how == DROP) continue;
        tensors[count] = *t;
        if (chosen && r->how == CUT) tensors[count].shape[0]--;
        if (chosen && r->how == SET) {
            float value = (float)r->number;
            int64_t id = trainer.history.id[0] + 1;
            assert_non_null(copy = malloc(t->bytes));
            memcpy(copy, t->data, t->bytes);
            if (t->type == SAFETENSOR_I64) memcpy(copy, &id, sizeof id);
            else if (t->type == SAFETENSOR_F32) memcpy(copy, &value, sizeof value);
            else memcpy(copy, &r->number, sizeof r->number);
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
    free(copy);
}

// The checkpoint of a version that did not have a flag was made with its default.
static void test_newer_flags(void **state) {
    (void)state;
    size_t n;
    Error err = {""};
    char *bytes = read_all(state_path, &n);
    Safetensors *file = safetensors_open(state_path, &err);
    cJSON *config = cJSON_Parse(safetensors_metadata(file, "config"));
    safetensors_close(file);
    static const char *const newer[] = {"dynamic-sampling", "overlong", "oracle-rollouts"};
    for (int i = 0; i < 3; i++) cJSON_DeleteItemFromObjectCaseSensitive(config, newer[i]);
    char *older = cJSON_PrintUnformatted(config);
    rewrite(bytes, n, &(Rewrite){.key = "config", .value = older});
    assert_true(loads_with("", true));
    trainer.config.dynamic_sampling = 3;
    assert_false(loads_with("was made with --dynamic-sampling 0, not 3", true));
    trainer.config.dynamic_sampling = 0;
    cJSON_AddNumberToObject(config, "frobnicate", 1);
    char *later = cJSON_PrintUnformatted(config);
    rewrite(bytes, n, &(Rewrite){.key = "config", .value = later});
    assert_false(loads_with("was made with --frobnicate, which this version does not have", true));
    rewrite(bytes, n, &(Rewrite){.key = "prompts_done"});
    assert_true(loads_with("", true) && trainer.prompts_done == 0);
    write_all(state_path, bytes, n);
    cJSON_free(older), cJSON_free(later), cJSON_Delete(config);
    free(bytes);
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
        {{.key = "prompts_done", .value = "-7"}, "counter prompts_done"},
        {{.key = "config"}, "not a checkpoint of this program"},
        {{.key = "config", .value = "[1, 2"}, "not a checkpoint of this program"},
        {{.key = "config", .value = "{}"}, "resume with the same flags"},
        {{.tensor = "adamw.m", .how = DROP}, "adamw.m"},
        {{.tensor = "adamw.v", .how = CUT}, "adamw.v"},
        {{.tensor = "adamw.m", .number = NAN}, "adamw.m holds a value that is not finite, among 0"},
        {{.tensor = "adamw.m", .number = -INFINITY}, "adamw.m holds a value that is not finite"},
        {{.tensor = "adamw.v", .number = NAN}, "adamw.v holds a value that is negative or not finite"},
        {{.tensor = "adamw.v", .number = INFINITY}, "adamw.v holds a value that is negative or not finite"},
        {{.tensor = "adamw.v", .number = -1}, "adamw.v holds a value that is negative or not finite"},
        {{.tensor = "adamw.v", .number = -1e-30}, "adamw.v holds a value that is negative or not finite"},
        {{.key = "data", .value = "0123456789abcdef"}, "made from other prompts, golds or another tokenizer"},
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
    remove(path);
    snprintf(path, sizeof path, "%s/checkpoints/step-0000009", folder);
    mkdir(path, 0777);
    assert_false(loads("to resume from step 3, the checkpoint before it"));
    remove(path);
    assert_true(loads(""));
    assert_int_equal(trainer.rl_done, 1);
}

// Every bit flipped, one a file and place, in every file of the checkpoint: none is believed.
static void test_flipped_bits(void **state) {
    (void)state;
    DIR *dir = opendir(checkpoint);
    int flips = 0, files = 0;
    assert_true(loads("")); // writes the manifest
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[500];
        size_t n;
        if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "manifest.json")) continue;
        snprintf(path, sizeof path, "%s/%s", checkpoint, entry->d_name);
        char *bytes = read_all(path, &n);
        for (size_t at = 0; at < n; at += 1 + n / 60, flips++) {
            Error err = {""};
            char was = bytes[at];
            bytes[at] ^= (char)(1 << flips % 8);
            write_all(path, bytes, n);
            if (checkpoint_load(&trainer, &err)) fail_msg("%s: byte %zu was changed and believed", path, at);
            if (at > 0 && strcmp(entry->d_name, "trainer.safetensors")) { // whose header is read first
                assert_non_null(strstr(err.text, "damaged: its content is not what was written"));
                assert_non_null(strstr(err.text, entry->d_name));
            }
            bytes[at] = was;
        }
        write_all(path, bytes, n);
        free(bytes);
        files++;
    }
    closedir(dir);
    assert_true(files >= 5 && flips >= 300);
    assert_true(loads_with("", false));
}

// The manifest itself: damaged, of another step, missing; a checkpoint of an older version, which has none.
static void test_manifest(void **state) {
    (void)state;
    Error err = {""};
    size_t n, n_state, believed = 0;
    char path[300], *bytes, *saved;
    snprintf(path, sizeof path, "%s/manifest.json", checkpoint);
    assert_true(loads(""));
    bytes = read_all(path, &n), bytes[n] = 0;
    size_t first = (size_t)(strstr(bytes, "\"flags\"") - bytes), end = (size_t)(strstr(bytes, "\"files\"") - bytes);
    for (size_t at = 0; at < n; at++) {
        bytes[at] ^= (char)(1 << at % 7);
        write_all(path, bytes, n);
        bool ok = checkpoint_load(&trainer, &err);
        bytes[at] ^= (char)(1 << at % 7);
        bool read = !strchr(" \t\n", bytes[at]) && (at < first || at >= end); // white space, and flags are for people
        if (ok && read) fail_msg("byte %zu was changed and believed", at);
        believed += ok;
    }
    assert_true(believed * 3 < n);
    write_all(path, "{}", 2);
    assert_false(loads_with("manifest.json: damaged, or not of step 3", false));
    cJSON *none = cJSON_CreateObject();
    assert_true(manifest_write(checkpoint, 4, none, &err));
    cJSON_Delete(none);
    assert_false(loads_with("manifest.json: damaged, or not of step 3", false));
    remove(path);
    assert_false(loads_with("manifest.json: No such file", false));
    saved = read_all(state_path, &n_state);
    rewrite(saved, n_state, &(Rewrite){.key = "data"});
    assert_true(loads_with("", false)); // with a note
    write_all(state_path, saved, n_state);
    free(bytes), free(saved);
    assert_true(loads(""));
}

// A state that is not sound is not saved, and neither are models with weights that are not finite.
static void test_unsound_state_is_not_saved(void **state) {
    (void)state;
    float *const arrays[] = {trainer.opt.master, trainer.opt.m, trainer.opt.v};
    const float bad[] = {NAN, INFINITY, -1};
    size_t last = trainer.gpt->table.size - 1;
    struct stat before, after;
    char model[100];
    snprintf(model, sizeof model, "%s/model", folder);
    stat(state_path, &before);
    for (int a = 0; a < 3; a++) {
        float good;
        device_download(trainer.dev, &good, arrays[a] + last, sizeof good);
        device_upload(trainer.dev, arrays[a] + last, &bad[a], sizeof good);
        assert_false(checkpoint_save(&trainer));
        if (a == 0) assert_false(checkpoint_finish(&trainer, true));
        device_upload(trainer.dev, arrays[a] + last, &good, sizeof good);
    }
    stat(state_path, &after);
    assert_true(before.st_ino == after.st_ino && access(model, F_OK) != 0);
    assert_true(checkpoint_save(&trainer) && loads(""));
}

static bool saves_step(int step) {
    trainer.rl_done = step - trainer.sft_done;
    return checkpoint_save(&trainer);
}

// Wherever an fsync or a rename fails while step 5 is saved, step 4 is pruned only if step 5 is complete; what is there
// loads; and the next save makes up for it.
static void test_failures_lose_nothing(void **state) {
    (void)state;
    Error err = {""};
    int points = 0, pruned = 0;
    trainer.config.keep = 1;
    assert_true(loads(""));
    for (int kind = 0; kind < KINDS; kind++)
        for (int at = 1;; at++, points++) {
            int *steps, count;
            assert_true(saves_step(4));
            calls[kind] = 0, fails_at[kind] = at;
            bool ok = saves_step(5), reached = calls[kind] >= at;
            fails_at[kind] = 0;
            count = run_folder_steps(folder, &steps, &err);
            assert_true(count == 1 || (count == 2 && steps[0] == 4 && steps[1] == 5));
            if (!ok) assert_int_equal(steps[0], 4);
            if (count == 1 && steps[0] == 5) assert_true(ok), pruned++;
            free(steps);
            if (!checkpoint_load(&trainer, &err)) fail_msg("kind %d, call %d: %s", kind, at, err.text);
            assert_true(saves_step(6));
            count = run_folder_steps(folder, &steps, &err);
            if (count != 1 || steps[0] != 6) fail_msg("kind %d, call %d: %d checkpoints are left", kind, at, count);
            free(steps);
            char path[160];
            snprintf(path, sizeof path, "%s/checkpoints/step-0000006", folder);
            assert_true(run_folder_remove(path, &err));
            if (!reached) break;
        }
    assert_true(points > 20 && pruned >= 2); // without a failure, for each kind
}

// The same while a step is saved again, over its first checkpoint.
static void test_failures_while_saving_again(void **state) {
    (void)state;
    Error err = {""};
    for (int kind = 0; kind < KINDS; kind++)
        for (int at = 1, reached = 1; reached; at++) {
            int *steps;
            assert_true(saves_step(4));
            calls[kind] = 0, fails_at[kind] = at;
            saves_step(4);
            reached = calls[kind] >= at, fails_at[kind] = 0;
            assert_int_equal(run_folder_steps(folder, &steps, &err), 1);
            assert_int_equal(steps[0], 4);
            free(steps);
            if (!checkpoint_load(&trainer, &err)) fail_msg("kind %d, call %d: %s", kind, at, err.text);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_flipped_header_bits),
        cmocka_unit_test(test_newer_flags),
        cmocka_unit_test(test_impossible_values),
        cmocka_unit_test(test_foreign_and_unfinished),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_unsound_state_is_not_saved),
        cmocka_unit_test(test_failures_lose_nothing),
        cmocka_unit_test(test_failures_while_saving_again),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
