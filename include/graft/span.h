/* What a training does when: spans of time, for profilers. */
#ifndef GRAFT_SPAN_H
#define GRAFT_SPAN_H

typedef enum graft_span_kind {
    GRAFT_SPAN_HOST,   /* on the thread that tells it */
    GRAFT_SPAN_DEVICE, /* a kernel: all of its dispatches in one micro-batch, added up */
} graft_span_kind;

/* The host's: "decode" (an image, on a thread of the loader), "load" (a batch of decoded images),
 * "upload", "submit", "wait" (for the device), "update", "evaluate", "checkpoint". Kernels, with
 * the setting `profile`: as in graft_kernel_time; their durations are measured, and each begins
 * where the one before it ends. Texts live for the call. */
typedef struct graft_span {
    graft_span_kind kind;
    const char *name;
    double start, seconds; /* start: of a clock that never goes back, CLOCK_MONOTONIC on POSIX */
    int dispatches;        /* of a kernel; 0 of the host */
    double bytes, flop;    /* of a kernel, as in graft_kernel_time */
} graft_span;

/* Called when a span has ended, from any thread, also several at once; should return soon. */
typedef void graft_span_callback(void *user, const graft_span *span);

#endif
