#!/bin/sh
# The study from a run of ./train to a value: every instrument at every policy, kept when it is there, with the same
# bytes for any number of threads, and read by the analysis. usage: tests/study/run.sh TRAIN MEASURE
set -u
train=$(realpath "$1") measure=$(realpath "$2")
command -v python3 >/dev/null || { echo "skipped tests/study/run.sh: no python3" && exit 0; }
root=$(pwd) work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work/tmp"
mkdir -p "$work/build/cpu/dev/study" "$TMPDIR"
cp -r dev "$work/" && rm -rf "$work/dev/study/rows" && cp "$measure" "$work/build/cpu/dev/study/measure"
cd "$work" || exit 1
failed=0
check() { # check NAME COMMAND
    name=$1 && shift
    if "$@" >>check.log 2>&1; then echo "[       OK ] $name"; else echo "[  FAILED  ] $name" && failed=1; fi
}
flags="--data task:add@1 --problems 64 --heldout 8 --sft-steps 60 --sft-batch 32 --steps 4
    --checkpoint-every 1 --keep 9 --layers 2 --channels 32 --heads 4 --kv-heads 2 --ffn 48
    --prompts 8 --rollouts 4 --rollouts-low 2 --rollouts-high 6 --max-tokens 24
    --eval-every 100 --eval-samples 2 --seed 3"
small="--survey 40 --survey-rollouts 8 --quota 3 --rollouts 64 --cells 64 --partitions 2 --batches 3 --replicates 6
    --token-batches 2"
$train $flags --threads 1 --out run >train.log 2>&1 || { cat train.log && exit 1; }
study() { python3 dev/study/measure_run.py run tiny "$@" -- $small; }
check measures_all_policies study --jobs 2
check twelve_files test "$(ls dev/study/rows/tiny-*.jsonl 2>/dev/null | wc -l)" = 12
cp -r dev/study/rows first
check keeps_what_is_there study
check says_so test "$(study | grep -c complete)" = 12
again() { # again POLICY STEP INSTRUMENT FLAGS: measures anew on two threads, into again.jsonl
    $measure "$3" again.jsonl "run/checkpoints/step-000006$2" --label "tiny-$1" $small $4 -- \
        $flags --threads 2 --slots 5
}
for instrument in variance attenuation entropy; do
    rm -f again.jsonl
    check "remeasures_$instrument" again half 2 $instrument ""
    check "same_bytes_$instrument" cmp first/tiny-half.$instrument.jsonl again.jsonl
done
refused() { ! "$@" 2>refused.log && grep -q 'other flags' refused.log; }
check refuses_another_measurement refused again half 2 entropy "--seed 2"
check leaves_it_as_it_was cmp first/tiny-half.entropy.jsonl again.jsonl
check no_folder_stays test -z "$(ls "$TMPDIR")"
mkdir pictures
python3 dev/study/analyse.py --pictures pictures >values.txt 2>analyse.log || cat analyse.log
value() { cut -f1,2 values.txt | grep -qE "$1"; }
check gives_values value '^variance tiny-start no-std/token r2	[0-9.]+'
check uniform_is_its_own_measure value '^variance tiny-end natural grpo/token uniform ratio	1$'
check shares_sum_to_one awk -F '\t' '/^attenuation tiny-end .* probability .* share both\t/ { sum += $2 }
    END { exit !(sum > 0.999 && sum < 1.001) }' values.txt
check gives_entropy value '^entropy tiny-half adamw 1 token exact pearson	-?[0-9.e-]+'
check draws test "$(ls pictures/evidence_*_tiny.svg | wc -l)" = 4
cd "$root" || exit 1
exit $failed
