#include "rl/prompts.h"
#include <string.h>

bool prompts_tokenize(PromptSet *set, const Tokenizer *tokenizer, Error *err) {
    set->prompts = calloc((size_t)set->problems.count + 1, sizeof *set->prompts);
    REQUIRE(set->prompts, "out of memory");
    for (int i = 0; i < set->problems.count; i++) {
        const Problem *p = &set->problems.problems[i];
        int room = 3 * (int)strlen(p->prompt) + 1, *tokens = malloc((size_t)room * sizeof *tokens);
        REQUIRE(tokens, "out of memory");
        int n = tokenizer_encode(tokenizer, p->prompt, strlen(p->prompt), tokens, room, err);
        set->prompts[i] = (Prompt){p->id, i, tokens, n};
        if (n < 0) return false;
        if (n == 0) return fail(err, "problem at line %d: its prompt has no tokens", p->line);
        set->longest = n > set->longest ? n : set->longest;
    }
    return true;
}

void prompts_free(PromptSet *set) {
    for (int i = 0; set->prompts && i < set->problems.count; i++) free(set->prompts[i].tokens);
    free(set->prompts);
    problems_free(&set->problems);
    *set = (PromptSet){0};
}
