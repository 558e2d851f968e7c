#include "command/bench/patience.h"

#include <time.h>

static const int STEP_MS = 50, GRACE_MS = 2000;

static void sleep_step(void)
{
    nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
}

static void *watch(void *patience)
{
    bench_patience *p = patience;
    int waited = 0;
    while (!p->over && waited < GRACE_MS) {
        sleep_step();
        waited += *p->stop ? STEP_MS : 0;
    }
    if (p->over)
        return NULL;
    pthread_mutex_lock(&p->lock);
    if (!p->over)
        p->leave(p->user);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

void bench_patience_begin(bench_patience *p)
{
    pthread_mutex_init(&p->lock, NULL);
    pthread_mutex_lock(&p->lock);
    p->started = pthread_create(&p->thread, NULL, watch, p) == 0;
}

void bench_patience_blocks(bench_patience *p)
{
    if (p->started)
        pthread_mutex_unlock(&p->lock);
}

void bench_patience_goes_on(bench_patience *p)
{
    if (p->started)
        pthread_mutex_lock(&p->lock);
}

void bench_patience_end(bench_patience *p)
{
    p->over = true;
    pthread_mutex_unlock(&p->lock);
    if (p->started)
        pthread_join(p->thread, NULL);
    pthread_mutex_destroy(&p->lock);
}
