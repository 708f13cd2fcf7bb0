# Optional (fuzzing, soak): libFuzzer's targets, for clang only. `make fuzz-verify` runs FUZZ_SECONDS under ASan and
# UBSan and stops at the first crash, leak, undefined behaviour or input that takes longer than five seconds. Findings
# go to build/fuzz; the seeds are the small corpus beside the test.
FUZZ_SECONDS ?= 600
FUZZ_FLAGS    = -std=gnu11 -O1 -g -I. -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
    -Wall -Wextra -Werror

build/fuzz/verify: tests/verify/fuzz_verify.c $(filter-out verify/score.c,$(wildcard verify/*.c)) $(wildcard verify/*.h)
	@mkdir -p $@-corpus
	@echo "  clang $@" && clang $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) $(FLINT) -lgmp -lm
fuzz-verify: build/fuzz/verify
	$< -max_total_time=$(FUZZ_SECONDS) -timeout=5 -max_len=2048 -dict=tests/verify/verify.dict \
	    -artifact_prefix=build/fuzz/ build/fuzz/verify-corpus tests/verify/corpus

.PHONY: fuzz-verify

# The parsers of model folders and of converted files. Their seeds are the tests' fixtures.
FUZZ_RUN = -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=4096 -artifact_prefix=build/fuzz/
FUZZ_CC  = @mkdir -p $@-corpus && echo "  clang $@" && clang $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) -lcjson -lpcre2-8 \
    -lutf8proc -lm

build/fuzz/safetensors: tests/model/files/fuzz_safetensors.c model/files/safetensors.c base/files.c base/json.c
	$(FUZZ_CC)
build/fuzz/config: tests/model/files/fuzz_config.c model/files/config_file.c model/config.c base/files.c base/json.c
	$(FUZZ_CC)
build/fuzz/tokenizer: tests/model/tokenizer/fuzz_tokenizer.c $(wildcard base/*.c) \
    $(filter-out model/tokenizer/characters.c,$(wildcard model/tokenizer/*.c))
	$(FUZZ_CC)
build/fuzz/gguf: tests/convert/fuzz_gguf.c $(wildcard dev/convert/gguf*.c) dev/convert/folder.c model/config.c \
    model/params.c model/tokenizer/vocab.c model/files/safetensors.c model/files/config_file.c $(wildcard base/*.c)
	$(FUZZ_CC)
fuzz-safetensors: build/fuzz/safetensors
	cp tests/model/fixtures/*/model.safetensors -t $<-corpus --backup=numbered
	$< -max_len=32768 $(FUZZ_RUN) $<-corpus
fuzz-config: build/fuzz/config
	cp tests/model/fixtures/*/*config.json -t $<-corpus --backup=numbered
	$< -max_len=4096 $(FUZZ_RUN) $<-corpus
fuzz-tokenizer: build/fuzz/tokenizer
	cp tests/model/fixtures/tokenizers/[glqs]*.json -t $<-corpus
	$< -max_len=8192 $(FUZZ_RUN) $<-corpus
fuzz-gguf: build/fuzz/gguf $(BUILD)/tests/convert/test_gguf
	$(BUILD)/tests/convert/test_gguf $<-corpus/seed.gguf
	$< -max_len=32768 $(FUZZ_RUN) $<-corpus

.PHONY: fuzz-safetensors fuzz-config fuzz-tokenizer fuzz-gguf

# The row reader.
build/fuzz/problems: tests/data/fuzz_problems.c $(wildcard data/problems*.c data/task*.c) \
    base/files.c base/json.c base/text.c
	$(FUZZ_CC)
fuzz-problems: build/fuzz/problems
	$< -max_len=4096 $(FUZZ_RUN) $<-corpus tests/data/corpus

.PHONY: fuzz-problems

# Chat templates. The seeds are those of the test's fixture, one a file.
build/fuzz/jinja: tests/data/fuzz_jinja.c $(wildcard data/jinja*.c) base/files.c base/json.c base/text.c
	$(FUZZ_CC)
fuzz-jinja: build/fuzz/jinja
	python3 -c "import json; [open('$<-corpus/%d' % i, 'w').write(c['template'] or '') for i, c in enumerate( \
	    json.load(open('tests/data/fixtures/chats.json')))]"
	$< -max_len=4096 $(FUZZ_RUN) $<-corpus

.PHONY: fuzz-jinja

# FUZZ_SECONDS of each, one after another; a line each at the end. Output goes to build/fuzz/TARGET.log.
FUZZ_TARGETS = verify safetensors config tokenizer gguf problems jinja
fuzz:
	@mkdir -p build/fuzz && for f in $(FUZZ_TARGETS); do \
	    $(MAKE) --no-print-directory fuzz-$$f >build/fuzz/$$f.log 2>&1 && echo "ok" >>build/fuzz/$$f.log; done; \
	    failed=0; for f in $(FUZZ_TARGETS); do runs=$$(grep '^Done' build/fuzz/$$f.log | cut -d ' ' -f 2); \
	        if [ "$$(tail -n 1 build/fuzz/$$f.log)" = ok ]; then echo "[       OK ] fuzz_$$f: $$runs inputs"; \
	        else tail -n 20 build/fuzz/$$f.log; echo "[  FAILED  ] fuzz_$$f"; failed=1; fi; done; exit $$failed
.PHONY: fuzz

# Hours of failures: kills, faults of every call to the file system, flipped bits (tests/soak/soak.sh), and the fuzzing.
#   make soak KILLS=50 FAULTS=100 FLIPS=30 FUZZ_SECONDS=20      some minutes of it
soak: $(BUILD)/train $(BUILD)/eval $(BUILD)/tests/soak/fault
	@KILLS=$${KILLS:-1000} FAULTS=$${FAULTS:-all} FLIPS=$${FLIPS:-300} tests/soak/soak.sh $(wordlist 1,2,$^); soaked=$$?; \
	    $(MAKE) --no-print-directory fuzz && exit $$soaked
.PHONY: soak
