#include "rl/generate.h"
#include "model/gpt_head.h"
#include <string.h>

typedef struct Slot {
    Rollout *rollout; // NULL: free
    int length;       // tokens whose keys are in the cache
    int last;         // the token to decode next
} Slot;

// A prompt whose rollouts are being started: its prefilled blocks, held once by this entry and once by each slot.
typedef struct Prefix {
    int prompt;    // index into prompts; -1: none
    int tokens;    // prompt tokens but the last
    int *blocks;   // (table_width)
} Prefix;

struct Generator {
    const Gpt *gpt;
    int slots, rows, table_width, blocks; // rows: the most tokens of one forward
    Arena arena;
    GptActs acts;
    Head head;
    floatX *k_cache, *v_cache;
    size_t cache_layer;
    int *ids, *pos, *seq, *row, *tables; // device: (rows), and (slots + 1, table_width); the last table is the prefix's
    SampleKey *key;
    Sampled *sampled;
    // host
    int *h_ids, *h_pos, *h_seq, *h_tables;
    SampleKey *h_key;
    Sampled *h_sampled;
    Slot *slot;
    Prefix prefix;
    int *references, *free_blocks, n_free;
};

enum { PREFILL_ROWS = 256 };

static void *host_array(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    REQUIRE(memory, "out of memory");
    return memory;
}

static void plan_device(Generator *g) {
    const ModelConfig *c = &g->gpt->config;
    g->cache_layer = (size_t)g->blocks * kv_block_elements(c->NKV, c->HS);
    g->arena.name = "generation";
    gpt_acts_plan_decode(g->gpt, &g->acts, &g->arena, g->rows, g->table_width);
    head_plan(g->gpt, &g->head, &g->arena, g->slots, false);
    ARENA_PLAN(&g->arena, g->k_cache, g->cache_layer * c->L);
    ARENA_PLAN(&g->arena, g->v_cache, g->cache_layer * c->L);
    ARENA_PLAN(&g->arena, g->ids, g->rows);
    ARENA_PLAN(&g->arena, g->pos, g->rows);
    ARENA_PLAN(&g->arena, g->seq, g->rows);
    ARENA_PLAN(&g->arena, g->row, g->slots);
    ARENA_PLAN(&g->arena, g->tables, (size_t)(g->slots + 1) * g->table_width);
    ARENA_PLAN(&g->arena, g->key, g->slots);
    ARENA_PLAN(&g->arena, g->sampled, g->slots);
    arena_commit(&g->arena, g->gpt->dev);
    gpt_acts_share(g->gpt, &g->acts);
}

Generator *generator_new(const Gpt *gpt, int slots, int T) {
    Generator *g = host_array(1, sizeof *g);
    int block = kv_block_tokens();
    g->gpt = gpt;
    g->slots = slots;
    g->rows = slots > PREFILL_ROWS ? slots : PREFILL_ROWS;
    g->table_width = (T + block - 1) / block;
    g->blocks = (slots + 2) * g->table_width; // every slot at full length, a prefix, and one being replaced
    REQUIRE(T <= gpt->T_rope, "prompt and response of %d tokens: the model was opened for %d", T, gpt->T_rope);
    plan_device(g);
    g->h_ids = host_array((size_t)g->rows, sizeof(int));
    g->h_pos = host_array((size_t)g->rows, sizeof(int));
    g->h_seq = host_array((size_t)g->rows, sizeof(int));
    g->h_tables = host_array((size_t)(slots + 1) * g->table_width, sizeof(int));
    g->h_key = host_array((size_t)slots, sizeof *g->h_key);
    g->h_sampled = host_array((size_t)slots, sizeof *g->h_sampled);
    g->slot = host_array((size_t)slots, sizeof *g->slot);
    g->prefix.blocks = host_array((size_t)g->table_width, sizeof(int));
    g->references = host_array((size_t)g->blocks, sizeof(int));
    g->free_blocks = host_array((size_t)g->blocks, sizeof(int));
    for (int s = 0; s < slots; s++) g->h_ids[s] = s; // row s of hidden belongs to row s of the batch
    device_upload(gpt->dev, g->row, g->h_ids, (size_t)slots * sizeof(int));
    return g;
}

