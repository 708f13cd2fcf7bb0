// rl/prompts: which template is chosen, what is tokenized, and what is left out for its length.
#include "rl/data.h"
#include "rl/prompts.h"
#include "model/tokenizer/decode.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

static char folder[100];

static int make_folder(void **state) {
    (void)state;
    Error err;
    strcpy(folder, P_tmpdir "/test_prompts_XXXXXX");
    return mkdtemp(folder) && tokenizer_write_characters(folder, "0123456789+= Q:A\n", NULL, 0, &err) ? 0 : -1;
}

static void put(const char *name, const char *text) { // NULL removes it
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!text) return (void)unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const files[] = {"tokenizer.json", "tokenizer_config.json", PROMPT_FILE, "chat_template.jinja"};
    for (int i = 0; i < 4; i++) put(files[i], NULL);
    return rmdir(folder);
}

static const char chat_ml[] = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
                              "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
                              "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

static const char *chosen(const char *asked, bool tasks) {
    static PromptTemplate template;
    Error err;
    if (!data_choose_template(&template, asked, folder, tasks, &err)) fail_msg("%s", err.text);
    return template.text;
}

static void test_choice(void **state) {
    (void)state;
    PromptTemplate template;
    Error err;
    assert_string_equal(chosen("", true), "{question}");
    assert_non_null(strstr(chosen("", false), "Question: {question}\n")); // a base model: data/prompts/plain.txt
    put("chat_template.jinja", chat_ml);
    assert_string_equal(chosen("", false),
                        "<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}."
                        "<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n");
    assert_string_equal(chosen("", true), "{question}");
    put(PROMPT_FILE, "Q:{question}A\n"); // what it was trained with precedes its chat template
    assert_string_equal(chosen("", false), "Q:{question}A");
    assert_string_equal(chosen("verbatim", false), "{question}"); // and --prompt-template precedes both
    put(PROMPT_FILE, NULL);
    put("chat_template.jinja", "{{ something_else(messages) }}");
    assert_false(data_choose_template(&template, "", folder, false, &err));
    assert_non_null(strstr(err.text, "--prompt-template"));
    assert_string_equal(chosen("verbatim", false), "{question}"); // the remedy
    put("chat_template.jinja", NULL);
}

static PromptSet set_of(int count, const char *const *questions) {
    PromptSet set = {0};
    for (int i = 0; i < count; i++) assert_true(problems_add(&set.problems, questions[i], "1", NULL, i + 1));
    return set;
}

static void test_tokens_and_length(void **state) {
    (void)state;
    Error err = {0};
    Tokenizer *tokenizer = tokenizer_load(folder, &err);
    if (!tokenizer) fail_msg("%s", err.text);
    PromptTemplate template;
    assert_true(prompt_template_parse(&template, "t", "Q:{question}A", 13, &err));
    static const char *const questions[] = {"1+1=", "1+1+1+1+1=", "22=", "2+2+2+2+2=\n", "3"};
    PromptSet set = set_of(5, questions);
    char text[500] = {0};
    FILE *notes = fmemopen(text, sizeof text, "w");
    assert_true(prompts_tokenize(&set, tokenizer, &template, 7, notes, &err));
    fclose(notes);
    static const char *const kept[] = {"1+1=", "22=", "3"};
    assert_int_equal(set.problems.count, 3);
    assert_int_equal(set.longest, 7);
    for (int i = 0; i < 3; i++) { // in their order, each prompt with its own problem
        assert_string_equal(set.problems.items[i].prompt, kept[i]);
        assert_true(set.prompts[i].id == set.problems.items[i].id && set.prompts[i].problem == i);
        assert_int_equal(set.prompts[i].n, strlen(kept[i]) + 3);
        char *back = tokenizer_decode(tokenizer, set.prompts[i].tokens, set.prompts[i].n, NULL, &err), want[20];
        snprintf(want, sizeof want, "Q:%sA", kept[i]);
        assert_string_equal(back, want);
        free(back);
    }
    assert_string_equal(text, "prompts of more than 7 tokens (--max-prompt) are left out:\n"
                              "  line 2, 13 tokens: 1+1+1+1+1= ...\n  line 4, 14 tokens: 2+2+2+2+2= ...\n");
    prompts_free(&set);
    set = set_of(2, (const char *const[]){"1+1=", "x"}); // a character that the vocabulary lacks
    assert_false(prompts_tokenize(&set, tokenizer, &template, 0, NULL, &err));
    assert_non_null(strstr(err.text, "problem at line 2"));
    prompts_free(&set);
    set = set_of(2, (const char *const[]){"1+1=", "2"});
    assert_false(prompts_tokenize(&set, tokenizer, &template, 3, NULL, &err));
    assert_non_null(strstr(err.text, "all 2 prompts have more than 3 tokens"));
    prompts_free(&set);
    tokenizer_free(tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_tokens_and_length),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
