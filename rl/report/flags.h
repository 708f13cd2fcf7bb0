// Optional (report): a run's flags as one flat object: those of its run.json, with the model's parameters, the device
// and the number of ranks. Older runs have them in the first line of metrics.jsonl.
#ifndef RL_REPORT_FLAGS_H
#define RL_REPORT_FLAGS_H
#include <cjson/cJSON.h>

// NULL where DIR/run.json is missing or damaged. Free with cJSON_Delete.
cJSON *run_flags(const char *dir);

#endif
