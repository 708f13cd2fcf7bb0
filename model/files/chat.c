// Optional (Hugging Face models): chat templates, recognised by the string literals that they print and by the tags
// around the last of them. The conditions for printing them differ from model to model and are not evaluated.
#include "model/files/chat.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include <string.h>
#include <unistd.h>

// writes the next string literal from *at on, outside comments, without quotes and escapes. False: none.
static bool next_literal(const char **at, char *out) {
    bool inside = false; // {{ }} or {% %}
    for (const char *c = *at; *c; c++) {
        if (begins(c, "{#")) {
            const char *end = strstr(c, "#}");
            if (!end) return false;
            c = end + 1;
        } else if (begins(c, "{{") || begins(c, "{%") || begins(c, "}}") || begins(c, "%}")) {
            inside = *c++ == '{';
        } else if (inside && (*c == '\'' || *c == '"')) {
            char quote = *c++;
            for (; *c && *c != quote; c++) {
                if (*c != '\\' || !c[1]) *out++ = *c;
                else *out++ = *++c == 'n' ? '\n' : *c == 't' ? '\t' : *c == 'r' ? '\r' : *c;
            }
            *out = 0;
            *at = *c ? c + 1 : c;
            return *c != 0;
        }
    }
    return false;
}

// The end of the tag at c, or NULL.
static const char *tag_end(const char *c) {
    if (c[1] == '#') return (c = strstr(c + 2, "#}")) ? c + 2 : NULL;
    char close = c[1] == '{' ? '}' : '%', quote = 0;
    for (c += 2; *c; c++) {
        if (quote && *c == '\\' && c[1]) c++;
        else if (quote) quote = *c == quote ? 0 : quote;
        else if (*c == '\'' || *c == '"') quote = *c;
        else if (c[0] == close && c[1] == '}') return c + 2;
    }
    return NULL;
}

// Whether nothing outside the tags is printed. Hugging Face runs Jinja with trim_blocks (drops a line feed after {% %})
// and lstrip_blocks (drops blanks before a {% %} that is first in its line); a '-' drops all white space on its side.
static bool prints_only_tags(const char *text) {
    bool dash = false, block = false; // of the previous tag
    for (const char *c = text;;) {
        const char *start = c, *end;
        while (*c && !(c[0] == '{' && strchr("{%#", c[1]) && c[1])) c++;
        bool last = !*c, next_block = !last && c[1] != '{', next_dash = !last && c[2] == '-';
        if (strspn(start, " \t\r\n") < (size_t)(c - start)) return false;
        for (end = c; next_block && end > start && (end[-1] == ' ' || end[-1] == '\t');) end--;
        if (end < c && end > text && end[-1] != '\n') end = c; // another tag precedes it in its line
        if (block && start < end && *start == '\n') start++;
        if (last && start < end && end[-1] == '\n') end--; // the last one of a template is dropped
        if (start < end && !dash && !next_dash) return false;
        if (last) return true;
        if (!(end = tag_end(c))) return false;
        block = next_block;
        dash = end[-3] == '-';
        c = end;
    }
}

// Whether every <|name|> in the text is allowed; writes the last one examined.
static bool only_markers(const char *text, const char *const *allowed, int n, char bad[64]) {
    for (const char *at = text; (at = strstr(at, "<|")); at += 2) {
        int i = 0, length = (int)strcspn(at, " \n'\"");
        while (i < n && !begins(at, allowed[i])) i++;
        snprintf(bad, 64, "%.*s", length < 40 ? length : 40, at);
        if (i == n) return false;
    }
    return true;
}

