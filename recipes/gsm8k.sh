#!/bin/sh
# Optional (recipes): Qwen2.5-0.5B on GSM8K, one GPU: 7,473 grade-school word problems of two to eight steps.
#
#   hf download Qwen/Qwen2.5-0.5B --local-dir models/Qwen2.5-0.5B
#   make cuda && DATA_DIR=... recipes/gsm8k.sh models/Qwen2.5-0.5B [flags]     DATA_DIR has gsm8k/: see data/sets.h
#
# Memory as printed by `recipes/gsm8k.sh MODEL --plan` (CUDA build, bf16); it fits 24 GB:
#   20495.1 MiB: weights 942.5, gradients 2403.9, optimizer 5654.0, activations 7804.8, logits 593.5, KV blocks 3096.4
# Learning rate and number of steps are not tuned.
set -e
test -f "$1/config.json" || { echo "usage: $0 MODEL [flags of ./train]   (MODEL: a Hugging Face folder)"; exit 2; }
program=./train-cuda # `make cuda`
test -x $program || program=./train
flags=$(sed 's/#.*//' <<'END'
--data gsm8k                 # the training file
--heldout-data gsm8k         # the test file:
--heldout 512                # the first 512 of its 1,319
--prompt-template qwen-math  # Qwen's chat format, with a system message that asks for a boxed answer
--max-prompt 512             # tokens; longer questions are skipped and listed
--max-tokens 512             # of a response; a truncated one gets no reward
--method dynamo              # rollouts allocated by variance, advantages modulated
--steps 232                  # two epochs of 116 steps
--prompts 64                 # a step
--rollouts 16                # a prompt on average,
--rollouts-low 8             # at least
--rollouts-high 24           # and at most
--lr 1e-6                    # constant after
--warmup 10                  # steps
--eval-every 20              # steps
--slots 256                  # responses generated at a time; the start-up table prints how many would fit
--micro-tokens 8192          # per training forward; activations grow with them
--out out/gsm8k
END
)
model=$1
shift
exec $program --model "$model" $flags "$@"
