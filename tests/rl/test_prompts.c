// rl/prompts: which template is chosen, what is tokenized, and what is left out for its length.
#include "base/files.h"
#include "rl/data.h"
#include "rl/prompts.h"
#include "model/tokenizer/decode.h"
#include "model/tokenizer/file.h"
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
    static char text[1000];
    Error err;
    if (!data_choose_template(&template, asked, "", folder, tasks, &err)) fail_msg("%s", err.text);
    char *rendered = prompt_template_render(&template, "{question}", &err);
    snprintf(text, sizeof text, "%s", rendered);
    free(rendered);
    return text;
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
    assert_false(data_choose_template(&template, "", "", folder, false, &err));
    assert_non_null(strstr(err.text, "--prompt-template"));
    assert_string_equal(chosen("verbatim", false), "{question}"); // the remedy
    put("chat_template.jinja", NULL);
    assert_true(data_choose_template(&template, "gsm8k", "END", folder, false, &err));
    assert_int_equal(template.stops, 2); // the template's, and --stop
    assert_string_equal(template.stop[0], "\nQuestion:");
    assert_string_equal(template.stop[1], "END");
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
    assert_true(prompts_tokenize(&set, tokenizer, &template, 7, true, notes, &err));
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
    assert_string_equal(text, "prompts that are left out:\n"
                              "  line 2, 13 tokens, more than --max-prompt 7: 1+1+1+1+1= ...\n"
                              "  line 4, 14 tokens, more than --max-prompt 7: 2+2+2+2+2= ...\n");
    prompts_free(&set);
    set = set_of(2, (const char *const[]){"1+1=", "x"}); // a character that the vocabulary lacks
    assert_false(prompts_tokenize(&set, tokenizer, &template, 0, true, NULL, &err));
    assert_string_equal(err.text, "problem at line 2: the vocabulary lacks the byte 0x78 'x' (at byte 2 of the text)");
    prompts_free(&set);
    set = set_of(2, (const char *const[]){"1+1=", "2"});
    assert_false(prompts_tokenize(&set, tokenizer, &template, 3, true, NULL, &err));
    assert_non_null(strstr(err.text, "all 2 prompts are left out; the first has 7 tokens, more than --max-prompt 3"));
    prompts_free(&set);
    tokenizer_free(tokenizer);
}

// Without --bad-rows refuse, what cannot be tokenized is left out and listed; not so a prompt of a task.
static void test_what_cannot_be_tokenized(void **state) {
    (void)state;
    Error err = {0};
    Tokenizer *tokenizer = tokenizer_load(folder, &err);
    PromptTemplate template = prompt_template_verbatim();
    PromptSet set = set_of(3, (const char *const[]){"1+1=", "2+x=", "3"});
    char text[500] = {0};
    FILE *notes = fmemopen(text, sizeof text, "w");
    assert_true(prompts_tokenize(&set, tokenizer, &template, 0, false, notes, &err));
    fclose(notes);
    assert_int_equal(set.problems.count, 2);
    assert_string_equal(set.problems.items[1].prompt, "3");
    assert_string_equal(text, "prompts that are left out:\n"
                              "  line 2, the vocabulary lacks the byte 0x78 'x' (at byte 2 of the text): 2+x= ...\n");
    prompts_free(&set);
    TaskProblem task = {.prompt = "c1+1="};
    assert_true(problems_add(&set.problems, "c1+1=", "2", &task, 0));
    assert_false(prompts_tokenize(&set, tokenizer, &template, 0, false, NULL, &err));
    assert_string_equal(err.text,
                        "the task's prompt c1+1=: the vocabulary lacks the byte 0x63 'c' (at byte 0 of the text)");
    prompts_free(&set);
    tokenizer_free(tokenizer);
}

// A tokenizer that puts a token before every text: the prompt begins with it, once; a chat template prints its own.
static void test_first_token(void **state) {
    (void)state;
    static const char post_processor[] =
        "{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"},{\"type\":\"TemplateProcessing\",\"single\":["
        "{\"SpecialToken\":{\"id\":\"Q\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],"
        "\"special_tokens\":{\"Q\":{\"id\":\"Q\",\"ids\":[13],\"tokens\":[\"Q\"]}}}]}";
    char path[200], *text, *at, *with;
    size_t n;
    Error err = {0};
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    text = file_read(path, 1 << 20, &n, &err);
    assert_non_null(at = strstr(text, "\"post_processor\":"));
    at += strlen("\"post_processor\":");
    at += strspn(at, " \t");
    assert_int_equal(strncmp(at, "null", 4), 0);
    with = malloc(n + sizeof post_processor);
    sprintf(with, "%.*s%s%s", (int)(at - text), text, post_processor, at + 4);
    char other[] = P_tmpdir "/test_first_XXXXXX";
    assert_non_null(mkdtemp(other));
    snprintf(path, sizeof path, "%s/tokenizer.json", other);
    assert_true(file_replace(path, with, strlen(with), &err));
    Tokenizer *tokenizer = tokenizer_load(other, &err);
    if (!tokenizer) fail_msg("%s", err.text);
    assert_int_equal(tokenizer_first(tokenizer), 13);
    bool complete = false;
    int tokens[8];
    assert_int_equal(tokenizer_encode_prompt(tokenizer, "12", 2, complete, tokens, 8, &err), 3);
    assert_memory_equal(tokens, ((int[]){13, 1, 2}), 3 * sizeof(int));
    assert_int_equal(tokenizer_encode_prompt(tokenizer, "Q12", 3, complete, tokens, 8, &err), 3); // it is there
    assert_memory_equal(tokens, ((int[]){13, 1, 2}), 3 * sizeof(int));
    assert_int_equal(tokenizer_encode_prompt(tokenizer, "12", 2, complete, tokens, 2, &err), -1);
    complete = true;
    assert_int_equal(tokenizer_encode_prompt(tokenizer, "12", 2, complete, tokens, 8, &err), 2);
    tokenizer_free(tokenizer);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", other); // it overrules the post-processor
    assert_true(file_replace(path, "{\"add_bos_token\":false}", 23, &err));
    assert_int_equal(tokenizer_first(tokenizer = tokenizer_load(other, &err)), -1);
    tokenizer_free(tokenizer);
    static const char config[] = "{\"add_bos_token\":true,\"bos_token\":\"A\",\"eos_token\":\"\u010a\"}";
    assert_true(file_replace(path, config, sizeof config - 1, &err));
    tokenizer = tokenizer_load(other, &err);
    assert_int_equal(tokenizer_first(tokenizer), tokenizer_id(tokenizer, "A"));
    assert_int_equal(tokenizer_eos(tokenizer), tokenizer_id(tokenizer, "\n"));
    unlink(path);
    snprintf(path, sizeof path, "%s/tokenizer.json", other);
    unlink(path);
    assert_int_equal(rmdir(other), 0);
    free(text);
    free(with);
    tokenizer_free(tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_tokens_and_length),
        cmocka_unit_test(test_what_cannot_be_tokenized),
        cmocka_unit_test(test_first_token),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
