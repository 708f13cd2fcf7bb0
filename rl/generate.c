#include "rl/generate.h"
#include "kernels/decode.h"
#include "kernels/device/graph.h"
#include "kernels/device/nvtx.h"
#include "kernels/device/timer.h"
#include "model/gpt_head.h"
#include <string.h>

typedef struct Slot {
    Rollout *rollout; // NULL: free
    int length;       // tokens whose keys are in the cache
    int last;         // the token to decode next
    int blocks;       // of its table that are taken
    bool shares_tail; // the last of them is the prompt's, partly filled: copied before the slot writes to it
} Slot;

// The prompt whose rollouts are being started. Its blocks are held here until the last of these rollouts takes them over.
typedef struct Prefix {
    int prompt;  // index into prompts; -1: none
    int *blocks; // (table_width) keys and values of all its tokens but the last
} Prefix;

struct Generator {
    const Gpt *gpt;
    int slots, rows, table_width, blocks; // rows: the most tokens of one forward
    int burst;                            // steps between two looks at the rows
    int waiting;                          // rows of prompts in h_ids, h_pos, h_seq that no forward has taken yet
    Arena arena;
    GptActs acts;
    Head head;
    floatX *k_cache, *v_cache;
    size_t cache_layer;
    DecodeRows next;         // device: ids and pos (rows), the others (slots)
    int *seq, *row, *tables; // device: (rows), (slots), (slots, table_width)
    BlockCopy *copies;       // device: (slots)
    int *eos;                // device
    SampleConfig *sample;    // device: of this run
    Sampled *sampled;        // device: (slots)
    Graph **graph;           // (slots + 1) the decoding step of so many rows, recorded; NULL: not yet
    bool *warm;              // (slots + 1) that step has run once
    // host
    int *h_ids, *h_pos, *h_seq, *h_left, *h_taken, *h_tables;
    SampleKey *h_key;
    Sampled *h_log;
    BlockCopy *h_copies;
    Slot *slot;
    Prefix prefix;
    int *references, *free_blocks, n_free;
};

static void *host_array(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    REQUIRE(memory, "out of memory");
    return memory;
}

static int blocks_of(int tokens) { return (tokens + kv_block_tokens() - 1) / kv_block_tokens(); }

static void plan_device(Generator *g) {
    const ModelConfig *c = &g->gpt->config;
    g->cache_layer = (size_t)g->blocks * kv_block_elements(c->NKV, c->HS);
    g->arena.name = "generation";
    gpt_acts_plan_decode(g->gpt, &g->acts, &g->arena, g->rows, g->table_width);
    head_plan(g->gpt, &g->head, &g->arena, g->slots, false);
    ARENA_PLAN(&g->arena, g->k_cache, g->cache_layer * c->L);
    ARENA_PLAN(&g->arena, g->v_cache, g->cache_layer * c->L);
    ARENA_PLAN(&g->arena, g->next.ids, g->rows);
    ARENA_PLAN(&g->arena, g->next.pos, g->rows);
    ARENA_PLAN(&g->arena, g->next.key, g->slots);
    ARENA_PLAN(&g->arena, g->next.left, g->slots);
    ARENA_PLAN(&g->arena, g->next.taken, g->slots);
    ARENA_PLAN(&g->arena, g->next.log, (size_t)g->slots * DECODE_BURST_MAX);
    ARENA_PLAN(&g->arena, g->seq, g->rows);
    ARENA_PLAN(&g->arena, g->row, g->slots);
    ARENA_PLAN(&g->arena, g->tables, (size_t)g->slots * g->table_width);
    ARENA_PLAN(&g->arena, g->copies, g->slots);
    ARENA_PLAN(&g->arena, g->eos, MODEL_MAX_EOS);
    ARENA_PLAN(&g->arena, g->sample, 1);
    ARENA_PLAN(&g->arena, g->sampled, g->slots);
}

