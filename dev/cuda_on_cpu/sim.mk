# Optional (CUDA on a CPU): builds of the project's .cu files for the host. Included by dev/cuda.mk.
#
# A mode is a folder under build/ and a way to compile:
#   sim  sim-asan  sim-race                    floatX = float
#   sim-bf16  sim-asan-bf16  sim-race-bf16     floatX = bf16
# In mode M, build/M/x.o is made from x.cu, or from x.c if there is no x.cu, so the CUDA twin is linked. A main program
# becomes build/M/x, linked with all of $(FOLDERS), the harness, cmocka and $(LDLIBS); a test of kernels, with base/,
# kernels/ and the harness only:
#   make build/sim-race/tests/kernels/test_rmsnorm
# `make sim-test` runs the harness's tests. SIM_FOUND is empty if there is no toolkit, and then nothing of this is
# built.
CUDA_HOME  ?= /usr/local/cuda
SIM_CC     ?= clang
SIM_CXX    ?= clang++
SIM_NATIVE ?= -march=native
SIM_WARN   = -Wall -Wextra -Werror
SIM_INC    = -I. -isystem $(CUDA_HOME)/include $(MPI_CFLAGS)
SIM_CU     = -x c++ -std=c++17 -fno-strict-aliasing $(SIM_NATIVE) $(SIM_WARN) -Wno-pass-failed -Wno-unknown-pragmas \
    -include dev/cuda_on_cpu/cuda_on_cpu.h
