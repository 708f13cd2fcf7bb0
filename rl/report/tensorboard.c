// Optional (--tensorboard).
#include "rl/report/tensorboard.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include <errno.h>
#include <math.h>
#include <string.h>

struct Tensorboard {
    FILE *file;
    bool failed; // said so
};

typedef struct Bytes { // a message in the making
    unsigned char *at;
    size_t n, room;
} Bytes;

uint32_t crc32c(const void *bytes, size_t n) {
    const unsigned char *s = bytes;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= s[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82f63b78 & (0u - (crc & 1)));
    }
    return ~crc;
}

static uint32_t masked_crc(const void *bytes, size_t n) {
    uint32_t crc = crc32c(bytes, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

// ---- Protocol buffers: a field is a varint (number << 3 | wire type), then its value -------------------------------
enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

static void put(Bytes *to, const void *bytes, size_t n) {
    if (to->n + n > to->room) {
        to->at = realloc(to->at, to->room = 2 * (to->n + n) + 256);
        REQUIRE(to->at, "out of memory");
    }
    memcpy(to->at + to->n, bytes, n);
    to->n += n;
}

static void put_varint(Bytes *to, uint64_t x) {
    unsigned char digits[10];
    size_t n = 0;
    do digits[n++] = (unsigned char)((x & 127) | (x > 127 ? 128 : 0));
    while (x >>= 7);
    put(to, digits, n);
}

static void put_little_endian(Bytes *to, uint64_t x, size_t n) {
    unsigned char bytes[8];
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)(x >> 8 * i);
    put(to, bytes, n);
}

static void put_double(Bytes *to, int field, double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    put_varint(to, (uint64_t)field << 3 | FIXED64);
    put_little_endian(to, bits, 8);
}

static void put_float(Bytes *to, int field, float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    put_varint(to, (uint64_t)field << 3 | FIXED32);
    put_little_endian(to, bits, 4);
}

static void put_message(Bytes *to, int field, const void *bytes, size_t n) {
    put_varint(to, (uint64_t)field << 3 | LENGTH);
    put_varint(to, n);
    put(to, bytes, n);
}

// ---- Records -------------------------------------------------------------------------------------------------------
static void write_record(Tensorboard *board, const Bytes *event) {
    Bytes record = {0};
    put_little_endian(&record, event->n, 8);
    put_little_endian(&record, masked_crc(record.at, 8), 4);
    put(&record, event->at, event->n);
    put_little_endian(&record, masked_crc(event->at, event->n), 4);
    bool ok = fwrite(record.at, 1, record.n, board->file) == record.n && fflush(board->file) == 0;
    if (!ok && !board->failed)
        fprintf(stderr, "warning: TensorBoard's file lacks a step: %s\n", strerror(errno)), board->failed = true;
    free(record.at);
}

// The tag of a figure: heldout/pass1 for heldout_pass1, else its phase and name.
static void tag_of(const char *phase, const char *name, char tag[128]) {
    if (begins(name, "heldout_")) snprintf(tag, 128, "heldout/%.100s", name + strlen("heldout_"));
    else snprintf(tag, 128, "%.20s/%.100s", phase, name);
}

void tensorboard_add(Tensorboard *board, const cJSON *row) {
    static const char *const keys[] = {"step", "global_step", "time"}; // where the figures are, not figures
    if (!board || !json_string(row, "phase", NULL)) return;
    char *text = cJSON_PrintUnformatted(row); // a row in the making holds its numbers as text
    cJSON *parsed = text ? cJSON_Parse(text) : NULL;
    REQUIRE(parsed, "out of memory");
    Bytes event = {0}, summary = {0}, value = {0};
    double step = json_double(parsed, "global_step", json_double(parsed, "step", 0));
    for (const cJSON *item = parsed->child; item; item = item->next) {
        bool key = false;
        char tag[128];
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) key |= strcmp(item->string, keys[i]) == 0;
        if (key || !cJSON_IsNumber(item) || !isfinite(item->valuedouble)) continue;
        tag_of(json_string(parsed, "phase", ""), item->string, tag);
        value.n = 0;
        put_message(&value, 1, tag, strlen(tag));
        put_float(&value, 2, (float)item->valuedouble);
        put_message(&summary, 1, value.at, value.n);
    }
    put_double(&event, 1, json_double(parsed, "time", 0));
    put_varint(&event, 2 << 3 | VARINT);
    put_varint(&event, step > 0 ? (uint64_t)step : 0);
    if (summary.n) put_message(&event, 5, summary.at, summary.n);
    if (summary.n) write_record(board, &event);
    free(event.at), free(summary.at), free(value.at);
    cJSON_Delete(parsed);
    cJSON_free(text);
}

Tensorboard *tensorboard_open(const char *dir, Error *err) {
    static const char version[] = "brain.Event:2";
    char path[FILE_PATH_SIZE];
    snprintf(path, sizeof path, "%s/tb", dir);
    if (!folder_make(path, err)) return NULL;
    snprintf(path, sizeof path, "%s/tb/%s", dir, TENSORBOARD_FILE);
    Tensorboard *board = calloc(1, sizeof *board);
    REQUIRE(board, "out of memory");
    if (!(board->file = fopen(path, "wbe"))) return fail(err, "%.400s: %s", path, strerror(errno)), free(board), NULL;
    Bytes event = {0};
    put_double(&event, 1, 0);
    put_message(&event, 3, version, strlen(version));
    write_record(board, &event);
    free(event.at);
    return board;
}

void tensorboard_close(Tensorboard *board) {
    if (board) fclose(board->file);
    free(board);
}
