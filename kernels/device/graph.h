// A stretch of device work that is recorded once and then replayed: hundreds of launches of a decoding step become one.
//
//   if (!graph_replay(dev, graph)) {
//       graph_begin(dev);
//       ... the work: kernels only, no allocation, nothing that waits for the device ...
//       graph = graph_end(dev);   // recorded, and run
//   }
// Pointers and scalars are recorded as they were; what changes between replays must lie in device memory.
// C build: nothing is recorded; the work runs where it stands and graph_replay always says false.
#ifndef KERNELS_DEVICE_GRAPH_H
#define KERNELS_DEVICE_GRAPH_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct Graph Graph;

bool graph_replay(Device *dev, Graph *graph); // false if graph is NULL
void graph_begin(Device *dev);
Graph *graph_end(Device *dev); // free with graph_free; NULL in the C build
void graph_free(Device *dev, Graph *graph);

#ifdef __cplusplus
}
#endif
#endif
