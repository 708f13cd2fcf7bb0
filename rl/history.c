#include "rl/history.h"
#include <math.h>

History history_new(const ProblemSet *set) {
    size_t n = (size_t)set->count;
    History h = {set->count, malloc(n * sizeof(int64_t)), calloc(n, sizeof(double)), calloc(n, sizeof(double)),
                 calloc(n, sizeof(double))};
    REQUIRE(h.id && h.correct && h.verified && h.length, "out of memory");
    for (int i = 0; i < set->count; i++) h.id[i] = set->items[i].id;
    return h;
}

void history_free(History *h) {
    free(h->id);
    free(h->correct);
    free(h->verified);
    free(h->length);
    *h = (History){0};
}

void history_visit(History *h, int problem, int64_t id, int n, int correct, double length, double decay) {
    REQUIRE(problem >= 0 && problem < h->count && h->id[problem] == id,
            "the history of problem %d belongs to another prompt than %lld", problem, (long long)id);
    h->correct[problem] = h->correct[problem] * decay + correct;
    h->verified[problem] = h->verified[problem] * decay + n;
    h->length[problem] = length;
}

double history_pass_rate(const History *h, int problem) {
    return h->verified[problem] > 0 ? h->correct[problem] / h->verified[problem] : -1.0;
}

int pass_rate_bin(double rate) {
    if (rate <= 0) return 0;
    if (rate >= 1) return PASS_RATE_BINS - 1;
    int bin = (int)lround(rate * 10);
    return bin < 1 ? 1 : bin > 9 ? 9 : bin;
}
