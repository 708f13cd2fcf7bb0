// Optional (converters): llama2.c's tokenizer.bin as byte-level BPE. The file has the int32 length of the longest
// piece, then for each piece a float score, an int32 length and its bytes. SentencePiece starts from characters and
// merges the adjacent pair whose piece has the best score. As byte-level BPE, every pair of pieces that forms a piece
// is a merge, ranked by that piece's score. Merges that form a character of two bytes come before all others. A
// character of more bytes has no tokens for its parts, so it becomes an added token, matched before the merges; a
// longer piece that contains one is refused. A single-byte token stands for its byte unless a piece is that byte.
// llama2.c also puts a space before every text; here the prompt must contain it.
#define _GNU_SOURCE // asprintf, qsort_r
#include "dev/convert/convert.h"
#include "dev/convert/llama2c.h"
#include "base/files.h"
#include "model/tokenizer/vocab.h"
#include <math.h>
#include <string.h>
#include <utf8proc.h>

typedef struct Piece {
    const char *bytes; // in the file
    int n;
    float score;
} Piece;

typedef struct Pair {
    int left, right, made;
} Pair;

typedef struct Conversion {
    const char *path;
    Piece *pieces; // (V)
    int V;
    Vocab vocab; // pieces that merges may make
    Pair *pairs;
    size_t n_pairs, room;
    const char **tokens, **merges;
    unsigned char *is_added, *is_special;
} Conversion;

static bool read_pieces(Conversion *c, const char *bytes, size_t n, Error *err) {
    size_t at = 4;
    for (int i = 0; i < c->V; i++) {
        Piece *p = &c->pieces[i];
        if (at + 8 > n) return fail(err, "%s: ends after %d of %d pieces", c->path, i, c->V);
        memcpy(&p->score, bytes + at, 4);
        memcpy(&p->n, bytes + at + 4, 4);
        p->bytes = bytes + at + 8;
        if (p->n < 1 || p->n > 1024 || (size_t)p->n > n - at - 8)
            return fail(err, "%s: piece %d has %d bytes (at byte %zu)", c->path, i, p->n, at);
        if (isnan(p->score)) return fail(err, "%s: the score of piece %d is not a number", c->path, i);
        at += 8 + (size_t)p->n;
    }
    if (at == n) return true;
    return fail(err, "%s: %zu bytes after its %d pieces: is it the tokenizer of this model?", c->path, n - at, c->V);
}

// The spelling of n bytes in byte-level BPE; the caller frees it.
static char *spell(const char *bytes, int n) {
    char *text = malloc(2 * (size_t)n + 1);
    REQUIRE(text, "out of memory");
    char *end = text;
    for (int i = 0; i < n; i++)
        end += utf8proc_encode_char(spelling_of_byte((unsigned char)bytes[i]), (utf8proc_uint8_t *)end);
    *end = 0;
    return text;
}

static char *copy(const char *bytes, int n) {
    char *text = strndup(bytes, (size_t)n);
    REQUIRE(text, "out of memory");
    return text;
}

// The bytes of the longest character of a piece, and how many characters it has; 0 if it is not UTF-8.
static int longest_character(const Piece *p, int *count) {
    int longest = 0;
    utf8proc_int32_t rune;
    *count = 0;
    for (int i = 0; i < p->n; ++*count) {
        int step = (int)utf8proc_iterate((const utf8proc_uint8_t *)p->bytes + i, p->n - i, &rune);
        if (step <= 0) return 0;
        longest = step > longest ? step : longest;
        i += step;
    }
    return longest;
}

static bool name_piece(Conversion *c, int i, Error *err) {
    static const char *const special[] = {"<unk>", "<s>", "</s>"};
    const Piece *p = &c->pieces[i];
    Error why = {""};
    int count, longest = longest_character(p, &count);
    if (i < LLAMA2C_BYTES) {
        c->tokens[i] = copy(special[i], (int)strlen(special[i]));
        c->is_added[i] = c->is_special[i] = 1;
    } else if (longest > 2 && count == 1) {
        c->tokens[i] = copy(p->bytes, p->n);
        c->is_added[i] = 1;
    } else if (longest == 1 || longest == 2) {
        c->tokens[i] = spell(p->bytes, p->n);
        if (!vocab_add(&c->vocab, i, p->bytes, (size_t)p->n, TOKEN_BYTES, &why))
            return fail(err, "%s: %s", c->path, why.text);
    } else
        return fail(err, "%s: piece %d is not UTF-8, or needs SentencePiece: it has characters without merges", c->path,
                    i);
    return true;
}

static void add_pair(Conversion *c, int left, int right, int made) {
    if (c->n_pairs == c->room) {
        c->room = 2 * c->room + 64;
        c->pairs = realloc(c->pairs, c->room * sizeof *c->pairs);
        REQUIRE(c->pairs, "out of memory");
    }
    c->pairs[c->n_pairs++] = (Pair){left, right, made};
}

