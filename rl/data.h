// Optional (data from files, chat templates): the problems of a run that come from files, and the text around
// questions.
#ifndef RL_DATA_H
#define RL_DATA_H
#include "data/prompt_template.h"
#include "rl/config.h"
#include "data/problems.h"
#include "model/config.h"
#include "model/tokenizer/tokenizer.h"
#include "rl/prompts.h"

// Reads the files or named sets of --data into train and, from --heldout-data or a part of --data, heldout. Training
// problems that occur in --heldout-data are removed; what was left out, and training problems that occur in a known
// evaluation set, are reported to `notes` (NULL: silently). False with the reason in err.
bool data_load_files(const TrainConfig *config, ProblemSet *train, ProblemSet *heldout, FILE *notes, Error *err);

// The text around a question. `asked` (--prompt-template) decides where it is given. Otherwise tasks are asked
// verbatim, and questions from files by the first of these that exists: the template that the model was trained with
// here (MODEL/prompt_template.txt); the model's chat template, with a system message that asks for a boxed answer,
// because the verifier accepts no unmarked one; data/prompts/plain.txt. A chat template that cannot be executed is an
// error. `stop` (--stop, "": none) is one more text that ends a response.
bool data_choose_template(PromptTemplate *out, const char *asked, const char *stop, const char *model, bool tasks,
                          Error *err);

// A line to `out` where the tokenizer's eos_token is none of the tokens that end a response: as in transformers, those
// are the eos_token_id of generation_config.json or config.json.
void data_note_eos(const ModelConfig *model, const Tokenizer *tokenizer, FILE *out);

// Continues a hash with every prompt's tokens and every gold, in order.
uint64_t prompts_hash(const PromptSet *set, uint64_t hash);

#endif
