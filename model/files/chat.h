// Chat templates: how an instruction model wants a question put. A template is a Jinja program in the model's folder; it is
// not run here but recognised, and its two known forms are rendered exactly:
//
//   ChatML    <|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n
//   Llama 3   BOS<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n
//             U<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n          (S and U without white space at their ends)
//
// What differs within a form is read from the template: the system message that stands where none is given (Qwen2.5,
// SmolLM2), what opens the answer (some models' <think>), Llama 3.1's and 3.2's dates. A template that does anything else
// is refused, never approximated. Tools and earlier turns are not rendered.
#ifndef MODEL_FILES_CHAT_H
#define MODEL_FILES_CHAT_H
#include "base/check.h"
#include <stddef.h>

typedef enum ChatForm { CHAT_NONE, CHAT_ML, CHAT_LLAMA3 } ChatForm;

typedef struct ChatTemplate {
    ChatForm form; // CHAT_NONE: the folder has no template, as a base model's has not
    char *system;  // the system message where none is given, or NULL
    char *opening; // of the answer: the prompt's last bytes
    char *bos;     // Llama 3: what the text begins with
    char *date;    // Llama 3.1 and later: "26 Jul 2024", or NULL. The template's fixed date: today's would make every run another
    bool trim;     // white space at the ends of S and U is dropped
} ChatTemplate;

// The template in dir's chat_template.jinja or tokenizer_config.json. False with the reason in err where it is there but
// not one of the forms; the error then says to give the form with --prompt-template. Free with chat_free in every case.
bool chat_load(ChatTemplate *chat, const char *dir, Error *err);

// The same from a template's text. bos may be NULL. `where` is for messages.
bool chat_parse(ChatTemplate *chat, const char *text, const char *bos, const char *where, Error *err);
void chat_free(ChatTemplate *chat);

// The prompt for one question, up to where the answer begins. system NULL: the template's own. chat->form is not
// CHAT_NONE. A 0 byte stands behind it. Free with free.
char *chat_render(const ChatTemplate *chat, const char *system, const char *user);

#endif
