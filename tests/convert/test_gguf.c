// GGUF: a tiny model with a tensor of every type, written here byte by byte, becomes a Hugging Face folder with the
// values of ggml's formulas. Files with wrong counts, sizes or names are refused with the reason.
#define _GNU_SOURCE // memmem
#include "dev/convert/convert.h"
#include "model/files/config_file.h"
#include "dev/convert/gguf.h"
#include "model/files/gpt_files.h"
#include "base/files.h"
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/vocab.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

enum { V = 259, C = 32, F = 32, HS = 16, U32 = 4, F32_VALUE = 6, STRING = 8, ARRAY = 9, I32 = 5, ROOM = 1 << 18 };
enum { F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q8_0 = 8 };

typedef struct Bytes {
    unsigned char *at;
    size_t n;
} Bytes;

static void put(Bytes *b, const void *bytes, size_t n) {
    assert_true(b->n + n <= ROOM);
    memcpy(b->at + b->n, bytes, n);
    b->n += n;
}
static void put32(Bytes *b, uint32_t value) { put(b, &value, 4); }
static void put64(Bytes *b, uint64_t value) { put(b, &value, 8); }
static void put_text(Bytes *b, const char *text) { put64(b, strlen(text)), put(b, text, strlen(text)); }
static void put_number(Bytes *b, const char *key, uint32_t value) { put_text(b, key), put32(b, U32), put32(b, value); }
static void put_float(Bytes *b, const char *key, float value) {
    put_text(b, key), put32(b, F32_VALUE), put(b, &value, 4);
}
static void put_string(Bytes *b, const char *key, const char *value) {
    put_text(b, key), put32(b, STRING), put_text(b, value);
}
static void put_array(Bytes *b, const char *key, uint32_t type, uint64_t count) {
    put_text(b, key), put32(b, ARRAY), put32(b, type), put64(b, count);
}

static const struct {
    const char *name, *hugging_face;
    uint32_t type;
    int rows; // 0: a vector
} tensors[] = {{"token_embd.weight", "model.embed_tokens.weight", Q8_0, V},
               {"output_norm.weight", "model.norm.weight", F32, 0},
               {"blk.0.attn_norm.weight", "model.layers.0.input_layernorm.weight", F32, 0},
               {"blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight", Q4_0, 32},
               {"blk.0.attn_k.weight", "model.layers.0.self_attn.k_proj.weight", Q4_1, 16},
               {"blk.0.attn_v.weight", "model.layers.0.self_attn.v_proj.weight", F16, 16},
               {"blk.0.attn_output.weight", "model.layers.0.self_attn.o_proj.weight", F32, 32},
               {"blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight", F32, 0},
               {"blk.0.ffn_gate.weight", "model.layers.0.mlp.gate_proj.weight", Q4_0, 32},
               {"blk.0.ffn_up.weight", "model.layers.0.mlp.up_proj.weight", Q8_0, 32},
               {"blk.0.ffn_down.weight", "model.layers.0.mlp.down_proj.weight", Q4_1, 32}};
enum { TENSORS = sizeof tensors / sizeof *tensors };

static int rows_of(int t) { return tensors[t].rows ? tensors[t].rows : 1; }

static int draw(int tensor, int row, int column) { // 0 .. 255
    return (int)((uint32_t)(tensor * 7919 + row * 104729 + column * 1299709 + 12345) * 2654435761u >> 24);
}

