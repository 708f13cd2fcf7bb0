#!/bin/bash
# Optional (GPU checks): every check that needs a GPU, in one command:
#     dev/gpu/check.sh OUTDIR [PART...]      all parts, or some of: tests program memcheck racecheck initcheck synccheck
#                                            demo bench
# Builds the programs if nvcc and the libraries of dev/dependencies.sh are installed. Otherwise it takes them, with
# their libraries, from build/bundle, which `make cuda-bundle` makes on a machine that needs no GPU. Runs the kernel
# tests in bf16 and fp32, the kernels against their C twins, one rank a GPU, the whole program against the C build, the
# small tests under compute-sanitizer, a demo, and the benchmarks, with PyTorch's if it is installed. Writes
# OUTDIR/README.md, results.json, bench.md, bench.json and logs. Exits with status 1 if any step fails.
set -u
all=" tests program memcheck racecheck initcheck synccheck demo bench "
usage() { echo "usage: dev/gpu/check.sh OUTDIR [PART...]   parts:$all"; exit 2; }
[ $# -ge 1 ] || usage
parts=" ${*:2} "
for part in ${*:2}; do [[ $all == *" $part "* ]] || usage; done
mkdir -p "$1/logs" && out=$(realpath "$1") || exit 2
cd "$(dirname "$0")/../.." || exit 2
failed=0 total=0 json=""

# step NAME COMMAND...: runs it if its part is wanted; logs its output, and its result and time in the tables
wanted() { [ "$parts" = "  " ] || [ "$part" = build ] || [[ "$parts" == *" $part "* ]]; }
step() {
    wanted || return 0
    local name=$1 start=$SECONDS log verdict=ok
    shift
    log=logs/$(echo "$name" | tr -c 'a-zA-Z0-9_\n' '-').log
    "$@" >"$out/$log" 2>&1 || { verdict=FAILED; failed=$((failed + 1)); }
    total=$((total + 1))
    echo "$verdict  $name  ($((SECONDS - start)) s)"
    [ $verdict = ok ] || tail -n 5 "$out/$log" | sed 's/^/    /'
    echo "| $name | $verdict | $((SECONDS - start)) |" >>"$out/steps.md"
    json="$json${json:+,}
{\"name\":\"$name\",\"ok\":$([ $verdict = ok ] && echo true || echo false)"
    json="$json,\"seconds\":$((SECONDS - start)),\"log\":\"$log\"}"
}
skip() { wanted || return 0; echo "skipped  $1: $2"; echo "| $1 | skipped: $2 | |" >>"$out/steps.md"; }
finish() {
    { echo "# Check on a GPU, $(date -u +%Y-%m-%d)"; echo; sed 's/^/    /' "$out/machine.txt"; echo
      echo "| step | result | seconds |"; echo "| --- | --- | --- |"; cat "$out/steps.md"
      for table in bench torch; do [ -f "$out/$table.md" ] && { echo; cat "$out/$table.md"; }; done; } >"$out/README.md"
    echo "{\"steps\":[$json
],\"failed\":$failed}" >"$out/results.json"
    rm -f "$out/steps.md"
    echo "$((total - failed)) of $total steps passed; $out/README.md"
    [ $failed -eq 0 ]
    exit
}
: >"$out/steps.md"
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader >"$out/machine.txt" 2>&1 || {
    echo "no GPU: nvidia-smi does not answer" | tee "$out/machine.txt"
    failed=1 total=1
    finish
}
gpus=$(wc -l <"$out/machine.txt")

part=build
# ---- Programs ------------------------------------------------------------------------------------------------------
bundle=build/bundle
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)
if [ -n "$nvcc" ] && sh dev/dependencies.sh look; then
    arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)
    step "build, sm_$arch" make -j"$(nproc)" cuda-bundle CUDA_ARCH="$arch"
    [ $failed -eq 0 ] || finish
elif [ -x $bundle/bf16/train ]; then
    skip build "programs of $bundle, built elsewhere"
