#!/bin/sh
# Optional (recipes): Qwen2.5-Math-1.5B as in the paper (DynaMO, arXiv 2602.19208): 512 prompts x 16 rollouts a step,
# 8 to 24 a prompt, on the training problems of MATH and AIME 1983-2023. Eight GPUs of 80 GB.
#
#   hf download Qwen/Qwen2.5-Math-1.5B --local-dir models/Qwen2.5-Math-1.5B
#   make cuda && DATA_DIR=... recipes/paper.sh models/Qwen2.5-Math-1.5B [flags]     DATA_DIR has math/ and aime/
#   GPUS=4 recipes/paper.sh ...                          fewer GPUs: the same rollouts, more time
#   recipes/paper.sh ... --method grpo --out out/grpo    a baseline, everything else equal
#   recipes/evaluate.sh out/paper/model                  the paper's table
#
# Memory of each GPU as printed by `GPUS=1 recipes/paper.sh MODEL --plan` (CUDA build, bf16), and 1,152 MiB of rollouts
# on the host: 73289.3 MiB: weights 2946.4, gradients 6779.1, optimizer 17667.1, activations 16406.3, logits 593.5,
# KV blocks 28896.9.
set -e
test -f "$1/config.json" || { echo "usage: $0 MODEL [flags of ./train]   (MODEL: a Hugging Face folder)"; exit 2; }
program=./train-cuda # `make cuda`
test -x $program || program=./train
test "${GPUS:-8}" = 1 || program="mpirun -n ${GPUS:-8} $program"
flags=$(sed 's/#.*//' <<'END'
--data math,aime-train       # 7,470 and 975 problems, 266 of them in both; six of AIME are in MATH500 too and are
--heldout-data math500       # skipped: no evaluation problem is trained on
--heldout 500                # all of MATH500
--prompt-template qwen-math  # as in Qwen's own evaluation
--max-prompt 1024            # tokens; longer problems are skipped and listed
--max-tokens 3072            # of a response: the model has 4,096 positions
--method dynamo              # rollouts allocated by variance, advantages modulated
--constants paper            # alpha_c = alpha_s = 0.4, gamma 50, tau 0.9; "release": the authors' code
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
--eval-samples 4             # responses per problem
--checkpoint-every 8         # steps
--slots 256                  # responses generated at a time on each GPU
--micro-tokens 8192          # per training forward; activations grow with them
--out out/paper
END
)
model=$1
shift
exec $program --model "$model" $flags "$@"
