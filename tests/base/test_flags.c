// base/flags: what is typed, in a file or on the command line, is what is set, printed and recorded; what cannot be is
// refused with the nearest thing that can.
#include "base/files.h"
#include "base/flags_text.h"
#include "base/json.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

enum { RED, GREEN };
FLAG_WORDS(color_word, [RED] = "red", [GREEN] = "green")

typedef struct Config {
    int rollouts, color;
    long long seed;
    double lr;
    bool resume, fast;
    char out[FLAG_TEXT_SIZE], config[FLAG_TEXT_SIZE];
} Config;
#define FLAG_CONFIG Config
static const Flag rows[] = {
    HEADING("All of them"),
    INT_FLAG("rollouts", rollouts, "16", 1, 4096, "rollouts of a prompt"),
    CHOICE_FLAG("color", color, "red", color_word, "a choice"),
    LONG_FLAG("seed", seed, "1", 0, 9e18, "a number with up to nineteen digits"),
    FLOAT_FLAG("lr", lr, "1e-3", 0, 1, "a help text that is so long that it does not fit into one line of eighty "
               "columns and has to be broken between two of its words"),
    SWITCH_FLAG("resume", resume, "an action"),
    SWITCH_FLAG("fast", fast, "a switch"),
    TEXT_FLAG("out", out, "out", "a folder"),
    TEXT_FLAG("config", config, "", "a file of flags"),
};
static const FlagTable table = {rows, sizeof rows / sizeof *rows};
static char folder[64], path[80];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, P_tmpdir "/test_flags_XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/run.cfg", folder);
    return 0;
}
static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

// Parses words, NULL at the end.
static bool parse(Config *c, const char *const *words, Error *err) {
    char *argv[16] = {"program"};
    int argc = 1;
    while (words[argc - 1]) argv[argc] = (char *)words[argc - 1], argc++;
    memset(c, 0, sizeof *c);
    return flags_parse(&table, c, argc, argv, err);
}
#define PARSE(c, err, ...) parse(c, (const char *const[]){__VA_ARGS__, NULL}, err)

static void write_file(const char *text) {
    Error err = {""};
    if (!file_replace(path, text, strlen(text), &err)) fail_msg("%s", err.text);
}

static void refused(const char *want, const char *const *words) {
    Config c;
    Error err = {""};
    assert_false(parse(&c, words, &err));
    if (!strstr(err.text, want)) fail_msg("\"%s\" is not in \"%s\"", want, err.text);
}
#define REFUSED(want, ...) refused(want, (const char *const[]){__VA_ARGS__, NULL})

static void a_file_sets_flags(void **state) {
    (void)state;
    Config c;
    Error err = {""};
    write_file("# my run\nrollouts = 8 # fewer\n\n  color=green\r\nfast = yes\nout = a#b c\n--lr = 0.5");
    if (!PARSE(&c, &err, "--config", path, "--lr", "0.25")) fail_msg("%s", err.text);
    assert_true(c.rollouts == 8 && c.color == GREEN && c.fast && c.lr == 0.25);
    assert_string_equal(c.out, "a#b c");
    char joined[120];
    snprintf(joined, sizeof joined, "--config=%s", path);
    assert_true(PARSE(&c, &err, "--rollouts", "9", joined)); // the command line wins, wherever it stands
    assert_true(c.rollouts == 9 && c.lr == 0.5);
    assert_string_equal(c.config, path);
}

static void errors_in_files_name_the_line(void **state) {
    (void)state;
    write_file("rollouts = 8\nlr = fast\n");
    REFUSED("run.cfg:2: --lr fast: must be a number", "--config", path);
    write_file("\nrolouts = 8\n");
    REFUSED("run.cfg:2: unknown flag --rolouts: did you mean --rollouts?", "--config", path);
    write_file("rollouts 8\n");
    REFUSED("run.cfg:1: \"rollouts 8\": must be name = value", "--config", path);
    write_file("config = other.cfg\n");
    REFUSED("cannot name another", "--config", path);
    write_file("{\"flags\": {\"rollouts\": [1]}}");
    REFUSED("\"rollouts\": must be a number", "--config", path);
    write_file("{\"flags\": {\"rollouts\": 1e9}}");
    REFUSED("between 1 and 4096", "--config", path);
    write_file("{\"flags\": ");
    REFUSED("not valid JSON", "--config", path);
    REFUSED("No such file", "--config", "/nowhere/run.cfg");
    REFUSED("needs a value", "--config");
}

// What is recorded is read back as it was, to the last bit; but actions are not repeated.
static void a_record_is_read_back(void **state) {
    (void)state;
    Config c, back;
    Error err = {""};
    assert_true(PARSE(&c, &err, "--lr", "0.12345678901234567", "--seed", "9007199254740993", "--color", "green",
                      "--fast", "--resume", "--out", "a \"b\" \\ \n c"));
    cJSON *json = cJSON_CreateObject(), *flags = cJSON_AddObjectToObject(json, "flags");
    flags_to_json(&table, &c, flags);
    assert_true(json_replace(path, json, &err));
    cJSON_Delete(json);
    if (!PARSE(&back, &err, "--config", path)) fail_msg("%s", err.text);
    assert_true(back.lr == c.lr && back.seed == 9007199254740993 && back.color == GREEN && back.fast && !back.resume);
    assert_string_equal(back.out, c.out);
    for (long long seed = 1; seed < (long long)9e17; seed *= 10) { // numbers that a JSON writer may give an exponent
        char text[32];
        snprintf(text, sizeof text, "%lld", seed);
        assert_true(PARSE(&c, &err, "--seed", text));
        json = cJSON_CreateObject();
        flags_to_json(&table, &c, json);
        assert_true(json_replace(path, json, &err));
        cJSON_Delete(json);
        if (!PARSE(&back, &err, "--config", path)) fail_msg("%s", err.text);
        assert_true(back.seed == seed);
    }
}

static void the_nearest_is_named(void **state) {
    (void)state;
    REFUSED("unknown flag --rollotus: did you mean --rollouts?", "--rollotus", "3");
    REFUSED("unknown flag --roll: did you mean --rollouts?", "--roll=3");
    REFUSED("unknown flag --whatever; see --help", "--whatever");
    REFUSED("must be one of red|green; did you mean green?", "--color", "gren");
    Config c;
    Error err = {""};
    assert_false(PARSE(&c, &err, "--color", "ultramarine"));
    assert_null(strstr(err.text, "did you mean"));
    assert_true(flags_help_asked(2, (char *[]){"program", "-h"}));
    assert_true(flags_help_asked(2, (char *[]){"program", "--help"}));
    assert_false(flags_help_asked(2, (char *[]){"program", "--help-me"}));
}

static void no_line_is_wider_than_a_terminal(void **state) {
    (void)state;
    char *text = NULL;
    size_t n = 0;
    Config c;
    Error err = {""};
    assert_true(PARSE(&c, &err, "--out", "a/path/of/over/twenty/columns"));
    for (int print = 0; print < 2; print++) {
        FILE *out = open_memstream(&text, &n);
        if (print) flags_print(&table, &c, out);
        else flags_help(&table, out);
        fclose(out);
        assert_non_null(strstr(text, "rollouts"));
        int lines = 0;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) assert_true(strlen(line) <= 80);
        assert_true(lines > 4);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_sets_flags),     cmocka_unit_test(errors_in_files_name_the_line),
        cmocka_unit_test(a_record_is_read_back), cmocka_unit_test(the_nearest_is_named),
        cmocka_unit_test(no_line_is_wider_than_a_terminal),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
