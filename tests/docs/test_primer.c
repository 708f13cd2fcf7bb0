// Recomputes every table of numbers in docs/primer.md with the project's own functions. A table is named by a comment
// in the line before it, <!-- numbers: NAME -->; each cell that is a number must equal the value computed here, as far
// as it is shown.
#include "kernels/advantage.h"
#include "kernels/allocate.h"
#include "kernels/policy_loss.h"
#include "kernels/softmax_row.h"
#include "rl/config.h"
#include "tests/kernels/kernel_test.h"
#include <ctype.h>
#include <math.h>

#define PAGE "docs/primer.md"

enum { FIVE, SIX, HASH, END, V }; // the vocabulary
enum { PROMPT, AFTER_HASH, AFTER_FIVE, AFTER_SIX, NO_HASH, CONTEXTS };
enum { TOKENS = 11, SHOWN = 8, CELLS_MAX = 128 }; // the fourth rollout repeats the second and is not shown
static const float logits[CONTEXTS][V] = {
    {0.5f, -1, 2, -3}, {1.5f, 0.5f, -1, -2}, {-2, -2, -1, 3}, {-2, -1.5f, -1, 2}, {-1, -1, 1, 1.5f}};
static const struct {
    int rollout, context, token;
} example[TOKENS] = {{0, PROMPT, HASH},    {0, AFTER_HASH, FIVE}, {0, AFTER_FIVE, END}, {1, PROMPT, HASH},
                     {1, AFTER_HASH, SIX}, {1, AFTER_SIX, END},   {2, PROMPT, FIVE},    {2, NO_HASH, END},
                     {3, PROMPT, HASH},    {3, AFTER_HASH, SIX},  {3, AFTER_SIX, END}};
static const float reward[] = {1, 0, 0, 0};
static const PolicyObjective grpo = {.inv_temp = 1, .eps_low = 0.2f, .eps_high = 0.2f, .dual_clip = 10};
static const PolicyObjective paper = {.inv_temp = 1,
                                      .eps_low = 0.2f,
                                      .eps_high = 0.2f,
                                      .dual_clip = 10,
                                      .comp = 0.4f,
                                      .stab = 0.4f,
                                      .stab_gamma = 50,
                                      .stab_tau = 0.9f};

// The example, from the logits to the gradient on them.
typedef struct Example {
    float A[4]; // of the rollouts
    TokenPolicy policy[TOKENS];
    float advantage[TOKENS]; // of each token's rollout
    PolicyObjective dynamo;  // with the normalisers of the batch
} Example;

static TokenPolicy policy_of(const float *z, int token) {
    PolicyRow row = policy_row(z, V, 1);
    return (TokenPolicy){policy_log_prob(&row, z[token], 1), row.entropy, row.E};
}

static Example compute(void) {
    KernelTest t = test_open();
    Example e = {.dynamo = paper};
    float *A = DEVICE(&t, float, 4), *norms = DEVICE(&t, float, 3);
    group_advantage(t.dev, A, UPLOAD(&t, reward, 4), UPLOAD(&t, ((const int[]){0, 4}), 2), 1, ADVANTAGE_GRPO);
    memcpy(e.A, DOWNLOAD(&t, A, 4), sizeof e.A);
    for (int m = 0; m < TOKENS; m++) {
        e.policy[m] = policy_of(logits[example[m].context], example[m].token);
        e.advantage[m] = e.A[example[m].rollout];
    }
    modulation_norms(t.dev, norms, UPLOAD(&t, e.policy, TOKENS), UPLOAD(&t, e.advantage, TOKENS), NULL, TOKENS);
    const float *h_norms = DOWNLOAD(&t, norms, 3);
    e.dynamo.entropy_min = h_norms[0], e.dynamo.entropy_max = h_norms[1], e.dynamo.delta_max = h_norms[2];
    test_close(&t);
    return e;
}

// writes dlogits (V) of token m at its first update
static void gradient(const Example *e, int m, const PolicyObjective *o, float weight, float *dlogits) {
    KernelTest t = test_open();
    PolicyTargets targets = {UPLOAD(&t, &example[m].token, 1), UPLOAD(&t, &e->advantage[m], 1),
                             UPLOAD(&t, &e->policy[m].logp, 1), UPLOAD(&t, &weight, 1), NULL, NULL};
    floatX *d = DEVICE(&t, floatX, V);
    policy_loss(t.dev, DEVICE(&t, TokenResult, 1), d, UPLOAD(&t, logits[example[m].context], V), &targets, o, 1, V);
    memcpy(dlogits, download_floats(&t, d, V), V * sizeof(float));
    test_close(&t);
}

