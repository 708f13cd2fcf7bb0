#!/bin/bash
# Whole programs, as a user runs them. Each check prints OK or FAILED with its name; files are compared byte for byte.
# usage: tests/system/run.sh TRAIN EVAL
set -u
train=$(realpath "$1") eval=$(realpath "$2") recipes=$(realpath "$(dirname "$0")/../../recipes")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0
ok() { echo "[       OK ] $1"; passed=$((passed + 1)); }
bad() { echo "[  FAILED  ] $1"; failed=$((failed + 1)); }
check() { local name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; fi; }
same() { # same A B CHECKPOINT
    cmp -s "$1/model/model.safetensors" "$2/model/model.safetensors" &&
        cmp -s "$1/checkpoints/$3/trainer.safetensors" "$2/checkpoints/$3/trainer.safetensors"
}
lines() { grep -c "\"phase\":\"rl\"${2:-}" "$1/metrics.jsonl"; } # lines RUN [what follows]

# The smallest run whose model gets some answers right, so that rewards differ and every step has a gradient.
small="--data task:serial@1-2,mod@1 --problems 96 --heldout 16 --layers 2 --channels 32 --heads 4 --kv-heads 2 --ffn 48
       --sft-steps 60 --sft-batch 16 --sft-lr 1e-2 --steps 8 --prompts 8 --rollouts 4 --rollouts-low 2
       --rollouts-high 6 --max-tokens 24 --explore 2 --eval-every 4 --eval-samples 2 --checkpoint-every 5
       --sample-every 4"
last=step-0000068

$train $small --threads 1 --out base >base.log 2>&1 || cat base.log
check base_run test -s base/model/model.safetensors -a -s base/report.html
check base_checkpoint test -s base/checkpoints/$last/trainer.safetensors
check rewards_differ test "$(lines base ',"step":[1-9].*"grad_norm":[0-9.]*[1-9]')" = 8
check two_checkpoints_kept test "$(ls base/checkpoints | wc -l)" = 2

# run.json says what ran, and runs it again; the terminal's lines are 80 columns wide.
value() { grep -o "\"$2\":[[:space:]]*[^,]*" "$1/run.json" | head -1 | sed 's/.*:[[:space:]]*//'; } # value RUN FLAG
sessions() { grep -c "\"$2\":" "$1/run.json"; }
check end_is_recorded test "$(value base outcome)" = '"complete"' -a "$(sessions base ended)" = 1
check version_is_recorded test -n "$(value base version)" -a "$(value base version)" != '""'
check no_flag_is_left_open test "$(value base max-tokens) $(value base lr) $(value base threads)" = "24 0.0003 1"
check no_line_is_wide test -z "$(grep -e '^rl' -e '^sft' -e '^ .*held-out pass' base.log | grep '.\{81\}')"
check steps_are_counted_in_one test "$(lines base ',"step":8,"global_step":68,"time":[0-9.]*,"tokens_total":')" = 1
$train --config base/run.json --out rerun >rerun.log 2>&1 || cat rerun.log
check run_json_runs_it_again same base rerun $last
$train $small --arch llama --layers 1 --sft-steps 1 --steps 0 --out llama >llama.log 2>&1
$train --model llama/model --data task:mod@1 --steps 0 --prompts 4 --heldout 4 --out loaded >loaded.log 2>&1
check a_loaded_model_shows_its_own_sizes test "$(grep -c -e 'arch  *llama' -e 'layers  *1 ' loaded.log)" = 2
check and_records_them test "$(value loaded arch) $(value loaded layers) $(value loaded channels)" = '"llama" 1 32'
check threads_are_the_actual_ones test "$(value loaded threads)" -gt 0

# Threads, slots, micro-batches and rows of logits change no bit.
$train $small --threads 2 --slots 3 --micro-tokens 50 --logit-rows 7 --out other >other.log 2>&1
check same_bits_for_threads_slots_micro_batches same base other $last
$train $small --threads 2 --seed 2 --out seed >seed.log 2>&1
if same base seed $last; then bad other_seed_differs; else ok other_seed_differs; fi

