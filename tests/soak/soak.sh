#!/bin/bash
# What no failure may do: lose a run, be believed, or end in status 0 when something is missing. Programs are killed at
# random moments, each of their calls to the file system is made to fail, bits of checkpoints are flipped; every time
# the run is then resumed to its end and compared, byte for byte, with one that nothing happened to. Prints a table, and
# OK or FAILED for each of its rows. `make soak` does all of it; `make test` a small part.
#   KILLS    kills of ./train, and a third as many of ./eval                                            [9; soak 1000]
#   FAULTS   calls that fail in each kind of run, spread over all of its calls; "all": each of them     [10; soak all]
#   FLIPS    bits flipped in checkpoints                                                                [6; soak 300]
#   SEED     of moments and bits; moments depend on the machine too                                     [the time]
# usage: tests/soak/soak.sh TRAIN EVAL        (TRAIN's folder has tests/soak/fault)
set -u
train=$(realpath "$1") eval=$(realpath "$2") fault=$(dirname "$(realpath "$1")")/tests/soak/fault
KILLS=${KILLS:-9} FAULTS=${FAULTS:-10} FLIPS=${FLIPS:-6} SEED=${SEED:-$(date +%s)}
RANDOM=$SEED
work=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)") # in memory: a flush takes no time
trap 'rm -rf "$work"' EXIT
mkdir "$work/files" && cd "$work/files" || exit 1 # calls on files below this folder can fail
log=$work/log again=$work/again
export GOMP_SPINCOUNT=1000 ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer cannot run in a process that is traced
tiny="--data task:add@1 --problems 64 --heldout 8 --layers 1 --channels 32 --heads 4 --kv-heads 2 --ffn 48 --threads 1
      --seed 3 --prompts 4 --rollouts 4 --rollouts-low 2 --rollouts-high 6 --explore 2 --max-tokens 24
      --eval-samples 1 --sft-batch 8 --schedule constant --checkpoint-every 1 --keep 2 --sample-every 2"
long="$tiny --sft-steps 40 --steps 40"
short="$tiny --sft-steps 2 --steps 2"

# ---- The table -------------------------------------------------------------------------------------------------------
declare -A tried refused lost believed lies
count() { local -n table=$1; table[$2]=$((${table[$2]:-0} + 1)); } # count COLUMN ROW
complain() { # complain COLUMN ROW WHAT: with the last run's messages
    count "$1" "$2"
    echo "$2, $1: $3"
    tail -n 3 "$log" "$again" 2>/dev/null
}
print_table() {
    local row
    echo "seed $SEED"
    printf '%-34s %8s %8s %8s %8s %8s\n' '' tried refused lost believed lies
    for row in "$@"; do
        printf '%-34s %8d %8d %8d %8d %8d\n' "$row" "${tried[$row]:-0}" "${refused[$row]:-0}" "${lost[$row]:-0}" \
            "${believed[$row]:-0}" "${lies[$row]:-0}"
    done
    failed=0
    for row in "$@"; do
        if [ "${tried[$row]:-0}" -gt 0 ] && [ "${lost[$row]:-0}${believed[$row]:-0}${lies[$row]:-0}" = 000 ]; then
            echo "[       OK ] ${row// /_}"
        else
            echo "[  FAILED  ] ${row// /_}"
            failed=1
        fi
    done
    return $failed
}

# ---- Comparing -------------------------------------------------------------------------------------------------------
steps_of() { grep -o '"phase":"[a-z]*","step":[0-9]*' "$1/metrics.jsonl"; }
same_run() { # same_run A B: the same model, and the same last checkpoint
    local last
    last=$(ls "$1/checkpoints" 2>/dev/null | tail -n 1)
    cmp -s "$1/model/model.safetensors" "$2/model/model.safetensors" &&
        cmp -s "$1/checkpoints/$last/trainer.safetensors" "$2/checkpoints/$last/trainer.safetensors"
}
same_logs() { [ "$(steps_of "$1")" = "$(steps_of "$2")" ] && cmp -s "$1/rollouts.jsonl" "$2/rollouts.jsonl"; }

