#!/bin/sh
# Runs tests/cuda_on_cpu/faults in four builds and compares what each broken kernel prints.
#   tests/cuda_on_cpu/run.sh BUILD_DIR
# BUILD_DIR/{sim,sim-asan,sim-race,sim-race-bf16}/tests/cuda_on_cpu/faults come from `make sim-faults`. A case must end
# with the expected status (0, 3 = a NaN in the result, or "abort") and print the expected text.
build=$1
[ -n "$build" ] || { echo "usage: $0 BUILD_DIR" >&2; exit 2; }
failures=0
output=$(mktemp) || exit 2
trap 'rm -f "$output"' EXIT

# check LABEL STATUS TEXT ENVIRONMENT MODE NAME
check() {
    program=$build/$5/tests/cuda_on_cpu/faults
    env $4 "$program" "$6" >"$output" 2>&1
    status=$?
    case $2 in
        abort) [ $status -ge 129 ] || [ $status -eq 1 ] && right=yes || right=no ;;
        *) [ $status -eq "$2" ] && right=yes || right=no ;;
    esac
    if [ $right = yes ] && grep -qF -- "$3" "$output"; then
        echo "ok $1"
    else
        echo "FAIL $1: status $status, expected $2 and \"$3\"; it printed:"
        sed 's/^/    /' "$output"
        failures=$((failures + 1))
    fi
}

for order in asc desc 1 2; do
    o="CUDA_ON_CPU_ORDER=$order CUDA_ON_CPU_TIMEOUT=2"
    while read -r mode status name environment text; do
        [ "$environment" = - ] && environment=
        [ "$name" = endless_loop ] && [ $order != asc ] && continue
        label="$mode/$name${environment:+ $environment} order=$order"
        check "$label" "$status" "$text" "$o $environment" "$mode" "$name"
    done <<'CASES'
sim abort divergent_barrier - divergent barrier: __syncthreads at tests/cuda_on_cpu/faults.cu:
sim abort lane_left_early - deadlock: no thread of the block can run
sim abort barrier_in_branch - deadlock: no thread of the block can run
sim abort mask_omits_caller - bad mask: __shfl_sync at tests/cuda_on_cpu/faults.cu:
sim abort mask_differs - bad mask: __shfl_xor_sync at tests/cuda_on_cpu/faults.cu:
sim abort mask_names_no_lane - names a lane which the block does not have
sim abort shuffle_from_outside - reads lane 16, which mask 0x0000ffff omits
sim abort endless_loop - the launch takes longer than CUDA_ON_CPU_TIMEOUT
sim 3 uninitialised_shared - result 6 is NaN
sim 3 uninitialised_dynamic - result 6 is NaN
sim abort misaligned - misaligned address
sim abort block_too_large - oversized launch of
sim abort grid_too_large - grid too large
sim abort grid_empty - a size of zero
sim abort shared_not_allowed - more shared memory than cudaFuncSetAttribute has allowed
sim 3 missing_wait CUDA_ON_CPU_COPY=late result 0 is NaN
sim 0 missing_wait_ok CUDA_ON_CPU_COPY=late all results are numbers
sim 0 missing_wait_ok CUDA_ON_CPU_COPY=early all results are numbers
sim abort host_reads_device - host code touches device memory
sim abort host_reads_copied - host code touches device memory
sim abort copy_wrong_kind - is not a host pointer
sim abort copy_too_long - out of bounds: source of cudaMemcpy
sim abort free_twice - is not the start of a live allocation
sim abort kernel_reads_null - illegal address: a kernel touches
sim 0 read_before_wait - a number
sim 0 read_before_wait CUDA_ON_CPU_STREAM=late read too early
sim 0 reused_before_wait - the value meant
sim 0 reused_before_wait CUDA_ON_CPU_STREAM=late reused too early
sim 0 stream_waits_not CUDA_ON_CPU_STREAM=late copied too early
sim 0 stream_waits CUDA_ON_CPU_STREAM=late a number
sim-asan abort overflow - signed integer overflow
sim-asan abort beyond_device - AddressSanitizer: use-after-poison
sim-asan abort beyond_shared - AddressSanitizer: global-buffer-overflow
sim-asan abort beyond_dynamic - AddressSanitizer: use-after-poison
sim-asan abort used_after_free - AddressSanitizer: use-after-poison
sim-asan 0 race_last_block_ok - all results are numbers
sim-race abort race_in_warp - race between threads of a warp
sim-race 0 race_in_warp_ok - all results are numbers
sim-race abort race_between_warps - race between warps
sim-race 0 race_between_warps_ok - all results are numbers
sim-race abort race_on_reuse - race between warps
sim-race 0 race_on_reuse_ok - all results are numbers
sim-race abort race_between_blocks - race between blocks
sim-race 0 race_between_blocks_ok - all results are numbers
sim-race abort race_last_block - race between blocks
sim-race 0 race_last_block_ok - all results are numbers
sim-race abort race_on_bytes - race between threads of a warp
sim-race 0 race_on_bytes_ok - all results are numbers
sim-race-bf16 abort race_on_halves - race between threads of a warp
sim-race-bf16 0 race_on_halves_ok - all results are numbers
sim-race-bf16 abort race_on_bytes - race between threads of a warp
sim-race-bf16 0 race_on_bytes_ok - all results are numbers
sim-race abort race_by_mask - race between threads of a warp
sim-race 0 race_by_mask_ok - all results are numbers
sim-race abort race_after_shuffle - race between threads of a warp
sim-race abort copy_over_readers CUDA_ON_CPU_COPY=early race between warps
sim-race abort copy_over_readers CUDA_ON_CPU_COPY=late race between warps
sim-race 0 copy_over_readers_ok CUDA_ON_CPU_COPY=early all results are numbers
sim-race 0 missing_wait_ok CUDA_ON_CPU_COPY=late all results are numbers
sim-race abort kernel_writes_host - a kernel touches host memory
sim-race abort beyond_device - out of bounds: access by a kernel
sim-race abort used_after_free - points into device memory that was freed
CASES
done
[ $failures -eq 0 ] && echo "all cases passed" || echo "$failures cases failed"
[ $failures -eq 0 ]
