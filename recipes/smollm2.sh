#!/bin/sh
# Optional (recipes): SmolLM2-135M-Instruct on easy word problems, each one addition, subtraction, multiplication or
# division. Trained on MAWPS, evaluated on SVAMP, whose questions also contain irrelevant numbers.
#
#   hf download HuggingFaceTB/SmolLM2-135M-Instruct --local-dir models/SmolLM2-135M-Instruct
#   DATA_DIR=... recipes/smollm2.sh models/SmolLM2-135M-Instruct [flags]     DATA_DIR has mawps/ and svamp/
#
# Memory in MiB as printed by `recipes/smollm2.sh MODEL --plan`:
#                       total  weights  gradients  optimizer  activations  logits  KV blocks
#   C build, fp32      5753.8    513.3      621.1     1026.3       2046.7    60.0     1486.4
#   CUDA build, bf16   4268.5    256.7      621.1     1539.5       1024.0    84.0      743.2
# Learning rate and number of steps are not tuned.
set -e
test -f "$1/config.json" || { echo "usage: $0 MODEL [flags of ./train]   (MODEL: a Hugging Face folder)"; exit 2; }
program=./train-cuda # `make cuda`
test -x $program || program=./train
flags=$(sed 's/#.*//' <<'END'
--data mawps                 # 1,981 different questions
--heldout-data svamp         # for evaluation; none of its questions is trained on
--heldout 256                # the first 256 of its 1,000
--max-prompt 256             # tokens; longer questions are skipped and listed
--max-tokens 256             # of a response; a truncated one gets no reward
--method dynamo              # rollouts allocated by variance, advantages modulated
--steps 200                  # one update each
--prompts 32                 # a step
--rollouts 16                # a prompt on average,
--rollouts-low 8             # at least
--rollouts-high 24           # and at most
--lr 3e-6                    # small models tolerate more than the paper's 1e-6
--eval-every 20              # steps
--slots 64                   # responses generated at a time
--micro-tokens 2048          # per training forward; activations grow with them
--logit-rows 256             # rows of logits held at a time
--out out/smollm2
END
)
model=$1
shift
exec $program --model "$model" $flags "$@" # questions go through the model's chat template
