#include "rl/generate.h"
#include "kernels/decode.h"
#include "kernels/device/graph.h"
#include "kernels/device/nvtx.h"
#include "kernels/device/timer.h"
#include "model/gpt_head.h"
#include <string.h>

typedef struct Slot {
    Rollout *rollout; // NULL: the slot is free
    int length;       // tokens whose keys and values are in the cache
    int last;         // the token to decode next
    int blocks;       // in use in its table
    bool shares_tail; // the last of them is the prompt's and partly filled: to be copied before the slot writes to it
} Slot;

// The prompt whose rollouts are being started. It holds a reference to its blocks until the rollout that starts last
// takes the reference over.
typedef struct Prefix {
    int prompt;  // index into prompts; -1: none
    int *blocks; // (table_width) KV blocks of all its tokens except the last
} Prefix;

// The arrays of a forward: of one row per token in prefill, of one row per slot in decoding.
typedef struct Rows {
    int *ids, *pos, *seq; // (max_tokens) token, position, slot
    SampleKey *key;       // (slots) this and the next three: kernels/decode.h
    int *left, *taken;    // (slots)
    Sampled *log;         // (slots, DECODE_BURST_MAX)
    int *tables;          // (slots, table_width) the KV blocks of each slot
    BlockCopy *copies;    // (slots)
} Rows;

struct Generator {
    const Gpt *gpt;
    int slots, table_width, blocks; // sequences in flight, KV blocks of the longest one, KV blocks in all
    int max_tokens;                 // of one forward
    int burst;                      // decoding steps between two reads of the host
    const PromptTemplate *template; // whose stop strings end a response; NULL: none
    const Tokenizer *tokenizer;
    int waiting;                    // prompt tokens in h that wait for prefill
    Arena arena, host;
    GptActs acts;
    Head head;
    floatX *k_cache, *v_cache;
    size_t cache_layer; // elements of one layer's cache
    Rows d, h;          // on the device, on the host
    int *row, *eos;       // device: (slots) 0, 1, 2, ..., and (MODEL_MAX_EOS)
    SampleConfig *sample; // device: of this run
    Sampled *sampled;     // device: (slots)
    Graph **graph;        // (slots + 1) the recorded decoding step of R rows; NULL: not recorded
    bool *warm;           // (slots + 1) that step has run once
    Slot *slot;           // (slots)
    Prefix prefix;
    int *references, *free_blocks, n_free; // reference counts (blocks), and the stack of free blocks
    bool (*watch)(void *context);          // NULL: nobody
    void *watcher;
};

static int blocks_of(int tokens) { return (tokens + kv_block_tokens() - 1) / kv_block_tokens(); }

static void plan_rows(const Generator *g, Rows *rows, Arena *arena) {
    ARENA_PLAN(arena, rows->ids, g->max_tokens);
    ARENA_PLAN(arena, rows->pos, g->max_tokens);
    ARENA_PLAN(arena, rows->seq, g->max_tokens);
    ARENA_PLAN(arena, rows->key, g->slots);
    ARENA_PLAN(arena, rows->left, g->slots);
    ARENA_PLAN(arena, rows->taken, g->slots);
    ARENA_PLAN(arena, rows->log, (size_t)g->slots * DECODE_BURST_MAX);
    ARENA_PLAN(arena, rows->tables, (size_t)g->slots * g->table_width);
    ARENA_PLAN(arena, rows->copies, g->slots);
}

