// Optional (CUDA graphs).
#include "kernels/device/graph.h"

bool graph_replay(Device *dev, Graph *graph) {
    (void)dev, (void)graph;
    return false;
}
void graph_begin(Device *dev) { (void)dev; }
Graph *graph_end(Device *dev) {
    (void)dev;
    return NULL;
}
void graph_free(Device *dev, Graph *graph) { (void)dev, (void)graph; }
