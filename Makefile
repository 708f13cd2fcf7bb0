# dynamo.c: `make` builds the C version (no GPU, no BLAS); `make help` lists the rest.
BUILD   ?= build/cpu
# The two -fno flags change no result (sqrtf sets no errno; comparisons raise no signal): loops with them vectorise.
OPT     ?= -O3 -march=native -fno-math-errno -fno-trapping-math
CFLAGS  += -std=gnu11 $(OPT) -g -fopenmp -I. -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -MMD -MP $(MPI_CFLAGS)
LDLIBS  += -fopenmp -lcjson -lpcre2-8 -lutf8proc $(FLINT) -lgmp -lm $(MPI_LIBS)
# (With sanitizers gcc sees uninitialised values where there are none.)
SANITIZE = -O2 -march=native -Wno-maybe-uninitialized -fno-omit-frame-pointer \
    -fsanitize=address,undefined -fno-sanitize-recover=all

# MPI is optional: without it there is one rank. FLINT 3 holds Arb, older ones have it beside them.
MPI_LIBS   := $(shell mpicc --showme:link 2>/dev/null)
MPI_CFLAGS := $(if $(MPI_LIBS),-DHAVE_MPI $(shell mpicc --showme:compile 2>/dev/null))
FLINT       = $(if $(wildcard /usr/include/arb.h),-lflint-arb) -lflint

FOLDERS := base kernels kernels/device model model/files model/tokenizer rl rl/checkpoint rl/evaluate rl/report \
    data verify
