#!/bin/bash
# Several ranks, as mpirun starts them: what they must agree on, and how the job ends when one of them fails or stops.
# Each check prints OK or FAILED with its name. (That ranks compute the same: tests/system/run.sh. The CUDA build:
# tests/cuda/run.sh.)
# usage: tests/system/ranks.sh TRAIN EVAL
set -u
train=$(realpath "$1") eval=$(realpath "$2")
command -v mpirun >/dev/null || { echo "skipped: ranks (mpirun is not installed)"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
ok() { echo "[       OK ] $1"; }
bad() { echo "[  FAILED  ] $1"; failed=$((failed + 1)); }
check() { local name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; tail -n 5 log; fi; }
export ASAN_OPTIONS=detect_leaks=0 # MPI leaks at exit
mpirun="mpirun --allow-run-as-root --oversubscribe"

# Questions in the alphabet of the tasks' tokenizer, and the smallest run on them whose model learns something.
for a in 1 2 3 4; do
    for b in 1 2 3 4 5 6; do echo "{\"question\":\"c$a+$b=\",\"answer\":$((a + b))}"; done
done >data.jsonl
tiny="--layers 1 --channels 32 --heads 4 --kv-heads 2 --ffn 48 --threads 1 --seed 3 --rollouts 4 --rollouts-low 2
      --rollouts-high 6 --explore 2 --max-tokens 24 --eval-every 1000 --eval-samples 1"
$train $tiny --data task:add@1 --problems 64 --heldout 8 --sft-steps 20 --sft-batch 16 --steps 0 --out base >log 2>&1
rl="$tiny --prompt-template verbatim --data data.jsonl --model base/model --prompts 8 --steps 4 --checkpoint-every 1"
for rank in 0 1; do # a folder each, alike to begin with
    mkdir rank$rank && cp -r base data.jsonl rank$rank
done
apart() { # apart FLAGS_OF_RANK_1 FLAGS_OF_BOTH...: each rank in its own folder
    local other=$1; shift
    timeout 60 $mpirun -n 1 --wdir "$work/rank0" $train $rl "$@" : -n 1 --wdir "$work/rank1" $train $rl "$@" $other \
        >log 2>&1
}
# refused WHY COMMAND: it ends with the status of bad use, and exactly one line of the program's, which says why.
refused() {
    local why=$1; shift
    "$@" >log 2>&1
    test $? = 2 -a "$(grep -c -e '^train: ' -e '^eval: ' -e '^rank ' log)" = 1 && grep -q -e "$why" log
}

# A failure is printed once, not once per rank.
check a_bad_flag_is_printed_once refused 'train: unknown flag --rolouts' $mpirun -n 3 $train --rolouts 3
check a_used_folder_is_printed_once refused 'train: base holds a run' $mpirun -n 3 $train $tiny --out base
check no_model_is_printed_once refused 'train: nowhere: no such' $mpirun -n 3 $train --model nowhere --out none
check evaluation_on_ranks_is_printed_once refused 'eval: evaluation runs on one rank' $mpirun -n 3 $eval --model base

# Ranks that differ do not start.
check other_threads_may_differ apart '--threads 2' --out "$work/threads"
differs='train: rank 1: its flags differ from rank 0.s'
check other_flags_are_named refused "$differs: --lr is 0.001 here and 0.0003 there" apart '--lr 1e-3' --out "$work/new"
check other_steps_are_named refused "$differs: --steps is 5 here" apart '--steps 5' --out "$work/new2"
sed -i '3s/"answer":[0-9]*/"answer":99/' rank1/data.jsonl
check other_gold_is_named refused 'train: rank 1: its data differ' apart '' --out "$work/new4"
{ tail -n 1 data.jsonl; sed '$d' data.jsonl; } >rank1/data.jsonl
check other_order_is_named refused 'train: rank 1: its data differ' apart '' --out "$work/new5"
rm rank1/data.jsonl
check a_failure_of_one_rank_is_named refused 'train: rank 1: data.jsonl: No such file' apart '' --out "$work/new6"
cp data.jsonl rank1
printf '\001' | dd of=rank1/base/model/model.safetensors bs=1 seek=9999 conv=notrunc 2>&-
check other_weights_are_named refused 'train: rank 1: its weights differ' apart '' --out "$work/new7"
cp base/model/model.safetensors rank1/base/model
for rank in 0 1; do cp -r threads rank$rank; done
rm -r rank1/threads/checkpoints/step-0000004
check another_step_to_resume_from_is_named refused 'train: rank 1: its weights differ' apart '' --out threads --resume

# start OUT FLAGS: two ranks in the background, once they train; $job is mpirun, whose children they are
start() {
    local out=$1; shift
    $mpirun -n 2 $train $rl --steps 100000 --out $out "$@" >log 2>&1 &
    job=$!
    for _ in $(seq 300); do grep -s -q '"phase":"rl","step":2,' $out/metrics.jsonl && break; sleep 0.1; done
}
within() { # within SECONDS: the job ends by itself in this time
    for _ in $(seq $(($1 * 10))); do kill -0 $job 2>/dev/null || return 0; sleep 0.1; done
    kill -KILL $(pgrep -P $job) $job
    return 1
}
for rank in 0 1; do
    DYNAMO_SILENCE=5 start stopped$rank
    kill -STOP "$(pgrep -P $job | sort -n | sed -n $((rank + 1))p)"
    check a_stopped_rank_${rank}_ends_the_job within 30
    check it_is_named_$rank grep -q "rank $((1 - rank)): rank $rank was silent for 5 seconds" log
done
start killed
kill -KILL "$(pgrep -P $job | sort -n | tail -n 1)"
check a_killed_rank_ends_the_job within 30
check the_killed_rank_is_named grep -q "rank 0: rank 1 has died" log

# mpirun passes TERM on and kills the ranks two seconds later, or as many as it is told: time for the step under way
# and a checkpoint. Meanwhile it reads no output, so a job that printed a line every few milliseconds would be stuck:
# steps of many updates are slow enough.
mpirun="$mpirun --mca odls_base_sigkill_timeout 8" start ended --checkpoint-every 100000 --schedule constant --epochs 64
kill -TERM $job
check term_ends_the_job within 40
check term_saves_a_checkpoint grep -q 'stopped at a checkpoint' log
last=$(tail -n 1 ended/metrics.jsonl | grep -o '"step":[0-9]*')
on="--schedule constant --epochs 64 --checkpoint-every 100000 --steps $((${last#*:} + 2))"
$mpirun -n 2 $train $rl $on --resume --out ended >log 2>&1
$mpirun -n 2 $train $rl $on --out whole >log 2>&1
check resumed_it_has_the_same_bits cmp -s whole/model/model.safetensors ended/model/model.safetensors
[ $failed -eq 0 ]
