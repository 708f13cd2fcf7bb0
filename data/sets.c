// The table of named sets and the list syntax of --data: see data/sets.h.
#include "data/sets.h"
#include <string.h>
#include <unistd.h>

const DataSet data_sets[] = {
    {"gsm8k", "gsm8k/train.jsonl", "gsm8k/test.jsonl", "rule=gsm8k", "github.com/openai/grade-school-math"},
    {"math", "math/train.json", NULL, "", "MATH's training problems, as in github.com/GithubX-F/DynaMO-RL"},
    {"math500", NULL, "math/math500.jsonl", "", "github.com/hkust-nlp/simpleRL-reason"},
    {"aime-train", "aime/train-1983-2023.json", NULL, "", "AIME 1983-2023, as in github.com/GithubX-F/DynaMO-RL"},
    {"aime24", NULL, "aime/aime24.jsonl", "", "github.com/QwenLM/Qwen2.5-Math"},
    {"aime25", NULL, "aime/aime25.jsonl", "question=prompt,answer=ground_truth", "github.com/alibaba/ROLL"},
    {"amc23", NULL, "amc/amc23.jsonl", "", "github.com/QwenLM/Qwen2.5-Math"},
    {"minerva", NULL, "minerva/test.jsonl", "answer=solution,rule=boxed", "github.com/QwenLM/Qwen2.5-Math (minerva_math)"},
    {"olympiadbench", NULL, "olympiadbench/test.jsonl", "answer=final_answer", "github.com/QwenLM/Qwen2.5-Math"},
    {"svamp", NULL, "svamp/test.jsonl", "question=Body+Question,answer=Answer", "github.com/QwenLM/Qwen2.5-Math"},
    {"mawps", NULL, "mawps/test.jsonl", "question=input,answer=target", "github.com/QwenLM/Qwen2.5-Math"},
    {"deepmath", "deepmath/sample.jsonl", NULL, "question=prompt,answer=ground_truth", "github.com/alibaba/ROLL"},
};
const int data_set_count = sizeof data_sets / sizeof *data_sets;

const DataSet *data_set_find(const char *name) {
    for (int i = 0; i < data_set_count; i++)
        if (strcmp(data_sets[i].name, name) == 0) return &data_sets[i];
    return NULL;
}

// Whether the piece after a comma still belongs to the item before it.
static bool goes_on(const char *item, const char *piece, size_t size) {
    char name[32];
    if (data_is_tasks(item)) {
        size_t length = strcspn(piece, "@,");
        for (int kind = 0; kind < TASK_KINDS; kind++)
            if (strlen(task_name((TaskKind)kind)) == length && memcmp(piece, task_name((TaskKind)kind), length) == 0) return true;
        return length == 3 && memcmp(piece, "all", 3) == 0;
    }
    snprintf(name, sizeof name, "%.*s", (int)(size < sizeof name ? size : sizeof name - 1), piece);
    return strchr(item, ':') && (!strncmp(name, "question=", 9) || !strncmp(name, "answer=", 7) || !strncmp(name, "rule=", 5));
}

bool data_list_next(const char **at, char *item) {
    size_t used = 0;
    if (**at == 0) return false;
    do {
        size_t size = strcspn(*at, ",");
        size_t copied = used + size + 1 < DATA_ITEM_MAX ? size : DATA_ITEM_MAX - 2 - used;
        if (used) item[used++] = ',';
        memcpy(item + used, *at, copied);
        item[used += copied] = 0;
        *at += size;
        if (**at == ',') ++*at;
    } while (**at && used + 2 < DATA_ITEM_MAX && goes_on(item, *at, strcspn(*at, ",")));
    return true;
}

void data_name(const char *item, char *name, size_t size) {
    const char *slash = strrchr(item, '/'), *start = data_is_tasks(item) ? "tasks" : slash ? slash + 1 : item;
    size_t length = strcspn(start, ".:");
    snprintf(name, size, "%.*s", (int)length, start);
}

bool data_source(const char *item, const char *dir, DataUse use, char *source, Error *err) {
    const DataSet *set = data_set_find(item);
    const char *root = *dir ? dir : getenv("DATA_DIR") ? getenv("DATA_DIR") : "../shared";
    if (strlen(item) + strlen(root) > DATA_SOURCE_MAX - 200) return fail(err, "--data or --data-dir is too long");
    if (!set) {
        snprintf(source, DATA_SOURCE_MAX, "%s", item);
        if (strpbrk(item, "./:") || access(item, F_OK) == 0) return true;
        char names[300] = "";
        for (int i = 0; i < data_set_count; i++) strcat(strcat(names, " "), data_sets[i].name);
        return fail(err, "--data %.40s: neither a file nor a named set:%s", item, names);
    }
    const char *file = use == DATA_TRAIN ? (set->train ? set->train : set->test) : set->test ? set->test : set->train;
    const char *colon = *set->settings ? ":" : "";
    for (int inner = 1; inner >= 0; inner--) {
        snprintf(source, DATA_SOURCE_MAX, "%s/%s%s", root, inner ? "data/" : "", file);
        if (access(source, R_OK) != 0) continue;
        snprintf(source, DATA_SOURCE_MAX, "%s/%s%s%s%s", root, inner ? "data/" : "", file, colon, set->settings);
        return true;
    }
    return fail(err, "--data %s: no %.200s: put the file there (%s), or name the folder that has it: --data-dir or DATA_DIR", item, source, set->origin);
}

bool data_load(const char *item, const char *dir, DataUse use, bool strict, ProblemSet *set, FILE *notes, Error *err) {
    char source[DATA_SOURCE_MAX];
    ProblemReport report;
    *set = (ProblemSet){0};
    if (!data_source(item, dir, use, source, err) || !problems_from_file(source, strict, set, &report, err)) return false;
    if (notes) problems_report_print(&report, item, notes);
    return true;
}
