#include "rl/prompts.h"
#include "data/problems_file.h"
#include <string.h>

// The tokens of one prompt, to be freed; NULL with the reason in err.
static int *tokenize(const Tokenizer *tokenizer, const PromptTemplate *template, const Problem *problem, int *n,
                     Error *err) {
    char *text = prompt_template_render(template, problem->prompt, err);
    if (!text) return NULL;
    size_t room = 3 * strlen(text) + 2;
    int *tokens = malloc(room * sizeof *tokens);
    REQUIRE(tokens, "out of memory for a prompt of %zu tokens", room);
    *n = tokenizer_encode_prompt(tokenizer, text, strlen(text), template->chat, tokens, (int)room, err);
    free(text);
    if (*n > 0) return tokens;
    if (*n == 0) fail(err, "its prompt has no tokens");
    free(tokens);
    return NULL;
}

bool prompts_tokenize(PromptSet *set, const Tokenizer *tokenizer, const PromptTemplate *template, int most, bool strict,
                      FILE *notes, Error *err) {
    ProblemSet *problems = &set->problems;
    int kept = 0, left_out = 0, good = true;
    bool *keep = calloc((size_t)problems->count + 1, sizeof *keep);
    set->prompts = calloc((size_t)problems->count + 1, sizeof *set->prompts);
    REQUIRE(keep && set->prompts, "out of memory");
    Error why, first;
    for (int i = 0, n; good && i < problems->count; i++) {
        const Problem *problem = &problems->items[i];
        int *tokens = tokenize(tokenizer, template, problem, &n, &why);
        keep[i] = tokens && (most <= 0 || n <= most);
        if (keep[i]) {
            set->prompts[kept] = (Prompt){problem->id, kept, tokens, n};
            set->longest = n > set->longest ? n : set->longest;
            kept++;
            continue;
        }
        if (tokens) fail(&why, "%d tokens, more than --max-prompt %d", n, most);
        else if (problem->task) good = fail(err, "the task's prompt %s: %.400s", problem->prompt, why.text);
        else if (strict) good = fail(err, "problem at line %d: %.400s", problem->line, why.text);
        if (left_out++ == 0) first = why;
        if (good && notes) problems_note(notes, problem, why.text, left_out);
        free(tokens);
    }
    if (good) problems_keep(problems, keep);
    free(keep);
    if (!good) return false;
    if (notes) problems_note(notes, NULL, NULL, left_out);
    return kept > 0 || fail(err, "all %d prompts are left out; the first has %.400s", left_out, first.text);
}

void prompts_free(PromptSet *set) {
    for (int i = 0; set->prompts && i < set->problems.count; i++) free(set->prompts[i].tokens);
    free(set->prompts);
    problems_free(&set->problems);
    *set = (PromptSet){0};
}
