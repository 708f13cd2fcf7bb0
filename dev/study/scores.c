// Optional (study).
#include "dev/study/scores.h"
#include "kernels/philox.h"
#include <string.h>

enum { SKETCH_STREAM = 0x5b000000 }; // a Philox counter that nothing else here uses
#define SIGN 0x80000000u

Sketch sketch_new(size_t n, int D, uint64_t seed) {
    Sketch s = {n, D, malloc(n * sizeof *s.place)};
    REQUIRE(s.place, "out of memory");
    REQUIRE(D >= 1 && (D & (D - 1)) == 0, "a sketch of %d cells: take a power of 2", D);
    for (size_t i = 0; i < n; i++) {
        Philox bits = philox(seed, SKETCH_STREAM, 0, (uint32_t)i, (uint32_t)(i >> 32));
        s.place[i] = (bits.word[0] & (uint32_t)(D - 1)) | (bits.word[1] & SIGN);
    }
    return s;
}

void sketch_free(Sketch *s) { free(s->place); }

void sketch_apply(const Sketch *s, float *out, const float *x) {
    memset(out, 0, (size_t)s->D * sizeof *out);
    for (size_t i = 0; i < s->n; i++) { // no branch: half of them would be mispredicted
        uint32_t bits, place = s->place[i];
        float signed_x;
        memcpy(&bits, &x[i], sizeof bits);
        bits ^= place & SIGN;
        memcpy(&signed_x, &bits, sizeof bits);
        out[place & ~SIGN] += signed_x;
    }
}

static double square(const float *x, size_t n) {
    double lanes[8] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) lanes[l] += (double)x[i + l] * x[i + l];
    for (; i < n; i++) sum += (double)x[i] * x[i];
    for (int l = 0; l < 8; l++) sum += lanes[l];
    return sum;
}

// The unbiased trace of a covariance, from the sum of R vectors (n) and their summed squares.
static double trace(const float *sum, size_t n, double squares, int R) {
    return R > 1 ? (squares - square(sum, n) / R) / (R - 1) : 0;
}

static bool one_reward(const float *reward, int R) {
    for (int j = 1; j < R; j++)
        if (reward[j] != reward[0]) return false;
    return true;
}

static void allocate(Scores *s) {
    size_t R = (size_t)s->R;
    s->reward = malloc(R * sizeof *s->reward);
    s->length = malloc(R * sizeof *s->length);
    REQUIRE(s->reward && s->length, "out of memory");
}

Scores scores_new(Updater *updater, const Gpt *gpt, Gradients *grads, const PolicyObjective *objective,
                  const Sketch *sketch, const Prompt *prompt, const Rollout *rollouts, const float *reward, int R) {
    Scores s = {.R = R, .D = sketch->D};
    size_t n = sketch->n, D = (size_t)sketch->D;
    allocate(&s);
    for (int j = 0; j < R; j++) s.reward[j] = reward[j], s.length[j] = rollouts[j].n;
    if (one_reward(reward, R)) return s;
    float *g = malloc(n * sizeof *g), *sum = calloc(n, sizeof *sum), *sketch_sum = calloc(D, sizeof *sketch_sum);
    TokenResult *results = NULL;
    s.sketch = malloc((size_t)R * D * sizeof *s.sketch);
    for (int j = 0; j < R; j++) {
        const Rollout *r = &rollouts[j];
        REQUIRE(r->prompt_id == prompt->id, "rollout %d is of another prompt", j);
        results = realloc(results, (size_t)r->n * sizeof *results);
        REQUIRE(g && sum && sketch_sum && s.sketch && results, "out of memory");
        TrainSequence one = {.prompt = prompt->tokens, .tokens = r->tokens, .sampled = r->sampled,
                             .n_prompt = prompt->n, .n = r->n, .advantage = 1, .weight = 1};
        float *cells = s.sketch + (size_t)j * D;
        updater_gradient(updater, grads, results, &one, 1, objective, false);
        device_download(gpt->dev, g, grads->flat, n * sizeof *g);
        sketch_apply(sketch, cells, g);
        for (size_t i = 0; i < n; i++) sum[i] += g[i];
        for (size_t i = 0; i < D; i++) sketch_sum[i] += cells[i];
        s.squares[0] += square(g, n), s.squares[1] += square(cells, D);
    }
    s.spread[0] = trace(sum, n, s.squares[0], R), s.spread[1] = trace(sketch_sum, D, s.squares[1], R);
    s.squares[0] /= R, s.squares[1] /= R;
    free(g), free(sum), free(sketch_sum), free(results);
    return s;
}

void scores_free(Scores *s) { free(s->sketch), free(s->reward), free(s->length); }

double scores_pass_rate(const Scores *s) {
    double sum = 0;
    for (int j = 0; j < s->R; j++) sum += s->reward[j];
    return sum / s->R;
}
