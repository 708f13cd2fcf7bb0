// Optional (CUDA on a CPU): streams, events and graphs.
//
// By default work runs when it is submitted. With CUDA_ON_CPU_STREAM=late it waits for the next call that synchronises
// with its stream. A host that reads a result too early, or overwrites a pinned buffer too early, then sees wrong
// values; so does a stream that uses another's result without cudaStreamWaitEvent. Streams that wait for the legacy
// default stream share its queue. While a stream is captured, its work goes into the graph and runs at every
// cudaGraphLaunch.
#include "dev/cuda_on_cpu/runtime.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Item {
    struct Item *next;
    SimWork *work;
    size_t bytes;
    _Alignas(16) char args[];
} Item;

typedef struct Queue {
    Item *first, **end; // end: where the next item's address goes; NULL while empty
} Queue;

struct CUgraph_st {
    Queue queue;
    bool open; // capture is under way
};
struct CUstream_st {
    struct CUgraph_st *graph; // captured into, if it is open
    struct CUstream_st *next; // of all_streams
    const void *stuck;        // the communicator whose peer died, or NULL
    bool own_order;           // cudaStreamNonBlocking
    Queue pending;            // of CUDA_ON_CPU_STREAM=late
};
struct CUevent_st {
    double seconds;
    struct CUstream_st *stream; // where it was recorded last, for the `recorded`th time; `done` records have run
    long recorded, done;
    struct CUgraph_st *graph; // recorded while this was captured
};

static struct CUstream_st default_stream, *all_streams = &default_stream;
static int captures;

static struct CUstream_st *stream_of(cudaStream_t stream) {
    return !stream || stream == cudaStreamLegacy || stream == cudaStreamPerThread ? &default_stream : stream;
}

static struct CUgraph_st *capture_of(cudaStream_t stream) {
    struct CUgraph_st *graph = stream_of(stream)->graph;
    return captures && graph && graph->open ? graph : NULL;
}

bool sim_capturing(void) { return captures > 0; }

// ---- Queues --------------------------------------------------------------------------------------------------------
static void queue_add(Queue *queue, SimWork *work, const void *args, size_t bytes) {
    Item *item = malloc(sizeof *item + bytes);
    if (!item) sim_die("no memory for work on a stream");
    *item = (Item){NULL, work, bytes};
    memcpy(item->args, args, bytes);
    *(queue->end ? queue->end : &queue->first) = item;
    queue->end = &item->next;
}

static void queue_clear(Queue *queue) {
    for (Item *item = queue->first, *next; item; item = next) {
        next = item->next;
        free(item);
    }
    *queue = (Queue){0};
}

static void queue_copy(Queue *to, const Queue *from) {
    for (const Item *item = from->first; item; item = item->next) queue_add(to, item->work, item->args, item->bytes);
}

// Runs the first item, which may itself run other queues; false if there is none.
static bool queue_step(Queue *queue) {
    Item *item = queue->first;
    if (!item) return false;
    queue->first = item->next;
    if (!queue->first) queue->end = NULL;
    item->work(item->args);
    free(item);
    return true;
}

static Queue *order_of(struct CUstream_st *stream) {
    return stream->own_order ? &stream->pending : &default_stream.pending;
}

static bool runs_late(void) {
    const char *text = getenv("CUDA_ON_CPU_STREAM");
    return text && !strcmp(text, "late");
}

static void run(struct CUstream_st *stream) {
    while (queue_step(order_of(stream))) continue;
}

static void run_all(void) { // the youngest stream first: an unlikely order
    for (struct CUstream_st *s = all_streams; s; s = s->next) run(s);
}

void sim_submit(cudaStream_t stream, SimWork *work, const void *args, size_t bytes) {
    struct CUgraph_st *graph = capture_of(stream);
    if (captures && !graph) sim_die("work on a stream that is not captured, during a capture: CUDA refuses it");
    if (graph) queue_add(&graph->queue, work, args, bytes);
    else {
        queue_add(order_of(stream_of(stream)), work, args, bytes);
        if (!runs_late()) run(stream_of(stream));
    }
}

void sim_stream_stuck(cudaStream_t stream, const void *cause) { stream_of(stream)->stuck = cause; }

void sim_unstick(const void *cause) {
    for (struct CUstream_st *s = all_streams; s; s = s->next)
        if (s->stuck == cause) s->stuck = NULL;
}

static bool any_stuck(void) {
    for (const struct CUstream_st *s = all_streams; s; s = s->next)
        if (s->stuck) return true;
    return false;
}

static cudaError_t synchronise(const char *what, struct CUstream_st *stream) {
    if (captures) return sim_set_error(cudaErrorStreamCaptureUnsupported);
    if (stream) run(stream);
    else run_all();
    if (stream ? stream->stuck != NULL : any_stuck())
        sim_die("%s would wait for ever: a collective's peer died. Poll cudaStreamQuery and ncclCommGetAsyncError, "
                "then ncclCommAbort",
                what);
    sim_device_shut();
    return cudaSuccess;
}