void generator_free(Generator *g) {
    if (!g) return;
    arena_free(&g->arena, g->gpt->dev);
    gpt_acts_free(&g->acts);
    void *arrays[] = {g->h_ids, g->h_pos, g->h_seq, g->h_tables, g->h_key, g->h_sampled, g->slot, g->prefix.blocks, g->references, g->free_blocks};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    free(g);
}

size_t generator_bytes(const Generator *g) { return g->arena.bytes; }

static int take_block(Generator *g) {
    REQUIRE(g->n_free > 0, "no free KV block: a bug in their accounting, please report it");
    int block = g->free_blocks[--g->n_free];
    g->references[block] = 1;
    return block;
}

static void drop_block(Generator *g, int block) {
    if (--g->references[block] == 0) g->free_blocks[g->n_free++] = block;
}

static int *slot_table(Generator *g, int s) { return g->h_tables + (size_t)s * g->table_width; }

static void drop_prefix(Generator *g) {
    int block = kv_block_tokens();
    for (int i = 0; g->prefix.prompt >= 0 && i < (g->prefix.tokens + block - 1) / block; i++) drop_block(g, g->prefix.blocks[i]);
    g->prefix.prompt = -1;
}

static void free_slot(Generator *g, int s) {
    int block = kv_block_tokens();
    for (int i = 0; i < (g->slot[s].length + block - 1) / block; i++) drop_block(g, slot_table(g, s)[i]);
    g->slot[s].rollout = NULL;
}

static void forward(Generator *g, int R) {
    Device *dev = g->gpt->dev;
    size_t bytes = (size_t)R * sizeof(int);
    device_upload(dev, g->ids, g->h_ids, bytes);
    device_upload(dev, g->pos, g->h_pos, bytes);
    device_upload(dev, g->seq, g->h_seq, bytes);
    device_upload(dev, g->tables, g->h_tables, (size_t)(g->slots + 1) * g->table_width * sizeof(int));
    Batch batch = {.N = R, .ids = g->ids, .pos = g->pos, .seq = g->seq, .tables = g->tables, .table_width = g->table_width,
                   .k_cache = g->k_cache, .v_cache = g->v_cache, .cache_layer = g->cache_layer};
    gpt_forward(g->gpt, &g->acts, &batch);
}

// Puts the keys and values of all but the last token of a prompt into fresh blocks.
static void prefill(Generator *g, const Prompt *prompts, int p) {
    const Prompt *prompt = &prompts[p];
    int block = kv_block_tokens(), n = prompt->n - 1;
    drop_prefix(g);
    g->prefix.prompt = p;
    g->prefix.tokens = n;
    for (int i = 0; i < (n + block - 1) / block; i++) slot_table(g, g->slots)[i] = g->prefix.blocks[i] = take_block(g);
    for (int t = 0; t < n; t += g->rows) {
        int R = n - t < g->rows ? n - t : g->rows;
        for (int r = 0; r < R; r++) {
            g->h_ids[r] = prompt->tokens[t + r];
            g->h_pos[r] = t + r;
            g->h_seq[r] = g->slots;
        }
        forward(g, R);
    }
}

// The slot shares the prompt's full blocks and gets a copy of its last, partly filled one.
static void start(Generator *g, int s, Rollout *rollout, const Prompt *prompts) {
    const Prompt *prompt = &prompts[rollout->prompt];
    const ModelConfig *c = &g->gpt->config;
    int block = kv_block_tokens();
    REQUIRE(rollout->prompt_id == prompt->id, "rollout of prompt %lld was about to be generated from prompt %lld",
            (long long)rollout->prompt_id, (long long)prompt->id);
    if (g->prefix.prompt != rollout->prompt) prefill(g, prompts, rollout->prompt);
    int full = g->prefix.tokens / block, *table = slot_table(g, s);
    for (int i = 0; i < full; i++) {
        table[i] = g->prefix.blocks[i];
        g->references[table[i]]++;
    }
    if (g->prefix.tokens % block) {
        table[full] = take_block(g);
        for (int l = 0; l < c->L; l++)
            kv_copy_block(g->gpt->dev, g->k_cache + (size_t)l * g->cache_layer, g->v_cache + (size_t)l * g->cache_layer, table[full],
                          g->prefix.blocks[full], c->NKV, c->HS);
    }
    g->slot[s] = (Slot){rollout, g->prefix.tokens, prompt->tokens[prompt->n - 1]};
    rollout->n = 0;
    rollout->truncated = false;
}

