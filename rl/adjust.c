// Optional (token-level methods, KL to a reference, sequence ratio).
#include "rl/adjust.h"
#include "kernels/exp_log.h"
#include "kernels/philox.h"
#include "rl/methods.h"
#include "rl/trainer.h"
#include <string.h>

enum { ADJUST_STREAM = 0x5e000000 }; // a Philox counter that no sampling uses
enum { FORK_EVERY = 5, CLIP_COV_EVERY = 5000, KL_COV_EVERY = 500 }; // one token in so many is chosen
static const double clip_cov_low = 1, clip_cov_high = 5;
static const float kl_cov_move = 1;

static TokenRule rule_of(const Trainer *t) { return methods[t->config.method].rule; }

void adjust_plan(Trainer *t) {
    RolloutBatch *b = &t->batch;
    size_t tokens = (size_t)b->capacity * (size_t)b->max_new;
    if (t->config.kl_coef == 0 && t->config.ratio == RATIO_TOKEN && rule_of(t) == RULE_NONE) return;
    ARENA_PLAN(&b->host, t->adjust.tokens, tokens);
    ARENA_PLAN(&b->host, t->adjust.keys, tokens);
    ARENA_PLAN(&b->host, t->adjust.sums, b->capacity);
    t->arena.kind = MEMORY_WEIGHTS;
    if (t->config.kl_coef > 0) ARENA_PLAN(&t->arena, t->adjust.reference, t->gpt->table.room);
}

typedef struct MiniBatch { // rollouts [first, end), of which this rank trains t->sequences (count)
    Trainer *t;
    const PolicyObjective *o;
    int first, end, count, update;
    double tokens, mean_A, mean_logp; // over the trained tokens of all ranks
} MiniBatch;

static TokenAdjust *adjust_of(const MiniBatch *b, const TrainSequence *s) {
    return b->t->adjust.tokens + (s->tokens - b->t->batch.tokens);
}

// Tokens of rollout j in the loss: none where it is left out.
static int trained_tokens(const MiniBatch *b, int j) {
    return b->t->weights[j - b->first] > 0 ? b->t->batch.rollouts[j].n : 0;
}

// The sum over all ranks of sums[j - first] for each rollout j, and with it their sum in order of the rollouts: the
// same bits on every rank, for any number of ranks.
static double sum_rollouts(const MiniBatch *b, double *sums) {
    double total = 0;
    comm_sum(b->t->comm, sums, (size_t)(b->end - b->first));
    for (int j = b->first; j < b->end; j++) total += sums[j - b->first];
    return total;
}

// ---- Statistics ----------------------------------------------------------------------------------------------------
// Writes the current policy's results for this rank's tokens. In a step's first update that is the policy that sampled.
static void current_policy(const MiniBatch *b) {
    TokenResult *r = b->t->results;
    if (b->update > 0) {
        updater_gradient(b->t->updater, NULL, r, b->t->sequences, b->count, b->o, false);
        return;
    }
    for (int k = 0; k < b->count; k++)
        for (int i = 0; i < b->t->sequences[k].n; i++, r++) {
            TokenPolicy p = b->t->sequences[k].sampled[i];
            *r = (TokenResult){.logp = p.logp, .entropy = p.entropy, .E = p.E, .ratio = 1};
        }
}

static void means(MiniBatch *b) {
    const TokenResult *r = b->t->results;
    double A_sum = 0, *sums = b->t->adjust.sums;
    b->tokens = 0;
    for (int j = b->first, k = 0; j < b->end; j++) {
        int n = trained_tokens(b, j);
        b->tokens += n;
        A_sum += (double)n * b->t->batch.rollouts[j].advantage;
        sums[j - b->first] = 0;
        if (n == 0 || b->t->batch.rollouts[j].rank != comm_rank(b->t->comm)) continue;
        for (int i = 0; i < b->t->sequences[k].n; i++, r++) sums[j - b->first] += r->logp;
        k++;
    }
    b->mean_A = A_sum / b->tokens;
    b->mean_logp = sum_rollouts(b, sums) / b->tokens;
}

