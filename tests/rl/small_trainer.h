// A whole trainer with a model of a few thousand parameters, opened as in train.c, in a folder given by the test.
#ifndef TESTS_RL_SMALL_TRAINER_H
#define TESTS_RL_SMALL_TRAINER_H
#include "rl/trainer.h"
#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { EXTRA_FLAGS = 16 };

static inline void remove_tree(const char *path) {
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        size_t size = strlen(path) + strlen(entry->d_name) + 2;
        char *inside = malloc(size);
        snprintf(inside, size, "%s/%s", path, entry->d_name);
        remove_tree(inside);
        free(inside);
    }
    if (dir) closedir(dir);
    remove(path);
}

// A new folder; the caller removes it with remove_tree.
static inline void new_folder(char folder[64]) {
    snprintf(folder, 64, "%s/dynamo-test-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(folder));
}

// extra: further flags, NULL at the end, which override these.
static inline TrainConfig small_config(const char *folder, const char *const *extra) {
    const char *argv[64] = {"train", "--out", folder, "--data", "task:add@1,gcd@1", "--problems", "48",
                            "--heldout", "8", "--layers", "1", "--channels", "16", "--heads", "2", "--kv-heads", "1",
                            "--ffn", "24", "--prompts", "7", "--rollouts", "4", "--rollouts-low", "2",
                            "--rollouts-high", "6", "--max-tokens", "12", "--threads", "1", "--explore", "2",
                            "--steps", "4", "--slots", "5"};
    int argc = 0;
    while (argv[argc]) argc++;
    for (int i = 0; extra && extra[i]; i++) argv[argc++] = extra[i];
    TrainConfig config;
    Error err = {""};
    if (!train_config_parse(&config, argc, (char **)argv, &err)) fail_msg("%s", err.text);
    return config;
}

static inline void small_trainer(Trainer *t, const char *folder, const char *const *extra) {
    TrainConfig config = small_config(folder, extra);
    Error err = {""};
    Comm *comm = comm_open(NULL, NULL, &err);
    if (!comm || !trainer_open(t, &config, comm, &err)) fail_msg("%s", err.text);
}

static inline void small_trainer_close(Trainer *t) {
    Comm *comm = t->comm;
    trainer_close(t);
    comm_close(comm);
}

// Runs `act` in a child process (single-threaded, because OpenMP's threads do not survive a fork). True if it was
// refused: exit status 1 and `word` in the message.
static inline bool refused(void (*act)(void *), void *context, const char *word) {
    char message[1024] = "";
    int channel[2], status = 0;
    assert_int_equal(pipe(channel), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(channel[1], STDERR_FILENO);
        close(channel[0]);
        act(context);
        _exit(0);
    }
    close(channel[1]);
    for (size_t n = 0; n + 1 < sizeof message;) {
        ssize_t got = read(channel[0], message + n, sizeof message - 1 - n);
        if (got <= 0) break;
        n += (size_t)got;
    }
    close(channel[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1 && strstr(message, word);
}

#endif
