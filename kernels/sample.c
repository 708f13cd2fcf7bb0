#include "kernels/sample.h"
#include "kernels/device/device_threads.h"
#include "kernels/philox.h"
#include "kernels/softmax_row.h"

enum { CHUNK = 256 };

typedef struct Row { // a token's weight is e^(z/temp - max), or 0 below the floor of top_k and top_p
    const float *z;
    int V;
    float floor, inv_temp, scaled_max;
} Row;

// A Row is passed by value: compilers then vectorise the loops.
static float weight_of(Row r, float z) { return z >= r.floor ? exp_f32(mul_add(z, r.inv_temp, -r.scaled_max)) : 0.0f; }

// The sum of the weights of the n tokens from `first` on.
static float weights_from(Row r, int first, int n) {
    const float *z = r.z + first;
    float s[LANES] = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) s[l] += weight_of(r, z[i + l]);
    for (int l = 0; i + l < n; l++) s[l] += weight_of(r, z[i + l]);
    return lanes_sum(s);
}

static int count_kept(Row r) {
    int n = 0;
    for (int b = 0; b < r.V; b++) n += r.z[b] >= r.floor;
    return n;
}

// Maps floats to unsigned integers that sort in the same order, and back.
static uint32_t ordered_bits(float x) {
    uint32_t u = float_to_bits(x);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}
static float from_ordered_bits(uint32_t u) { return bits_to_float(u & 0x80000000u ? u & 0x7fffffffu : ~u); }

// The largest floor that keeps at least k tokens or, where k is 0, at least `mass`: bisection over all floats.
static float kept_floor(Row r, int k, float mass) {
    uint32_t low = ordered_bits(-__builtin_inff()), high = ordered_bits(row_max(r.z, r.V));
    while (low < high) { // low keeps enough; nothing above high does
        uint32_t middle = low + (high - low + 1) / 2;
        r.floor = from_ordered_bits(middle);
        if (k > 0 ? count_kept(r) >= k : weights_from(r, 0, r.V) >= mass) low = middle;
        else high = middle - 1;
    }
    return from_ordered_bits(low);
}

// Adds chunk by chunk, then token by token in the chunk where the running sum passes the threshold. The threshold is
// below the whole sum, so some chunk passes it. If rounding keeps the token sums of that chunk below it, the next token
// with a weight is drawn, or the last one before it.
static int draw(Row r, float u) {
    float whole = 0;
    for (int i = 0; i < r.V; i += CHUNK) whole += weights_from(r, i, r.V - i < CHUNK ? r.V - i : CHUNK);
    float below_whole = bits_to_float(float_to_bits(whole) - 1), passed = 0;
    float threshold = u * whole < below_whole ? u * whole : below_whole;
    int last = 0;
    for (int i = 0; i < r.V; i += CHUNK) {
        int n = r.V - i < CHUNK ? r.V - i : CHUNK;
        float chunk = weights_from(r, i, n), sum = passed;
        for (int b = i; !(passed + chunk <= threshold) && b < i + n; b++) {
            float w = weight_of(r, r.z[b]);
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
    for (int n = 0; n < R; n++) {
        const float *z = logits + (size_t)n * V;
        PolicyRow row = policy_row(z, V, inv_temp);
        Row r = {z, V, -__builtin_inff(), inv_temp, row.scaled_max};
        int token;
        if (c->temp > 0) {
            Philox bits = philox(c->seed, c->step, key[n].prompt, key[n].rollout, key[n].position);
            float by_count = c->top_k > 0 && c->top_k < V ? kept_floor(r, c->top_k, 0) : r.floor;
            float by_mass = c->top_p < 1.0f ? kept_floor(r, 0, c->top_p * row.sum) : r.floor;
            r.floor = by_count > by_mass ? by_count : by_mass;
            token = draw(r, philox_uniform(bits.word[0]));
        } else {
            token = largest(z, V);
        }
        sampled[n] = (Sampled){token, {policy_log_prob(&row, z[token], inv_temp), row.entropy, row.E}};
    }
}
