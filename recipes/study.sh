#!/bin/sh
# Optional (recipes): the study of docs/evidence.md: every method and every part of DynaMO, on two task settings, from
# warm-ups that all arms of a seed share, with the same budget of rollouts and four updates a batch.
#
#   recipes/study.sh [--jobs 2] [--seeds "1 2 3 4 5"] [--settings "easy hard"] [--arms "grpo dynamo"] [--list]
#
# Each finished run appends one row to dev/study/results.jsonl (STUDY_RESULTS names another file); a run that has its
# row is not repeated, so a study that was stopped goes on where it was. --list prints the runs without a row and ends.
# Runs use one thread each: two of them side by side are faster than one with two threads. Needs python3 for the rows.
set -e
cd "$(dirname "$0")/.."
export STUDY_RESULTS="${STUDY_RESULTS:-dev/study/results.jsonl}" STUDY_OUT="${STUDY_OUT:-out/study}"
jobs=2 list=
seeds="1 2 3 4 5" settings="easy hard"
# In this order: the nine methods of the paper's table, DAPO, and DynaMO with one thing changed.
arms="grpo dynamo clip-higher entropy-loss fork-tokens entropy-advantage clip-cov kl-cov w-reinforce dapo
dynamo-allocation dynamo-modulation dynamo-const dynamo-authors dynamo-prompt-mean dynamo-decay dynamo-beta
dynamo-oracle"

arm_flags() { # what makes the arm $1
    case $1 in
    dynamo-allocation) echo "--method dynamo --modulation off" ;;
    dynamo-modulation) echo "--method dynamo --allocation uniform" ;;
    dynamo-const) echo "--method dynamo --modulation const" ;;
    dynamo-authors) echo "--method dynamo --modulation authors-compat" ;;
    dynamo-prompt-mean) echo "--method dynamo --loss-mean prompt" ;;
    dynamo-decay) echo "--method dynamo --history-decay 0.5" ;;
    dynamo-beta) echo "--method dynamo --allocation beta" ;;
    dynamo-oracle) echo "--method dynamo --allocation oracle" ;;
    *) echo "--method $1" ;;
    esac
}

setting_flags() { # tasks, warm-up and steps of the setting $1
    case $1 in
    easy) echo "--data task:serial@1-2,gcd@1-2,add@1-3 --sft-steps 900 --steps 96" ;;
    hard) echo "--data task:serial@1-5,gcd@1-5,add@1-5 --sft-steps 1800 --steps 96" ;;
    *) echo "study: no setting '$1' (easy, hard)" >&2 && return 1 ;;
    esac
}
value() { # value FLAG FLAGS: the value of a flag
    echo "$2" | sed "s/.*--$1 \([^ ]*\).*/\1/"
}
common="--problems 768 --heldout 256 --threads 1"
warmup="--sft-worked 0.3 --sft-error 0.3"
rl="--prompts 32 --rollouts 8 --rollouts-low 2 --rollouts-high 24 --updates 4 --max-tokens 96 --lr 2e-4"
every=8 # steps between evaluations, and between checkpoints

warm_up() { # warm_up SETTING SEED: the model that all arms of this seed start from
    out=$STUDY_OUT/$1/seed-$2/warmup flags=$(setting_flags "$1")
    if [ -e "$out/done" ]; then return; fi
    "$STUDY_OUT/bin/train" $common $warmup --data "$(value data "$flags")" --sft-steps "$(value sft-steps "$flags")" \
        --steps 0 --seed "$2" --out "$out" --overwrite >"$out.log" 2>&1
    touch "$out/done"
}

run_arm() { # run_arm SETTING SEED ARM: trains, evaluates, appends the row
    seed=$STUDY_OUT/$1/seed-$2 out=$STUDY_OUT/$1/seed-$2/$3 flags=$(setting_flags "$1")
    data=$(value data "$flags") steps=$(value steps "$flags")
    flags="$common $rl --data $data --steps $steps --seed $2 $(arm_flags "$3")"
    "$STUDY_OUT/bin/train" --model "$seed/warmup/model" $flags --eval-every $every --checkpoint-every $every \
        --keep 255 --sample-every 1000000 --out "$out" --overwrite >"$out.log" 2>&1
    # The last checkpoint within the budget: a method that generates more than prompts x rollouts a step ends earlier.
    model=$(python3 dev/study/row.py within-budget "$out" $((32 * 8 * steps)))
    "$STUDY_OUT/bin/eval" --model "$model" --data "$data" --problems 256 --samples 16 --max-tokens 96 --threads 1 \
        --seed "$2" --responses "$out/heldout.jsonl" --fresh >>"$out.log" 2>&1
    python3 dev/study/row.py row "$1" "$2" "$3" "$out" "$model" "$flags" >"$out/row.json"
    cat "$out/row.json" >>"$STUDY_RESULTS" # one short write at the end of the file: jobs do not mix their rows
    rm -f "$out/heldout.jsonl"
    case $2-$3 in 1-grpo | 1-dynamo) ;; *) rm -rf "$out/checkpoints" ;; esac # dev/study's instruments read these
}

# As a job: study.sh --job SETTING SEED ARM. The first job of a seed trains the warm-up, the others wait for it.
if [ "$1" = --job ]; then
    shift
    trap '[ $? = 0 ] || echo "study: failed: $*; its log is in $STUDY_OUT/$1/seed-$2" >&2' EXIT
    mkdir -p "$STUDY_OUT/$1/seed-$2"
    exec 9>"$STUDY_OUT/$1/seed-$2/.lock"
    flock 9
    warm_up "$1" "$2"
    exec 9>&-
    run_arm "$@"
    echo "study: done: $*"
    exit
fi
while [ $# -gt 0 ]; do
    case $1 in
    --jobs) jobs=$2 && shift 2 ;;
    --seeds) seeds=$2 && shift 2 ;;
    --settings) settings=$2 && shift 2 ;;
    --arms) arms=$2 && shift 2 ;;
    --list) list=yes && shift ;;
    *) sed -n '/^#   recipes/p' "$0" >&2 && exit 2 ;;
    esac
done

missing() { # the runs without a row, a seed at a time: a study that is stopped has whole seeds
    for seed in $seeds; do
        for setting in $settings; do
            for arm in $arms; do
                grep -qs "\"setting\": \"$setting\", \"seed\": $seed, \"arm\": \"$arm\"" "$STUDY_RESULTS" ||
                    echo "$setting $seed $arm"
            done
        done
    done
}
if [ -n "$list" ]; then
    missing
    exit
fi
make -s train eval
mkdir -p "$STUDY_OUT/bin"
cp train eval "$STUDY_OUT/bin/"
git describe --always --dirty --abbrev=12 >"$STUDY_OUT/bin/commit"
missing | xargs -r -P "$jobs" -L 1 "$0" --job
