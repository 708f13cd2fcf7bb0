// Chat templates: texts equal, byte for byte, what Hugging Face renders (tests/data/fixtures/chats.json, made by
// dev/reference/make_chats.py), what fails there fails here, and what is unknown here is refused.
#include "base/files.h"
#include "base/json.h"
#include "data/chat.h"
#include "data/jinja.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

static cJSON *variables_of(const cJSON *messages) {
    cJSON *variables = cJSON_CreateObject();
    cJSON_AddItemToObject(variables, "messages", cJSON_Duplicate(messages, true));
    cJSON_AddNullToObject(variables, "tools");
    cJSON_AddNullToObject(variables, "documents");
    cJSON_AddTrueToObject(variables, "add_generation_prompt");
    cJSON_AddStringToObject(variables, "bos_token", "<|begin_of_text|>");
    cJSON_AddStringToObject(variables, "eos_token", "<|eot_id|>");
    return variables;
}

// A template that is not in the fixture is in DATA_DIR (default ../shared). NULL: it is not there.
static cJSON *config_from_data(const char *name) {
    char path[4096];
    const char *data = getenv("DATA_DIR");
    snprintf(path, sizeof path, "%s/%s/tokenizer_config.json", data ? data : "../shared", name);
    if (access(path, R_OK) != 0) printf("skipped: no %s in DATA_DIR\n", name);
    return access(path, R_OK) == 0 ? json_read(path, NULL) : NULL;
}

static void renders_as_jinja(void **state) {
    (void)state;
    Error err = {""};
    cJSON *fixture = json_read("tests/data/fixtures/chats.json", &err);
    if (!fixture) fail_msg("%s", err.text);
    const cJSON *item, *prompt;
    int count = 0;
    cJSON_ArrayForEach(item, fixture) {
        const char *name = json_string(item, "name", ""), *template = json_string(item, "template", NULL);
        cJSON *config = template ? NULL : config_from_data(name);
        if (config) template = json_string(config, "chat_template", NULL);
        cJSON_ArrayForEach(prompt, json_get(item, "prompts")) {
            if (!template) break;
            cJSON *variables = variables_of(json_get(prompt, "messages"));
            char *got = jinja_render(template, variables, &err);
            const char *want = json_string(prompt, "text", NULL);
            if (want && !got) fail_msg("%s: %s", name, err.text);
            if (got && !want) fail_msg("%s: rendered what Jinja refuses: \"%s\"", name, got);
            if (want && strcmp(got, want)) fail_msg("%s: got\n\"%s\"\nwanted\n\"%s\"", name, got, want);
            free(got);
            cJSON_Delete(variables);
            count++;
        }
        cJSON_Delete(config);
    }
    assert_true(count >= 140);
    cJSON_Delete(fixture);
}

#define T88 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"

// Every one of these prints something in Jinja, or is an error there: nothing here is guessed.
static void refuses_what_it_does_not_know(void **state) {
    (void)state;
    static const struct {
        const char *template, *why;
    } cases[] = {
        {"{{ messages | map(attribute='role') | join(',') }}", "attribute="},
        {"{{ messages | tojson }}", "the filter tojson"},
        {"{{ messages }}", "a list or dict is printed"},
        {"{{ messages[0].content.title() }}", "the method title"},
        {"{{ messages[0].content is divisibleby(3) }}", "the test divisibleby"},
        {"{% for m in messages recursive %}{{ m.role }}{% endfor %}", "\"recursive \" is not understood"},
        {"{% set x %}block{% endset %}", "the block"},
        {"{% macro f() %}x{% endmacro %}{{ f() }}", "the function f"},
        {"{{ strftime_now('%d') }}", "the function strftime_now"},
        {"{{ 1.5 }}", "not whole"},
        {"{{ '\\x41' }}", "the escape \\x"},
        {"{{ 'caf\xc3\xa9' | upper }}", "not ASCII"},
        {"{{ 1 < 2 < 3 }}", "comparisons in a row"},
        {"{{ nothing.at_all }}", "something undefined"},
        {"{{ 'a' + 1 }}", "do not go together"},
        {"{{ raise_exception('only tools') }}", "it refuses this chat: only tools"},
        {"{{ messages[0].role ", "a tag without its end"},
        {"{% if true %}x", "no endif"},
        {"{% endif %}", "a block ends that did not begin"},
        {"{{ 'a", "a tag without its end"},
        {"{{ ((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))) }}", "nested too deeply"},
        {"{% for a in range(9999) %}{% for b in range(9999) %}{{ 'x' }}{% endfor %}{% endfor %}", "steps"},
        {"{% for a in range(9999) %}" T88 T88 T88 T88 T88 "{% endfor %}", "a text of more than 4194304 bytes"},
    };
    cJSON *messages = cJSON_Parse("[{\"role\":\"user\",\"content\":\"q\"}]"), *variables = variables_of(messages);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Error err = {""};
        char *text = jinja_render(cases[i].template, variables, &err);
        if (text) fail_msg("%s printed \"%s\"", cases[i].template, text);
        if (!strstr(err.text, cases[i].why))
            fail_msg("%s: wanted \"%s\", got \"%s\"", cases[i].template, cases[i].why, err.text);
    }
    cJSON_Delete(messages);
    cJSON_Delete(variables);
}

