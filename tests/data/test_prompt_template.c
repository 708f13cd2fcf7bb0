// Prompt templates: what is accepted, what comes out, and that saving loses nothing.
#include "data/prompt_template.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_rendered(const PromptTemplate *template, const char *question, const char *want) {
    char *text = prompt_template_render(template, question, NULL);
    assert_string_equal(text, want);
    free(text);
}

static PromptTemplate parsed(const char *text) {
    PromptTemplate template;
    Error err;
    if (!prompt_template_parse(&template, "test", text, strlen(text), &err)) fail_msg("%s", err.text);
    return template;
}

static void test_render(void **state) {
    (void)state;
    PromptTemplate template = prompt_template_verbatim();
    assert_rendered(&template, "c7+5=", "c7+5=");
    template = parsed("Q: {question}\nA:");
    assert_rendered(&template, "1+1?", "Q: 1+1?\nA:");
    assert_rendered(&template, "", "Q: \nA:");
    assert_rendered(&template, "%s {question} \\boxed{}", "Q: %s {question} \\boxed{}\nA:"); // a question is only text
    template = parsed("{question}");
    assert_rendered(&template, "q", "q");
    template = parsed("{{question}}");
    assert_rendered(&template, "q", "{q}");
    template = parsed("Q: {question}\nA:"); // a conversation
    assert_rendered(&template, "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\\nb\"}]",
                    "Q: s\n\na\nb\nA:");
    assert_rendered(&template, "[{\"role\":\"user\"}]", "Q: [{\"role\":\"user\"}]\nA:"); // not one
}

static void test_stops(void **state) {
    (void)state;
    PromptTemplate template = parsed("Q: {question}\nA:\n{stop}\\nQ:\n{stop}\\t\\\\n end");
    Error err = {""};
    assert_string_equal(template.text, "Q: {question}\nA:");
    assert_int_equal(template.stops, 2);
    assert_string_equal(template.stop[0], "\t\\n end"); // the last line first
    assert_string_equal(template.stop[1], "\nQ:");
    assert_true(prompt_template_stop(&template, "\\n\\n", &err));
    assert_string_equal(template.stop[2], "\n\n");
    assert_false(prompt_template_stop(&template, "", &err));
    assert_false(
        prompt_template_stop(&template, "12345678901234567890123456789012345678901234567890123456789012345", &err));
    assert_int_equal(template.stops, 3);
    while (template.stops < PROMPT_STOPS) assert_true(prompt_template_stop(&template, "x", &err));
    assert_false(prompt_template_stop(&template, "x", &err));
    template = parsed("{question} {stop}x\n{stop} y {question"); // in the text it is text, not at the end of it
    assert_int_equal(template.stops, 1);
    static const char none[] = "{question}\n{stop}";
    assert_false(prompt_template_parse(&template, "name", none, strlen(none), &err));
    assert_non_null(strstr(err.text, "name: a text that ends a response"));
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *why;
    } bad[] = {{"", 0, "no {question}"},
               {"{Question} {question", 20, "no {question}"},
               {"{question}{question}", 20, "twice"},
               {"{question}\0", 11, "NUL"}};
    PromptTemplate template;
    Error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(prompt_template_parse(&template, "name", bad[i].text, bad[i].size, &err));
        assert_non_null(strstr(err.text, bad[i].why));
        assert_non_null(strstr(err.text, "name"));
    }
    char large[PROMPT_TEMPLATE_MAX + 10];
    memset(large, 'x', sizeof large);
    memcpy(large, PROMPT_SLOT, strlen(PROMPT_SLOT));
    assert_false(prompt_template_parse(&template, "name", large, PROMPT_TEMPLATE_MAX, &err));
    assert_true(prompt_template_parse(&template, "name", large, PROMPT_TEMPLATE_MAX - 1, &err));
    assert_false(prompt_template_load(&template, "no-such-template", &err));
    assert_non_null(strstr(err.text, "data/prompts/no-such-template.txt"));
    assert_false(prompt_template_load(&template, "./no-such-file", &err));
    assert_non_null(strstr(err.text, "./no-such-file: No such file"));
    assert_false(prompt_template_load(&template, "/", &err)); // a folder
}

static void test_saved_and_read_back(void **state) {
    (void)state;
    static const char *const texts[] = {"Q: {question}\nA:",
                                        "{question}\n",
                                        "\n\n{question}\n\n",
                                        "\r\n{question}",
                                        " {question} ",
                                        "{question}\n{stop}Q:",
                                        "{question}\n\n{stop}\\n\\\\\n{stop}b"};
    char dir[] = P_tmpdir "/test_prompt_XXXXXX", path[100];
    Error err = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/" PROMPT_FILE, dir);
    PromptTemplate verbatim = prompt_template_verbatim(), back;
    assert_true(prompt_template_save(&verbatim, dir, &err));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_true(prompt_template_same(&verbatim, dir, &err));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        PromptTemplate template = parsed(texts[i]);
        assert_false(prompt_template_same(&template, dir, &err)); // what was there before
        assert_non_null(strstr(err.text, "another prompt template"));
        assert_true(prompt_template_save(&template, dir, &err));
        assert_true(prompt_template_load(&back, path, &err));
        assert_string_equal(back.text, template.text);
        assert_int_equal(back.stops, template.stops);
        assert_memory_equal(back.stop, template.stop, sizeof back.stop);
        assert_true(prompt_template_same(&template, dir, &err));
        assert_false(prompt_template_same(&verbatim, dir, &err));
    }
    unlink(path);
    rmdir(dir);
    assert_false(prompt_template_save(&back, dir, &err));
}

// Those that come with the program (the tests run in the root of the project).
static void test_shipped(void **state) {
    (void)state;
    PromptTemplate template;
    Error err;
    assert_true(prompt_template_load(&template, "qwen-math", &err));
    assert_rendered(&template, "1+1?", "<|im_start|>system\n"
        "Please reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n"
        "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n");
    assert_true(prompt_template_load(&template, "plain", &err));
    assert_rendered(&template, "1+1?",
                    "Question: 1+1?\nReason step by step, and put the final answer within \\boxed{}.\nAnswer:");
    assert_true(prompt_template_load(&template, "gsm8k", &err));
    assert_rendered(&template, "1+1?", "Question: 1+1?\n"
                    "Reason step by step, and end with a line that holds #### and the number.\nAnswer:");
    assert_true(prompt_template_load(&template, "gsm8k-4shot", &err));
    assert_string_equal(template.text + template.slot, PROMPT_SLOT "\nAnswer:");
    assert_int_equal(template.stops, 1);
    assert_string_equal(template.stop[0], "\nQuestion:");
    assert_true(prompt_template_load(&template, "verbatim", &err));
    assert_rendered(&template, "1+1?", "1+1?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_render),  cmocka_unit_test(test_stops),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_saved_and_read_back),
        cmocka_unit_test(test_shipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
