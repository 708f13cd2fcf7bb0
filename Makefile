# dynamo.c: `make` builds the C version (no GPU, no BLAS); `make help` lists the rest.
CC      ?= gcc
BUILD   ?= build/cpu
# The two -fno flags change no result (sqrtf sets no errno; comparisons raise no signal): loops with them vectorise.
OPT     ?= -O3 -march=native -fno-math-errno -fno-trapping-math
CFLAGS  += -std=gnu11 $(OPT) -g -fopenmp -I. -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -MMD -MP $(MPI_CFLAGS)
LDLIBS  += -fopenmp -lcjson -lpcre2-8 -lutf8proc $(FLINT) -lgmp -lm $(MPI_LIBS)

# MPI is optional: without it there is one rank. FLINT 3 holds Arb, older ones have it beside them.
MPI_LIBS   := $(shell mpicc --showme:link 2>/dev/null)
MPI_CFLAGS := $(if $(MPI_LIBS),-DHAVE_MPI $(shell mpicc --showme:compile 2>/dev/null))
FLINT       = $(if $(wildcard /usr/include/arb.h),-lflint-arb) -lflint

FOLDERS := kernels model rl data verify
SOURCES := $(wildcard $(FOLDERS:%=%/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/test_*.c))
CONVERT := $(patsubst %.c,$(BUILD)/%.o,$(filter-out dev/convert/convert.c,$(wildcard dev/convert/*.c)))

all: train eval
train: $(BUILD)/train
	@cp $< $@
eval: $(BUILD)/eval
	@cp $< $@

$(BUILD)/train $(BUILD)/eval: $(BUILD)/%: $(BUILD)/%.o $(OBJECTS)
	@echo "  ld $@" && $(CC) -o $@ $^ $(LDLIBS)
$(BUILD)/dev/convert/convert: $(BUILD)/dev/convert/convert.o $(CONVERT) $(OBJECTS)
	@echo "  ld $@" && $(CC) -o $@ $^ $(LDLIBS)
convert: $(BUILD)/dev/convert/convert
$(filter $(BUILD)/tests/convert/%,$(TESTS)): $(CONVERT)
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(OBJECTS)
	@$(CC) -o $@ $^ $(LDLIBS) -lcmocka
$(BUILD)/%.o: %.c build/.dependencies
	@mkdir -p $(@D)
	@echo "  cc $<" && $(CC) $(CFLAGS) -c -o $@ $<

# A missing library is installed where we may, else the line to type is printed.
build/.dependencies: dev/dependencies.sh
	@sh dev/dependencies.sh && mkdir -p build && touch $@

tests: $(TESTS)
test: all tests
	@sh dev/run_tests.sh $(TESTS)
clean:
	rm -rf build train eval

.PHONY: all convert tests test clean demo bench help
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