static void plan_device(Generator *g) {
    const ModelConfig *c = &g->gpt->config;
    g->cache_layer = (size_t)g->blocks * kv_block_elements(c->NKV, c->HS);
    g->arena.name = "generation";
    gpt_acts_plan_decode(g->gpt, &g->acts, &g->arena, g->max_tokens, g->table_width);
    head_plan(g->gpt, &g->head, &g->arena, g->slots, false);
    g->arena.kind = MEMORY_KV_BLOCKS;
    ARENA_PLAN(&g->arena, g->k_cache, g->cache_layer * c->L);
    ARENA_PLAN(&g->arena, g->v_cache, g->cache_layer * c->L);
    g->arena.kind = MEMORY_ACTIVATIONS;
    plan_rows(g, &g->d, &g->arena);
    ARENA_PLAN(&g->arena, g->row, g->slots);
    ARENA_PLAN(&g->arena, g->eos, MODEL_MAX_EOS);
    ARENA_PLAN(&g->arena, g->sample, 1);
    ARENA_PLAN(&g->arena, g->sampled, g->slots);
}

static void plan_host(Generator *g) {
    g->host.name = "generation, host";
    plan_rows(g, &g->h, &g->host);
    ARENA_PLAN(&g->host, g->graph, g->slots + 1);
    ARENA_PLAN(&g->host, g->warm, g->slots + 1);
    ARENA_PLAN(&g->host, g->slot, g->slots);
    ARENA_PLAN(&g->host, g->prefix.blocks, g->table_width);
    ARENA_PLAN(&g->host, g->references, g->blocks);
    ARENA_PLAN(&g->host, g->free_blocks, g->blocks);
}

Generator *generator_plan(const Gpt *gpt, int slots, int T) {
    Generator *g = calloc(1, sizeof *g);
    REQUIRE(g, "out of memory");
    g->gpt = gpt;
    g->slots = slots;
    g->max_tokens = slots > prefill_rows() ? slots : prefill_rows();
    g->table_width = blocks_of(T);
    g->burst = decode_burst();
    g->blocks = slots * g->table_width + 1; // every slot at full length, and the tail block of a waiting prompt
    REQUIRE(T <= gpt->T_rope, "prompt and response of %d tokens: the model was opened for %d", T, gpt->T_rope);
    plan_device(g);
    plan_host(g);
    return g;
}

void generator_set_stop(Generator *g, const PromptTemplate *template, const Tokenizer *tokenizer) {
    g->template = template->stops ? template : NULL, g->tokenizer = tokenizer;
}

void generator_commit(Generator *g) {
    arena_commit(&g->arena, g->gpt->dev);
    arena_commit(&g->host, NULL);
    gpt_acts_share(g->gpt, &g->acts);
    for (int s = 0; s < g->slots; s++) g->h.ids[s] = s; // row s of the head is row s of hidden
    device_upload(g->gpt->dev, g->row, g->h.ids, (size_t)g->slots * sizeof(int));
    device_upload(g->gpt->dev, g->eos, g->gpt->config.eos, sizeof g->gpt->config.eos);
}

void generator_free(Generator *g) {
    if (!g) return;
    for (int R = 0; g->graph && R <= g->slots; R++) graph_free(g->gpt->dev, g->graph[R]);
    arena_free(&g->arena, g->gpt->dev);
    arena_free(&g->host, NULL);
    gpt_acts_free(&g->acts);
    free(g);
}

const Arena *generator_arena(const Generator *g) { return &g->arena; }

void generator_set_burst(Generator *g, int steps) {
    REQUIRE(steps >= 1 && steps <= DECODE_BURST_MAX, "a burst of %d steps: give 1 to %d", steps, DECODE_BURST_MAX);
    g->burst = steps;
}

void generator_watch(Generator *g, bool (*watch)(void *), void *context) { g->watch = watch, g->watcher = context; }

static int take_block(Generator *g) {
    REQUIRE(g->n_free > 0, "no free KV block: a bug in their accounting, please report it");
    int block = g->free_blocks[--g->n_free];
    g->references[block] = 1;
    return block;
}

static void drop_block(Generator *g, int block) {
    if (--g->references[block] == 0) g->free_blocks[g->n_free++] = block;
}

static int *slot_table(Generator *g, int s) { return g->h.tables + (size_t)s * g->table_width; }

