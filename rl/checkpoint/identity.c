// Optional (checkpoints).
#include "rl/checkpoint/identity.h"
#include "base/flags_text.h"
#include "base/json.h"
#include <string.h>

cJSON *identity_of_run(const TrainConfig *config) {
    static const char *const running[] = {
        "out",           "resume",        "overwrite",        "plan",       "data-dir",     "threads",
        "slots",         "micro-tokens",  "logit-rows",       "zero",       "keep",         "checkpoint-every",
        "eval-every",    "eval-samples",  "sample-every",     "verbose",    "tensorboard",  "config",
        "profile-first", "profile-steps", "reward-timeout"};
    static const char *const sizes[] = {"arch", "layers", "channels", "heads", "kv-heads", "ffn"};
    cJSON *identity = cJSON_CreateObject();
    flags_to_json(&train_flags, config, identity);
    for (size_t i = 0; i < sizeof running / sizeof *running; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(identity, running[i]);
    for (size_t i = 0; strcmp(config->model, "tiny") != 0 && i < sizeof sizes / sizeof *sizes; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(identity, sizes[i]); // the model's files say them
    if (!*config->stop) cJSON_DeleteItemFromObjectCaseSensitive(identity, "stop"); // older runs had no such flag
    if (config->schedule == SCHEDULE_CONSTANT) cJSON_DeleteItemFromObjectCaseSensitive(identity, "steps");
    return identity;
}

// Adds the flags that the checkpoint's version did not have: what it did is their default. A flag that this version
// does not have is an error.
static bool add_newer_flags(cJSON *saved, const char *dir, Error *err) {
    TrainConfig standard;
    if (!train_config_parse(&standard, 1, (char *[]){(char *)"train"}, err) || !train_config_complete(&standard, err))
        return false;
    cJSON *identity = identity_of_run(&standard), *all = cJSON_CreateObject();
    char *text = cJSON_PrintUnformatted(identity);
    cJSON *parsed = cJSON_Parse(text); // as `saved` is
    const cJSON *flag = saved->child;
    flags_to_json(&train_flags, &standard, all);
    while (flag && json_get(all, flag->string)) flag = flag->next;
    if (flag) fail(err, "%s was made with --%s, which this version does not have", dir, flag->string);
    for (const cJSON *f = parsed ? parsed->child : NULL; f; f = f->next)
        if (!json_get(saved, f->string)) cJSON_AddItemToObject(saved, f->string, cJSON_Duplicate(f, true));
    cJSON_Delete(identity), cJSON_Delete(all), cJSON_Delete(parsed);
    cJSON_free(text);
    return !flag;
}

bool identity_same(const TrainConfig *config, cJSON *saved, const char *dir, Error *err) {
    JsonDifference d;
    if (!add_newer_flags(saved, dir, err)) return false;
    cJSON *identity = identity_of_run(config);
    if (!json_get(saved, "steps")) // it had the constant schedule, and that is the difference to name
        cJSON_DeleteItemFromObjectCaseSensitive(identity, "steps");
    bool same = json_same(identity, saved, &d);
    if (!same)
        fail(err, "%s was made with --%s %s, not %s: resume with the same flags, or start into another --out", dir,
             d.key, d.saved, d.wanted);
    cJSON_Delete(identity);
    return same;
}
