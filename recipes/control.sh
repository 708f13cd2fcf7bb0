#!/bin/sh
# Optional (recipes): a control that must fail. The teacher of recipes/demo.sh makes no errors and never shows its work.
# RL cannot help after such a warm-up: the model lacks knowledge, which rewards do not supply, so RL sharpens guesses.
#
#   recipes/control.sh [flags]     as recipes/demo.sh
exec "$(dirname "$0")/demo.sh" --sft-worked 0 --sft-error 0 --sft-steps 600 --out out/control "$@"
