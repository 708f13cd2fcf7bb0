// Optional (Hugging Face models): chat templates, the form in which an instruction model expects a question: a Jinja
// program in the model's folder. It is not executed: two known forms are recognised and rendered exactly:
//
//   ChatML    <|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n
//   Llama 3   BOS<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n
//             U<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n        (S and U trimmed)
//
// The variations of a form are read from the template: the default system message (Qwen2.5, SmolLM2), the text that
// opens the answer (<think> in some models), the dates of Llama 3.1 and 3.2. Any other template is an error. Tools and
// earlier turns are not rendered.
#ifndef MODEL_FILES_CHAT_H
#define MODEL_FILES_CHAT_H
#include "base/check.h"
#include <stddef.h>

typedef enum ChatForm { CHAT_NONE, CHAT_ML, CHAT_LLAMA3 } ChatForm;

typedef struct ChatTemplate {
    ChatForm form; // CHAT_NONE: the folder has no template, as for a base model
    char *system;  // the default system message, or NULL
    char *opening; // of the answer: the prompt's last bytes
    char *bos;     // Llama 3: the text's first bytes
    char *date;    // Llama 3.1 and 3.2: the template's fixed date "26 Jul 2024" (never today's), or NULL
    bool trim;     // white space at the ends of S and U is removed
} ChatTemplate;

// The template in dir's chat_template.jinja or tokenizer_config.json. False with the reason in err if it has neither
// form; the message then recommends --prompt-template. Free with chat_free in every case.
bool chat_load(ChatTemplate *chat, const char *dir, Error *err);

// The same from a template's text. bos may be NULL. `where` is for messages.
bool chat_parse(ChatTemplate *chat, const char *text, const char *bos, const char *where, Error *err);
void chat_free(ChatTemplate *chat);

// The prompt of one question up to the start of the answer, zero-terminated. system NULL: the default. chat->form must
// not be CHAT_NONE. Free with free.
char *chat_render(const ChatTemplate *chat, const char *system, const char *user);

#endif
