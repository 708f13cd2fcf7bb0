# Optional (CUDA): the CUDA build, its execution on the CPU (sim.mk) and their tests. Included by the root Makefile.
#   make cuda [PRECISION=bf16|fp32] [CUDA_ARCH="80 90"]      train-cuda, eval-cuda
#   make train-sim eval-sim [PRECISION=...]                  the same programs on the CPU, slow, for tests
#   make test-cuda    make test-cuda-full    make profile    make cuda-bundle       see the rules
# As in sim.mk, build/cuda/x.o is made from x.cu, or from x.c if there is no x.cu, so the CUDA twin is linked. An op
# without a .cu would link its C twin, which must not touch device memory: `make check` refuses it.
C_TWINS    = $(basename $(wildcard kernels/*.c kernels/device/*.c))
CUDA_TWINS = $(basename $(wildcard kernels/*.cu kernels/device/*.cu))
HOST_ONLY  = $(basename $(shell grep -l '^// host only' kernels/*.h kernels/device/*.h))
LONELY     = $(filter-out $(HOST_ONLY),$(filter-out $(CUDA_TWINS),$(C_TWINS)) $(filter-out $(C_TWINS),$(CUDA_TWINS)))
.PHONY: twins
twins:
	@$(if $(strip $(LONELY)),echo "no twin of $(LONELY): an op has a .c and a .cu (or a \"host only\" header)"; exit 1,:)

PRECISION ?= bf16
CUDA_ARCH ?= 80 90
include dev/cuda_on_cpu/sim.mk

CUDA_BUILD  = build/cuda$(if $(filter fp32,$(PRECISION)),-fp32)
SIM_BUILD   = build/sim$(if $(filter bf16,$(PRECISION)),-bf16)
NVCC       ?= $(firstword $(wildcard $(CUDA_HOME)/bin/nvcc) $(shell command -v nvcc 2>/dev/null))
CUDA_FLOAT  = $(if $(filter bf16,$(PRECISION)),-DPRECISION_BF16)
# Machine code for each architecture in CUDA_ARCH, and PTX of the last one for later GPUs.
CUDA_CODE   = $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$(a),code=sm_$(a)) \
    -gencode arch=compute_$(lastword $(CUDA_ARCH)),code=compute_$(lastword $(CUDA_ARCH))
NVCCFLAGS   = -std=c++17 -O3 -lineinfo -Xfatbin -compress-all -I. -DNVTX $(CUDA_FLOAT) $(CUDA_CODE) \
    -Werror all-warnings -Xcompiler -Wall,-Wextra,-Wno-unused-parameter
# The host code of the CUDA build has no OpenMP kernels, so it is compiled for any machine.
CUDA_HOST   = -std=gnu11 -O2 -g -fopenmp -I. -isystem $(CUDA_HOME)/include -Wall -Wextra -Werror -Wshadow \
    -Wmissing-prototypes $(CUDA_FLOAT) -DNVTX -MMD -MP
# Programs and their libraries search for libraries in the bundle (below), then in the toolkit.
CUDA_LIBS   = -Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker '$$ORIGIN/../lib:$(CUDA_HOME)/lib64' \
    -L$(CUDA_HOME)/lib64 -lcublasLt -lgomp -ldl -lpthread $(filter-out -fopenmp $(MPI_LIBS),$(LDLIBS))
BENCH_PARTS = bench_ops bench_whole

.PHONY: cuda cuda-found train-sim eval-sim cuda-programs cuda-bundle test-cuda profile
cuda-found:
	@test -n "$(filter bf16 fp32,$(PRECISION))" || { echo "PRECISION=$(PRECISION): give bf16 or fp32"; exit 2; }
	@test -n "$(NVCC)" || { echo "nvcc not found: install the CUDA toolkit (12 or later), or name its folder:" \
	    "make cuda CUDA_HOME=/usr/local/cuda"; exit 2; }
	@test -f $(CUDA_HOME)/include/cublasLt.h || { echo "cublasLt.h is not in $(CUDA_HOME)/include:" \
	    "install the libcublas-dev that fits the toolkit, or set CUDA_HOME"; exit 2; }
cuda: cuda-found $(CUDA_BUILD)/train $(CUDA_BUILD)/eval
	@cp $(CUDA_BUILD)/train train-cuda && cp $(CUDA_BUILD)/eval eval-cuda
train-sim eval-sim: %-sim: $(SIM_BUILD)/%
	@cp $< $@

$(CUDA_BUILD)/%.o: %.cu | cuda-found
	@mkdir -p $(@D)
	@echo "  nvcc $<" && $(NVCC) $(NVCCFLAGS) -MMD -MP -c -o $@ $<
$(CUDA_BUILD)/%.o: %.c build/.dependencies | cuda-found
	@mkdir -p $(@D)
	@echo "  cc $<" && $(CC) $(CUDA_HOST) -c -o $@ $<
.PRECIOUS: $(CUDA_BUILD)/%.o
$(CUDA_BUILD)/dynamo.a: $(SIM_STEMS:%=$(CUDA_BUILD)/%.o)
	@rm -f $@ && ar rcs $@ $^
$(CUDA_BUILD)/%: $(CUDA_BUILD)/%.o $(CUDA_BUILD)/dynamo.a
	@echo "  ld $@" && $(NVCC) $(CUDA_CODE) -cudart static -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CUDA_LIBS) \
	    $(if $(findstring /tests/,$@),-lcmocka)
build/sim/dev/gpu/bench: $(BENCH_PARTS:%=build/sim/dev/gpu/%.o)
$(CUDA_BUILD)/dev/gpu/bench: $(BENCH_PARTS:%=$(CUDA_BUILD)/dev/gpu/%.o)
-include $(wildcard $(foreach b,build/cuda build/cuda-fp32,$(b)/*.d $(b)/*/*.d $(b)/*/*/*.d $(b)/*/*/*/*.d))

# The kernels' tests: the ops' unit tests, which run on any device, and the comparisons with the C twins.
KERNEL_TESTS = $(basename $(wildcard tests/kernels/test_*.c tests/kernels/device/test_*.c))
NOT_KERNELS  = tests/kernels/test_bits% %_arena %_rendezvous %_philox %_compare %_exp_log %_modulation
ON_DEVICE    = $(filter-out $(NOT_KERNELS),$(KERNEL_TESTS))
TWIN_TESTS   = $(addprefix tests/kernels/,twins_model twins_step invariant)
CUDA_TESTED  = $(ON_DEVICE) $(TWIN_TESTS)

# build/bundle, for a machine that has only a GPU, a driver and cuBLAS: programs, tests and the libraries they load.
# dev/gpu/check.sh runs them there. The bundle's C build and C twins, the references, run on any x86-64 with AVX2.
# Libraries are copied, not linked statically: Debian has no archives of cJSON, FLINT and cmocka.
BUNDLE       = build/bundle
NOT_BUNDLED  = libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s|libcuda[a-z]*|libcublas[A-Za-z]*
PROGRAMS     = train tests/cuda/test_comm $(if $(CUDA_FLOAT),eval dev/gpu/bench) $(CUDA_TESTED)
PORTABLE     = build/portable/train build/portable/tests/cuda/compare_runs build/portable/twins.so
cuda-programs: cuda-found $(PROGRAMS:%=$(CUDA_BUILD)/%)
	@mkdir -p $(BUNDLE)/$(PRECISION) && cp -f $(filter-out cuda-found,$^) $(BUNDLE)/$(PRECISION)
	@strip $(BUNDLE)/$(PRECISION)/*
cuda-bundle:
	@rm -rf $(BUNDLE) && mkdir -p $(BUNDLE)/lib $(BUNDLE)/cpu
	@$(MAKE) --no-print-directory PRECISION=bf16 cuda-programs && $(MAKE) --no-print-directory PRECISION=fp32 cuda-programs
	@LDLIBS="'-Wl,--disable-new-dtags,-rpath,\$$\$$ORIGIN/../lib'" $(MAKE) --no-print-directory BUILD=build/portable \
	    OPT="$(subst -march=native,$(X86_64),$(OPT))" MPI_LIBS= MPI_CFLAGS= $(PORTABLE)
	@cp -f $(PORTABLE) $(BUNDLE)/cpu
	@ldd $(BUNDLE)/*/train $(BUNDLE)/bf16/test_gather_rows | awk '/=> \// && !/\/($(NOT_BUNDLED))\.so/ { print $$3 }' | \
	    sort -u | xargs -I{} cp -Lf {} $(BUNDLE)/lib
	@du -sh $(BUNDLE) | awk '{ print $$2 ": " $$1 }'

# Without a GPU: the harness's tests; every kernel test in every build (plain, ASan + UBSan, race detector; fp32 and
# bf16) in three ways; the whole program against the C build, and under the sanitizers. With nvcc, the CUDA build must
# compile without a warning too. A way is ORDER:STREAM:COPY of CUDA_ON_CPU_*; test-cuda-full runs the kernel tests in
# all twelve.
SIM_WAYS     = asc:now:late desc:late:late 7:now:early
SIM_ALL_WAYS = $(foreach o,asc desc 7,$(foreach s,now late,$(foreach c,late early,$(o):$(s):$(c))))
WAY          = CUDA_ON_CPU_ORDER=$(word 1,$(1)) CUDA_ON_CPU_STREAM=$(word 2,$(1)) CUDA_ON_CPU_COPY=$(word 3,$(1))
KERNEL_RUNS  = $(foreach w,$(SIM_WAYS),$(SIM_CHECKED:%="env $(call WAY,$(subst :, ,$(w))) %"))
SIM_CHECKED  = $(foreach m,$(SIM_MODES),$(CUDA_TESTED:%=build/$(m)/%))
SIM_TRAINED  = build/sim-asan/train build/sim-race-bf16/train
SIM_COMM     = build/sim/tests/cuda/test_comm build/sim-asan/tests/cuda/test_comm
SIM_PROGRAMS = build/sim/train build/sim-bf16/train build/sim/dev/gpu/bench $(SIM_TRAINED) $(SIM_COMM)
.PHONY: test-cuda-built test-cuda-kernels test-cuda-full
ifneq ($(and $(SIM_FOUND),$(shell command -v $(SIM_CXX) 2>/dev/null)),)
test-cuda-built: $(SIM_TESTS) $(SIM_FAULTS) $(SIM_CHECKED) $(SIM_PROGRAMS) $(BUILD)/train \
    $(BUILD)/tests/cuda/compare_runs $(if $(NVCC),cuda)
test-cuda: test-cuda-built # long runs first
	@sh dev/run_tests.sh \
	    "tests/cuda/run.sh $(BUILD)/train $(BUILD)/tests/cuda/compare_runs build/sim/train build/sim-bf16/train" \
	    "tests/cuda_on_cpu/run.sh build" $(SIM_TRAINED:%="tests/cuda/step.sh %") $(SIM_TESTS) $(SIM_COMM) \
	    "build/sim/dev/gpu/bench build small" $(KERNEL_RUNS)
test-cuda-kernels: $(SIM_CHECKED)
	@sh dev/run_tests.sh $(KERNEL_RUNS)
test-cuda-full: test-cuda
	@failed=0; for way in $(SIM_ALL_WAYS); do echo "$$way:"; \
	    $(MAKE) --no-print-directory test-cuda-kernels SIM_WAYS=$$way || failed=1; done; exit $$failed
else
test-cuda-built:
test-cuda test-cuda-full:
	@echo "skipped the CUDA kernels: they need $(SIM_CXX) and the toolkit's headers ($(CUDA_HOME)/include)"
endif

# A time line of PROFILE_STEPS steps of RL from PROFILE_FIRST on; the program starts and stops the profiler.
PROFILE_FIRST ?= 3
PROFILE_STEPS ?= 3
PROFILE_FLAGS ?= --sft-steps 50 --steps $(shell expr $(PROFILE_FIRST) + $(PROFILE_STEPS) - 1) --out out/profile \
    --overwrite
PROFILE_RUN    = nsys profile --trace=cuda,nvtx --sample=none --cuda-graph-trace=node \
    --capture-range=cudaProfilerApi --capture-range-end=stop --force-overwrite=true --output=out/profile/steps \
    ./train-cuda $(PROFILE_FLAGS) --profile-first $(PROFILE_FIRST) --profile-steps $(PROFILE_STEPS)
profile: cuda
	@mkdir -p out/profile && echo '$(PROFILE_RUN)'
	@command -v nsys >/dev/null || { echo "nsys not found: install nsight-systems (part of the toolkit)"; exit 2; }
	@$(PROFILE_RUN)
