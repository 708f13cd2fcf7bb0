// rl/reward_command: every row gets its own answer, however much is sent, however the answers are cut; and a program
// that is slow, dead or wrong is an error that names the row, never a hang, a signal or a reward.
#define _GNU_SOURCE // getline
#include "base/clock.h"
#include "rl/reward_command.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { ROWS = 5 };
static Problem problem[ROWS] = {{.id = 71, .prompt = "p0", .gold = "g0"}, {.id = 72, .prompt = "p\n1", .gold = "g1"},
                                {.id = 73, .prompt = "p2", .gold = "g2"}, {.id = 74, .prompt = "p3", .gold = "g3"},
                                {.id = INT64_MAX, .prompt = "p4", .gold = "g4"}};

static void fill(RewardRow *rows, int count, const char *text, size_t len) {
    for (int i = 0; i < count; i++) rows[i] = (RewardRow){&problem[i % ROWS], i, text, len, i % 2 == 1, -9, false};
}

static bool grade(const char *text, int timeout, RewardRow *rows, int count, Error *err) {
    RewardCommand *c = reward_command_open(text, timeout, err);
    assert_non_null(c);
    bool ok = reward_command_grade(c, rows, count, err) && reward_command_grade(c, rows, count, err);
    reward_command_close(c);
    return ok;
}

// ---- The program: this test itself, run with a mode and an argument -------------------------------------------------
static char self[300];

// Row `row` (from 1) of the run.
static void answer(const char *mode, const char *argument, const char *line, int row) {
    int number = atoi(argument);
    const char *id = strstr(line, "\"id\":") + 5;
    if (strcmp(mode, "count") == 0) printf("{\"reward\": %.17g}\n", (row - 1) % number / 4.0);
    if (strcmp(mode, "each") == 0) printf("%s\n", argument);
    if (strcmp(mode, "third") == 0) printf("%s\n", row == 3 ? argument : "{\"reward\": 1}");
    if (strcmp(mode, "id") == 0)
        printf("{\"id\": %.*s, \"reward\": 0.9, \"correct\": false}\n", (int)strcspn(id, ","), id);
    if (strcmp(mode, "wide") == 0) printf("{\"note\": \"%0*d\", \"reward\": %d}\n", number, 0, row - 1);
    if (strcmp(mode, "late") == 0 && row % number == 0)
        for (int i = 0; i < number; i++) printf("{\"reward\": %d}\n", i);
    if (strcmp(mode, "but") == 0 && row != number) printf("{\"reward\": 1}\n");
    if (strcmp(mode, "file") == 0) {
        FILE *file = fopen(argument, "a");
        if (file) fputs(line, file), fclose(file);
        printf("{\"reward\": 1}\n");
    }
    fflush(stdout);
}

static int program(const char *mode, const char *argument) {
    char *line = NULL;
    size_t room = 0;
    for (int row = 1; getline(&line, &room, stdin) > 0; row++) answer(mode, argument, line, row);
    free(line);
    return 0;
}

// "SELF mode 'argument'", in one of 16 buffers
static const char *command(const char *mode, const char *argument) {
    static char buffer[16][600];
    static int next;
    char *text = buffer[next++ % 16];
    snprintf(text, 600, "exec '%s' %s '%s'", self, mode, argument);
    return text;
}

static void answers_reach_their_rows(void **state) {
    (void)state;
    RewardRow rows[ROWS];
    Error err = {""};
    fill(rows, ROWS, "a\"b", 3);
    if (!grade(command("count", "5"), 20, rows, ROWS, &err)) fail_msg("%s", err.text);
    for (int i = 0; i < ROWS; i++) assert_true(rows[i].reward == i / 4.0 && rows[i].correct == (i > 2));
    // "correct" is the program's own where it says so, and an id that agrees is fine
    if (!grade(command("id", ""), 20, rows, ROWS, &err)) fail_msg("%s", err.text);
    for (int i = 0; i < ROWS; i++) assert_true(rows[i].reward == 0.9 && !rows[i].correct);
    assert_true(grade(command("each", "{\"reward\": -1000000, \"correct\": true}"), 20, rows, ROWS, &err));
    assert_true(rows[0].correct && rows[0].reward == -1e6);
}

