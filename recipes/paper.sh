#!/bin/sh
# Qwen2.5-Math-1.5B as in the paper (DynaMO, arXiv 2602.19208): 512 prompts x 16 rollouts a step, 8 to 24 a prompt, on the
# training problems of MATH and AIME 1983-2023. Eight GPUs of 80 GB.
#
#   hf download Qwen/Qwen2.5-Math-1.5B --local-dir models/Qwen2.5-Math-1.5B
#   make cuda && DATA_DIR=... recipes/paper.sh models/Qwen2.5-Math-1.5B [flags]     DATA_DIR has math/ and aime/: see data/sets.h
#   GPUS=4 recipes/paper.sh ...                  fewer GPUs: the same rollouts, longer
#   recipes/paper.sh ... --method grpo --out out/grpo           a rival, everything else equal
#   recipes/evaluate.sh out/paper/model          the paper's table
#
# Memory of each GPU, as `GPUS=1 recipes/paper.sh MODEL --plan` prints it (CUDA build, bf16); and 1,152 MiB of rollouts on the host
#   memory  73289.3 MiB: weights 2946.4, gradients 6779.1, optimizer 17667.1, activations 16406.3, logits 593.5, KV blocks 28896.9
set -e
test -f "$1/config.json" || { echo "usage: recipes/paper.sh MODEL [flags of ./train]   (MODEL: a Hugging Face folder)"; exit 2; }
program=./train-cuda # `make cuda`
test -x $program || program=./train
test "${GPUS:-8}" = 1 || program="mpirun -n ${GPUS:-8} $program"
flags=$(sed 's/#.*//' <<'END'
--data math,aime-train       # 7,470 and 975 problems; six of AIME's stand in MATH500 too,
--heldout-data math500       # and are left out, since what is evaluated on is not trained on
--heldout 500                # all of it
--prompt-template qwen-math  # as the model's makers evaluate it
--max-prompt 1024            # tokens; longer problems are left out and listed
--max-tokens 3072            # longest response: the model has 4,096 positions
--method dynamo              # allocation by variance of the history, advantages modulated
--constants paper            # alpha_c = alpha_s = 0.4, gamma 50, tau 0.9; "release": the authors' script
--prompts 512                # a step
--rollouts 16                # a prompt on average,
--rollouts-low 8             # at least
--rollouts-high 24           # and at most
--updates 16                 # mini-batches of 32 prompts
--lr 1e-6                    # constant after
--warmup 10                  # steps
--weight-decay 0.1           # on matrices
--grad-clip 1
--eps-low 0.2                # ratio clip
--eps-high 0.2
--temp 1
--steps 160                  # ten epochs of 16 steps
--eval-every 8               # steps
--eval-samples 4             # responses a problem
--checkpoint-every 8         # steps
--slots 256                  # responses generated at a time on each GPU
--micro-tokens 8192          # of one training forward: activations grow with them
--out out/paper
END
)
model=$1
shift
exec $program --model "$model" $flags "$@"
