#include "model/config.h"

bool model_config_check(const ModelConfig *c, const char *where, Error *err) {
#define CHECK(key, size)                                                                                      \
    if (c->size < 1 || c->size > 1 << 24)                                                                     \
        return fail(err, "%s: %s is %d; it must be 1 to %d", where, key, c->size, 1 << 24);
    MODEL_SIZES(CHECK)
    if (c->NH % c->NKV) return fail(err, "%s: %d heads cannot share %d key/value heads evenly", where, c->NH, c->NKV);
    if (c->HS % 2) return fail(err, "%s: head_dim %d is odd; rotary positions need pairs", where, c->HS);
    if (c->L > 1024 || c->HS > 512 || c->NH > 1024)
        return fail(err, "%s: more than 1024 layers or heads, or head_dim over 512", where);
    if ((double)c->NH * c->HS > 1 << 20 || (double)c->F > 1 << 22 || (double)c->C > 1 << 20)
        return fail(err, "%s: hidden_size, intermediate_size or heads times head_dim is too large", where);
    if (!(c->eps > 0 && c->eps < 1)) return fail(err, "%s: rms_norm_eps %g is not between 0 and 1", where, c->eps);
    if (!(c->rope_theta > 0)) return fail(err, "%s: rope_theta %g is not positive", where, c->rope_theta);
    for (int i = 0; i < c->n_eos; i++)
        if (c->eos[i] < 0 || c->eos[i] >= c->V)
            return fail(err, "%s: eos_token_id %d is outside the vocabulary", where, c->eos[i]);
    return true;
}

bool model_config_fits(const ModelConfig *c, const char *name, int vocab, int prompt, int response, Error *err) {
    if (prompt + response > c->T_max)
        return fail(err, "%s takes %d tokens, not a prompt of %d and a response of %d: lower --max-tokens or "
                    "--max-prompt", name, c->T_max, prompt, response);
    if (vocab > c->V) return fail(err, "%s: the tokenizer has %d tokens, the model %d", name, vocab, c->V);
    return c->n_eos > 0 || fail(err, "%s: nothing can end a response: its config.json has no eos_token_id", name);
}
