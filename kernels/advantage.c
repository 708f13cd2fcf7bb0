#include "kernels/advantage.h"
#include "kernels/device/device_threads.h"

void group_advantage(Device *dev, float *A, const float *reward, const int *starts, int P, AdvantageKind kind) {
    PARALLEL(dev)
    for (int i = 0; i < P; i++) advantage_of_group(A + starts[i], reward + starts[i], starts[i + 1] - starts[i], kind);
}

// Too little work to share between threads.
void modulation_norms(UNUSED Device *dev, float *norms, const TokenPolicy *sampled, const float *A,
                      const float *E_override, int M) {
    float low = INFINITY, high = -INFINITY, delta_max = 0;
    for (int m = 0; m < M; m++) {
        TokenPolicy p = sampled[m];
        if (E_override) p.E = E_override[m];
        float delta = fabsf(entropy_change(p, 1.0f, A[m], false));
        low = p.entropy < low ? p.entropy : low;
        high = p.entropy > high ? p.entropy : high;
        delta_max = delta > delta_max ? delta : delta_max;
    }
    norms[0] = M > 0 ? low : 0;
    norms[1] = M > 0 ? high : 0;
    norms[2] = delta_max;
}

void response_mean_E(Device *dev, float *E_override, const TokenPolicy *sampled, const int *starts, int B) {
    PARALLEL(dev)
    for (int b = 0; b < B; b++) {
        double sum = 0;
        int n = starts[b + 1] - starts[b];
        for (int m = starts[b]; m < starts[b + 1]; m++)
            sum += MODULATION_EXP(sampled[m].logp) * (sampled[m].logp + sampled[m].entropy);
        for (int m = starts[b]; m < starts[b + 1]; m++) E_override[m] = (float)(sum / n);
    }
}
