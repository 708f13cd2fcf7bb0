// Optional (Hugging Face models): the vocabulary, a hash table over the tokens' bytes.
#include "model/tokenizer/vocab.h"
#include <string.h>
#include <utf8proc.h>

// The 68 bytes without a printable Latin-1 character are 0-32, 127-160 and 173.
int spelling_of_byte(int byte) {
    if (byte <= 32) return 256 + byte;
    if (byte >= 127 && byte <= 160) return 256 + 33 + byte - 127;
    return byte == 173 ? 256 + 67 : byte;
}

static int byte_of_spelling(int rune) {
    if (rune < 256) return spelling_of_byte(rune) == rune ? rune : -1;
    if (rune < 256 + 33) return rune - 256;
    if (rune < 256 + 67) return rune - 256 - 33 + 127;
    return rune == 256 + 67 ? 173 : -1;
}

TokenKind token_from_spelling(const char *text, size_t len, char *bytes, size_t *n) {
    bool alphabet = true;
    utf8proc_int32_t rune;
    *n = 0;
    for (size_t i = 0; i < len;) {
        const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text + i;
        utf8proc_ssize_t step = utf8proc_iterate(at, (utf8proc_ssize_t)(len - i), &rune);
        if (step <= 0) return TOKEN_MISSING;
        int byte = byte_of_spelling(rune);
        alphabet = alphabet && byte >= 0;
        if (alphabet) bytes[(*n)++] = (char)byte;
        i += (size_t)step;
    }
    if (alphabet) return TOKEN_BYTES;
    memcpy(bytes, text, len);
    *n = len;
    return TOKEN_LITERAL;
}

bool vocab_init(Vocab *vocab, int size) {
    size_t slots = 16;
    while (slots < (size_t)size * 3 / 2) slots *= 2;
    *vocab = (Vocab){.size = size, .mask = slots - 1};
    memset(vocab->byte_ids, -1, sizeof vocab->byte_ids);
    vocab->entries = calloc((size_t)size + 1, sizeof *vocab->entries);
    vocab->slots = malloc(slots * sizeof *vocab->slots);
    if (!vocab->entries || !vocab->slots) return false;
    for (size_t i = 0; i < slots; i++) vocab->slots[i].id = -1;
    return true;
}

void vocab_free(Vocab *vocab) {
    free(vocab->entries);
    free(vocab->bytes);
    free(vocab->slots);
}

// Eight bytes at a time, multiplied and folded (the scheme of wyhash without its secrets).
static uint64_t hash_bytes(const char *bytes, size_t len, TokenKind kind) {
    uint64_t hash = len * 0x9e3779b97f4a7c15u + kind;
    while (len) {
        uint64_t chunk = 0;
        size_t n = len < 8 ? len : 8;
        if (n == 8) memcpy(&chunk, bytes, 8);
        else
            for (size_t i = 0; i < n; i++) chunk |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
        __uint128_t product = (__uint128_t)(hash ^ chunk) * 0xa0761d6478bd642fu;
        hash = (uint64_t)product ^ (uint64_t)(product >> 64) ^ chunk;
        bytes += n;
        len -= n;
    }
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

// The token's slot, or the empty slot where it belongs.
static VocabSlot *find_slot(const Vocab *vocab, const char *bytes, size_t len, TokenKind kind, uint32_t *tag) {
    uint64_t hash = hash_bytes(bytes, len, kind);
    *tag = (uint32_t)(hash >> 32);
    for (size_t i = (size_t)hash & vocab->mask;; i = (i + 1) & vocab->mask) {
        VocabSlot *slot = &vocab->slots[i];
        if (slot->id < 0) return slot;
        if (slot->tag != *tag) continue;
        const TokenEntry *entry = &vocab->entries[slot->id];
        if (entry->len != len || entry->kind != kind) continue;
        if (memcmp(vocab->bytes + entry->start, bytes, len) == 0) return slot;
    }
}

int vocab_find(const Vocab *vocab, const char *bytes, size_t len, TokenKind kind) {
    uint32_t tag;
    return len > vocab->longest || !vocab->bytes ? -1 : find_slot(vocab, bytes, len, kind, &tag)->id;
}

static bool append(Vocab *vocab, const char *bytes, size_t len, size_t *start) {
    if (vocab->room - vocab->n_bytes < len + 1) {
        size_t room = 2 * vocab->room + len + 4096;
        char *more = realloc(vocab->bytes, room);
        if (!more) return false;
        vocab->bytes = more;
        vocab->room = room;
    }
    memcpy(vocab->bytes + vocab->n_bytes, bytes, len);
    *start = vocab->n_bytes;
    vocab->n_bytes += len;
    return true;
}

bool vocab_add(Vocab *vocab, int id, const char *bytes, size_t len, TokenKind kind, Error *err) {
    uint32_t tag;
    if (id < 0 || id >= vocab->size) return fail(err, "id %d is outside the vocabulary", id);
    TokenEntry *entry = &vocab->entries[id];
    if (entry->kind != TOKEN_MISSING) return fail(err, "id %d is given twice", id);
    if (len > (size_t)1 << 24) return fail(err, "the token of id %d is longer than 16 MiB", id);
    VocabSlot *slot = find_slot(vocab, bytes, len, kind, &tag);
    if (slot->id >= 0) return fail(err, "ids %d and %d are the same token", slot->id, id);
    if (!append(vocab, bytes, len, &entry->start)) return fail(err, "out of memory");
    entry->len = (uint32_t)len;
    entry->kind = (unsigned char)kind;
    *slot = (VocabSlot){tag, id};
    if (len > vocab->longest) vocab->longest = len;
    if (kind == TOKEN_BYTES && len == 1) vocab->byte_ids[(unsigned char)*bytes] = id;
    return true;
}
