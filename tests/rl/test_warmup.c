// Warm-up examples use the prompt template of reinforcement learning, and end with an end-of-sequence token.
#include "rl/step.h"
#include "tests/rl/small_trainer.h"

// One step of warm-up; `eos`, unless -1, becomes the model's only end-of-sequence token. Leaves the trainer open.
static void warm_up(Trainer *t, char folder[64], const char *template, int eos) {
    char path[100];
    new_folder(folder);
    snprintf(path, sizeof path, "%s/template.txt", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%s\n", template) > 0 && fclose(file) == 0);
    const char *const extra[] = {"--sft-steps", "2", "--sft-batch", "8", "--prompt-template", path, NULL};
    small_trainer(t, folder, extra);
    if (eos >= 0) t->gpt->config.eos[0] = eos;
    StepMetrics m = metrics_empty("sft", 1, 2);
    warmup_step(t, &m);
}

static void examples_are_asked_by_the_template(void **state) {
    (void)state;
    Trainer t;
    char folder[64];
    warm_up(&t, folder, "xx{question}", -1);
    int x = tokenizer_id(t.tokenizer, "x"), newline = tokenizer_id(t.tokenizer, "\n");
    assert_true(t.train.prompts[0].tokens[0] == x && t.train.prompts[0].tokens[1] == x);
    for (int j = 0; j < 8; j++) {
        const TrainSequence *s = &t.sequences[j];
        assert_true(s->prompt[0] == x && s->prompt[1] == x && s->prompt[2] != x);
        for (int i = 0; i < s->n; i++) assert_int_equal(s->tokens[i] == newline, i == s->n - 1); // only the last
    }
    small_trainer_close(&t);
    remove_tree(folder);
}

static void another_eos_is_taught(void **state) {
    (void)state;
    Trainer t;
    char folder[64];
    enum { EOS = 0 };
    warm_up(&t, folder, "{question}", EOS);
    int newline = tokenizer_id(t.tokenizer, "\n");
    assert_int_not_equal(newline, EOS);
    for (int j = 0; j < 8; j++) {
        const TrainSequence *s = &t.sequences[j];
        assert_true(s->n >= 3 && s->tokens[s->n - 1] == EOS && s->tokens[s->n - 2] == newline);
    }
    small_trainer_close(&t);
    remove_tree(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_asked_by_the_template),
        cmocka_unit_test(another_eos_is_taught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
