// metrics.jsonl as columns: what a run logged, one row a step, warm-up (SFT) rows first.
#ifndef RL_REPORT_LOG_H
#define RL_REPORT_LOG_H
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/check.h"

// The numbers of a log line; report_log.c holds their names. Shares are in [0, 1], times in seconds, entropy in nats.
typedef enum Field {
    LOSS,
    LEARNING_RATE,
    REWARD,
    HELDOUT,
    HELDOUT_LOW,
    HELDOUT_HIGH,
    HELDOUT_WORKED,
    HELDOUT_LENGTH,
    ENTROPY,
    KL_OLD,
    RATIO_MAX,
    LOGPROB_DIFF_MAX,
    GRAD_NORM,
    CLIP_FRAC,
    ZERO_SPREAD,
    B_COMP_MEAN,
    B_COMP_LOW,
    B_STAB_MEAN,
    B_STAB_LOW,
    RESPONSE_LENGTH,
    WORKED,
    TRUNCATED,
    TOKENS,
    TOKENS_PER_S,
    SEC_GENERATE,
    SEC_VERIFY,
    SEC_UPDATE,
    SEC_OTHER,
    SEC_TOTAL,
    SKIPPED,
    FIELDS
} Field;

typedef struct Run {
    size_t rows, sft;       // rows; the first `sft` of them are the warm-up, the others RL
    double *step;           // (rows) step within its phase, ascending
    double *column[FIELDS]; // (rows) each; NaN where the line had no such number
    cJSON **detail;         // (rows) object with the line's tables (n_hist, alloc_by_pass, pass_hist, verdicts)
    cJSON *config;          // the first "config" line, or NULL
    size_t width[2];        // steps that one row stands for, in the warm-up and in RL; 1 as read
    size_t unreadable;      // lines left out: no JSON object, no phase, or no step
    size_t replaced;        // lines left out because a later line has the same phase and step (a resumed run)
    bool cut_off;           // the last line was cut off
} Run;

// Reads dir/metrics.jsonl. False with a message only if the file cannot be opened or memory runs out: an empty or
// damaged file is a run with fewer rows. A "pass_rate" stands in where "reward" is missing; SEC_OTHER is the total less
// the three phases; a warm-up step without phases is all update. Steps outside 0..1e9 do not count as steps. Release
// with run_free.
bool run_read(Run *run, const char *dir, Error *err);

// A run of at most `rows_max` rows a phase for drawing: each row is the mean of `width` consecutive ones of its
// phase (the largest for the columns that are maxima; missing values left out) and carries the last one's step.
// `thin` owns its columns and has neither details nor config.
bool run_thin(Run *thin, const Run *run, size_t rows_max, Error *err);

void run_free(Run *run);

#endif
