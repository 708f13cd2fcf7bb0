// Optional (--model DIR, --data FILE): what a configuration leaves to the model and the machine.
//
// RL moves a pretrained model by small steps: the paper trains 1.5B parameters with lr 1e-6, recipes/smollm2.sh 135M
// with 3e-6. A model of under ten million parameters has learned what it knows here, at 3e-4 and more, and its
// responses are those of the tasks' teacher.
#include "data/sets.h"
#include "model/files/config_file.h"
#include "model/params.h"
#include "rl/methods.h"
#include <string.h>

enum { SHORT_RESPONSE = 96, LONG_RESPONSE = 1024 };
static const double tiny_below = 1e7, small_below = 1e9; // parameters

static double parameters(const ModelConfig *model) {
    ParamTable table = params_make(model);
    double numbers = (double)table.numbers;
    params_free(&table);
    return numbers;
}

// The sizes of the model in --model; *numbers: its parameters.
static bool take_model(TrainConfig *c, double *numbers, Error *err) {
    ModelConfig m;
    if (!model_config_load(&m, c->model, err)) return false;
    c->architecture = m.qk_norm ? ARCH_QWEN3 : m.qkv_bias ? ARCH_QWEN2 : ARCH_LLAMA;
    c->layers = m.L, c->channels = m.C, c->heads = m.NH, c->kv_heads = m.NKV, c->ffn = m.F;
    *numbers = parameters(&m);
    int half = m.T_max / 2; // leaves room for the prompt
    if (c->max_tokens == 0 && *numbers >= tiny_below) c->max_tokens = half < LONG_RESPONSE ? half : LONG_RESPONSE;
    return true;
}

bool train_config_complete(TrainConfig *c, Error *err) {
    double numbers = 0;
    if (strcmp(c->model, "tiny") != 0 && !take_model(c, &numbers, err)) return false;
    if (c->max_tokens == 0) c->max_tokens = SHORT_RESPONSE;
    if (c->overlong < 0) c->overlong = (int)(methods[c->method].overlong * c->max_tokens);
    if (c->overlong > c->max_tokens)
        return fail(err, "--overlong %d: more than the %d of --max-tokens", c->overlong, c->max_tokens);
    if (c->lr < 0 && c->lr != -1) return fail(err, "--lr %g: must be positive, or -1 for the model's own", c->lr);
    if (c->lr < 0) c->lr = numbers < tiny_below ? 3e-4 : numbers < small_below ? 3e-6 : 1e-6;
    if (!data_is_tasks(c->data)) snprintf(c->data_dir, sizeof c->data_dir, "%s", data_root(c->data_dir));
    return true;
}
