// Prompt templates: the text around a question. A template is a text file with the slot {question}, once:
//
//   Question: {question}
//   Reason step by step, and put the final answer within \boxed{}.
//   Answer:
//
// Everything else is taken as it stands; special tokens such as <|im_start|> become the tokens of that name. One newline
// at the end of the file is dropped, because editors put it there: a template that ends with a newline ends with two.
// Those that come with the program stand in data/prompts/.
#ifndef DATA_PROMPT_TEMPLATE_H
#define DATA_PROMPT_TEMPLATE_H
#include "base/check.h"
#include <stddef.h>

#define PROMPT_SLOT "{question}"
#define PROMPT_FILE "prompt_template.txt" // in the folder of a model that was trained with one
enum { PROMPT_TEMPLATE_MAX = 16384 };

typedef struct PromptTemplate { // no pointers: may be copied
    char name[64];              // as it was asked for, for tables
    char text[PROMPT_TEMPLATE_MAX];
    size_t slot; // where {question} begins in text
} PromptTemplate;

// "verbatim": the question and nothing else.
PromptTemplate prompt_template_verbatim(void);

// From text. False with the reason in err: no slot, two slots, NUL, too long.
bool prompt_template_parse(PromptTemplate *out, const char *name, const char *text, size_t size, Error *err);

// NAME is "verbatim" or a file data/prompts/NAME.txt, beside the program or in the current folder. What has a slash or a
// dot is a file's path.
bool prompt_template_load(PromptTemplate *out, const char *name_or_file, Error *err);

// Writes dir/prompt_template.txt, which prompt_template_load reads back to the same text; "verbatim" writes nothing.
bool prompt_template_save(const PromptTemplate *prompt, const char *dir, Error *err);

// Whether dir was written with this template: false with the reason in err where it was not.
bool prompt_template_same(const PromptTemplate *prompt, const char *dir, Error *err);

// The prompt of a question, zero-terminated, to be freed.
char *prompt_template_render(const PromptTemplate *prompt, const char *question);
#endif