static void rows_are_what_the_header_says(void **state) {
    (void)state;
    RewardRow rows[ROWS];
    Error err = {""};
    char path[] = P_tmpdir "/test_reward_XXXXXX", line[400];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    fill(rows, ROWS, "x\xff\n\"", 4);
    assert_true(grade(command("file", path), 20, rows, ROWS, &err));
    FILE *file = fdopen(fd, "r");
    assert_true(fgets(line, sizeof line, file) && fgets(line, sizeof line, file));
    assert_string_equal(line, "{\"id\":\"72/1\",\"prompt\":\"p\\n1\",\"response\":\"x\xef\xbf\xbd\\n\\\"\","
                              "\"gold\":\"g1\",\"truncated\":true}\n");
    for (int i = 2; i < ROWS; i++) assert_non_null(fgets(line, sizeof line, file));
    assert_non_null(strstr(line, "\"9223372036854775807/4\""));
    fclose(file);
    unlink(path);
}

// Far more than pipes hold, in both directions: a program that answers as it reads, and one that reads all first.
static void full_pipes_do_not_block(void **state) {
    (void)state;
    enum { MANY = 300, LONG = 20000 };
    static RewardRow rows[MANY];
    static char text[LONG];
    Error err = {""};
    memset(text, 'x', LONG);
    fill(rows, MANY, text, LONG);
    const char *const commands[] = {command("wide", "9000"), command("late", "300")};
    for (int way = 0; way < 2; way++) {
        RewardCommand *c = reward_command_open(commands[way], 20, &err);
        if (!reward_command_grade(c, rows, MANY, &err)) fail_msg("%s", err.text);
        for (int i = 0; i < MANY; i++) assert_true(rows[i].reward == i);
        reward_command_close(c);
    }
}

static void what_is_wrong_is_refused(void **state) {
    (void)state;
    const struct {
        const char *command, *row, *want;
    } bad[] = {
        {command("third", "{\"reward\": NaN}"), "row 3 of 5 (id 73/2, prompt \"p2\")", "not one JSON object (NaN"},
        {command("each", "{\"reward\": 1}\n{\"reward\": 1}"), "row", "answer"},
        {command("each", "{\"reward\": 1e999}"), "row 1 of 5", "of at most a million"},
        {command("each", "{\"reward\": \"1\"}"), "row 1 of 5", "needs a number"},
        {command("third", "{\"reward\": true}"), "row 3 of 5", "needs a number"},
        {command("each", "{\"reward\": 1, \"correct\": 1}"), "row 1 of 5", "true or false"},
        {command("each", "{\"reward\": 1, \"id\": \"71/0\"}"), "row 2 of 5 (id 72/1, prompt \"p?1\")", "another id"},
        {command("each", "{}"), "row 1 of 5", "needs a number"},
        {command("each", "[1]"), "row 1 of 5", "not one JSON object"},
        {command("third", "{\"reward\": 1} 2"), "row 3 of 5", "not one JSON object"},
        {command("each", ""), "row 1 of 5", "(empty)"},
        {command("but", "5"), "row 5 of 5", "no answer within 1 s"},
        {"head -n 2 >/dev/null; exit 3", "row 1 of 5", "it ended with status 3"},
        {"exit 0", "row 1 of 5", "it ended with status 0"},
        {"kill -9 $$", "row 1 of 5", "it was killed by signal 9"},
        {"exec >&-; sleep 10", "row 1 of 5", "it closed its stdout"},
        {"exec <&-; sleep 10", "row 1 of 5", "no answer within 1 s"},
        {"exec nothing-of-that-name 2>/dev/null", "row 1 of 5", "it ended with status 127"},
        {"head -c 3000000 /dev/zero | tr '\\0' x; sleep 10", "row 1 of 5", ""},
    };
    RewardRow rows[ROWS];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Error err = {""};
        fill(rows, ROWS, "text", 4);
        assert_false(grade(bad[i].command, strstr(bad[i].want, "within 1 s") ? 1 : 20, rows, ROWS, &err));
        if (!strstr(err.text, bad[i].row) || !strstr(err.text, bad[i].want))
            fail_msg("%s: \"%s\", \"%s\" are not in \"%s\"", bad[i].command, bad[i].row, bad[i].want, err.text);
    }
}

