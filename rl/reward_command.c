// Optional (--reward-command).
#define _GNU_SOURCE // pipe2
#include "rl/reward_command.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "rl/reward.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { ANSWER_MAX = 1 << 20, REWARD_MAX = 1000000 }; // bytes of an answer; its size

struct RewardCommand {
    pid_t process;
    int to, from; // pipes, not blocking
    int timeout;  // seconds
    bool broken;  // it answered wrongly or not at all
    char *read;   // (used) bytes of the answers that are not yet taken
    size_t used, room;
};

// ---- The process ---------------------------------------------------------------------------------------------------
// In the child: a group of its own, so that Ctrl-C is ours alone and everything that it starts can be ended with it.
static _Noreturn void run(const char *command, int in, int out, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); // also where we are killed
    signal(SIGPIPE, SIG_DFL), signal(SIGXFSZ, SIG_DFL);
    bool ok = getppid() == parent && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0;
    if (ok) execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

RewardCommand *reward_command_open(const char *command, int timeout_s, Error *err) {
    int to[2], from[2];
    pid_t parent = getpid();
    if (pipe2(to, O_CLOEXEC) != 0) return fail(err, "--reward-command: %s", strerror(errno)), NULL;
    if (pipe2(from, O_CLOEXEC) != 0) {
        fail(err, "--reward-command: %s", strerror(errno));
        return close(to[0]), close(to[1]), NULL;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) run(command, to[0], from[1], parent);
    close(to[0]), close(from[1]);
    RewardCommand *c = child > 0 ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        fail(err, "--reward-command: %s", strerror(errno));
        return close(to[1]), close(from[0]), NULL;
    }
    setpgid(child, child); // as the child does: whoever comes first
    fcntl(to[1], F_SETFL, O_NONBLOCK), fcntl(from[0], F_SETFL, O_NONBLOCK);
    *c = (RewardCommand){.process = child, .to = to[1], .from = from[0], .timeout = timeout_s};
    return c;
}

void reward_command_close(RewardCommand *c) {
    if (!c) return;
    close(c->to), close(c->from);
    double end = c->broken ? 0 : seconds_now() + 2;
    pid_t ended;
    while ((ended = waitpid(c->process, NULL, WNOHANG)) == 0 && seconds_now() < end) usleep(5000);
    kill(-c->process, SIGKILL); // what it started and left
    if (ended == 0) waitpid(c->process, NULL, 0);
    free(c->read);
    free(c);
}

// "it ended with status 3", once its stdout has ended.
static void describe_end(RewardCommand *c, char text[64]) {
    siginfo_t info = {0};
    for (int tries = 0; tries < 200 && !info.si_pid; tries++) {
        if (waitid(P_PID, (id_t)c->process, &info, WEXITED | WNOHANG | WNOWAIT) != 0) break;
        if (!info.si_pid) usleep(5000);
    }
    if (!info.si_pid) snprintf(text, 64, "it closed its stdout");
    else if (info.si_code == CLD_EXITED) snprintf(text, 64, "it ended with status %d", info.si_status);
    else snprintf(text, 64, "it was killed by signal %d", info.si_status);
}

// ---- Rows out, answers in ------------------------------------------------------------------------------------------
typedef struct Text { // (n)
    char *at;
    size_t n, room;
} Text;

static void append(Text *to, const char *bytes, size_t n) {
    if (to->n + n > to->room) {
        to->at = realloc(to->at, to->room = 2 * (to->n + n));
        REQUIRE(to->at, "out of memory for %zu bytes of responses", to->n + n);
    }
    memcpy(to->at + to->n, bytes, n);
    to->n += n;
}

static void row_id(const RewardRow *row, char id[48]) {
    snprintf(id, 48, "%lld/%d", (long long)row->problem->id, row->rollout);
}

