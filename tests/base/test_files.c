// base/files: what is read, and that a replacement that fails leaves the old file and nothing else.
#include "base/files.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char dir[64], path[80];

static int make_dir(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, P_tmpdir "/test_files_XXXXXX");
    if (!mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/file", dir);
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    unlink(path);
    return rmdir(dir); // fails if a temporary file is left
}

static void assert_content(const char *want, size_t n) {
    size_t got = 99;
    Error err = {""};
    char *bytes = file_read(path, 1000, &got, &err);
    if (!bytes) fail_msg("%s", err.text);
    assert_int_equal(got, n);
    assert_memory_equal(bytes, want, n + 1); // the zero byte too
    free(bytes);
}

static int entries(void) {
    int count = 0;
    DIR *folder = opendir(dir);
    while (readdir(folder)) count++;
    closedir(folder);
    return count - 2; // . and ..
}

static void reads_and_replaces(void **state) {
    (void)state;
    Error err = {""};
    assert_true(file_replace(path, "one\0two", 7, &err));
    assert_content("one\0two", 7);
    assert_true(file_replace(path, NULL, 0, &err));
    assert_content("", 0);
    assert_true(file_replace(path, "x", 1, &err));
    assert_content("x", 1);
    assert_int_equal(entries(), 1);
}

static void reading_fails(void **state) {
    (void)state;
    size_t n;
    Error err = {""};
    assert_true(file_replace(path, "12345", 5, &err));
    char *bytes = file_read(path, 5, &n, &err);
    assert_non_null(bytes);
    free(bytes);
    assert_null(file_read(path, 4, &n, &err));
    assert_non_null(strstr(err.text, "/file: 5 bytes; at most 4"));
    assert_null(file_read(dir, 1000, &n, &err));
    assert_non_null(strstr(err.text, "not a regular file"));
    assert_null(file_read("/nonexistent/file", 1000, &n, &err));
    assert_non_null(strstr(err.text, "/nonexistent/file: No such file"));
    assert_null(file_read("/nonexistent/file", 1000, &n, NULL)); // err may be NULL
}

