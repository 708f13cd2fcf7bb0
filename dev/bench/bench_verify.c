// Optional (benchmarks): rates of the verifier on one core, its slowest check, and whether a thread's memory stays
// where it started.
//
//   make build/cpu/dev/bench/bench_verify && build/cpu/dev/bench/bench_verify [CASES.jsonl ...]
//
// Golds are compiled once, as in training; then their responses are judged over and over. `word problems` are integers
// in a response of some lines, right and wrong in turn. The other sets are files of {gold, response} rows, the tests'
// own table when none is named, so these rates hold for that mix of kinds. Rates are the best of three rounds.
#include "verify/verify.h"

#include <cjson/cJSON.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 4096, ROUNDS = 3 };

typedef struct Row {
    VerifyGold *gold;
    char *response;
    size_t len;
} Row;

typedef struct Set {
    const char *name;
    Row row[ROWS];
    int count;
} Set;

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void add(Set *set, const char *gold, char *response) {
    VerifyPolicy policy = verify_policy_evaluation();
    VerifyGold *compiled = set->count < ROWS && response ? verify_compile(gold, strlen(gold), &policy) : NULL;
    if (compiled) set->row[set->count++] = (Row){compiled, response, strlen(response)};
    else free(response);
}

static void word_problems(Set *set) {
    static const char TEXT[] =
        "First we count the eggs: 16 a day. She eats 3 and bakes with 4, which leaves 16 - 3 - 4 = 9.\n"
        "She sells them for $2 each, so she makes 9 * 2 = $18 a day.\n\nThe answer is $\\boxed{%d}$.";
    set->name = "word problems";
    for (int i = 0; i < 256; i++) {
        char gold[16], *response = malloc(sizeof TEXT + 16);
        snprintf(gold, sizeof gold, "%d", 3 + 7 * i);
        if (response) snprintf(response, sizeof TEXT + 16, TEXT, 3 + 7 * i + i % 2);
        add(set, gold, response);
    }
}

static void read_cases(Set *set, const char *path) {
    FILE *file = fopen(path, "rb");
    char *line = NULL;
    size_t room = 0;
    set->name = path;
    if (!file) fprintf(stderr, "%s: cannot open; give a file of {gold, response} rows\n", path);
    while (file && getline(&line, &room, file) > 0) {
        cJSON *json = cJSON_Parse(line);
        const char *gold = cJSON_GetStringValue(cJSON_GetObjectItem(json, "gold")),
                   *response = cJSON_GetStringValue(cJSON_GetObjectItem(json, "response"));
        if (gold && response) add(set, gold, strdup(response));
        cJSON_Delete(json);
    }
    free(line);
    if (file) fclose(file);
}

static void rate(const Set *set, VerifyScratch *scratch) {
    double best = 0;
    int equal = 0;
    for (int round = 0; round < ROUNDS; round++) {
        long done = 0;
        double start = seconds(), took;
        do {
            equal = 0;
            for (int i = 0; i < set->count; i++)
                equal += verify_check(scratch, set->row[i].gold, set->row[i].response, set->row[i].len).verdict ==
                         VERIFY_EQUAL;
            done += set->count;
        } while ((took = seconds() - start) < 0.5);
        if ((double)done / took > best) best = (double)done / took;
    }
    printf("%-40s %5d rows, %5d equal   %12.0f checks/s   %12.0f a minute\n", set->name, set->count, equal, best,
           60 * best);
}

static void slowest(const Set *set, VerifyScratch *scratch) {
    double worst = 0;
    int at = 0;
    for (int i = 0; i < set->count; i++) {
        double least = 1e9; // of three, so that a busy neighbour does not count
        for (int round = 0; round < ROUNDS; round++) {
            double start = seconds();
            verify_check(scratch, set->row[i].gold, set->row[i].response, set->row[i].len);
            if (seconds() - start < least) least = seconds() - start;
        }
        if (least > worst) worst = least, at = i;
    }
    if (set->count) printf("%-40s slowest check %.3f ms: %.60s\n", set->name, 1e3 * worst, set->row[at].response);
}

int main(int argc, char **argv) {
    static Set sets[8];
    int count = 1;
    word_problems(&sets[0]);
    for (int i = 1; i < argc && count < 8; i++) read_cases(&sets[count++], argv[i]);
    if (argc < 2) read_cases(&sets[count++], "tests/verify/own_cases.jsonl");
    VerifyScratch *scratch = verify_scratch_new();
    if (!scratch) return fprintf(stderr, "out of memory\n"), 1;
    for (int i = 0; i < count; i++) slowest(&sets[i], scratch); // this also warms up FLINT's tables of constants
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < count; i++) rate(&sets[i], scratch);
    size_t after = mallinfo2().uordblks;
    printf("memory in use: %zu bytes before, %zu after\n", before, after);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < sets[i].count; k++) verify_gold_free(sets[i].row[k].gold), free(sets[i].row[k].response);
    verify_scratch_free(scratch);
    return 0;
}
