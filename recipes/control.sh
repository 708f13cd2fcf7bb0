#!/bin/sh
# A control that must fail: the teacher of recipes/demo.sh never errs and never works anything out. What the model lacks after
# such a warm-up is knowledge, and rewards have none to give: reinforcement learning sharpens its guesses and learns little.
#
#   recipes/control.sh [flags]     as recipes/demo.sh
exec "$(dirname "$0")/demo.sh" --sft-worked 0 --sft-error 0 --sft-steps 600 --out out/control "$@"
