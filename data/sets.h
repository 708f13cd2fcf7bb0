// Named data sets, and lists of what to train on or to evaluate.
//
//   --data gsm8k,math500,task:add@1-2,mul,my.jsonl:question=q,answer=a
//
// An item is a named set, procedural tasks ("task:..."), or FILE[:question=KEY,answer=KEY,rule=RULE] (data/problems.h).
// A comma ends an item, except before a task's name within task:... and before a setting within FILE:... . A named set
// knows where its publisher's file lies, which fields to read and how the gold is found; files are used as published:
//
//   DIR/gsm8k/train.jsonl, test.jsonl        DIR is --data-dir or the environment variable DATA_DIR (default ../shared);
//   DIR/math/train.json, math500.jsonl ...   a folder `data` inside it is looked into first
//
// A named set may have a training file, an evaluation file or both; each use takes its own where there is one.
#ifndef DATA_SETS_H
#define DATA_SETS_H
#include "data/problems_file.h"

typedef struct DataSet {
    const char *name, *train, *test; // files below DIR; NULL where there is none
    const char *settings;            // as in FILE:settings; empty for the defaults
    const char *origin;              // where the publisher's file is to be had
} DataSet;

extern const DataSet data_sets[];
extern const int data_set_count;

typedef enum DataUse { DATA_TRAIN, DATA_EVAL } DataUse;
enum { DATA_ITEM_MAX = 1024, DATA_SOURCE_MAX = 4096 };

const DataSet *data_set_find(const char *name); // NULL: no set of that name

// Copies the next item of the list at *at and steps over it. False at the end of the list. An item is cut off at
// DATA_ITEM_MAX - 1 bytes; no flag is that long.
bool data_list_next(const char **at, char *item);

static inline bool data_is_tasks(const char *item) { return item[0] == 't' && item[1] == 'a' && item[2] == 's' && item[3] == 'k' && item[4] == ':'; }

// A short name for tables: the set's, "tasks", or the file's without folder, extension and settings.
void data_name(const char *item, char *name, size_t size);

// Writes FILE[:settings] for a named set or a file. dir: --data-dir; empty: DATA_DIR or ../shared. A named set whose file
// is not there is an error that says where to put it; so is a word that is neither a set nor a file.
bool data_source(const char *item, const char *dir, DataUse use, char *source, Error *err);

// Reads one item that is not tasks; see problems_from_file for strict and report. What was left out is printed to `notes`.
bool data_load(const char *item, const char *dir, DataUse use, bool strict, ProblemSet *set, FILE *notes, Error *err);
#endif
