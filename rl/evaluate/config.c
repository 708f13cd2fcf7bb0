#include "rl/evaluate/config.h"
#include <string.h>

enum { TASK_TOKENS = 96, FILE_TOKENS = 3072 }; // --max-tokens 0

#define FIELD(name) offsetof(EvalConfig, name)
const Flag eval_flags[] = {
    {"model", FLAG_TEXT, FIELD(model), "", 0, 0, NULL, "a Hugging Face folder, such as OUT/model of a training run"},
    {"data", FLAG_TEXT, FIELD(data), "task:all", 0, 0, NULL, "comma-separated: gsm8k, math500, aime24, ... (data/sets.h); task:NAME[@LEVELS] (held-out prompts); FILE[:question=KEY,answer=KEY]"},
    {"data-dir", FLAG_TEXT, FIELD(data_dir), "", 0, 0, NULL, "folder of the named sets; else the environment's DATA_DIR, else ../shared"},
    {"bad-rows", FLAG_CHOICE, FIELD(bad_rows), "skip", 0, 0, "skip|refuse", "rows without question or answer: left out and listed, or an error"},
    {"problems", FLAG_INT, FIELD(problems), "0", 0, 1e7, NULL, "the most problems taken of each set; 0 = all (of tasks up to 256)"},
    {"prompt-template", FLAG_TEXT, FIELD(prompt_template), "", 0, 0, NULL, "text around each question: a name in data/prompts, or ./FILE with a {question} slot; else tasks are asked verbatim and files as the model was trained"},
    {"max-prompt", FLAG_INT, FIELD(max_prompt), "0", 0, 1 << 20, NULL, "longest prompt in tokens: longer ones are left out and listed; 0 = no limit"},
    {"samples", FLAG_INT, FIELD(samples), "8", 1, 65536, NULL, "responses a problem"},
    {"k", FLAG_TEXT, FIELD(k), "1", 0, 0, NULL, "values of k for pass@k, comma-separated"},
    {"temp", FLAG_FLOAT, FIELD(temp), "1", 0, 10, NULL, "sampling temperature; 0 takes the most likely token"},
    {"top-k", FLAG_INT, FIELD(top_k), "0", 0, 1 << 24, NULL, "sample among the k most likely tokens; 0 = off"},
    {"top-p", FLAG_FLOAT, FIELD(top_p), "1", 0, 1, NULL, "sample among the most likely tokens that hold this mass; 1 = off"},
    {"max-tokens", FLAG_INT, FIELD(max_tokens), "0", 0, 1 << 20, NULL, "longest response; 0 = 96 for tasks alone, else 3072 or what the model has room for"},
    {"seed", FLAG_LONG, FIELD(seed), "1", 0, 9e18, NULL, "of the problems (as in training) and of sampling"},
    {"slots", FLAG_INT, FIELD(slots), "64", 1, 4096, NULL, "sequences generated at a time"},
    {"threads", FLAG_INT, FIELD(threads), "0", 0, 1024, NULL, "CPU threads; 0 = all cores"},
    {"out", FLAG_TEXT, FIELD(out), "", 0, 0, NULL, "write the table as JSON (with --score: one verdict a line)"},
    {"responses", FLAG_TEXT, FIELD(responses), "", 0, 0, NULL, "write every response and its verdict as JSON lines; FILE.partial until all are there"},
    {"fresh", FLAG_SWITCH, FIELD(fresh), "no", 0, 0, NULL, "begin anew where an interrupted evaluation could go on"},
    {"score", FLAG_TEXT, FIELD(score), "", 0, 0, NULL, "judge saved {gold, response} rows instead, as math answers (not those of tasks); no model is needed"},
};
const int eval_flag_count = sizeof eval_flags / sizeof *eval_flags;

// "1,8,32" -> list; false with the reason in err
bool eval_config_parse_k(const EvalConfig *c, int *k, int *count, Error *err) {
    const char *at = c->k;
    for (*count = 0; *count < EVAL_MAX_K; at++) {
        char *end;
        long value = strtol(at, &end, 10);
        if (end == at || (*end && *end != ',') || value < 1) return fail(err, "--k %s: must be whole numbers from 1, separated by commas", c->k);
        if (value > c->samples) return fail(err, "--k %ld: pass@%ld needs at least that many --samples (%d)", value, value, c->samples);
        k[(*count)++] = (int)value;
        if (!*end) return true;
        at = end;
    }
    return fail(err, "--k %s: at most %d values", c->k, EVAL_MAX_K);
}

bool eval_config_max_tokens(EvalConfig *c, const EvalSets *sets, const ModelConfig *model, Error *err) {
    int room = model->T_max - sets->longest, wanted = sets->files ? FILE_TOKENS : TASK_TOKENS;
    if (c->max_tokens == 0) c->max_tokens = room > 0 && room < wanted ? room : wanted;
    if (c->max_tokens <= room) return true;
    return fail(err, "%s: a prompt of %d and a response of %d tokens; the model takes %d in all: lower --max-tokens or --max-prompt", c->model,
                sets->longest, c->max_tokens, model->T_max);
}

static cJSON *data_identity(const EvalSets *sets) {
    cJSON *data = cJSON_CreateArray();
    char hash[24];
    for (int s = 0; s < sets->count; s++) {
        cJSON *set = cJSON_CreateObject();
        snprintf(hash, sizeof hash, "%016llx", (unsigned long long)eval_set_hash(&sets->set[s]));
        cJSON_AddStringToObject(set, "name", sets->set[s].name);
        cJSON_AddNumberToObject(set, "problems", sets->set[s].set.problems.count);
        cJSON_AddStringToObject(set, "prompt_template", sets->set[s].prompt.name);
        cJSON_AddStringToObject(set, "hash", hash);
        cJSON_AddItemToArray(data, set);
    }
    return data;
}

cJSON *eval_config_identity(const EvalConfig *c, const EvalSets *sets, Error *err) {
    static const char *const chosen[] = {"samples", "temp", "top-k", "top-p", "max-tokens", "seed"};
    char hash[24];
    uint64_t model_hash;
    if (!eval_model_hash(c->model, &model_hash, err)) return NULL;
    cJSON *json = cJSON_CreateObject(), *all = cJSON_CreateObject();
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)model_hash);
    cJSON_AddStringToObject(json, "model_files", hash);
    cJSON_AddItemToObject(json, "data", data_identity(sets));
    flags_to_json(eval_flags, eval_flag_count, c, all);
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) cJSON_AddItemToObject(json, chosen[i], cJSON_DetachItemFromObject(all, chosen[i]));
    cJSON_Delete(all);
    return json;
}
