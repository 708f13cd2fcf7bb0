// Over the golds of every data set under DATA_DIR/data: each equals itself in a box, a numeric gold with one digit or
// its sign changed is NOT_EQUAL, and equality is symmetric and transitive. Skipped where the data is absent.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "verify/verify.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Set {
    const char *path, *field; // field NULL: \boxed{} inside "solution"; "####": after the last ####
} Set;

static const Set SETS[] = {{"gsm8k/train.jsonl", "####"},
                           {"gsm8k/test.jsonl", "####"},
                           {"math/train.json", "answer"},
                           {"math/math500.jsonl", "answer"},
                           {"aime/train-1983-2023.json", "answer"},
                           {"aime/aime24.jsonl", "answer"},
                           {"aime/aime25.jsonl", "ground_truth"},
                           {"amc/amc23.jsonl", "answer"},
                           {"minerva/test.jsonl", NULL},
                           {"olympiadbench/test.jsonl", "final_answer"},
                           {"svamp/test.jsonl", "Answer"},
                           {"mawps/test.jsonl", "target"},
                           {"deepmath/sample.jsonl", "ground_truth"}};

typedef struct Counts {
    size_t golds, reflexive, mutations, caught;
    char **all; // every gold
} Counts;

static VerifyVerdict judge(VerifyScratch *scratch, const char *gold, const char *answer) {
    VerifyPolicy policy = verify_policy_training();
    VerifyGold *compiled = verify_compile(gold, strlen(gold), &policy);
    size_t len = strlen(answer) + 16;
    char *response = malloc(len);
    int n = snprintf(response, len, "\\boxed{%s}", answer);
    VerifyVerdict verdict = verify_check(scratch, compiled, response, (size_t)n).verdict;
    free(response);
    verify_gold_free(compiled);
    return verdict;
}

static bool numeric(const char *gold) {
    size_t n = strspn(gold, "-0123456789.");
    return n && !gold[n] && strpbrk(gold, "0123456789") && n < 40;
}

// Every digit raised by one (9 becomes 1, so that no value comes back), then the sign flipped.
static void mutate(VerifyScratch *scratch, const char *gold, Counts *counts) {
    char other[64];
    size_t len = strlen(gold);
    for (size_t i = 0; i <= len; i++) {
        bool sign = i == len;
        if (!sign && !isdigit((unsigned char)gold[i])) continue;
        if (sign && !strpbrk(gold, "123456789")) continue; // -0 is 0
        snprintf(other, sizeof other, "%s%s", sign && gold[0] != '-' ? "-" : "",
                 sign && gold[0] == '-' ? gold + 1 : gold);
        if (!sign) other[i] = gold[i] == '9' ? '1' : (char)(gold[i] + 1);
        counts->mutations++;
        VerifyVerdict verdict = judge(scratch, gold, other);
        if (verdict == VERIFY_NOT_EQUAL) counts->caught++;
        else fprintf(stderr, "gold %s, changed to %s: %s\n", gold, other, verify_verdict_name(verdict));
    }
}

static void one_gold(VerifyScratch *scratch, const char *gold, Counts *counts) {
    counts->all = realloc(counts->all, (counts->golds + 1) * sizeof *counts->all);
    counts->all[counts->golds++] = strdup(gold);
    if (judge(scratch, gold, gold) == VERIFY_EQUAL) counts->reflexive++;
    else fprintf(stderr, "not equal to itself: %s\n", gold);
    if (numeric(gold)) mutate(scratch, gold, counts);
}

static char *box_of(const char *solution) { // contents of the last \boxed{}
    const char *box = NULL;
    for (const char *p = solution; (p = strstr(p, "\\boxed{")); p++) box = p + 7;
    if (!box) return NULL;
    int depth = 1;
    const char *end = box;
    for (; *end && depth; end++) depth += (*end == '{') - (*end == '}');
    char *copy = malloc((size_t)(end - box) + 1);
    memcpy(copy, box, (size_t)(end - box));
    copy[end - box - 1] = 0;
    return copy;
}

static void one_row(VerifyScratch *scratch, const Set *set, const cJSON *row, Counts *counts) {
    bool marked = set->field && !strcmp(set->field, "####");
    const cJSON *item = cJSON_GetObjectItem(row, !set->field ? "solution" : marked ? "answer" : set->field);
    if (cJSON_IsArray(item)) item = cJSON_GetArrayItem(item, 0);
    if (cJSON_IsNumber(item)) {
        char text[64];
        snprintf(text, sizeof text, item->valuedouble == (double)(long long)item->valuedouble ? "%.1f" : "%.15g",
                 item->valuedouble);
        one_gold(scratch, text, counts);
        return;
    }
    const char *text = cJSON_GetStringValue(item);
    if (!text || !*text) return; // the two nulls and two empty answers of math/train
    if (!set->field) {
        char *inside = box_of(text);
        if (inside) one_gold(scratch, inside, counts);
        free(inside);
        return;
    }
    if (marked) {
        for (const char *p = text; (p = strstr(p, "#### ")); p += 5) text = p + 5;
    }
    one_gold(scratch, text, counts);
}

static char *slurp(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    size_t n = fread(text, 1, (size_t)size, file);
    text[n] = 0;
    fclose(file);
    return text;
}

static void one_set(VerifyScratch *scratch, const char *folder, const Set *set, Counts *counts) {
    char path[1024];
    snprintf(path, sizeof path, "%s/data/%s", folder, set->path);
    char *text = slurp(path);
    if (!text) return;
    if (text[strspn(text, " \n")] == '[') {
        cJSON *all = cJSON_Parse(text), *row;
        cJSON_ArrayForEach(row, all) one_row(scratch, set, row, counts);
        cJSON_Delete(all);
    } else {
        char *rest = text;
        for (char *line; (line = strsep(&rest, "\n"));) {
            cJSON *row = cJSON_Parse(line);
            if (row) one_row(scratch, set, row, counts);
            cJSON_Delete(row);
        }
    }
    free(text);
}

