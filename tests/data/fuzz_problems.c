// libFuzzer target of the file reader: any file, any settings; an error or a valid set, never a crash.
//
//   make fuzz-problems [FUZZ_SECONDS=60]
//
// The first byte chooses settings and strictness, the rest is the file.
#include "data/problems_file.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const settings[] = {"f", "f:rule=gsm8k", "f:rule=boxed", "f:question=a+b,answer=c",
                                           "f:answer=a,rule=boxed"};
    ProblemSet set, again = {0};
    ProblemReport report;
    Error err = {0};
    if (size == 0) return 0;
    bool strict = data[0] & 1;
    char *text = malloc(size); // exactly as large as the file: a read beyond it is seen
    must(text != NULL);
    memcpy(text, data + 1, size - 1);
    bool good = problems_from_memory(text, size - 1, settings[(data[0] >> 1) % 5], strict, &set, &report, &err);
    must(good ? set.count > 0 : set.count == 0 && err.text[0]);
    must(report.kept + report.bad + report.duplicates == report.rows && report.listed <= PROBLEM_REPORT_ROWS);
    must(!good || (set.count == report.kept && (!strict || report.bad == 0)));
    for (int i = 0; i < set.count; i++) {
        const Problem *p = &set.items[i];
        must(p->id >= 0 && p->line >= 1 && *p->prompt && *p->gold && strlen(p->prompt) <= PROBLEM_TEXT_MAX &&
             strlen(p->gold) <= PROBLEM_TEXT_MAX);
        must(problems_add(&again, p->prompt, p->gold, NULL, p->line)); // no prompt is in it twice
    }
    problems_free(&again);
    problems_free(&set);
    free(text);
    return 0;
}
