// Optional (data from files): reading, saving and rendering prompt templates.
#define _GNU_SOURCE // memmem
#include "data/prompt_template.h"
#include "base/files.h"
#include "base/json.h"
#include "data/chat.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const size_t SLOT_SIZE = sizeof PROMPT_SLOT - 1;
static const char STOP[] = "\n{stop}", escaped[] = "\n\t\\", letters[] = "nt\\";

PromptTemplate prompt_template_verbatim(void) { return (PromptTemplate){.name = "verbatim", .text = PROMPT_SLOT}; }

bool prompt_template_stop(PromptTemplate *out, const char *text, Error *err) {
    if (out->stops == PROMPT_STOPS) return fail(err, "more than %d texts that end a response", PROMPT_STOPS);
    char *to = out->stop[out->stops], *end = to + PROMPT_STOP_SIZE - 1;
    for (const char *from = text; *from && to < end; from++) {
        const char *letter = *from == '\\' && from[1] ? strchr(letters, from[1]) : NULL;
        *to++ = letter ? escaped[letter - letters] : *from;
        from += letter != NULL;
    }
    *to = 0;
    if (to == end || !*text) return fail(err, "a text that ends a response has 1 to %d bytes", PROMPT_STOP_SIZE - 2);
    out->stops++;
    return true;
}

// Takes the {stop} lines off the end of the text, the last one first.
static bool take_stops(PromptTemplate *out, Error *err) {
    for (char *line; (line = strrchr(out->text, '\n')) && strncmp(line, STOP, sizeof STOP - 1) == 0; *line = 0)
        if (!prompt_template_stop(out, line + sizeof STOP - 1, err)) return false;
    return true;
}

bool prompt_template_parse(PromptTemplate *out, const char *name, const char *text, size_t size, Error *err) {
    if (size >= PROMPT_TEMPLATE_MAX)
        return fail(err, "%.200s: a prompt template of more than %d bytes", name, PROMPT_TEMPLATE_MAX - 1);
    if (memchr(text, 0, size)) return fail(err, "%.200s: a prompt template with a NUL character", name);
    const char *slot = memmem(text, size, PROMPT_SLOT, SLOT_SIZE), *end = text + size;
    if (!slot) return fail(err, "%.200s: the prompt template has no " PROMPT_SLOT, name);
    if (memmem(slot + SLOT_SIZE, (size_t)(end - slot) - SLOT_SIZE, PROMPT_SLOT, SLOT_SIZE))
        return fail(err, "%.200s: the prompt template has " PROMPT_SLOT " twice", name);
    *out = (PromptTemplate){.slot = (size_t)(slot - text)};
    snprintf(out->name, sizeof out->name, "%s", name);
    memcpy(out->text, text, size);
    Error why;
    return take_stops(out, &why) || fail(err, "%.200s: %s", name, why.text);
}

static FILE *open_named(const char *name) {
    char program[3000], path[4096];
    snprintf(path, sizeof path, "data/prompts/%s.txt", name);
    FILE *file = file_open(path, NULL);
    ssize_t length = file ? 0 : readlink("/proc/self/exe", program, sizeof program);
    while (!file && length > 0) {
        while (length > 0 && program[--length] != '/') {}
        snprintf(path, sizeof path, "%.*s/data/prompts/%s.txt", (int)length, program, name);
        file = file_open(path, NULL);
    }
    return file;
}

bool prompt_template_load(PromptTemplate *out, const char *name, Error *err) {
    *out = prompt_template_verbatim();
    if (strcmp(name, out->name) == 0) return true;
    if (strlen(name) > 1000) return fail(err, "--prompt-template: a name of more than 1000 bytes");
    char text[PROMPT_TEMPLATE_MAX + 1];
    bool is_path = strpbrk(name, "/.") != NULL;
    Error why;
    FILE *file = is_path ? file_open(name, &why) : open_named(name);
    if (!file && is_path) return fail(err, "--prompt-template %.400s", why.text);
    if (!file)
        return fail(err, "--prompt-template %.40s: found no data/prompts/%.40s.txt here or beside the program; "
                    "write ./FILE to name a file", name, name);
    size_t size = fread(text, 1, sizeof text, file);
    bool good = !ferror(file) || fail(err, "%.200s: cannot be read: %s", name, strerror(errno));
    fclose(file);
    if (size > 0 && text[size - 1] == '\n') size--;
    return good && prompt_template_parse(out, name, text, size, err);
}

bool prompt_template_save(const PromptTemplate *template, const char *dir, Error *err) {
    char path[4096], *text = NULL;
    size_t size;
    if (template->chat || (strcmp(template->text, PROMPT_SLOT) == 0 && !template->stops)) return true;
    snprintf(path, sizeof path, "%.4000s/" PROMPT_FILE, dir);
    FILE *out = open_memstream(&text, &size);
    REQUIRE(out, "out of memory");
    fputs(template->text, out);
    for (int i = template->stops; i-- > 0;) { // in the order of the file
        fputs(STOP, out);
        for (const char *c = template->stop[i]; *c; c++) {
            const char *escape = strchr(escaped, *c);
            if (escape) fputc('\\', out);
            fputc(escape ? letters[escape - escaped] : *c, out);
        }
    }
    fputc('\n', out);
    REQUIRE(fclose(out) == 0, "out of memory");
    bool ok = file_replace(path, text, size, err);
    free(text);
    return ok;
}

static bool same_stops(const PromptTemplate *a, const PromptTemplate *b) {
    bool same = a->stops == b->stops;
    for (int i = 0; same && i < a->stops; i++) same = strcmp(a->stop[i], b->stop[i]) == 0;
    return same;
}

bool prompt_template_same(const PromptTemplate *template, const char *dir, Error *err) {
    PromptTemplate saved = prompt_template_verbatim();
    char path[4096];
    snprintf(path, sizeof path, "%.900s/" PROMPT_FILE, dir);
    bool is_there = access(path, F_OK) == 0;
    if (is_there && !prompt_template_load(&saved, path, err)) return false;
    if (template->chat && !is_there) return true; // the tokens of the prompts, which checkpoints compare, tell more
    char *chat = template->chat ? prompt_template_render(template, PROMPT_SLOT, err) : NULL; // as older runs saved it
    bool same = strcmp(saved.text, chat ? chat : template->text) == 0 && same_stops(&saved, template);
    free(chat);
    if (same) return true;
    return fail(err, "%.300s was made with another prompt template: resume with that, or choose another --out", dir);
}

// The messages of a conversation, joined by empty lines, to be freed; NULL for a question.
static char *joined(const char *question) {
    cJSON *messages = chat_messages(question), *message;
    char *text = NULL;
    size_t size;
    FILE *out = messages ? open_memstream(&text, &size) : NULL;
    if (!messages) return NULL;
    REQUIRE(out, "out of memory");
    cJSON_ArrayForEach(message, messages)
        fprintf(out, "%s%s", message == messages->child ? "" : "\n\n", json_string(message, "content", ""));
    REQUIRE(fclose(out) == 0, "out of memory");
    cJSON_Delete(messages);
    return text;
}

char *prompt_template_render(const PromptTemplate *template, const char *question, Error *err) {
    if (template->chat) return chat_render(template, question, err);
    const char *after = template->text + template->slot + SLOT_SIZE;
    char *text, *messages = joined(question);
    int n = asprintf(&text, "%.*s%s%s", (int)template->slot, template->text, messages ? messages : question, after);
    REQUIRE(n >= 0, "out of memory for a prompt");
    free(messages);
    return text;
}
