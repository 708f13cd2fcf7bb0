// Optional (help, messages, the start-up table, JSON, files of flags): the flags of a table as text.
#ifndef BASE_FLAGS_TEXT_H
#define BASE_FLAGS_TEXT_H
#include "base/flags.h"
#include <cjson/cJSON.h>

// The files that --config names among the arguments, in order. A file is lines `name = value`, or a run.json
// (base/flags_file.c). False with file, line and reason in err.
bool flags_read_files(const FlagTable *table, void *config, int argc, char **argv, Error *err);
bool flags_read_file(const FlagTable *table, void *config, const char *path, Error *err);

// What is wrong, with the nearest name or word that there is: "unknown flag --x: did you mean --y?" Return false.
bool flags_refuse_name(const FlagTable *table, const char *name, Error *err);
bool flags_refuse_word(const Flag *flag, const char *word, Error *err);

bool flags_help_asked(int argc, char **argv); // --help or -h
void flags_help(const FlagTable *table, FILE *out); // in lines of 80 columns, as the next
void flags_print(const FlagTable *table, const void *config, FILE *out); // name and value, two pairs a line

// A field a flag. Numbers are written so that they are read back as they were; whole numbers from 1e14 on as text.
void flags_to_json(const FlagTable *table, const void *config, cJSON *object);

#endif
