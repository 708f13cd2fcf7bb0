#!/bin/bash
# Every method and the options of the loss, as whole runs: which are the same bits as grpo, what changes no bit, resume.
# usage: tests/system/methods.sh TRAIN
set -u
train=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
ok() { echo "[       OK ] $1"; }
bad() { echo "[  FAILED  ] $1"; failed=$((failed + 1)); }
check() { local name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; fi; }
same() { cmp -s "$1/model/model.safetensors" "$2/model/model.safetensors"; }
differ() { [ -s "$1/model/model.safetensors" ] && [ -s "$2/model/model.safetensors" ] && ! same "$1" "$2"; }

# A short warm-up, after which rewards differ; all runs start from its weights.
tasks="--data task:serial@1-2,mod@1 --problems 96 --heldout 1 --threads 1"
$train $tasks --layers 2 --channels 32 --heads 4 --kv-heads 2 --ffn 48 --sft-steps 60 --sft-batch 16 --sft-lr 1e-2 \
    --steps 0 --out warm >warm.log 2>&1 || cat warm.log
flags="$tasks --model warm/model --steps 3 --prompts 8 --rollouts 4 --rollouts-low 2 --rollouts-high 6 --max-tokens 24
       --warmup 1 --explore 2 --eval-every 9 --eval-samples 1 --checkpoint-every 2"
run() { # run OUT FLAGS...
    local out=$1; shift
    $train $flags "$@" --out "$out" >"$out.log" 2>&1 || tail -n 3 "$out.log"
}

# With one update a batch every ratio is 1: what only bounds or holds ratios is grpo, and says so.
run grpo --method grpo
for method in clip-higher kl-cov; do
    run $method --method $method
    check "${method}_is_grpo_at_one_update" same grpo $method
    check "${method}_says_so" grep -q "so $method is grpo" $method.log
done
run sequence --method grpo --ratio sequence
check sequence_ratio_is_1_at_one_update same grpo sequence
for method in entropy-loss entropy-advantage fork-tokens clip-cov w-reinforce dynamo; do
    run $method --method $method
    check "${method}_is_not_grpo_at_one_update" differ grpo $method
    check "${method}_does_not_say_so" test "$(grep -c 'is grpo' $method.log)" = 0
done

# With four updates and a large learning rate, ratios move.
more="--updates 4 --lr 3e-3"
run grpo4 --method grpo $more
for method in clip-higher kl-cov clip-cov; do
    run ${method}4 --method $method $more
    check "${method}_is_not_grpo_at_four_updates" differ grpo4 ${method}4
done
check clip_higher_does_not_say_so_then test "$(grep -c 'is grpo' clip-higher4.log)" = 0
run sequence4 --method grpo --ratio sequence $more
check sequence_ratio_is_not_grpo_at_four_updates differ grpo4 sequence4
for kl in k1 k2 k3; do
    run $kl --method grpo $more --kl-coef 0.5 --kl $kl
    check "${kl}_is_not_grpo" differ grpo4 $kl
done
check estimators_differ eval 'differ k1 k2 && differ k2 k3 && differ k1 k3'

# Threads, slots, micro-batches and rows of logits change no bit of a choice; a killed run resumes to the bit.
for method in fork-tokens clip-cov kl-cov; do
    all="--method $method --kl-coef 0.1 --ratio sequence --updates 3 --epochs 2"
    run $method-all $all
    run $method-cut $all --threads 2 --slots 3 --micro-tokens 50 --logit-rows 7
    check "same_bits_of_${method}_for_threads_slots_micro_batches" same $method-all $method-cut
done
all="$all --sft-steps 1 --checkpoint-every 1 --keep 9"
run whole $all
for at in 1 2 3; do # the end of the warm-up, where no reference is saved yet, and the first steps of RL
    cp -r whole resumed$at && rm -r resumed$at/model resumed$at/checkpoints/step-000000[$((at + 1))-9]
    run resumed$at $all --resume
    check "resumed_from_step_${at}_with_a_reference" same whole resumed$at
done

if command -v mpirun >/dev/null; then # ranks choose the same tokens, so updates are equal to rounding
    names='adjusted\|loss\|grad_norm\|kl_ref'
    figures() { grep '"phase":"rl","step":1,' "$1/metrics.jsonl" | grep -o "\"\($names\)\":[^,]*"; }
    near() { paste -d: <(figures "$1") <(figures "$2") | awk -F: '
        { d = $2 - $4; s = $2 < 0 ? -$2 : $2; bad += !($1 == $3 && (d < 0 ? -d : d) <= 1e-5 * s + 1e-9) }
        END { exit bad || NR < 4 }'; }
    for method in fork-tokens clip-cov kl-cov; do
        ASAN_OPTIONS=detect_leaks=0 mpirun --allow-run-as-root --oversubscribe -n 2 $train $flags --method $method \
            --kl-coef 0.1 --ratio sequence --updates 3 --epochs 2 --out $method-ranks >ranks.log 2>&1 ||
            tail -n 3 ranks.log
        check "two_ranks_of_$method" near $method-all $method-ranks
    done
    check near_can_fail eval '! near fork-tokens-all kl-cov-all'
fi
[ $failed -eq 0 ]
