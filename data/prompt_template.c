// Optional (data from files): reading, saving and rendering prompt templates.
#define _GNU_SOURCE // memmem
#include "data/prompt_template.h"
#include "base/files.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const size_t SLOT_SIZE = sizeof PROMPT_SLOT - 1;

PromptTemplate prompt_template_verbatim(void) { return (PromptTemplate){.name = "verbatim", .text = PROMPT_SLOT}; }

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
    return true;
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
    char path[4096], text[PROMPT_TEMPLATE_MAX + 2];
    if (strcmp(template->text, PROMPT_SLOT) == 0) return true;
    snprintf(path, sizeof path, "%.4000s/" PROMPT_FILE, dir);
    snprintf(text, sizeof text, "%s\n", template->text);
    return file_replace(path, text, strlen(text), err);
}

bool prompt_template_same(const PromptTemplate *template, const char *dir, Error *err) {
    PromptTemplate saved = prompt_template_verbatim();
    char path[4096];
    snprintf(path, sizeof path, "%.900s/" PROMPT_FILE, dir);
    if (access(path, F_OK) == 0 && !prompt_template_load(&saved, path, err)) return false;
    if (strcmp(saved.text, template->text) == 0) return true;
    return fail(err, "%.300s was made with another prompt template: resume with that, or choose another --out", dir);
}

char *prompt_template_render(const PromptTemplate *template, const char *question) {
    const char *after = template->text + template->slot + SLOT_SIZE;
    char *text;
    int n = asprintf(&text, "%.*s%s%s", (int)template->slot, template->text, question, after);
    REQUIRE(n >= 0, "out of memory for a prompt");
    return text;
}
