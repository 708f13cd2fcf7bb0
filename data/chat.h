// Optional (chat templates): the form in which an instruction model expects a question: a Jinja program in the model's
// folder, which is executed (data/jinja.h) for every question, with the messages that Hugging Face's
// apply_chat_template(messages, add_generation_prompt=True) would get:
//
//   a question         a system message that asks for a boxed answer, because the verifier accepts no unmarked one, and
//                      the question as the user's message. Where the template refuses or drops system messages, the
//                      user's message ends with that request
//   a conversation     its messages as they are; if it has no system message, the one above precedes them
//
// A conversation is a question whose text is a JSON list of {"role","content"}, as data/problems_file.h makes them of
// rows with several messages.
#ifndef DATA_CHAT_H
#define DATA_CHAT_H
#include "data/prompt_template.h"
#include <cjson/cJSON.h>

// Makes a prompt template of the chat template in dir's chat_template.jinja or tokenizer_config.json. *found: whether
// there is one; a base model has none, which is no error. False with the reason in err where it cannot be executed; the
// message holds the line of Python that writes a file for --prompt-template.
bool chat_load(PromptTemplate *out, const char *dir, bool *found, Error *err);

// The prompt of a question or conversation, to be freed; NULL with the reason in err.
char *chat_render(const PromptTemplate *chat, const char *question, Error *err);

// The messages of a question that is a conversation, to be freed; else NULL.
cJSON *chat_messages(const char *question);

#endif