else
    echo "nvcc or a library is missing, and there is no $bundle:" \
        "run \`make cuda-bundle\` on a machine that has them and copy $bundle to this one"
    failed=1 total=1
    finish
fi
# cuBLAS and NCCL come from the toolkit or from PyTorch's packages.
wheels=$(python3 -c 'import glob, nvidia
print(":".join(d for path in nvidia.__path__ for d in glob.glob(path + "/*/lib")))' 2>/dev/null)
export LD_LIBRARY_PATH=$PWD/$bundle/lib:/usr/local/cuda/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}${wheels:+:$wheels}

libraries() { ldd $bundle/bf16/{train,test_gather_rows} >"$out/logs/ldd.txt" &&
    ! grep 'not found' "$out/logs/ldd.txt"; }
step "libraries" libraries

part=tests
# ---- Tests ---------------------------------------------------------------------------------------------------------
export TWINS_SO=$bundle/cpu/twins.so
for precision in bf16 fp32; do
    for test in $bundle/$precision/{test_*,twins_*,invariant}; do
        [ "$(basename "$test")" = test_comm ] && continue
        step "$precision $(basename "$test")" "$test"
    done
done
part=program
step "ranks" env CUDA_RANKS="$gpus" $bundle/fp32/test_comm
step "whole program" tests/cuda/run.sh $bundle/cpu/{train,compare_runs} $bundle/{fp32,bf16}/train "$gpus"

part=memcheck
# ---- compute-sanitizer: the small tests, and one training step -----------------------------------------------------
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
tiny="--data task:add@1 --problems 32 --heldout 1 --layers 1 --channels 64 --heads 1 --kv-heads 1 --ffn 64
      --sft-steps 1 --sft-batch 4 --steps 1 --prompts 2 --rollouts 2 --rollouts-low 1 --rollouts-high 3
      --max-tokens 12 --explore 2 --eval-samples 1 --slots 3 --micro-tokens 64"
small="rmsnorm swiglu rope embedding matmul attention attention_decode advantage decode"
if [ -n "$sanitizer" ] && "$sanitizer" $bundle/fp32/test_gather_rows >/dev/null 2>&1; then
    for part in memcheck racecheck initcheck synccheck; do
        watched="timeout 300 $sanitizer --tool $part --error-exitcode 9"
        for test in $small; do step "$part test_$test" $watched $bundle/bf16/test_$test; done
        step "$part train" $watched $bundle/bf16/train $tiny --out "$out/tiny-$part"
        rm -rf "$out/tiny-$part"
    done
else
    skip compute-sanitizer "not installed, or it does not work on this machine"
fi

part=demo
# ---- A demo: the policy must improve -------------------------------------------------------------------------------
tasks=task:serial@1-2,gcd@1-2,add@1-3
demo() {
    $bundle/bf16/train --data $tasks --problems 1024 --heldout 256 --sft-steps 1800 --steps 60 --lr 3e-4 \
        --eval-every 10 --slots 1024 --out "$out/demo" || return 1
    grep -o '"heldout_pass1":[0-9.]*' "$out/demo/metrics.jsonl" | cut -d: -f2 | awk '
        NR == 1 { first = $1 } { last = $1 }
        END { print "held-out pass@1 from", first, "to", last; exit !(last > first + 0.05) }'
}
step "demo" demo
step "evaluation" $bundle/bf16/eval --model "$out/demo/model" --data $tasks --problems 64 --samples 8 --k 1,8
rm -rf "$out/demo/checkpoints" "$out/demo/model"

part=bench
# ---- Benchmarks ----------------------------------------------------------------------------------------------------
step "benchmarks" $bundle/bf16/bench "$out"
if python3 -c 'import torch; torch.zeros(1).cuda()' >/dev/null 2>&1; then
    step "benchmarks in PyTorch" env -u LD_LIBRARY_PATH python3 dev/gpu/bench_torch.py "$out"
else
    skip "benchmarks in PyTorch" "not installed, or it sees no GPU"
fi
finish
