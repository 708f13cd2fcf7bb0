#!/bin/sh
# The paper's table: pass@1 and pass@32 on six benchmarks and their average, each with its 95 % interval.
#
#   DATA_DIR=... recipes/evaluate.sh MODEL [flags]     DATA_DIR has aime/, amc/, math/, minerva/, olympiadbench/: see data/sets.h
#
# Interrupted, the same command goes on. A model that ./train wrote is asked as it was trained; for others name the template,
# e.g. --prompt-template qwen-math.
set -e
test -f "$1/config.json" || { echo "usage: recipes/evaluate.sh MODEL [flags of ./eval]   (MODEL: a Hugging Face folder)"; exit 2; }
program=./eval-cuda # `make cuda`
test -x $program || program=./eval
flags=$(sed 's/#.*//' <<'END'
--data aime24,aime25,amc23,math500,minerva,olympiadbench  # 1,547 problems
--samples 32                 # responses a problem: 49,504 in all
--k 1,32
--temp 1                     # as in training
--slots 256                  # generated at a time
END
)
model=$1
shift
exec $program --model "$model" $flags --out "$model.json" --responses "$model.jsonl" "$@"
