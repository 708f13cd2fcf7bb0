#include "rl/update.h"
#include "kernels/advantage.h"
#include "kernels/device/timer.h"
#include <math.h>

// The arrays of a micro-batch: type, name, number of elements. Each is packed on the host, as h_NAME, and uploaded.
// There is at most one target per token.
#define MICRO_ARRAYS(EACH)                                                                                             \
    EACH(int, ids, N) EACH(int, pos, N) EACH(int, starts, B + 1) EACH(int, prefix, B) EACH(int, rows, M)               \
    EACH(int, target, M) EACH(float, weight, M) EACH(float, advantage, M) EACH(float, logp_old, M)                     \
    EACH(TokenPolicy, sampled, M) EACH(TokenAdjust, adjust, M) EACH(int, response_starts, R + 1)

typedef struct Micro { // what the host arrays hold
    int N, B, R, M, T; // tokens; sequences, of which R are not a shared prompt; response tokens; most positions
    bool supervised, adjusted;
} Micro;

struct Updater {
    const Gpt *gpt;
    int N_max; // tokens of a micro-batch
    bool share_prompts;
    Arena arena, host;
    GptActs acts;
    Head head;
#define FIELD(type, name, count) type *name, *h_##name;
    MICRO_ARRAYS(FIELD)
    // device only
    float *E_override, *norms;
    TokenResult *result;
};

Updater *updater_plan(const Gpt *gpt, int micro_tokens, int T, int chunk, bool share_prompts) {
    Updater *u = malloc(sizeof *u);
    int N = micro_tokens > T ? micro_tokens : T;
    REQUIRE(u, "out of memory");
    REQUIRE(T <= gpt->T_rope, "sequences of %d tokens: the model was opened for %d", T, gpt->T_rope);
    *u = (Updater){.gpt = gpt, .N_max = N, .share_prompts = share_prompts, .arena.name = "training",
                   .host.name = "packing"};
    gpt_acts_plan(gpt, &u->acts, &u->arena, N, T);
    head_plan(gpt, &u->head, &u->arena, chunk < N ? chunk : N, true);
    u->arena.kind = MEMORY_ACTIVATIONS;
#define PLAN(type, name, count) ARENA_PLAN(&u->arena, u->name, N + 1), ARENA_PLAN(&u->host, u->h_##name, N + 1);
    MICRO_ARRAYS(PLAN)
    ARENA_PLAN(&u->arena, u->E_override, N);
    ARENA_PLAN(&u->arena, u->norms, 3);
    ARENA_PLAN(&u->arena, u->result, N);
    return u;
}

void updater_commit(Updater *u) {
    arena_commit(&u->arena, u->gpt->dev);
    arena_commit(&u->host, NULL);
}

void updater_free(Updater *u) {
    if (!u) return;
    arena_free(&u->arena, u->gpt->dev);
    arena_free(&u->host, NULL);
    gpt_acts_free(&u->acts);
    free(u);
}

const Arena *updater_arena(const Updater *u) { return &u->arena; }

// Appends tokens first .. end - 1 of a prompt and its response to the micro-batch, to continue sequence `prefix`.
static void pack_tokens(Updater *u, Micro *micro, const TrainSequence *s, int first, int end, int prefix) {
    for (int t = first; t < end; t++, micro->N++) {
        u->h_ids[micro->N] = t < s->n_prompt ? s->prompt[t] : s->tokens[t - s->n_prompt];
        u->h_pos[micro->N] = t;
    }
    u->h_prefix[micro->B] = prefix;
    u->h_starts[++micro->B] = micro->N;
    micro->T = end > micro->T ? end : micro->T;
}

// Appends a sequence, without its first `shared` tokens if it continues sequence `prefix`. The row of token t predicts
// token t + 1, so the rows with a target begin at the prompt's last token, and the last response token, which predicts
// nothing, is not run at all.
static void pack_sequence(Updater *u, Micro *micro, const TrainSequence *s, int shared, int prefix) {
    pack_tokens(u, micro, s, shared, s->n_prompt + s->n - 1, prefix);
    for (int t = 0; t < s->n; t++, micro->M++) {
        u->h_rows[micro->M] = micro->N - s->n + t;
        u->h_target[micro->M] = s->tokens[t];
        u->h_weight[micro->M] = s->weight;
        u->h_advantage[micro->M] = s->advantage;
        u->h_sampled[micro->M] = s->sampled ? s->sampled[t] : (TokenPolicy){0};
        u->h_logp_old[micro->M] = u->h_sampled[micro->M].logp;
        if (s->adjust) u->h_adjust[micro->M] = s->adjust[t];
    }
    u->h_response_starts[++micro->R] = micro->M;
    micro->supervised = !s->sampled;
    micro->adjusted = s->adjust != NULL;
}

// How many of these sequences are packed behind one copy of the first one's prompt, each with its last token.
static int sharing(const Updater *u, const TrainSequence *s, int count) {
    int n = 1;
    while (u->share_prompts && s->n_prompt > 1 && n < count && s[n].prompt == s->prompt && s[n].n_prompt == s->n_prompt)
        n++;
    return n;
}