SOURCES := $(filter-out %/main.c,$(wildcard $(FOLDERS:%=%/*.c))) # main.c: a program
OBJECTS := $(filter-out %/version.o,$(SOURCES:%.c=$(BUILD)/%.o))
VERSION := $(BUILD)/base/version.o # apart: a commit links the programs anew, and not every test
TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard $(patsubst %,tests/%/test_*.c,$(FOLDERS) convert docs study)))
SYSTEM  := $(patsubst %,tests/system/%.sh,run eval methods ranks surroundings cases)
CONVERT := $(patsubst %.c,$(BUILD)/%.o,$(filter-out dev/convert/convert.c,$(wildcard dev/convert/*.c)))
STUDY   := $(patsubst %.c,$(BUILD)/%.o,$(filter-out dev/study/measure.c,$(wildcard dev/study/*.c)))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard dev/bench/bench*.c))

all: train eval report
train eval report: %: $(BUILD)/% .force
	@cmp -s $< $@ || cp -f $< $@

$(BUILD)/train $(BUILD)/eval $(BENCHES): $(BUILD)/%: $(BUILD)/%.o $(OBJECTS) $(VERSION)
	@echo "  ld $@" && $(CC) $(OPT) -o $@ $^ $(LDLIBS)
$(BUILD)/report: $(BUILD)/rl/report/main.o $(OBJECTS) $(VERSION)
	@echo "  ld $@" && $(CC) $(OPT) -o $@ $^ $(LDLIBS)
$(BUILD)/dev/convert/convert: $(BUILD)/dev/convert/convert.o $(CONVERT) $(OBJECTS) $(VERSION)
	@echo "  ld $@" && $(CC) $(OPT) -o $@ $^ $(LDLIBS)
$(filter $(BUILD)/tests/convert/%,$(TESTS)): $(CONVERT)
$(BUILD)/dev/study/measure: $(BUILD)/dev/study/measure.o $(STUDY) $(OBJECTS) $(VERSION)
	@echo "  ld $@" && $(CC) $(OPT) -o $@ $^ $(LDLIBS)
$(filter $(BUILD)/tests/study/%,$(TESTS)): $(STUDY)
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(OBJECTS) | $(VERSION)
	@$(CC) $(OPT) -o $@ $^ $| $(LDLIBS) -lcmocka
$(BUILD)/%.o: %.c $(BUILD)/.flags
	@mkdir -p $(@D)
	@echo "  cc $<" && $(CC) $(CFLAGS) -c -o $@ $<

# Other flags (another compiler, MPI newly installed) are another build.
$(BUILD)/.flags: build/.dependencies .force
	@mkdir -p $(@D) && echo "$(CC) $(CFLAGS)" | cmp -s - $@ || echo "$(CC) $(CFLAGS)" >$@
.force:

# Building installs nothing: where a library is missing, the line to type is printed. demo, test and deps install.
build/.dependencies: dev/dependencies.sh
	@sh dev/dependencies.sh && mkdir -p build && touch $@
deps:
	@sh dev/dependencies.sh install all
demo:
	@sh dev/dependencies.sh install && $(MAKE) --no-print-directory all && sh recipes/demo.sh

# The tests: every module and whole programs; all of that again under the sanitizers; the CUDA kernels, executed on the
# CPU. Everything is built first, by all cores.
tests: $(TESTS)
check: twins tests $(BUILD)/train $(BUILD)/eval $(BUILD)/report $(BUILD)/dev/study/measure
	@sh dev/run_tests.sh $(SYSTEM:%="% $(BUILD)/train $(BUILD)/eval") \
	    "tests/rl/report/page.sh $(BUILD)/report" "tests/study/run.sh $(BUILD)/train $(BUILD)/dev/study/measure" \
	    $(CHECKS) $(TESTS)
test: CHECKS = "sh dev/style.sh" "sh dev/style.sh --self-test" "make core" "make core-demo" \
    "tests/soak/soak.sh $(BUILD)/train $(BUILD)/eval"
test:
	@sh dev/dependencies.sh install
	@$(MAKE) --no-print-directory -j$(shell nproc) tests all study-instruments $(BUILD)/tests/soak/fault test-cuda-built
	@$(MAKE) --no-print-directory -j$(shell nproc) $(SANITIZED) tests \
	    $(addprefix build/sanitized/,train eval report dev/study/measure)
	@$(MAKE) --no-print-directory CHECKS='$(CHECKS)' check
	@OMP_NUM_THREADS=2 $(MAKE) --no-print-directory $(SANITIZED) check
	@$(MAKE) --no-print-directory test-cuda
SANITIZED = BUILD=build/sanitized OPT="$(SANITIZE)"

# The core: what one person reads in a weekend, and the proof that no more is needed to train a model on tasks.
core:
	@sh dev/core.sh
CORE = $(filter %.c,$(shell sed 's/\#.*//' dev/core.txt)) dev/core/stand_ins.c
build/core/train: $(CORE:%.c=build/core/%.o)
	@echo "  ld $@" && $(CC) $(OPT) -fopenmp -o $@ $^ -lcjson -lm
build/core/%.o: %.c build/.dependencies
	@mkdir -p $(@D)
	@echo "  core $<" && $(CC) $(filter-out $(MPI_CFLAGS),$(CFLAGS)) -c -o $@ $<
core-demo: build/core/train # GOMP_SPINCOUNT: base/omp_wait.c
	GOMP_SPINCOUNT=10000 $< --data task:serial@1-2 --problems 512 --heldout 64 --sft-steps 300 --steps 5 --prompts 16 \
	    --rollouts 8 --rollouts-low 4 --rollouts-high 12 --out build/core/out

bench: $(BUILD)/dev/bench/bench
	@$<

# docs/evidence.md and its pictures from the study's rows; the check fails where they differ.
study-page:
	@python3 dev/study/evidence.py
study-check:
	@python3 -m doctest dev/study/arms.py && python3 dev/study/evidence.py --check
study-instruments: $(BUILD)/train $(BUILD)/dev/study/measure # dev/study/README.md

convert: $(BUILD)/dev/convert/convert # other programs' models to Hugging Face folders

recipes/reward: recipes/reward.c # an example of --reward-command, a program of its own
	@echo "  cc $@" && $(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -o $@ $< -lcjson

include dev/cuda.mk
include dev/fuzz.mk

# report.c embeds the page with .incbin, which the compiler's dependency files do not list.
ALL_BUILDS := $(BUILD) build/cuda build/cuda-fp32 $(SIM_MODES:%=build/%)
$(ALL_BUILDS:%=%/rl/report/report.o): rl/report/page.html rl/report/page.js

# The version that run.json names.
$(ALL_BUILDS:%=%/base/version.o): build/version.h
build/version.h: .force
	@mkdir -p build && echo "#define VERSION \"$$(git describe --always --dirty --tags 2>/dev/null || echo unknown)\"" \
	    >$@.new && if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

clean:
	rm -rf build train eval report train-cuda eval-cuda train-sim eval-sim recipes/reward
help:
	@echo "make          train, eval, report for the CPU   make demo       warm-up and RL in minutes, with a report"
	@echo "make test     all tests                         make deps       installs all that demo and tests use"
	@echo "make core     the files to read, in order       make core-demo  a program of these files alone"
	@echo "make bench    rates as a share of peak          make clean      removes everything that was built"
	@echo "make tests    builds the tests only             make fuzz       every parser, ten minutes each (clang)"
	@echo "make soak     hours of kills, faults, flipped bits and fuzzing: docs/trust.md"
	@echo "make convert  GGUF and llama2.c to a folder     make profile    an nsys time line of a few steps"
	@echo "make cuda     train-cuda and eval-cuda          make test-cuda  their tests, on the CPU or a GPU"
	@echo "make study-page     docs/evidence.md from the study's rows (make study-check: is it what they give?)"
	@echo "make study-instruments  measures what DynaMO's mechanisms do at a policy: dev/study/README.md"
	@echo "make cuda-bundle  a folder for a machine with a GPU and nothing else"

.PHONY: all convert study-page study-check study-instruments core core-demo deps tests check test clean demo bench help
.PRECIOUS: $(BUILD)/%.o
-include $(shell find $(BUILD) build/core -name '*.d' 2>/dev/null)
