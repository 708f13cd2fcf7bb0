#!/bin/bash
# What surrounds the programs: outputs that are closed, broken or full, small stacks, inputs that are no files or have
# no end, and text with escape codes. Each check prints OK or FAILED with its name.
# usage: tests/system/surroundings.sh TRAIN EVAL
set -u
train=$(realpath "$1") eval=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
ok() { echo "[       OK ] $1"; }
bad() { echo "[  FAILED  ] $1"; failed=$((failed + 1)); }
check() { local name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; tail -n 5 log; fi; }
# misuse WHY COMMAND: status 2 and one line, soon
misuse() {
    local want=$1; shift
    timeout 20 "$@" >log 2>&1
    test $? = 2 -a "$(wc -l <log)" = 1 && grep -q -e "$want" log
}
tiny="--data task:add@1 --problems 64 --heldout 8 --layers 1 --channels 32 --heads 4 --kv-heads 2 --ffn 48 --threads 2
      --seed 3 --prompts 4 --rollouts 4 --rollouts-low 2 --rollouts-high 6 --explore 2 --max-tokens 24 --eval-samples 1
      --sft-steps 20 --sft-batch 16 --steps 3 --schedule constant"
$train $tiny --out base >log 2>&1 || cat log
same() { cmp -s base/model/model.safetensors "$1/model/model.safetensors"; }

# A run outlives what reads its output: it ends with the same model and status 1.
$train $tiny --out closed >&- 2>log
check closed_stdout_is_a_failure test $? = 1
check closed_stdout_loses_nothing same closed
check closed_stdout_is_not_the_log test "$(grep -v -c '^{.*}$' closed/metrics.jsonl)" = 0
$train $tiny --out none <&- >&- 2>&-
check all_closed_loses_nothing same none
check all_closed_is_not_the_log test "$(grep -v -c '^{.*}$' none/metrics.jsonl)" = 0
$train $tiny --out piped 2>log | head -n 1 >/dev/null
check broken_pipe_is_a_failure test "${PIPESTATUS[0]}" = 1
check broken_pipe_loses_nothing same piped
if [ -c /dev/full ]; then
    $train $tiny --out full >/dev/full 2>log
    check full_stdout_is_a_failure test $? = 1
    check full_stdout_loses_nothing same full
    ask="$eval --model base/model --data task:add@1 --problems 8 --samples 2 --max-tokens 24 --threads 1"
    $ask >/dev/full 2>log
    check table_that_is_lost_is_a_failure test $? = 1
    $ask >table 2>log
    check table_is_printed_again_without_generating grep -q '^8 problems were resumed' log
    check table_is_whole grep -q '^all .* 8 ' table
fi

# A small stack is raised, or refused where the system does not allow that.
(ulimit -S -s 256 && exec $train $tiny --out stack >log 2>&1) || cat log
check a_small_stack_is_raised same stack

# A number of more than six digits is told apart at resume.
check close_numbers_differ misuse 'made with --lr 0.0003, not 0.000300000001' $train $tiny --out base --resume \
    --lr 0.000300000001

# What is no regular file is refused at once, whichever input it is.
mkfifo fifo
for input in config.json model.safetensors tokenizer.json generation_config.json tokenizer_config.json; do
    rm -rf model && cp -r base/model model && rm -f model/$input && mkfifo model/$input
    check "fifo_as_$input" misuse "model/$input: not a regular file" $eval --model model --data task:add@1
done
ln -s /dev/zero endless
for input in fifo endless; do
    check "${input}_as_data" misuse "$input: not a regular file" $eval --model base/model --data $input
    check "${input}_as_template" misuse "$input: not a regular file" $eval --model base/model --prompt-template ./$input
    check "${input}_to_score" misuse "$input: not a regular file" $eval --score $input
done
truncate -s 20G sparse
check a_row_without_an_end misuse 'sparse:1: a row of 16 MiB or more' $eval --score sparse

# Escape codes of files do not reach the terminal.
plain() { ! grep -q $'\033\|\007\|\302\233' "$1"; } # plain FILE
rm -r model && cp -r base/model model
sed -i 's/\("model_type"[^"]*"\)[^"]*/\1\\u001b]0;owned\\u0007\\u009b31m/' model/config.json
check error_of_a_model misuse 'model_type "?.0;owned???31m"' $eval --model model
check error_of_a_model_is_plain plain log
echo '{"gold":"1","response":"2","expected":true,"category":"\u001b[31m"}' >rows.jsonl
$eval --score rows.jsonl >log 2>&1
check category_is_shown grep -q '^disagree, row 1, "' log
check category_is_plain plain log
[ $failed -eq 0 ]
