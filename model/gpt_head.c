#include "model/gpt_head.h"
#include "kernels/matmul.h"
#include "kernels/device/nvtx.h"
#include "kernels/gather_rows.h"

void head_plan(const Gpt *g, Head *head, Arena *arena, int chunk, bool train) {
    size_t C = (size_t)g->config.C, V = (size_t)g->config.V;
    *head = (Head){.chunk = chunk};
    ARENA_PLAN(arena, head->x, (size_t)chunk * C);
    if (train) ARENA_PLAN(arena, head->dx, (size_t)chunk * C);
    arena->kind = MEMORY_LOGITS;
    ARENA_PLAN(arena, head->logits, (size_t)chunk * V);
    if (train && sizeof(floatX) != sizeof(float)) ARENA_PLAN(arena, head->dlogits, (size_t)chunk * V);
}

void head_logits(const Gpt *g, Head *head, const GptActs *acts, const int *rows, int M) {
    int C = g->config.C;
    gather_rows(g->dev, head->x, acts->hidden, rows, M, C);
    matmul_logits(g->dev, head->logits, head->x, g->params + g->table.head, M, C, g->config.V);
}

static const float *from(const float *array, int m) { return array ? array + m : NULL; }

void head_policy_loss(const Gpt *g, Head *head, GptActs *acts, Gradients *grads, TokenResult *result, const int *rows,
                      const PolicyTargets *t, const PolicyObjective *objective, int N, int M) {
    RANGE("head and loss");
    int C = g->config.C, V = g->config.V;
    floatX *dlogits = head->dlogits ? head->dlogits : (floatX *)head->logits;
    device_zero(g->dev, acts->dhidden, (size_t)N * C * sizeof(floatX)); // rows without a target have none
    for (int m = 0; m < M; m += head->chunk) {
        int n = M - m < head->chunk ? M - m : head->chunk;
        PolicyTargets part = {t->target + m, from(t->advantage, m), from(t->logp_old, m), t->weight + m,
                              from(t->E_override, m), t->adjust ? t->adjust + m : NULL};
        head_logits(g, head, acts, rows + m, n);
        policy_loss(g->dev, result + m, dlogits, head->logits, &part, objective, n, V);
        if (!grads) continue;
        matmul_backward_weight(g->dev, grads->head, NULL, dlogits, head->x, n, C, V);
        matmul_backward_input(g->dev, head->dx, dlogits, g->params + g->table.head, n, C, V);
        scatter_rows(g->dev, acts->dhidden, head->dx, rows + m, n, C);
    }
}
