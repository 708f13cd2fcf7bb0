// The code that docs/*.md quote is in the project: a fenced block after a line `PATH`: occurs verbatim in that file.
// Blocks of sh are commands and name no file.
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

enum { TEXT_MAX = 1 << 20 };
typedef struct Text {
    char bytes[TEXT_MAX];
} Text;

static bool read_text(Text *text, const char *path) { // fails on a file of TEXT_MAX bytes or more
    FILE *file = fopen(path, "r");
    if (!file) return false;
    size_t n = fread(text->bytes, 1, TEXT_MAX, file);
    fclose(file);
    if (n == TEXT_MAX) fail_msg("%s has %d bytes or more", path, TEXT_MAX);
    text->bytes[n] = 0;
    return true;
}

// Whether `quote` (n bytes, whole lines) occurs in the text, beginning at the start of a line.
static bool occurs(const char *text, const char *quote, size_t n) {
    for (const char *at = text; *at; at++)
        if ((at == text || at[-1] == '\n') && strncmp(at, quote, n) == 0) return true;
    return false;
}

// What is wrong with a page, as one line; "" if nothing. *quotes counts the blocks that were found in their files.
static const char *fault_of(const char *page, int *quotes) {
    static char fault[512];
    static Text file;
    char path[256] = "";
    int number = 1;
    for (const char *line = page, *next; *line; line = next, number++) {
        const char *end = strchr(line, '\n');
        next = end ? end + 1 : line + strlen(line);
        if (strncmp(line, "```", 3) != 0) {
            if (sscanf(line, "`%255[A-Za-z0-9_./-]`:", path) != 1 || !strstr(line, "`:\n")) *path = 0;
            continue;
        }
        const char *close = strstr(next, "\n```");
        if (!close) return snprintf(fault, sizeof fault, "%d: the block has no end", number), fault;
        size_t n = (size_t)(close + 1 - next);
        bool command = strncmp(line, "```sh\n", 6) == 0;
        if (!command && !*path) return snprintf(fault, sizeof fault, "%d: the block names no file", number), fault;
        if (!command && !read_text(&file, path))
            return snprintf(fault, sizeof fault, "%d: %s cannot be read", number, path), fault;
        if (!command && !occurs(file.bytes, next, n))
            return snprintf(fault, sizeof fault, "%d: this is not in %s", number, path), fault;
        *quotes += !command;
        for (const char *c = line; c <= close; c++) number += *c == '\n';
        next = strchr(close + 1, '\n');
        next = next ? next + 1 : close + strlen(close);
        *path = 0;
    }
    return "";
}

static void test_pages(void **state) {
    (void)state;
    static Text page;
    glob_t found;
    int quotes = 0;
    assert_int_equal(glob("docs/*.md", 0, NULL, &found), 0); // run the tests from the project's root
    for (size_t i = 0; i < found.gl_pathc; i++) {
        assert_true(read_text(&page, found.gl_pathv[i]));
        const char *fault = fault_of(page.bytes, &quotes);
        if (*fault) fail_msg("%s:%s", found.gl_pathv[i], fault);
    }
    globfree(&found);
    assert_true(quotes > 10);
}

static void test_faults(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"`LICENSE`:\n```\nMIT License\n```\n", ""},
        {"`LICENSE`:\n```\nMIT License\n\nCopyright (c) 2026 the dynamo.c authors\n```\nand more\n", ""},
        {"text\n```sh\nmake\n```\n", ""},
        {"`LICENSE`:\n```\nMIT license\n```\n", "2: this is not in LICENSE"},
        {"`LICENSE`:\n```\nLicense\n```\n", "2: this is not in LICENSE"}, // a part of a line
        {"`LICENSE`:\n```\nMIT\n```\n", "2: this is not in LICENSE"},
        {"`nowhere.c`:\n```\nint x;\n```\n", "2: nowhere.c cannot be read"},
        {"\n```\nMIT License\n```\n", "2: the block names no file"},
        {"`LICENSE`:\n\n```\nMIT License\n```\n", "3: the block names no file"},
        {"`LICENSE`:\n```\nMIT License\n```\n```c\nint x;\n```\n", "5: the block names no file"},
        {"`LICENSE`:\n```\nMIT License\n", "2: the block has no end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int quotes = 0;
        const char *fault = fault_of(cases[i][0], &quotes);
        if (strcmp(fault, cases[i][1]) != 0) fail_msg("case %zu: \"%s\", want \"%s\"", i, fault, cases[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pages), cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
