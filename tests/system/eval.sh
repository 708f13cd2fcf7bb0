#!/bin/bash
# Evaluation as a user runs it: several data sets, interruption, prompt templates, bad data; and training on files. Each
# check prints OK or FAILED with its name; files are compared byte for byte.
# usage: tests/system/eval.sh TRAIN EVAL
set -u
train=$(realpath "$1") eval=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0
ok() { echo "[       OK ] $1"; passed=$((passed + 1)); }
bad() { echo "[  FAILED  ] $1"; failed=$((failed + 1)); }
check() { local name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; fi; }
misuse() {
    local want=$1; shift
    "$@" >misuse.log 2>&1
    test $? = 2 -a "$(wc -l <misuse.log)" = 1 && grep -q -e "$want" misuse.log
}

# Questions in the alphabet of the tasks' tokenizer; the second file is one array, with the golds in lists.
for a in 1 2 3 4; do
    for b in 1 2 3 4 5 6; do echo "{\"question\":\"c$a+$b=\",\"answer\":$((a + b))}"; done
done >sums.jsonl
for a in 2 3 4 5 6 7 8; do echo "{\"problem\":\"p$a*7=\",\"answer\":[\"$((7 * a))\"]},"; done |
    sed '1s/^/[/; $s/,$/]/' >products.json
tiny="--layers 2 --channels 32 --heads 4 --kv-heads 2 --ffn 48 --rollouts 4 --rollouts-low 2 --rollouts-high 6
      --explore 2 --max-tokens 24 --eval-every 100 --eval-samples 2 --seed 3 --threads 1"
run() { local log=$1; shift; "$@" >"$log" 2>&1 || cat "$log"; } # run LOG COMMAND
run base.log $train $tiny --data task:add@1 --problems 64 --heldout 8 --sft-steps 20 --sft-batch 16 --steps 0 --out base
one="$eval --threads 1 --model base/model"
ask="$one --prompt-template verbatim --data sums.jsonl,products.json,task:add@1,gcd@1 --problems 30 --samples 8
     --k 1,8 --max-tokens 40 --slots 4"

# One table: a row for each set, their average, an interval for each figure.
run whole.log $ask --out whole.json --responses whole.jsonl
rows='^\(sums  *24\|products  *7\|tasks  *30\|average  *61\)  *0\.[0-9]* \[0\.[0-9]* [01]\.[0-9]*\]'
check table_of_sets_and_average test "$(grep "$rows" whole.log | cut -d' ' -f1 | sort -u | wc -l)" = 4
check pass_at_1_and_8 grep -q 'pass@1 .*pass@8 .*avg@8 .*maj@8' whole.log
check every_response_is_written test "$(wc -l <whole.jsonl)" = $((61 * 8))
check no_partial_file_is_left test ! -e whole.jsonl.partial

