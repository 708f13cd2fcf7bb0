// Prompt templates, read from and written to text files: see data/prompt_template.h.
#define _GNU_SOURCE // memmem
#include "data/prompt_template.h"
#include "base/files.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

PromptTemplate prompt_template_verbatim(void) { return (PromptTemplate){.name = "verbatim", .text = PROMPT_SLOT}; }

bool prompt_template_parse(PromptTemplate *out, const char *name, const char *text, size_t size, Error *err) {
    if (size >= PROMPT_TEMPLATE_MAX) return fail(err, "%.200s: a prompt template of more than %d bytes", name, PROMPT_TEMPLATE_MAX - 1);
    if (memchr(text, 0, size)) return fail(err, "%.200s: a prompt template with a NUL character", name);
    const char *slot = memmem(text, size, PROMPT_SLOT, strlen(PROMPT_SLOT));
    if (!slot) return fail(err, "%.200s: the prompt template has no " PROMPT_SLOT, name);
    const char *rest = slot + strlen(PROMPT_SLOT);
    if (memmem(rest, size - (size_t)(rest - text), PROMPT_SLOT, strlen(PROMPT_SLOT)))
        return fail(err, "%.200s: the prompt template has " PROMPT_SLOT " twice", name);
    *out = (PromptTemplate){.slot = (size_t)(slot - text)};
    snprintf(out->name, sizeof out->name, "%s", name);
    memcpy(out->text, text, size);
    return true;
}

static bool read_template(PromptTemplate *out, const char *name, FILE *file, Error *err) {
    char text[PROMPT_TEMPLATE_MAX + 1];
    size_t size = fread(text, 1, sizeof text, file);
    if (ferror(file)) return fail(err, "%.200s: cannot be read: %s", name, strerror(errno));
    if (size > 0 && text[size - 1] == '\n') size--;
    return prompt_template_parse(out, name, text, size, err);
}

// data/prompts/NAME.txt in the current folder, else beside the program or in a folder above it
static FILE *open_named(const char *name) {
    char program[3000], path[4096];
    snprintf(path, sizeof path, "data/prompts/%s.txt", name);
    FILE *file = fopen(path, "rb");
    ssize_t length = file ? 0 : readlink("/proc/self/exe", program, sizeof program);
    while (!file && length > 0) {
        while (length > 0 && program[--length] != '/') {}
        snprintf(path, sizeof path, "%.*s/data/prompts/%s.txt", (int)length, program, name);
        file = fopen(path, "rb");
    }
    return file;
}

bool prompt_template_load(PromptTemplate *out, const char *name, Error *err) {
    if (strcmp(name, "verbatim") == 0) return *out = prompt_template_verbatim(), true;
    if (strlen(name) > 1000) return fail(err, "--prompt-template: a name of more than 1000 bytes");
    bool is_path = strpbrk(name, "/.") != NULL;
    FILE *file = is_path ? fopen(name, "rb") : open_named(name);
    if (!file && is_path) return fail(err, "--prompt-template %.300s: %s", name, strerror(errno));
    if (!file) return fail(err, "--prompt-template %.40s: no data/prompts/%.40s.txt here or beside the program; a file is named as ./FILE", name, name);
    bool ok = read_template(out, name, file, err);
    fclose(file);
    return ok;
}

bool prompt_template_save(const PromptTemplate *prompt, const char *dir, Error *err) {
    char path[4096], text[PROMPT_TEMPLATE_MAX + 2];
    if (strcmp(prompt->text, PROMPT_SLOT) == 0) return true;
    snprintf(path, sizeof path, "%.4000s/" PROMPT_FILE, dir);
    snprintf(text, sizeof text, "%s\n", prompt->text);
    return file_replace(path, text, strlen(text), err);
}

bool prompt_template_same(const PromptTemplate *prompt, const char *dir, Error *err) {
    PromptTemplate saved = prompt_template_verbatim();
    char path[4096];
    snprintf(path, sizeof path, "%.900s/" PROMPT_FILE, dir);
    if (access(path, F_OK) == 0 && !prompt_template_load(&saved, path, err)) return false;
    if (strcmp(saved.text, prompt->text) == 0) return true;
    return fail(err, "%.300s was made with another prompt template: resume with that one, or start into another --out", dir);
}

char *prompt_template_render(const PromptTemplate *prompt, const char *question) {
    const char *after = prompt->text + prompt->slot + strlen(PROMPT_SLOT);
    size_t length = strlen(question), tail = strlen(after);
    char *text = malloc(prompt->slot + length + tail + 1);
    REQUIRE(text, "out of memory for a prompt of %zu bytes", length);
    memcpy(text, prompt->text, prompt->slot);
    memcpy(text + prompt->slot, question, length);
    memcpy(text + prompt->slot + length, after, tail + 1);
    return text;
}
