# Builds of the project's .cu files for the host. Included by the Makefile at the project's root.
#
# A mode is a folder under build/ and a way to compile; every .c and .cu of the project has an object in each:
#   sim  sim-asan  sim-race     floatX = float
#   sim-bf16  sim-asan-bf16  sim-race-bf16     floatX = bf16
# To link a program of mode M:   build/M/prog: OBJECTS $(SIM_RUNTIME_M)
#                                	$(SIM_CXX) -o $@ $^ $(SIM_LINK_M) LIBRARIES
# The link takes kernels/x.cu's object where the C build takes kernels/x.c's.
CUDA_HOME  ?= /usr/local/cuda
SIM_CC     ?= clang
SIM_CXX    ?= clang++
SIM_NATIVE ?= -march=native
SIM_WARN   = -Wall -Wextra -Werror
SIM_INC    = -I. -isystem $(CUDA_HOME)/include
SIM_CU     = -x c++ -std=c++17 -fno-strict-aliasing $(SIM_NATIVE) $(SIM_WARN) -include dev/cuda_on_cpu/cuda_on_cpu.h
SIM_C      = -std=gnu11 $(SIM_NATIVE) $(SIM_WARN) -Wshadow -Wmissing-prototypes
SIM_MODES  = sim sim-asan sim-race sim-bf16 sim-asan-bf16 sim-race-bf16
SIM_FOUND := $(wildcard $(CUDA_HOME)/include/cuda_bf16.h)# empty: no toolkit, no sim build
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
SIM_LD            = -Wl,-T,dev/cuda_on_cpu/shared.ld -lpthread -lrt -lm

# $(call SIM_MODE,folder,kind,flags)
define SIM_MODE
SIM_RUNTIME_$(1) = $(SIM_PARTS:%=build/$(1)/dev/cuda_on_cpu/%.o) \
    $(if $(filter race,$(2)),build/$(1)/dev/cuda_on_cpu/race.o build/$(1)/dev/cuda_on_cpu/race_hooks.o,build/$(1)/dev/cuda_on_cpu/race_off.o)
SIM_LINK_$(1) = $(SIM_LD_$(2)) $(SIM_LD)
build/$(1)/dev/cuda_on_cpu/%.o: dev/cuda_on_cpu/%.c
	@mkdir -p $$(@D)
	$(SIM_CC) $(SIM_C) -O2 -g $(SIM_HARNESS_$(2)) $(SIM_INC) -MMD -MP -c $$< -o $$@
build/$(1)/%.o: %.cu
	@mkdir -p $$(@D)
	$(SIM_CXX) $(SIM_CU) $(SIM_KERNEL_$(2)) $(3) $(SIM_INC) -MMD -MP -c $$< -o $$@
build/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$(SIM_CC) $(SIM_C) $(SIM_HOST_$(2)) $(3) $(SIM_INC) -MMD -MP -c $$< -o $$@
endef
$(foreach m,plain asan race,$(eval $(call SIM_MODE,$(if $(filter plain,$(m)),sim,sim-$(m)),$(m),)))
$(foreach m,plain asan race,$(eval $(call SIM_MODE,$(if $(filter plain,$(m)),sim,sim-$(m))-bf16,$(m),-DPRECISION_BF16)))
