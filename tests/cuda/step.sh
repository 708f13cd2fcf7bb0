#!/bin/sh
# A step of warm-up and two of reinforcement learning by PROGRAM, on a model of one layer: for the builds of the CUDA
# program that check its kernels and its host code (sanitizers, race detector) and stop at the first fault.
# usage: tests/cuda/step.sh PROGRAM
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
if "$1" --data task:add@1 --problems 32 --heldout 1 --layers 1 --channels 64 --heads 2 --kv-heads 1 --ffn 64 \
    --sft-steps 1 --sft-batch 4 --steps 2 --prompts 2 --rollouts 3 --rollouts-low 2 --rollouts-high 4 --max-tokens 12 \
    --explore 2 --eval-samples 1 --slots 3 --micro-tokens 64 --logit-rows 16 --out "$out/run" >"$out/log" 2>&1 &&
    [ "$(grep -c '"phase":"rl","step":[12],' "$out/run/metrics.jsonl")" = 2 ]; then
    echo "[       OK ] two_steps"
else
    tail -n 40 "$out/log"
    echo "[  FAILED  ] two_steps"
    exit 1
fi
