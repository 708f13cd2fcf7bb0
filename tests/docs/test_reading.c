// docs/reading.md against the code. Each row of a table after <!-- lines --> begins with a section of dev/core.txt, or
// with files, and a number of lines, which must be right to within 10 %. All sections are there, in order, and all
// files of the core and all CUDA files are named.
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE "docs/reading.md"
#define CORE "dev/core.txt"

static FILE *open_file(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("%s cannot be read: run the tests from the project's root", path);
    return file;
}

static int lines_of(const char *path) {
    FILE *file = open_file(path);
    int lines = 0;
    for (int c = fgetc(file); c != EOF; c = fgetc(file)) lines += c == '\n';
    fclose(file);
    return lines;
}

static bool about(int said, int have) { return abs(said - have) * 10 <= have; }

enum { SECTIONS_MAX = 32, FILES_MAX = 256, NAME = 128 };
typedef struct Core {
    char section[SECTIONS_MAX][NAME], file[FILES_MAX][NAME];
    int lines[SECTIONS_MAX], sections, files;
} Core;

static void read_core(Core *core) {
    char line[NAME];
    FILE *file = open_file(CORE);
    *core = (Core){.sections = 0};
    for (int comments = 0; fgets(line, sizeof line, file);) { // the file begins with three lines of comment
        line[strcspn(line, "\n")] = 0;
        if (*line == '#' && comments++ >= 3) strcpy(core->section[core->sections++], line + 2);
        if (*line == '#' || *line == 0) continue;
        assert_true(core->sections > 0 && core->sections < SECTIONS_MAX && core->files < FILES_MAX);
        strcpy(core->file[core->files++], line);
        core->lines[core->sections - 1] += lines_of(line);
    }
    fclose(file);
}

// The lines of all files that are named in backticks in text[0 .. end); -1 if none is.
static int lines_of_files(const char *text, const char *end) {
    int lines = -1;
    char path[NAME];
    for (const char *tick = strchr(text, '`'); tick && tick < end; tick = strchr(tick + 1, '`'))
        if (sscanf(tick, "`%127[a-z0-9_/.]`", path) == 1 && strchr(path, '.'))
            lines = (lines < 0 ? 0 : lines) + lines_of(path), tick = strchr(tick + 1, '`');
    return lines;
}

// Checks one row; `next` is the section that the next row of the core must name.
static void check_row(const Core *core, int *next, const char *row, int number) {
    const char *bar = strchr(row + 1, '|');
    int said, have;
    if (!bar || sscanf(bar, "| %d |", &said) != 1) fail_msg(PAGE ":%d: no number of lines", number);
    have = lines_of_files(row, bar);
    if (have < 0) {
        size_t length = (size_t)(bar - row) - 3;
        const char *want = *next < core->sections ? core->section[*next] : "";
        if (strlen(want) != length || strncmp(row + 2, want, length) != 0)
            fail_msg(PAGE ":%d: %.*s is not the next section of " CORE, number, (int)length, row + 2);
        have = core->lines[(*next)++];
    }
    if (!about(said, have)) fail_msg(PAGE ":%d: says %d lines, there are %d", number, said, have);
}

static void test_lines(void **state) {
    (void)state;
    static Core core;
    char line[1024];
    bool table = false;
    int row = 0, rows = 0, next = 0;
    read_core(&core);
    FILE *page = open_file(PAGE);
    for (int number = 1; fgets(line, sizeof line, page); number++) {
        if (*line != '|') table = strcmp(line, "<!-- lines -->\n") == 0, row = 0;
        else if (table && row++ >= 2) check_row(&core, &next, line, number), rows++; // the first two are the heading
    }
    fclose(page);
    assert_true(rows > core.sections);
    if (next < core.sections) fail_msg(PAGE " does not list the section %s", core.section[next]);
}

// The page names `path` itself or, of a header and a source with one stem, the other.
static bool named(const char *page, const char *path, bool stem_only) {
    char text[NAME + 2];
    const char *dot = strrchr(path, '.');
    snprintf(text, sizeof text, "`%.*s", stem_only ? (int)(dot + 1 - path) : NAME, path);
    return strstr(page, text) != NULL;
}

static void test_names(void **state) {
    (void)state;
    static Core core;
    static char page[1 << 20];
    glob_t cuda;
    read_core(&core);
    FILE *file = open_file(PAGE);
    page[fread(page, 1, sizeof page - 1, file)] = 0;
    fclose(file);
    for (int i = 0; i < core.files; i++)
        if (!named(page, core.file[i], true)) fail_msg(PAGE " does not name %s", core.file[i]);
    assert_int_equal(glob("kernels/*.cu*", 0, NULL, &cuda), 0);
    assert_int_equal(glob("kernels/device/*.cu*", GLOB_APPEND, NULL, &cuda), 0);
    for (size_t i = 0; i < cuda.gl_pathc; i++)
        if (!named(page, cuda.gl_pathv[i], false)) fail_msg(PAGE " does not name %s", cuda.gl_pathv[i]);
    globfree(&cuda);
}

static void test_checks_can_fail(void **state) {
    (void)state;
    assert_true(about(110, 100) && about(90, 100) && !about(111, 100) && !about(89, 100) && !about(1, 0));
    assert_true(lines_of_files("| no file |", "| no file |" + 9) == -1);
    const char *two = "| `LICENSE` and `rl/step.h`, `rl/step.h` | 1 |";
    assert_int_equal(lines_of_files(two, strchr(two + 1, '|')), 2 * lines_of("rl/step.h"));
    assert_true(named("see `rl/step.h` for", "rl/step.c", true) && !named("see `rl/steps.h`", "rl/step.c", true));
    assert_false(named("see `kernels/rope.h`", "kernels/rope.cu", false));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_checks_can_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
