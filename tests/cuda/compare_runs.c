// Two training runs of the same flags: do they say the same, to the tolerance given? A program, for tests/cuda/run.sh.
//  compare_runs A B RTOL [tokens]  metrics.jsonl of folders A and B: the same steps; loss, grad_norm and entropy within
//                                  RTOL (1 + |a|), logprob_diff_max of both below RTOL, no NaN; with `tokens` also the
//                                  same responses (rollouts.jsonl), lengths, verdicts and allocation
//   compare_runs --self-test           every comparison fails where it must
#include "base/check.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

static cJSON *next_line(FILE *file) {
    char *line = NULL;
    size_t size = 0;
    cJSON *json = getline(&line, &size, file) > 0 ? cJSON_Parse(line) : NULL;
    free(line);
    return json;
}

static bool close_to(double a, double b, double rtol) { return !!(fabs(a - b) <= rtol * (1 + fabs(a))); } // NaN: false

static bool number_within(const cJSON *a, const cJSON *b, const char *key, double rtol, Error *err) {
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, key), *y = cJSON_GetObjectItemCaseSensitive(b, key);
    if (!x && !y) return true;
    if (cJSON_IsNumber(x) && cJSON_IsNumber(y) && close_to(x->valuedouble, y->valuedouble, rtol)) return true;
    return fail(err, "%s: %.9g and %.9g", key, cJSON_IsNumber(x) ? x->valuedouble : NAN,
                cJSON_IsNumber(y) ? y->valuedouble : NAN);
}

static bool same_value(const cJSON *a, const cJSON *b, const char *key, Error *err) {
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, key), *y = cJSON_GetObjectItemCaseSensitive(b, key);
    return (!x && !y) || cJSON_Compare(x, y, true) || fail(err, "%s differs", key);
}

static bool same_step(const cJSON *a, const cJSON *b, double rtol, bool tokens, Error *err) {
    static const char *const exact[] = {"phase", "step"};
    static const char *const sampled[] = {"reward", "pass_rate", "verdicts", "response_length", "n_hist", "tokens"};
    static const char *const near[] = {"loss", "grad_norm", "entropy"};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        if (!same_value(a, b, exact[i], err)) return false;
    for (size_t i = 0; tokens && i < sizeof sampled / sizeof *sampled; i++)
        if (!same_value(a, b, sampled[i], err)) return false;
    for (size_t i = 0; i < sizeof near / sizeof *near; i++)
        if (!number_within(a, b, near[i], rtol, err)) return false;
    const cJSON *diff[] = {cJSON_GetObjectItemCaseSensitive(a, "logprob_diff_max"),
                           cJSON_GetObjectItemCaseSensitive(b, "logprob_diff_max")};
    for (int i = 0; i < 2; i++)
        if (diff[i] && !(cJSON_IsNumber(diff[i]) && diff[i]->valuedouble <= rtol))
            return fail(err, "logprob_diff_max: %.9g", diff[i]->valuedouble);
    return true;
}

static bool same_rollout(const cJSON *a, const cJSON *b, Error *err) {
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, "tokens"), *y = cJSON_GetObjectItemCaseSensitive(b, "tokens");
    if (!same_value(a, b, "prompt_id", err) || !same_value(a, b, "rollout", err)) return false;
    if (!cJSON_IsArray(x) || !cJSON_IsArray(y) || cJSON_GetArraySize(x) != cJSON_GetArraySize(y))
        return fail(err, "responses of other lengths");
    for (x = x->child, y = y->child; x; x = x->next, y = y->next)
        if (!same_value(x, y, "text", err)) return fail(err, "other tokens");
    return true;
}

// All lines of dir/name; `rollouts`: of rollouts.jsonl.
static bool same_file(const char *a, const char *b, bool rollouts, double rtol, bool tokens, Error *err) {
    char path[2][1024];
    const char *name = rollouts ? "rollouts.jsonl" : "metrics.jsonl";
    snprintf(path[0], sizeof path[0], "%s/%s", a, name), snprintf(path[1], sizeof path[1], "%s/%s", b, name);
    FILE *file[2] = {fopen(path[0], "r"), fopen(path[1], "r")};
    bool same = file[0] && file[1];
    if (!same) return fail(err, "%s or %s is missing", path[0], path[1]);
    int lines = 0;
    for (;; lines++) {
        cJSON *x = next_line(file[0]), *y = next_line(file[1]);
        Error why = {""};
        if (!x != !y) same = fail(err, "%s: %s has more lines", name, x ? a : b);
        else if (x && rollouts) same = same_rollout(x, y, &why);
        else if (x) same = same_step(x, y, rtol, tokens, &why);
        if (*why.text) fail(err, "%s line %d: %s", name, lines + 1, why.text);
        bool over = !x || !y || !same;
        cJSON_Delete(x), cJSON_Delete(y);
        if (over) break;
    }
    fclose(file[0]), fclose(file[1]);
    return same && (lines > 0 || fail(err, "%s has nothing to compare", path[0]));
}