static void free_slot(Generator *g, int s) {
    for (int i = 0; i < g->slot[s].blocks; i++) drop_block(g, slot_table(g, s)[i]);
    g->slot[s].rollout = NULL;
}

// Uploads the tokens and positions of the R rows of a forward, and all tables.
static void upload_rows(Generator *g, int R) {
    Device *dev = g->gpt->dev;
    size_t bytes = (size_t)R * sizeof(int);
    device_upload(dev, g->d.ids, g->h.ids, bytes);
    device_upload(dev, g->d.pos, g->h.pos, bytes);
    device_upload(dev, g->d.seq, g->h.seq, bytes);
    device_upload(dev, g->d.tables, g->h.tables, (size_t)g->slots * g->table_width * sizeof(int));
}

static void forward(Generator *g, int R) {
    Batch batch = {.N = R, .ids = g->d.ids, .pos = g->d.pos, .seq = g->d.seq, .tables = g->d.tables,
                   .table_width = g->table_width, .k_cache = g->k_cache, .v_cache = g->v_cache,
                   .cache_layer = g->cache_layer};
    gpt_forward(g->gpt, &g->acts, &batch);
}

// One forward of all waiting prompt tokens: of many prompts, or of a part of a long one.
static void prefill(Generator *g) {
    if (g->waiting == 0) return;
    RANGE("prefill");
    upload_rows(g, g->waiting);
    timer_begin(g->gpt->dev, TIMER_PREFILL);
    forward(g, g->waiting);
    timer_end(g->gpt->dev);
    g->waiting = 0;
}

// Takes blocks for all tokens of a prompt but the last, and queues these tokens for prefill under the table of slot s.
static void open_prefix(Generator *g, int s, int p, const Prompt *prompt) {
    int n = prompt->n - 1;
    g->prefix.prompt = p;
    for (int i = 0; i < blocks_of(n); i++) slot_table(g, s)[i] = g->prefix.blocks[i] = take_block(g);
    for (int t = 0; t < n; t++) {
        int r = g->waiting++;
        g->h.ids[r] = prompt->tokens[t];
        g->h.pos[r] = t;
        g->h.seq[r] = s;
        if (g->waiting == g->max_tokens) prefill(g);
    }
}

// Starts a rollout in slot s, which shares its prompt's blocks. `last`: the next rollout is of another prompt, so this
// one takes the prompt's reference over.
static void start(Generator *g, int s, Rollout *rollout, const Prompt *prompts, bool last) {
    const Prompt *prompt = &prompts[rollout->prompt];
    int n = prompt->n - 1, full = n / kv_block_tokens(), blocks = blocks_of(n);
    REQUIRE(rollout->prompt_id == prompt->id, "a rollout of prompt %lld was about to be generated from prompt %lld",
            (long long)rollout->prompt_id, (long long)prompt->id);
    if (g->prefix.prompt != rollout->prompt) open_prefix(g, s, rollout->prompt, prompt);
    memcpy(slot_table(g, s), g->prefix.blocks, (size_t)blocks * sizeof(int));
    for (int i = 0; i < full && !last; i++) g->references[g->prefix.blocks[i]]++;
    if (last) g->prefix.prompt = -1;
    g->slot[s] = (Slot){rollout, n, prompt->tokens[n], blocks, blocks > full && !last};
    rollout->n = rollout->uncounted = 0;
    rollout->truncated = false;
}

// Gives each slot that shares a partly filled block a copy of it, all in one launch. Between start and here nothing is
// freed and nothing decoded, so every such block still is as prefill left it.
static void copy_tails(Generator *g) {
    const ModelConfig *c = &g->gpt->config;
    int n = 0;
    for (int s = 0; s < g->slots; s++) {
        if (!g->slot[s].shares_tail) continue;
        int *tail = &slot_table(g, s)[g->slot[s].blocks - 1];
        g->h.copies[n] = (BlockCopy){take_block(g), *tail};
        *tail = g->h.copies[n++].to;
        g->slot[s].shares_tail = false;
    }
    if (n == 0) return;
    device_upload(g->gpt->dev, g->d.copies, g->h.copies, (size_t)n * sizeof *g->h.copies);
    kv_copy_blocks(g->gpt->dev, g->k_cache, g->v_cache, g->d.copies, n, c->L, g->cache_layer, c->NKV, c->HS);
}