# kill -9 at arbitrary moments, the first ones before the first checkpoint, then --resume to the end.
mkdir killed
for delay in 0.2 0.4 0.3 0.5 0.45; do
    timeout -s KILL $delay $train $small --threads 2 --out killed --resume >killed.log 2>&1
done 2>/dev/null # where the shell says "Killed"
$train $small --threads 2 --out killed --resume >killed.log 2>&1 || cat killed.log
check resume_after_kill_9 same base killed $last
check metrics_lines_are_whole test "$(lines killed)" = "$(lines base)"

# Killed in the first RL steps after the warm-up's last checkpoint: step 0, the policy before RL, is logged once.
$train $small --threads 1 --out phases --keep 99 >phases.log 2>&1 && rm -r phases/checkpoints/step-000006[1-9]
$train $small --threads 1 --out phases --resume >phases.log 2>&1 || cat phases.log
check resume_prints_its_position grep -q "resumed  60 of 60 warm-up and 0 of 8 steps are done" phases.log
check resume_between_the_phases same base phases $last
check step_0_is_logged_once test "$(lines phases ',"step":0,')" = 1

# Ctrl-C saves a checkpoint and prints how to resume.
touch interrupted.log
$train $small --steps 100000 --threads 1 --out interrupted >interrupted.log 2>&1 &
pid=$!
for _ in $(seq 100); do grep -q '^rl ' interrupted.log && break; sleep 0.1; done
kill -INT $pid; wait $pid
check interrupt_has_its_own_status test $? = 130
check interrupt_ends_well grep -q -e '--config interrupted/run.json --resume' interrupted.log

check and_is_recorded test "$(value interrupted outcome)" = '"interrupted"'
line=$(grep -A1 'to continue' interrupted.log | tail -1)
$line --steps 1 >continued.log 2>&1
check the_line_that_it_prints_continues test $? = 0 -a "$(sessions interrupted started)" = 2 -a \
    "$(grep -c 'nothing is left to do' continued.log)" = 1

# A damaged or foreign checkpoint is refused with its reason, and nothing is lost.
refused() { ! $train $small --out "$1" --resume ${3:-} >refused.log 2>&1 && grep -q -e "$2" refused.log; }
cp -r base damaged && truncate -s 1000 damaged/checkpoints/$last/trainer.safetensors
check truncated_checkpoint_is_refused refused damaged "trainer.safetensors"
cp -r base foreign && head -c 3000 /dev/urandom >foreign/checkpoints/$last/trainer.safetensors
check foreign_checkpoint_is_refused refused foreign "trainer.safetensors"
cp -r base flags
check other_flags_are_refused refused flags "lr" "--lr 1e-5"
check no_message_says_to_remove_it eval '! grep -q remove refused.log'
check other_schedule_is_named refused flags "schedule" "--schedule cosine"

cp -r base flipped && printf '\001' | dd of=flipped/checkpoints/$last/model.safetensors bs=1 seek=9999 conv=notrunc 2>&-
check one_changed_byte_is_refused refused flipped "model.safetensors: damaged: .*resume from step 65, the checkpoint"
cp base/checkpoints/$last/model.safetensors flipped/checkpoints/$last
cp seed/checkpoints/$last/trainer.safetensors flipped/checkpoints/$last
check state_of_another_run_is_refused refused flipped "trainer.safetensors: damaged"
cp base/checkpoints/step-0000065/trainer.safetensors flipped/checkpoints/$last
check state_of_another_step_is_refused refused flipped "trainer.safetensors: damaged"
rm -r flipped/checkpoints/$last
$train $small --threads 1 --out flipped --resume >flipped.log 2>&1
check resumes_from_the_checkpoint_before same base flipped $last

# Half of a log is lost, or all of one: the run resumes all the same.
cp -r base logless && rm logless/rollouts.jsonl && truncate -s -7 logless/metrics.jsonl
rm -r logless/checkpoints/$last
$train $small --threads 1 --out logless --resume >logless.log 2>&1
check resumes_without_a_log same base logless $last
check says_that_the_log_is_missing grep -q 'note: logless/rollouts.jsonl is missing' logless.log

