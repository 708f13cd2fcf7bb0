// Optional (data from files): merging, splitting and comparing problem sets, and a list of what is left out of them.
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

typedef struct Ticket { // in the draw of the held-out problems
    uint64_t hash;
    int problem;
} Ticket;

static int compare_tickets(const void *a, const void *b) {
    const Ticket *x = a, *y = b;
    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash) : x->problem - y->problem;
}

void problems_split(ProblemSet *set, int most, ProblemSet *train, ProblemSet *heldout) {
    enum { HELDOUT_KEY = 0x68656c64 };
    int count = set->count, fifth = count >= 5 ? count / 5 : count >= 2;
    Ticket *ticket = malloc(((size_t)count + 1) * sizeof *ticket);
    bool *held = calloc((size_t)count + 1, sizeof *held);
    REQUIRE(ticket && held, "out of memory");
    for (int i = 0; i < count; i++) ticket[i] = (Ticket){text_hash(set->items[i].prompt, HELDOUT_KEY), i};
    qsort(ticket, (size_t)count, sizeof *ticket, compare_tickets);
    for (int i = 0; i < fifth && i < most; i++) held[ticket[i].problem] = true;
    *train = *heldout = (ProblemSet){0};
    for (int i = 0; i < count; i++) add_copy(held[i] ? heldout : train, &set->items[i]);
    problems_free(set);
    free(ticket);
    free(held);
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

void problems_note(FILE *notes, const Problem *problem, const char *why, int left_out) {
    enum { LISTED = 16 };
    if (!problem && left_out > LISTED) fprintf(notes, "  and %d more\n", left_out - LISTED);
    if (!problem || left_out > LISTED) return;
    int head = (int)strcspn(problem->prompt, "\r\n"); // whole characters only
    for (head = head < 60 ? head : 60; ((unsigned char)problem->prompt[head] & 0xc0) == 0x80; head--) continue;
    if (left_out == 1) fprintf(notes, "prompts that are left out:\n");
    Error line; // escapes what would control a terminal
    fail(&line, "  line %d, %s: %.*s ...", problem->line, why, head, problem->prompt);
    fprintf(notes, "%s\n", line.text);
}