static void make_host_arrays(Generator *g) {
    size_t rows = (size_t)g->rows, slots = (size_t)g->slots;
    g->h_ids = host_array(rows, sizeof(int)), g->h_pos = host_array(rows, sizeof(int)), g->h_seq = host_array(rows, sizeof(int));
    g->h_left = host_array(slots, sizeof(int)), g->h_taken = host_array(slots, sizeof(int));
    g->h_tables = host_array(slots * (size_t)g->table_width, sizeof(int));
    g->h_key = host_array(slots, sizeof *g->h_key);
    g->h_log = host_array(slots * DECODE_BURST_MAX, sizeof *g->h_log);
    g->h_copies = host_array(slots, sizeof *g->h_copies);
    g->slot = host_array(slots, sizeof *g->slot);
    g->graph = host_array(slots + 1, sizeof *g->graph), g->warm = host_array(slots + 1, sizeof *g->warm);
    g->prefix.blocks = host_array((size_t)g->table_width, sizeof(int));
    g->references = host_array((size_t)g->blocks, sizeof(int));
    g->free_blocks = host_array((size_t)g->blocks, sizeof(int));
}

Generator *generator_plan(const Gpt *gpt, int slots, int T) {
    Generator *g = host_array(1, sizeof *g);
    g->gpt = gpt;
    g->slots = slots;
    g->rows = slots > prefill_rows() ? slots : prefill_rows();
    g->table_width = blocks_of(T);
    g->burst = decode_burst();
    g->blocks = slots * g->table_width + 1; // every slot at full length, and the last block of a prompt whose rollouts wait
    REQUIRE(T <= gpt->T_rope, "prompt and response of %d tokens: the model was opened for %d", T, gpt->T_rope);
    plan_device(g);
    make_host_arrays(g);
    return g;
}

void generator_commit(Generator *g) {
    arena_commit(&g->arena, g->gpt->dev);
    gpt_acts_share(g->gpt, &g->acts);
    for (int s = 0; s < g->slots; s++) g->h_ids[s] = s; // row s of hidden belongs to row s of the batch
    device_upload(g->gpt->dev, g->row, g->h_ids, (size_t)g->slots * sizeof(int));
    device_upload(g->gpt->dev, g->eos, g->gpt->config.eos, sizeof g->gpt->config.eos);
}

Generator *generator_new(const Gpt *gpt, int slots, int T) {
    Generator *g = generator_plan(gpt, slots, T);
    generator_commit(g);
    return g;
}

void generator_free(Generator *g) {
    if (!g) return;
    for (int R = 0; R <= g->slots; R++) graph_free(g->gpt->dev, g->graph[R]);
    arena_free(&g->arena, g->gpt->dev);
    gpt_acts_free(&g->acts);
    void *arrays[] = {g->h_ids, g->h_pos, g->h_seq, g->h_left, g->h_taken, g->h_tables, g->h_key, g->h_log, g->h_copies, g->slot, g->graph,
                      g->warm, g->prefix.blocks, g->references, g->free_blocks};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    free(g);
}

const Arena *generator_arena(const Generator *g) { return &g->arena; }

void generator_look_every(Generator *g, int steps) {
    REQUIRE(steps >= 1 && steps <= DECODE_BURST_MAX, "a look every %d steps: give 1 to %d", steps, DECODE_BURST_MAX);
    g->burst = steps;
}

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

static void free_slot(Generator *g, int s) {
    for (int i = 0; i < g->slot[s].blocks; i++) drop_block(g, slot_table(g, s)[i]);
    g->slot[s].rollout = NULL;
}

// What the R rows of a forward are: their tokens, positions and tables.
static void upload_rows(Generator *g, int R) {
    Device *dev = g->gpt->dev;
    size_t bytes = (size_t)R * sizeof(int);
    device_upload(dev, g->next.ids, g->h_ids, bytes);
    device_upload(dev, g->next.pos, g->h_pos, bytes);
    device_upload(dev, g->seq, g->h_seq, bytes);
    device_upload(dev, g->tables, g->h_tables, (size_t)g->slots * g->table_width * sizeof(int));
}

static void forward(Generator *g, int R) {
    Batch batch = {.N = R, .ids = g->next.ids, .pos = g->next.pos, .seq = g->seq, .tables = g->tables, .table_width = g->table_width,
                   .k_cache = g->k_cache, .v_cache = g->v_cache, .cache_layer = g->cache_layer};
    gpt_forward(g->gpt, &g->acts, &batch);
}

