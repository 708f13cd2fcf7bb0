// A template is recognised by the string literals it prints and by the tags around the last of them; the conditions under
// which they are printed differ from model to model and are not followed.
#include "model/files/chat.h"
#include "base/files.h"
#include "base/json.h"
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

// Finds the next string literal at or behind *at, outside comments, and writes it without quotes and escapes. False: none.
static bool next_literal(const char **at, char *out) {
    bool inside = false; // {{ }} or {% %}
    for (const char *c = *at; *c; c++) {
        if (c[0] == '{' && c[1] == '#') {
            const char *end = strstr(c, "#}");
            if (!end) return false;
            c = end + 1;
        } else if (c[0] == '{' && (c[1] == '{' || c[1] == '%')) inside = true, c++;
        else if ((c[0] == '}' || c[0] == '%') && c[1] == '}') inside = false, c++;
        else if (inside && (*c == '\'' || *c == '"')) {
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

// The end of the tag at c, or NULL
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

// Nothing outside the tags is printed. Hugging Face runs Jinja with trim_blocks (a line feed behind a {% %} is dropped) and
// lstrip_blocks (so are the blanks before one that is first in its line); a '-' drops all white space on its side.
static bool prints_only_tags(const char *text) {
    bool dash = false, block = false; // of the tag before
    for (const char *c = text;;) {
        const char *start = c, *end;
        while (*c && !(c[0] == '{' && strchr("{%#", c[1]) && c[1])) c++;
        bool last = !*c, next_block = !last && c[1] != '{', next_dash = !last && c[2] == '-';
        if (strspn(start, " \t\r\n") < (size_t)(c - start)) return false;
        for (end = c; next_block && end > start && (end[-1] == ' ' || end[-1] == '\t');) end--;
        if (end < c && end > text && end[-1] != '\n') end = c; // another tag stands before it in its line
        if (block && start < end && *start == '\n') start++;
        if (last && start < end && end[-1] == '\n') end--; // the one at the end of a template is not kept
        if (start < end && !dash && !next_dash) return false;
        if (last) return true;
        if (!(end = tag_end(c))) return false;
        block = next_block;
        dash = end[-3] == '-';
        c = end;
    }
}

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static char *copy(const char *text, size_t n) {
    char *result = strndup(text, n);
    REQUIRE(result, "out of memory");
    return result;
}

// Every <|name|> in the text must be one of the form's.
static bool only_markers(const char *text, const char *const *allowed, int n, char bad[64]) {
    for (const char *at = text; (at = strstr(at, "<|")); at += 2) {
        bool known = false;
        for (int i = 0; i < n; i++) known = known || begins(at, allowed[i]);
        snprintf(bad, 64, "%.*s", (int)strcspn(at, " \n'\"") < 40 ? (int)strcspn(at, " \n'\"") : 40, at);
        if (!known) return false;
    }
    return true;
}

// What is printed where the answer is to begin: the literal behind the last add_generation_prompt, which must be all of it
// (Qwen3 has more where thinking was switched off by the caller, which is not done here).
static bool find_opening(ChatTemplate *chat, const char *text, char *literal, const char *with) {
    const char *at = NULL, *next = text;
    for (; (next = strstr(next, "add_generation_prompt")); next++) at = next;
    if (!at || !(at = strstr(at, "{{")) || !next_literal(&at, literal) || !begins(literal, with)) return false;
    at += strspn(at, " ");
    at += strspn(at, "-");
    if (!begins(at, "}}")) return false;
    at += 2 + strspn(at + 2, " \n");
    if (!begins(at, "{%")) return false;
    next = at + 2 + strspn(at + 2, "- \n");
    if (!begins(next, "endif") && !begins(next, "if enable_thinking is defined and enable_thinking is false")) return false;
    chat->opening = copy(literal, strlen(literal));
    return true;
}

static bool parse_chatml(ChatTemplate *chat, const char *text, char *literal, const char *where, Error *err) {
    static const char *const markers[] = {"<|im_start|>", "<|im_end|>", "<|endoftext|>"};
    static const char *const changes[] = {"bos_token", "trim", "strftime_now", "set system"};
    static const char start[] = "<|im_start|>system\n", end[] = "<|im_end|>\n";
    char bad[64];
    if (!only_markers(text, markers, 3, bad)) return fail(err, "%s: a ChatML template that uses %s too", where, bad);
    for (int i = 0; i < 4; i++)
        if (strstr(text, changes[i])) return fail(err, "%s: a ChatML template that uses \"%s\"", where, changes[i]);
    for (const char *at = text; next_literal(&at, literal);) {
        size_t n = strlen(literal);
        if (!begins(literal, start) || n <= sizeof start + sizeof end - 2 || strcmp(literal + n - (sizeof end - 1), end) != 0) continue;
        char *found = copy(literal + sizeof start - 1, n - (sizeof start - 1) - (sizeof end - 1));
        bool another = chat->system && strcmp(chat->system, found) != 0;
        free(chat->system);
        chat->system = found;
        if (another) return fail(err, "%s: a ChatML template with two system messages of its own", where);
    }
    chat->form = CHAT_ML;
    return find_opening(chat, text, literal, "<|im_start|>assistant\n") ||
           fail(err, "%s: a ChatML template that opens the answer in an unknown way", where);
}

static bool parse_llama3(ChatTemplate *chat, const char *text, char *literal, const char *bos, const char *where, Error *err) {
    static const char *const markers[] = {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|begin_of_text|>",
                                          "<|python_tag|>",      "<|eom_id|>"};
    static const char default_date[] = "set date_string = ";
    char bad[64];
    bool dated = strstr(text, "Cutting Knowledge Date: December 2023\\n") && strstr(text, "Today Date: ");
    if (!only_markers(text, markers, 6, bad)) return fail(err, "%s: a Llama 3 template that uses %s too", where, bad);
    if (strstr(text, "bos_token") && !bos)
        return fail(err, "%s: a template that prints bos_token, and there is none in tokenizer_config.json", where);
    chat->form = CHAT_LLAMA3;
    chat->bos = copy(strstr(text, "bos_token") ? bos : strstr(text, "<|begin_of_text|>") ? "<|begin_of_text|>" : "", 4096);
    chat->trim = strstr(text, "trim") != NULL;
    for (const char *at = text; dated && (at = strstr(at, default_date)); at++) { // the one that is a literal, not strftime_now
        size_t skip = sizeof default_date - 1;
        if (at[skip] == '"' || at[skip] == '\'') free(chat->date), chat->date = copy(at + skip + 1, strcspn(at + skip + 1, "\"'"));
    }
    if (!chat->date && (strstr(text, "Date") || strstr(text, "strftime_now")))
        return fail(err, "%s: a Llama 3 template with dates of its own", where);
    return (find_opening(chat, text, literal, "<|start_header_id|>assistant<|end_header_id|>\n\n") && chat->trim) ||
           fail(err, "%s: a Llama 3 template that opens the answer in an unknown way, or keeps white space", where);
}

bool chat_parse(ChatTemplate *chat, const char *text, const char *bos, const char *where, Error *err) {
    static const char hint[] = "; say how a prompt looks with --prompt-template FILE";
    Error why = {""};
    *chat = (ChatTemplate){0};
    char *literal = malloc(strlen(text) + 1);
    REQUIRE(literal, "out of memory");
    bool ok;
    if (strstr(text, "\\x") || strstr(text, "\\u")) ok = fail(&why, "%s: the chat template has escapes of characters", where);
    else if (!prints_only_tags(text)) ok = fail(&why, "%s: the chat template prints text outside its tags", where);
    else if (strstr(text, "<|im_start|>")) ok = parse_chatml(chat, text, literal, where, &why);
    else if (strstr(text, "<|start_header_id|>")) ok = parse_llama3(chat, text, literal, bos, where, &why);
    else ok = fail(&why, "%s: the chat template is neither ChatML nor Llama 3's", where);
    free(literal);
    if (!ok) chat_free(chat);
    return ok || fail(err, "%.400s%s", why.text, hint);
}

void chat_free(ChatTemplate *chat) {
    free(chat->system), free(chat->opening), free(chat->bos), free(chat->date);
    *chat = (ChatTemplate){0};
}

static const char *text_of(const cJSON *item) {
    const cJSON *content = cJSON_IsObject(item) ? json_get(item, "content") : item; // an added token, or its text
    return cJSON_IsString(content) ? content->valuestring : NULL;
}

// A string, or a list of {name, template} of which "default" counts
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

static bool is_space(utf8proc_int32_t rune) { // as Python's str.strip has it
    utf8proc_category_t category = utf8proc_category(rune);
    return (rune >= '\t' && rune <= '\r') || (rune >= 0x1c && rune <= ' ') || rune == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

// The text without white space at its ends: starts at the result, *n bytes.
static const char *trim(const char *text, size_t *n) {
    const utf8proc_uint8_t *start = (const utf8proc_uint8_t *)text, *end = start + strlen(text);
    utf8proc_int32_t rune;
    for (utf8proc_ssize_t step; start < end && (step = utf8proc_iterate(start, end - start, &rune)) > 0 && is_space(rune);) start += step;
    for (const utf8proc_uint8_t *last = end; last > start; end = last) {
        for (last--; last > start && (*last & 0xc0) == 0x80;) last--;
        if (utf8proc_iterate(last, end - last, &rune) != end - last || !is_space(rune)) break;
    }
    *n = (size_t)(end - start);
    return (const char *)start;
}

typedef struct Text {
    char *bytes;
    size_t n;
} Text;

static void put(Text *to, const char *text, size_t n) {
    memcpy(to->bytes + to->n, text, n);
    to->bytes[to->n += n] = 0;
}

static void put_message(Text *to, const ChatTemplate *chat, const char *role, const char *before, const char *content) {
    bool ml = chat->form == CHAT_ML;
    size_t n = strlen(content);
    if (chat->trim) content = trim(content, &n);
    put(to, ml ? "<|im_start|>" : "<|start_header_id|>", ml ? 12 : 19);
    put(to, role, strlen(role));
    put(to, ml ? "\n" : "<|end_header_id|>\n\n", ml ? 1 : 19);
    put(to, before, strlen(before));
    put(to, content, n);
    put(to, ml ? "<|im_end|>\n" : "<|eot_id|>", ml ? 11 : 10);
}

char *chat_render(const ChatTemplate *chat, const char *system, const char *user) {
    char dates[160] = "";
    if (!system) system = chat->system;
    Text text = {malloc(strlen(user) + (system ? strlen(system) : 0) + strlen(chat->opening) + (chat->bos ? strlen(chat->bos) : 0) + 512), 0};
    REQUIRE(text.bytes, "out of memory");
    if (chat->bos) put(&text, chat->bos, strlen(chat->bos));
    if (chat->date) snprintf(dates, sizeof dates, "Cutting Knowledge Date: December 2023\nToday Date: %.80s\n\n", chat->date);
    if (system || chat->date) put_message(&text, chat, "system", dates, system ? system : "");
    put_message(&text, chat, "user", "", user);
    put(&text, chat->opening, strlen(chat->opening));
    return text.bytes;
}