// ---- Streams -------------------------------------------------------------------------------------------------------
cudaError_t cudaStreamCreate(cudaStream_t *stream) {
    *stream = calloc(1, sizeof **stream);
    if (!*stream) return sim_set_error(cudaErrorMemoryAllocation);
    (*stream)->next = all_streams;
    all_streams = *stream;
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    cudaError_t error = cudaStreamCreate(stream);
    if (error == cudaSuccess) (*stream)->own_order = flags & cudaStreamNonBlocking;
    return error;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int priority) {
    (void)priority;
    return cudaStreamCreateWithFlags(stream, flags);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    run(stream);
    struct CUstream_st **link = &all_streams;
    while (*link != stream) link = &(*link)->next;
    *link = stream->next;
    free(stream);
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    return synchronise("cudaStreamSynchronize", stream_of(stream));
}
cudaError_t cudaDeviceSynchronize(void) { return synchronise("cudaDeviceSynchronize", NULL); }
// As in CUDA, "not ready" becomes the thread's last error, which the check of the next launch would report.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
    bool ready = order_of(stream_of(stream))->first == NULL; // pending late work runs now: the next query is ready
    run(stream_of(stream));
    return sim_set_error(ready && !stream_of(stream)->stuck ? cudaSuccess : cudaErrorNotReady);
}

// ---- Events --------------------------------------------------------------------------------------------------------
typedef struct Record { // as work: records the event, or waits for this record of it
    cudaEvent_t event;
    long number;
} Record;

static void stamp(const void *work) {
    const Record *r = work;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    r->event->done = r->number;
    r->event->seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void await(const void *work) {
    const Record *r = work;
    while (r->event->done < r->number && queue_step(order_of(r->event->stream))) continue;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
    *event = calloc(1, sizeof **event);
    return *event ? cudaSuccess : sim_set_error(cudaErrorMemoryAllocation);
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
    (void)flags;
    return cudaEventCreate(event);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { // (a stream may still wait for it)
    if (event->recorded) run_all();
    free(event);
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    event->graph = capture_of(stream);
    if (event->graph) return cudaSuccess;
    event->stream = stream_of(stream);
    sim_submit(stream, stamp, &(Record){event, ++event->recorded}, sizeof(Record));
    return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
    (void)flags;
    if (captures && event->graph && event->graph->open) stream_of(stream)->graph = event->graph; // joins its capture
    else if (event->recorded) sim_submit(stream, await, &(Record){event, event->recorded}, sizeof(Record));
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (captures) return sim_set_error(cudaErrorStreamCaptureUnsupported);
    await(&(Record){event, event->recorded});
    if (event->recorded && event->stream->stuck) return synchronise("cudaEventSynchronize", event->stream);
    sim_device_shut();
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
    await(&(Record){event, event->recorded});
    return sim_set_error(event->recorded && event->stream->stuck ? cudaErrorNotReady : cudaSuccess);
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    if (start->done < start->recorded || end->done < end->recorded) return sim_set_error(cudaErrorNotReady);
    *milliseconds = (float)(1e3 * (end->seconds - start->seconds));
    return cudaSuccess;
}

// ---- Graphs --------------------------------------------------------------------------------------------------------
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode) {
    (void)mode;
    if (stream_of(stream) == &default_stream || capture_of(stream))
        return sim_set_error(cudaErrorStreamCaptureUnsupported);
    struct CUgraph_st *graph = calloc(1, sizeof *graph);
    if (!graph) return sim_set_error(cudaErrorMemoryAllocation);
    graph->open = true;
    stream->graph = graph;
    captures++;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    *graph = capture_of(stream);
    if (!*graph) return sim_set_error(cudaErrorIllegalState);
    (*graph)->open = false;
    captures--;
    return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status) {
    *status = capture_of(stream) ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return cudaSuccess;
}
// An executable graph is a copy of the work: it outlives its graph.
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags) {
    (void)flags;
    struct CUgraph_st *copy = calloc(1, sizeof *copy);
    if (!copy) return sim_set_error(cudaErrorMemoryAllocation);
    queue_copy(&copy->queue, &graph->queue);
    *exec = (cudaGraphExec_t)copy;
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    struct CUgraph_st *graph = (struct CUgraph_st *)exec;
    for (const Item *item = graph->queue.first; item; item = item->next)
        sim_submit(stream, item->work, item->args, item->bytes);
    return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream) {
    (void)exec, (void)stream;
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    queue_clear(&graph->queue);
    free(graph);
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return cudaGraphDestroy((cudaGraph_t)exec); }