// ---- The choice ----------------------------------------------------------------------------------------------------
// Keys are ordered as the values are, equal values as the places: the earlier is the larger. No two are equal, and none
// is 0, which is the key of tokens that cannot be chosen.
static uint64_t key_of(uint32_t ordered, uint32_t place) { return (uint64_t)ordered << 32 | (UINT32_MAX - place); }
static uint64_t float_key(float value, uint32_t place) {
    uint32_t bits = float_to_bits(value);
    return key_of(bits >> 31 ? ~bits : bits | 0x80000000u, place);
}

// place: of the token among all of the mini-batch, in order of the rollouts.
static uint64_t token_key(const MiniBatch *b, float A, const TokenResult *r, uint32_t place) {
    const TrainConfig *c = &b->t->config;
    double cov = (A - b->mean_A) * (r->logp - b->mean_logp);
    if (rule_of(b->t) == RULE_FORK) return float_key(r->entropy, place);
    if (rule_of(b->t) == RULE_KL_COV) return float_key((float)cov, place);
    if (!(cov > clip_cov_low && cov < clip_cov_high) || ratio_clipped(b->o, r->ratio, A)) return 0;
    Philox bits = philox((uint64_t)c->seed, ADJUST_STREAM, (uint32_t)b->t->rl_done, (uint32_t)b->update, place);
    return key_of(bits.word[0], place);
}

// Writes the key of each of this rank's tokens. Returns how many there are.
static size_t write_keys(const MiniBatch *b) {
    uint64_t *keys = b->t->adjust.keys;
    const TokenResult *r = b->t->results;
    uint32_t place = 0;
    size_t count = 0;
    REQUIRE(b->tokens < UINT32_MAX, "%.0f tokens in one mini-batch: raise --updates", b->tokens);
    for (int j = b->first; j < b->end; j++) {
        const Rollout *rollout = &b->t->batch.rollouts[j];
        int n = trained_tokens(b, j);
        bool own = rollout->rank == comm_rank(b->t->comm);
        for (int i = 0; i < n && own; i++, count++)
            keys[count] = token_key(b, rollout->advantage, &r[count], place + (uint32_t)i);
        place += (uint32_t)n;
    }
    return count;
}

// The k-th largest key of all ranks (count keys are this rank's), or 0 where fewer than k are not 0: byte by byte, from
// the highest, of the keys that agree with it so far.
static uint64_t kth_largest(Comm *comm, const uint64_t *keys, size_t count, double k) {
    uint64_t found = 0, known = 0; // known: a mask of the bytes that are found
    for (int shift = 56; shift >= 0; shift -= 8) {
        double bins[256] = {0};
        int byte = 255;
        for (size_t i = 0; i < count; i++)
            if ((keys[i] & known) == found) bins[keys[i] >> shift & 255]++;
        comm_sum(comm, bins, 256);
        for (; byte > 0 && bins[byte] < k; byte--) k -= bins[byte];
        found |= (uint64_t)byte << shift;
        known |= (uint64_t)255 << shift;
    }
    return found;
}

// The factor of the forks: all weights over the forks' weights.
static float fork_factor(const MiniBatch *b, uint64_t threshold) {
    const uint64_t *key = b->t->adjust.keys;
    double *sums = b->t->adjust.sums, all = 0;
    memset(sums, 0, (size_t)(b->end - b->first) * sizeof *sums);
    for (int j = b->first; j < b->end; j++) {
        int n = trained_tokens(b, j);
        double weight = b->t->weights[j - b->first];
        all += n * weight;
        if (b->t->batch.rollouts[j].rank != comm_rank(b->t->comm)) continue;
        for (int i = 0; i < n; i++, key++) sums[j - b->first] += *key >= threshold ? weight : 0;
    }
    return (float)(all / sum_rollouts(b, sums));
}

