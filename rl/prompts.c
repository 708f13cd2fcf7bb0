#include "rl/prompts.h"
#include "model/files/chat.h"
#include <string.h>
#include <unistd.h>

#define BOXED "Please reason step by step, and put your final answer within \\boxed{}."

// The model's own chat template as a prompt template: the chat of the user who asks {question}.
static bool from_chat(PromptTemplate *out, const ChatTemplate *chat, const char *model, Error *err) {
    char *text = chat_render(chat, BOXED, PROMPT_SLOT);
    bool ok = prompt_template_parse(out, model, text, strlen(text), err);
    free(text);
    if (ok) snprintf(out->name, sizeof out->name, "chat");
    return ok;
}

bool prompts_choose_template(PromptTemplate *out, const char *asked, const char *model, bool tasks, Error *err) {
    char trained_with[4096];
    ChatTemplate chat;
    if (*asked) return prompt_template_load(out, asked, err);
    if (tasks) return *out = prompt_template_verbatim(), true;
    snprintf(trained_with, sizeof trained_with, "%.900s/" PROMPT_FILE, model);
    if (access(trained_with, F_OK) == 0) return prompt_template_load(out, trained_with, err);
    bool ok = chat_load(&chat, model, err);
    if (ok) ok = chat.form == CHAT_NONE ? prompt_template_load(out, "plain", err) : from_chat(out, &chat, model, err);
    chat_free(&chat);
    return ok;
}

// The tokens of one prompt, to be freed; NULL with the reason in err.
static int *tokenize(const Tokenizer *tokenizer, const PromptTemplate *prompt, const Problem *problem, int *n, Error *err) {
    Error why;
    char *text = prompt_template_render(prompt, problem->prompt);
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
    fprintf(notes, "  line %d, %d tokens: %.*s ...\n", problem->line, n, head, problem->prompt);
}

bool prompts_tokenize(PromptSet *set, const Tokenizer *tokenizer, const PromptTemplate *prompt, int most, FILE *notes, Error *err) {
    ProblemSet *problems = &set->problems;
    int kept = 0, left_out = 0, count = problems->count;
    set->prompts = calloc((size_t)count + 1, sizeof *set->prompts);
    REQUIRE(set->prompts, "out of memory");
    for (int i = 0, n; i < count; i++) {
        int *tokens = tokenize(tokenizer, prompt, &problems->problems[i], &n, err);
        if (!tokens) return false;
        if (most > 0 && n > most) {
            note_long(notes, &problems->problems[i], n, most, ++left_out);
            free(tokens);
            continue;
        }
        Problem moved = problems->problems[i]; // those left out gather at the end
        problems->problems[i] = problems->problems[kept];
        problems->problems[kept] = moved;
        set->prompts[kept] = (Prompt){moved.id, kept, tokens, n};
        set->longest = n > set->longest ? n : set->longest;
        kept++;
    }
    problems_truncate(problems, kept);
    if (notes && left_out > LISTED) fprintf(notes, "  and %d more\n", left_out - LISTED);
    return kept > 0 || fail(err, "all %d prompts have more than %d tokens: raise --max-prompt", left_out, most);
}

void prompts_free(PromptSet *set) {
    for (int i = 0; set->prompts && i < set->problems.count; i++) free(set->prompts[i].tokens);
    free(set->prompts);
    problems_free(&set->problems);
    *set = (PromptSet){0};
}