static double entropy(const double *z) { // in double precision, by the definition
    double sum = 0, H = 0;
    for (int b = 0; b < V; b++) sum += exp(z[b]);
    for (int b = 0; b < V; b++) H -= exp(z[b]) / sum * (z[b] - log(sum));
    return H;
}

// The change of H under a step of gradient descent on token m's own logits.
static double measured(const Example *e, int m, double lr) {
    double z[V], moved[V];
    float d[V];
    gradient(e, m, &grpo, 1, d);
    for (int b = 0; b < V; b++) z[b] = logits[example[m].context][b], moved[b] = z[b] - lr * d[b];
    return entropy(moved) - entropy(z);
}

typedef struct Values { // of one table, in the order of its cells
    double value[CELLS_MAX];
    int count;
} Values;

static void put(Values *v, int count, const double *values) {
    assert_true(v->count + count <= CELLS_MAX);
    memcpy(v->value + v->count, values, (size_t)count * sizeof *values);
    v->count += count;
}
#define PUT(v, ...) put(v, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static void values_logits(Values *v) {
    for (int i = 0; i < CONTEXTS * V; i++) PUT(v, logits[i / V][i % V]);
}

static void values_advantages(Values *v) {
    Example e = compute();
    for (int j = 0; j < 4; j++)
        PUT(v, reward[j], reward[j] - (reward[0] + reward[1] + reward[2] + reward[3]) / 4, e.A[j]);
}