// One row of 32 values: its bytes as ggml stores them, and the values as its documentation defines them. The halves
// 0x2e66 and 0xb266 are 0.0999755859375 and -0.199951171875.
static size_t row_of(int t, int row, unsigned char *bytes, float values[C]) {
    const float d = 0.0999755859375f, m = -0.199951171875f;
    const unsigned char half_d[2] = {0x66, 0x2e}, half_m[2] = {0x66, 0xb2};
    size_t start = tensors[t].type == Q4_1 ? 4 : 2;
    memcpy(bytes, half_d, 2);
    if (tensors[t].type == Q4_1) memcpy(bytes + 2, half_m, 2);
    for (int c = 0; c < C; c++) {
        int q = draw(t, row, c);
        switch (tensors[t].type) {
        case F32: values[c] = (float)(q - 128) / 64, memcpy(bytes + 4 * c, &values[c], 4); break;
        case F16: // exponent 13 - 15
            values[c] = ldexpf(1 + (float)q / 1024, -2), bytes[2 * c] = (unsigned char)q, bytes[2 * c + 1] = 0x34;
            break;
        case Q8_0: values[c] = (float)(q - 128) * d, bytes[2 + c] = (unsigned char)(signed char)(q - 128); break;
        default:
            q &= 15;
            values[c] = tensors[t].type == Q4_0 ? (float)(q - 8) * d : (float)q * d + m;
            if (c < 16) bytes[start + (size_t)c] = (unsigned char)q;
            else bytes[start + (size_t)c - 16] |= (unsigned char)(q << 4);
        }
    }
    return tensors[t].type == F32 ? 128 : tensors[t].type == F16 ? 64 : tensors[t].type == Q8_0 ? 34 : start + 16;
}

static void put_tokenizer(Bytes *b) {
    put_string(b, "tokenizer.ggml.model", "gpt2");
    put_string(b, "tokenizer.ggml.pre", "smollm");
    put_array(b, "tokenizer.ggml.tokens", STRING, V);
    put_text(b, "<|im_start|>"), put_text(b, "<|im_end|>");
    for (int byte = 0; byte < 256; byte++) {
        utf8proc_uint8_t spelling[8] = {0};
        utf8proc_encode_char(spelling_of_byte(byte), spelling);
        put_text(b, (const char *)spelling);
    }
    put_text(b, "ab");
    put_array(b, "tokenizer.ggml.token_type", I32, V);
    for (int i = 0; i < V; i++) put32(b, i < 2 ? 3 : 1);
    put_array(b, "tokenizer.ggml.merges", STRING, 1);
    put_text(b, "a b");
    put_number(b, "tokenizer.ggml.eos_token_id", 1);
    put_string(b, "tokenizer.chat_template", "{{ x }}");
}

typedef struct Places { // of what a hostile file changes
    size_t version, n_tensors, n_pairs, first_key, tokens_count, first_rank, first_dim, first_type, second_offset;
} Places;

