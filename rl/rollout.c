#include "rl/rollout.h"
#include <string.h>

void rollout_batch_plan(RolloutBatch *b, int P, int capacity, int max_new) {
    size_t tokens = (size_t)capacity * (size_t)max_new;
    *b = (RolloutBatch){.capacity = capacity, .max_new = max_new, .P = P, .arena.name = "groups",
                        .host.name = "a batch of rollouts: lower --prompts, --rollouts or --max-tokens"};
    ARENA_PLAN(&b->host, b->rollouts, capacity);
    ARENA_PLAN(&b->host, b->tokens, tokens);
    ARENA_PLAN(&b->host, b->sampled, tokens);
    if (P == 0) return;
    ARENA_PLAN(&b->host, b->h_n, P);
    ARENA_PLAN(&b->host, b->h_starts, P + 1);
    ARENA_PLAN(&b->host, b->h_correct, P);
    ARENA_PLAN(&b->host, b->h_verified, P);
    ARENA_PLAN(&b->host, b->h_reward, capacity);
    ARENA_PLAN(&b->host, b->h_advantage, capacity);
    ARENA_PLAN(&b->arena, b->n, P);
    ARENA_PLAN(&b->arena, b->starts, P + 1);
    ARENA_PLAN(&b->arena, b->correct, P);
    ARENA_PLAN(&b->arena, b->verified, P);
    ARENA_PLAN(&b->arena, b->reward, capacity);
    ARENA_PLAN(&b->arena, b->advantage, capacity);
}

void rollout_batch_commit(RolloutBatch *b, Device *dev) {
    arena_commit(&b->host, NULL);
    if (b->P > 0) arena_commit(&b->arena, dev);
}

void rollout_batch_free(RolloutBatch *b, Device *dev) {
    arena_free(&b->host, NULL);
    arena_free(&b->arena, dev);
}

void rollout_batch_add(RolloutBatch *b, const Prompt *prompts, int i, int number, int rank) {
    REQUIRE(b->count < b->capacity, "more than the %d planned rollouts: a bug, please report it", b->capacity);
    size_t at = (size_t)b->count * (size_t)b->max_new;
    b->rollouts[b->count++] = (Rollout){.prompt_id = prompts[i].id, .prompt = i, .number = number, .rank = rank,
                                        .tokens = b->tokens + at, .sampled = b->sampled + at};
}

void rollout_batch_allocate(RolloutBatch *b, Device *dev, const Prompt *prompts, const History *history,
                            const AllocateConfig *config) {
    int first = b->first, count = b->P - first;
    size_t bytes = (size_t)count * sizeof *b->correct;
    for (int i = first; i < b->P; i++) {
        int problem = prompts[i].problem;
        REQUIRE(prompts[i].id == history->id[problem], "the history of problem %d is of another prompt", problem);
        b->h_correct[i] = history->correct[problem];
        b->h_verified[i] = history->verified[problem];
    }
    device_upload(dev, b->correct, b->h_correct + first, bytes);
    device_upload(dev, b->verified, b->h_verified + first, bytes);
    allocate_rollouts(dev, b->n, NULL, b->correct, b->verified, count, config);
    device_download(dev, b->h_n + first, b->n, (size_t)count * sizeof *b->n);
    for (int i = first; i < b->P; i++) b->h_starts[i + 1] = b->h_starts[i] + b->h_n[i];
}

void rollout_batch_deal(RolloutBatch *b, const Prompt *prompts, const History *history, int ranks) {
    double load[ranks]; // expected tokens of each rank
    memset(load, 0, sizeof load);
    b->count = b->h_starts[b->first];
    for (int i = b->first; i < b->P; i++)
        for (int number = 0; number < b->h_n[i]; number++) {
            double expected = history->length[prompts[i].problem];
            int least = 0;
            for (int w = 1; w < ranks; w++)
                if (load[w] < load[least]) least = w;
            rollout_batch_add(b, prompts, i, number, least);
            load[least] += expected > 0 ? expected : b->max_new / 2.0;
        }
}

void rollout_batch_broadcast(RolloutBatch *b, Comm *comm) {
    enum { REWARD, LENGTH, VERDICT, TRUNCATED, COLUMNS };
    double(*table)[COLUMNS] = calloc((size_t)b->count, sizeof *table);
    REQUIRE(table, "out of memory");
    for (int j = 0; j < b->count; j++) { // each row is filled by one rank, so the sum over ranks is the broadcast
        const Rollout *r = &b->rollouts[j];
        if (r->rank != comm_rank(comm)) continue;
        table[j][REWARD] = r->reward;
        table[j][LENGTH] = r->n;
        table[j][VERDICT] = r->verdict;
        table[j][TRUNCATED] = r->truncated;
    }
    comm_sum(comm, *table, (size_t)b->count * COLUMNS);
    for (int j = 0; j < b->count; j++) {
        Rollout *r = &b->rollouts[j];
        r->reward = (float)table[j][REWARD];
        r->n = (int)table[j][LENGTH];
        r->verdict = (int)table[j][VERDICT];
        r->truncated = table[j][TRUNCATED] != 0;
    }
    free(table);
}

void rollout_batch_advantages(RolloutBatch *b, Device *dev, const Prompt *prompts, AdvantageKind kind) {
    size_t bytes = (size_t)b->count * sizeof(float);
    for (int i = 0; i < b->P; i++)
        for (int j = b->h_starts[i]; j < b->h_starts[i + 1]; j++) {
            const Rollout *r = &b->rollouts[j];
            REQUIRE(r->prompt == i && r->prompt_id == prompts[i].id, "rollout %d is in another prompt's group", j);
            b->h_reward[j] = r->reward;
        }
    device_upload(dev, b->starts, b->h_starts, (size_t)(b->P + 1) * sizeof *b->starts);
    device_upload(dev, b->reward, b->h_reward, bytes);
    group_advantage(dev, b->advantage, b->reward, b->starts, b->P, kind);
    device_download(dev, b->h_advantage, b->advantage, bytes);
    for (int j = 0; j < b->count; j++) b->rollouts[j].advantage = b->h_advantage[j];
}
