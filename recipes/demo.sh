#!/bin/sh
# Optional (recipes): the whole algorithm in minutes. A GPT of 0.45 million parameters, initialised at random, learns
# three kinds of arithmetic from a teacher that gets 30 % of its answers wrong and shows its work in only 30 % of them.
# RL with verifiable rewards then reinforces correct answers, and with them showing the work.
#
#   recipes/demo.sh [flags]     any flag of ./train, e.g. --method grpo, --seed 2, --out out/grpo; the last value counts
set -e
cd "$(dirname "$0")/.."
make -s train
flags=$(sed 's/#.*//' <<'END'
--data task:serial@1-2,gcd@1-2,add@1-3  # left-to-right arithmetic modulo 5, Euclid, addition by columns
--problems 1024                         # training prompts: each is used five times
--heldout 256                           # prompts for evaluation only
--sft-steps 1800                        # warm-up: 230,400 examples
--sft-worked 0.3                        # of them show the work, the others answer at once
--sft-error 0.3                         # of them are wrong
--method dynamo                         # rollouts allocated by variance, advantages modulated
--steps 80                              # of RL, one update each
--prompts 64                            # a step
--rollouts 16                           # a prompt on average,
--rollouts-low 8                        # at least
--rollouts-high 24                      # and at most
--max-tokens 96                         # of a response; the teacher's are shorter
--lr 3e-4
--out out/demo
END
)
exec ./train $flags "$@"