# A model that cannot be written is not reported as written, and the exit status tells. (A limit on the size of files
# acts like a full disk.)
limited() { local blocks=$1; shift; (ulimit -f $blocks; exec "$@"); }
limited 40 $train $small --sft-steps 0 --steps 1 --out blocked >blocked.log 2>&1
check unwritten_model_is_a_failure test $? = 1
check unwritten_model_is_not_claimed test "$(grep -c '^model:' blocked.log)" = 0
check unwritten_model_is_named grep -q "the model was not written" blocked.log

check no_half_of_it_is_left test -z "$(ls blocked | grep -v -e jsonl -e checkpoints -e tokenizer -e report -e run.json)"
check what_stdout_lost_is_a_failure eval '! limited 1 $train --help >help.txt'
check what_stdout_lost_is_a_failure_of_eval eval '! limited 1 $eval --help >help.txt'
head -c 1024000 /dev/zero >silent.txt
limited 1000 $train $small --sft-steps 0 --steps 0 --out silent >>silent.txt 2>silent.log
check what_stdout_lost_is_reported test $? = 1 -a "$(grep -c 'written to stdout' silent.log)" = 1
$train --help >help.txt
check help_is_asked_by_h_too eval '$train -h | cmp -s - help.txt'
check help_is_80_columns_wide test -z "$(grep '.\{81\}' help.txt)"
check help_has_the_statuses grep -q "exit status: 0 done, 1 failed, 2 bad use, 130 interrupted" help.txt

# Weights so large that nothing is finite: no update is made, and that is no success.
cp -r base/model huge
printf '\177%.0s' {1..256} | dd of=huge/model.safetensors bs=1 conv=notrunc \
    seek=$(($(stat -c %s huge/model.safetensors) - 256)) 2>&-
$train $small --model huge --sft-steps 2 --steps 0 --out diverged >diverged.log 2>&1
check a_run_without_an_update_is_a_failure test $? = 1 -a "$(grep -c 'never updated' diverged.log)" = 1

# Bad use: exit status 2 and one clear line.
misuse() {
    local want=$1; shift
    "$@" >misuse.log 2>&1
    test $? = 2 -a "$(wc -l <misuse.log)" = 1 && grep -q -e "$want" misuse.log
}
# A folder with a run in it is left alone unless --resume or --overwrite is given.
cp -rp base used && find used -type f ! -name .lock -exec md5sum {} + >used.md5
check used_out_is_refused misuse "metrics.jsonl, rollouts.jsonl, checkpoints, model): add --resume" $train --out used
check model_that_would_be_replaced misuse "choose another --out" $train $small --model used/model --out used --overwrite
check resume_and_overwrite misuse "exclude each other" $train $small --out used --resume --overwrite
check resume_of_no_folder misuse "leave --resume out" $train $small --out nowhere --resume
rm -r used/checkpoints/step-*
check resume_without_checkpoints misuse "none of its checkpoints" $train $small --out used --resume
mv used/checkpoints elsewhere && ln -s ../gone used/checkpoints
check resume_of_a_dangling_link misuse "symbolic link" $train $small --out used --resume
rm used/checkpoints && touch used/checkpoints
check resume_of_no_checkpoint_folder misuse "is not a folder" $train $small --out used --resume
rm used/checkpoints && cp -rp base/checkpoints used && check nothing_was_touched md5sum --status -c used.md5
check bad_data_deletes_nothing misuse "serail" $train --data task:serail --out used --overwrite
check it_is_all_there md5sum --status -c used.md5
mkfifo used/model/mine && $train $small --threads 1 --sft-steps 1 --steps 0 --out used --overwrite >used.log 2>&1
check foreign_files_are_not_deleted test $? = 2 -a -p used/model/mine
rm -r used/model/mine && touch used/mine && $train $small --threads 1 --sft-steps 1 --steps 0 --out used --overwrite \
    >used.log 2>&1 || cat used.log
check overwrite_starts_anew test "$(ls used/checkpoints)" = step-0000001 -a -f used/mine -a -f used/model/config.json

