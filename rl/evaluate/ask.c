// Optional (./eval --ask, --chat).
#define _GNU_SOURCE // getline
#include "rl/evaluate/ask.h"
#include "base/text.h"
#include "data/chat.h"
#include "data/random.h"
#include "model/files/config_file.h"
#include "model/files/gpt_files.h"
#include "rl/data.h"
#include "rl/evaluate/evaluate.h"
#include "rl/evaluate/show.h"
#include "rl/memory.h"
#include "rl/stop.h"
#include <errno.h>
#include <string.h>

enum { LONGEST = 8192, RESPONSE = 1024 }; // tokens of a conversation, where the model takes as many; of --max-tokens 0

typedef struct Ask {
    const EvalConfig *config;
    volatile sig_atomic_t *stop;
    Tokenizer *tokenizer;
    ModelConfig model;
    Device *dev;
    Gpt *gpt;
    Generator *generator;
    PromptTemplate template;
    cJSON *messages;            // the conversation so far; NULL: the template is of no chat, and questions stand alone
    int *tokens, n, T, max_new; // the prompt, and room for T
    int *response;              // (max_new)
    TokenPolicy *policy;        // (max_new)
    Rollout rollout;            // being generated
    int shown;                  // of its tokens
    Show show;
} Ask;

// ---- Opening -------------------------------------------------------------------------------------------------------
// The template: as in an evaluation, but a model without one gets the text alone.
static bool choose_template(Ask *a, Error *err) {
    const EvalConfig *c = a->config;
    if (!data_choose_template(&a->template, c->prompt_template, c->stop, c->model, false, err)) return false;
    bool plain = !*c->prompt_template && strcmp(a->template.name, "plain") == 0;
    if (plain) a->template = prompt_template_verbatim();
    if (a->template.chat) a->messages = cJSON_CreateArray();
    return !plain || !*c->stop || prompt_template_stop(&a->template, c->stop, err);
}

static bool open_model(Ask *a, Error *err) {
    const EvalConfig *c = a->config;
    int V = tokenizer_vocab_size(a->tokenizer);
    if (!model_config_load(&a->model, c->model, err)) return false;
    a->T = a->model.T_max < LONGEST ? a->model.T_max : LONGEST;
    a->max_new = c->max_tokens ? c->max_tokens : RESPONSE < a->T / 2 ? RESPONSE : a->T / 2;
    if (a->max_new >= a->T) a->T = a->max_new + LONGEST < a->model.T_max ? a->max_new + LONGEST : a->model.T_max;
    if (!model_config_fits(&a->model, c->model, V, 1, a->max_new, err)) return false;
    a->gpt = gpt_plan(a->dev, &a->model, a->T);
    a->generator = generator_plan(a->gpt, 1, a->T);
    const Arena *arenas[] = {&a->gpt->arena};
    MemoryPlan memory = memory_plan(a->gpt, arenas, 1, a->generator, 1, a->T);
    if (!memory_check(&memory, err)) return false;
    gpt_commit(a->gpt);
    generator_commit(a->generator);
    generator_set_burst(a->generator, 1); // a token at a time
    generator_set_stop(a->generator, &a->template, a->tokenizer);
    a->tokens = malloc((size_t)a->T * sizeof *a->tokens);
    a->response = malloc((size_t)a->max_new * sizeof *a->response);
    a->policy = malloc((size_t)a->max_new * sizeof *a->policy);
    REQUIRE(a->tokens && a->response && a->policy, "out of memory");
    return gpt_load(a->gpt, NULL, c->model, err);
}

static bool ask_open(Ask *a, Comm *comm, Error *err) {
    if (!(a->tokenizer = tokenizer_load(a->config->model, err)) || !choose_template(a, err)) return false;
    a->dev = device_open(a->config->threads, comm_local_rank(comm), err);
    return a->dev && open_model(a, err);
}