static void find_pairs(Conversion *c) {
    for (int i = LLAMA2C_BYTES + 256; i < c->V; i++) {
        const Piece *p = &c->pieces[i];
        int count, longest = longest_character(p, &count);
        const unsigned char *bytes = (const unsigned char *)p->bytes;
        if (count == 1 && longest == 2) add_pair(c, LLAMA2C_BYTES + bytes[0], LLAMA2C_BYTES + bytes[1], i);
        for (int n = 1; n < p->n && !c->is_added[i]; n++) {
            int left = vocab_find(&c->vocab, p->bytes, (size_t)n, TOKEN_BYTES);
            int right = vocab_find(&c->vocab, p->bytes + n, (size_t)(p->n - n), TOKEN_BYTES);
            if (left >= 0 && right >= 0) add_pair(c, left, right, i);
        }
    }
}

// The 256 single bytes: the token keeps its name "<0x41>" if another piece is that byte, else it is the byte.
static void name_bytes(Conversion *c) {
    for (int byte = 0; byte < 256; byte++) {
        int id = LLAMA2C_BYTES + byte;
        char bytes[1] = {(char)byte}, name[8];
        snprintf(name, sizeof name, "<0x%02X>", byte);
        c->tokens[id] = vocab_find(&c->vocab, bytes, 1, TOKEN_BYTES) >= 0 ? copy(name, 6) : spell(bytes, 1);
    }
}

static bool of_bytes(const Pair *p) { return p->left < LLAMA2C_BYTES + 256; }

static int by_score(const void *a, const void *b, void *context) {
    const Pair *s = a, *t = b;
    const Piece *pieces = context;
    float x = pieces[s->made].score, y = pieces[t->made].score;
    if (of_bytes(s) != of_bytes(t)) return of_bytes(s) ? -1 : 1;
    if (x != y) return x < y ? 1 : -1;
    return s->made != t->made ? s->made - t->made : s->left - t->left;
}

static bool write_folder(Conversion *c, const char *dir, Error *err) {
    qsort_r(c->pairs, c->n_pairs, sizeof *c->pairs, by_score, c->pieces);
    c->merges = calloc(c->n_pairs + 1, sizeof *c->merges);
    REQUIRE(c->merges, "out of memory");
    for (size_t i = 0; i < c->n_pairs; i++) {
        char *merge = NULL;
        const Pair *p = &c->pairs[i];
        REQUIRE(asprintf(&merge, "%s %s", c->tokens[p->left], c->tokens[p->right]) >= 0, "out of memory");
        c->merges[i] = merge;
    }
    ConvertedTokenizer t = {.V = c->V, .tokens = c->tokens, .is_added = c->is_added, .is_special = c->is_special,
                            .merges = c->merges, .n_merges = c->n_pairs, .bos = LLAMA2C_BOS, .eos = LLAMA2C_EOS};
    return convert_write_tokenizer(&t, dir, err);
}

static void conversion_free(Conversion *c) {
    for (int i = 0; i < c->V && c->tokens; i++) free((char *)c->tokens[i]);
    for (size_t i = 0; i < c->n_pairs && c->merges; i++) free((char *)c->merges[i]);
    free(c->tokens), free(c->merges), free(c->pairs), free(c->pieces), free(c->is_added), free(c->is_special);
    vocab_free(&c->vocab);
}

bool llama2c_tokenizer(const char *path, int V, const char *dir, Error *err) {
    size_t n, room = (size_t)V + 1;
    if (V <= LLAMA2C_BYTES + 256)
        return fail(err, "%s: a vocabulary of %d; special tokens and bytes take %d", path, V, LLAMA2C_BYTES + 256);
    char *bytes = file_read(path, (size_t)64 << 20, &n, err);
    if (!bytes) return false;
    Conversion c = {.path = path, .V = V, .pieces = calloc(room, sizeof *c.pieces),
                    .tokens = calloc(room, sizeof *c.tokens), .is_added = calloc(room, 1),
                    .is_special = calloc(room, 1)};
    bool ok = c.pieces && c.tokens && c.is_added && c.is_special && vocab_init(&c.vocab, V);
    ok = (ok || fail(err, "%s: out of memory", path)) && read_pieces(&c, bytes, n, err);
    for (int i = 0; ok && i < V; i++)
        if (i < LLAMA2C_BYTES || i >= LLAMA2C_BYTES + 256) ok = name_piece(&c, i, err);
    if (ok) {
        find_pairs(&c);
        name_bytes(&c);
        ok = write_folder(&c, dir, err);
    }
    conversion_free(&c);
    free(bytes);
    return ok;
}
