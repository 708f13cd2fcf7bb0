"""Optional (reference values): tiny random models and what PyTorch computes with them: the fixtures of tests/model.

    python dev/reference/make_fixtures.py [tests/model/fixtures]

Needs torch, transformers 5, safetensors. Each folder gets config.json and model.safetensors as transformers saves them
(fp32), and expected.safetensors:

    ids (N) I32, starts (B+1) I32      a packed batch: sequence b is ids[starts[b]:starts[b+1]]
    logits (N, V)                      every sequence run alone
    loss ()                            mean cross-entropy over the positions with a next token in their sequence
    grad.NAME                          d loss / d parameter, for every parameter
    step1.NAME .. step3.NAME           parameters after 1, 2, 3 steps of torch.optim.AdamW on this same batch: lr 1e-2,
                                       betas 0.9 0.95, eps 1e-8, weight decay 0.1 on matrices only

The variants llama3_rope (logits) and qwen2_untied (logits, loss, grad) hold less. Everything is computed in float64 and
rounded to F32 at the end. transformers computes norms, RoPE and the softmax in float32 whatever the model's type, so
the script replaces them by the same formulas in float64. It then loads the folder again with the original functions
and demands agreement to float32 precision.
"""
import json
import os
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM)
from transformers.models.llama import modeling_llama
from transformers.models.qwen2 import modeling_qwen2
from transformers.models.qwen3 import modeling_qwen3

SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=24,
             vocab_size=29, max_position_embeddings=64, rms_norm_eps=1e-6, bos_token_id=1, eos_token_id=2,
             pad_token_id=None, attn_implementation="sdpa")  # on the CPU sdpa computes float64 in float64
ROPE_1E6 = {"rope_type": "default", "rope_theta": 1000000.0}
ROPE_LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0, "original_max_position_embeddings": 128}
TIED = dict(tie_word_embeddings=True, rope_parameters=ROPE_1E6)

# folder: model, config, its fields besides SIZES, sequence lengths, what is stored, old_config: rope_theta and
# rope_scaling apart, as in older files on the Hub. With ROPE_LLAMA3 and head_dim 8 one frequency is kept, one blended,
# two divided.
FIXTURES = {
    "llama": (LlamaForCausalLM, LlamaConfig, dict(tie_word_embeddings=False), [5, 1, 9], "steps", False),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, TIED, [5, 1, 9], "steps", True),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, dict(TIED, head_dim=8), [5, 1, 9], "steps", False),
    "qwen2_untied": (Qwen2ForCausalLM, Qwen2Config, dict(TIED, tie_word_embeddings=False), [4, 7], "grad", True),
    "llama3_rope": (LlamaForCausalLM, LlamaConfig,
                    dict(TIED, rope_parameters=ROPE_LLAMA3, head_dim=8, max_position_embeddings=1024),
                    [5, 1, 60], "logits", True),
}


def rms_norm(self, x):
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


def rotation(self, x, position_ids):
    angles = position_ids[..., None].double() * self.inv_freq.double()
    angles = torch.cat([angles, angles], -1)
    return angles.cos() * self.attention_scaling, angles.sin() * self.attention_scaling


def patches():
    for name, module in ("Llama", modeling_llama), ("Qwen2", modeling_qwen2), ("Qwen3", modeling_qwen3):
        yield getattr(module, name + "RMSNorm"), rms_norm
        yield getattr(module, name + "RotaryEmbedding"), rotation


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data.copy_(0.3 * noise + (1.0 if "norm" in names(model)[id(parameter)] else 0.0))


def names(model):
    return {id(parameter): name for name, parameter in model.named_parameters()}


def run(model, sequences):
    """logits (N, V) and the loss over a packed batch, one sequence at a time."""
    logits = [model(input_ids=ids[None]).logits[0] for ids in sequences]
    losses = [F.cross_entropy(l[:-1], ids[1:], reduction="sum") for l, ids in zip(logits, sequences)]
    return torch.cat(logits), sum(losses) / sum(len(ids) - 1 for ids in sequences)


def train(model, sequences, steps, expected):
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    adam = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
                             lr=1e-2, betas=(0.9, 0.95), eps=1e-8)
    for step in range(1, max(steps, 1) + 1):
        adam.zero_grad()
        run(model, sequences)[1].backward()
        for name, parameter in model.named_parameters():
            if step == 1:
                expected["grad." + name] = parameter.grad.clone()
        if steps == 0:
            break
        adam.step()
        for name, parameter in model.named_parameters():
            expected[f"step{step}." + name] = parameter.detach().clone()


def old_form(path):
    with open(path) as file:
        config = json.load(file)
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope if rope["rope_type"] != "default" else None
    with open(path, "w") as file:
        json.dump(config, file, indent=2, sort_keys=True)
        file.write("\n")


def check_reload(folder, sequences, expected):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    logits, loss = run(model, sequences)
    worst = (logits - expected["logits"]).abs().max().item()
    if not worst < 2e-4:
        sys.exit(f"{folder}: transformers in float32 is {worst} away")
    if "grad.model.norm.weight" in expected:
        loss.backward()
        for name, parameter in model.named_parameters():
            want = expected["grad." + name]
            away = ((parameter.grad - want).abs().max() / want.abs().max()).item()
            if not away < 1e-3:
                sys.exit(f"{folder}: the gradient of {name} is {away} away")
            worst = max(worst, away)
    return worst


def make(root, name, seed):
    kind, config_kind, fields, lengths, content, old_config = FIXTURES[name]
    config = config_kind(**{**SIZES, **fields})
    folder = os.path.join(root, name)
    model = kind(config).eval()
    randomize(model, seed)
    model.save_pretrained(folder)
    if old_config:
        old_form(os.path.join(folder, "config.json"))

    generator = torch.Generator().manual_seed(seed + 1)
    sequences = [torch.randint(0, config.vocab_size, (n,), generator=generator) for n in lengths]
    originals = [(kind_, kind_.forward) for kind_, _ in patches()]
    for kind_, forward in patches():
        kind_.forward = forward
    model.double()
    logits, loss = run(model, sequences)
    starts = torch.tensor([0] + lengths).cumsum(0)
    expected = {"ids": torch.cat(sequences).int(), "starts": starts.int(), "logits": logits.detach()}
    if content != "logits":
        expected["loss"] = loss.detach()
        train(model, sequences, 3 if content == "steps" else 0, expected)
    for kind_, forward in originals:
        kind_.forward = forward

    stored = {key: t if t.dtype == torch.int32 else t.float().contiguous() for key, t in expected.items()}
    save_file(stored, os.path.join(folder, "expected.safetensors"))
    worst = check_reload(folder, sequences, stored)
    size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
    print(f"{folder}: {size / 1024:.0f} KB, loss {loss.item():.4f}, logits to {logits.abs().max().item():.2f}, "
          f"float32 within {worst:.1e}")


if __name__ == "__main__":
    for number, fixture in enumerate(FIXTURES):
        make(sys.argv[1] if len(sys.argv) > 1 else "tests/model/fixtures", fixture, 100 + 10 * number)
