// Optional (data from files): prompt templates, the text around a question.
// A template is a text file that contains {question} exactly once:
//
//   Question: {question}
//   Reason step by step, and put the final answer within \boxed{}.
//   Answer:
//
// The rest is used verbatim; special tokens such as <|im_start|> become the tokens of that name. One newline at the end
// of the file is dropped because editors add it; a template that ends with a newline ends with two in its file.
// data/prompts/ has the templates that come with the program.
#ifndef DATA_PROMPT_TEMPLATE_H
#define DATA_PROMPT_TEMPLATE_H
#include "base/check.h"
#include <stddef.h>

#define PROMPT_SLOT "{question}"
#define PROMPT_FILE "prompt_template.txt" // in a model's folder: the template it was trained with
enum { PROMPT_TEMPLATE_MAX = 16384 };

typedef struct PromptTemplate { // has no pointers, so it may be copied
    char name[64];              // as given on the command line, for tables
    char text[PROMPT_TEMPLATE_MAX];
    size_t slot; // offset of {question} in text
} PromptTemplate;

PromptTemplate prompt_template_verbatim(void); // "verbatim": the question alone

// False with the reason in err: no slot, two slots, a NUL, PROMPT_TEMPLATE_MAX bytes or more.
bool prompt_template_parse(PromptTemplate *out, const char *name, const char *text, size_t size, Error *err);

// "verbatim", a file's path (if it contains a slash or a dot), or NAME for data/prompts/NAME.txt in the current folder,
// the program's folder, or a folder above the program.
bool prompt_template_load(PromptTemplate *out, const char *name_or_file, Error *err);

// Writes dir/prompt_template.txt, from which prompt_template_load reads the same text; nothing for "verbatim".
bool prompt_template_save(const PromptTemplate *template, const char *dir, Error *err);

// Whether dir was saved with this template; if not, false with the reason in err.
bool prompt_template_same(const PromptTemplate *template, const char *dir, Error *err);

// The prompt of a question, zero-terminated, to be freed.
char *prompt_template_render(const PromptTemplate *template, const char *question);
#endif