// Golds in the order of their letters and digits: those that may be equal are neighbours.
static const char *next_content(const char *s) { // over commands and signs
    for (; *s && !isalnum((unsigned char)*s); s++)
        if (*s == '\\')
            while (isalpha((unsigned char)s[1])) s++;
    return s;
}

static int by_content(const void *a, const void *b) {
    const char *x = next_content(*(char *const *)a), *y = next_content(*(char *const *)b);
    while (*x && tolower((unsigned char)*x) == tolower((unsigned char)*y)) {
        x = next_content(x + 1);
        y = next_content(y + 1);
    }
    return tolower((unsigned char)*x) - tolower((unsigned char)*y);
}

enum { WINDOW = 8 };

typedef struct Laws {
    size_t pairs, equal, triples, broken; // triples: a = b and b = c for different texts
} Laws;

// What one side may leave out, so that a = b = c does not give a = c: a unit, a sign, a label, a name.
static bool leaves_out(const char *text) {
    return strpbrk(text, "%$=:") || strstr(text, "text") || strstr(text, "circ") || strstr(text, "mathrm");
}

// 0,1 may answer 0.1, and 0.1 may not answer the list 0,1.
static bool comma_for_point(const char *a, const char *b) {
    bool numbers = strspn(a, "-0123456789.,") == strlen(a) && strspn(b, "-0123456789.,") == strlen(b);
    return numbers && !strchr(a, ',') != !strchr(b, ',');
}

// Is equality symmetric and transitive among golds that lie close together?
static Laws check_laws(VerifyScratch *scratch, char **golds, size_t count) {
    Laws laws = {0};
    if (count > 0) qsort(golds, count, sizeof *golds, by_content); // there may be no data sets here
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) { // each text once, the others behind
        if (kept && !strcmp(golds[kept - 1], golds[i])) continue;
        char *swap = golds[kept];
        golds[kept++] = golds[i];
        golds[i] = swap;
    }
    static bool equal[WINDOW][WINDOW];
    for (size_t i = 0; i + WINDOW <= kept; i++) {
        for (size_t a = 0; a < WINDOW; a++)
            for (size_t b = 0; b < WINDOW; b++)
                if (i && a + 1 < WINDOW && b + 1 < WINDOW) equal[a][b] = equal[a + 1][b + 1];
                else equal[a][b] = judge(scratch, golds[i + a], golds[i + b]) == VERIFY_EQUAL;
        for (size_t a = 0; a + 1 < WINDOW; a++) {
            const size_t c = WINDOW - 1;
            laws.pairs++;
            laws.equal += equal[a][c];
            if (equal[a][c] != equal[c][a] && !comma_for_point(golds[i + a], golds[i + c])) {
                fprintf(stderr, "not symmetric: %s and %s\n", golds[i + a], golds[i + c]);
                laws.broken++;
            }
            for (size_t b = 0; b < c; b++) {
                if (b == a || !equal[a][b] || !equal[b][c]) continue;
                laws.triples++;
                const char *x = golds[i + a], *y = golds[i + b], *z = golds[i + c];
                if (equal[a][c] || leaves_out(x) || leaves_out(y) || leaves_out(z)) continue;
                if (comma_for_point(x, y) || comma_for_point(y, z)) continue;
                fprintf(stderr, "not transitive: %s, %s and %s\n", x, y, z);
                laws.broken++;
            }
        }
    }
    return laws;
}

static void free_all(Counts *counts) {
    for (size_t i = 0; i < counts->golds; i++) free(counts->all[i]);
    free(counts->all);
}

static void every_gold(void **state) {
    (void)state;
    const char *folder = getenv("DATA_DIR") ? getenv("DATA_DIR") : "../shared";
    VerifyScratch *scratch = verify_scratch_new();
    Counts counts = {0};
    for (size_t i = 0; i < sizeof SETS / sizeof *SETS; i++) one_set(scratch, folder, &SETS[i], &counts);
    Laws laws = check_laws(scratch, counts.all, counts.golds);
    free_all(&counts);
    verify_scratch_free(scratch);
    if (!counts.golds) {
        print_message("skipped: no data sets under %s/data\n", folder);
        skip();
    }
    print_message("%zu golds, %zu mutations\n", counts.golds, counts.mutations);
    print_message("%zu pairs of neighbours, %zu equal; %zu triples\n", laws.pairs, laws.equal, laws.triples);
    assert_true(laws.equal > 1000 && laws.triples > 1000);
    assert_int_equal(laws.broken, 0);
    assert_int_equal(counts.reflexive, counts.golds);
    assert_int_equal(counts.caught, counts.mutations);
}

static void hand_made(void **state) {
    (void)state;
    static const char *const GOLDS[] = {"18", "-3.5", "\\frac{3}{4}", "(1,\\infty)", "\\text{Evelyn}", "x^2+1",
        "1,2,3", "2X^\\top X W", "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\aleph_0", "5 +", "$221,$8$"};
    VerifyScratch *scratch = verify_scratch_new();
    Counts counts = {0};
    for (size_t i = 0; i < sizeof GOLDS / sizeof *GOLDS; i++) one_gold(scratch, GOLDS[i], &counts);
    verify_scratch_free(scratch);
    free_all(&counts);
    assert_int_equal(counts.reflexive, counts.golds);
    assert_true(counts.mutations >= 6);
    assert_int_equal(counts.caught, counts.mutations);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(hand_made), cmocka_unit_test(every_gold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
