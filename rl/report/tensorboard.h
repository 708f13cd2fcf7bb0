// Optional (--tensorboard): OUT/tb/events.out.tfevents.run, the figures of metrics.jsonl for TensorBoard, at
// global_step: sft/loss, rl/reward, heldout/pass1, ...
//
// A file of TFRecords: bytes of the record (8, little endian), their masked CRC, the record, its masked CRC. A record
// is an Event in protocol buffers' encoding, written by hand:
//   Event   {double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;}
//   Summary {repeated Value value = 1;}          Value {string tag = 1; float simple_value = 2;}
// Sources: tensorflow/core/util/event.proto and framework/summary.proto; lib/hash/crc32c.h for the mask.
#ifndef RL_REPORT_TENSORBOARD_H
#define RL_REPORT_TENSORBOARD_H
#include "base/check.h"
#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#define TENSORBOARD_FILE "events.out.tfevents.run" // in DIR/tb

typedef struct Tensorboard Tensorboard;

// Makes DIR/tb and begins the file anew. NULL with the reason in err.
Tensorboard *tensorboard_open(const char *dir, Error *err);
void tensorboard_close(Tensorboard *board); // NULL is fine

// Adds the figures of a row of metrics.jsonl (any value that is a finite number). NULL for either: nothing. What cannot
// be written is reported once and does not end the run.
void tensorboard_add(Tensorboard *board, const cJSON *row);

// CRC-32C (Castagnoli), reflected, as iSCSI (RFC 3720) and TFRecord use it.
uint32_t crc32c(const void *bytes, size_t n);

#endif