# One process at a time.
touch first.log
$train $small --steps 100000 --threads 1 --out locked >first.log 2>&1 &
pid=$!
for _ in $(seq 100); do grep -q '^sft' first.log && break; sleep 0.1; done
check a_second_process_is_refused misuse "locked is in use by process $pid" $train $small --out locked --resume
kill -KILL $pid; wait $pid 2>/dev/null
check a_killed_process_has_no_end test "$(sessions locked started) $(sessions locked ended)" = "1 0"
check a_dead_process_holds_no_lock misuse "locked holds a run" $train $small --out locked

printf "\\nsteps = ten\\n" >bad.cfg
check unknown_flag misuse "unknown flag --rolouts: did you mean --rollouts?" $train --rolouts 3
check unknown_flag_of_eval misuse "did you mean --samples?" $eval --sample 3
check bad_config misuse "bad.cfg:2: --steps ten" $train --config bad.cfg
check out_of_range misuse "between" $train --prompts 0
check not_a_number misuse "whole number" $train --steps ten
check no_folder misuse "No such file" $train --out=
check switch_with_a_value misuse "takes no value" $train --resume=maybe
check dual_clip_that_stops_all misuse "above 1" $train --dual-clip 0.5
check bad_bounds misuse "rollouts-low" $train --rollouts 4 --rollouts-low 8
check bad_method misuse "grpo" $train --method ppo
check near_method misuse "did you mean dynamo?" $train --method dynmo
check top_k_is_refused_in_training misuse "top-k is for ./eval only" $train --top-k 5
check unknown_task misuse "serail" $train --data task:serail
check missing_model misuse "nowhere" $train --model nowhere
check eval_without_model misuse "--model" $eval --data task:add
check eval_temp_too_small misuse "at least 0.001" $eval --model base/model --temp 1e-30
check eval_k_above_samples misuse "samples" $eval --model base/model --k 9 --samples 8

# Rewards from a program are trained on and its verdicts counted; the recipes in Python and C agree to the bit.
fixed() { echo "sed -u 's/.*/{\"reward\":$1,\"correct\":$2}/'"; }
$train $small --threads 1 --out paid --reward-command "$(fixed 0.25 true)" >paid.log 2>&1 || cat paid.log
check rewards_are_the_programs test "$(lines paid '.*"reward":0.25,"reward_std":0,"pass_rate":1,')" = 8
check heldout_verdicts_too test "$(lines paid '.*"heldout_pass1":1,')" = 3
check another_program_is_another_run refused paid "reward-command" "--reward-command cat"
$train $small --threads 1 --out dead --reward-command 'sed -u "s/.*/{\"reward\":1}/; 40q"' >dead.log 2>&1
check a_dead_program_is_a_failure test $? = 1
row='row [0-9]* of [0-9]* (id [0-9]*/[0-9]*, prompt "[ms][^"]*")'
check its_row_is_named grep -q "$row: no answer: it ended with status 0" dead.log
${CC:-cc} -o reward "$recipes/reward.c" -lcjson
$train $small --threads 1 --out in-c --reward-command ./reward >in-c.log 2>&1 || cat in-c.log
check rewards_in_c test "$(lines in-c '.*"reward":-\?[0-9.]*[1-9],"reward_std":0.[0-9]*[1-9],')" = 8
if command -v python3 >/dev/null; then
    $train $small --threads 2 --out in-python --reward-command "python3 $recipes/reward.py" >in-python.log 2>&1
    cmp -s in-c/model/model.safetensors in-python/model/model.safetensors
    check rewards_in_python_are_the_same test $? = 0
else
    echo "skipped: rewards in Python (python3 is not installed)"
fi