static void write_row(Text *to, const RewardRow *row) {
    char id[48], *response = utf8_text(row->text, row->len, NULL);
    cJSON *json = cJSON_CreateObject();
    row_id(row, id);
    REQUIRE(response && json, "out of memory");
    cJSON_AddStringToObject(json, "id", id);
    cJSON_AddStringToObject(json, "prompt", row->problem->prompt);
    cJSON_AddStringToObject(json, "response", response);
    cJSON_AddStringToObject(json, "gold", row->problem->gold);
    cJSON_AddBoolToObject(json, "truncated", row->truncated);
    char *line = cJSON_PrintUnformatted(json);
    REQUIRE(line, "out of memory");
    append(to, line, strlen(line));
    append(to, "\n", 1);
    cJSON_free(line);
    cJSON_Delete(json);
    free(response);
}

// Copies text for a message: its first bytes, what is not printable ASCII as '?'.
static void printable(const char *text, size_t n, char *to, size_t size) {
    size_t i = 0;
    for (; i < n && i + 1 < size; i++) to[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    to[i] = 0;
}

// What is wrong, and with which row.
static bool refuse(const RewardRow *row, int index, int count, const char *what, Error *err) {
    char id[48], prompt[61];
    row_id(row, id);
    printable(row->problem->prompt, strlen(row->problem->prompt), prompt, sizeof prompt);
    return fail(err, "--reward-command, row %d of %d (id %s, prompt \"%s\"): %.250s", index + 1, count, id, prompt,
                what);
}

// One answer, a line of n bytes. The reason in `what`.
static bool take_answer(const char *line, size_t n, RewardRow *row, char what[256]) {
    char id[48], shown[120];
    const char *end = line;
    cJSON *json = cJSON_ParseWithLengthOpts(line, n, &end, 0);
    const cJSON *reward = json_get(json, "reward"), *correct = json_get(json, "correct"), *named = json_get(json, "id");
    bool object = cJSON_IsObject(json) && strspn(end, " \t\r") >= n - (size_t)(end - line);
    bool ok = object && cJSON_IsNumber(reward) && fabs(reward->valuedouble) <= REWARD_MAX &&
              (!correct || cJSON_IsNull(correct) || cJSON_IsBool(correct));
    printable(line, n, shown, sizeof shown);
    row_id(row, id);
    if (!object) snprintf(what, 256, "its answer is not one JSON object (NaN is none): %s", *shown ? shown : "(empty)");
    else if (!ok)
        snprintf(what, 256, "its answer needs a number \"reward\" of at most a million, and true or false as "
                 "\"correct\": %s", shown);
    else if (cJSON_IsString(named) && strcmp(named->valuestring, id) != 0)
        ok = false, snprintf(what, 256, "its answer is to another id: %s", shown);
    if (ok) {
        row->reward = reward->valuedouble;
        row->correct = cJSON_IsBool(correct) ? cJSON_IsTrue(correct) : row->reward > 0.5;
    }
    cJSON_Delete(json);
    return ok;
}

// Writes as much as the pipe takes, without the signal that a pipe without a reader sends (it is blocked and taken
// here, so that the rest of the program keeps its own). False where nobody reads.
static bool send_some(RewardCommand *c, const Text *rows, size_t *sent) {
    sigset_t pipe_signal, before, pending;
    sigemptyset(&pipe_signal), sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    ssize_t got = write(c->to, rows->at + *sent, rows->n - *sent);
    int why = errno;
    if (got < 0 && why == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipe_signal, NULL, &(struct timespec){0}) < 0 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (got > 0) *sent += (size_t)got;
    return got >= 0 || why == EAGAIN || why == EINTR;
}

// Reads what is there. 1: something, 0: nothing yet, -1: the end.
static int read_some(RewardCommand *c) {
    if (c->room - c->used < 4096) {
        c->read = realloc(c->read, c->room = 2 * c->room + 65536);
        REQUIRE(c->read, "out of memory");
    }
    ssize_t got = read(c->from, c->read + c->used, c->room - c->used);
    if (got > 0) c->used += (size_t)got;
    return got > 0 ? 1 : got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

// Takes the whole lines that were read as answers to rows *done, *done + 1, ...
static bool take_answers(RewardCommand *c, RewardRow *rows, int count, int *done, Error *err) {
    size_t at = 0;
    char what[256];
    for (char *newline; c->used > at && (newline = memchr(c->read + at, '\n', c->used - at)); ++*done) {
        size_t n = (size_t)(newline - c->read) - at;
        if (*done == count) return refuse(&rows[count - 1], count - 1, count, "more answers than rows came", err);
        if (!take_answer(c->read + at, n, &rows[*done], what)) return refuse(&rows[*done], *done, count, what, err);
        at += n + 1;
    }
    c->used -= at;
    memmove(c->read, c->read + at, c->used);
    if (c->used > ANSWER_MAX || (*done == count && c->used > 0))
        return refuse(&rows[*done == count ? count - 1 : *done], *done, count,
                      *done == count ? "more than its answer followed it" : "its answer has no end", err);
    return true;
}

// Sends and reads at the same time, so that neither side waits for a pipe that is full.
static bool exchange(RewardCommand *c, const Text *out, RewardRow *rows, int count, Error *err) {
    size_t sent = 0;
    int done = 0;
    bool taken = true; // the program reads
    double since = seconds_now();
    char what[256], how[64];
    while (done < count) {
        struct pollfd wait[2] = {{.fd = c->from, .events = POLLIN},
                                 {.fd = taken && sent < out->n ? c->to : -1, .events = POLLOUT}};
        double left = since + c->timeout - seconds_now();
        if (left <= 0) {
            snprintf(what, sizeof what, "no answer within %d s (--reward-timeout)", c->timeout);
            return refuse(&rows[done], done, count, what, err);
        }
        if (poll(wait, 2, left < 1 ? (int)(left * 1000) + 1 : 1000) <= 0) continue;
        if (wait[1].revents) taken = send_some(c, out, &sent);
        int got = wait[0].revents ? read_some(c) : 0, before = done;
        if (got > 0 && !take_answers(c, rows, count, &done, err)) return false;
        if (done > before) since = seconds_now();
        if (got >= 0) continue;
        describe_end(c, how);
        snprintf(what, sizeof what, "no answer: %s", how);
        return refuse(&rows[done], done, count, what, err);
    }
    return sent == out->n || refuse(&rows[count - 1], count - 1, count, "it was answered before it was sent", err);
}

static bool grade(RewardCommand *c, RewardRow *rows, int count, Error *err) {
    Text out = {0};
    int early = read_some(c);
    if (early > 0 || c->used > 0) {
        char shown[100], what[256];
        printable(c->read, c->used, shown, sizeof shown);
        snprintf(what, sizeof what, "it wrote before it was asked: %s", shown);
        return refuse(&rows[0], 0, count, what, err);
    }
    for (int i = 0; i < count; i++) write_row(&out, &rows[i]);
    bool ok = exchange(c, &out, rows, count, err);
    free(out.at);
    return ok;
}

bool reward_command_grade(RewardCommand *c, RewardRow *rows, int count, Error *err) {
    c->broken = count > 0 && !grade(c, rows, count, err);
    return !c->broken;
}

void reward_command_fail(const Error *err) {
    fprintf(stderr, "\nerror: %s\n", err->text);
    end_process();
}

// ---- A step's rollouts ---------------------------------------------------------------------------------------------
void reward_command_rollouts(RewardCommand *c, const ProblemSet *set, const Tokenizer *tokenizer, const Prompt *prompts,
                             Rollout *rollouts, int count, int rank) {
    RewardRow *rows = calloc((size_t)count + 1, sizeof *rows);
    REQUIRE(rows, "out of memory");
    int n = 0;
    for (int j = 0; j < count; j++) {
        const Rollout *r = &rollouts[j];
        if (r->rank != rank) continue;
        RewardRow *row = &rows[n++];
        *row = (RewardRow){&set->items[prompts[r->prompt].problem], r->number, NULL, 0, r->truncated, 0, false};
        row->text = response_text(tokenizer, r, &row->len);
    }
    Error err;
    bool ok = reward_command_grade(c, rows, n, &err);
    if (!ok) reward_command_fail(&err);
    for (int j = 0, i = 0; j < count; j++) {
        if (rollouts[j].rank != rank) continue;
        rollouts[j].reward = (float)rows[i].reward;
        rollouts[j].verdict = rows[i].correct ? VERDICT_CORRECT : rows[i].truncated ? VERDICT_TRUNCATED : VERDICT_WRONG;
        free((char *)rows[i++].text);
    }
    free(rows);
}
