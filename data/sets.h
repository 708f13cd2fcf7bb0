// Optional (data from files): named data sets, and the lists that --data takes.
//
//   --data gsm8k,math500,task:add@1-2,mul,my.jsonl:question=q,answer=a
//
// An item is a named set, procedural tasks ("task:...") or FILE[:question=KEY,answer=KEY,rule=RULE] (problems_file.h).
// A comma ends an item, except before a task's name in task:... and before a setting in FILE:... . A named set
// specifies its publisher's files, the fields to read and the rule for the gold. Files are read as published:
//
//   DIR/gsm8k/train.jsonl, test.jsonl        DIR is --data-dir, else the environment variable DATA_DIR, else ../shared;
//   DIR/math/train.json, math500.jsonl ...   DIR/data is tried first
//
// A set with only one file, for training or for evaluation, uses it for both.
#ifndef DATA_SETS_H
#define DATA_SETS_H
#include "data/problems_file.h"

typedef struct DataSet {
    const char *name, *train, *test; // files below DIR; NULL: none
    const char *settings;            // as in FILE:settings; "": the defaults
    const char *origin;              // where its publisher offers the files
} DataSet;

extern const DataSet data_sets[]; // to add a set, add a row in sets.c
extern const int data_set_count;
const DataSet *data_set_find(const char *name); // NULL: unknown name

typedef enum DataUse { DATA_TRAIN, DATA_EVAL } DataUse;
enum { DATA_ITEM_MAX = 1024, DATA_SOURCE_MAX = 4096 };

// writes the item at *at to item (DATA_ITEM_MAX bytes; longer items are cut, but no flag is that long) and advances *at
// past it. False at the end of the list.
bool data_list_next(const char **at, char *item);

// writes a short name for tables: the set's, "tasks", or the file's without folder, extension and settings.
void data_name(const char *item, char *name, size_t size);

// The folder of the named sets: dir, or DATA_DIR, or ../shared.
const char *data_root(const char *dir);

// Whether every item of the list is something: known tasks, a named set, a file. False with the reason in err, which
// for a mistyped name asks for the one that may be meant; with `alone`, also where the list has both tasks and files.
bool data_check_list(const char *list, bool alone, Error *err);

// writes source (DATA_SOURCE_MAX bytes): the FILE[:settings] of a named set or a file. dir: --data-dir, or "". Errors:
// a named set whose file is missing (the message says where to put it), an item that is neither a set nor a file.
bool data_source(const char *item, const char *dir, DataUse use, char *source, Error *err);

// Reads one item that is not tasks; strict as in problems_from_file. Rows left out are listed in `notes` (may be NULL).
// The caller frees the set; on failure it is empty.
bool data_load(const char *item, const char *dir, DataUse use, bool strict, ProblemSet *set, FILE *notes, Error *err);
#endif
