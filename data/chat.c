// Optional (chat templates): which template a model's folder has, and what it is given.
#include "data/chat.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "data/jinja.h"
#include <string.h>
#include <unistd.h>

#define BOXED "Please reason step by step, and put your final answer within \\boxed{}."

static const char *const specials[CHAT_SPECIALS] = {"bos_token", "eos_token", "pad_token", "unk_token"};

static const char *text_of(const cJSON *item) {
    if (cJSON_IsObject(item)) item = json_get(item, "content"); // an added token
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

// The template is a string, or the one called "default" in a list of {name, template}.
static const char *default_template(const cJSON *item) {
    const cJSON *named;
    if (!cJSON_IsArray(item)) return text_of(item);
    cJSON_ArrayForEach(named, item) {
        const char *name = text_of(json_get(named, "name"));
        if (name && strcmp(name, "default") == 0) return text_of(json_get(named, "template"));
    }
    return NULL;
}

cJSON *chat_messages(const char *question) {
    if (!begins(question, "[{\"role\":")) return NULL;
    cJSON *messages = cJSON_Parse(question), *message;
    bool good = cJSON_IsArray(messages);
    cJSON_ArrayForEach(message, messages) good = good && text_of(message) && json_string(message, "role", NULL);
    if (good) return messages;
    cJSON_Delete(messages);
    return NULL;
}

static cJSON *message_of(const char *role, const char *content) {
    cJSON *message = cJSON_CreateObject();
    cJSON_AddStringToObject(message, "role", role);
    cJSON_AddStringToObject(message, "content", content);
    return message;
}

// With the request for a boxed answer.
static cJSON *messages_of(const PromptTemplate *chat, const char *question) {
    cJSON *messages = chat_messages(question), *last;
    if (!messages) cJSON_AddItemToArray(messages = cJSON_CreateArray(), message_of("user", question));
    if (strcmp(json_string(messages->child, "role", ""), "system") == 0) return messages;
    if (!chat->no_system) {
        cJSON_InsertItemInArray(messages, 0, message_of("system", BOXED));
        return messages;
    }
    last = cJSON_GetArrayItem(messages, cJSON_GetArraySize(messages) - 1);
    const char *role = json_string(last, "role", ""), *content = text_of(last);
    char *request = malloc(strlen(content) + sizeof BOXED + 2);
    REQUIRE(request, "out of memory");
    sprintf(request, "%s\n\n" BOXED, content);
    cJSON_ReplaceItemInArray(messages, cJSON_GetArraySize(messages) - 1, message_of(role, request));
    free(request);
    return messages;
}

char *chat_render(const PromptTemplate *chat, const char *question, Error *err) {
    cJSON *variables = cJSON_CreateObject();
    cJSON_AddItemToObject(variables, "messages", messages_of(chat, question));
    cJSON_AddNullToObject(variables, "tools");
    cJSON_AddNullToObject(variables, "documents");
    cJSON_AddTrueToObject(variables, "add_generation_prompt");
    for (int i = 0; i < CHAT_SPECIALS; i++)
        if (*chat->special[i]) cJSON_AddStringToObject(variables, specials[i], chat->special[i]);
    Error why = {""};
    char *text = jinja_render(chat->text, variables, &why);
    cJSON_Delete(variables);
    if (!text) fail(err, "the chat template cannot be executed: %.300s", why.text);
    return text;
}

// Whether the template prints the question and the request. Sets no_system where it takes no system message.
static bool try_template(PromptTemplate *chat, Error *err) {
    for (int i = 0; i < 2; i++) {
        chat->no_system = i == 1;
        char *text = chat_render(chat, PROMPT_SLOT, err);
        bool good = text && strstr(text, PROMPT_SLOT) && strstr(text, BOXED);
        if (text && !good) fail(err, "the chat template does not print the user's message");
        free(text);
        if (good) return true;
    }
    return false;
}

static bool from_text(PromptTemplate *out, const char *text, const cJSON *config, const char *dir, Error *err) {
    Error why = {""};
    *out = (PromptTemplate){.name = "chat", .chat = true};
    size_t n = strlen(text);
    if (n < sizeof out->text) memcpy(out->text, text, n + 1);
    bool fits = n < sizeof out->text;
    for (int i = 0; i < CHAT_SPECIALS; i++) {
        const char *token = text_of(json_get(config, specials[i]));
        size_t size = sizeof out->special[i];
        fits = fits && (size_t)snprintf(out->special[i], size, "%s", token ? token : "") < size;
    }
    bool ok = fits ? try_template(out, &why) : fail(&why, "the chat template or a special token is too long");
    return ok ||
           fail(err,
                "%.300s: %.150s: give --prompt-template ./chat.txt, which this line writes: python3 -c \"from "
                "transformers import AutoTokenizer as T; open('chat.txt','w').write(T.from_pretrained('%.200s')."
                "apply_chat_template([{'role':'user','content':r'{question} Put the final answer within \\boxed{}.'"
                "}],tokenize=False,add_generation_prompt=True)+chr(10))\"",
                dir, why.text, dir);
}

bool chat_load(PromptTemplate *out, const char *dir, bool *found, Error *err) {
    char path[4200], jinja_path[4200];
    size_t n;
    *found = false;
    if (strlen(dir) > 4096) return fail(err, "the path of the model is too long");
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    snprintf(jinja_path, sizeof jinja_path, "%s/chat_template.jinja", dir);
    cJSON *config = access(path, F_OK) == 0 ? json_read(path, err) : cJSON_CreateObject();
    bool has_file = access(jinja_path, F_OK) == 0;
    char *file = config && has_file ? file_read(jinja_path, (size_t)1 << 20, &n, err) : NULL;
    bool ok = config && (file || !has_file);
    const char *text = file ? file : default_template(json_get(config, "chat_template"));
    *found = ok && text;
    if (*found) ok = from_text(out, text, config, dir, err);
    free(file);
    cJSON_Delete(config);
    return ok;
}
