#!/bin/sh
# SmolLM2-135M-Instruct on easy word problems: one addition, subtraction, multiplication or division each. Trained on MAWPS,
# evaluated on SVAMP, which asks such questions with numbers that do not matter among those that do.
#
#   hf download HuggingFaceTB/SmolLM2-135M-Instruct --local-dir models/SmolLM2-135M-Instruct
#   DATA_DIR=... recipes/smollm2.sh models/SmolLM2-135M-Instruct [flags]     DATA_DIR has mawps/ and svamp/: see data/sets.h
#
# Memory, as `recipes/smollm2.sh MODEL --plan` prints it:
#   C build, fp32     memory   5753.8 MiB: weights 513.3, gradients 621.1, optimizer 1026.3, activations 2046.7, logits 60.0, KV blocks 1486.4
#   CUDA build, bf16  memory   4268.5 MiB: weights 256.7, gradients 621.1, optimizer 1539.5, activations 1024.0, logits 84.0, KV blocks 743.2
# Learning rate and length of training are a start, not tuned.
set -e
test -f "$1/config.json" || { echo "usage: recipes/smollm2.sh MODEL [flags of ./train]   (MODEL: a Hugging Face folder)"; exit 2; }
program=./train-cuda # the CUDA build, where `make cuda` has made it
test -x $program || program=./train
flags=$(sed 's/#.*//' <<'END'
--data mawps                 # 1,981 different questions
--heldout-data svamp         # what is evaluated on; none of its questions is trained on
--heldout 256                # the first 256 of its 1,000
--max-prompt 256             # tokens; longer questions are left out and listed
--max-tokens 256             # longest response; what is cut off earns nothing
--method dynamo              # rollouts dealt out by variance, advantages modulated
--steps 200                  # one update each
--prompts 32                 # a step
--rollouts 16                # a prompt on average,
--rollouts-low 8             # at least
--rollouts-high 24           # and at most
--lr 3e-6                    # a small model takes more than the paper's 1e-6
--eval-every 20              # steps
--slots 64                   # responses generated at a time
--micro-tokens 2048          # of one training forward: activations grow with them
--logit-rows 256             # rows of logits held at a time
--out out/smollm2
END
)
model=$1
shift
exec $program --model "$model" $flags "$@" # the question is asked by the model's own chat template