# end_at SIGNAL LINES FILE COMMAND: ends the command once its partial file has that many lines; returns its status
end_at() {
    local signal=$1 lines=$2 file=$3 status got f; shift 3
    for _ in {1..20}; do # again if it finished before the signal came
        "$@" --slots 1 >>ended.log 2>&1 & # slow; slots change no result
        while kill -0 $! 2>/dev/null; do
            got=()
            for f in $file; do test -e "$f" && mapfile -t got <"$f"; done
            test ${#got[@]} -gt $lines && break
        done 2>/dev/null
        kill -$signal $! 2>/dev/null
        wait $! 2>/dev/null; status=$?
        test $status != 0 && break
    done
    return $status
}

# Killed at arbitrary moments and started again, it ends with the same bytes; also without --responses, where the
# partial file has a generated name.
for n in 10 100 250; do end_at KILL $n killed.jsonl.partial $ask --out killed.json --responses killed.jsonl; done
run killed.log $ask --out killed.json --responses killed.jsonl --slots 9
check kills_left_something_to_resume grep -q 'problems were resumed' killed.log
check resumes_after_kill_9 cmp -s whole.json killed.json
check resumed_responses_are_the_same cmp -s whole.jsonl killed.jsonl
end_at INT 20 'eval-*.partial' $ask --out stopped.json
check interrupt_has_its_own_status test $? = 130
$one --data task:add@1 --samples 60000 --slots 1 --responses slow.jsonl >slow.log 2>&1 & # a minute and more
for _ in $(seq 200); do test -s slow.jsonl.partial && break; sleep 0.05; done
sleep 1; start=$SECONDS; kill -INT $!; wait $! 2>/dev/null; status=$?
check an_interrupt_is_obeyed_at_once test $status = 130 -a $((SECONDS - start)) -le 5
rm -f slow.jsonl.partial
check interrupt_says_how_to_resume grep -q 'saved in eval-[0-9a-f]*.partial; run the same command' ended.log
saved=$(($(wc -l <"$(echo eval-*.partial)") / 8))
$ask --out stopped.json >stopped.log 2>&1
check what_was_saved_is_not_generated_again grep -q "^$saved problems were resumed" stopped.log
check resumes_after_an_interrupt cmp -s whole.json stopped.json
check nothing_is_left_behind test -z "$(compgen -G '*.partial')"

# Only the same evaluation resumes an unfinished one.
end_at KILL 10 half.jsonl.partial $ask --responses half.jsonl
check other_temperature misuse 'with temp 1, not 0.5' $ask --responses half.jsonl --temp 0.5
check other_seed misuse 'an unfinished evaluation' $ask --responses half.jsonl --seed 2
check other_samples misuse 'with samples 8, not 9' $ask --responses half.jsonl --samples 9
check other_data misuse 'with data' $ask --responses half.jsonl --problems 20
printf 's{question}' >s.txt
check other_template misuse 'with data' $ask --responses half.jsonl --prompt-template ./s.txt
cp -r base other && printf ' ' >>other/model/config.json
check other_model misuse 'with model_files' ${ask/base/other} --responses half.jsonl
$ask --responses half.jsonl --fresh --temp 0.5 >fresh.log 2>&1
check fresh_begins_anew test -s half.jsonl -a ! -e half.jsonl.partial

cp -r base wide
token='{"id":33,"content":"<x>","special":true,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false}'
sed -i "s/\"added_tokens\":[^]]*\]/\"added_tokens\":[$token]/" wide/model/tokenizer.json
check tokenizer_of_another_model misuse 'the tokenizer has 34 tokens, the model 33' ${ask/base/wide} --fresh
cp -r base endless && sed -i 's/\("eos_token_id":\).*/\1 []/' endless/model/*config.json
check model_without_an_end misuse 'nothing can end a response' ${ask/base/endless} --fresh
mkdir weightless && cp base/model/*.json weightless
$eval --model weightless --data task:add@1 >weightless.log 2>&1
check no_partial_file_of_a_run_that_cannot_start test "$(compgen -G '*.partial')" = ""

# A question, and a conversation: the response is the one that an evaluation samples; what is asked is graded.
row=$(grep -m1 '"set":"tasks".*"sample":0,' whole.jsonl)
field() { echo "$row" | sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
talk="$one --max-tokens 40 --seed 1"
$talk --ask "$(field prompt)" --gold "$(field gold)" >asked.log 2>&1
check a_response_is_shown test "$(head -1 asked.log)" = "$(field response | sed 's/\\n$//')"
check and_graded grep -q "^\[$(field verdict)\] answer" asked.log
$talk --ask "$(field prompt)" --gold 0 --samples 2 >asked.log 2>&1
check as_often_as_is_asked test "$(grep -c -e '^--- [12] of 2$' -e '^\[[a-z_]*\] answer' asked.log)" = 4
check without_colours_in_a_file eval '! grep -q "$(printf "\033")" asked.log'
printf '%s\n\n/new\n%s\n' "$(field prompt)" "$(field prompt)" | $talk --chat >chat.log 2>&1
check a_line_is_a_turn test $? = 0 -a "$(wc -l <chat.log)" -ge 2
check ask_needs_a_model misuse 'give --model' $eval --ask x
check ask_of_what_it_cannot_read misuse 'vocabulary lacks' $one --ask 'Hello?'
check ask_or_chat misuse 'exclude each other' $one --ask x --chat

# Bad data.
{ cat sums.jsonl; echo '{"question":"c9+9="}'; echo '{"question":'; head -1 sums.jsonl; } >flawed.jsonl
printf ' {question}' >spaced.txt
flawed="$one --data flawed.jsonl --prompt-template verbatim --samples 1 --max-tokens 8"
$flawed >flawed.log 2>&1
check bad_rows_are_listed grep -q '27 rows, 24 kept, 2 bad, 1 duplicates' flawed.log
check with_their_lines grep -q 'line 25: no answer' flawed.log
check or_refused misuse 'flawed.jsonl:25: no answer' $flawed --bad-rows refuse
$flawed --max-prompt 4 >long.log 2>&1
check too_long_for_all grep -q 'all 24 prompts are left out; the first has .*, more than --max-prompt 4' long.log
DATA_DIR=$work/nowhere check named_set_is_missing misuse 'nowhere/gsm8k/test.jsonl: put the file' $one --data gsm8k
check no_set_of_that_name misuse 'neither a file nor a named set: gsm8k' $one --data gsm9k
check no_template_of_that_name misuse 'data/prompts/none.txt' $one --data sums.jsonl --prompt-template none
$one --data sums.jsonl >plain.log 2>&1 # its letters are not in this alphabet
check plain_is_the_default_for_files test $? = 2
check and_says_what_is_missing grep -q "all 24 prompts are left out; the first has.*lacks the byte 0x51 'Q'" plain.log
check a_task_says_so_too misuse "the task's prompt .*lacks the byte 0x20" $one --prompt-template ./spaced.txt
check mistyped_set misuse 'did you mean gsm8k?' $one --data gsm8
check mistyped_task misuse 'did you mean task:serial?' $one --data task:seril@1
check hub_name misuse 'hf download Qwen/Qwen3-0.6B --local-dir Qwen3-0.6B' $eval --model Qwen/Qwen3-0.6B
printf 'GGUF' >model.gguf
check gguf_as_a_model misuse 'make convert' $eval --model model.gguf

# Training on files: part of them held out, or other files for evaluation; the template is saved, and kept.
rl="$train $tiny --model base/model --steps 2 --prompts 8 --prompt-template ./s.txt --data sums.jsonl,products.json"
head -5 sums.jsonl >eval5.jsonl
run files.log $rl --heldout-data eval5.jsonl --out files
check evaluation_rows_are_left_out grep -q '5 training problems also occur in --heldout-data .*left out' files.log
check the_rest_is_trained_on grep -q '26 to train on, 5 held out' files.log
run part.log $rl --seed 4 --problems 9 --out part
check a_fifth_is_held_out grep -q '^--heldout 256: 6 of 31 problems are held out, at most a fifth' part.log
check beside_the_problems_asked_for grep -q ' 9 to train on, 6 held out' part.log
head -1 sums.jsonl >one.jsonl
check one_problem_cannot_be_split misuse 'none can be held out' ${rl/sums.jsonl,products.json/one.jsonl} --out one
check tasks_and_files misuse 'takes tasks or files, not both' \
    ${rl/sums.jsonl,products.json/task:add,sums.jsonl} --out mixed
check mistyped_task_of_a_run misuse 'mean task:countdown?' ${rl/sums.jsonl,products.json/task:cuntdown} --out mixed
check hub_name_of_a_run misuse 'hf download Qwen/Qwen3-0.6B' ${rl/base\/model/Qwen\/Qwen3-0.6B} --out mixed
check no_data_is_named misuse '--data names no problems' ${rl/sums.jsonl,products.json/} '' --out none
check template_is_saved cmp -s <(printf 's{question}\n') files/model/prompt_template.txt
ask="$eval --threads 1 --model files/model --data eval5.jsonl --samples 2"
run asked.log $ask --prompt-template ./s.txt --responses asked.jsonl
run default.log $ask --responses default.jsonl
check evaluation_asks_as_training_did cmp -s asked.jsonl default.jsonl
printf 'c{question}' >s.txt
$rl --heldout-data eval5.jsonl --out files --resume --steps 4 >changed.log 2>&1
check changed_template_is_refused grep -q 'another prompt template' changed.log
printf 's{question}' >s.txt
sed -i '$s/"answer":[0-9]*/"answer":99/' sums.jsonl
$rl --heldout-data eval5.jsonl --out files --resume --steps 4 >changed.log 2>&1
check changed_gold_is_refused grep -q 'made from other prompts, golds or another tokenizer' changed.log

# No input is ever an output, and nothing but a regular file is replaced.
head -3 asked.jsonl >saved.jsonl && cp saved.jsonl copy.jsonl
score="$eval --score saved.jsonl"
ln -s saved.jsonl link.jsonl && ln saved.jsonl hard.jsonl && cp saved.jsonl late.jsonl.tmp
for out in saved.jsonl ./saved.jsonl link.jsonl hard.jsonl; do
    check score_over_its_input misuse 'would replace its input' $score --out $out
done
check score_over_its_input_by_the_temporary_name misuse 'its input' $eval --score late.jsonl.tmp --out late.jsonl
check score_input_is_intact cmp -s saved.jsonl copy.jsonl
run score.log $score --out scored.jsonl
check score_to_another_file test "$(wc -l <scored.jsonl)" = 3
{ head -1 saved.jsonl; echo '{"gold":"1"}'; tail -1 saved.jsonl; } >torn.jsonl
$eval --score torn.jsonl --out torn.scored >torn.log 2>&1
check an_unreadable_row_is_a_failure test $? = 1
check and_is_named grep -q 'eval: torn.jsonl: 1 of 3 rows could not be read, the first at line 2' torn.log
check the_others_are_judged test "$(wc -l <torn.scored)" = 2
for flag in out responses; do
    check ${flag}_in_no_folder misuse 'nodir/x.json.*No such file' $ask --$flag nodir/x.json
done
mkfifo fifo && ln -s nowhere/at/all dangling && mkdir folder
for out in fifo dangling folder; do
    check score_into_a_$out misuse 'not a regular file\|leads to no file' $score --out $out
    check table_into_a_$out misuse 'not a regular file\|leads to no file' $ask --out $out
    check responses_into_a_$out misuse 'not a regular file\|leads to no file' $ask --responses $out
done
check it_is_still_there test -p fifo -a -L dangling -a -d folder
cp eval5.jsonl eval5.copy
check table_over_the_data misuse 'would replace its input' $ask --out eval5.jsonl
check responses_over_the_data misuse 'would replace its input' $ask --responses ./eval5.jsonl
check one_file_for_both misuse 'would replace its input' $ask --responses both.json --out ./both.json
check table_in_the_model misuse 'is in the --model folder' $ask --out files/model/config.json
check new_table_in_the_model misuse 'is in the --model folder' $ask --out files/model/table.json
check data_is_intact cmp -s eval5.jsonl eval5.copy
echo old >target.json && ln -s target.json through.json
run through.log $ask --out through.json
check a_link_is_written_through test -L through.json -a "$(grep -c pass@1 target.json)" = 1
mkfifo r.partial
check a_fifo_as_partial_file misuse 'r.partial: not a regular file' $ask --responses r
$ask --responses shared.jsonl --samples 2000 --slots 1 >shared.log 2>&1 &
for _ in $(seq 500); do test -s shared.jsonl.partial && break; sleep 0.02; done
kill -STOP $!
check one_process_writes_an_evaluation misuse 'another process is writing' $ask --responses shared.jsonl --samples 2000
kill -KILL $!; wait $! 2>/dev/null

# A full disk (a limit on the size of files): failed, not bad use, and the responses are kept.
(ulimit -f 1; exec $ask --out full.json --fresh >full.log 2>&1)
check full_disk_is_a_failure test $? = 1
check full_disk_is_named grep -q 'File too large' full.log
[ $failed -eq 0 ]
