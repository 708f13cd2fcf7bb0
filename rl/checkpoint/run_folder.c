// Optional (checkpoints).
#include "rl/checkpoint/run_folder.h"
#include "base/files.h"
#include "data/sets.h"
#include "model/files/config_file.h"
#include "rl/report/tensorboard.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDERS = 4, FILES = 4 };
static const char *const folders[FOLDERS] = {"model", "checkpoints", "tokenizer", "tb"};
static const char *const files[FILES] = {"metrics.jsonl", "rollouts.jsonl", "report.html", "run.json"};
static const char *const contents[] = { // of a model, a checkpoint, a tokenizer or tb
    "config.json",           "generation_config.json",  "model.safetensors",   "tokenizer.json",
    "vocab.json",            "encoder.json",            "merges.txt",          "vocab.bpe",
    "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "prompt_template.txt",
    "trainer.safetensors",   "manifest.json",          TENSORBOARD_FILE};

// ---- Removing ------------------------------------------------------------------------------------------------------
bool run_folder_remove(const char *path, Error *err) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return true;
    if (fd < 0) return fail(err, "%s: not a folder of this program, so it is not removed: %s", path, strerror(errno));
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
        for (int temporary = 0; temporary < 2; temporary++) {
            struct stat info;
            char name[64];
            snprintf(name, sizeof name, "%s%s", contents[i], temporary ? ".tmp" : "");
            if (fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode)) unlinkat(fd, name, 0);
        }
    close(fd);
    if (rmdir(path) == 0) return true;
    bool foreign = errno == ENOTEMPTY || errno == EEXIST;
    return fail(err, "%s: %s", path, foreign ? "holds files that are not ours: move them away" : strerror(errno));
}

// The step of a name such as step-0000050, and what follows it ("", ".tmp", ".old"); -1: another name.
static int step_of(const char *name, const char **rest) {
    int step = -1, end = 0;
    char own[32];
    if (sscanf(name, "step-%9d%n", &step, &end) != 1) return -1;
    snprintf(own, sizeof own, "step-%07d", step);
    *rest = name + end;
    return strncmp(name, own, (size_t)end) == 0 && strlen(own) == (size_t)end ? step : -1;
}

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

// The steps of the checkpoints whose names end in `suffix`.
static int list(const char *out, const char *suffix, int **steps, Error *err) {
    char path[RUN_PATH_SIZE];
    struct stat info;
    int count = 0;
    *steps = NULL;
    snprintf(path, sizeof path, "%s/checkpoints", out);
    DIR *dir = opendir(path);
    if (!dir && errno == ENOENT && lstat(path, &info) != 0 && errno == ENOENT) return 0; // a dangling link is an error
    errno = dir ? 0 : errno;
    for (struct dirent *entry; dir && (entry = readdir(dir)); errno = 0) {
        const char *rest;
        int step = step_of(entry->d_name, &rest);
        if (step < 0 || strcmp(rest, suffix) != 0) continue;
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) break; // errno is set
        if (!S_ISDIR(info.st_mode)) {
            errno = ENOTDIR; // a link among them
            break;
        }
        *steps = realloc(*steps, ((size_t)count + 1) * sizeof **steps);
        REQUIRE(*steps, "out of memory");
        (*steps)[count++] = step;
    }
    if (errno) {
        fail(err, "%s: the checkpoints cannot be listed: %s", path, strerror(errno));
        free(*steps), *steps = NULL, count = -1;
    }
    if (dir) closedir(dir);
    if (count > 0) qsort(*steps, (size_t)count, sizeof **steps, ascending);
    return count;
}

int run_folder_steps(const char *out, int **steps, Error *err) { return list(out, "", steps, err); }

// Replacing and pruning leave two kinds of folders where they are interrupted: NAME.tmp, half-written or half-deleted;
// NAME.old, whole, the only one if NAME is not yet in its place.
static bool tidy(const char *path, Error *err) {
    char temporary[RUN_PATH_SIZE + 40], old[RUN_PATH_SIZE + 40];
    struct stat info;
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    snprintf(old, sizeof old, "%s.old", path);
    if (lstat(path, &info) != 0 && lstat(old, &info) == 0 && S_ISDIR(info.st_mode) && rename(old, path) != 0)
        return fail(err, "%s: %s", old, strerror(errno));
    return run_folder_remove(temporary, err) && run_folder_remove(old, err);
}

// `each`: what happens to NAME, for every checkpoint NAME that ends in `suffix`.
static bool for_checkpoints(const char *out, const char *suffix, bool (*each)(const char *, Error *), Error *err) {
    int *steps, count = list(out, suffix, &steps, err);
    bool ok = count >= 0;
    for (int i = 0; i < count && ok; i++) {
        char path[RUN_PATH_SIZE];
        snprintf(path, sizeof path, "%s/checkpoints/step-%07d", out, steps[i]);
        ok = each(path, err);
    }
    free(steps);
    return ok;
}

bool run_folder_clear(const TrainConfig *c, Error *err) {
    char path[RUN_PATH_SIZE];
    if (!for_checkpoints(c->out, "", run_folder_remove, err)) return false;
    snprintf(path, sizeof path, "%s/checkpoints", c->out);
    if (rmdir(path) != 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
        return fail(err, "%s: %s", path, strerror(errno));
    for (int i = 0; i < FOLDERS; i++) {
        snprintf(path, sizeof path, "%s/%s", c->out, folders[i]);
        bool written = strcmp(folders[i], "tokenizer") == 0 && strcmp(c->model, "tiny") == 0; // by this run
        if (strcmp(folders[i], "checkpoints") != 0 && !written && !run_folder_remove(path, err)) return false;
    }
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", c->out, files[i]);
        if (unlink(path) != 0 && errno != ENOENT) return fail(err, "%s: %s", path, strerror(errno));
    }
    return true;
}

