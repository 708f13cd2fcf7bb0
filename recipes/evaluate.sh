#!/bin/sh
# Optional (recipes): the paper's table: pass@1 and pass@32 on six benchmarks and their average, with 95 % intervals.
#
#   DATA_DIR=... recipes/evaluate.sh MODEL [flags]     DATA_DIR: aime/, amc/, math/, minerva/, olympiadbench/
#                                                      (see data/sets.h)
# The same command resumes an interrupted evaluation. A model that ./train wrote keeps its prompt template; for others
# give one, e.g. --prompt-template qwen-math.
set -e
test -f "$1/config.json" || { echo "usage: $0 MODEL [flags of ./eval]   (MODEL: a Hugging Face folder)"; exit 2; }
program=./eval-cuda # `make cuda`
test -x $program || program=./eval
flags=$(sed 's/#.*//' <<'END'
--data aime24,aime25,amc23,math500,minerva,olympiadbench  # 1,547 problems
--samples 32                 # responses per problem: 49,504 in total
--k 1,32
--temp 1                     # as in training
--slots 256                  # responses generated at a time
END
)
model=$1
shift
exec $program --model "$model" $flags --out "$model.json" --responses "$model.jsonl" "$@"
