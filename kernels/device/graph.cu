// Optional (CUDA): see graph.h. A graph is the capture of the device's stream.
#include "kernels/device/graph.h"
#include "kernels/device/device_cuda.cuh"

struct Graph { cudaGraphExec_t exec; };

extern "C" bool graph_replay(Device *dev, Graph *graph) {
    if (!graph) return false;
    CUDA_CHECK(cudaGraphLaunch(graph->exec, dev->stream));
    return true;
}

extern "C" void graph_begin(Device *dev) {
    CUDA_CHECK(cudaStreamBeginCapture(dev->stream, cudaStreamCaptureModeThreadLocal));
}

extern "C" Graph *graph_end(Device *dev) {
    cudaGraph_t recorded;
    Graph *graph = static_cast<Graph *>(calloc(1, sizeof *graph));
    REQUIRE(graph, "out of memory");
    CUDA_CHECK(cudaStreamEndCapture(dev->stream, &recorded));
    CUDA_CHECK(cudaGraphInstantiate(&graph->exec, recorded, 0));
    CUDA_CHECK(cudaGraphDestroy(recorded));
    graph_replay(dev, graph);
    return graph;
}

extern "C" void graph_free(Device *, Graph *graph) {
    if (!graph) return;
    CUDA_CHECK(cudaGraphExecDestroy(graph->exec));
    free(graph);
}
