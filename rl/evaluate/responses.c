// Optional (./eval): the partial file, read and written line by line.
#define _GNU_SOURCE // getline
#include "rl/evaluate/responses.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 2048 };

struct ResponseFile {
    char path[PATH_BYTES];
    FILE *file;
    bool reading; // rows may follow; otherwise at the end, where rows are written
    long good;    // bytes of the identity and of whole problems
    int line_number;
    char *line; // of getline
    size_t room;
};

// The next whole line without its newline, or NULL.
static const char *next_line(ResponseFile *f) {
    ssize_t length = getline(&f->line, &f->room, f->file);
    if (length <= 0 || f->line[length - 1] != '\n') return NULL;
    f->line[length - 1] = 0;
    f->line_number++;
    return f->line;
}

static bool same_identity(const ResponseFile *f, const cJSON *identity, const char *line, Error *err) {
    JsonDifference d;
    cJSON *saved = cJSON_Parse(line);
    bool same = json_same(identity, saved, &d);
    if (!same)
        fail(err, "%.200s: an unfinished evaluation with %s %.60s, not %.60s: use the same flags and files, or --fresh",
             f->path, d.key, d.saved, d.wanted);
    cJSON_Delete(saved);
    return same;
}

static bool begin(ResponseFile *f, const cJSON *identity, Error *err) {
    char *text = cJSON_PrintUnformatted(identity);
    rewind(f->file);
    bool ok = text && ftruncate(fileno(f->file), 0) == 0 && fprintf(f->file, "%s\n", text) > 0 && fflush(f->file) == 0;
    cJSON_free(text);
    return ok || fail(err, "%.300s: %s", f->path, strerror(errno));
}

// Opens the file for this process alone: a regular file, or a new one.
static FILE *open_alone(const char *path, Error *err) {
    struct stat info;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0666); // O_NONBLOCK: for FIFOs
    if (fd < 0) return fail(err, "%.300s: %s", path, strerror(errno)), NULL;
    bool ok = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    if (!ok) fail(err, "%.300s: not a regular file", path);
    if (ok && !file_lock(fd) && errno == EWOULDBLOCK)
        ok = fail(err, "%.300s: another process is writing this evaluation", path);
    if (ok) return fdopen(fd, "r+");
    close(fd);
    return NULL;
}

ResponseFile *responses_open(const char *path, const cJSON *identity, bool fresh, Error *err) {
    ResponseFile *f = calloc(1, sizeof *f);
    REQUIRE(f, "out of memory");
    snprintf(f->path, sizeof f->path, "%s", path);
    f->file = open_alone(path, err);
    const char *line = f->file && !fresh ? next_line(f) : NULL; // NULL: not even its first line is whole
    f->reading = line != NULL;
    bool ok = f->file && (line ? same_identity(f, identity, line, err) : begin(f, identity, err));
    if (ok && line) f->good = ftell(f->file);
    if (ok) return f;
    responses_close(f);
    return NULL;
}

void responses_close(ResponseFile *f) {
    if (!f) return;
    if (f->file) fclose(f->file);
    free(f->line);
    free(f);
}

bool responses_refuse(const ResponseFile *f, const char *what, Error *err) {
    return fail(err, "%.300s:%d: %s: start over with --fresh", f->path, f->line_number, what);
}

static char *bytes_of(const cJSON *row, size_t *len) {
    const char *hex = json_string(row, "response_hex", NULL), *text = json_string(row, "response", NULL);
    if (!text) return NULL;
    if (!hex) return *len = strlen(text), strdup(text);
    *len = strlen(hex) / 2;
    char *bytes = calloc(*len + 1, 1);
    for (size_t i = 0; bytes && i < *len; i++) {
        unsigned byte = 0;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) return free(bytes), NULL;
        bytes[i] = (char)byte;
    }
    return bytes;
}

// Whether the row is sample `sample` of the problem; writes response.
static bool parse_row(const cJSON *row, const Problem *problem, int sample, Response *response) {
    const char *verdict = json_string(row, "verdict", "");
    int v = 0, tokens = json_int(row, "tokens", -1);
    bool own = json_double(row, "prompt_id", NAN) == (double)problem->id && json_int(row, "sample", -1) == sample;
    while (v < VERDICT_COUNT && strcmp(verdict_name((Verdict)v), verdict)) v++;
    if (!own || v == VERDICT_COUNT || tokens < 0) return false;
    *response = (Response){.tokens = tokens, .truncated = v == VERDICT_TRUNCATED, .verdict = (Verdict)v};
    response->text = bytes_of(row, &response->len);
    return response->text != NULL;
}

