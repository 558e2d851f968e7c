/* Ending while a driver is at work: what prepares or runs on a device cannot be told to stop, and
 * may take minutes. */
#ifndef BENCH_PATIENCE_H
#define BENCH_PATIENCE_H

#include <pthread.h>
#include <stdbool.h>

/* A thread that waits for the user to want an end. If the main thread does not come to one by
 * itself in time, and is inside of what blocks, the thread calls `leave`, which does not return. */
typedef struct bench_patience {
    const volatile int *stop;
    void (*leave)(void *user);
    void *user;           /* borrowed */
    pthread_mutex_t lock; /* held by the main thread but for what blocks */
    pthread_t thread;
    bool started;
    volatile bool over;
} bench_patience;

/* The caller sets stop, leave and user. Where there is no thread to be had, or one that is all zero
 * is never begun, nothing is watched. */
void bench_patience_begin(bench_patience *patience);

/* Around what blocks; in between nothing that `leave` reads may be touched. */
void bench_patience_blocks(bench_patience *patience);
void bench_patience_goes_on(bench_patience *patience);

void bench_patience_end(bench_patience *patience);

#endif