// The file system refuses the bytes half-way: as when the disk is full.
static void a_failed_write_leaves_the_old_file(void **state) {
    (void)state;
    Error err = {""};
    struct rlimit old, small;
    static char large[1 << 20];
    assert_true(file_replace(path, "old", 3, &err));
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 1 << 16;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    bool at_once = file_replace(path, large, sizeof large, &err);
    FileReplacement r;
    bool begun = file_replace_begin(&r, path, &err);
    fwrite(large, 1, sizeof large, r.file); // the caller does not look: commit does
    bool committed = file_replace_commit(&r, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_true(begun && !at_once && !committed);
    assert_non_null(strstr(err.text, "/file"));
    assert_content("old", 3);
    assert_int_equal(entries(), 1);
}

static void a_failed_rename_leaves_nothing(void **state) {
    (void)state;
    char folder[100], inside[120];
    Error err = {""};
    snprintf(folder, sizeof folder, "%s/folder", dir);
    snprintf(inside, sizeof inside, "%s/folder/inside", dir);
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_true(file_replace(inside, "x", 1, &err));
    assert_false(file_replace(folder, "y", 1, &err)); // a folder with files is not replaced
    assert_int_equal(access(inside, F_OK), 0);
    assert_int_equal(unlink(inside), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(entries(), 1); // "file": no folder.tmp
}

static void abandons(void **state) {
    (void)state;
    Error err = {""};
    FileReplacement r;
    assert_true(file_replace(path, "old", 3, &err));
    assert_true(file_replace_begin(&r, path, &err));
    fputs("half", r.file);
    file_replace_abandon(&r);
    assert_content("old", 3);
    assert_int_equal(entries(), 1);
    assert_true(file_replace_begin(&r, path, &err));
    fputs("new", r.file);
    assert_content("old", 3); // until the commit
    assert_true(file_replace_commit(&r, &err));
    assert_content("new", 3);
}

static void bad_places(void **state) {
    (void)state;
    Error err = {""};
    char deep[FILE_PATH_SIZE + 10];
    assert_false(file_replace("/nonexistent/file", "x", 1, &err));
    assert_non_null(strstr(err.text, "/nonexistent/file.tmp: No such file"));
    memset(deep, 'd', sizeof deep);
    deep[sizeof deep - 1] = 0;
    assert_false(file_replace(deep, "x", 1, &err));
    assert_non_null(strstr(err.text, "the path is too long"));
    assert_true(folder_sync(dir, &err));
    assert_false(folder_sync("/nonexistent", &err));
    assert_non_null(strstr(err.text, "/nonexistent: the folder"));
}

// Only regular files are replaced: a FIFO, a folder and a link to nothing stay; a link to a file is written through.
static void replaces_regular_files_only(void **state) {
    (void)state;
    char other[100], temporary[100];
    struct stat info;
    Error err = {""};
    snprintf(other, sizeof other, "%s/other", dir);
    snprintf(temporary, sizeof temporary, "%s/file.tmp", dir);
    unlink(path);
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_false(file_replace(path, "x", 1, &err));
    assert_non_null(strstr(err.text, "/file: not a regular file, so it is not replaced"));
    assert_false(file_replace_check(path, &err));
    size_t n;
    assert_null(file_read(path, 10, &n, &err)); // and does not wait for a writer
    assert_non_null(strstr(err.text, "not a regular file"));
    assert_true(lstat(path, &info) == 0 && S_ISFIFO(info.st_mode) && unlink(path) == 0);

    assert_int_equal(symlink("/nonexistent/x", path), 0);
    assert_false(file_replace(path, "x", 1, &err));
    assert_non_null(strstr(err.text, "a link that leads to no file"));
    assert_true(unlink(path) == 0 && symlink(dir, path) == 0);
    assert_false(file_replace(path, "x", 1, &err)); // to a folder
    assert_int_equal(unlink(path), 0);
    assert_true(file_replace(other, "old", 3, &err) && symlink("other", path) == 0);
    assert_true(file_replace_check(path, &err) && file_replace(path, "new", 3, &err));
    assert_content("new", 3);
    assert_true(lstat(path, &info) == 0 && S_ISLNK(info.st_mode) && unlink(path) == 0);
    assert_true(lstat(other, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 3);

    assert_int_equal(symlink("other", temporary), 0); // the temporary name is not written through
    assert_false(file_replace(path, "x", 1, &err));
    assert_true(lstat(other, &info) == 0 && info.st_size == 3 && unlink(temporary) == 0);
    assert_true(file_replace(temporary, "of a killed process", 19, &err));
    assert_true(file_replace(path, "x", 1, &err));
    assert_int_equal(unlink(other), 0);
    assert_int_equal(entries(), 1);
}

static uint64_t hash_of(uint64_t hash) {
    size_t n = 99;
    struct stat info;
    Error err = {""};
    if (!file_hash(path, &hash, &n, &err)) fail_msg("%s", err.text);
    assert_true(stat(path, &info) == 0 && n == (size_t)info.st_size);
    return hash;
}

// Every flipped bit, every cut and every moved zero changes the hash; so does what it continues.
static void hashes(void **state) {
    (void)state;
    enum { SIZE = (1 << 19) + 13 }; // more than a block
    static char bytes[SIZE];
    Error err = {""};
    size_t n;
    uint64_t hash = 0;
    for (size_t i = 0; i < SIZE; i++) bytes[i] = (char)(i * i >> 3);
    assert_true(file_replace(path, bytes, SIZE, &err));
    uint64_t whole = hash_of(0);
    assert_true(hash_of(0) == whole && hash_of(1) != whole);
    for (size_t at = 0; at < SIZE; at += SIZE / 50) {
        bytes[at] ^= (char)(1 << at % 8);
        assert_true(file_replace(path, bytes, SIZE, &err) && hash_of(0) != whole);
        bytes[at] ^= (char)(1 << at % 8);
        assert_true(file_replace(path, bytes, at, &err) && hash_of(0) != whole);
    }
    uint64_t zeros[40];
    memset(bytes, 0, 40);
    for (size_t length = 0; length < 40; length++) { // padding does not make them equal
        assert_true(file_replace(path, bytes, length, &err));
        zeros[length] = hash_of(0);
        for (size_t i = 0; i < length; i++) assert_true(zeros[i] != zeros[length]);
    }
    assert_false(file_hash("/nonexistent/file", &hash, &n, &err));
    assert_false(file_hash(dir, &hash, &n, &err));
}

static void same_and_inside(void **state) {
    (void)state;
    char inner[100], file[120], new[120], link_to[100], dotted[120], hard[100];
    Error err = {""};
    snprintf(inner, sizeof inner, "%s/inner", dir), snprintf(file, sizeof file, "%s/inner/file", dir);
    snprintf(new, sizeof new, "%s/inner/new", dir), snprintf(link_to, sizeof link_to, "%s/link", dir);
    snprintf(dotted, sizeof dotted, "%s/./inner/../inner/new", dir), snprintf(hard, sizeof hard, "%s/hard", dir);
    assert_true(mkdir(inner, 0777) == 0 && file_replace(file, "x", 1, &err) && file_replace(path, "y", 1, &err));
    assert_true(symlink("inner/file", link_to) == 0 && link(file, hard) == 0);
    assert_true(path_same(file, link_to) && path_same(file, hard) && path_same(inner, inner));
    assert_true(!path_same(file, path) && !path_same(file, inner) && !path_same(file, new));
    assert_true(path_same(new, dotted) && !path_same(new, path) && !path_same("/nonexistent/a", "/nonexistent/b"));
    assert_true(path_inside(file, inner) && path_inside(file, dir) && path_inside(link_to, inner));
    assert_true(path_inside(new, inner) && path_inside(dotted, dir) && path_inside(inner, inner));
    assert_true(!path_inside(path, inner) && !path_inside(dir, inner) && !path_inside("/nonexistent/a", inner));
    assert_true(path_inside(file, "/") && path_inside(file, file) && !path_inside(file, path));
    unlink(file), unlink(link_to), unlink(hard), rmdir(inner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_replaces), cmocka_unit_test(reading_fails),
        cmocka_unit_test(a_failed_write_leaves_the_old_file), cmocka_unit_test(a_failed_rename_leaves_nothing),
        cmocka_unit_test(abandons), cmocka_unit_test(bad_places), cmocka_unit_test(replaces_regular_files_only),
        cmocka_unit_test(hashes), cmocka_unit_test(same_and_inside),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
