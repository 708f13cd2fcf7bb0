// Chat templates: prompts equal, byte for byte, what Hugging Face renders (tests/model/fixtures/chats.json, made by
// dev/reference/make_chats.py), and any other template is refused with a hint.
#include "model/files/chat.h"
#include "base/files.h"
#include "base/json.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

static const char *text_of(const cJSON *item, const char *key) {
    const cJSON *text = cJSON_GetObjectItem(item, key);
    return cJSON_IsString(text) ? text->valuestring : NULL;
}

// Qwen3's template is in DATA_DIR (default ../shared). False: it is not there.
static bool load_from_data(ChatTemplate *chat, const char *name) {
    char dir[4096];
    Error err = {""};
    const char *data = getenv("DATA_DIR");
    snprintf(dir, sizeof dir, "%s/%s", data ? data : "../shared", name);
    if (access(dir, R_OK) != 0) return printf("skipped: no %s in DATA_DIR\n", name), false;
    if (!chat_load(chat, dir, &err)) fail_msg("%s", err.text);
    return true;
}

static void renders_as_jinja(void **state) {
    (void)state;
    Error err = {""};
    cJSON *fixture = json_read("tests/model/fixtures/chats.json", &err);
    if (!fixture) fail_msg("%s", err.text);
    const cJSON *item, *prompt;
    int count = 0;
    cJSON_ArrayForEach(item, fixture) {
        ChatTemplate chat;
        const char *text = text_of(item, "template"), *name = text_of(item, "name");
        if (text && !chat_parse(&chat, text, "<|begin_of_text|>", name, &err)) fail_msg("%s", err.text);
        if (!text && !load_from_data(&chat, name)) continue;
        cJSON_ArrayForEach(prompt, cJSON_GetObjectItem(item, "prompts")) {
            char *got = chat_render(&chat, text_of(prompt, "system"), text_of(prompt, "user"));
            assert_string_equal(got, text_of(prompt, "text"));
            free(got);
            count++;
        }
        chat_free(&chat);
    }
    assert_true(count >= 30);
    cJSON_Delete(fixture);
}

static void assert_refused(const char *text, const char *bos, const char *reason) {
    ChatTemplate chat;
    Error err = {""};
    assert_false(chat_parse(&chat, text, bos, "here", &err));
    if (!strstr(err.text, reason) || !strstr(err.text, "here: ") || !strstr(err.text, "--prompt-template FILE"))
        fail_msg("wanted \"%s\", got \"%s\"", reason, err.text);
    assert_true(chat.form == CHAT_NONE && !chat.system && !chat.opening);
}

#define ML_TURNS                                                                                                       \
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
#define ML_END "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
#define LLAMA_TURNS                                                                                                    \
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + " \
    "'<|eot_id|>' }}{% endfor %}"
#define LLAMA_END "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"

