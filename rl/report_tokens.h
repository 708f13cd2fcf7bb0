// The markup of chosen rollouts: prompt, answer, verdict, and the response token by token.
#ifndef RL_REPORT_TOKENS_H
#define RL_REPORT_TOKENS_H
#include <cjson/cJSON.h>
#include <stdio.h>

enum { ROLLOUTS_A_GROUP = 4, TOKENS_A_ROLLOUT = 1200, PROMPT_BYTES = 3000 };

typedef struct TokenGroup { // some rollouts of one prompt at one step
    int count;              // loaded; 0 for no group
    cJSON *rollout[ROLLOUTS_A_GROUP];
    double step;
    size_t correct, total; // of all rollouts in the file of this prompt and step
} TokenGroup;

typedef struct TokenPrompt {
    TokenGroup side[2]; // early, late
} TokenPrompt;

// Writes the legend and every prompt; returns the number of rollouts shown. A token's background has eight strengths of
// blue (advantage above 0) or orange (below 0), in proportion to |advantage| over the largest one on the page.
size_t tokens_write(FILE *out, const TokenPrompt *prompts, int count);

#endif
