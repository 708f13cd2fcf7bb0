// Optional (./eval): flags and identity.
#include "rl/evaluate/config.h"
#include "base/files.h"
#include "base/flags_text.h"
#include "data/sets.h"
#include "rl/data.h"
#include "rl/evaluate/sets.h"
#include "rl/evaluate/show.h"
#include <string.h>

enum { TASK_TOKENS = 96, FILE_TOKENS = 3072 }; // --max-tokens 0

FLAG_WORDS(color_word, [SHOW_ENTROPY] = "entropy", [SHOW_PROBABILITY] = "probability", [SHOW_PLAIN] = "plain")
FLAG_WORDS(bad_rows_word, [BAD_ROWS_SKIP] = "skip", [BAD_ROWS_REFUSE] = "refuse")

#define FLAG_CONFIG EvalConfig
static const Flag rows[] = {
    TEXT_FLAG("model", model, "", "a Hugging Face folder, such as OUT/model of a training run"),
    TEXT_FLAG("data", data, "task:all",
              "comma-separated: gsm8k, math500, aime24, ... (data/sets.h); task:NAME[@LEVELS] (held-out prompts); "
              "FILE[:question=KEY,answer=KEY]"),
    TEXT_FLAG("data-dir", data_dir, "", "folder of the named sets; else the environment's DATA_DIR, else ../shared"),
    CHOICE_FLAG("bad-rows", bad_rows, "skip", bad_rows_word,
                "rows without a question or an answer: leave them out and list them, or refuse the file"),
    INT_FLAG("problems", problems, "0", 0, 1e7, "most problems taken from each set; 0 = all (of tasks up to 256)"),
    TEXT_FLAG("prompt-template", prompt_template, "",
              "text around each question: a name in data/prompts, or ./FILE with a {question} slot; default: tasks "
              "verbatim, files as the model was trained"),
    TEXT_FLAG("stop", stop, "", "a text that ends a response, beside those of the template; \\n is a line feed"),
    INT_FLAG("max-prompt", max_prompt, "0", 0, 1 << 20,
             "longest prompt in tokens: longer ones are left out and listed; 0 = no limit"),
    INT_FLAG("samples", samples, "0", 0, 65536, "responses per problem; 0 = 8, or 1 with --ask"),
    TEXT_FLAG("k", k, "1", "values of k for pass@k, comma-separated"),
    FLOAT_FLAG("temp", temp, "1", 0, 10, "sampling temperature; 0 = the most likely token"),
    INT_FLAG("top-k", top_k, "0", 0, 1 << 24, "sample among the k most likely tokens; 0 = off"),
    FLOAT_FLAG("top-p", top_p, "1", 0, 1, "sample among the most likely tokens with this total probability; 1 = off"),
    INT_FLAG("max-tokens", max_tokens, "0", 0, 1 << 20,
             "longest response; 0 = 96 for tasks alone, else 3072 or as many as the model has room for"),
    LONG_FLAG("seed", seed, "1", 0, 9e18, "of the problems (as in training) and of sampling"),
    INT_FLAG("slots", slots, "64", 1, 4096, "sequences generated at once"),
    INT_FLAG("threads", threads, "0", 0, 1024, "CPU threads; 0 = all cores"),
    TEXT_FLAG("reward-command", reward_command, "",
              "a program that grades the responses, one JSON object a line in and out (rl/reward_command.h)"),
    INT_FLAG("reward-timeout", reward_timeout, "60", 1, 86400, "seconds that it may take for its next answer"),
    TEXT_FLAG("config", config, "", "a file of flags, name = value a line; the command line wins"),
    TEXT_FLAG("out", out, "", "write the table as JSON (with --score: a verdict per line)"),
    TEXT_FLAG("responses", responses, "",
              "write every response and its verdict as JSON lines; FILE.partial until all are done"),
    SWITCH_FLAG("fresh", fresh, "start over instead of resuming an interrupted evaluation"),
    TEXT_FLAG("ask", ask, "", "instead, ask this one question and show the response as it is generated"),
    SWITCH_FLAG("chat", chat, "instead, talk to the model, one line a turn (rl/evaluate/ask.h)"),
    TEXT_FLAG("gold", gold, "", "with --ask: the right answer; a verdict follows each response"),
    CHOICE_FLAG("color", color, "entropy", color_word, "with --ask and --chat: what a token's colour shows"),
    TEXT_FLAG("score", score, "",
              "instead, grade saved {gold, response} rows as math answers (not those of tasks), without a model"),
};
const FlagTable eval_flags = {rows, sizeof rows / sizeof *rows};