// Finds the text that opens the answer: the literal after the last add_generation_prompt. Nothing may follow it, except
// Qwen3's text for callers that switch thinking off, which is not done here.
static bool find_opening(ChatTemplate *chat, const char *text, char *literal, const char *with) {
    const char *at = after_last(text, "add_generation_prompt"), *next;
    if (!at || !(at = strstr(at, "{{")) || !next_literal(&at, literal) || !begins(literal, with)) return false;
    at += strspn(at, " ");
    at += strspn(at, "-");
    if (!begins(at, "}}")) return false;
    at += 2 + strspn(at + 2, " \n");
    if (!begins(at, "{%")) return false;
    next = at + 2 + strspn(at + 2, "- \n");
    static const char no_thinking[] = "if enable_thinking is defined and enable_thinking is false";
    if (!begins(next, "endif") && !begins(next, no_thinking)) return false;
    chat->opening = text_copy(literal, strlen(literal));
    return true;
}

static bool parse_chatml(ChatTemplate *chat, const char *text, char *literal, Error *err) {
    static const char *const markers[] = {"<|im_start|>", "<|im_end|>", "<|endoftext|>"};
    static const char *const changes[] = {"bos_token", "trim", "strftime_now", "set system"};
    static const char start[] = "<|im_start|>system\n", end[] = "<|im_end|>\n";
    const size_t n_start = sizeof start - 1, n_end = sizeof end - 1;
    char bad[64];
    if (!only_markers(text, markers, 3, bad)) return fail(err, "a ChatML template that also uses %s", bad);
    for (int i = 0; i < 4; i++)
        if (strstr(text, changes[i])) return fail(err, "a ChatML template that uses \"%s\"", changes[i]);
    for (const char *at = text; next_literal(&at, literal);) {
        size_t n = strlen(literal);
        if (!begins(literal, start) || n <= n_start + n_end || strcmp(literal + n - n_end, end) != 0) continue;
        char *found = text_copy(literal + n_start, n - n_start - n_end);
        bool another = chat->system && strcmp(chat->system, found) != 0;
        free(chat->system);
        chat->system = found;
        if (another) return fail(err, "a ChatML template with two default system messages");
    }
    chat->form = CHAT_ML;
    return find_opening(chat, text, literal, "<|im_start|>assistant\n") ||
           fail(err, "a ChatML template that opens the answer in an unknown way");
}

static bool parse_llama3(ChatTemplate *chat, const char *text, char *literal, const char *bos, Error *err) {
    static const char *const markers[] = {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
                                          "<|begin_of_text|>", "<|python_tag|>", "<|eom_id|>"};
    static const char default_date[] = "set date_string = ";
    char bad[64];
    bool dated = strstr(text, "Cutting Knowledge Date: December 2023\\n") && strstr(text, "Today Date: ");
    if (!only_markers(text, markers, 6, bad)) return fail(err, "a Llama 3 template that also uses %s", bad);
    if (!strstr(text, "bos_token")) bos = strstr(text, "<|begin_of_text|>") ? "<|begin_of_text|>" : "";
    if (!bos) return fail(err, "the template prints bos_token, but tokenizer_config.json has none");
    chat->form = CHAT_LLAMA3;
    chat->bos = text_copy(bos, 4096);
    chat->trim = strstr(text, "trim") != NULL;
    for (const char *at = text; dated && (at = strstr(at, default_date));) { // the literal one, not strftime_now
        at += sizeof default_date - 1;
        if (*at != '"' && *at != '\'') continue;
        free(chat->date);
        chat->date = text_copy(at + 1, strcspn(at + 1, "\"'"));
    }
    if (!chat->date && (strstr(text, "Date") || strstr(text, "strftime_now")))
        return fail(err, "a Llama 3 template with other dates");
    return (find_opening(chat, text, literal, "<|start_header_id|>assistant<|end_header_id|>\n\n") && chat->trim) ||
           fail(err, "a Llama 3 template that opens the answer in an unknown way, or keeps white space");
}

