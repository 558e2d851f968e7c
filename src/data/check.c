#include "data/check.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"
#include "data/codec.h"
#include "data/loader.h"
#include "data/source.h"
#include "data/subset.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_TEXT = 1024, MAX_THREADS = 64 };

typedef struct check {
    const gr_dataset *data;
    graft_bad_images policy;
    atomic_size_t next;
    atomic_bool no_memory;
    char **errors; /* [count] NULL: the image is good; malloc */
} check;

static graft_status try_image(const check *c, graft_log *log, size_t index)
{
    gr_image image;
    if (c->policy == GRAFT_BAD_IMAGES_FAIL)
        return gr_dataset_probe(log, c->data, index);
    GR_TRY(gr_dataset_image(log, c->data, index, &image));
    gr_image_free(&image);
    return GRAFT_OK;
}

static void work(void *user)
{
    check *c = user;
    graft_log *log = graft_log_create(NULL); /* of its own: the messages are told in order */
    for (size_t i; !c->no_memory && (i = atomic_fetch_add(&c->next, 1)) < c->data->count;) {
        graft_status status = log ? try_image(c, log, i) : GRAFT_ERR_MEMORY;
        if (status == GRAFT_OK)
            continue;
        c->errors[i] = status == GRAFT_ERR_MEMORY ? NULL : malloc(ERROR_TEXT);
        if (c->errors[i])
            graft_log_error(log, c->errors[i], ERROR_TEXT);
        else
            c->no_memory = true;
    }
    graft_log_destroy(&log);
}

/* Runs on this thread, too: so it works where none can be started. */
static void try_all(check *c, int threads)
{
    gr_thread others[MAX_THREADS];
    int started = 0;
    while (started < threads - 1 && started < MAX_THREADS &&
           gr_thread_start(&others[started], work, c))
        started++;
    work(c);
    for (int i = 0; i < started; i++)
        gr_thread_join(&others[i]);
}

static size_t count_bad(const check *c, size_t *first)
{
    size_t bad = 0;
    for (size_t i = c->data->count; i-- > 0;)
        if (c->errors[i]) {
            bad++;
            *first = i;
        }
    return bad;
}

static graft_status fail(graft_log *log, const check *c, size_t bad, size_t first)
{
    char others[64] = "";
    if (bad > 1)
        snprintf(others, sizeof(others), ", and %zu more cannot be read", bad - 1);
    return gr_fail(log, GRAFT_ERR_FORMAT, "%s%s; `input.bad_images` skip leaves them out",
                   c->errors[first], others);
}

/* Replaces the data by its good images. */
static graft_status skip(graft_log *log, const check *c, size_t bad, gr_dataset **dataset)
{
    size_t count = c->data->count;
    bool *keep = calloc(count, sizeof(*keep));
    char how[64];
    for (size_t i = 0; i < count; i++) {
        if (c->errors[i])
            gr_log(log, GRAFT_LOG_WARN, "left out: %s", c->errors[i]);
        if (keep)
            keep[i] = !c->errors[i];
    }
    if (bad == count) {
        free(keep);
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: none of its %zu images can be read",
                       c->data->title, count);
    }
    snprintf(how, sizeof(how), "without %zu that cannot be read", bad);
    graft_status status = gr_subset_keep(log, dataset, keep, how);
    free(keep);
    return status;
}

graft_status gr_dataset_check(graft_log *log, gr_dataset **dataset, graft_bad_images policy,
                              int threads)
{
    size_t count = (*dataset)->count, first = 0, bad = 0;
    check c = {.data = *dataset, .policy = policy, .errors = calloc(count, sizeof(*c.errors))};
    graft_status status = GRAFT_OK;
    if (c.errors) {
        try_all(&c, gr_loader_threads(threads));
        bad = count_bad(&c, &first);
    }
    if (!c.errors || c.no_memory)
        status =
            gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to check its images", (*dataset)->title);
    else if (bad)
        status = policy == GRAFT_BAD_IMAGES_SKIP ? skip(log, &c, bad, dataset)
                                                 : fail(log, &c, bad, first);
    for (size_t i = 0; c.errors && i < count; i++)
        free(c.errors[i]);
    free(c.errors);
    if (status != GRAFT_OK)
        gr_dataset_close(dataset);
    return status;
}