# ---- Kills -----------------------------------------------------------------------------------------------------------
# until_done ROW LIMIT KILLS COMMAND: kills the command within LIMIT ms of its start and starts it again, until it ends
until_done() {
    local row=$1 limit=$2 kills=$3 status; shift 3
    while :; do
        local delay=$((RANDOM * 32768 + RANDOM))
        if [ "${tried[$row]:-0}" -ge "$kills" ]; then "$@" >$log 2>&1; return; fi
        timeout -s KILL "$(printf '%d.%03d' $((delay % limit / 1000)) $((delay % limit % 1000)))" "$@" >$log 2>&1
        status=$?
        [ $status = 137 ] || return $status
        count tried "$row"
    done 2>/dev/null # where the shell says "Killed"
}
kill_train() {
    $train $long --out base >$log 2>&1 || { cat $log; return 1; }
    while [ "${tried[kills of train]:-0}" -lt "$KILLS" ]; do
        rm -rf killed && mkdir killed
        until_done 'kills of train' 700 "$KILLS" $train $long --out killed --resume
        if [ $? != 0 ]; then complain lost 'kills of train' 'the run does not resume'; continue; fi
        same_run base killed || complain lost 'kills of train' 'the run ends with other bytes'
        same_logs base killed || complain lost 'kills of train' 'the logs differ'
        [ "$(ls killed)" = "$(ls base)" ] || complain lies 'kills of train' "it left $(ls killed)"
    done
}
kill_eval() {
    local ask="$eval --model base/model --data task:add@1 --problems 40 --samples 8 --threads 1 --max-tokens 24
               --slots 2"
    $ask --out whole.json --responses whole.jsonl >$log 2>&1 || { cat $log; return 1; }
    while [ "${tried[kills of eval]:-0}" -lt $(((KILLS + 2) / 3)) ]; do
        rm -f killed.json* killed.jsonl*
        until_done 'kills of eval' 400 $(((KILLS + 2) / 3)) $ask --out killed.json --responses killed.jsonl
        if [ $? != 0 ]; then complain lost 'kills of eval' 'it does not resume'; continue; fi
        cmp -s whole.json killed.json && cmp -s whole.jsonl killed.jsonl ||
            complain lost 'kills of eval' 'it ends with other bytes'
    done
}