// One forward of all the prompt tokens that wait: of many prompts, or of a part of a long one.
static void prefill(Generator *g) {
    if (g->waiting == 0) return;
    RANGE("prefill");
    upload_rows(g, g->waiting);
    timer_begin(g->gpt->dev, TIMER_PREFILL);
    forward(g, g->waiting);
    timer_end(g->gpt->dev);
    g->waiting = 0;
}

// Fresh blocks for all but the last token of a prompt; the tokens wait for prefill, and go by the table of slot s.
static void open_prefix(Generator *g, int s, int p, const Prompt *prompt) {
    int n = prompt->n - 1;
    g->prefix.prompt = p;
    for (int i = 0; i < blocks_of(n); i++) slot_table(g, s)[i] = g->prefix.blocks[i] = take_block(g);
    for (int t = 0; t < n; t++) {
        int r = g->waiting++;
        g->h_ids[r] = prompt->tokens[t];
        g->h_pos[r] = t;
        g->h_seq[r] = s;
        if (g->waiting == g->rows) prefill(g);
    }
}

// The slot shares the prompt's blocks; those of the last rollout in a row of this prompt become its own.
static void start(Generator *g, int s, Rollout *rollout, const Prompt *prompts, bool last) {
    const Prompt *prompt = &prompts[rollout->prompt];
    int n = prompt->n - 1, full = n / kv_block_tokens(), blocks = blocks_of(n);
    REQUIRE(rollout->prompt_id == prompt->id, "rollout of prompt %lld was about to be generated from prompt %lld",
            (long long)rollout->prompt_id, (long long)prompt->id);
    if (g->prefix.prompt != rollout->prompt) open_prefix(g, s, rollout->prompt, prompt);
    memcpy(slot_table(g, s), g->prefix.blocks, (size_t)blocks * sizeof(int));
    for (int i = 0; i < full && !last; i++) g->references[g->prefix.blocks[i]]++;
    if (last) g->prefix.prompt = -1;
    g->slot[s] = (Slot){rollout, n, prompt->tokens[n], blocks, blocks > full && !last};
    rollout->n = 0;
    rollout->truncated = false;
}

// Slots that share a partly filled block get a copy of it, all in one launch. Nothing is freed between start and here, and
// nobody decodes: every such block is still as its prompt left it.
static void copy_tails(Generator *g) {
    const ModelConfig *c = &g->gpt->config;
    int n = 0;
    for (int s = 0; s < g->slots; s++) {
        if (!g->slot[s].shares_tail) continue;
        int *tail = &slot_table(g, s)[g->slot[s].blocks - 1];
        g->h_copies[n] = (BlockCopy){take_block(g), *tail};
        *tail = g->h_copies[n++].to;
        g->slot[s].shares_tail = false;
    }
    if (n == 0) return;
    device_upload(g->gpt->dev, g->copies, g->h_copies, (size_t)n * sizeof *g->h_copies);
    kv_copy_blocks(g->gpt->dev, g->k_cache, g->v_cache, g->copies, n, c->L, g->cache_layer, c->NKV, c->HS);
}

// As many steps as a burst has, but not more than the slot that may go on longest can use.
static int burst_steps(const Generator *g, int max_new) {
    int most = 0;
    for (int s = 0; s < g->slots; s++)
        if (g->slot[s].rollout && max_new - g->slot[s].rollout->n > most) most = max_new - g->slot[s].rollout->n;
    return most < g->burst ? most : g->burst;
}

// Rows R .. rows-1 only fill the batch up to a size of decode_bucket: they have no token to get. Each borrows the table of a
// free slot and, to write its key to, a free block, which whoever takes it next overwrites.
static void filler_rows(Generator *g, int R, int rows) {
    for (int s = 0, i = 1; R < rows; s++) {
        if (g->slot[s].rollout) continue;
        slot_table(g, s)[0] = g->free_blocks[g->n_free - i++];
        g->h_ids[R] = g->h_pos[R] = g->h_left[R] = 0;
        g->h_seq[R] = s;
        g->h_key[R++] = (SampleKey){0};
    }
}

