"""Optional (reference values): loads folders that the C code saved with transformers and compares the logits.

    build/cpu/tests/model/test_gpt_files KEEP     saves every fixture under KEEP
    python dev/reference/check_saved.py KEEP [tests/model/fixtures]

The logits must be those of the fixture that the folder was read from. Then each folder's config.json is copied to
FIXTURE/saved_config.json: the test demands those bytes.
"""
import os
import shutil
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def main(saved, fixtures):
    for name in sorted(os.listdir(saved)):
        model, info = AutoModelForCausalLM.from_pretrained(f"{saved}/{name}", dtype=torch.float32,
                                                           attn_implementation="eager", output_loading_info=True)
        if any(info.values()):
            sys.exit(f"{name}: {info}")
        expected = load_file(f"{fixtures}/{name}/expected.safetensors")
        starts, ids = expected["starts"].tolist(), expected["ids"].long()
        with torch.no_grad():
            logits = torch.cat([model(input_ids=ids[None, a:b]).logits[0] for a, b in zip(starts, starts[1:])])
        worst = (logits - expected["logits"]).abs().max().item()
        print(f"{name}: {type(model).__name__}, logits within {worst:.1e}, eos {model.generation_config.eos_token_id}")
        if not worst < 2e-4:  # float32 against float64, as in make_fixtures.py
            sys.exit(f"{name}: the logits differ")
        shutil.copy(f"{saved}/{name}/config.json", f"{fixtures}/{name}/saved_config.json")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "tests/model/fixtures")
