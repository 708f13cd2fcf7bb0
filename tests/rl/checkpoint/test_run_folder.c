// rl/run_folder: one process at a time; no run is overwritten unasked; nothing foreign, and nothing behind a link, is
// deleted; what a killed run left half-done is completed or removed.
#include "rl/checkpoint/run_folder.h"
#include "tests/rl/small_trainer.h"
#include <signal.h>
#include <sys/stat.h>

static char place[64];

static const char *at(const char *name) {
    static char paths[4][200];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, 200, "%s/%s", place, name);
    return path;
}
static void put(const char *name) {
    FILE *file = fopen(at(name), "w");
    assert_true(file && fputs("x", file) >= 0 && fclose(file) == 0);
}
static bool there(const char *name) {
    struct stat info;
    return lstat(at(name), &info) == 0;
}

// Whether OUT opens under these flags; if not, the message has `word`.
static bool opens(const char *out, const char *word, const char *const *extra) {
    Error err = {""};
    FILE *lock = NULL;
    TrainConfig config = small_config(out, extra);
    bool ok = run_folder_open(&config, &lock, &err);
    if (ok && config.overwrite && !run_folder_clear(&config, &err)) ok = false;
    if (lock) fclose(lock);
    if (!ok && !strstr(err.text, word)) fail_msg("refused with \"%s\"; \"%s\" was expected", err.text, word);
    return ok;
}

static const char *const resume[] = {"--resume", NULL}, *const overwrite[] = {"--overwrite", NULL};

static int open_place(void **state) {
    (void)state;
    new_folder(place);
    return 0;
}
static int close_place(void **state) {
    (void)state;
    remove_tree(place); // follows no link
    return 0;
}

static void test_used_folders(void **state) {
    (void)state;
    const char *const marks[] = {"metrics.jsonl", "rollouts.jsonl"}, *const dirs[] = {"model", "checkpoints"};
    const char *const both[] = {"--resume", "--overwrite", NULL};
    assert_true(opens(place, "", NULL) && opens(place, "", resume) && opens(place, "", overwrite));
    assert_false(opens(place, "exclude each other", both));
    assert_false(opens(at("none"), "--resume: ", resume));
    assert_false(there("none"));
    for (int i = 0; i < 2; i++) {
        put(marks[i]), put("mine.txt");
        assert_false(opens(place, marks[i], NULL));
        assert_true(there(marks[i]) && opens(place, "", resume) && there(marks[i]));
        assert_true(opens(place, "", overwrite) && !there(marks[i]) && there("mine.txt"));
        mkdir(at(dirs[i]), 0777);
        assert_false(opens(place, dirs[i], NULL));
        assert_true(opens(place, "", overwrite) && !there(dirs[i]));
    }
}

static void test_overwrite_removes_only_its_own(void **state) {
    (void)state;
    mkdir(at("model"), 0777), mkdir(at("checkpoints"), 0777);
    mkdir(at("checkpoints/step-0000003"), 0777), mkdir(at("checkpoints/step-3"), 0777);
    put("model/config.json"), put("model/model.safetensors.tmp"), put("checkpoints/step-0000003/manifest.json");
    put("checkpoints/step-3/manifest.json"), put("report.html"), put("checkpoints/notes");
    assert_true(opens(place, "", overwrite));
    assert_true(!there("model") && !there("checkpoints/step-0000003") && !there("report.html"));
    assert_true(there("checkpoints/step-3/manifest.json") && there("checkpoints/notes"));
    mkdir(at("checkpoints/step-0000004"), 0777), put("checkpoints/step-0000004/notes");
    assert_false(opens(place, "step-0000004: holds files that are not ours", overwrite));
    assert_true(there("checkpoints/step-0000004/notes"));
}

// Nothing behind a link is removed, whatever is a link and in whatever way the run is started.
static void test_links_are_not_followed(void **state) {
    (void)state;
    const char *const names[] = {"out/model", "out/checkpoints", "out/tokenizer", "out/metrics.jsonl",
                                 "out/rollouts.jsonl", "out/report.html", "out/checkpoints/step-0000003",
                                 "out/checkpoints/step-0000003.tmp", "out/checkpoints/step-0000003.old",
                                 "out/model.tmp", "out/model.old"};
    const char *const *const starts[] = {NULL, resume, overwrite};
    mkdir(at("out"), 0777), mkdir(at("precious"), 0777), put("precious/config.json"), put("file");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int start = 0; start < 3; start++)
            for (int dangling = 0; dangling < 2; dangling++) {
                bool inner = strstr(names[i], "checkpoints/");
                if (inner) mkdir(at("out/checkpoints"), 0777);
                const char *target = strstr(names[i], "jsonl") || strstr(names[i], "html") ? "file" : "precious";
                assert_int_equal(symlink(dangling ? "/nonexistent" : at(target), at(names[i])), 0);
                if (opens(at("out"), "", starts[start])) fail_msg("%s, start %d", names[i], start);
                assert_true(there("precious/config.json") && there("file") && there(names[i]));
                remove(at(names[i]));
                if (inner) remove(at("out/checkpoints"));
            }
    assert_int_equal(symlink(at("precious"), at("link")), 0); // OUT itself may be a link
    assert_true(opens(at("link"), "", NULL));
    Error err = {""};
    assert_false(run_folder_remove(at("link"), &err));
    assert_true(there("link") && there("precious/config.json"));
    mkdir(at("out/model"), 0777); // a link inside a folder of ours
    assert_int_equal(symlink(at("precious/config.json"), at("out/model/config.json")), 0);
    assert_false(opens(at("out"), "holds files that are not ours", overwrite));
    assert_true(there("precious/config.json") && there("out/model/config.json"));
}

