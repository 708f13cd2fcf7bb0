// The statistics come from policy_row (softmax_row.h), which the policy loss uses too: same bits.
#include "kernels/sample.h"
#include "kernels/device/device_threads.h"
#include "kernels/philox.h"
#include "kernels/softmax_row.h"

enum { CHUNK = 256 };

static float weight_above(float z, float floor, float inv_temp, float scaled_max) {
    return z >= floor ? exp_f32(mul_add(z, inv_temp, -scaled_max)) : 0.0f;
}

// Sum of the weights of the logits z[0..n) that are not below floor.
static float chunk_weight(const float *z, int n, float floor, float inv_temp, float scaled_max) {
    float s[LANES] = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) s[l] += weight_above(z[i + l], floor, inv_temp, scaled_max);
    for (int l = 0; i + l < n; l++) s[l] += weight_above(z[i + l], floor, inv_temp, scaled_max);
    return lanes_sum(s);
}

static int count_above(const float *z, int V, float floor) {
    int n = 0;
    for (int b = 0; b < V; b++) n += z[b] >= floor;
    return n;
}

// Maps floats to unsigned integers that sort in the same order, and back.
static uint32_t ordered_bits(float x) {
    uint32_t u = float_to_bits(x);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}
static float from_ordered_bits(uint32_t u) { return bits_to_float(u & 0x80000000u ? u & 0x7fffffffu : ~u); }

// The largest floor that keeps at least top_k tokens and at least the mass top_p, by bisection over all floats.
static float kept_floor(const float *z, int V, const SampleConfig *c, const PolicyRow *row, float inv_temp) {
    float floor = -__builtin_inff();
    uint32_t top = ordered_bits(row_max(z, V));
    for (int rule = 0; rule < 2; rule++) {
        if (rule == 0 ? c->top_k <= 0 || c->top_k >= V : c->top_p >= 1.0f) continue;
        uint32_t low = ordered_bits(-__builtin_inff()), high = top; // low keeps enough; nothing above high does
        while (low < high) {
            uint32_t middle = low + (high - low + 1) / 2;
            float f = from_ordered_bits(middle);
            bool enough = rule == 0 ? count_above(z, V, f) >= c->top_k
                                    : chunk_weight(z, V, f, inv_temp, row->scaled_max) >= c->top_p * row->sum;
            if (enough) low = middle;
            else high = middle - 1;
        }
        float f = from_ordered_bits(low);
        floor = f > floor ? f : floor;
    }
    return floor;
}

// Adds chunk by chunk, then token by token in the chunk where the running sum passes the threshold. The threshold is
// below the whole sum, so some chunk passes it. If rounding keeps the token sums of that chunk below it, the next token
// with a weight is drawn, or the last one before it.
static int draw(const float *z, int V, float floor, float inv_temp, float scaled_max, float u) {
    float whole = 0;
    for (int i = 0; i < V; i += CHUNK)
        whole += chunk_weight(z + i, V - i < CHUNK ? V - i : CHUNK, floor, inv_temp, scaled_max);
    float below_whole = bits_to_float(float_to_bits(whole) - 1), passed = 0;
    float threshold = u * whole < below_whole ? u * whole : below_whole;
    int last = 0;
    for (int i = 0; i < V; i += CHUNK) {
        int n = V - i < CHUNK ? V - i : CHUNK;
        float chunk = chunk_weight(z + i, n, floor, inv_temp, scaled_max);
        if (passed + chunk <= threshold) {
            passed += chunk;
            continue;
        }
        float sum = passed;
        for (int b = i; b < i + n; b++) {
            float w = weight_above(z[b], floor, inv_temp, scaled_max);
            sum += w;
            if (w > 0) last = b;
            if (w > 0 && sum > threshold) return b;
        }
        passed += chunk;
    }
    return last;
}

static int largest(const float *z, int V) {
    int best = 0;
    for (int b = 1; b < V; b++)
        if (z[b] > z[best]) best = b;
    return best;
}

void sample_forward(Device *dev, Sampled *sampled, const float *logits, const SampleKey *key, const SampleConfig *c,
                    int R, int V) {
    float inv_temp = c->temp > 0 ? 1.0f / c->temp : 1.0f;
    PARALLEL(dev)
    for (int r = 0; r < R; r++) {
        const float *z = logits + (size_t)r * V;
        PolicyRow row = policy_row(z, V, inv_temp);
        int token;
        if (c->temp > 0) {
            Philox bits = philox(c->seed, c->step, key[r].prompt, key[r].rollout, key[r].position);
            float floor = kept_floor(z, V, c, &row, inv_temp);
            token = draw(z, V, floor, inv_temp, row.scaled_max, philox_uniform(bits.word[0]));
        } else {
            token = largest(z, V);
        }
        sampled[r] = (Sampled){token, {policy_log_prob(&row, z[token], inv_temp), row.entropy, row.E}};
    }
}