static int self_test(void) {
    const char *const base =
        "{\"phase\":\"rl\",\"step\":1,\"loss\":0.5,\"grad_norm\":1,\"entropy\":2,\"tokens\":7,\"logprob_diff_max\":0}";
    const char *const other[] = {
        "{\"phase\":\"rl\",\"step\":2,\"loss\":0.5,\"grad_norm\":1,\"entropy\":2,\"tokens\":7,\"logprob_diff_max\":0}",
        "{\"phase\":\"rl\",\"step\":1,\"loss\":0.51,\"grad_norm\":1,\"entropy\":2,\"tokens\":7,\"logprob_diff_max\":0}",
        "{\"phase\":\"rl\",\"step\":1,\"loss\":null,\"grad_norm\":1,\"entropy\":2,\"tokens\":7,\"logprob_diff_max\":0}",
        "{\"phase\":\"rl\",\"step\":1,\"loss\":0.5,\"entropy\":2,\"tokens\":7,\"logprob_diff_max\":0}",
        "{\"phase\":\"rl\",\"step\":1,\"loss\":0.5,\"grad_norm\":1,\"entropy\":2,\"tokens\":8,\"logprob_diff_max\":0}",
        "{\"phase\":\"rl\",\"step\":1,\"loss\":0.5,\"grad_norm\":1,\"entropy\":2,\"tokens\":7,\"logprob_diff_max\":1}"};
    cJSON *a = cJSON_Parse(base);
    cJSON *close = cJSON_Parse("{\"phase\":\"rl\",\"step\":1,\"loss\":0.50001,\"grad_norm\":1,\"entropy\":2,"
                               "\"tokens\":7,\"logprob_diff_max\":0}");
    Error err;
    int wrong = !same_step(a, a, 0, true, &err) + !same_step(a, close, 1e-4, true, &err) + close_to(NAN, 1, 1e9) +
                close_to(1, NAN, 1e9);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        cJSON *b = cJSON_Parse(other[i]);
        wrong += same_step(a, b, 1e-4, true, &err);
        cJSON_Delete(b);
    }
    cJSON *r = cJSON_Parse("{\"prompt_id\":1,\"rollout\":0,\"tokens\":[{\"text\":\"a\"}]}"),
          *s = cJSON_Parse("{\"prompt_id\":1,\"rollout\":0,\"tokens\":[{\"text\":\"b\"}]}"),
          *l = cJSON_Parse("{\"prompt_id\":1,\"rollout\":0,\"tokens\":[{\"text\":\"a\"},{\"text\":\"a\"}]}");
    wrong += !same_rollout(r, r, &err) + same_rollout(r, s, &err) + same_rollout(r, l, &err);
    cJSON_Delete(a), cJSON_Delete(close), cJSON_Delete(r), cJSON_Delete(s), cJSON_Delete(l);
    if (wrong) printf("compare_runs: %d of its comparisons are wrong\n", wrong);
    return wrong != 0;
}

int main(int argc, char **argv) {
    Error err = {""};
    if (argc == 2 && strcmp(argv[1], "--self-test") == 0) return self_test();
    if (argc < 4) return fprintf(stderr, "usage: compare_runs A B RTOL [tokens]\n"), 2;
    double rtol = atof(argv[3]);
    bool tokens = argc > 4 && strcmp(argv[4], "tokens") == 0;
    bool same = same_file(argv[1], argv[2], false, rtol, tokens, &err) &&
                (!tokens || same_file(argv[1], argv[2], true, rtol, tokens, &err));
    if (!same) printf("%s and %s: %s\n", argv[1], argv[2], err.text);
    return same ? 0 : 1;
}
