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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_replaces), cmocka_unit_test(reading_fails),
        cmocka_unit_test(a_failed_write_leaves_the_old_file), cmocka_unit_test(a_failed_rename_leaves_nothing),
        cmocka_unit_test(abandons), cmocka_unit_test(bad_places),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
