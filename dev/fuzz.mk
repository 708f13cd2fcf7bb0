# Fuzzing with libFuzzer, for clang only: `make fuzz-verify` runs FUZZ_SECONDS under ASan and UBSan and stops at the first
# crash, leak, undefined step or input that takes longer than five seconds. What it finds stays in build/fuzz; the seeds are
# the small corpus beside the test.
FUZZ_SECONDS ?= 600
FUZZ_FLAGS    = -std=gnu11 -O1 -g -I. -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Wall -Wextra -Werror

build/fuzz/verify: tests/verify/fuzz_verify.c $(filter-out verify/score.c,$(wildcard verify/*.c)) $(wildcard verify/*.h)
	@mkdir -p $@-corpus
	@echo "  clang $@" && clang $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) $(FLINT) -lgmp -lm
fuzz-verify: build/fuzz/verify
	$< -max_total_time=$(FUZZ_SECONDS) -timeout=5 -max_len=2048 -artifact_prefix=build/fuzz/ build/fuzz/verify-corpus tests/verify/corpus

.PHONY: fuzz-verify

# The row reader.
build/fuzz/problems: tests/data/fuzz_problems.c data/problems.c data/problems_file.c data/problems_row.c $(wildcard data/task*.c) $(wildcard data/*.h)
	@mkdir -p $@-corpus
	@echo "  clang $@" && clang $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) -lcjson -lutf8proc -lm
fuzz-problems: build/fuzz/problems
	$< -max_total_time=$(FUZZ_SECONDS) -timeout=5 -max_len=4096 -artifact_prefix=build/fuzz/ build/fuzz/problems-corpus tests/data/corpus

.PHONY: fuzz-problems