static void refuses_other_templates(void **state) {
    (void)state;
    ChatTemplate chat;
    assert_true(chat_parse(&chat, ML_TURNS ML_END, NULL, "here", NULL));
    chat_free(&chat);
    assert_true(chat_parse(&chat, LLAMA_TURNS LLAMA_END, NULL, "here", NULL));
    chat_free(&chat);
    assert_refused("", NULL, "neither ChatML nor Llama 3's");
    assert_refused("{{ bos_token + '[INST] ' + messages[0]['content'] + ' [/INST]' }}", "<s>", "neither");
    assert_refused("{{ '<|im_start|>' }}{# '<|im_end|>", NULL, "outside its tags");
    assert_refused("<|im_start|>" ML_TURNS ML_END, NULL, "outside its tags");
    assert_refused(ML_TURNS " " ML_END, NULL, "outside its tags");
    assert_refused(ML_TURNS "\n\n" ML_END, NULL, "outside its tags");
    assert_refused("{% for m in messages %}{{ '<|im_start|>' + m['role'] }}\n{% endfor %}" ML_END, NULL,
                   "outside its tags");
    assert_refused(ML_TURNS "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}\n{% endif %}", NULL,
                   "outside its tags");
    assert_refused(ML_TURNS, NULL, "opens the answer");
    assert_refused(ML_TURNS "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{{ x }}{% endif %}", NULL,
                   "opens the answer");
    assert_refused(ML_TURNS "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' + x }}{% endif %}", NULL,
                   "opens the answer");
    assert_refused(ML_TURNS "{% if add_generation_prompt %}{{ '<|im_start|>bot\\n' }}{% endif %}", NULL,
                   "opens the answer");
    assert_refused("{{ bos_token }}" ML_TURNS ML_END, "<s>", "bos_token");
    assert_refused("{{ m['content'] | trim }}" ML_TURNS ML_END, NULL, "trim");
    assert_refused("{% set system = 'You' %}" ML_TURNS ML_END, NULL, "set system");
    assert_refused("{{ '<|im_sep|>' }}" ML_TURNS ML_END, NULL, "<|im_sep|>");
    assert_refused(
        "{{ '<|im_start|>system\\na<|im_end|>\\n' }}{{ '<|im_start|>system\\nb<|im_end|>\\n' }}" ML_TURNS ML_END, NULL,
        "two default system messages");
    assert_refused("{{ '<|im_start|>system\\n\\u00e9<|im_end|>\\n' }}" ML_TURNS ML_END, NULL, "escapes");
    assert_refused("{{ bos_token }}" LLAMA_TURNS LLAMA_END, NULL, "bos_token");
    assert_refused("{{ '<|im|>' }}" LLAMA_TURNS LLAMA_END, NULL, "<|im|>");
    assert_refused("{{ 'Date: ' + strftime_now('%d') }}" LLAMA_TURNS LLAMA_END, NULL, "with other dates");
    assert_refused("{{ '<|start_header_id|>' + m['content'] }}" LLAMA_END, NULL, "keeps white space");
}

static void put_file(const char *dir, const char *name, const char *text) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (text) assert_true(file_replace(path, text, strlen(text), NULL));
    else unlink(path);
}

// The template is in tokenizer_config.json, as text or in a list of named ones, or in chat_template.jinja, which wins.
static void finds_the_template(void **state) {
    (void)state;
    char dir[] = P_tmpdir "/test_chat_XXXXXX";
    ChatTemplate chat;
    Error err = {""};
    assert_non_null(mkdtemp(dir));
    assert_true(chat_load(&chat, dir, &err) && chat.form == CHAT_NONE);
    put_file(dir, "tokenizer_config.json", "{\"chat_template\":null}");
    assert_true(chat_load(&chat, dir, &err) && chat.form == CHAT_NONE);
    put_file(dir, "tokenizer_config.json", "{\"chat_template\":\"{{ x }}\"}");
    assert_false(chat_load(&chat, dir, &err));
    assert_non_null(strstr(err.text, "tokenizer_config.json: the chat template is neither"));
    put_file(dir, "tokenizer_config.json",
             "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"{{ x }}\"},{\"name\":\"default\",\"template\":"
             "\"{{ bos_token + '<|start_header_id|>' | trim }}{% if add_generation_prompt %}{{ "
             "'<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}\"}],"
             "\"bos_token\":{\"content\":\"<b>\"}}");
    if (!chat_load(&chat, dir, &err)) fail_msg("%s", err.text);
    assert_true(chat.form == CHAT_LLAMA3 && strcmp(chat.bos, "<b>") == 0);
    chat_free(&chat);
    put_file(dir, "chat_template.jinja", ML_TURNS ML_END);
    assert_true(chat_load(&chat, dir, &err) && chat.form == CHAT_ML);
    chat_free(&chat);
    put_file(dir, "tokenizer_config.json", "{");
    assert_false(chat_load(&chat, dir, &err));
    put_file(dir, "tokenizer_config.json", NULL);
    put_file(dir, "chat_template.jinja", NULL);
    assert_int_equal(rmdir(dir), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(renders_as_jinja), cmocka_unit_test(refuses_other_templates),
                                       cmocka_unit_test(finds_the_template)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
