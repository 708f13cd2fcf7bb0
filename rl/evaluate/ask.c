// Optional (./eval --ask, --chat).
#define _GNU_SOURCE // getline
#include "rl/evaluate/ask.h"
#include "base/clock.h"
#include "data/random.h"
#include "model/files/config_file.h"
#include "model/files/gpt_files.h"
#include "rl/data.h"
#include "rl/evaluate/evaluate.h"
#include "rl/evaluate/show.h"
#include "rl/memory.h"
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
    bool turns; // the chat template keeps a conversation
    ChatTemplate chat;
    PromptTemplate template;
    int *tokens, n, T, max_new; // the conversation so far, and room for T
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
    char own[FLAG_TEXT_SIZE + 32];
    snprintf(own, sizeof own, "%s/" PROMPT_FILE, c->model);
    if (*c->prompt_template || access(own, F_OK) == 0)
        return data_choose_template(&a->template, c->prompt_template, c->model, false, err);
    if (!chat_load(&a->chat, c->model, err)) return false;
    a->turns = a->chat.form != CHAT_NONE;
    a->template = prompt_template_verbatim();
    return true;
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
    chat_free(&a->chat), tokenizer_free(a->tokenizer);
    free(a->tokens), free(a->response), free(a->policy);
}

// ---- The conversation ----------------------------------------------------------------------------------------------
static bool append(Ask *a, const char *text, Error *err) {
    Error why;
    int got = tokenizer_encode(a->tokenizer, text, strlen(text), a->tokens + a->n, a->T - a->max_new - a->n, &why);
    if (got >= 0) a->n += got;
    return got >= 0 || fail(err, "%.400s", why.text);
}

char *ask_turn(const ChatTemplate *chat, const char *question, bool first) {
    bool ml = chat->form == CHAT_ML;
    char *whole = chat_render(chat, NULL, question), *text = NULL;
    if (first) return whole;
    const char *header = ml ? "<|im_start|>user" : "<|start_header_id|>user";
    char *empty = chat_render(chat, NULL, ""); // the same up to the question, which may hold anything
    size_t at = 0, size;
    for (const char *next = empty; (next = strstr(next, header)); next++) at = (size_t)(next - empty);
    FILE *to = open_memstream(&text, &size);
    REQUIRE(to && fprintf(to, "%s%s", ml ? "<|im_end|>\n" : "<|eot_id|>", whole + at) > 0 && fclose(to) == 0,
            "out of memory");
    free(empty), free(whole);
    return text;
}

static bool append_question(Ask *a, const char *question, Error *err) {
    bool first = a->n == 0;
    if (!a->turns) a->n = 0; // each question stands alone
    char *text = a->turns ? ask_turn(&a->chat, question, first) : prompt_template_render(&a->template, question);
    bool ok = append(a, text, err);
    free(text);
    return ok && (a->n > 0 || fail(err, "the prompt has no tokens"));
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

// What is kept of the response: everything before the token that ended it.
static void keep_response(Ask *a) {
    int n = a->rollout.n;
    if (n > 0 && model_config_is_eos(&a->model, a->response[n - 1])) n--;
    if (n > a->T - a->max_new - a->n) n = a->T - a->max_new - a->n;
    memcpy(a->tokens + a->n, a->response, (size_t)(n > 0 ? n : 0) * sizeof *a->response);
    a->n += n > 0 ? n : 0;
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
    if (*c->gold) grader = grader_new(&set, false);
    if (!append_question(a, c->ask, err)) status = 2;
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
            a->turns ? "the conversation is kept" : "this model has no chat template: each line stands alone");
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
        int before = a->n;
        if (!*text) continue;
        if (strcmp(text, "/new") == 0) {
            a->n = 0;
        } else if (!append_question(a, text, err)) { // too long, or not in its alphabet: the conversation goes on
            a->n = before;
            fprintf(stderr, "eval: %s%s\n", err->text, before ? " (/new begins a new conversation)" : "");
            if (!terminal) status = 2;
        } else if (respond(a, question_id(text) ^ a->n, 0)) {
            keep_response(a);
        } else if (terminal) {
            *a->stop = 0; // Ctrl-C ended the response, not the conversation
            keep_response(a);
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