static void ask_close(Ask *a) {
    generator_free(a->generator), gpt_free(a->gpt);
    if (a->dev) device_close(a->dev);
    cJSON_Delete(a->messages), tokenizer_free(a->tokenizer);
    free(a->tokens), free(a->response), free(a->policy);
}

// ---- The conversation ----------------------------------------------------------------------------------------------
static void add_message(Ask *a, const char *role, const char *content) {
    cJSON *message = cJSON_CreateObject();
    cJSON_AddStringToObject(message, "role", role);
    cJSON_AddStringToObject(message, "content", content);
    cJSON_AddItemToArray(a->messages, message);
}

static void forget_last(Ask *a) {
    if (a->messages) cJSON_DeleteItemFromArray(a->messages, cJSON_GetArraySize(a->messages) - 1);
}

// The prompt's tokens: the conversation with this question as its last message, or the question alone.
static bool put_question(Ask *a, const char *question, Error *err) {
    if (a->messages) add_message(a, "user", question);
    bool follows = cJSON_GetArraySize(a->messages) > 1;
    char *conversation = follows ? cJSON_PrintUnformatted(a->messages) : NULL;
    char *text = prompt_template_render(&a->template, follows ? conversation : question, err);
    int room = a->T - a->max_new;
    a->n = -1;
    if (text)
        a->n = tokenizer_encode_prompt(a->tokenizer, text, strlen(text), a->template.chat, a->tokens, room, err);
    if (a->n == 0) fail(err, "the prompt has no tokens");
    if (a->n <= 0) forget_last(a);
    cJSON_free(conversation);
    free(text);
    return a->n > 0;
}

// ---- A response ----------------------------------------------------------------------------------------------------
// Called after every token.
static bool follow(void *context) {
    Ask *a = context;
    const Rollout *r = &a->rollout;
    for (; a->shown < r->n; a->shown++) {
        size_t n = 0;
        int id = r->tokens[a->shown];
        const char *bytes = tokenizer_token_bytes(a->tokenizer, id, &n);
        if (bytes && !model_config_is_eos(&a->model, id)) show_token(&a->show, bytes, n, &r->sampled[a->shown]);
    }
    return !*a->stop;
}

// Generates sample `number` to the conversation. False where it was interrupted.
static bool respond(Ask *a, int64_t id, int number) {
    const EvalConfig *c = a->config;
    Prompt prompt = {id, 0, a->tokens, a->n};
    SampleConfig sample = {(float)c->temp, c->top_k, (float)c->top_p, (uint64_t)c->seed, EVALUATE_STREAM};
    a->rollout = (Rollout){.prompt_id = id, .number = number, .tokens = a->response, .sampled = a->policy};
    a->shown = 0;
    generator_watch(a->generator, follow, a);
    bool whole = generator_run(a->generator, &a->rollout, 1, 0, &prompt, 1, a->max_new, &sample) >= 0;
    show_end(&a->show);
    printf("\n");
    if (!whole) return false;
    if (a->rollout.truncated) printf("(cut off after %d tokens: raise --max-tokens)\n", a->rollout.n);
    return true;
}

static void keep_response(Ask *a) {
    size_t n;
    char *bytes = response_text(a->tokenizer, &a->rollout, &n), *text = utf8_text(bytes, n, NULL);
    REQUIRE(text, "out of memory");
    if (a->messages) add_message(a, "assistant", text);
    free(text), free(bytes);
}

static void show_verdict(const Ask *a, Grader *grader) {
    size_t len, start, length;
    char *text = response_text(a->tokenizer, &a->rollout, &len);
    Verdict verdict = grade_response(grader, 0, text, len, a->rollout.truncated, &start, &length);
    char *answer = malloc(4 * length + 1);
    REQUIRE(answer, "out of memory");
    show_safe(answer, text + start, length, NULL);
    bool color = show_has_colors(stdout);
    const char *on = !color ? "" : verdict == VERDICT_CORRECT ? "\033[32m" : "\033[31m";
    printf("%s[%s]%s answer %s\n", on, verdict_name(verdict), color ? "\033[0m" : "", length ? answer : "(none)");
    free(answer), free(text);
}

