// Optional (study): `make study-instruments` builds this program. It measures one of the three mechanisms on which
// DynaMO (arXiv 2602.19208) rests, at one policy, and writes raw results as JSON lines (README.md has the schema).
#include "base/clock.h"
#include "base/files.h"
#include "base/flags_text.h"
#include "base/json.h"
#include "base/process.h"
#include "dev/study/study.h"
#include <string.h>

#define FLAG_CONFIG StudyConfig
static const Flag rows[] = {
    TEXT_FLAG("label", label, "", "name of the policy in the results; else the checkpoint folder's"),
    LONG_FLAG("seed", seed, "1", 0, 9e18, "of sketches, partitions, histories and draws"),
    HEADING("variance"),
    INT_FLAG("survey", survey, "512", 1, 1e6, "training prompts whose pass rate is estimated first,"),
    INT_FLAG("survey-rollouts", survey_rollouts, "32", 2, 1e4, "from this many rollouts each"),
    INT_FLAG("quota", quota, "8", 1, 1e4, "prompts measured of each tenth of pass rates, half as many of 0 and 1"),
    INT_FLAG("rollouts", rollouts, "512", 32, 1e6, "of each measured prompt"),
    INT_FLAG("cells", cells, "4096", 1, 1 << 24, "numbers that a gradient is kept in, a power of 2"),
    INT_FLAG("partitions", partitions, "8", 1, 1e4, "random cuts of a prompt's rollouts into groups"),
    INT_FLAG("batches", batches, "12", 1, 1e4, "batches of prompts,"),
    INT_FLAG("replicates", replicates, "64", 2, 1e6, "each drawn this many times"),
    HEADING("attenuation, entropy"),
    INT_FLAG("token-batches", token_batches, "4", 1, 1e4, "batches of --prompts times --rollouts rollouts"),
};
const FlagTable study_flags = {rows, sizeof rows / sizeof *rows};

static const struct {
    const char *name;
    void (*measure)(Study *study);
} instruments[] = {{"variance", measure_variance}, {"attenuation", measure_attenuation}, {"entropy", measure_entropy}};
enum { INSTRUMENTS = sizeof instruments / sizeof *instruments, FORMAT = 1 };

static void usage(FILE *out) {
    fprintf(out, "usage: measure variance|attenuation|entropy OUT.jsonl CHECKPOINT [flags] -- [flags of ./train]\n"
                 "  CHECKPOINT  a folder of RUN/checkpoints, or a model folder; the flags of ./train are that run's\n"
                 "An OUT.jsonl of the same measurement is kept, and nothing is done.\n"
                 "flag                   meaning (range) [default]\n");
    flags_help(&study_flags, out);
}

// The first row: what was measured, so a result can be told from one of other flags. What changes no result is left
// out, and so are folders.
static char *setting(const char *instrument, const StudyConfig *study, const TrainConfig *train) {
    static const char *const running[] = {
        "model",      "out",          "config",       "resume",        "overwrite",    "plan", "data-dir",
        "threads",    "slots",        "micro-tokens", "logit-rows",    "zero",         "keep", "checkpoint-every",
        "eval-every", "eval-samples", "sample-every", "profile-first", "profile-steps"};
    cJSON *row = cJSON_CreateObject(), *flags = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "row", "setting");
    cJSON_AddStringToObject(row, "instrument", instrument);
    cJSON_AddNumberToObject(row, "format", FORMAT);
    flags_to_json(&study_flags, study, row);
    flags_to_json(&train_flags, train, flags);
    for (size_t i = 0; i < sizeof running / sizeof *running; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(flags, running[i]);
    cJSON_AddItemToObject(row, "train", flags);
    char *text = cJSON_PrintUnformatted(row);
    REQUIRE(text, "out of memory");
    cJSON_Delete(row);
    return text;
}

