// Optional (CUDA graphs): device work, recorded once and replayed: hundreds of launches of a decoding step become one.
//
//   if (!graph_replay(dev, graph)) {
//       graph_begin(dev);
//       ... the work: kernels only, no allocation, nothing that waits for the device ...
//       graph = graph_end(dev);   // recorded, and run once
//   }
// The recording keeps the values of pointers and scalars; whatever changes between replays must be in device memory.
// C build: nothing is recorded. The work runs between graph_begin and graph_end, and graph_replay always returns false.
#ifndef KERNELS_DEVICE_GRAPH_H
#define KERNELS_DEVICE_GRAPH_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

typedef struct Graph Graph;

bool graph_replay(Device *dev, Graph *graph); // true if it was replayed; false where graph is NULL
void graph_begin(Device *dev);
Graph *graph_end(Device *dev);                // the caller owns it: graph_free; NULL in the C build
void graph_free(Device *dev, Graph *graph);   // graph may be NULL
EXTERN_C_END
#endif
