// Optional (study): what the instruments share: their flags, the policy that they measure, the file of results.
#ifndef DEV_STUDY_STUDY_H
#define DEV_STUDY_STUDY_H
#include "dev/study/policy.h"

typedef struct StudyConfig {
    char label[FLAG_TEXT_SIZE];
    int rollouts, survey, survey_rollouts, quota, cells, partitions, batches, replicates, token_batches;
    long long seed;
} StudyConfig;

extern const FlagTable study_flags;

typedef struct Study {
    StudyConfig config;
    Policy policy;
    FILE *out; // JSON lines
} Study;

// One instrument: writes its rows to study->out.
void measure_variance(Study *study);
void measure_attenuation(Study *study);
void measure_entropy(Study *study);

// Writes "[x,y,...]", each number with `digits` significant digits.
static inline void study_numbers(FILE *out, const double *x, int n, int digits) {
    for (int i = 0; i < n; i++) fprintf(out, "%s%.*g", i ? "," : "[", digits, x[i]);
    fputs("]", out);
}

#endif
