// Optional (Hugging Face models): merging the bytes of a word.
// Short words are scanned for their lowest rank and compacted after each merge: O(n^2) of a few instructions each, in
// the L1 cache. Long words use a linked list and a binary heap of (rank, position): O(n log n), so no text is slow.
#include "model/tokenizer/bpe.h"
#include <string.h>

static const uint64_t NO_PAIR = UINT64_MAX;
static const uint32_t NO_RANK = UINT32_MAX;
enum { SHORT_WORD = 48 };

bool merges_init(Merges *merges, size_t count) {
    size_t slots = 16;
    while (slots < count * 3 / 2) slots *= 2;
    *merges = (Merges){malloc(slots * sizeof *merges->slots), slots - 1};
    for (size_t i = 0; merges->slots && i < slots; i++) merges->slots[i].pair = NO_PAIR;
    return merges->slots != NULL;
}

void merges_free(Merges *merges) { free(merges->slots); }

static Merge *find_merge(const Merges *merges, uint64_t pair) {
    uint64_t hash = pair * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(hash ^ hash >> 32) & merges->mask;
    while (merges->slots[i].pair != pair && merges->slots[i].pair != NO_PAIR) i = (i + 1) & merges->mask;
    return &merges->slots[i];
}

static uint64_t pair_of(int left, int right) { return (uint64_t)(uint32_t)left << 32 | (uint32_t)right; }

void merges_add(Merges *merges, int left, int right, uint32_t rank, int id) {
    uint64_t pair = pair_of(left, right);
    *find_merge(merges, pair) = (Merge){pair, rank, id};
}

static uint32_t look_up(const Merges *merges, int left, int right, int *merged) {
    const Merge *merge = find_merge(merges, pair_of(left, right));
    *merged = merge->id;
    return merge->pair == NO_PAIR ? NO_RANK : merge->rank;
}

bool bpe_reserve(BpeSpace *space, size_t n) {
    if (n <= space->room) return true;
    size_t room = 2 * n + 256;
    bpe_free(space);
    char *block = malloc(room * (3 * sizeof(uint64_t) + 4 * sizeof(int) + sizeof(uint32_t)));
    *space = (BpeSpace){0};
    if (!block) return false;
    space->heap = (uint64_t *)block;
    space->ids = (int *)(space->heap + 3 * room);
    space->merged = space->ids + room;
    space->next = space->merged + room;
    space->prev = space->next + room;
    space->rank = (uint32_t *)(space->prev + room);
    space->room = room;
    return true;
}

void bpe_free(BpeSpace *space) { free(space->heap); }

static size_t merge_short(const Merges *merges, BpeSpace *space, size_t n) {
    int *ids = space->ids, *merged = space->merged;
    uint32_t *rank = space->rank; // rank[i] is that of the pair (i, i + 1)
    for (;;) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++) best = rank[i] < rank[best] ? i : best;
        if (n < 2 || rank[best] == NO_RANK) return n;
        ids[best] = merged[best];
        n--;
        for (size_t i = best + 1; i < n; i++) {
            ids[i] = ids[i + 1];
            rank[i] = rank[i + 1];
            merged[i] = merged[i + 1];
        }
        if (best > 0) rank[best - 1] = look_up(merges, ids[best - 1], ids[best], &merged[best - 1]);
        rank[best] = best + 1 < n ? look_up(merges, ids[best], ids[best + 1], &merged[best]) : NO_RANK;
    }
}

static void heap_push(uint64_t *heap, size_t *count, uint64_t value) {
    size_t i = (*count)++;
    for (; i > 0 && heap[(i - 1) / 2] > value; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = value;
}

static uint64_t heap_pop(uint64_t *heap, size_t *count) {
    uint64_t top = heap[0], last = heap[--*count];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < *count) {
        if (child + 1 < *count && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= last) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

// Looks up the pair that starts at i and pushes it. With n - 1 pushes at first and two per merge, 3 n fit.
static void set_pair(const Merges *merges, BpeSpace *space, int i, size_t *count) {
    int next = space->next[i];
    space->rank[i] = next < 0 ? NO_RANK : look_up(merges, space->ids[i], space->ids[next], &space->merged[i]);
    if (space->rank[i] != NO_RANK) heap_push(space->heap, count, (uint64_t)space->rank[i] << 32 | (uint32_t)i);
}

static size_t merge_long(const Merges *merges, BpeSpace *space, size_t n) {
    size_t count = 0, kept = 0;
    int *next = space->next, *prev = space->prev;
    for (size_t i = 0; i < n; i++) {
        prev[i] = (int)i - 1;
        next[i] = i + 1 < n ? (int)i + 1 : -1;
    }
    for (size_t i = 0; i < n; i++) set_pair(merges, space, (int)i, &count);
    while (count) {
        uint64_t top = heap_pop(space->heap, &count);
        int i = (int)(uint32_t)top, gone = next[i];
        if (space->rank[i] != top >> 32) continue; // one of the two was merged since
        space->ids[i] = space->merged[i];
        space->rank[gone] = NO_RANK;
        next[i] = next[gone];
        if (next[i] >= 0) prev[next[i]] = i;
        set_pair(merges, space, i, &count);
        if (prev[i] >= 0) set_pair(merges, space, prev[i], &count);
    }
    for (int i = 0; i >= 0; i = next[i]) space->ids[kept++] = space->ids[i];
    return kept;
}

ptrdiff_t bpe_word(const Merges *merges, const Vocab *vocab, const char *word, size_t n, BpeSpace *space) {
    for (size_t i = 0; i < n; i++) {
        space->ids[i] = vocab->byte_ids[(unsigned char)word[i]];
        if (space->ids[i] < 0) return -1 - (ptrdiff_t)i;
    }
    if (n > SHORT_WORD) return (ptrdiff_t)merge_long(merges, space, n);
    for (size_t i = 0; i + 1 < n; i++)
        space->rank[i] = look_up(merges, space->ids[i], space->ids[i + 1], &space->merged[i]);
    space->rank[n - 1] = NO_RANK;
    return (ptrdiff_t)merge_short(merges, space, n);
}
