// Optional (run.json).
#define _GNU_SOURCE // gethostname
#include "rl/run_record.h"
#include "base/files.h"
#include "base/flags_text.h"
#include "base/json.h"
#include "data/sets.h"
#include "rl/data.h"
#include "rl/terminal.h"
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { PATH_SIZE = FLAG_TEXT_SIZE + 64, COMMAND_MAX = 1 << 16 };

static void record_path(const Trainer *t, char path[PATH_SIZE]) {
    snprintf(path, PATH_SIZE, "%s/run.json", t->config.out);
}

// ---- The machine and the program -----------------------------------------------------------------------------------
static void add_time(cJSON *to, const char *name) {
    char text[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    cJSON_AddStringToObject(to, name, text);
}

static void add_host(cJSON *to) {
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) == 0) cJSON_AddStringToObject(to, "host", name);
}

static void add_cpu(cJSON *to) {
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[512], model[256] = "";
    while (file && !*model && fgets(line, sizeof line, file)) sscanf(line, "model name : %255[^\n]", model);
    if (file) fclose(file);
    if (*model) cJSON_AddStringToObject(to, "cpu", model);
    cJSON_AddNumberToObject(to, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
}

static void add_compiler(cJSON *to) {
#ifdef __clang__
    cJSON_AddStringToObject(to, "compiler", "clang " __clang_version__);
#else
    cJSON_AddStringToObject(to, "compiler", "gcc " __VERSION__);
#endif
}

// This process's command line, word by word, as the system keeps it.
static void add_command(cJSON *to) {
    FILE *file = fopen("/proc/self/cmdline", "rb");
    char *text = calloc(1, COMMAND_MAX + 1);
    REQUIRE(text, "out of memory");
    size_t n = file ? fread(text, 1, COMMAND_MAX, file) : 0;
    if (file) fclose(file);
    cJSON *words = cJSON_AddArrayToObject(to, "command");
    for (size_t at = 0; at < n; at += strlen(text + at) + 1)
        cJSON_AddItemToArray(words, cJSON_CreateString(text + at));
    free(text);
    if ((text = realpath(".", NULL))) cJSON_AddStringToObject(to, "folder", text);
    free(text);
}

// ---- The inputs ----------------------------------------------------------------------------------------------------
static void add_hash(cJSON *to, uint64_t hash) {
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    cJSON_AddStringToObject(to, "hash", text);
}

// A file's path, size and hash; false where it cannot be read.
static bool add_file(cJSON *array, const char *name, const char *path) {
    uint64_t hash = 0;
    size_t bytes;
    if (!file_hash(path, &hash, &bytes, NULL)) return false;
    cJSON *file = cJSON_CreateObject();
    if (name) cJSON_AddStringToObject(file, "name", name);
    cJSON_AddStringToObject(file, "path", path);
    cJSON_AddNumberToObject(file, "bytes", (double)bytes);
    add_hash(file, hash);
    cJSON_AddItemToArray(array, file);
    return true;
}

static void add_list(cJSON *files, const Trainer *t, const char *list, DataUse use) {
    char item[DATA_ITEM_MAX], source[DATA_SOURCE_MAX];
    while (data_list_next(&list, item)) {
        if (data_is_tasks(item) || !data_source(item, t->config.data_dir, use, source, NULL)) continue;
        if (add_file(files, item, source)) continue;
        source[strcspn(source, ":")] = 0; // the settings
        add_file(files, item, source);
    }
}

static cJSON *data_json(const Trainer *t) {
    cJSON *data = cJSON_CreateObject(), *files = cJSON_AddArrayToObject(data, "files");
    add_list(files, t, t->config.data, DATA_TRAIN);
    add_list(files, t, t->config.heldout_data, DATA_EVAL);
    cJSON_AddNumberToObject(data, "train", t->train.problems.count);
    cJSON_AddNumberToObject(data, "heldout", t->heldout.problems.count);
    add_hash(data, prompts_hash(&t->heldout, prompts_hash(&t->train, 0))); // as checkpoints have it
    cJSON_AddStringToObject(data, "prompt_template", t->template.text);
    return data;
}

static cJSON *reward_json(const char *command) {
    cJSON *files = cJSON_CreateArray();
    for (const char *at = command + strspn(command, " "); *at; at += strspn(at, " ")) {
        char word[FLAG_TEXT_SIZE];
        int n = (int)strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", n, at);
        add_file(files, NULL, word);
        at += n;
    }
    return files;
}

static cJSON *model_json(const Trainer *t) {
    const ModelConfig *m = &t->gpt->config;
    cJSON *model = cJSON_CreateObject();
    cJSON_AddStringToObject(model, "architecture", m->architecture);
    cJSON_AddNumberToObject(model, "parameters", (double)t->gpt->table.numbers);
#define MODEL_SIZE_ADD(key, field) cJSON_AddNumberToObject(model, key, m->field);
    MODEL_SIZES(MODEL_SIZE_ADD)
#undef MODEL_SIZE_ADD
    cJSON_AddBoolToObject(model, "tie_word_embeddings", m->tied);
    return model;
}

// ---- The record ----------------------------------------------------------------------------------------------------
static cJSON *session_json(const Trainer *t) {
    cJSON *session = cJSON_CreateObject(), *done = cJSON_CreateObject();
    add_time(session, "started");
    add_command(session);
    cJSON_AddNumberToObject(session, "process", getpid());
    cJSON_AddStringToObject(session, "version", build_version);
    add_host(session);
    cJSON_AddNumberToObject(done, "sft", t->sft_done);
    cJSON_AddNumberToObject(done, "rl", t->rl_done);
    cJSON_AddItemToObject(session, "steps_done", done);
    return session;
}

static cJSON *record_json(const Trainer *t) {
    cJSON *json = cJSON_CreateObject(), *flags = cJSON_AddObjectToObject(json, "flags");
    flags_to_json(&train_flags, &t->config, flags);
    cJSON_AddItemToObject(json, "model", model_json(t));
    cJSON_AddStringToObject(json, "version", build_version);
    add_compiler(json);
    cJSON_AddStringToObject(json, "device", device_name(t->dev));
    add_host(json);
    add_cpu(json);
    cJSON_AddNumberToObject(json, "ranks", comm_size(t->comm));
    cJSON_AddItemToObject(json, "data", data_json(t));
    if (*t->config.reward_command) cJSON_AddItemToObject(json, "reward", reward_json(t->config.reward_command));
    return json;
}

// The sessions so far of a run that is resumed; an empty array where there is no record of them.
static cJSON *earlier_sessions(const char *path) {
    Error why;
    if (access(path, F_OK) != 0) return cJSON_CreateArray(); // a run of an older version
    cJSON *json = json_read(path, &why);
    cJSON *sessions = cJSON_DetachItemFromObjectCaseSensitive(json, "sessions");
    if (!cJSON_IsArray(sessions)) {
        fprintf(stderr, "note: %s: it is begun anew\n", json ? "run.json lacks its sessions" : why.text);
        cJSON_Delete(sessions);
        sessions = cJSON_CreateArray();
    }
    cJSON_Delete(json);
    return sessions;
}

bool run_record_open(Trainer *t, Error *err) {
    char path[PATH_SIZE];
    bool resumed = t->sft_done + t->rl_done > 0;
    record_path(t, path);
    cJSON *json = record_json(t), *sessions = resumed ? earlier_sessions(path) : cJSON_CreateArray();
    cJSON_AddItemToArray(sessions, session_json(t));
    cJSON_AddItemToObject(json, "sessions", sessions);
    bool ok = json_replace(path, json, err);
    cJSON_Delete(json);
    t->log.sft_steps = t->config.sft_steps;
    t->log.tensorboard = t->config.tensorboard;
    ok = ok && metrics_open(&t->log, t->config.out, t->sft_done, t->rl_done, err);
    if (ok) terminal_open(t);
    return ok;
}

void run_record_end(const Trainer *t, const char *outcome) {
    char path[PATH_SIZE];
    Error err;
    record_path(t, path);
    cJSON *json = json_read(path, &err), *sessions = cJSON_GetObjectItemCaseSensitive(json, "sessions");
    int count = cJSON_GetArraySize(sessions);
    cJSON *session = count > 0 ? cJSON_GetArrayItem(sessions, count - 1) : NULL;
    if (cJSON_IsObject(session)) {
        add_time(session, "ended");
        cJSON_AddStringToObject(session, "outcome", outcome);
    }
    bool ok = json && (session || fail(&err, "%s has lost its sessions", path)) && json_replace(path, json, &err);
    if (!ok) fprintf(stderr, "warning: the end of the run is not recorded: %s\n", err.text);
    cJSON_Delete(json);
}
