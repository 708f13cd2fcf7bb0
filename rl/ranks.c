// Optional (ranks).
#include "rl/ranks.h"
#include "base/flags_text.h"
#include "base/files.h"
#include "base/json.h"
#include "kernels/device/rendezvous.h"
#include "rl/data.h"
#include <string.h>

enum { FLAGS_SIZE = 16 << 10, PIECE = 1 << 20 };

bool ranks_agree(Comm *comm, bool ok, Error *err) {
    int ranks = comm_size(comm), rank = comm_rank(comm);
    double first = ok ? -ranks : -rank, text[sizeof err->text] = {0}; // text: a character each, of that rank alone
    if (ranks == 1) return ok;
    comm_max(comm, &first, 1);
    int failed = -(int)first;
    if (failed == ranks) return true;
    for (size_t i = 0; rank == failed && err->text[i]; i++) text[i] = (unsigned char)err->text[i];
    comm_sum(comm, text, sizeof err->text);
    int n = rank == 0 && failed > 0 ? snprintf(err->text, sizeof err->text, "rank %d: ", failed) : 0;
    for (size_t i = (size_t)n; i < sizeof err->text; i++) err->text[i] = rank == 0 ? (char)text[i - (size_t)n] : 0;
    err->text[sizeof err->text - 1] = 0;
    return false;
}

// The flags that all ranks must share.
static cJSON *shared_flags(const TrainConfig *config) {
    static const char *const own[] = {"data-dir", "threads", "slots", "micro-tokens", "logit-rows"};
    cJSON *flags = cJSON_CreateObject();
    flags_to_json(&train_flags, config, flags);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) cJSON_DeleteItemFromObjectCaseSensitive(flags, own[i]);
    return flags;
}

static bool same_flags(Trainer *t, Error *err) {
    char text[FLAGS_SIZE] = "";
    JsonDifference d;
    cJSON *flags = shared_flags(&t->config);
    bool printed = cJSON_PrintPreallocated(flags, text, sizeof text, false);
    REQUIRE(printed, "the flags are longer than %d bytes", FLAGS_SIZE);
    comm_broadcast(t->comm, text, sizeof text);
    cJSON *first = cJSON_Parse(text);
    bool same = json_same(flags, first, &d);
    if (!same)
        fail(err, "its flags differ from rank 0's: --%s is %s here and %s there: start all ranks with the same command",
             d.key, d.wanted, d.saved);
    cJSON_Delete(first);
    cJSON_Delete(flags);
    return same;
}

static uint64_t hash_device(Trainer *t, const void *x, size_t n, uint64_t hash) {
    char *piece = malloc(PIECE);
    REQUIRE(piece, "out of memory");
    for (size_t at = 0, bytes; at < n; at += bytes) {
        bytes = n - at < PIECE ? n - at : PIECE;
        device_download(t->dev, piece, (const char *)x + at, bytes);
        hash = bytes_hash(piece, bytes, hash);
    }
    free(piece);
    return hash;
}

static uint64_t hash_state(Trainer *t) {
    const History *h = &t->history;
    const long long counters[] = {t->sft_done, t->rl_done, t->opt.t, t->opt.skipped};
    size_t P = (size_t)h->count, n = t->gpt->table.size;
    uint64_t hash = bytes_hash(counters, sizeof counters, 0);
    hash = bytes_hash(h->id, P * sizeof *h->id, hash);
    hash = bytes_hash(h->correct, P * sizeof *h->correct, hash);
    hash = bytes_hash(h->verified, P * sizeof *h->verified, hash);
    hash = bytes_hash(h->length, P * sizeof *h->length, hash);
    hash = hash_device(t, t->gpt->params, n * sizeof *t->gpt->params, hash);
    if (t->adjust.reference && t->rl_done > 0)
        hash = hash_device(t, t->adjust.reference, n * sizeof *t->adjust.reference, hash);
    if (t->buckets.sharded || t->opt.t == 0) return hash;
    hash = hash_device(t, t->opt.m, n * sizeof *t->opt.m, hash);
    return hash_device(t, t->opt.v, n * sizeof *t->opt.v, hash);
}

bool ranks_same(Trainer *t, Error *err) {
    if (comm_size(t->comm) == 1) return true;
    uint64_t own[] = {prompts_hash(&t->heldout, prompts_hash(&t->train, 0)), hash_state(t)}, first[2];
    memcpy(first, own, sizeof own);
    comm_broadcast(t->comm, first, sizeof first);
    bool same = same_flags(t, err);
    if (same && own[0] != first[0])
        same = fail(err, "its data differ from rank 0's, in prompts, golds or order: give all ranks the same files");
    if (same && own[1] != first[1])
        same = fail(err, "its weights differ from rank 0's, or the step that it resumes from: give all ranks the same "
                         "--model and --out, on a file system that they share");
    return ranks_agree(t->comm, same, err);
}

// A failure before the ranks are connected is most often that of all of them. So ranks other than 0 wait, and the
// launcher ends them when rank 0 fails.
int ranks_refuse(Comm *comm, const char *program, const Error *err) {
    Launch launch;
    bool later = *err->text && launch_read(&launch, NULL) && launch.rank > 0;
    if (later) sleep(3);
    if (*err->text) fprintf(stderr, "%s: %s\n", program, err->text);
    if (comm) comm_detach(comm);
    return 2;
}
