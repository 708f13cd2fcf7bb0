#include "rl/prompts.h"
#include "data/random.h"
#include <string.h>

// The tokens of one prompt, to be freed; NULL with the reason in err.
static int *tokenize(const Tokenizer *tokenizer, const PromptTemplate *template, const Problem *problem, int *n,
                     Error *err) {
    Error why;
    char *text = prompt_template_render(template, problem->prompt);
    size_t length = strlen(text), room = 3 * length + 1;
    int *tokens = malloc(room * sizeof *tokens);
    REQUIRE(tokens, "out of memory for a prompt of %zu bytes", length);
    *n = tokenizer_encode(tokenizer, text, length, tokens, (int)room, &why);
    free(text);
    if (*n > 0) return tokens;
    fail(err, "problem at line %d: %.400s", problem->line, *n < 0 ? why.text : "its prompt has no tokens");
    free(tokens);
    return NULL;
}

enum { LISTED = 16 }; // of the prompts that are too long

static void note_long(FILE *notes, const Problem *problem, int n, int most, int left_out) {
    if (!notes || left_out > LISTED) return;
    int head = (int)strcspn(problem->prompt, "\r\n"); // its first words, whole characters only
    for (head = head < 60 ? head : 60; ((unsigned char)problem->prompt[head] & 0xc0) == 0x80; head--) continue;
    if (left_out == 1) fprintf(notes, "prompts of more than %d tokens (--max-prompt) are left out:\n", most);
    Error line;
    fail(&line, "  line %d, %d tokens: %.*s ...", problem->line, n, head, problem->prompt);
    fprintf(notes, "%s\n", line.text);
}

bool prompts_tokenize(PromptSet *set, const Tokenizer *tokenizer, const PromptTemplate *template, int most, FILE *notes,
                      Error *err) {
    ProblemSet *problems = &set->problems;
    int kept = 0, left_out = 0;
    bool *keep = calloc((size_t)problems->count + 1, sizeof *keep), good = true;
    set->prompts = calloc((size_t)problems->count + 1, sizeof *set->prompts);
    REQUIRE(keep && set->prompts, "out of memory");
    for (int i = 0, n; good && i < problems->count; i++) {
        int *tokens = tokenize(tokenizer, template, &problems->items[i], &n, err);
        good = tokens != NULL;
        keep[i] = good && (most <= 0 || n <= most);
        if (keep[i]) {
            set->prompts[kept] = (Prompt){problems->items[i].id, kept, tokens, n};
            set->longest = n > set->longest ? n : set->longest;
            kept++;
        } else if (good) {
            note_long(notes, &problems->items[i], n, most, ++left_out);
            free(tokens);
        }
    }
    if (good) problems_keep(problems, keep);
    free(keep);
    if (!good) return false;
    if (notes && left_out > LISTED) fprintf(notes, "  and %d more\n", left_out - LISTED);
    return kept > 0 || fail(err, "all %d prompts have more than %d tokens: raise --max-prompt", left_out, most);
}

void prompts_free(PromptSet *set) {
    for (int i = 0; set->prompts && i < set->problems.count; i++) free(set->prompts[i].tokens);
    free(set->prompts);
    problems_free(&set->problems);
    *set = (PromptSet){0};
}

uint64_t prompts_hash(const PromptSet *set, uint64_t hash) {
    for (int i = 0; i < set->problems.count; i++) {
        const Prompt *prompt = &set->prompts[i];
        for (int t = 0; t < prompt->n; t++) hash = random_mix(hash ^ (uint32_t)prompt->tokens[t]) + 1;
        hash = text_hash(set->problems.items[i].gold, hash);
    }
    return hash;
}
