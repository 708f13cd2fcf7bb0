#!/bin/bash
# Small models and data files on which a loader can go wrong without a word, as a user meets them. They are in DATA_DIR
# (default ../shared), cases/README.md there says what each is; without them nothing is checked.
# usage: tests/system/cases.sh TRAIN EVAL
set -u
train=$(realpath "$1") eval=$(realpath "$2")
cases=$(realpath -m "${DATA_DIR:-../shared}/cases")
test -d "$cases" || { echo "skipped: no $cases"; exit 0; }
models=$cases/models data=$cases/data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
check() {
    local name=$1; shift
    if "$@"; then echo "[       OK ] $name"; else echo "[  FAILED  ] $name"; failed=$((failed + 1)); fi
}
# ask MODEL DATA FLAGS: an evaluation with its output in log and its responses in r.jsonl; returns its status
ask() {
    local model=$1 file=$2; shift 2
    rm -f r.jsonl
    "$eval" --threads 1 --model "$models/$model" --data "$data/$file" --samples 1 --max-tokens 4 --responses r.jsonl \
        "$@" >log 2>&1
}
has() { grep -qF -e "$1" log; }
golds() { grep -o '"gold":"[^"]*"' r.jsonl | cut -d'"' -f4 | tr '\n' ' '; }

# Chat templates that differ from the known ones in a detail are executed: the model of the case is asked the same as
# through a file that holds what transformers' apply_chat_template prints.
box='Please reason step by step, and put your final answer within \boxed{}.'
printf '<|im_start|>user\n%s\n\n{question}<|im_end|>\n<|im_start|>assistant\n\n' "$box" >system_in_user.txt
printf '<|im_start|>system\n%s<|im_end|><|im_start|>user\n{question}<|im_end|><|im_start|>assistant\n\n' "$box" \
    >no_newline_after_end.txt
for kind in system_in_user no_newline_after_end; do
    ask chat_$kind tiny_held.jsonl && mv r.jsonl own.jsonl
    ask chat_$kind tiny_held.jsonl --prompt-template ./$kind.txt
    check chat_$kind cmp own.jsonl r.jsonl
done
# A tokenizer that puts a token before every text: the same as a template that begins with that token.
printf '<|endoftext|>{question}\n' >bos.txt
ask base_with_bos tiny_held.jsonl --prompt-template verbatim && mv r.jsonl own.jsonl
ask base_with_bos tiny_held.jsonl --prompt-template ./bos.txt
check base_with_bos cmp own.jsonl r.jsonl
ask eval_no_eos tiny_held.jsonl
check eval_no_eos has 'nothing can end a response'
ask quant_null tiny_held.jsonl
check quant_null test -s r.jsonl
"$train" --threads 1 --model "$models/short_context" --data "$data/tiny_train.jsonl" --prompt-template verbatim \
    --heldout-data "$data/tiny_held.jsonl" --max-tokens 8 --steps 1 --prompts 2 --rollouts 2 --rollouts-low 1 \
    --rollouts-high 4 --explore 2 --eval-samples 1 --out short >log 2>&1
check short_context test -s short/model/model.safetensors

# Data.
ask base_with_bos row_byte_not_in_vocab.jsonl --prompt-template verbatim
check row_byte_not_in_vocab test "$(golds)" = '4 '
check and_is_listed has 'line 2, the vocabulary lacks the byte 0x1d'
ask base_with_bos row_byte_not_in_vocab.jsonl --prompt-template verbatim --bad-rows refuse
check or_refused has 'problem at line 2: the vocabulary lacks the byte 0x1d'
ask base_with_bos nested.jsonl:answer=reward_model.ground_truth
check nested test "$(golds)" = '34 '
ask base_with_bos numbers.jsonl
check numbers test "$(golds)" = \
    '4 4 -0.5 1000 0.1 1e-7 9007199254740993 12345678901234567890 0 1e400 3.14159265358979 '
"$eval" --score "$data/score_array.json" >log 2>&1
check score_array test $? = 1
check score_array_is_explained has 'not an array'
# Answers that run on into the next question end there. (The model has learnt nothing: it writes w after w.)
ask chat_system_in_user fewshot_runs_on/easy.jsonl --prompt-template gsm8k-4shot --temp 0
check fewshot_runs_on test "$(grep -c '"response":"wwww","verdict":"truncated"' r.jsonl)" = 3
ask chat_system_in_user fewshot_runs_on/easy.jsonl --prompt-template gsm8k-4shot --temp 0 --stop www
check fewshot_stops test "$(grep '"response":"","verdict":"no_answer"' r.jsonl | grep -c '"tokens":3')" = 3
[ $failed -eq 0 ]