// The steps of the next burst: at most what the slot with the most tokens left can use.
static int burst_steps(const Generator *g, int max_new) {
    int most = 0;
    for (int s = 0; s < g->slots; s++)
        if (g->slot[s].rollout && max_new - g->slot[s].rollout->n > most) most = max_new - g->slot[s].rollout->n;
    return most < g->burst ? most : g->burst;
}

// Rows R .. rows-1 only pad the batch to a size of decode_bucket; they draw no token. Each borrows the table of a free
// slot and writes its key to a free block, which the block's next owner overwrites.
static void filler_rows(Generator *g, int R, int rows) {
    for (int s = 0, i = 1; R < rows; s++) {
        if (g->slot[s].rollout) continue;
        slot_table(g, s)[0] = g->free_blocks[g->n_free - i++];
        g->h.ids[R] = g->h.pos[R] = g->h.left[R] = 0;
        g->h.seq[R] = s;
        g->h.key[R++] = (SampleKey){0};
    }
}

// Makes a row for every busy slot, with blocks for the next `steps` tokens; row r belongs to slot h_seq[r]. Returns the
// number of rows, padding included.
static int decode_rows(Generator *g, int busy, int steps, int max_new) {
    int R = 0, block = kv_block_tokens(), rows = decode_bucket(busy, g->slots);
    for (int s = 0; s < g->slots; s++) {
        Slot *slot = &g->slot[s];
        if (!slot->rollout) continue;
        int left = max_new - slot->rollout->n, ahead = left < steps ? left : steps;
        while (slot->blocks * block < slot->length + ahead) slot_table(g, s)[slot->blocks++] = take_block(g);
        g->h.ids[R] = slot->last;
        g->h.pos[R] = slot->length;
        g->h.seq[R] = s;
        g->h.key[R] =
            (SampleKey){(uint32_t)slot->rollout->prompt_id, (uint32_t)slot->rollout->number, (uint32_t)slot->length};
        g->h.left[R++] = left;
    }
    filler_rows(g, R, rows);
    return rows;
}

// One decoding step of R rows, from the embedding to the stop test, entirely on the device.
static void decode_step(Generator *g, int R) {
    const ModelConfig *c = &g->gpt->config;
    forward(g, R);
    head_logits(g->gpt, &g->head, &g->acts, g->row, R);
    sample_forward(g->gpt->dev, g->sampled, g->head.logits, g->d.key, g->sample, R, c->V);
    const Rows *d = &g->d;
    DecodeRows next = {d->ids, d->pos, d->key, d->left, d->taken, d->log};
    decode_advance(g->gpt->dev, &next, g->sampled, g->eos, c->n_eos, R);
}

// `steps` decoding steps. The first step ever of R rows runs directly (kernels are loaded, matmuls choose their
// algorithm); the second is recorded as a graph, which later ones replay.
static void decode(Generator *g, int R, int steps) {
    RANGE_NUMBER("decode", R);
    Device *dev = g->gpt->dev;
    upload_rows(g, R);
    device_upload(dev, g->d.key, g->h.key, (size_t)R * sizeof *g->h.key);
    device_upload(dev, g->d.left, g->h.left, (size_t)R * sizeof(int));
    device_zero(dev, g->d.taken, (size_t)R * sizeof(int));
    timer_begin(dev, TIMER_DECODE);
    for (int i = 0; i < steps; i++) {
        if (!g->warm[R]) {
            decode_step(g, R);
            g->warm[R] = true;
        } else if (!graph_replay(dev, g->graph[R])) {
            graph_begin(dev);
            decode_step(g, R);
            g->graph[R] = graph_end(dev);
        }
    }
    timer_end(dev);
    device_download(dev, g->h.taken, g->d.taken, (size_t)R * sizeof(int));
    device_download(dev, g->h.log, g->d.log, (size_t)R * DECODE_BURST_MAX * sizeof *g->h.log);
}

