#!/bin/bash
# The whole CUDA program, on the CPU or on a GPU, against the C build. Prints "ok" or "FAILED" with each check's name.
# usage: tests/cuda/run.sh C_TRAIN COMPARE_RUNS FP32_TRAIN BF16_TRAIN [GPUS]
# GPUS: how many there are. Without it: on the CPU (dev/cuda_on_cpu), where it also repeats a run in other orders of
# threads and kills a rank. 2 and 4 ranks run if there are GPUs for them.
set -u
c=$(realpath "$1") compare=$(realpath "$2") fp32=$(realpath "$3") bf16=$(realpath "$4") gpus=${5:-0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
ok() { echo "[       OK ] $1"; }
bad() { echo "[  FAILED  ] $1"; failed=$((failed + 1)); }
check() { local name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; fi; }
run() { local log=$1; shift; "$@" >"$log" 2>&1 || { tail -n 5 "$log"; return 1; }; }
same_bits() { for f in model/model.safetensors rollouts.jsonl; do cmp -s "$1/$f" "$2/$f" || return 1; done; }
rl_steps() { grep -c '"phase":"rl","step":[1-9]' "$1/metrics.jsonl"; }

# A short warm-up in the C build, so that responses end and are sometimes right; all other runs start from its weights.
tasks="--data task:serial@1,add@1 --problems 32 --heldout 1"
run base.log "$c" $tasks --threads 1 --layers 2 --channels 64 --heads 4 --kv-heads 2 --ffn 96 --sft-steps 150 \
    --sft-batch 32 --steps 0 --prompts 4 --out base
flags="$tasks --model base/model --steps 2 --prompts 3 --rollouts 4 --rollouts-low 2 --rollouts-high 6 --max-tokens 12
       --explore 2 --lr 1e-3 --warmup 0 --eval-every 9 --eval-samples 1 --sample-every 1 --slots 5 --micro-tokens 64"
warmup="--sft-steps 1 --sft-batch 6"
check comparator_can_fail "$compare" --self-test

# fp32: other orders of summation, so the last bits differ and nothing else. 1e-4 is what the program promises.
run c.log "$c" $flags $warmup --threads 1 --out c
run fp32.log "$fp32" $flags $warmup --out fp32
check fp32_equals_the_c_build "$compare" c fp32 1e-4 tokens

# The same with all that flags add to the loss without choosing tokens, where a last bit could decide.
loss="--method entropy-advantage --entropy-coef 0.01 --kl-coef 0.1 --ratio sequence --updates 3 --modulation both"
run c_loss.log "$c" $flags $loss --threads 1 --out c_loss
run fp32_loss.log "$fp32" $flags $loss --out fp32_loss
check all_terms_of_the_loss_equal_the_c_build "$compare" c_loss fp32_loss 1e-4 tokens

# bf16: a rounding is at most 2^-8 of a value. Each of the two layers rounds about a dozen times between a token and its
# logits, and logits of size 8 turn a relative error into an absolute one: 8 x 2^-8 x sqrt(24) < 0.16 in a
# log-probability, and a quarter of that in the mean of 16 tokens or more. Sampled tokens may differ, so only those of
# the warm-up are compared.
run c1.log "$c" $flags $warmup --steps 0 --threads 1 --out c1
run bf16_1.log "$bf16" $flags $warmup --steps 0 --out bf16_1
check bf16_near_the_c_build "$compare" c1 bf16_1 0.04
run bf16.log "$bf16" $flags --out bf16
check bf16_samples_what_it_trains "$compare" bf16 bf16 0.16

# --invariant: what is sampled is what is trained, to the bit, in either precision.
for precision in fp32 bf16; do
    run invariant.log "${!precision}" $flags --invariant --updates 1 --out "invariant_$precision"
    check "invariant_${precision}_to_the_bit" "$compare" "invariant_$precision" "invariant_$precision" 0
done

# Two runs give the same bits, and so does a run that was stopped and resumed. A profiler sees the steps it should.
run again.log "$fp32" $flags $warmup --profile-first 2 --profile-steps 1 --out again
check two_runs_same_bits same_bits fp32 again
profiled=$(grep -o -E '^rl +[0-9]|profiler [a-z]*' again.log | tr -s ' \n' ' ')
[ "$gpus" = 0 ] && check profiled_steps test "$profiled" = "rl 0 rl 1 profiler starts profiler stops rl 2 "
run half.log "$fp32" $flags $warmup --steps 1 --schedule constant --out resumed
run rest.log "$fp32" $flags $warmup --schedule constant --resume --out resumed
check resumed_same_bits same_bits fp32 resumed

# Bad use of the device: exit status 2 and one line.
misuse() {
    local want=$1
    shift
    "$@" >misuse.log 2>&1
    test $? = 2 -a "$(wc -l <misuse.log)" = 1 && grep -q -e "$want" misuse.log
}
big="--layers 4 --channels 512 --prompts 3 --slots 4096 --max-tokens 30000"
check too_little_memory misuse "lower --slots" "$fp32" $tasks $big --out big
check no_such_gpu misuse "GPU 99 asked for" \
    env -u CUDA_VISIBLE_DEVICES RANK=0 WORLD_SIZE=1 LOCAL_RANK=99 "$fp32" $flags --out none

if [ "$gpus" = 0 ]; then
    for mode in "ORDER=desc" "STREAM=late" "ORDER=7"; do
        run order.log env CUDA_ON_CPU_$mode "$fp32" $flags $warmup --out "order-$mode"
        check "same_bits_with_${mode/=/_}" same_bits fp32 "order-$mode"
    done
fi

# Ranks: the same rollouts and, to rounding, the same updates.
ranks() { # ranks COUNT PROGRAM OUT FLAGS...
    local count=$1 program=$2 out=$3 status=0 pids=()
    shift 3
    for ((r = 0; r < count; r++)); do
        RANK=$r WORLD_SIZE=$count LOCAL_RANK=$((gpus ? r : 0)) "$program" "$@" --out "$out" >"$out.$r.log" 2>&1 &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || status=1; done
    return $status
}
for count in 2 4; do
    [ "$gpus" = 0 ] || [ "$gpus" -ge $count ] || { echo "skipped: $count ranks ($gpus GPU)"; continue; }
    ranks $count "$fp32" ranks$count $flags $warmup || tail -n 3 ranks$count.*.log
    check "${count}_ranks_equal_1" "$compare" fp32 ranks$count 1e-5
done

[ "$gpus" = 1 ] && exit $failed

# ZeRO-1: ranks that shard the optimizer's state (in bf16 the fp32 weights too) make the same updates and the same
# checkpoint, from which one rank can resume. (NCCL's reduce-scatter may add in another order: on GPUs the updates are
# equal to rounding, and only fp32 is compared.)
if [ "$gpus" -gt 1 ]; then
    ranks 2 "$fp32" sharded $flags $warmup --zero 1 || tail -n 3 sharded.*.log
    check zero_1_same_updates "$compare" ranks2 sharded 1e-5
    exit $failed
fi
for precision in fp32 bf16; do
    whole=whole_$precision sharded=sharded_$precision saved=checkpoints/step-0000003/trainer.safetensors
    ranks 2 "${!precision}" $whole $flags $warmup --schedule constant || tail -n 3 $whole.*.log
    ranks 2 "${!precision}" $sharded $flags $warmup --schedule constant --zero 1 || tail -n 3 $sharded.*.log
    check "zero_1_same_bits_$precision" same_bits $whole $sharded
    check "zero_1_same_checkpoint_$precision" cmp $whole/$saved $sharded/$saved
done
ranks 2 "$bf16" half_sharded $flags $warmup --schedule constant --steps 1 --zero 1 || tail -n 3 half_sharded.*.log
ranks 2 "$bf16" half_sharded $flags $warmup --schedule constant --resume --zero 1 || tail -n 3 half_sharded.*.log
check zero_1_resumed_same_bits same_bits whole_bf16 half_sharded
run one.log "$bf16" $flags $warmup --schedule constant --steps 3 --resume --out half_sharded
restarts=$(grep -c 'starting from the beginning' one.log)
check zero_1_then_one_rank test "$(rl_steps half_sharded)" = 3 -a "$restarts" = 0

# Gradients are summed on a second stream: with late streams, work that does not wait for its input would show.
CUDA_ON_CPU_STREAM=late ranks 2 "$fp32" late $flags $warmup --schedule constant --zero 1 || tail -n 3 late.*.log
check zero_1_same_bits_with_STREAM_late same_bits whole_fp32 late

# A rank that is killed, or stopped, ends the other one, with a message, within 30 seconds. (The launcher of these ranks
# waits for the stopped one too.)
start_ranks() { # start_ranks OUT: two ranks in the background, once they train; $job is their parent
    ranks 2 "$fp32" $1 $flags --steps 100000 --schedule constant &
    job=$!
    for _ in $(seq 600); do grep -s -q '"phase":"rl","step":1,' $1/metrics.jsonl && break; sleep 0.2; done
}
rank_of() { pgrep -P $job | sort -n | sed -n $(($1 + 1))p; } # rank_of R: its process
start_ranks killed
start=$SECONDS
kill -KILL "$(rank_of 1)"
wait $job
check a_dead_rank_ends_the_job test $((SECONDS - start)) -lt 30 -a "$(grep -c 'has died' killed.0.log)" = 1
start_ranks stopped
start=$SECONDS
stopped=$(rank_of 1)
kill -STOP "$stopped"
for _ in $(seq 300); do test "$(rank_of 0)" = "$stopped" && break; sleep 0.1; done # the only one left
check a_stopped_rank_ends_the_job test $((SECONDS - start)) -lt 30 -a "$(grep -c 'was silent for' stopped.0.log)" = 1
kill -KILL "$stopped"
wait $job

# One rank is told to end: all of them save after the same step, and the run resumes with the same bits.
start_ranks ended
kill -TERM "$(rank_of 1)"
wait $job
check term_saves_a_checkpoint grep -q 'stopped at a checkpoint' ended.0.log
done_=$(tail -n 1 ended/metrics.jsonl | grep -o '"step":[0-9]*')
ranks 2 "$fp32" ended $flags --schedule constant --resume --steps $((${done_#*:} + 1)) || tail -n 3 ended.*.log
ranks 2 "$fp32" unended $flags --schedule constant --steps $((${done_#*:} + 1)) || tail -n 3 unended.*.log
check resumed_after_term_same_bits same_bits ended unended

# Ranks that differ do not start.
for r in 0 1; do
    RANK=$r WORLD_SIZE=2 LOCAL_RANK=0 "$fp32" $flags --lr ${r}e-3 --out differ >differ.$r.log 2>&1 &
done
wait
differs="train: rank 1: its flags differ from rank 0's: --lr is 0.001 here and 0 there"
check other_flags_are_named test "$(grep -c "$differs" differ.0.log)" = 1 -a ! -s differ.1.log
[ $failed -eq 0 ]