static Places make_file(Bytes *b) {
    Places p = {.version = 4, .n_tensors = 8, .n_pairs = 16, .first_key = 24};
    b->n = 0;
    put(b, "GGUF", 4), put32(b, 3), put64(b, TENSORS), put64(b, 17);
    put_string(b, "general.architecture", "llama");
    put_number(b, "llama.embedding_length", C), put_number(b, "llama.feed_forward_length", F);
    put_number(b, "llama.block_count", 1), put_number(b, "llama.context_length", 64);
    put_number(b, "llama.attention.head_count", 2), put_number(b, "llama.attention.head_count_kv", 1);
    put_number(b, "llama.rope.dimension_count", HS), put_float(b, "llama.rope.freq_base", 1e5f);
    put_float(b, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    size_t model_pre = 8 + strlen("tokenizer.ggml.model") + 4 + 12 + 8 + strlen("tokenizer.ggml.pre") + 4 + 14;
    p.tokens_count = b->n + model_pre + 8 + strlen("tokenizer.ggml.tokens") + 8;
    put_tokenizer(b);
    size_t offset = 0;
    for (int t = 0; t < TENSORS; t++) {
        unsigned char bytes[128];
        float values[C];
        put_text(b, tensors[t].name);
        if (t == 0) p.first_rank = b->n, p.first_dim = b->n + 4, p.first_type = b->n + 20;
        put32(b, tensors[t].rows ? 2 : 1), put64(b, C);
        if (tensors[t].rows) put64(b, (uint64_t)tensors[t].rows);
        put32(b, tensors[t].type);
        if (t == 1) p.second_offset = b->n;
        put64(b, offset);
        offset = (offset + (size_t)rows_of(t) * row_of(t, 0, bytes, values) + 31) / 32 * 32;
    }
    while (b->n % 32) put(b, "", 1);
    for (int t = 0; t < TENSORS; t++) {
        for (int r = 0; r < rows_of(t); r++) {
            unsigned char bytes[128] = {0};
            float values[C];
            put(b, bytes, row_of(t, r, bytes, values));
        }
        while (b->n % 32) put(b, "", 1);
    }
    return p;
}

static Bytes file;
static Places places;
static char dir[64], path[96];

static int set_up(void **state) {
    (void)state;
    file.at = malloc(ROOM);
    snprintf(dir, sizeof dir, P_tmpdir "/test_gguf_XXXXXX");
    if (!file.at || !mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/model.gguf", dir);
    places = make_file(&file);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    static const char *const names[] = {"model.gguf",        "config.json",    "generation_config.json",
                                        "model.safetensors", "tokenizer.json", "tokenizer_config.json"};
    for (int i = 0; i < 6; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s/%s", dir, names[i]);
        unlink(name);
    }
    free(file.at);
    return rmdir(dir);
}

static void converts_every_type(void **state) {
    (void)state;
    Error err = {""};
    ModelConfig c;
    assert_true(file_replace(path, file.at, file.n, &err));
    if (!convert_gguf(path, dir, &err) || !model_config_load(&c, dir, &err)) fail_msg("%s", err.text);
    assert_true(c.V == V && c.C == C && c.F == F && c.L == 1 && c.NH == 2 && c.NKV == 1 && c.HS == HS);
    assert_true(c.T_max == 64 && c.tied && c.rope_theta == 1e5 && c.eps == 1e-5f);
    assert_true(c.n_eos == 1 && c.eos[0] == 1);
    ParamTable table = params_make(&c);
    float *h = calloc(table.size, sizeof *h);
    if (!params_load(&table, dir, h, &err)) fail_msg("%s", err.text);
    for (int t = 0; t < TENSORS; t++) {
        const Param *p = params_find(&table, tensors[t].hugging_face);
        assert_non_null(p);
        bool rotated = strstr(tensors[t].name, "attn_q") || strstr(tensors[t].name, "attn_k.");
        for (int r = 0; r < rows_of(t); r++) {
            unsigned char bytes[128] = {0};
            float values[C];
            row_of(t, r, bytes, values);
            // channel 2 i + k of a head goes to i + k HS / 2
            int to = rotated ? r / HS * HS + r % 2 * (HS / 2) + r % HS / 2 : r;
            assert_memory_equal(h + p->offset + (size_t)to * C, values, sizeof values);
        }
    }
    Tokenizer *tokenizer = tokenizer_load(dir, &err);
    if (!tokenizer) fail_msg("%s", err.text);
    int ids[8];
    assert_int_equal(tokenizer_encode(tokenizer, "ab<|im_end|>12", 14, ids, 8, &err), 4);
    assert_true(ids[0] == 258 && ids[1] == 1 && ids[2] == 2 + '1' && tokenizer_is_special(tokenizer, 1));
    tokenizer_free(tokenizer);
    params_free(&table);
    free(h);
}

static void assert_refused(const unsigned char *bytes, size_t n, const char *reason) {
    Error err = {""};
    assert_true(file_replace(path, bytes, n, &err));
    assert_false(convert_gguf(path, dir, &err));
    if (!strstr(err.text, reason) || !strstr(err.text, path)) fail_msg("wanted \"%s\", got \"%s\"", reason, err.text);
}

// Refuses the file with n bytes replaced.
static void refuse_change(size_t at, const void *with, size_t n, const char *reason) {
    unsigned char *copy = malloc(file.n);
    assert_true(copy && at + n <= file.n);
    memcpy(copy, file.at, file.n);
    memcpy(copy + at, with, n);
    assert_refused(copy, file.n, reason);
    free(copy);
}
static void refuse64(size_t at, uint64_t value, const char *reason) { refuse_change(at, &value, 8, reason); }
static void refuse32(size_t at, uint32_t value, const char *reason) { refuse_change(at, &value, 4, reason); }

static size_t place_of(const char *text) {
    const unsigned char *at = memmem(file.at, file.n, text, strlen(text));
    assert_non_null(at);
    return (size_t)(at - file.at);
}

static void refuses_wrong_counts(void **state) {
    (void)state;
    refuse_change(0, "GGML", 4, "not a GGUF file");
    refuse32(places.version, 1, "GGUF version 1");
    refuse32(places.version, 0x03000000, "GGUF version"); // big endian
    refuse64(places.n_tensors, UINT64_MAX, "more than its");
    refuse64(places.n_pairs, UINT64_MAX, "more than its");
    refuse64(places.n_pairs, 18, ""); // one pair too many: the tensors are read as pairs
    refuse64(places.n_tensors, TENSORS + 1, "");
    refuse64(places.n_tensors, TENSORS - 1, "its tensors hold");
    refuse64(places.first_key, UINT64_MAX - 4, "a key of 18446744073709551611 bytes");
    refuse64(places.tokens_count, UINT64_MAX, "more than the file can hold");
    refuse64(places.tokens_count, V - 1, "");
    refuse32(places.first_rank, 0, "0 dimensions");
    refuse32(places.first_rank, 5, "5 dimensions");
    refuse64(places.first_dim, 0, "impossible dimensions");
    refuse64(places.first_dim, UINT64_MAX / 2, "impossible dimensions");
    refuse64(places.first_dim, 33, "not whole blocks of Q8_0");
    refuse64(places.first_dim, 64, "");
    refuse32(places.first_type, 14, "ggml's type 14");
    refuse64(places.second_offset, 0, "overlaps");
    refuse64(places.second_offset, 33, "not a multiple of 32");
    refuse64(places.second_offset, UINT64_MAX - 31, "extends past the end");
    for (size_t n = 0; n < file.n; n += n < 400 ? 1 : 997) assert_refused(file.at, n, ""); // cut short anywhere
}

static void refuses_unsupported_models(void **state) {
    (void)state;
    refuse_change(place_of("llama"), "bloom", 5, "architecture \"bloom\"");
    refuse_change(place_of("gpt2"), "bert", 4, "only byte-level BPE");
    refuse_change(place_of("smollm"), "gemma2", 6, "tokenizer.ggml.pre is \"gemma2\"");
    refuse_change(place_of("output_norm.weight"), "output_abcd.weight", 18, "output_abcd.weight is not a tensor");
    refuse_change(place_of("blk.0.attn_q.weight"), "blk.0.attn_k.weight", 19, "occurs twice");
    refuse_change(place_of("blk.0.attn_q.weight"), "blk.1.attn_q.weight", 19, "not a tensor of a Llama with 1 layers");
    refuse_change(place_of("llama.context_length"), "llama.embedding_leng", 20, "llama.context_length is missing");
    refuse32(place_of("llama.rope.dimension_count") + 26 + 4, 8, "only 8 of 16 channels");
    refuse32(place_of("llama.block_count") + 17 + 4, 1 << 24, "1024 layers");
}

int main(int argc, char **argv) {
    if (argc > 1) // writes a seed for fuzzing
        return set_up(NULL) != 0 || !file_replace(argv[1], file.at, file.n, NULL) || tear_down(NULL) != 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(converts_every_type), cmocka_unit_test(refuses_wrong_counts),
                                       cmocka_unit_test(refuses_unsupported_models)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
