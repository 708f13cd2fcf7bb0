#include "rl/update.h"
#include "kernels/advantage.h"
#include "kernels/device/timer.h"
#include <math.h>

struct Updater {
    const Gpt *gpt;
    int N_max; // tokens of a micro-batch
    Arena arena, host;
    GptActs acts;
    Head head;
    // A micro-batch on the device, and the host arrays that it is packed in. There is at most one target per token.
    int *ids, *pos, *starts, *rows, *target, *response_starts;
    int *h_ids, *h_pos, *h_starts, *h_rows, *h_target, *h_response_starts;
    float *advantage, *logp_old, *weight, *h_advantage, *h_logp_old, *h_weight;
    TokenPolicy *sampled, *h_sampled;
    TokenAdjust *adjust, *h_adjust;
    // device only
    float *E_override, *norms;
    TokenResult *result;
};

typedef struct Micro { // what the host arrays hold
    int N, B, M, T;    // tokens, sequences, response tokens, longest sequence
    bool supervised, adjusted;
} Micro;

// Plans an array on the device and its host array h_NAME.
#define PLAN_BOTH(u, name, count)                                                                                      \
    (ARENA_PLAN(&(u)->arena, (u)->name, count), ARENA_PLAN(&(u)->host, (u)->h_##name, count))

Updater *updater_plan(const Gpt *gpt, int micro_tokens, int T, int chunk) {
    Updater *u = malloc(sizeof *u);
    int N = micro_tokens > T ? micro_tokens : T;
    REQUIRE(u, "out of memory");
    REQUIRE(T <= gpt->T_rope, "sequences of %d tokens: the model was opened for %d", T, gpt->T_rope);
    *u = (Updater){.gpt = gpt, .N_max = N, .arena.name = "training", .host.name = "packing"};
    gpt_acts_plan(gpt, &u->acts, &u->arena, N, T);
    head_plan(gpt, &u->head, &u->arena, chunk < N ? chunk : N, true);
    u->arena.kind = MEMORY_ACTIVATIONS;
    PLAN_BOTH(u, ids, N);
    PLAN_BOTH(u, pos, N);
    PLAN_BOTH(u, starts, N + 1);
    PLAN_BOTH(u, rows, N);
    PLAN_BOTH(u, target, N);
    PLAN_BOTH(u, response_starts, N + 1);
    PLAN_BOTH(u, advantage, N);
    PLAN_BOTH(u, logp_old, N);
    PLAN_BOTH(u, weight, N);
    PLAN_BOTH(u, sampled, N);
    PLAN_BOTH(u, adjust, N);
    ARENA_PLAN(&u->arena, u->E_override, N);
    ARENA_PLAN(&u->arena, u->norms, 3);
    ARENA_PLAN(&u->arena, u->result, N);
    return u;
}

void updater_commit(Updater *u) {
    arena_commit(&u->arena, u->gpt->dev);
    arena_commit(&u->host, NULL);
}

Updater *updater_new(const Gpt *gpt, int micro_tokens, int T, int chunk) {
    Updater *u = updater_plan(gpt, micro_tokens, T, chunk);
    updater_commit(u);
    return u;
}

void updater_free(Updater *u) {
    if (!u) return;
    arena_free(&u->arena, u->gpt->dev);
    arena_free(&u->host, NULL);
    gpt_acts_free(&u->acts);
    free(u);
}

const Arena *updater_arena(const Updater *u) { return &u->arena; }

// Appends a sequence to the micro-batch. The row of token t predicts token t + 1, so the rows with a target begin at
// the prompt's last token, and the last response token, which predicts nothing, is not run at all.
static void pack_sequence(Updater *u, Micro *micro, const TrainSequence *s) {
    int length = s->n_prompt + s->n - 1;
    for (int t = 0; t < length; t++) {
        u->h_ids[micro->N + t] = t < s->n_prompt ? s->prompt[t] : s->tokens[t - s->n_prompt];
        u->h_pos[micro->N + t] = t;
    }
    for (int t = 0; t < s->n; t++, micro->M++) {
        u->h_rows[micro->M] = micro->N + s->n_prompt - 1 + t;
        u->h_target[micro->M] = s->tokens[t];
        u->h_weight[micro->M] = s->weight;
        u->h_advantage[micro->M] = s->advantage;
        u->h_sampled[micro->M] = s->sampled ? s->sampled[t] : (TokenPolicy){0};
        u->h_logp_old[micro->M] = u->h_sampled[micro->M].logp;
        if (s->adjust) u->h_adjust[micro->M] = s->adjust[t];
    }
    u->h_starts[micro->B] = micro->N;
    micro->N += length;
    u->h_starts[++micro->B] = micro->N;
    u->h_response_starts[micro->B] = micro->M;
    micro->T = length > micro->T ? length : micro->T;
    micro->supervised = !s->sampled;
    micro->adjusted = s->adjust != NULL;
}

// Packs a micro-batch from sequence *next on; false when none is left.
static bool pack(Updater *u, Micro *micro, const TrainSequence *sequences, int count, int *next) {
    *micro = (Micro){0};
    while (*next < count) {
        const TrainSequence *s = &sequences[*next];
        REQUIRE(s->n_prompt >= 1 && s->n >= 1 && s->n_prompt + s->n - 1 <= u->acts.T_max,
                "a sequence of %d prompt and %d response tokens; it needs one of each and at most %d together",
                s->n_prompt, s->n, u->acts.T_max);
        if (micro->B > 0 && micro->N + s->n_prompt + s->n - 1 > u->N_max) break;
        pack_sequence(u, micro, s);
        (*next)++;
    }
    return micro->B > 0;
}

static void upload_sampled(Updater *u, const Micro *micro) {
    Device *dev = u->gpt->dev;
    device_upload(dev, u->sampled, u->h_sampled, (size_t)micro->M * sizeof *u->h_sampled);
    device_upload(dev, u->advantage, u->h_advantage, (size_t)micro->M * sizeof(float));
    device_upload(dev, u->response_starts, u->h_response_starts, (size_t)(micro->B + 1) * sizeof(int));
}

static void upload(Updater *u, const Micro *micro) {
    Device *dev = u->gpt->dev;
    device_upload(dev, u->ids, u->h_ids, (size_t)micro->N * sizeof(int));
    device_upload(dev, u->pos, u->h_pos, (size_t)micro->N * sizeof(int));
    device_upload(dev, u->starts, u->h_starts, (size_t)(micro->B + 1) * sizeof(int));
    device_upload(dev, u->rows, u->h_rows, (size_t)micro->M * sizeof(int));
    device_upload(dev, u->target, u->h_target, (size_t)micro->M * sizeof(int));
    device_upload(dev, u->weight, u->h_weight, (size_t)micro->M * sizeof(float));
    device_upload(dev, u->logp_old, u->h_logp_old, (size_t)micro->M * sizeof(float));
    if (micro->adjusted) device_upload(dev, u->adjust, u->h_adjust, (size_t)micro->M * sizeof *u->adjust);
    upload_sampled(u, micro);
}

static void micro_norms(Updater *u, float norms[3], const Micro *micro, bool compat) {
    Device *dev = u->gpt->dev;
    if (compat) response_mean_E(dev, u->E_override, u->sampled, u->response_starts, micro->B);
    modulation_norms(dev, u->norms, u->sampled, u->advantage, compat ? u->E_override : NULL, micro->M);
    device_download(dev, norms, u->norms, 3 * sizeof *norms);
}

void updater_norms(Updater *u, Comm *comm, PolicyObjective *objective, const TrainSequence *sequences, int count) {
    double largest[3] = {-INFINITY, -INFINITY, 0}; // of -H, H and |dH|, so that one all-reduce serves all three
    Micro micro;
    for (int next = 0; pack(u, &micro, sequences, count, &next);) {
        float norms[3];
        upload_sampled(u, &micro);
        micro_norms(u, norms, &micro, false);
        largest[0] = fmax(largest[0], -norms[0]);
        largest[1] = fmax(largest[1], norms[1]);
        largest[2] = fmax(largest[2], norms[2]);
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
        if (compat) {
            float norms[3];
            micro_norms(u, norms, &micro, true);
            o.entropy_min = norms[0], o.entropy_max = norms[1], o.delta_max = norms[2];
        }
        Batch batch = {.N = micro.N, .B = micro.B, .T = micro.T, .ids = u->ids, .pos = u->pos, .starts = u->starts};
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
