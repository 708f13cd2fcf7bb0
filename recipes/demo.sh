#!/bin/sh
# The whole algorithm in minutes: a GPT of 0.45 million parameters, made from nothing, learns three kinds of arithmetic from
# a teacher who errs in 30 % of his answers and works out only 30 % of them. Then reinforcement learning with verifiable
# rewards finds out which answers hold, and that it pays to work them out.
#
#   recipes/demo.sh [flags]     any flag of ./train, e.g. --method grpo, --seed 2, --out out/grpo; the last one given counts
set -e
cd "$(dirname "$0")/.."
make -s train
flags=$(sed 's/#.*//' <<'END'
--data task:serial@1-2,gcd@1-2,add@1-3  # left-to-right arithmetic modulo 5, Euclid, addition by columns
--problems 1024                         # prompts to train on: each is seen five times
--heldout 256                           # prompts that nobody trains on
--sft-steps 1800                        # warm-up: 230,400 examples
--sft-worked 0.3                        # of them are worked out, the others answer at once
--sft-error 0.3                         # of them are wrong
--method dynamo                         # rollouts dealt out by variance, advantages modulated
--steps 80                              # of reinforcement learning, one update each
--prompts 64                            # a step
--rollouts 16                           # a prompt on average,
--rollouts-low 8                        # at least
--rollouts-high 24                      # and at most
--max-tokens 96                         # longest response; the teacher's are shorter
--lr 3e-4
--out out/demo
END
)
exec ./train $flags "$@"