static void values_clip(Values *v) {
    const float cases[][2] = {{1, 1.5f},     {1.1f, 1.5f},  {1.3f, 1.5f}, {0.7f, 1.5f},
                              {0.9f, -0.5f}, {0.7f, -0.5f}, {12, -0.5f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TokenPush push = token_push(&grpo, (TokenPolicy){-1, 1, 0}, -1 - logf(cases[i][0]), cases[i][1], 0, NULL);
        PUT(v, push.ratio, cases[i][1], push.loss, push.clipped);
    }
}

static void values_two_tokens(Values *v) {
    const double probability[] = {0.01, 0.1, 0.2, 0.5, 0.8, 0.9, 0.99};
    for (size_t i = 0; i < sizeof probability / sizeof *probability; i++) {
        float z[2] = {(float)log(probability[i] / (1 - probability[i])), 0};
        PolicyRow row = policy_row(z, 2, 1);
        TokenPolicy p = {policy_log_prob(&row, z[0], 1), row.entropy, row.E};
        double pi = exp(p.logp), other = exp(policy_log_prob(&row, z[1], 1));
        PUT(v, pi, p.entropy, sqrt(1 - 2 * pi + pi * pi + other * other), entropy_change(p, 1, 1, false));
    }
}

static void values_finite_difference(Values *v) {
    Example e = compute();
    for (double lr = 1; lr > 0.005; lr /= 10)
        PUT(v, lr, measured(&e, 1, lr), lr * entropy_change(e.policy[1], 1, e.advantage[1], false));
}

static void values_stabilisation(Values *v) {
    PolicyObjective a = paper, b = paper;
    a.delta_max = b.delta_max = 1, b.stab_tau = 0.99f;
    const float x[] = {0.5f, 0.8f, 0.9f, 0.95f, 1};
    for (int i = 0; i < 5; i++) PUT(v, x[i], stabilisation(&a, x[i]), stabilisation(&b, -x[i]));
}

static void values_normalisers(Values *v) {
    Example e = compute();
    PUT(v, e.dynamo.entropy_min, e.dynamo.entropy_max, e.dynamo.delta_max);
}

static void values_tokens(Values *v) {
    Example e = compute();
    for (int m = 0; m < SHOWN; m++) {
        TokenPolicy p = e.policy[m];
        TokenPush push = token_push(&e.dynamo, p, p.logp, e.advantage[m], p.E, NULL);
        assert_true(push.ratio == 1 && push.clipped == 0);
        PUT(v, exp(p.logp), p.logp, p.entropy, p.E, e.advantage[m], entropy_change(p, 1, e.advantage[m], false),
            push.b_comp, push.b_stab, (double)e.advantage[m] * push.b_comp * push.b_stab);
    }
}

static void values_gradients(Values *v) {
    Example e = compute();
    for (int m = 1; m <= 2; m++)
        for (int modulated = 0; modulated < 2; modulated++) {
            float d[V];
            gradient(&e, m, modulated ? &e.dynamo : &grpo, 1.0f / TOKENS, d);
            PUT(v, d[FIVE], d[SIX], d[HASH], d[END]);
        }
}

static const AllocateConfig bounds = {
    ALLOCATE_VARIANCE, 16, 8, 24, 4, 0.85}; // the defaults, as the table of flags checks

static void allocated(int *n, double *share, const double *correct, AllocateConfig config) {
    KernelTest t = test_open();
    int *d_n = DEVICE(&t, int, 4);
    double *d_share = DEVICE(&t, double, 4);
    allocate_rollouts(t.dev, d_n, d_share, UPLOAD(&t, correct, 4), UPLOAD(&t, ((const double[]){16, 16, 16, 16}), 4), 4,
                      &config);
    memcpy(n, DOWNLOAD(&t, d_n, 4), 4 * sizeof *n);
    memcpy(share, DOWNLOAD(&t, d_share, 4), 4 * sizeof *share);
    test_close(&t);
}

static void values_allocation(Values *v) {
    const double correct[] = {6, 10, 0, 15}, low = bounds.low;
    double share[4], given = 0;
    int n[4];
    allocated(n, share, correct, bounds);
    for (int i = 0; i < 4; i++) given += share[i] - low;
    for (int i = 0; i < 4; i++) // the proxies, read off the shares that they led to: 0.52 is their sum
        PUT(v, correct[i], 16, 0.52 * (share[i] - low) / given, share[i], n[i]);
}

static void values_kinds(Values *v) {
    const double correct[] = {8, 4, 2, 1};
    double proxy[4], sum = 0, share[4];
    int n[4];
    for (int i = 0; i < 4; i++) proxy[i] = correct[i] * (16 - correct[i]) / (16 * 15.0), sum += sqrt(proxy[i]);
    for (int row = 0; row < 5; row++) {
        const AllocateKind kinds[] = {ALLOCATE_UNIFORM, ALLOCATE_VARIANCE, ALLOCATE_STDDEV, ALLOCATE_VARIANCE,
                                      ALLOCATE_STDDEV};
        allocated(n, share, correct, (AllocateConfig){kinds[row], 16, row < 3 ? 8 : 1, row < 3 ? 24 : 64, 4, 0.85});
        PUT(v, n[0], n[1], n[2], n[3], proxy[0] / n[0] + proxy[1] / n[1] + proxy[2] / n[2] + proxy[3] / n[3]);
    }
    for (int i = 0; i < 4; i++) PUT(v, 64 * sqrt(proxy[i]) / sum);
    PUT(v, sum * sum / 64);
}

static void values_defaults(Values *v) {
    TrainConfig c;
    Error err = {""};
    if (!train_config_parse(&c, 1, (char *[]){(char *)"train", NULL}, &err)) fail_msg("%s", err.text);
    PUT(v, c.rollouts, c.rollouts_low, c.rollouts_high, c.explore, c.mastered, c.eps_low, c.eps_high, c.dual_clip,
        c.history_decay);
    assert_true(c.rollouts == bounds.rollouts && c.rollouts_low == bounds.low && c.rollouts_high == bounds.high);
    assert_true(c.explore == bounds.explore && c.mastered == bounds.mastered);
}

static const struct {
    const char *name;
    void (*values)(Values *);
} tables[] = {{"logits", values_logits},
              {"advantages", values_advantages},
              {"clip", values_clip},
              {"two tokens", values_two_tokens},
              {"finite difference", values_finite_difference},
              {"stabilisation", values_stabilisation},
              {"normalisers", values_normalisers},
              {"tokens", values_tokens},
              {"gradients", values_gradients},
              {"allocation", values_allocation},
              {"kinds", values_kinds},
              {"defaults", values_defaults}};
enum { TABLES = sizeof tables / sizeof *tables };

// The number that fills the cell text[0 .. length), and how many decimals it shows; false where it is not one.
static bool cell_number(const char *text, size_t length, double *value, int *decimals) {
    char cell[64], *end;
    while (length > 0 && *text == ' ') text++, length--;
    while (length > 0 && text[length - 1] == ' ') length--;
    if (length == 0 || length >= sizeof cell ||
        !(isdigit((unsigned char)*text) || *text == '-' || *text == '+' || *text == '.'))
        return false;
    memcpy(cell, text, length);
    cell[length] = 0;
    *value = strtod(cell, &end);
    const char *point = strchr(cell, '.');
    *decimals = point ? (int)(cell + length - point) - 1 : 0;
    return *end == 0;
}

// Compares the cells of one row with the values from `at` on; returns how many cells are numbers. want NULL: only
// counts.
static int check_row(const char *line, int number, const Values *want, int at) {
    int cells = 0;
    for (const char *bar = line; strchr(bar + 1, '|'); bar = strchr(bar + 1, '|')) {
        double shown;
        int decimals;
        if (!cell_number(bar + 1, (size_t)(strchr(bar + 1, '|') - bar - 1), &shown, &decimals)) continue;
        if (want && at + cells >= want->count)
            fail_msg(PAGE ":%d: more numbers than the %d that are computed", number, want->count);
        double value = want ? want->value[at + cells] : shown, half = 0.5 * pow(10, -decimals);
        if (!(fabs(shown - value) <= half + 1e-6 * fabs(value)))
            fail_msg(PAGE ":%d: shows %g, computed is %.8g", number, shown, value);
        cells++;
    }
    return cells;
}

// Three or more decimals in the text would be a number that nothing checks; arXiv's numbers have four digits before the
// point.
static bool exact_number(const char *line) {
    for (const char *point = strchr(line, '.'); point; point = strchr(point + 1, '.')) {
        size_t before = 0, after = strspn(point + 1, "0123456789");
        while (point - before > line && isdigit((unsigned char)point[-1 - (ptrdiff_t)before])) before++;
        if (before > 0 && before < 4 && after > 2) return true;
    }
    return false;
}

static int table_named(const char *line, int number) {
    char name[64];
    if (sscanf(line, "<!-- numbers: %63[^>]", name) != 1) fail_msg(PAGE ":%d: a marker without a name", number);
    for (int i = 0; i < TABLES; i++)
        if (strncmp(name, tables[i].name, strlen(tables[i].name)) == 0 &&
            strcmp(name + strlen(tables[i].name), " --") == 0)
            return i;
    fail_msg(PAGE ":%d: no table is called %s", number, name);
    return -1;
}

static void test_tables(void **state) {
    (void)state;
    FILE *page = fopen(PAGE, "r");
    if (!page) fail_msg(PAGE " cannot be read: run the tests from the project's root");
    char line[1024];
    bool seen[TABLES] = {false};
    Values want = {.count = 0};
    int marked = -1, at = 0, row = 0; // the table that we are in, its numbers and rows so far
    for (int number = 1; fgets(line, sizeof line, page); number++) {
        if (*line == '|') {
            int cells =
                row++ < 2 ? 0 : check_row(line, number, marked < 0 ? NULL : &want, at); // the first two are the heading
            if (marked < 0 && cells > 0)
                fail_msg(PAGE ":%d: a table of numbers without a marker: nothing checks it", number);
            at += cells;
            continue;
        }
        if (marked >= 0 && at != want.count)
            fail_msg(PAGE ":%d: the table before has %d numbers, not %d", number, at, want.count);
        marked = -1, row = 0, at = 0;
        if (exact_number(line)) fail_msg(PAGE ":%d: a number of the example outside of a marked table", number);
        if (strncmp(line, "<!-- numbers:", 13) != 0) continue;
        marked = table_named(line, number);
        if (seen[marked]) fail_msg(PAGE ":%d: a second table %s", number, tables[marked].name);
        seen[marked] = true;
        want.count = 0;
        tables[marked].values(&want);
    }
    if (marked >= 0 && at != want.count) fail_msg(PAGE ": the last table has %d numbers, not %d", at, want.count);
    fclose(page);
    for (int i = 0; i < TABLES; i++)
        if (!seen[i]) fail_msg(PAGE ": the table %s is missing", tables[i].name);
}

// Eq. 29 for every token of the example: a central difference of H has an error of order lr^2.
static void test_entropy_change(void **state) {
    (void)state;
    Example e = compute();
    const double lr = 1e-3;
    for (int m = 0; m < TOKENS; m++) {
        double slope = (measured(&e, m, lr) - measured(&e, m, -lr)) / (2 * lr),
               dH = entropy_change(e.policy[m], 1, e.advantage[m], false);
        if (!(fabs(slope - dH) <= 1e-5))
            fail_msg("token %d: H changes by %.8f per unit of lr, Eq. 29 says %.8f", m, slope, dH);
    }
}

static bool file_has(const char *path, const char *name) {
    FILE *file = fopen(path, "r");
    if (!file) return false;
    char line[4096];
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) found = strstr(line, name) != NULL;
    fclose(file);
    return found;
}

// Whatever the pages cite as `path: name` exists.
static void test_citations(void **state) {
    (void)state;
    const char *const pages[] = {PAGE, "docs/glossary.md"};
    int citations = 0;
    for (size_t p = 0; p < sizeof pages / sizeof *pages; p++) {
        FILE *page = fopen(pages[p], "r");
        if (!page) fail_msg("%s cannot be read: run the tests from the project's root", pages[p]);
        char line[4096], path[128], name[128];
        for (int number = 1; fgets(line, sizeof line, page); number++)
            for (const char *tick = strchr(line, '`'); tick; tick = strchr(tick + 1, '`')) {
                if (sscanf(tick, "`%127[a-z0-9_/.]: %127[A-Za-z0-9_]`", path, name) != 2) continue;
                if (!file_has(path, name)) fail_msg("%s:%d: there is no %s in %s", pages[p], number, name, path);
                citations++;
            }
        fclose(page);
    }
    assert_true(citations > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables), cmocka_unit_test(test_entropy_change),
                                       cmocka_unit_test(test_citations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
