// Optional (study).
#include "dev/study/logits.h"
#include "kernels/softmax_row.h"

struct Logits {
    const Gpt *gpt;
    GptActs acts;
    Head head;
    Arena arena;
    int T, *ids, *pos, *starts, *h_ids;
    float *h_logits;
};

Logits *logits_new(const Gpt *gpt, int T) {
    Logits *l = malloc(sizeof *l);
    REQUIRE(l, "out of memory");
    *l = (Logits){.gpt = gpt, .T = T, .arena.name = "logits of rollouts"};
    gpt_acts_plan(gpt, &l->acts, &l->arena, T, T);
    head_plan(gpt, &l->head, &l->arena, T, false);
    ARENA_PLAN(&l->arena, l->ids, T);
    ARENA_PLAN(&l->arena, l->pos, T);
    ARENA_PLAN(&l->arena, l->starts, 2);
    arena_commit(&l->arena, gpt->dev);
    l->h_ids = malloc((size_t)T * sizeof *l->h_ids);
    l->h_logits = malloc((size_t)T * (size_t)gpt->config.V * sizeof *l->h_logits);
    REQUIRE(l->h_ids && l->h_logits, "out of memory");
    for (int t = 0; t < T; t++) l->h_ids[t] = t;
    device_upload(gpt->dev, l->pos, l->h_ids, (size_t)T * sizeof(int));
    return l;
}

void logits_free(Logits *l) {
    if (!l) return;
    arena_free(&l->arena, l->gpt->dev);
    gpt_acts_free(&l->acts);
    free(l->h_ids), free(l->h_logits);
    free(l);
}

const float *logits_read(Logits *l, const TrainSequence *s) {
    const Gpt *g = l->gpt;
    int N = s->n_prompt + s->n - 1; // the last token predicts nothing
    REQUIRE(s->n_prompt >= 1 && s->n >= 1 && N <= l->T, "a sequence of %d tokens, planned were %d", N, l->T);
    for (int t = 0; t < N; t++) l->h_ids[t] = t < s->n_prompt ? s->prompt[t] : s->tokens[t - s->n_prompt];
    device_upload(g->dev, l->ids, l->h_ids, (size_t)N * sizeof(int));
    device_upload(g->dev, l->starts, (int[]){0, N}, 2 * sizeof(int));
    Batch batch = {.N = N, .B = 1, .T = N, .ids = l->ids, .pos = l->pos, .starts = l->starts};
    gpt_forward(g, &l->acts, &batch);
    head_logits(g, &l->head, &l->acts, l->pos + s->n_prompt - 1, s->n); // positions are also the rows' numbers
    device_download(g->dev, l->h_logits, l->head.logits, (size_t)s->n * (size_t)g->config.V * sizeof(float));
    return l->h_logits;
}

double logits_push_length(const float *z, int V, int a, float inv_temp) {
    PolicyRow row = policy_row(z, V, inv_temp);
    double sum = 0;
    for (int b = 0; b < V; b++) {
        double off = exp((double)policy_log_prob(&row, z[b], inv_temp)) - (b == a);
        sum += off * off;
    }
    return sqrt(sum);
}