// One token for every busy slot. Row r of the batch belongs to slot h_seq[r].
static int decode_rows(Generator *g) {
    int R = 0, block = kv_block_tokens();
    for (int s = 0; s < g->slots; s++) {
        Slot *slot = &g->slot[s];
        if (!slot->rollout) continue;
        if (slot->length % block == 0) slot_table(g, s)[slot->length / block] = take_block(g);
        g->h_ids[R] = slot->last;
        g->h_pos[R] = slot->length;
        g->h_seq[R] = s;
        g->h_key[R] = (SampleKey){(uint32_t)slot->rollout->prompt_id, (uint32_t)slot->rollout->number, (uint32_t)slot->length};
        R++;
    }
    return R;
}

static void sample_rows(Generator *g, int R, const SampleConfig *config) {
    Device *dev = g->gpt->dev;
    device_upload(dev, g->key, g->h_key, (size_t)R * sizeof *g->h_key);
    head_logits(g->gpt, &g->head, &g->acts, g->row, R);
    sample_forward(dev, g->sampled, g->head.logits, g->key, config, R, g->gpt->config.V);
    device_download(dev, g->h_sampled, g->sampled, (size_t)R * sizeof *g->h_sampled);
}

static bool ends(const ModelConfig *c, int token) {
    for (int i = 0; i < c->n_eos; i++)
        if (c->eos[i] == token) return true;
    return false;
}

// Appends the sampled tokens; returns how many slots became free.
static int take_tokens(Generator *g, int R, int max_new) {
    int freed = 0;
    for (int r = 0; r < R; r++) {
        Slot *slot = &g->slot[g->h_seq[r]];
        Rollout *rollout = slot->rollout;
        slot->last = g->h_sampled[r].token;
        slot->length++;
        rollout->tokens[rollout->n] = slot->last;
        rollout->sampled[rollout->n] = g->h_sampled[r].policy;
        rollout->n++;
        bool over = ends(&g->gpt->config, slot->last);
        if (!over && rollout->n < max_new) continue;
        rollout->truncated = !over;
        free_slot(g, g->h_seq[r]);
        freed++;
    }
    return freed;
}

long generator_run(Generator *g, Rollout *rollouts, int count, int rank, const Prompt *prompts, int P, int max_new,
                   const SampleConfig *sample) {
    long steps = 0;
    int next = 0, busy = 0;
    g->n_free = g->blocks;
    for (int i = 0; i < g->blocks; i++) g->free_blocks[i] = g->blocks - 1 - i;
    memset(g->references, 0, (size_t)g->blocks * sizeof(int));
    g->prefix.prompt = -1;
    for (;;) {
        for (int s = 0; s < g->slots; s++) {
            while (next < count && rollouts[next].rank != rank) next++;
            if (next == count || g->slot[s].rollout) continue;
            const Rollout *r = &rollouts[next];
            REQUIRE(r->prompt >= 0 && r->prompt < P && prompts[r->prompt].n >= 1 &&
                        prompts[r->prompt].n + max_new <= g->table_width * kv_block_tokens(),
                    "a prompt of %d tokens and a response of %d do not fit", prompts[r->prompt].n, max_new);
            start(g, s, &rollouts[next++], prompts);
            busy++;
        }
        if (busy == 0) break;
        int R = decode_rows(g);
        forward(g, R);
        sample_rows(g, R, sample);
        busy -= take_tokens(g, R, max_new);
        steps++;
    }
    drop_prefix(g);
    REQUIRE(g->n_free == g->blocks, "%d KV blocks were lost: a bug, please report it", g->blocks - g->n_free);
    return steps;
}
