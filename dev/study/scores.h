// Optional (study): the gradient of every single rollout, in few enough numbers to keep.
//
// A rollout's score is g_j = sum over its tokens of grad log pi: any policy gradient of a batch without clipping is
// sum_j w_j A_j g_j, with the weights w of the loss and the advantages A. updater_gradient gives -g_j for a sequence of
// advantage 1 and weight 1; the sign is kept. A model has some 10^5 to 10^6 parameters and a measurement 10^4 rollouts,
// so g_j is kept as a count-sketch (Charikar et al. 2002; Weinberger et al., arXiv 0902.2206): parameter i is added,
// with a random sign, to one of D random cells. Inner products of sketches are unbiased:
//   E <Sx, Sy> = <x, y>,    Var <Sx, Sy> <= (|x|^2 |y|^2 + <x, y>^2) / D
// so the squared length of one vector has a relative error of at most sqrt(2 / D), 2.2 % at D = 4096, and a trace of a
// covariance, a sum over many directions, less.
#ifndef DEV_STUDY_SCORES_H
#define DEV_STUDY_SCORES_H
#include "model/gpt.h"
#include "rl/update.h"

typedef struct Sketch {
    size_t n;        // length of a vector
    int D;           // cells, a power of 2
    uint32_t *place; // (n) the cell, and in the highest bit the sign
} Sketch;

Sketch sketch_new(size_t n, int D, uint64_t seed); // places are a function of seed and index
void sketch_free(Sketch *sketch);
void sketch_apply(const Sketch *sketch, float *out, const float *x); // writes out (D) from x (n)

typedef struct Scores { // of R rollouts of one prompt
    int R, D;
    float *sketch;     // (R, D) of -g_j
    float *reward;     // (R) 0 or 1
    int *length;       // (R) tokens
    double squares[2]; // mean |g_j|^2: of all parameters, and of the sketches
    double spread[2];  // trace of the covariance of g_j, from both likewise
} Scores;

// Computes the scores of the R rollouts of one prompt. reward (R) may differ from the rollouts' own. If all rewards are
// equal every advantage is 0 and the scores are not needed: sketch is then NULL, squares and spread are 0. Gradients
// are left overwritten.
Scores scores_new(Updater *updater, const Gpt *gpt, Gradients *grads, const PolicyObjective *objective,
                  const Sketch *sketch, const Prompt *prompt, const Rollout *rollouts, const float *reward, int R);
void scores_free(Scores *scores);
double scores_pass_rate(const Scores *scores); // mean reward

#endif