bool chat_parse(ChatTemplate *chat, const char *text, const char *bos, const char *where, Error *err) {
    static const char hint[] = "; give the prompt's form with --prompt-template FILE";
    Error why = {""};
    *chat = (ChatTemplate){0};
    char *literal = malloc(strlen(text) + 1);
    REQUIRE(literal, "out of memory");
    bool ok;
    if (strstr(text, "\\x") || strstr(text, "\\u")) ok = fail(&why, "the chat template has character escapes");
    else if (!prints_only_tags(text)) ok = fail(&why, "the chat template prints text outside its tags");
    else if (strstr(text, "<|im_start|>")) ok = parse_chatml(chat, text, literal, &why);
    else if (strstr(text, "<|start_header_id|>")) ok = parse_llama3(chat, text, literal, bos, &why);
    else ok = fail(&why, "the chat template is neither ChatML nor Llama 3's");
    free(literal);
    if (!ok) chat_free(chat);
    return ok || fail(err, "%.300s: %.150s%s", where, why.text, hint);
}

void chat_free(ChatTemplate *chat) {
    char *owned[] = {chat->system, chat->opening, chat->bos, chat->date};
    for (int i = 0; i < 4; i++) free(owned[i]);
    *chat = (ChatTemplate){0};
}

static const char *text_of(const cJSON *item) {
    if (cJSON_IsObject(item)) item = json_get(item, "content"); // an added token
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

// The template is a string, or the one called "default" in a list of {name, template}.
static const char *default_template(const cJSON *item) {
    const cJSON *named;
    if (!cJSON_IsArray(item)) return text_of(item);
    cJSON_ArrayForEach(named, item) {
        const char *name = text_of(json_get(named, "name"));
        if (name && strcmp(name, "default") == 0) return text_of(json_get(named, "template"));
    }
    return NULL;
}

bool chat_load(ChatTemplate *chat, const char *dir, Error *err) {
    char path[4200], jinja_path[4200];
    size_t n;
    *chat = (ChatTemplate){0};
    if (strlen(dir) > 4096) return fail(err, "the path of the model is too long");
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    snprintf(jinja_path, sizeof jinja_path, "%s/chat_template.jinja", dir);
    cJSON *config = access(path, F_OK) == 0 ? json_read(path, err) : cJSON_CreateObject();
    bool has_file = access(jinja_path, F_OK) == 0;
    char *file = config && has_file ? file_read(jinja_path, (size_t)1 << 20, &n, err) : NULL;
    bool ok = config && (file || !has_file);
    if (ok) {
        const char *text = file ? file : default_template(json_get(config, "chat_template"));
        if (text) ok = chat_parse(chat, text, text_of(json_get(config, "bos_token")), file ? jinja_path : path, err);
    }
    free(file);
    cJSON_Delete(config);
    return ok;
}

// The text without white space at its ends: *n bytes from the result on. U+001C to U+001F count, as for Python's strip.
static const char *trim(const char *text, size_t *n) {
    const char *start = NULL, *end = NULL;
    for (size_t step; *text; text += step) {
        step = *text >= 0x1c && *text <= 0x1f ? 1 : utf8_space(text, 3);
        if (step) continue;
        if (!start) start = text;
        step = 1;
        end = text + 1;
    }
    *n = (size_t)(end - start);
    return start ? start : text;
}

static void put_message(FILE *to, const ChatTemplate *chat, const char *role, const char *before, const char *content) {
    size_t n = strlen(content);
    if (chat->trim) content = trim(content, &n);
    bool ml = chat->form == CHAT_ML;
    fprintf(to, ml ? "<|im_start|>%s\n%s" : "<|start_header_id|>%s<|end_header_id|>\n\n%s", role, before);
    fwrite(content, 1, n, to);
    fputs(ml ? "<|im_end|>\n" : "<|eot_id|>", to);
}

char *chat_render(const ChatTemplate *chat, const char *system, const char *user) {
    char dates[160] = "", *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    REQUIRE(to, "out of memory");
    if (!system) system = chat->system;
    if (chat->bos) fputs(chat->bos, to);
    if (chat->date)
        snprintf(dates, sizeof dates, "Cutting Knowledge Date: December 2023\nToday Date: %.80s\n\n", chat->date);
    if (system || chat->date) put_message(to, chat, "system", dates, system ? system : "");
    put_message(to, chat, "user", "", user);
    fputs(chat->opening, to);
    REQUIRE(fclose(to) == 0, "out of memory");
    return text;
}