// A row for every busy slot, with blocks for the tokens of the next `steps` steps; row r belongs to slot h_seq[r]. Returns
// how many rows there are, fillers included.
static int decode_rows(Generator *g, int busy, int steps, int max_new) {
    int R = 0, block = kv_block_tokens(), rows = decode_bucket(busy, g->slots);
    for (int s = 0; s < g->slots; s++) {
        Slot *slot = &g->slot[s];
        if (!slot->rollout) continue;
        int left = max_new - slot->rollout->n, ahead = left < steps ? left : steps;
        while (slot->blocks * block < slot->length + ahead) slot_table(g, s)[slot->blocks++] = take_block(g);
        g->h_ids[R] = slot->last;
        g->h_pos[R] = slot->length;
        g->h_seq[R] = s;
        g->h_key[R] = (SampleKey){(uint32_t)slot->rollout->prompt_id, (uint32_t)slot->rollout->number, (uint32_t)slot->length};
        g->h_left[R++] = left;
    }
    filler_rows(g, R, rows);
    return rows;
}

// One step of R rows, from the embedding to the stop test, all of it on the device.
static void decode_step(Generator *g, int R) {
    const ModelConfig *c = &g->gpt->config;
    forward(g, R);
    head_logits(g->gpt, &g->head, &g->acts, g->row, R);
    sample_forward(g->gpt->dev, g->sampled, g->head.logits, g->next.key, g->sample, R, c->V);
    decode_advance(g->gpt->dev, &g->next, g->sampled, g->eos, c->n_eos, R);
}

// `steps` of them. A size's first step ever runs as it is (kernels are loaded, products choose their algorithm); its next
// one is recorded, and replayed from then on.
static void decode(Generator *g, int R, int steps) {
    RANGE_NUMBER("decode", R);
    Device *dev = g->gpt->dev;
    upload_rows(g, R);
    device_upload(dev, g->next.key, g->h_key, (size_t)R * sizeof *g->h_key);
    device_upload(dev, g->next.left, g->h_left, (size_t)R * sizeof(int));
    device_zero(dev, g->next.taken, (size_t)R * sizeof(int));
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
    device_download(dev, g->h_taken, g->next.taken, (size_t)R * sizeof(int));
    device_download(dev, g->h_log, g->next.log, (size_t)R * DECODE_BURST_MAX * sizeof *g->h_log);
}

static bool ends(const ModelConfig *c, int token) {
    for (int i = 0; i < c->n_eos; i++)
        if (c->eos[i] == token) return true;
    return false;
}

// Appends the tokens that the busy slots got; returns how many of them became free.
static int take_tokens(Generator *g, int busy, int max_new) {
    int freed = 0;
    for (int r = 0; r < busy; r++) {
        Slot *slot = &g->slot[g->h_seq[r]];
        Rollout *rollout = slot->rollout;
        for (int i = 0; i < g->h_taken[r]; i++) {
            const Sampled *sampled = &g->h_log[(size_t)r * DECODE_BURST_MAX + i];
            slot->last = sampled->token;
            slot->length++;
            rollout->tokens[rollout->n] = sampled->token;
            rollout->sampled[rollout->n++] = sampled->policy;
        }
        bool over = ends(&g->gpt->config, slot->last);
        if (!over && rollout->n < max_new) continue;
        rollout->truncated = !over;
        free_slot(g, g->h_seq[r]);
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

// The rank's first rollout from `next` on.
static int following(const Rollout *rollouts, int count, int next, int rank) {
    while (next < count && rollouts[next].rank != rank) next++;
    return next;
}

// Gives free slots the next rollouts of this rank and prefills their prompts, packed; returns how many.
static int refill(Generator *g, Rollout *rollouts, int count, int *next, int rank, const Prompt *prompts, int P, int max_new) {
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
    }
    REQUIRE(g->n_free == g->blocks, "%d KV blocks were lost: a bug, please report it", g->blocks - g->n_free);
    return steps;
}