static char dir[] = P_tmpdir "/test_chat_XXXXXX";

static void put_file(const char *name, const char *text) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (text)
        assert_true(file_replace(path, text, strlen(text), NULL));
    else
        unlink(path);
}

#define BOXED "Please reason step by step, and put your final answer within \\boxed{}."
#define TURNS "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"

static void assert_prompt(const char *template, const char *question, const char *want) {
    PromptTemplate chat;
    Error err = {""};
    bool found;
    put_file("chat_template.jinja", template);
    if (!chat_load(&chat, dir, &found, &err) || !found) fail_msg("%s: %s", template, err.text);
    char *text = prompt_template_render(&chat, question, &err);
    if (!text) fail_msg("%s", err.text);
    assert_string_equal(text, want);
    free(text);
}

// What the template is given: the request, the question, a conversation's messages as they are.
static void asks(void **state) {
    (void)state;
    assert_prompt(TURNS "<assistant>", "1+1? {question}", "<system>" BOXED "<user>1+1? {question}<assistant>");
    assert_prompt(TURNS,
                  "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\"},"
                  "{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"c\"}]",
                  "<system>s<user>a<assistant>b<user>c");
    assert_prompt(TURNS, "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"c\"}]",
                  "<system>" BOXED "<user>a<user>c");
    assert_prompt(TURNS, "[{\"role\":3}]", "<system>" BOXED "<user>[{\"role\":3}]"); // a question that looks like one
    static const char *const without_system[] = {
        "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}",
        "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" TURNS};
    for (int i = 0; i < 2; i++) {
        assert_prompt(without_system[i], "q", "<user>q\n\n" BOXED);
        assert_prompt(without_system[i],
                      "[{\"role\":\"assistant\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"c\"}]",
                      "<assistant>a<user>c\n\n" BOXED);
    }
    PromptTemplate chat;
    bool found;
    Error err = {""};
    assert_true(chat_load(&chat, dir, &found, &err)); // this one refuses the row's system message
    assert_null(prompt_template_render(&chat, "[{\"role\":\"system\",\"content\":\"s\"}]", &err));
    assert_non_null(strstr(err.text, "refuses this chat: no"));
    put_file("chat_template.jinja", NULL);
}

static void assert_refused(const char *template, const char *why) {
    PromptTemplate chat;
    Error err = {""};
    bool found;
    put_file("chat_template.jinja", template);
    assert_false(chat_load(&chat, dir, &found, &err));
    size_t n = strlen(err.text);
    if (!strstr(err.text, why)) fail_msg("wanted \"%s\", got \"%s\"", why, err.text);
    // the whole line of Python
    assert_non_null(strstr(err.text, "--prompt-template ./chat.txt, which this line writes: python3 -c \"from "));
    assert_true(n > 20 && strcmp(err.text + n - 10, "+chr(10))\"") == 0);
}

static void refuses_with_a_way_out(void **state) {
    (void)state;
    assert_refused("{{ messages | tojson }}", "cannot be executed: the filter tojson");
    assert_refused("{{ 'hello' }}", "does not print the user's message");
    assert_refused("{{ messages[-1].content | upper }}", "does not print the user's message");
    put_file("chat_template.jinja", NULL);
}

// The template is in tokenizer_config.json, as text or in a list of named ones, or in chat_template.jinja, which wins.
static void finds_the_template(void **state) {
    (void)state;
    PromptTemplate chat;
    Error err = {""};
    bool found = true;
    assert_true(chat_load(&chat, dir, &found, &err) && !found);
    put_file("tokenizer_config.json", "{\"chat_template\":null}");
    assert_true(chat_load(&chat, dir, &found, &err) && !found);
    put_file("tokenizer_config.json", "{\"chat_template\":\"{{ x.y }}\"}");
    assert_false(chat_load(&chat, dir, &found, &err));
    put_file("tokenizer_config.json",
             "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"{{ x.y }}\"},"
             "{\"name\":\"default\",\"template\":\"{{ bos_token }}" TURNS "{{ eos_token }}\"}],"
             "\"bos_token\":{\"content\":\"<b>\"},\"eos_token\":\"<e>\"}");
    assert_true(chat_load(&chat, dir, &found, &err) && found && chat.chat && !chat.no_system);
    char *text = prompt_template_render(&chat, "q", &err);
    assert_string_equal(text, "<b><system>" BOXED "<user>q<e>");
    free(text);
    assert_prompt("{{ 'file' }}" TURNS, "q", "file<system>" BOXED "<user>q");
    put_file("tokenizer_config.json", "{");
    assert_false(chat_load(&chat, dir, &found, &err));
    put_file("tokenizer_config.json", NULL);
    put_file("chat_template.jinja", NULL);
}

static int make_folder(void **state) { return (void)state, mkdtemp(dir) ? 0 : -1; }
static int remove_folder(void **state) { return (void)state, rmdir(dir); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(renders_as_jinja),
                                       cmocka_unit_test(refuses_what_it_does_not_know), cmocka_unit_test(asks),
                                       cmocka_unit_test(refuses_with_a_way_out), cmocka_unit_test(finds_the_template)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