// Whether a result's first line is of this setting. A flag that is newer than the result counts for nothing.
static bool same_setting(const char *result, const char *first, JsonDifference *d) {
    cJSON *was = cJSON_Parse(result), *now = cJSON_Parse(first); // each reads one line
    cJSON *was_trained = cJSON_DetachItemFromObjectCaseSensitive(was, "train"),
          *trained = cJSON_DetachItemFromObjectCaseSensitive(now, "train");
    *d = (JsonDifference){.key = "?"};
    bool same = was_trained && json_same(was, now, d) && json_same(was_trained, trained, d);
    cJSON_Delete(was), cJSON_Delete(now), cJSON_Delete(was_trained), cJSON_Delete(trained);
    return same;
}

// Whether `path` holds a result already. Files are replaced whole, so one that exists is complete. An error where it is
// of another measurement.
static bool done(const char *path, const char *first, bool *kept, Error *err) {
    size_t n;
    JsonDifference d;
    *kept = false;
    if (access(path, F_OK) != 0) return true;
    char *text = file_read(path, (size_t)1 << 30, &n, err);
    if (!text) return false;
    *kept = same_setting(text, first, &d);
    free(text);
    return *kept || fail(err,
                         "%.300s is of a measurement with other flags (%s was %s, not %s): remove it or name "
                         "another file",
                         path, d.key, d.wanted, d.saved);
}

static bool measure(Study *s, int instrument, const char *path, const char *checkpoint, const TrainConfig *train,
                    const char *first, Error *err) {
    FileReplacement out;
    double start = seconds_now();
    bool ok = file_replace_check(path, err) && policy_open(&s->policy, checkpoint, train, err) &&
              file_replace_begin(&out, path, err);
    if (ok) {
        s->out = out.file;
        fprintf(s->out, "%s\n{\"row\": \"policy\", \"step\": %lld, \"parameters\": %zu, \"moments\": %s}\n", first,
                s->policy.step, s->policy.trainer.gpt->table.numbers, s->policy.moments ? "true" : "false");
        instruments[instrument].measure(s);
        ok = file_replace_commit(&out, err);
    }
    policy_close(&s->policy);
    if (ok)
        printf("%s: %s of %s in %.0f s\n", path, instruments[instrument].name, s->config.label, seconds_now() - start);
    return ok;
}

// The last part of a path.
static const char *last_name(const char *path) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    while (end > 0 && path[end - 1] != '/') end--;
    return path + end;
}

int main(int argc, char **argv) {
    static Study study;
    TrainConfig train;
    Error err = {""};
    int instrument = 0, split = 1;
    bool kept = false;
    process_start("measure");
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return usage(stdout), 0;
    if (argc < 4) return usage(stderr), 2;
    while (instrument < INSTRUMENTS && strcmp(argv[1], instruments[instrument].name) != 0) instrument++;
    while (split < argc && strcmp(argv[split], "--") != 0) split++;
    if (instrument == INSTRUMENTS) return fprintf(stderr, "measure: no instrument \"%s\"\n", argv[1]), 2;
    bool ok = flags_parse(&study_flags, &study.config, split - 3, argv + 3, &err) &&
              train_config_parse(&train, split < argc ? argc - split : 1, argv + (split < argc ? split : 0), &err);
    if (!ok) return fprintf(stderr, "measure: %s\n", err.text), 2;
    if (!*study.config.label) snprintf(study.config.label, sizeof study.config.label, "%s", last_name(argv[3]));
    snprintf(train.model, sizeof train.model, "%s", argv[3]);
    if (!train_config_complete(&train, &err)) return fprintf(stderr, "measure: %s\n", err.text), 1;
    char *first = setting(argv[1], &study.config, &train);
    ok = done(argv[2], first, &kept, &err);
    if (kept) printf("%s: complete\n", argv[2]);
    if (ok && !kept) ok = measure(&study, instrument, argv[2], argv[3], &train, first, &err);
    free(first);
    if (!ok) fprintf(stderr, "measure: %s\n", err.text);
    return ok ? 0 : 1;
}
