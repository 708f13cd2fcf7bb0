// Optional (CUDA graphs).
#include "kernels/device/graph.h"

bool graph_replay(UNUSED Device *dev, UNUSED Graph *graph) { return false; }
void graph_begin(UNUSED Device *dev) {}
Graph *graph_end(UNUSED Device *dev) { return NULL; }
void graph_free(UNUSED Device *dev, UNUSED Graph *graph) {}
