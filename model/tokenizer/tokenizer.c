// Optional (Hugging Face models): loading, saving and encoding. file.h describes the steps.
#include "model/tokenizer/tokenizer.h"
#include "base/files.h"
#include "base/text.h"
#include "model/tokenizer/file.h"
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t MAX_FILE = (size_t)256 << 20, MAX_TEXT = (size_t)256 << 20;
static const char *const beside[] = {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"};
enum { PATH_ROOM = 4400 };

// Reads dir/name and keeps its bytes for tokenizer_save. Returns them, or NULL. writes the path.
static const char *keep_file(Tokenizer *t, const char *dir, const char *name, char *path, Error *err) {
    TokenizerFile *file = &t->files[t->n_files];
    snprintf(path, PATH_ROOM, "%s/%s", dir, name);
    file->name = name;
    file->bytes = file_read(path, MAX_FILE, &file->n, err);
    if (file->bytes) t->n_files++;
    return file->bytes;
}

static bool has_file(const char *dir, const char *name) {
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static cJSON *keep_json(Tokenizer *t, const char *dir, const char *name, char *path, Error *err) {
    const char *text = keep_file(t, dir, name, path, err), *end = text;
    cJSON *json = text ? cJSON_ParseWithLengthOpts(text, t->files[t->n_files - 1].n, &end, 0) : NULL;
    if (text && !json) fail(err, "%s: not valid JSON, or nested too deeply (at byte %td)", path, end - text);
    return json;
}

// Reads tokenizer.json (called `name`) or GPT-2's two files (under either pair of names) in dir.
static cJSON *read_folder(Tokenizer *t, const char *dir, const char *name, char *path, Error *err) {
    char merges_path[PATH_ROOM];
    bool original = has_file(dir, "encoder.json");
    if (has_file(dir, name)) return keep_json(t, dir, name, path, err);
    if (!original && !has_file(dir, "vocab.json"))
        return fail(err, "%s: no %s in it, and no encoder.json with vocab.bpe", dir, name), NULL;
    cJSON *encoder = keep_json(t, dir, original ? "encoder.json" : "vocab.json", path, err);
    const char *merges = NULL;
    if (encoder) merges = keep_file(t, dir, original ? "vocab.bpe" : "merges.txt", merges_path, err);
    if (merges) return tokenizer_json_from_gpt2(encoder, merges, merges_path, err);
    cJSON_Delete(encoder);
    return NULL;
}

Tokenizer *tokenizer_load(const char *dir_or_json, Error *err) {
    char dir[4200] = ".", path[PATH_ROOM];
    struct stat info;
    if (strlen(dir_or_json) > 4096) return fail(err, "the path of the tokenizer is too long"), NULL;
    if (stat(dir_or_json, &info) != 0) return fail(err, "%s: no such file or folder", dir_or_json), NULL;
    Tokenizer *t = calloc(1, sizeof *t);
    if (!t) return fail(err, "%s: out of memory", dir_or_json), NULL;
    const char *name = "tokenizer.json", *slash = strrchr(dir_or_json, '/');
    if (S_ISDIR(info.st_mode)) {
        snprintf(dir, sizeof dir, "%s", dir_or_json);
    } else { // a file of any name; saved it is tokenizer.json
        name = slash ? slash + 1 : dir_or_json;
        if (slash) snprintf(dir, sizeof dir, "%.*s", (int)(slash - dir_or_json) + (slash == dir_or_json), dir_or_json);
    }
    cJSON *json = read_folder(t, dir, name, path, err);
    bool good = json && tokenizer_read_json(t, json, path, err);
    cJSON_Delete(json);
    if (good && t->n_files == 1) t->files[0].name = "tokenizer.json";
    for (size_t i = 0; good && i < sizeof beside / sizeof *beside; i++) {
        if (!has_file(dir, beside[i])) continue;
        cJSON *config = i == 0 ? keep_json(t, dir, beside[i], path, err) : NULL;
        good = i == 0 ? config && tokenizer_read_config(t, config, path, err)
                      : keep_file(t, dir, beside[i], path, err) != NULL;
        cJSON_Delete(config);
    }
    if (good) return t;
    tokenizer_free(t);
    return NULL;
}

void tokenizer_free(Tokenizer *t) {
    if (!t) return;
    vocab_free(&t->vocab);
    merges_free(&t->merges);
    added_free(&t->raw);
    added_free(&t->normalized);
    splitter_free(&t->splitter);
    for (int i = 0; i < t->n_files; i++) free(t->files[i].bytes);
    free(t);
}

bool tokenizer_save(const Tokenizer *t, const char *dir, Error *err) {
    char path[PATH_ROOM];
    if (strlen(dir) > 4096) return fail(err, "the path of the folder is too long");
    for (int i = 0; i < t->n_files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, t->files[i].name);
        if (!file_replace(path, t->files[i].bytes, t->files[i].n, err)) return false;
    }
    return true;
}

int tokenizer_first(const Tokenizer *t) { return t->first; }
int tokenizer_eos(const Tokenizer *t) { return t->eos; }
int tokenizer_vocab_size(const Tokenizer *t) { return t->vocab.size; }

static int added_id(const AddedTokens *added, const char *text) {
    AddedMatch found;
    size_t n = strlen(text);
    return added_find(added, text, n, 0, &found) && found.start == 0 && found.end == n ? found.id : -1;
}

int tokenizer_id(const Tokenizer *t, const char *text) {
    int id = added_id(&t->raw, text);
    if (id < 0) id = added_id(&t->normalized, text);
    return id >= 0 ? id : vocab_find(&t->vocab, text, strlen(text), TOKEN_BYTES);
}

bool tokenizer_is_special(const Tokenizer *t, int id) {
    return id >= 0 && id < t->vocab.size && t->vocab.entries[id].special;
}

const char *tokenizer_token_bytes(const Tokenizer *t, int id, size_t *len) {
    *len = 0;
    if (id < 0 || id >= t->vocab.size) return NULL;
    *len = t->vocab.entries[id].len;
    return vocab_bytes(&t->vocab, id);
}

typedef struct Encoding {
    const Tokenizer *t;
    int *ids;
    int n, max_ids;
    const char *piece;   // the text between two raw added tokens, after the normalizer
    size_t piece_offset; // in the caller's text
    bool moved;          // the normalizer changed the piece: offsets in it are not offsets in the text
    BpeSpace space;
    SplitWalk walk;
    Error *err;
} Encoding;

static bool emit(Encoding *e, const int *ids, size_t n) {
    if (n > (size_t)INT_MAX - (size_t)e->n || (e->ids && n > (size_t)(e->max_ids - e->n)))
        return fail(e->err, "the text has more than %d tokens", e->max_ids);
    if (e->ids && n == 1) e->ids[e->n] = *ids; // the common case, without a call
    else if (e->ids) memcpy(e->ids + e->n, ids, n * sizeof *ids);
    e->n += (int)n;
    return true;
}

static bool encode_word(void *context, const char *word, size_t n) {
    Encoding *e = context;
    int id = vocab_find(&e->t->vocab, word, n, TOKEN_BYTES);
    if (id >= 0 && e->t->vocab.entries[id].whole) return emit(e, &id, 1);
    if (!bpe_reserve(&e->space, n)) return fail(e->err, "out of memory");
    ptrdiff_t count = bpe_word(&e->t->merges, &e->t->vocab, word, n, &e->space);
    if (count >= 0) return emit(e, e->space.ids, (size_t)count);
    size_t i = (size_t)(-1 - count), at = e->piece_offset + (e->moved ? 0 : (size_t)(word - e->piece) + i);
    char shown[8] = "";
    if (word[i] > ' ' && word[i] <= '~') snprintf(shown, sizeof shown, " '%c'", word[i]);
    return fail(e->err, "the vocabulary lacks the byte 0x%02x%s (at byte %zu of the text%s)", (unsigned char)word[i],
                shown, at, e->moved ? " or, normalised, after it" : "");
}

// Cuts the added tokens out of the text, and passes what is between them, with its offset, to `between`.
static bool encode_around(Encoding *e, const AddedTokens *added, const char *text, size_t n,
                          bool (*between)(Encoding *, const char *, size_t, size_t)) {
    AddedMatch found;
    size_t done = 0;
    for (bool more = true; more; done = found.end) {
        more = added_find(added, text, n, done, &found);
        if (!more) found.start = found.end = n;
        if (!between(e, text + done, found.start - done, done) || (more && !emit(e, &found.id, 1))) return false;
    }
    return true;
}

static bool split_words(Encoding *e, const char *text, size_t n, size_t offset) {
    (void)offset;
    return splitter_walk(&e->walk, text, n);
}

// Whether NFC may change the text: it leaves characters below U+0300 alone, whose bytes are below 0xcc.
static bool may_change(const char *text, size_t n) {
    unsigned char top = 0;
    for (size_t i = 0; i < n; i++) top = (unsigned char)text[i] > top ? (unsigned char)text[i] : top;
    return top >= 0xcc;
}

static bool encode_piece(Encoding *e, const char *text, size_t n, size_t offset) {
    char *form = NULL;
    size_t n_form = n;
    if (n == 0) return true;
    if (e->t->nfc && may_change(text, n) && !normalize_nfc(text, n, &form, &n_form))
        return fail(e->err, "the text cannot be normalised: out of memory");
    e->piece = form ? form : text;
    e->piece_offset = offset;
    e->moved = form && (n_form != n || memcmp(form, text, n) != 0);
    bool good = encode_around(e, &e->t->normalized, e->piece, n_form, split_words);
    free(form);
    return good;
}

int tokenizer_encode(const Tokenizer *t, const char *text, size_t len, int *ids, int max_ids, Error *err) {
    size_t bad;
    if (len > MAX_TEXT) return fail(err, "a text of %zu bytes; at most %zu are read", len, MAX_TEXT), -1;
    if (!utf8_valid(text, len, &bad)) return fail(err, "the text is not UTF-8 (at byte %zu)", bad), -1;
    Encoding e = {.t = t, .ids = ids, .max_ids = ids ? max_ids : INT_MAX, .err = err};
    e.walk = (SplitWalk){&t->splitter, pcre2_match_data_create(1, NULL), encode_word, &e, err};
    bool good = e.walk.match ? encode_around(&e, &t->raw, text, len, encode_piece) : fail(err, "out of memory");
    pcre2_match_data_free(e.walk.match);
    bpe_free(&e.space);
    return good ? e.n : -1;
}

int tokenizer_encode_prompt(const Tokenizer *t, const char *text, size_t len, bool complete, int *ids, int max_ids,
                            Error *err) {
    int at = !complete && t->first >= 0, n = tokenizer_encode(t, text, len, ids + at, max_ids - at, err);
    if (!at || n < 0) return n;
    if (n > 0 && ids[1] == t->first) return memmove(ids, ids + 1, (size_t)n * sizeof *ids), n; // it is there
    ids[0] = t->first;
    return n + 1;
}
