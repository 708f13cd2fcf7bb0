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
//
// Lines {stop}TEXT at the end of the file name texts that end a response, such as the next question, which a base model
// goes on to invent: generation stops there, and what precedes is graded. In TEXT, \n, \t and \\ are escapes.
//
// A template may also be a chat template of a model (data/chat.h), which is executed for every question.
#ifndef DATA_PROMPT_TEMPLATE_H
#define DATA_PROMPT_TEMPLATE_H
#include "base/check.h"
#include <stddef.h>

#define PROMPT_SLOT "{question}"
#define PROMPT_FILE "prompt_template.txt" // in a model's folder: the template it was trained with
enum { PROMPT_TEMPLATE_MAX = 65536, PROMPT_STOPS = 8, PROMPT_STOP_SIZE = 64, CHAT_SPECIALS = 4 };

typedef struct PromptTemplate { // has no pointers, so it may be copied
    char name[64];              // as given on the command line, for tables
    char text[PROMPT_TEMPLATE_MAX];
    size_t slot; // offset of {question} in text
    char stop[PROMPT_STOPS][PROMPT_STOP_SIZE];
    int stops;
    bool chat;                       // text is a chat template; the following are its own
    bool no_system;                  // it takes no system message
    char special[CHAT_SPECIALS][64]; // bos_token, eos_token, pad_token, unk_token; "": none
} PromptTemplate;

PromptTemplate prompt_template_verbatim(void); // "verbatim": the question alone

// False with the reason in err: no slot, two slots, a NUL, PROMPT_TEMPLATE_MAX bytes or more, a bad {stop}.
bool prompt_template_parse(PromptTemplate *out, const char *name, const char *text, size_t size, Error *err);

// "verbatim", a file's path (if it contains a slash or a dot), or NAME for data/prompts/NAME.txt in the current folder,
// the program's folder, or a folder above the program.
bool prompt_template_load(PromptTemplate *out, const char *name_or_file, Error *err);

// Adds a text that ends a response, with escapes as above. False with the reason in err: empty, too long, too many.
bool prompt_template_stop(PromptTemplate *template, const char *text, Error *err);

// Writes dir/prompt_template.txt, from which prompt_template_load reads the same template; nothing for "verbatim" and
// for a chat template, which is among the tokenizer's files: --stop is then given again.
bool prompt_template_save(const PromptTemplate *template, const char *dir, Error *err);

// Whether dir was saved with this template; if not, false with the reason in err.
bool prompt_template_same(const PromptTemplate *template, const char *dir, Error *err);

// The prompt of a question, zero-terminated, to be freed. The messages of a conversation (data/chat.h), where the
// template is not a chat template, are joined by empty lines. NULL with the reason in err: a chat template that cannot
// be executed for this question.
char *prompt_template_render(const PromptTemplate *template, const char *question, Error *err);
#endif