// Cuts off what is not whole, and continues with writing rows.
static int end_reading(ResponseFile *f, Error *err) {
    f->reading = false;
    if (fflush(f->file) == 0 && ftruncate(fileno(f->file), f->good) == 0 && fseek(f->file, f->good, SEEK_SET) == 0)
        return 0;
    fail(err, "%.300s: %s", f->path, strerror(errno));
    return -1;
}

int responses_read(ResponseFile *f, const Problem *problem, int n, Response *responses, Error *err) {
    if (!f->reading) return 0;
    for (int s = 0; s < n; s++) {
        const char *line = next_line(f);
        if (!line) return end_reading(f, err);
        cJSON *row = cJSON_Parse(line);
        bool ok = parse_row(row, problem, s, &responses[s]);
        cJSON_Delete(row);
        if (!ok) return responses_refuse(f, "not the row of this problem and sample", err), -1;
    }
    f->good = ftell(f->file);
    return 1;
}

#define DISK_FULL "%s: %s: free some disk space and run the same command again to resume"

static void add_hex(cJSON *row, const Response *r) {
    char *hex = malloc(2 * r->len + 1);
    REQUIRE(hex, "out of memory");
    for (size_t i = 0; i < r->len; i++) snprintf(hex + 2 * i, 3, "%02x", (unsigned char)r->text[i]);
    cJSON_AddStringToObject(row, "response_hex", hex);
    free(hex);
}

void responses_write(ResponseFile *f, const char *set, const Problem *problem, int sample, const Response *r) {
    cJSON *row = cJSON_CreateObject();
    bool exact;
    char id[24], *text = utf8_text(r->text, r->len, &exact);
    REQUIRE(text, "out of memory");
    snprintf(id, sizeof id, "%lld", (long long)problem->id);
    cJSON_AddStringToObject(row, "set", set);
    cJSON_AddRawToObject(row, "prompt_id", id); // a double does not hold 63 bits
    cJSON_AddNumberToObject(row, "sample", sample);
    cJSON_AddStringToObject(row, "prompt", problem->prompt);
    cJSON_AddStringToObject(row, "gold", problem->gold);
    cJSON_AddStringToObject(row, "response", text);
    if (!exact) add_hex(row, r);
    cJSON_AddStringToObject(row, "verdict", verdict_name(r->verdict));
    cJSON_AddNumberToObject(row, "reward", r->reward);
    cJSON_AddItemToObject(row, "span", cJSON_CreateIntArray((int[]){(int)r->start, (int)(r->start + r->length)}, 2));
    cJSON_AddNumberToObject(row, "tokens", r->tokens);
    char *line = cJSON_PrintUnformatted(row);
    REQUIRE(line, "out of memory");
    REQUIRE(fprintf(f->file, "%s\n", line) > 0, DISK_FULL, f->path, strerror(errno));
    cJSON_free(line);
    cJSON_Delete(row);
    free(text);
}

void responses_flush(ResponseFile *f) {
    REQUIRE(fflush(f->file) == 0, DISK_FULL, f->path, strerror(errno));
}

// Copies what follows the first line.
static bool copy_rows(ResponseFile *f, const char *to, Error *err) {
    FileReplacement r;
    char buffer[1 << 16];
    if (!file_replace_begin(&r, to, err)) return false;
    rewind(f->file);
    bool ok = next_line(f) != NULL;
    for (size_t n; ok && (n = fread(buffer, 1, sizeof buffer, f->file)) > 0;) ok = fwrite(buffer, 1, n, r.file) == n;
    if (ok && !ferror(f->file)) return file_replace_commit(&r, err);
    fail(err, "%.300s: %s; the responses are in %.100s", to, strerror(errno), f->path);
    file_replace_abandon(&r);
    return false;
}

bool responses_finish(ResponseFile *f, const char *to, Error *err) {
    if (f->reading && end_reading(f, err) < 0) return false;
    if (fflush(f->file) != 0) return fail(err, "%.300s: %s", f->path, strerror(errno));
    if (to && !copy_rows(f, to, err)) return false;
    if (unlink(f->path) == 0) return true;
    return fail(err, "%.300s: %s", f->path, strerror(errno));
}