# ---- Faults ----------------------------------------------------------------------------------------------------------
# each_fault ERRNO COMMAND: the numbers of the calls to make fail, of those that the command makes
each_fault() {
    local error=$1 calls every=1; shift
    calls=$($fault 0 $error "$@" 9>&1 >/dev/null 2>&1 | cut -d ' ' -f 1)
    [ "$FAULTS" = all ] || every=$((calls / FAULTS + 1))
    seq $((1 + RANDOM % every)) $every "$calls"
}
judge_train() { # judge_train ROW STATUS WHAT: the run in f that a fault happened to, then resumed
    local row=$1 status=$2 what=$3 resume=
    count tried "$row"
    if [ "$status" -gt 2 ]; then complain lies "$row" "$what: status $status"; return; fi
    [ "$status" = 0 ] || count refused "$row"
    if [ "$status" != 0 ] && [ ! -s $log ]; then complain lies "$row" "$what: status $status without a message"; fi
    if [ "$status" = 0 ] && ! cmp -s short/model/model.safetensors f/model/model.safetensors; then
        complain lies "$row" "$what: status 0 without the model"
    fi
    if [ "$status" = 0 ] && ! grep -q '^warning' $log && { ! same_logs short f || ! [ -s f/report.html ]; }; then
        complain lies "$row" "$what: status 0 without the logs and the report, and no warning"
    fi
    [ -d f ] && resume=--resume
    $train $short --out f $resume >$again 2>&1 || { complain lost "$row" "$what: it does not resume"; return; }
    same_run short f || complain lost "$row" "$what: it ends with other bytes"
    if [ -d half ] && ! grep -q '^  resumed  2 of 2 warm-up and [12] of' $again; then
        complain lost "$row" "$what: a checkpoint is gone"
    fi
}
faults_of_train() { # faults_of_train ROW SIGN ERRNO [--resume]: from nothing, or of a run resumed half-way
    local row=$1 sign=$2 error=$3 resume=${4:-} n what
    prepare() { rm -rf f; [ -z "$resume" ] || cp -rp half f; }
    prepare
    for n in $(each_fault $error $train $short --out f $resume); do
        prepare
        what=$($fault $sign$n $error $train $short --out f $resume 9>&1 >$log 2>&1)
        judge_train "$row" $? "call $n ($what), errno $error"
    done
}
faults_of_eval() {
    local row=$1 sign=$2 error=$3 n what status
    local ask="$eval --model short/model --data task:add@1 --problems 8 --samples 2 --threads 1 --max-tokens 24"
    rm -f one.* && $ask --out one.json --responses one.jsonl >$log 2>&1 || { cat $log; return 1; }
    rm -f f.json* f.jsonl*
    for n in $(each_fault $error $ask --out f.json --responses f.jsonl); do
        rm -f f.json* f.jsonl*
        what=$($fault $sign$n $error $ask --out f.json --responses f.jsonl 9>&1 >$log 2>&1)
        status=$?
        count tried "$row"
        [ $status = 0 ] || count refused "$row"
        [ $status -le 2 ] || complain lies "$row" "call $n ($what): status $status"
        if [ $status = 0 ] && ! { cmp -s one.json f.json && cmp -s one.jsonl f.jsonl; }; then
            complain lies "$row" "call $n ($what): status 0 without its files"
        fi
        $ask --out f.json --responses f.jsonl >$again 2>&1 && cmp -s one.json f.json && cmp -s one.jsonl f.jsonl ||
            complain lost "$row" "call $n ($what): it ends with other bytes"
    done
}

# ---- Flipped bits ----------------------------------------------------------------------------------------------------
flip() { # flip FILE: one random bit
    local at=$(((RANDOM * 32768 + RANDOM) % $(stat -c %s "$1"))) byte
    byte=$(od -An -tu1 -j $at -N 1 "$1")
    printf "\\x$(printf %02x $((byte ^ (1 << RANDOM % 8))))" | dd of="$1" bs=1 seek=$at conv=notrunc 2>/dev/null
}
flip_bits() {
    local more="$short --steps 3" n files file last=half/checkpoints/step-0000003
    $train $more --out more >$log 2>&1 || { cat $log; return 1; }
    for ((n = 0; n < FLIPS; n++)); do
        rm -rf f && cp -rp half f && files=(f/${last#half/}/*)
        file=${files[RANDOM % ${#files[@]}]}
        flip "$file"
        count tried 'flipped bits'
        if $train $more --out f --resume >$log 2>&1; then # the bit may say nothing, as one of the manifest's flags
            same_run more f || complain believed 'flipped bits' "$file"
            continue
        fi
        count refused 'flipped bits'
        rm -r "f/${last#half/}" # as the message says
        $train $more --out f --resume >$again 2>&1 && same_run more f || complain lost 'flipped bits' "$file"
    done
}

kill_train
kill_eval
rows=('kills of train' 'kills of eval')
if [ -x "$fault" ] && $fault 0 0 true 2>/dev/null; then
    $train $short --out short >$log 2>&1 || cat $log
    faults_of_train 'a fault in a new run' '' 5
    $train $short --steps 1 --out half >$log 2>&1 || cat $log
    faults_of_train 'a fault in a resumed run' '' 5 --resume
    faults_of_train 'a full disk from then on' - 28 --resume
    faults_of_train 'a dead disk from then on' - 5 --resume
    faults_of_eval 'a fault in an evaluation' '' 5
    rows+=('a fault in a new run' 'a fault in a resumed run' 'a full disk from then on' 'a dead disk from then on'
        'a fault in an evaluation')
else
    echo "skipped: faults (they need ptrace on x86-64)"
fi
flip_bits
print_table "${rows[@]}" 'flipped bits'