// ---- Opening -------------------------------------------------------------------------------------------------------
static bool lock_folder(const char *out, FILE **lock, Error *err) {
    char path[RUN_PATH_SIZE];
    long process = 0;
    snprintf(path, sizeof path, "%s/.lock", out);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (fd < 0 || !(*lock = fdopen(fd, "r+"))) return fail(err, "%s: %s", path, strerror(errno));
    if (file_lock(fd)) { // the number is for people; the lock is the kernel's
        if (ftruncate(fd, 0) == 0) fprintf(*lock, "%ld\n", (long)getpid()), fflush(*lock);
        return true;
    }
    if (errno != EWOULDBLOCK) { // a file system without locks
        fprintf(stderr, "warning: %s cannot be locked: %s: let no other run use it\n", out, strerror(errno));
        return true;
    }
    if (fscanf(*lock, "%ld", &process) != 1) process = 0;
    fclose(*lock), *lock = NULL;
    return fail(err, "%s is in use by process %ld: wait for it to end, or choose another --out", out, process);
}

// Every name of ours in OUT is free or of its kind.
static bool check_kinds(const char *out, Error *err) {
    for (int i = 0; i < FOLDERS + FILES; i++) {
        char path[RUN_PATH_SIZE];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", out, i < FOLDERS ? folders[i] : files[i - FOLDERS]);
        if (lstat(path, &info) != 0) {
            if (errno != ENOENT) return fail(err, "%s: %s", path, strerror(errno));
            continue;
        }
        if (S_ISLNK(info.st_mode))
            return fail(err, "%s is a symbolic link: remove it (what is behind a link is never deleted)", path);
        if (i < FOLDERS ? !S_ISDIR(info.st_mode) : !S_ISREG(info.st_mode))
            return fail(err, "%s is not a %s: move it away", path, i < FOLDERS ? "folder" : "regular file");
    }
    return true;
}

// An input is neither OUT itself nor one of the files there that a run replaces or deletes.
static bool check_input(const char *input, const char *flag, const char *out, Error *err) {
    if (access(input, F_OK) != 0) return true;
    for (int i = 0; i < FOLDERS + FILES; i++) {
        char path[RUN_PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", out, i < FOLDERS ? folders[i] : files[i - FOLDERS]);
        if (path_inside(input, path) || path_same(input, out))
            return fail(err, "--%s %.200s is part of --out %.100s, where this run writes: choose another --out", flag,
                        input, out);
    }
    return true;
}

static bool check_data(const TrainConfig *c, const char *list_of, const char *flag, DataUse use, Error *err) {
    char item[DATA_ITEM_MAX], source[DATA_SOURCE_MAX];
    while (data_list_next(&list_of, item)) {
        if (data_is_tasks(item) || !data_source(item, c->data_dir, use, source, NULL)) continue;
        source[strcspn(source, ":")] = 0; // the settings
        if (!check_input(source, flag, c->out, err)) return false;
    }
    return true;
}

static bool check_inputs(const TrainConfig *c, Error *err) {
    bool tiny = strcmp(c->model, "tiny") == 0;
    return (tiny || (model_folder_check(c->model, err) && check_input(c->model, "model", c->out, err))) &&
           data_check_list(c->data, true, err) && data_check_list(c->heldout_data, false, err) &&
           (!*c->prompt_template || check_input(c->prompt_template, "prompt-template", c->out, err)) &&
           check_data(c, c->data, "data", DATA_TRAIN, err) &&
           check_data(c, c->heldout_data, "heldout-data", DATA_EVAL, err);
}

static bool check_unused(const char *out, Error *err) {
    static const char *const marks[] = {"metrics.jsonl", "rollouts.jsonl", "checkpoints", "model"};
    char found[100] = "";
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        char path[RUN_PATH_SIZE];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", out, marks[i]);
        if (lstat(path, &info) == 0) strcat(strcat(found, *found ? ", " : ""), marks[i]);
    }
    return !*found || fail(err, "%s holds a run (%s): add --resume to continue it, --overwrite to delete it and start "
                                "anew, or choose another --out", out, found);
}

bool run_folder_open(const TrainConfig *c, FILE **lock, Error *err) {
    char model[RUN_PATH_SIZE];
    struct stat info;
    snprintf(model, sizeof model, "%s/model", c->out);
    if (c->resume && c->overwrite) return fail(err, "--resume and --overwrite exclude each other");
    if (c->resume && stat(c->out, &info) != 0)
        return fail(err, "--resume: %s: %s: leave --resume out to start a run there", c->out, strerror(errno));
    return folder_make(c->out, err) && lock_folder(c->out, lock, err) && check_kinds(c->out, err) &&
           check_inputs(c, err) && (c->resume || c->overwrite || check_unused(c->out, err)) && tidy(model, err) &&
           for_checkpoints(c->out, "", tidy, err) && for_checkpoints(c->out, ".old", tidy, err) &&
           for_checkpoints(c->out, ".tmp", tidy, err);
}
