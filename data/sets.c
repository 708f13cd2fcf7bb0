// Optional (data from files): the table of named sets and the list syntax of --data.
#include "data/sets.h"
#include "base/text.h"
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
    {"minerva", NULL, "minerva/test.jsonl", "answer=solution,rule=boxed", "github.com/QwenLM/Qwen2.5-Math"},
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
static bool continues(const char *item, const char *piece) {
    if (!data_is_tasks(item))
        return strchr(item, ':') && (begins(piece, "question=") || begins(piece, "answer=") || begins(piece, "rule="));
    size_t length = strcspn(piece, "@,");
    for (int kind = 0; kind < TASK_KINDS; kind++) {
        const char *name = task_name((TaskKind)kind);
        if (strlen(name) == length && begins(piece, name)) return true;
    }
    return length == 3 && begins(piece, "all");
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
    } while (**at && used + 2 < DATA_ITEM_MAX && continues(item, *at));
    return true;
}

void data_name(const char *item, char *name, size_t size) {
    const char *slash = strrchr(item, '/'), *start = slash ? slash + 1 : item;
    if (data_is_tasks(item)) start = "tasks";
    snprintf(name, size, "%.*s", (int)strcspn(start, ".:"), start);
}

const char *data_root(const char *dir) {
    return *dir ? dir : getenv("DATA_DIR") ? getenv("DATA_DIR") : "../shared";
}

bool data_source(const char *item, const char *dir, DataUse use, char *source, Error *err) {
    const DataSet *set = data_set_find(item);
    const char *root = data_root(dir);
    if (strlen(item) + strlen(root) > DATA_SOURCE_MAX - 200) return fail(err, "--data or --data-dir is too long");
    if (!set) {
        snprintf(source, DATA_SOURCE_MAX, "%s", item);
        if (strpbrk(item, "./:") || access(item, F_OK) == 0) return true;
        char names[300] = "";
        for (int i = 0; i < data_set_count; i++) strcat(strcat(names, " "), data_sets[i].name);
        return fail(err, "--data %.40s: neither a file nor a named set:%s", item, names);
    }
    const char *file = use == DATA_TRAIN ? set->train : set->test;
    if (!file) file = set->train ? set->train : set->test;
    for (int inner = 1; inner >= 0; inner--) {
        int length = snprintf(source, DATA_SOURCE_MAX, "%s/%s%s", root, inner ? "data/" : "", file);
        if (access(source, R_OK) != 0) continue;
        if (*set->settings) snprintf(source + length, (size_t)(DATA_SOURCE_MAX - length), ":%s", set->settings);
        return true;
    }
    return fail(err, "--data %s: no %.200s: put the file there (%s), or name its folder with --data-dir or DATA_DIR",
                item, source, set->origin);
}

// Levenshtein's distance of two short names: insertions, deletions and replacements from one to the other.
static int distance(const char *a, const char *b) {
    int row[64], n = (int)strlen(b);
    if (n > 62 || strlen(a) > 62) return 64;
    for (int i = 0; i <= n; i++) row[i] = i;
    for (int k = 1; *a; a++, k++) {
        int corner = row[0];
        row[0] = k;
        for (int i = 1; i <= n; i++) {
            int replaced = corner + (*a != b[i - 1]), other = 1 + (row[i] < row[i - 1] ? row[i] : row[i - 1]);
            corner = row[i];
            row[i] = replaced < other ? replaced : other;
        }
    }
    return row[n];
}

// Appends the known name that is nearest to `name`, if one is near.
static void suggest(const char *name, Error *err) {
    const char *best = NULL;
    bool task = false;
    int least = (int)strlen(name) / 3 + 1, d; // letters that may be wrong, and one
    for (int i = 0; i < TASK_KINDS + data_set_count; i++) {
        const char *known = i < TASK_KINDS ? task_name((TaskKind)i) : data_sets[i - TASK_KINDS].name;
        if ((d = distance(name, known)) < least + (least == 1)) best = known, least = d, task = i < TASK_KINDS;
    }
    size_t used = strlen(err->text);
    if (best) snprintf(err->text + used, sizeof err->text - used, "; did you mean %s%s?", task ? "task:" : "", best);
}

bool data_check_list(const char *list, bool alone, Error *err) {
    char item[DATA_ITEM_MAX], source[DATA_SOURCE_MAX], name[64];
    bool tasks = data_is_tasks(list);
    while (data_list_next(&list, item)) {
        TaskSpec spec;
        Error why = {""};
        bool known = data_is_tasks(item) ? task_spec_parse(item + strlen("task:"), &spec, &why)
                                         : data_source(item, "", DATA_TRAIN, source, &why) || data_set_find(item);
        const char *start = data_is_tasks(item) && begins(why.text, "task:") ? why.text + strlen("task:") : item;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(start, ":@"), start);
        bool unknown = strstr(why.text, "unknown task") || strstr(why.text, "neither a file");
        if (!known && unknown) suggest(name, &why);
        if (!known) return *err = why, false;
        if (alone && data_is_tasks(item) != tasks)
            return fail(err, "--data %.200s: a run takes tasks or files, not both", item);
    }
    return true;
}

bool data_load(const char *item, const char *dir, DataUse use, bool strict, ProblemSet *set, FILE *notes, Error *err) {
    char source[DATA_SOURCE_MAX];
    ProblemReport report;
    *set = (ProblemSet){0};
    bool good = data_source(item, dir, use, source, err) && problems_from_file(source, strict, set, &report, err);
    if (good && notes) problems_report_print(&report, item, notes);
    return good;
}