// Appends the drawn tokens to the rollouts of the busy slots; returns how many slots became free.
static int take_tokens(Generator *g, int busy, int max_new) {
    int freed = 0;
    for (int r = 0; r < busy; r++) {
        Slot *slot = &g->slot[g->h.seq[r]];
        Rollout *rollout = slot->rollout;
        for (int i = 0; i < g->h.taken[r]; i++) {
            const Sampled *sampled = &g->h.log[(size_t)r * DECODE_BURST_MAX + i];
            slot->last = sampled->token;
            slot->length++;
            rollout->tokens[rollout->n] = sampled->token;
            rollout->sampled[rollout->n++] = sampled->policy;
        }
        bool over = model_config_is_eos(&g->gpt->config, slot->last);
        if (g->template) over |= stop_rollout(g->template, g->tokenizer, rollout, rollout->n - g->h.taken[r]);
        if (!over && rollout->n < max_new) continue;
        rollout->truncated = !over;
        free_slot(g, g->h.seq[r]);
        freed++;
    }
    return freed;
}

static void reset_blocks(Generator *g) {
    g->n_free = g->blocks;
    for (int i = 0; i < g->blocks; i++) g->free_blocks[i] = g->blocks - 1 - i;
    memset(g->references, 0, (size_t)g->blocks * sizeof(int));
    g->prefix.prompt = -1;
}

// The first rollout of this rank from `next` on.
static int following(const Rollout *rollouts, int count, int next, int rank) {
    while (next < count && rollouts[next].rank != rank) next++;
    return next;
}

// Starts the next rollouts of this rank in the free slots and prefills their prompts, packed; returns how many it
// started.
static int refill(Generator *g, Rollout *rollouts, int count, int *next, int rank, const Prompt *prompts, int P,
                  int max_new) {
    int started = 0;
    for (int s = 0; s < g->slots && *next < count; s++) {
        if (g->slot[s].rollout) continue;
        Rollout *r = &rollouts[*next];
        REQUIRE(r->prompt >= 0 && r->prompt < P && prompts[r->prompt].n >= 1 &&
                    prompts[r->prompt].n + max_new <= g->table_width * kv_block_tokens(),
                "a prompt of %d tokens and a response of %d do not fit", prompts[r->prompt].n, max_new);
        *next = following(rollouts, count, *next + 1, rank);
        start(g, s, r, prompts, *next == count || rollouts[*next].prompt != r->prompt);
        started++;
    }
    prefill(g);
    copy_tails(g);
    return started;
}

long generator_run(Generator *g, Rollout *rollouts, int count, int rank, const Prompt *prompts, int P, int max_new,
                   const SampleConfig *sample) {
    RANGE("generate");
    long steps = 0;
    int next = following(rollouts, count, 0, rank), busy = 0;
    reset_blocks(g);
    device_upload(g->gpt->dev, g->sample, sample, sizeof *sample);
    for (;;) {
        busy += refill(g, rollouts, count, &next, rank, prompts, P, max_new);
        if (busy == 0) break;
        int burst = burst_steps(g, max_new), R = decode_rows(g, busy, burst, max_new);
        decode(g, R, burst);
        busy -= take_tokens(g, busy, max_new);
        steps += burst;
        if (g->watch && !g->watch(g->watcher)) return -1;
    }
    REQUIRE(g->n_free == g->blocks, "%d KV blocks were lost: a bug, please report it", g->blocks - g->n_free);
    return steps;
}