static void test_not_of_our_kind(void **state) {
    (void)state;
    const char *const names[] = {"model", "checkpoints", "tokenizer", "metrics.jsonl", "rollouts.jsonl", "report.html"};
    for (int i = 0; i < 6; i++) {
        if (i < 3) mkfifo(at(names[i]), 0666);
        else mkdir(at(names[i]), 0777);
        for (int start = 0; start < 2; start++) assert_false(opens(place, "move it away", start ? overwrite : resume));
        remove(at(names[i]));
        if (i < 3) put(names[i]);
        else mkfifo(at(names[i]), 0666);
        assert_false(opens(place, "move it away", overwrite));
        remove(at(names[i]));
    }
    mkdir(at("checkpoints"), 0777), put("checkpoints/step-0000002");
    Error err = {""};
    int *steps;
    assert_int_equal(run_folder_steps(place, &steps, &err), -1);
    free(steps);
    assert_false(opens(place, "cannot be listed", overwrite));
}

// An input is never an output.
static void test_inputs_are_not_outputs(void **state) {
    (void)state;
    char model[200], data[300], list_of[700], text[200], linked[200];
    mkdir(at("out"), 0777), mkdir(at("out/model"), 0777), put("out/model/config.json"), put("out/rollouts.jsonl");
    snprintf(model, sizeof model, "%s", at("out/model")), snprintf(data, sizeof data, "%s", at("out/rollouts.jsonl"));
    snprintf(list_of, sizeof list_of, "gsm8k,%s:question=prompt,answer=gold", data);
    snprintf(text, sizeof text, "%s", at("out/model/prompt_template.txt")), put("out/model/prompt_template.txt");
    assert_int_equal(symlink(model, at("link")), 0);
    snprintf(linked, sizeof linked, "%s", at("link"));
    const char *const cases[][4] = {{"--overwrite", "--model", model, NULL}, {"--overwrite", "--model", linked, NULL},
                                    {"--overwrite", "--data", data, NULL}, {"--overwrite", "--data", list_of, NULL},
                                    {"--overwrite", "--prompt-template", text, NULL},
                                    {"--resume", "--model", model, NULL}, {"--overwrite", "--model", place, NULL}};
    for (int i = 0; i < 7; i++) assert_false(opens(i < 6 ? at("out") : place, "choose another --out", cases[i]));
    assert_true(there("out/model/config.json") && there("out/rollouts.jsonl"));
}

// What a killed run leaves half-done is completed or removed when the next one starts.
static void test_tidies_up(void **state) {
    (void)state;
    mkdir(at("checkpoints"), 0777), put("metrics.jsonl");
    const char *const made[] = {"model.tmp", "model.old", "checkpoints/step-0000001.tmp",
                                "checkpoints/step-0000002.old", "checkpoints/step-0000003",
                                "checkpoints/step-0000003.old"};
    for (int i = 0; i < 6; i++) {
        char path[100];
        mkdir(at(made[i]), 0777);
        snprintf(path, sizeof path, "%s/config.json", made[i]);
        put(path);
    }
    assert_true(opens(place, "", resume));
    assert_true(there("model/config.json") && !there("model.tmp") && !there("model.old"));
    assert_true(!there("checkpoints/step-0000001.tmp") && !there("checkpoints/step-0000003.old"));
    assert_true(there("checkpoints/step-0000002/config.json") && there("checkpoints/step-0000003/config.json"));
    mkdir(at("model.old"), 0777), put("model.old/notes");
    assert_false(opens(place, "model.old: holds files that are not ours", resume));
    assert_true(there("model.old/notes"));
}

static void test_lists_by_number(void **state) {
    (void)state;
    Error err = {""};
    int *steps;
    const char *const names[] = {"step-0000012", "step-0000007", "step-12345678", "step-7", "step-00000007",
                                 "step-0000007x", "step--000001", "step-", "step-0000009.tmp", "notes"};
    assert_int_equal(run_folder_steps(place, &steps, &err), 0);
    mkdir(at("checkpoints"), 0777);
    for (int i = 0; i < 10; i++) {
        char path[100];
        snprintf(path, sizeof path, "checkpoints/%s", names[i]);
        mkdir(at(path), 0777);
    }
    assert_int_equal(run_folder_steps(place, &steps, &err), 3);
    assert_true(steps[0] == 7 && steps[1] == 12 && steps[2] == 12345678);
    free(steps);
}

// A second process is refused while the first lives, and not afterwards, however the first ended.
static void test_lock(void **state) {
    (void)state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        FILE *lock = NULL;
        Error err = {""};
        TrainConfig config = small_config(place, NULL);
        bool ok = run_folder_open(&config, &lock, &err);
        if (write(ready[1], ok ? "y" : "n", 1) == 1) pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    char word[60];
    snprintf(word, sizeof word, "is in use by process %ld", (long)child);
    assert_false(opens(place, word, NULL));
    assert_false(opens(place, word, resume));
    assert_false(opens(place, word, overwrite));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(opens(place, "", NULL) && opens(place, "", NULL));
    close(ready[0]), close(ready[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_used_folders, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_overwrite_removes_only_its_own, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_links_are_not_followed, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_not_of_our_kind, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_inputs_are_not_outputs, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_tidies_up, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_lists_by_number, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_lock, open_place, close_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
