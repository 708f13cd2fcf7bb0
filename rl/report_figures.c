// The figures as a table: which columns stand in which chart, and what the reader should know about them.
#include "rl/report_figures.h"
#include <math.h>
#include "rl/report_allocation.h"
#include "rl/report_charts.h"

static const Chart learning[] = {
    {.title = "Reward",
     .unit = "rollouts of the batch judged correct",
     .percent = true,
     .from_zero = true,
     .caption = "The reward is 1 for a correct answer and 0 otherwise, so its mean is the pass rate of the batch.",
     .line = {{.name = "reward", .y = REWARD}}},
    {.title = "Entropy",
     .unit = "mean over response tokens, nats",
     .from_zero = true,
     .caption = "Of the next-token distribution over the whole vocabulary, as sampled.",
     .line = {{.name = "entropy", .y = ENTROPY}}},
    {.title = "Response length",
     .unit = "mean, tokens",
     .from_zero = true,
     .caption = "With the end-of-sequence token.",
     .line = {{.name = "batch", .y = RESPONSE_LENGTH}, {.name = "held-out", .y = HELDOUT_LENGTH}}},
    {.title = "Worked responses",
     .unit = "responses",
     .percent = true,
     .from_zero = true,
     .caption = "Share of responses that write out their working before the answer, and share cut at the length limit.",
     .line = {{.name = "worked, batch", .y = WORKED},
              {.name = "worked, held-out", .y = HELDOUT_WORKED},
              {.name = "cut at the limit", .y = TRUNCATED}}},
    {.title = "Warm-up loss",
     .unit = "cross-entropy, nats per token",
     .no_rl = true,
     .from_zero = true,
     .caption = "On the worked solutions. The value of the policy loss in RL says little and is not drawn.",
     .line = {{.name = "loss", .y = LOSS}}},
};
static const Chart stability[] = {
    {.title = "Gradient norm",
     .unit = "global norm before clipping",
     .from_zero = true,
     .no_sft = true,
     .caption = "Over all parameters, of the whole batch, in RL.",
     .line = {{.name = "gradient norm", .y = GRAD_NORM}}},
    {.title = "Clip fraction",
     .unit = "response tokens",
     .percent = true,
     .from_zero = true,
     .caption = "Tokens whose ratio left the clip range on the side where the loss is flat.",
     .line = {{.name = "clipped", .y = CLIP_FRAC}}},
    {.title = "KL to the sampling policy",
     .unit = "nats per token",
     .from_zero = true,
     .caption = "Between the policy that sampled the rollouts and the one being updated, mean over response tokens.",
     .line = {{.name = "kl_old", .y = KL_OLD}}},
    {.title = "Largest ratio",
     .unit = "largest \u03C0/\u03C0<tspan class=power dy=2>old</tspan>",
     .caption = "Over all response tokens of the step.",
     .line = {{.name = "largest ratio", .y = RATIO_MAX}}},
    {.title = "Sampling against training",
     .unit = "largest |log p difference|, nats",
     .from_zero = true,
     .caption = "The same token's log-probability in generation and in the training forward.",
     .line = {{.name = "largest difference", .y = LOGPROB_DIFF_MAX}}},
    {.title = "Learning rate",
     .unit = "step size",
     .from_zero = true,
     .caption = "As the schedule set it.",
     .line = {{.name = "learning rate", .y = LEARNING_RATE}}},
};
static const Chart advantage[] = {
    {.title = "Groups with no spread",
     .unit = "groups of the batch",
     .percent = true,
     .from_zero = true,
     .caption = "Prompts whose rollouts all got the same reward: no advantage, no gradient.",
     .line = {{.name = "no spread", .y = ZERO_SPREAD}}},
    {.title = "Modulation factors",
     .unit = "mean over response tokens",
     .caption =
         "b<sub>comp</sub> raises confident tokens of correct rollouts; b<sub>stab</sub> lowers tokens that would move "
         "entropy most. 1 changes nothing.",
     .line = {{.name = "b<sub>comp</sub>", .y = B_COMP_MEAN}, {.name = "b<sub>stab</sub>", .y = B_STAB_MEAN}}},
    {.title = "Tokens held back",
     .unit = "response tokens with b below 0.95",
     .percent = true,
     .from_zero = true,
     .caption = "Share of tokens on which b<sub>stab</sub> acts at all.",
     .line = {{.name = "b_stab below 0.95", .y = B_STAB_LOW}}},
};
static const Chart speed[] = {
    {.title = "Throughput",
     .unit = "tokens/s",
     .from_zero = true,
     .caption = "Tokens of the step over its seconds, as logged.",
     .line = {{.name = "tokens/s", .y = TOKENS_PER_S}}},
    {.title = "Time of a step",
     .unit = "seconds",
     .from_zero = true,
     .stacked = true,
     .caption = "Stacked; the top is the whole step.",
     .line = {{.name = "generate", .y = SEC_GENERATE},
              {.name = "verify", .y = SEC_VERIFY},
              {.name = "update", .y = SEC_UPDATE},
              {.name = "other", .y = SEC_OTHER}}},
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool any_value(const Run *run, const Chart *charts, size_t count) {
    for (size_t c = 0; c < count; c++)
        for (int l = 0; l < CHART_LINES && charts[c].line[l].name; l++)
            for (size_t row = 0; row < run->rows; row++)
                if (!isnan(run->column[charts[c].line[l].y][row])) return true;
    return false;
}

// `verdicts`: the run whose verdicts close the section, or NULL.
static void write_section(FILE *out, const Run *thin, const Chart *charts, size_t count, const Run *verdicts,
                          const char *head) {
    if (!any_value(thin, charts, count)) return;
    fprintf(out, "%s<div class=figures>\n", head);
    for (size_t c = 0; c < count; c++) chart_write(out, thin, &charts[c]);
    if (verdicts) verdicts_write(out, verdicts);
    fputs("</div>\n", out);
}

void figures_write(FILE *out, const Run *run, const Run *thin) {
    write_section(out, thin, learning, COUNT(learning), run,
                  run->sft
                      ? "<h2>Learning</h2><p class=lead>The supervised warm-up (SFT) is the shaded part on the left, "
                        "with steps of its own; RL follows.</p>"
                      : "<h2>Learning</h2><p class=lead>RL from the start, without a supervised warm-up.</p>");
    allocation_write(out, run);
    write_section(out, thin, advantage, COUNT(advantage), NULL,
                  "<h2>Advantage modulation</h2><p class=lead>The final advantage of a token is "
                  "A\u00B7b<sub>comp</sub>\u00B7b<sub>stab</sub>.</p>");
    write_section(out, thin, stability, COUNT(stability), NULL,
                  "<h2>Stability</h2><p class=lead>How far each update moved.</p>");
    write_section(out, thin, speed, COUNT(speed), NULL, "<h2>Speed</h2><p class=lead>Where the time went.</p>");
}
