# The CUDA build, its execution on the CPU (sim.mk) and their tests. Included by the Makefile at the project's root.
#   make cuda [PRECISION=bf16|fp32] [CUDA_ARCH="80 90"]      train-cuda, eval-cuda
#   make train-sim eval-sim [PRECISION=...]                  the same programs on the CPU, slow, for tests
#   make test-cuda    make profile    make cuda-bundle       see the rules
# As in sim.mk, build/cuda/x.o is made from x.cu, or from x.c where there is no x.cu: of two twins the link gets the kernel.
PRECISION ?= bf16
CUDA_ARCH ?= 80 90
include dev/cuda_on_cpu/sim.mk

CUDA_BUILD  = build/cuda$(if $(filter fp32,$(PRECISION)),-fp32)
SIM_BUILD   = build/sim$(if $(filter bf16,$(PRECISION)),-bf16)
NVCC       ?= $(firstword $(wildcard $(CUDA_HOME)/bin/nvcc) $(shell command -v nvcc 2>/dev/null))
CUDA_FLOAT  = $(if $(filter bf16,$(PRECISION)),-DPRECISION_BF16)
# Machine code for each architecture named, and PTX of the last for those to come.
CUDA_CODE   = $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$(a),code=sm_$(a)) \
    -gencode arch=compute_$(lastword $(CUDA_ARCH)),code=compute_$(lastword $(CUDA_ARCH))
NVCCFLAGS   = -std=c++17 -O3 -lineinfo -I. $(CUDA_FLOAT) $(CUDA_CODE) -Werror all-warnings -Xcompiler -Wall,-Wextra,-Wno-unused-parameter
# Host code of the CUDA build: no OpenMP kernels in it, so nothing here needs this machine's vector units.
CUDA_HOST   = -std=gnu11 -O2 -g -fopenmp -I. -isystem $(CUDA_HOME)/include -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes \
    $(CUDA_FLOAT) -DNVTX -MMD -MP
CUDA_LIBS   = -Xlinker -rpath -Xlinker '$$ORIGIN/lib:$(CUDA_HOME)/lib64' -L$(CUDA_HOME)/lib64 -lcublasLt -lgomp -ldl -lpthread \
    $(filter-out -fopenmp $(MPI_LIBS),$(LDLIBS))
CUDA_OBJECTS = $(SIM_STEMS:%=$(CUDA_BUILD)/%.o)

# What `make cuda` needs, as one line each that says what to do.
define CUDA_FIND
	@test -n "$(filter bf16 fp32,$(PRECISION))" || { echo "PRECISION=$(PRECISION): give bf16 or fp32"; exit 2; }
	@test -n "$(NVCC)" || { echo "nvcc is not found: install the CUDA toolkit (12 or later), or name its folder: make cuda CUDA_HOME=/usr/local/cuda"; exit 2; }
	@test -f $(CUDA_HOME)/include/cublasLt.h || { echo "cublasLt.h is not in $(CUDA_HOME)/include: install libcublas-dev of the same version as the toolkit, or set CUDA_HOME"; exit 2; }
endef
.PHONY: cuda cuda-found train-sim eval-sim test-cuda cuda-compile profile cuda-bundle
cuda-found:
	$(CUDA_FIND)
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
$(CUDA_BUILD)/%: $(CUDA_BUILD)/%.o $(CUDA_OBJECTS)
	@echo "  ld $@" && $(NVCC) $(CUDA_CODE) -cudart static -o $@ $^ $(CUDA_LIBS) $(if $(findstring /tests/,$@),-lcmocka)
-include $(wildcard $(foreach b,build/cuda build/cuda-fp32,$(b)/*.d $(b)/*/*.d $(b)/*/*/*.d))