static int64_t question_id(const char *question) { return (int64_t)(text_hash(question, 0) >> 1); }

static int ask_once(Ask *a, Error *err) {
    const EvalConfig *c = a->config;
    ProblemSet set = {0};
    Grader *grader = NULL;
    int status = 0;
    TaskProblem task = {.kind = TASK_ADD}; // one answer, after the last '#'
    bool tiny = tokenizer_vocab_size(a->tokenizer) == (int)strlen(TASK_CHARACTERS) + 1;
    snprintf(task.prompt, sizeof task.prompt, "%.47s", c->ask), snprintf(task.gold, sizeof task.gold, "%.23s", c->gold);
    problems_add(&set, c->ask, c->gold, tiny ? &task : NULL, 0);
    if (*c->gold) grader = grader_new(&set, false, NULL);
    if (!put_question(a, c->ask, err)) status = 2;
    for (int s = 0; s < c->samples && status == 0; s++) {
        if (c->samples > 1) printf("%s--- %d of %d\n", s ? "\n" : "", s + 1, c->samples);
        if (!respond(a, set.items[0].id, s)) status = 130, fail(err, "stopped");
        else if (grader) show_verdict(a, grader);
    }
    grader_free(grader);
    problems_free(&set);
    return status;
}

// ---- Turns ---------------------------------------------------------------------------------------------------------
// One line of stdin, without its newline; NULL at the end or where it was interrupted.
static char *next_line(char **line, size_t *room, bool prompt) {
    if (prompt) printf("> "), fflush(stdout);
    ssize_t n = getline(line, room, stdin);
    if (n < 0) return NULL;
    (*line)[strcspn(*line, "\r\n")] = 0;
    return *line;
}

static void explain(const Ask *a) {
    fprintf(stderr, "%s; /new forgets it, Ctrl-C stops a response, Ctrl-D ends\n",
            a->messages ? "the conversation is kept" : "this model has no chat template: each line stands alone");
    if (a->show.color == SHOW_PLAIN) return;
    fprintf(stderr, "colours: %s; --color plain or NO_COLOR: none\n",
            a->show.color == SHOW_ENTROPY ? "the entropy at a token, yellow from 0.2 nats, red from 2.5"
                                          : "a token's probability, yellow below 0.9, red below 0.05");
}

static int chat(Ask *a, Error *err) {
    char *line = NULL, *text;
    size_t room = 0;
    bool terminal = isatty(STDIN_FILENO);
    int status = 0;
    if (terminal) explain(a);
    while (status == 0 && !*a->stop && (text = next_line(&line, &room, terminal))) {
        if (!*text) continue;
        if (strcmp(text, "/new") == 0) {
            while (cJSON_GetArraySize(a->messages)) forget_last(a);
        } else if (!put_question(a, text, err)) { // too long, or not in its alphabet: the conversation goes on
            fprintf(stderr, "eval: %s (/new begins a new conversation)\n", err->text);
            if (!terminal) status = 2;
        } else {
            bool whole = respond(a, question_id(text), 0);
            keep_response(a);
            if (!whole && terminal) *a->stop = 0; // Ctrl-C ended the response, not the conversation
        }
    }
    free(line);
    if (terminal) printf("\n");
    return *a->stop ? fail(err, "stopped"), 130 : status;
}

int ask_run(const EvalConfig *config, Comm *comm, volatile sig_atomic_t *stop, Error *err) {
    static Ask ask;
    ask = (Ask){.config = config, .stop = stop, .show = show_open(stdout, (ShowColor)config->color)};
    int status = !ask_open(&ask, comm, err) ? 2 : config->chat ? chat(&ask, err) : ask_once(&ask, err);
    ask_close(&ask);
    return status;
}
