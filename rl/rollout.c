#include "rl/rollout.h"
#include "base/check.h"

RolloutBatch rollout_batch_new(int capacity, int max_new) {
    size_t tokens = (size_t)capacity * (size_t)max_new;
    RolloutBatch pool = {calloc((size_t)capacity, sizeof(Rollout)), 0, capacity, max_new, malloc(tokens * sizeof(int)), malloc(tokens * sizeof(TokenPolicy))};
    REQUIRE(pool.rollouts && pool.tokens && pool.sampled,
            "out of memory for %d rollouts of %d tokens: lower --prompts, --rollouts or --max-tokens", capacity, max_new);
    return pool;
}

void rollout_batch_free(RolloutBatch *pool) {
    free(pool->rollouts), free(pool->tokens), free(pool->sampled);
    *pool = (RolloutBatch){0};
}

void rollout_batch_add(RolloutBatch *pool, const Prompt *prompts, int i, int number, int rank) {
    REQUIRE(pool->count < pool->capacity, "more rollouts than the %d that were planned: a bug, please report it", pool->capacity);
    size_t at = (size_t)pool->count * (size_t)pool->max_new;
    pool->rollouts[pool->count++] = (Rollout){.prompt_id = prompts[i].id, .prompt = i, .number = number, .rank = rank,
                                              .tokens = pool->tokens + at, .sampled = pool->sampled + at};
}
