// Optional (data from files): merging, splitting and comparing problem sets.
#include "data/problems_file.h"
#include "data/random.h"
#include <string.h>

static bool add_copy(ProblemSet *set, const Problem *p) {
    return problems_add(set, p->prompt, p->gold, p->task, p->line);
}

int problems_merge(ProblemSet *to, ProblemSet *from) {
    int left_out = 0;
    for (int i = 0; i < from->count; i++) left_out += !add_copy(to, &from->items[i]);
    problems_free(from);
    return left_out;
}

void problems_split(ProblemSet *set, double share, uint64_t seed, ProblemSet *train, ProblemSet *heldout) {
    *train = *heldout = (ProblemSet){0};
    for (int i = 0; i < set->count; i++) {
        Random random = {text_hash(set->items[i].prompt, seed)};
        add_copy(random_unit(&random) < share ? heldout : train, &set->items[i]);
    }
    problems_free(set);
}

// The letters (as lower case), digits and operators of a prompt, to be freed.
static char *essence(const char *prompt) {
    char *text = malloc(strlen(prompt) + 1), *to = text;
    REQUIRE(text, "out of memory");
    for (const char *at = prompt; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c >= 'A' && c <= 'Z') c |= 0x20;
        bool counts = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 || strchr("+-*/^=<>", c);
        if (counts) *to++ = (char)c;
    }
    *to = 0;
    return text;
}

int problems_overlap(const ProblemSet *train, const ProblemSet *eval, int *twin_out) {
    ProblemSet asked = {0}; // the essences of eval; `line` is the first problem with each
    int found = 0;
    for (int i = 0; i < eval->count; i++) {
        char *text = essence(eval->items[i].prompt);
        problems_add(&asked, text, "", NULL, i);
        free(text);
    }
    for (int i = 0; i < train->count; i++) {
        char *text = essence(train->items[i].prompt);
        const Problem *twin = *text ? problems_find(&asked, text) : NULL; // "": nothing to compare
        twin_out[i] = twin ? twin->line : -1;
        found += twin != NULL;
        free(text);
    }
    problems_free(&asked);
    return found;
}