SIM_C      = -std=gnu11 $(SIM_NATIVE) $(SIM_WARN) -Wshadow -Wmissing-prototypes
SIM_MODES  = sim sim-asan sim-race sim-bf16 sim-asan-bf16 sim-race-bf16
SIM_FOUND := $(wildcard $(CUDA_HOME)/include/cuda_bf16.h)
SIM_STEMS  = $(sort $(basename $(SOURCES) $(wildcard $(FOLDERS:%=%/*.cu))))
SIM_PARTS  = fiber block memory stream device tensor cublaslt nccl

# How kernels (.cu), host code (.c) and the harness itself are compiled, and what the link needs, by kind of mode.
SIM_ASAN          = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SIM_KERNEL_plain  = -O2 -g
SIM_HOST_plain    = -O2 -g
SIM_KERNEL_asan   = -O1 -g $(SIM_ASAN)
SIM_HOST_asan     = -O1 -g $(SIM_ASAN)
SIM_HARNESS_asan  = -DSIM_ASAN
SIM_LD_asan       = $(SIM_ASAN)
SIM_KERNEL_race   = -O1 -g -fsanitize=thread -fno-threadsafe-statics
SIM_HOST_race     = -O2 -g
SIM_LD_race       = -Wl,--wrap=memcpy,--wrap=memset,--wrap=memmove
SIM_LD            = -Wl,-T,dev/cuda_on_cpu/shared.ld -rdynamic -lpthread -lrt -ldl -lm

# $(call SIM_MODE,folder,kind,flags)
define SIM_MODE
SIM_RUNTIME_$(1) = $(patsubst %,build/$(1)/dev/cuda_on_cpu/%.o,$(SIM_PARTS) \
    $(if $(filter race,$(2)),race race_hooks,race_off))
SIM_LINK_$(1) = $(SIM_LD_$(2)) $(SIM_LD)
build/$(1)/dev/cuda_on_cpu/%.o: dev/cuda_on_cpu/%.c
	@mkdir -p $$(@D)
	@echo "  $(1) $$<" && $(SIM_CC) $(SIM_C) -O2 -g $(SIM_HARNESS_$(2)) $(3) $(SIM_INC) -MMD -MP -c $$< -o $$@
build/$(1)/%.o: %.cu
	@mkdir -p $$(@D)
	@echo "  $(1) $$<" && $(SIM_CXX) $(SIM_CU) $(SIM_KERNEL_$(2)) $(3) $(SIM_INC) -MMD -MP -c $$< -o $$@
build/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	@echo "  $(1) $$<" && $(SIM_CC) $(SIM_C) $(SIM_HOST_$(2)) $(3) $(SIM_INC) -MMD -MP -c $$< -o $$@
.PRECIOUS: build/$(1)/%.o
build/$(1)/dynamo.a: $$(SIM_STEMS:%=build/$(1)/%.o)
	@rm -f $$@ && ar rcs $$@ $$^
build/$(1)/kernels.a: $$(patsubst %,build/$(1)/%.o,$$(filter base/% kernels/%,$$(SIM_STEMS)))
	@rm -f $$@ && ar rcs $$@ $$^
build/$(1)/tests/kernels/%: build/$(1)/tests/kernels/%.o build/$(1)/kernels.a $$(SIM_RUNTIME_$(1))
	@echo "  ld $$@" && $(SIM_CXX) -o $$@ $$^ $$(SIM_LINK_$(1)) -lcmocka
build/$(1)/%: build/$(1)/%.o build/$(1)/dynamo.a $$(SIM_RUNTIME_$(1))
	@echo "  ld $$@" && $(SIM_CXX) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(SIM_LINK_$(1)) -lcmocka \
	    $$(filter-out -fopenmp,$$(LDLIBS))
build/$(1)/tests/cuda_on_cpu/%: build/$(1)/tests/cuda_on_cpu/%.o $$(SIM_RUNTIME_$(1))
	@echo "  ld $$@" && $(SIM_CXX) -o $$@ $$^ $$(SIM_LINK_$(1)) -lcmocka
endef
$(foreach m,plain asan race,$(eval $(call SIM_MODE,$(if $(filter plain,$(m)),sim,sim-$(m)),$(m),)))
$(foreach m,plain asan race,$(eval $(call SIM_MODE,$(if $(filter plain,$(m)),sim,sim-$(m))-bf16,$(m),-DPRECISION_BF16)))

# The C twins alone, which tests/kernels/twins_*.c compare with the kernels: for this machine, and for the bundle
# (cuda.mk).
SIM_TWINS = $(filter-out kernels/device/comm.c kernels/device/rendezvous.c,$(wildcard kernels/*.c kernels/device/*.c))
X86_64    = -march=x86-64-v3
TWINS_FOR = $(if $(findstring portable,$@),$(X86_64),$(SIM_NATIVE))
build/cpu/twins.so build/portable/twins.so: $(SIM_TWINS) $(wildcard kernels/*.h kernels/device/*.h)
	@mkdir -p $(@D)
	@echo "  cc $@" && $(CC) -std=gnu11 -O2 $(TWINS_FOR) -fopenmp -I. -fPIC -shared -Wl,-Bsymbolic -o $@ $(SIM_TWINS) -lm
$(foreach m,$(SIM_MODES),$(addprefix build/$(m)/tests/kernels/,twins_model twins_step)): | build/cpu/twins.so

SIM_CHECKS  = sim sim-asan sim-race
SIM_UNITS   = test_launch test_tensor test_cublaslt test_nccl
SIM_TESTS   = $(foreach m,$(SIM_CHECKS),$(SIM_UNITS:%=build/$(m)/tests/cuda_on_cpu/%))
SIM_FAULTS  = $(patsubst %,build/%/tests/cuda_on_cpu/faults,$(SIM_CHECKS) sim-race-bf16)
.PHONY: sim-test sim-faults
.SECONDARY: $(SIM_TESTS:%=%.o) $(SIM_FAULTS:%=%.o) $(foreach m,$(SIM_MODES),$(SIM_RUNTIME_$(m)))
sim-faults: $(SIM_FAULTS)
	tests/cuda_on_cpu/run.sh build
sim-test: $(SIM_TESTS) sim-faults
	@set -e; for t in $(SIM_TESTS); do echo $$t; $$t; done
-include $(wildcard $(foreach m,$(SIM_MODES),build/$(m)/*.d build/$(m)/*/*.d build/$(m)/*/*/*.d build/$(m)/*/*/*/*.d))