# Evaluation: a table, JSON, responses; the same again with the same seed.
ask="$eval --model base/model --data task:serial@1-2,mod@1 --problems 16 --samples 4 --k 1,4 --max-tokens 24"
$ask --out a.json --responses a.jsonl >eval.log 2>&1 || cat eval.log
$ask --threads 1 --slots 5 --out b.json --responses b.jsonl >/dev/null 2>&1
check eval_writes_its_table grep -q '"pass@4"' a.json
check eval_is_reproducible cmp -s a.json b.json
$ask --reward-command "$(fixed -0.5 true)" --out paid.json --responses paid.jsonl >paid.log 2>&1 || cat paid.log
check eval_takes_rewards_from_a_program test "$(grep -c '"reward":-0.5,' paid.jsonl)" = 64
check eval_shows_them grep -q '^all .*1.000 .* -0.500$' paid.log
$ask --reward-command "exit 7" >dead.log 2>&1
check eval_names_the_row test $? = 1 -a "$(grep -c 'row 1 of 4 (id .*status 7' dead.log)" = 1
check eval_writes_every_response test "$(wc -l <a.jsonl)" = 64

# A folder that train wrote is a model to start from.
$train $small --model base/model --sft-steps 0 --steps 2 --out again >again.log 2>&1
check trains_on_from_a_saved_model test -s again/model/model.safetensors

# Two ranks: the same rollouts, and updates equal to rounding (so the first step's rewards agree exactly).
first_step() { grep '"phase":"rl","step":1,' "$1/metrics.jsonl" | grep -o "\"\($2\)\":[^,]*"; } # first_step RUN NAMES
close_to() { # close_to A B NAME...: two runs agree on a value of the first step to 1e-5 of its size
    local a=$1 b=$2 name; shift 2
    for name; do
        awk -v x="$(first_step "$a" "$name")" -v y="$(first_step "$b" "$name")" 'BEGIN {
            sub(/.*:/, "", x); sub(/.*:/, "", y)
            x += 0; d = x - y; if (d < 0) d = -d; if (x < 0) x = -x; exit !(x > 0 && d <= 1e-5 * x) }' || return 1
    done
}
check close_to_can_fail eval '! close_to base seed grad_norm'
if command -v mpirun >/dev/null; then
    mpi() { # mpi RANKS FLAGS... (MPI leaks at exit, which a sanitized build would report)
        local n=$1; shift
        ASAN_OPTIONS=detect_leaks=0 mpirun --allow-run-as-root --oversubscribe -n $n $train $small --threads 1 "$@" \
            >mpi.log 2>&1 || tail -5 mpi.log
    }
    mpi 2 --out ranks
    check two_ranks_finish test -s ranks/model/model.safetensors
    check two_ranks_same_update close_to base ranks grad_norm loss entropy
    rollouts='reward\|pass_rate\|response_length\|n_hist\|verdicts'
    check two_ranks_same_rollouts test "$(first_step base $rollouts)" = "$(first_step ranks $rollouts)"
    # The same with dynamic sampling and an oracle: every rank drops and draws the same prompts.
    sampled="--dynamic-sampling 3 --allocation oracle --oracle-rollouts 5 --steps 1 --overlong 6"
    $train $small --threads 1 $sampled --out sampled >sampled.log 2>&1
    mpi 2 $sampled --out sampled_ranks
    rollouts="$rollouts\|groups_[a-z]*\|[a-z_]*generated\|oracle_tokens"
    check two_ranks_same_resampling test "$(first_step sampled $rollouts)" = "$(first_step sampled_ranks $rollouts)"
    # ZeRO-1 changes no bit, and three ranks or one can resume what two ranks saved.
    mpi 2 --zero 1 --out zero
    check zero_1_same_bits same ranks zero $last
    mpi 2 --zero 1 --steps 2 --out mixed
    check zero_1_half_way test -s mixed/checkpoints/step-0000062/trainer.safetensors
    mpi 2 --zero 1 --resume --out mixed
    check zero_1_resumed_same_bits same ranks mixed $last
    mpi 3 --zero 1 --resume --steps 10 --out mixed
    $train $small --threads 1 --resume --steps 12 --out mixed >mixed.log 2>&1 || tail -3 mixed.log
    check other_ranks_resume test "$(lines mixed ',"step":[1-9]')" = 12
    check other_ranks_save test -s mixed/checkpoints/step-0000072/trainer.safetensors
else
    echo "skipped: two ranks (mpirun is not installed)"
fi
[ $failed -eq 0 ]