// An answer too many is noticed even where it comes later, before the next rows are sent.
static void one_answer_too_many(void **state) {
    (void)state;
    RewardRow rows[1];
    Error err = {""};
    fill(rows, 1, "a", 1);
    const char *late = "read x; echo '{\"reward\": 1}'; sleep 0.1; echo '{\"reward\": 2}'; sleep 9";
    RewardCommand *c = reward_command_open(late, 20, &err);
    assert_true(reward_command_grade(c, rows, 1, &err));
    usleep(400000);
    assert_false(reward_command_grade(c, rows, 1, &err));
    assert_non_null(strstr(err.text, "before it was asked"));
    reward_command_close(c);
}

// The program and what it started end with the run, in time; and it has not seen the run's Ctrl-C.
static void ends_with_us(void **state) {
    (void)state;
    RewardRow rows[1];
    Error err = {""};
    char path[] = P_tmpdir "/test_reward_XXXXXX", text[1000];
    int fd = mkstemp(path), child = 0;
    assert_true(fd >= 0);
    close(fd);
    snprintf(text, sizeof text, "trap '' TERM HUP; sleep 100 & echo $! >%s; (%s); sleep 100", path,
             command("count", "9"));
    RewardCommand *c = reward_command_open(text, 20, &err);
    fill(rows, 1, "a", 1);
    if (!reward_command_grade(c, rows, 1, &err)) fail_msg("%s", err.text);
    double start = seconds_now();
    reward_command_close(c);
    assert_true(seconds_now() - start < 4);
    FILE *file = fopen(path, "r");
    assert_int_equal(fscanf(file, "%d", &child), 1);
    fclose(file);
    unlink(path);
    for (int tries = 0; tries < 100 && kill(child, 0) == 0; tries++) {
        char stat[64], status = 'Z';
        snprintf(stat, sizeof stat, "/proc/%d/stat", child);
        if (!(file = fopen(stat, "r"))) break;
        assert_true(fscanf(file, "%*d %*s %c", &status) >= 0);
        fclose(file);
        if (status == 'Z') return; // killed; its parent, another process, has not looked yet
        usleep(10000);
    }
    assert_true(kill(child, 0) != 0);
}

static void killed_with_us(void **state) {
    (void)state;
    int channel[2], status;
    char byte;
    assert_int_equal(pipe(channel), 0);
    pid_t run = fork();
    if (run == 0) { // it holds the pipe's other end as long as it or the program lives
        Error err;
        RewardRow rows[1];
        char text[80];
        snprintf(text, sizeof text, "echo >&%d; exec sleep 100", channel[1]);
        fill(rows, 1, "a", 1);
        RewardCommand *c = reward_command_open(text, 50, &err);
        reward_command_grade(c, rows, 1, &err);
        _exit(0);
    }
    close(channel[1]);
    assert_int_equal(read(channel[0], &byte, 1), 1);
    usleep(50000);
    kill(run, SIGKILL);
    waitpid(run, &status, 0);
    assert_int_equal(read(channel[0], &byte, 1), 0); // the end: nobody holds it any more
    close(channel[0]);
}

int main(int argc, char **argv) {
    if (argc == 3) return program(argv[1], argv[2]);
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_reach_their_rows), cmocka_unit_test(rows_are_what_the_header_says),
        cmocka_unit_test(full_pipes_do_not_block),  cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(one_answer_too_many),      cmocka_unit_test(ends_with_us),
        cmocka_unit_test(killed_with_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