bool eval_config_parse_k(const EvalConfig *c, int *k, int *count, Error *err) {
    const char *at = c->k;
    for (*count = 0; *count < EVAL_MAX_K; at++) {
        char *end;
        long value = strtol(at, &end, 10);
        if (end == at || (*end && *end != ',') || value < 1)
            return fail(err, "--k %s: must be whole numbers from 1, separated by commas", c->k);
        if (value > c->samples) return fail(err, "--k %ld needs at least --samples %ld", value, value);
        k[(*count)++] = (int)value;
        if (!*end) return true;
        at = end;
    }
    return fail(err, "--k %s: at most %d values", c->k, EVAL_MAX_K);
}

void eval_config_max_tokens(EvalConfig *c, const EvalSets *sets, const ModelConfig *model) {
    int room = model->T_max - sets->longest, wanted = sets->files ? FILE_TOKENS : TASK_TOKENS;
    if (c->max_tokens == 0) c->max_tokens = room > 0 && room < wanted ? room : wanted;
}

// `output`, and the temporary names beside it, are not `input`.
static bool apart(const char *input, const char *output, const char *flag, Error *err) {
    static const char *const suffixes[] = {"", ".tmp", ".partial"};
    for (int i = 0; *input && i < 3; i++) {
        char path[FLAG_TEXT_SIZE + 16];
        snprintf(path, sizeof path, "%s%s", output, suffixes[i]);
        if (path_same(input, path))
            return fail(err, "--%s %.200s would replace its input %.200s: choose another name", flag, output, input);
    }
    return true;
}

static bool check_output(const EvalConfig *c, const char *output, const char *flag, Error *err) {
    char item[DATA_ITEM_MAX], source[DATA_SOURCE_MAX];
    if (!*output) return true;
    if (*c->model && path_inside(output, c->model))
        return fail(err, "--%s %.200s is in the --model folder, which is an input: choose another place", flag, output);
    if (!apart(c->score, output, flag, err) || !apart(c->prompt_template, output, flag, err)) return false;
    for (const char *at = c->data; data_list_next(&at, item);) {
        if (data_is_tasks(item) || !data_source(item, c->data_dir, DATA_EVAL, source, NULL)) continue;
        source[strcspn(source, ":")] = 0; // the settings
        if (!apart(source, output, flag, err)) return false;
    }
    return file_replace_check(output, err);
}

bool eval_config_check_outputs(const EvalConfig *c, Error *err) {
    if (*c->out && *c->responses && (!apart(c->out, c->responses, "responses", err))) return false;
    return check_output(c, c->out, "out", err) && check_output(c, c->responses, "responses", err);
}

static void add_hash(cJSON *json, const char *key, uint64_t hash) {
    char text[24];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    cJSON_AddStringToObject(json, key, text);
}

static cJSON *data_identity(const EvalSets *sets) {
    cJSON *data = cJSON_CreateArray();
    for (int s = 0; s < sets->count; s++) {
        cJSON *set = cJSON_CreateObject();
        cJSON_AddStringToObject(set, "name", sets->set[s].name);
        cJSON_AddNumberToObject(set, "problems", sets->set[s].set.problems.count);
        cJSON_AddStringToObject(set, "prompt_template", sets->set[s].template.name);
        add_hash(set, "hash", prompts_hash(&sets->set[s].set, 0));
        cJSON *stops = sets->set[s].template.stops ? cJSON_AddArrayToObject(set, "stop") : NULL;
        for (int i = 0; i < sets->set[s].template.stops; i++)
            cJSON_AddItemToArray(stops, cJSON_CreateString(sets->set[s].template.stop[i]));
        cJSON_AddItemToArray(data, set);
    }
    return data;
}

cJSON *eval_config_identity(const EvalConfig *c, const EvalSets *sets, Error *err) {
    static const char *const chosen[] = {"samples", "temp", "top-k", "top-p", "max-tokens", "seed"};
    uint64_t model_hash;
    if (!eval_model_hash(c->model, &model_hash, err)) return NULL;
    cJSON *json = cJSON_CreateObject(), *all = cJSON_CreateObject();
    add_hash(json, "model_files", model_hash);
    cJSON_AddItemToObject(json, "data", data_identity(sets));
    flags_to_json(&eval_flags, c, all);
    if (*c->reward_command) cJSON_AddStringToObject(json, "reward-command", c->reward_command);
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++)
        cJSON_AddItemToObject(json, chosen[i], cJSON_DetachItemFromObject(all, chosen[i]));
    cJSON_Delete(all);
    return json;
}