// Packs a micro-batch from sequence *next on; false when none is left. The sequences of a shared prompt are parted only
// where a micro-batch of their own is too small.
static bool pack(Updater *u, Micro *micro, const TrainSequence *sequences, int count, int *next) {
    *micro = (Micro){0};
    u->h_starts[0] = u->h_response_starts[0] = 0;
    while (*next < count) {
        const TrainSequence *s = &sequences[*next];
        int n = sharing(u, s, count - *next), shared = n > 1 ? s->n_prompt - 1 : 0, tokens = shared, prompt = -1;
        for (int i = 0; i < n; i++) {
            REQUIRE(s->n_prompt >= 1 && s[i].n >= 1 && s->n_prompt + s[i].n - 1 <= u->acts.T_max,
                    "a sequence of %d prompt and %d response tokens; it needs one of each and at most %d together",
                    s->n_prompt, s[i].n, u->acts.T_max);
            tokens += s->n_prompt - shared + s[i].n - 1;
        }
        if (micro->B > 0 && micro->N + tokens > u->N_max) break;
        if (shared > 0) prompt = micro->B, pack_tokens(u, micro, s, 0, shared, -1);
        for (int i = 0; i < n; i++, (*next)++) {
            if (i > 0 && micro->N + s[i].n > u->N_max) return true;
            pack_sequence(u, micro, &s[i], shared, prompt);
        }
    }
    return micro->B > 0;
}

static void upload(Updater *u, const Micro *micro) {
#define UPLOAD(type, name, count)                                                                                      \
    device_upload(u->gpt->dev, u->name, u->h_##name, (size_t)(micro->count) * sizeof(type));
    MICRO_ARRAYS(UPLOAD)
}

static void micro_norms(Updater *u, PolicyObjective *o, const Micro *micro, bool compat) {
    Device *dev = u->gpt->dev;
    float norms[3];
    if (compat) response_mean_E(dev, u->E_override, u->sampled, u->response_starts, micro->R);
    modulation_norms(dev, u->norms, u->sampled, u->advantage, compat ? u->E_override : NULL, micro->M);
    device_download(dev, norms, u->norms, sizeof norms);
    o->entropy_min = norms[0], o->entropy_max = norms[1], o->delta_max = norms[2];
}

void updater_norms(Updater *u, Comm *comm, PolicyObjective *objective, const TrainSequence *sequences, int count) {
    double largest[3] = {-INFINITY, -INFINITY, 0}; // of -H, H and |dH|, so that one all-reduce serves all three
    Micro micro;
    for (int next = 0; pack(u, &micro, sequences, count, &next);) {
        upload(u, &micro);
        micro_norms(u, objective, &micro, false);
        largest[0] = fmax(largest[0], -objective->entropy_min);
        largest[1] = fmax(largest[1], objective->entropy_max);
        largest[2] = fmax(largest[2], objective->delta_max);
    }
    comm_max(comm, largest, 3);
    objective->entropy_min = (float)-largest[0];
    objective->entropy_max = (float)largest[1];
    objective->delta_max = (float)largest[2];
}

void updater_gradient(Updater *u, Gradients *grads, TokenResult *results, const TrainSequence *sequences, int count,
                      const PolicyObjective *objective, bool compat) {
    const Gpt *g = u->gpt;
    Micro micro;
    if (grads) gradients_zero(g, grads);
    for (int next = 0; pack(u, &micro, sequences, count, &next);) {
        PolicyObjective o = *objective;
        upload(u, &micro);
        if (compat) micro_norms(u, &o, &micro, true);
        Batch batch = {.N = micro.N, .B = micro.B, .T = micro.T, .ids = u->ids, .pos = u->pos, .starts = u->starts,
                       .prefix = micro.R < micro.B ? u->prefix : NULL};
        PolicyTargets targets = {u->target, u->advantage, u->logp_old, u->weight, compat ? u->E_override : NULL,
                                 micro.adjusted ? u->adjust : NULL};
        if (micro.supervised) targets.advantage = targets.logp_old = NULL;
        if (grads) grads->last = next == count;
        timer_begin(g->dev, TIMER_FORWARD);
        gpt_forward(g, &u->acts, &batch);
        timer_end(g->dev);
        timer_begin(g->dev, TIMER_LOSS);
        head_policy_loss(g, &u->head, &u->acts, grads, u->result, u->rows, &targets, &o, micro.N, micro.M);
        timer_end(g->dev);
        timer_begin(g->dev, TIMER_BACKWARD);
        if (grads) gpt_backward(g, &u->acts, grads, &batch);
        timer_end(g->dev);
        device_download(g->dev, results, u->result, (size_t)micro.M * sizeof *results);
        results += micro.M;
    }
    timer_begin(g->dev, TIMER_EXCHANGE);
    if (grads) gradients_finish(g, grads);
    timer_end(g->dev);
}