static void apply_rule(MiniBatch *b) {
    TokenRule rule = rule_of(b->t);
    if (rule == RULE_NONE) return;
    means(b);
    if (b->tokens == 0) return;
    size_t count = write_keys(b);
    int every = rule == RULE_FORK ? FORK_EVERY : rule == RULE_CLIP_COV ? CLIP_COV_EVERY : KL_COV_EVERY;
    double share = b->tokens / every, k = rule == RULE_FORK ? ceil(share) : fmax(1, floor(share));
    const uint64_t *key = b->t->adjust.keys;
    uint64_t threshold = kth_largest(b->t->comm, key, count, k);
    float factor = rule == RULE_FORK ? fork_factor(b, threshold) : 1;
    for (int s = 0; s < b->count; s++)
        for (int i = 0; i < b->t->sequences[s].n; i++, key++) {
            TokenAdjust *a = adjust_of(b, &b->t->sequences[s]) + i;
            bool chosen = *key != 0 && *key >= threshold;
            if (rule == RULE_FORK) a->factor = chosen ? factor : 0;
            if (rule == RULE_CLIP_COV) a->factor = chosen ? 0 : 1;
            if (rule == RULE_KL_COV) a->move = chosen ? kl_cov_move : 0;
        }
}

// ---- The ratio of a response, and the reference --------------------------------------------------------------------
static void apply_sequence_ratio(const MiniBatch *b) {
    TokenResult *r = b->t->results;
    for (int k = 0; k < b->count; k++) {
        const TrainSequence *s = &b->t->sequences[k];
        double sum = 0;
        for (int i = 0; i < s->n; i++) sum += (double)r[i].logp - s->sampled[i].logp;
        float ratio = exp_f32((float)(sum / s->n));
        for (int i = 0; i < s->n; i++) adjust_of(b, s)[i].ratio = r[i].ratio = ratio;
        r += s->n;
    }
}

bool adjust_has_reference(const Trainer *t) { return t->adjust.reference && t->rl_done > 0 && t->opt.t > 0; }

// Writes the reference's log pi_a, for the whole step. While RL has made no update the policy is the reference.
static void apply_reference(const MiniBatch *b) {
    Trainer *t = b->t;
    floatX *policy = t->gpt->params;
    const TokenResult *r = t->results;
    if (t->opt.t == 0)
        device_copy(t->dev, t->adjust.reference, policy, t->gpt->table.room * sizeof(floatX));
    t->gpt->params = t->adjust.reference;
    updater_gradient(t->updater, NULL, t->results, t->sequences, b->count, b->o, false);
    t->gpt->params = policy;
    for (int k = 0; k < b->count; k++)
        for (int i = 0; i < t->sequences[k].n; i++) adjust_of(b, &t->sequences[k])[i].logp_ref = (r++)->logp;
}

void adjust_tokens(Trainer *t, int first, int end, int count, int update, const PolicyObjective *objective) {
    MiniBatch b = {.t = t, .o = objective, .first = first, .end = end, .count = count, .update = update};
    bool rule = rule_of(t) != RULE_NONE, sequence = t->config.ratio == RATIO_SEQUENCE, reference = t->adjust.reference;
    if (!t->adjust.tokens) return;
    for (int k = 0; k < count; k++)
        for (int i = 0; i < t->sequences[k].n; i++) {
            TokenAdjust *a = adjust_of(&b, &t->sequences[k]) + i;
            *a = (TokenAdjust){.factor = 1, .ratio = -1, .logp_ref = update < t->config.updates ? NAN : a->logp_ref};
        }
    if (reference && update < t->config.updates) apply_reference(&b);
    if (rule || sequence) current_policy(&b);
    if (sequence) apply_sequence_ratio(&b);
    apply_rule(&b);
    for (int k = 0; k < count; k++) t->sequences[k].adjust = adjust_of(&b, &t->sequences[k]);
}
