/* A ring of decoded images. Positions count through all epochs; position p lives in slot
 * p % capacity. Workers take the next position that has a free slot; the consumer takes positions
 * in order and frees their slots. The ring holds no more than an epoch, so that the orders of two
 * epochs, the consumer's and the next, are all that is needed.
 *
 *      consumed        taken                    consumed + capacity
 *   ----|---------------|--------------------------|---> positions
 *        ready or busy       free, to be taken
 */
#include "data/loader.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"
#include "data/augment_erase.h"
#include "data/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 64, AUTO_THREADS = 8, MAX_BATCH = 65536, ERROR_TEXT = 1024 };

typedef enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_READY, SLOT_FAILED } slot_state;

typedef struct slot {
    slot_state state;
    graft_status status;
    char *error; /* when SLOT_FAILED; malloc */
} slot;

struct gr_loader {
    graft_log *log;
    const gr_dataset *dataset;
    gr_loader_params params;
    size_t images;       /* of an epoch, all parts: full batches only with drop_last */
    size_t positions;    /* of an epoch that are this part's */
    size_t rows;         /* of a full batch that are this part's */
    size_t image_pixels; /* size * size */

    gr_thread threads[MAX_THREADS];
    int thread_count;
    gr_mutex mutex;
    gr_condition freed, finished; /* for the workers; for the consumer */

    /* Guarded by the mutex. */
    size_t consumed, taken;
    size_t ordered; /* positions that may be taken: those of epochs whose order is known */
    int busy;
    bool *left_out; /* [dataset count] */
    bool stop, paused;
    slot *slots; /* [capacity] */

    /* By the parity of the epoch, [dataset count] each; written by the consumer while no worker can
     * have a position of that epoch. */
    uint32_t *order[2];

    uint8_t *pixels; /* [capacity, size, size, 3]: each slot by the one who holds it */
    size_t capacity;

    /* The consumer's own. */
    uint32_t epoch;
    graft_status failure;
    char *failure_text;
    size_t batch_start;
};

/* ---- Workers ---------------------------------------------------------------------------- */

static uint32_t index_at(const gr_loader *l, size_t position)
{
    return l->order[position / l->positions % 2][position % l->positions];
}

static graft_status prepare(gr_loader *l, graft_log *log, size_t position)
{
    uint32_t epoch = (uint32_t)(position / l->positions), index = index_at(l, position);
    gr_random_key key = {l->params.seed, epoch, index};
    gr_image image, resized;
    GR_TRY(gr_dataset_image(log, l->dataset, index, &image));
    graft_status status =
        gr_augment_image(log, &l->params.augment, &l->params.preprocess, key, &image, &resized);
    gr_image_free(&image);
    GR_TRY(status);
    size_t size_bytes = l->image_pixels * GR_IMAGE_CHANNELS;
    memcpy(l->pixels + (position % l->capacity) * size_bytes, resized.pixels, size_bytes);
    gr_image_free(&resized);
    return GRAFT_OK;
}

/* The text of the error, kept for the consumer: it must be told in the order of the images. */
static char *error_text(graft_log *log)
{
    char *text = malloc(ERROR_TEXT);
    if (text)
        graft_log_error(log, text, ERROR_TEXT);
    return text;
}

static bool may_take(const gr_loader *l)
{
    return !l->paused && l->taken < l->ordered && l->taken < l->consumed + l->capacity;
}

static void work(gr_loader *l, graft_log *log)
{
    gr_mutex_lock(&l->mutex);
    while (!l->stop) {
        if (!may_take(l)) {
            gr_condition_wait(&l->freed, &l->mutex);
            continue;
        }
        size_t position = l->taken++;
        slot *s = &l->slots[position % l->capacity];
        s->state = SLOT_BUSY;
        l->busy++;
        bool needed = !l->left_out[index_at(l, position)];
        gr_mutex_unlock(&l->mutex);
        double start = gr_span_begin(&l->params.spans);
        graft_status status = needed ? prepare(l, log, position) : GRAFT_OK;
        gr_span_end(&l->params.spans, "decode", start);
        char *error = status == GRAFT_OK ? NULL : error_text(log);
        gr_mutex_lock(&l->mutex);
        s->status = status;
        s->error = error;
        s->state = status == GRAFT_OK ? SLOT_READY : SLOT_FAILED;
        l->busy--;
        if (status != GRAFT_OK)
            l->paused = true; /* nothing after it will be asked for */
        gr_condition_signal(&l->finished);
    }
    gr_mutex_unlock(&l->mutex);
}

static void worker(void *user)
{
    gr_loader *l = user;
    graft_log *log = graft_log_create(NULL); /* a log of its own: see error_text() */
    work(l, log);
    graft_log_destroy(&log);
}

/* ---- Starting, seeking, stopping -------------------------------------------------------- */

/* Holding the mutex: waits until no worker touches a slot, and empties the ring. */
static void quiesce(gr_loader *l)
{
    l->paused = true;
    while (l->busy)
        gr_condition_wait(&l->finished, &l->mutex);
    for (size_t i = 0; i < l->capacity; i++) {
        free(l->slots[i].error);
        l->slots[i] = (slot){0};
    }
}

int gr_loader_first_row(int rows, int part, int parts)
{
    int each = rows / parts, more = rows % parts;
    return each * part + (part < more ? part : more);
}

/* Of a batch with `rows` rows in all. */
static size_t own_rows(const gr_loader_params *p, size_t rows, size_t *first)
{
    size_t begin = (size_t)gr_loader_first_row((int)rows, p->part, p->parts);
    if (first)
        *first = begin;
    return (size_t)gr_loader_first_row((int)rows, p->part + 1, p->parts) - begin;
}

/* Leaves of an epoch's images those that are this part's of each batch. */
static void keep_own(const gr_loader *l, uint32_t *order)
{
    size_t batch = (size_t)l->params.batch, kept = 0, first;
    for (size_t start = 0; start < l->images; start += batch) {
        size_t left = l->images - start;
        size_t rows = own_rows(&l->params, left < batch ? left : batch, &first);
        memmove(order + kept, order + start + first, rows * sizeof(*order));
        kept += rows;
    }
}

static void put_in_order(gr_loader *l, uint32_t epoch)
{
    uint32_t *order = l->order[epoch % 2];
    if (l->params.order == GR_ORDER_SHUFFLED)
        gr_order_shuffled(order, gr_dataset_count(l->dataset), l->params.seed, epoch);
    else
        gr_order_sequential(order, gr_dataset_count(l->dataset));
    keep_own(l, order);
}

/* Puts the epoch after the consumer's in order, if it will be asked for, and returns what may be
 * taken then. */
static size_t look_ahead(gr_loader *l)
{
    bool next = (uint64_t)l->epoch + 1 < l->params.epochs;
    if (next)
        put_in_order(l, l->epoch + 1);
    return ((size_t)l->epoch + 1 + next) * l->positions;
}

static size_t epoch_end(const gr_loader *l)
{
    return ((size_t)l->epoch + 1) * l->positions;
}

/* On to an epoch that workers have begun already. */
static void go_on(gr_loader *l)
{
    l->epoch++;
    size_t ordered = look_ahead(l);
    gr_mutex_lock(&l->mutex);
    l->ordered = ordered;
    gr_condition_broadcast(&l->freed);
    gr_mutex_unlock(&l->mutex);
}

graft_status gr_loader_seek(gr_loader *l, uint32_t epoch, size_t batch)
{
    if (batch > gr_loader_batches(l))
        return gr_fail(l->log, GRAFT_ERR_ARGUMENT, "loader: batch %zu; an epoch has %zu", batch,
                       gr_loader_batches(l));
    if (batch == 0 && epoch == l->epoch + 1 && epoch < l->params.epochs &&
        l->consumed == epoch_end(l) && l->failure == GRAFT_OK) {
        go_on(l);
        return GRAFT_OK;
    }
    size_t start = batch * l->rows;
    gr_mutex_lock(&l->mutex);
    quiesce(l);
    l->epoch = epoch;
    put_in_order(l, epoch);
    l->ordered = look_ahead(l);
    l->consumed = epoch * l->positions + (start < l->positions ? start : l->positions);
    l->taken = l->batch_start = l->consumed;
    l->paused = false;
    gr_condition_broadcast(&l->freed);
    gr_mutex_unlock(&l->mutex);
    l->failure = GRAFT_OK;
    free(l->failure_text);
    l->failure_text = NULL;
    return GRAFT_OK;
}

static graft_status check(graft_log *log, const gr_loader_params *p)
{
    if (p->batch < 1 || p->batch > MAX_BATCH)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "batch size %d: expected 1 to %d", p->batch,
                       MAX_BATCH);
    if (p->parts > p->batch)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "batch size %d: fewer than its %d parts", p->batch,
                       p->parts);
    if (p->threads < 0 || p->threads > MAX_THREADS)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%d loader threads: expected 0 to %d", p->threads,
                       MAX_THREADS);
    GR_TRY(gr_preprocess_check(log, &p->preprocess));
    return gr_augment_check(log, &p->augment, &p->preprocess);
}

/* Two batches ahead, and always something to do for each worker. */
static size_t ring_capacity(const gr_loader *l)
{
    size_t wanted = 2 * l->rows + (size_t)l->params.threads;
    return wanted < l->positions ? wanted : l->positions ? l->positions : 1;
}

static graft_status allocate(gr_loader *l)
{
    size_t count = gr_dataset_count(l->dataset), batch = (size_t)l->params.batch;
    size_t full = count / batch, rest = l->params.drop_last ? 0 : count % batch;
    l->images = full * batch + rest;
    l->rows = own_rows(&l->params, batch, NULL);
    l->positions = full * l->rows + own_rows(&l->params, rest, NULL);
    l->image_pixels = (size_t)l->params.preprocess.size * (size_t)l->params.preprocess.size;
    l->capacity = ring_capacity(l);
    l->slots = gr_alloc_array(l, l->capacity, sizeof(*l->slots));
    l->order[0] = gr_alloc_array(l, count, sizeof(uint32_t));
    l->order[1] = gr_alloc_array(l, count, sizeof(uint32_t));
    l->left_out = gr_alloc_array(l, count, sizeof(*l->left_out));
    /* calloc: overflow is checked, and pages are only taken once used */
    l->pixels = calloc(l->capacity, l->image_pixels * GR_IMAGE_CHANNELS);
    if (!l->slots || !l->order[0] || !l->order[1] || !l->left_out || !l->pixels)
        return gr_fail(l->log, GRAFT_ERR_MEMORY,
                       "loader: no memory for %zu images of %d x %d ahead; use a smaller batch",
                       l->capacity, l->params.preprocess.size, l->params.preprocess.size);
    return GRAFT_OK;
}

static graft_status start_workers(gr_loader *l)
{
    for (int i = 0; i < l->params.threads; i++) {
        if (!gr_thread_start(&l->threads[i], worker, l))
            return gr_fail(l->log, GRAFT_ERR_MEMORY, "loader: cannot start a thread: %s",
                           strerror(errno));
        l->thread_count++;
    }
    return GRAFT_OK;
}

int gr_loader_threads(int wanted)
{
    if (wanted)
        return wanted;
    int processors = gr_processor_count();
    return processors > AUTO_THREADS ? AUTO_THREADS : processors;
}

graft_status gr_loader_create(graft_log *log, const gr_dataset *dataset,
                              const gr_loader_params *params, gr_loader **out)
{
    *out = NULL;
    GR_TRY(check(log, params));
    gr_loader *l = gr_alloc(NULL, sizeof(*l));
    if (!l)
        return gr_fail(log, GRAFT_ERR_MEMORY, "loader: no memory");
    l->log = log;
    l->dataset = dataset;
    l->params = *params;
    l->params.threads = gr_loader_threads(params->threads);
    if (!params->parts)
        l->params.parts = 1;
    gr_mutex_init(&l->mutex);
    gr_condition_init(&l->freed);
    gr_condition_init(&l->finished);
    graft_status status = allocate(l);
    if (status == GRAFT_OK)
        status = gr_loader_seek(l, 0, 0);
    if (status == GRAFT_OK)
        status = start_workers(l);
    if (status == GRAFT_OK)
        *out = l;
    else
        gr_loader_destroy(&l);
    return status;
}

void gr_loader_destroy(gr_loader **loader)
{
    if (!loader || !*loader)
        return;
    gr_loader *l = *loader;
    gr_mutex_lock(&l->mutex);
    l->stop = true;
    gr_condition_broadcast(&l->freed);
    gr_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->thread_count; i++)
        gr_thread_join(&l->threads[i]);
    for (size_t i = 0; l->slots && i < l->capacity; i++)
        free(l->slots[i].error);
    free(l->failure_text);
    free(l->pixels);
    gr_free(l);
    *loader = NULL;
}

/* ---- The consumer ----------------------------------------------------------------------- */

size_t gr_loader_batches(const gr_loader *l)
{
    size_t batch = (size_t)l->params.batch;
    return (l->images + batch - 1) / batch;
}

void gr_loader_leave_out(gr_loader *l, size_t index)
{
    gr_mutex_lock(&l->mutex);
    l->left_out[index] = true;
    gr_mutex_unlock(&l->mutex);
}

size_t gr_loader_index(const gr_loader *l, int i)
{
    return index_at(l, l->batch_start + (size_t)i);
}

/* Waits for a position; on failure its text moves to the loader. */
static graft_status await(gr_loader *l, size_t position)
{
    slot *s = &l->slots[position % l->capacity];
    gr_mutex_lock(&l->mutex);
    while (s->state != SLOT_READY && s->state != SLOT_FAILED)
        gr_condition_wait(&l->finished, &l->mutex);
    if (s->state == SLOT_FAILED) {
        l->failure = s->status;
        l->failure_text = s->error;
        s->error = NULL;
    }
    gr_mutex_unlock(&l->mutex);
    return l->failure;
}

static void release(gr_loader *l, size_t position)
{
    gr_mutex_lock(&l->mutex);
    l->slots[position % l->capacity].state = SLOT_FREE;
    l->consumed = position + 1;
    gr_condition_signal(&l->freed);
    gr_mutex_unlock(&l->mutex);
}

static graft_status report_failure(const gr_loader *l)
{
    bool told = l->failure_text && *l->failure_text;
    return gr_fail(l->log, l->failure, "%s",
                   told ? l->failure_text : graft_status_text(l->failure));
}

/* An image that is ready, as floats. */
static void normalize(gr_loader *l, size_t position, float *image)
{
    size_t bytes = l->image_pixels * GR_IMAGE_CHANNELS;
    double erasing = l->params.augment.random_erasing;
    gr_normalize(&l->params.preprocess.normalization, l->pixels + position % l->capacity * bytes,
                 l->image_pixels, image);
    if (erasing > 0.0)
        gr_erase_image(erasing, (gr_random_key){l->params.seed, l->epoch, index_at(l, position)},
                       l->params.preprocess.size, image);
}

/* The next batch, as bytes or as floats: one of both is NULL. */
static graft_status next(gr_loader *l, uint8_t *pixels, float *images, int32_t *labels, int *valid)
{
    *valid = 0;
    if (l->failure != GRAFT_OK)
        return report_failure(l);
    size_t start = l->consumed, left = epoch_end(l) - start;
    size_t count = left < l->rows ? left : l->rows, bytes = l->image_pixels * GR_IMAGE_CHANNELS;
    l->batch_start = start;
    for (size_t i = 0; i < count; i++) {
        size_t position = start + i;
        if (await(l, position) != GRAFT_OK)
            return report_failure(l);
        if (pixels)
            memcpy(pixels + i * bytes, l->pixels + position % l->capacity * bytes, bytes);
        else
            normalize(l, position, images + i * bytes);
        labels[i] = gr_dataset_label(l->dataset, index_at(l, position));
        release(l, position);
    }
    *valid = (int)count;
    return GRAFT_OK;
}

graft_status gr_loader_next(gr_loader *l, float *images, int32_t *labels, int *valid)
{
    size_t floats = l->image_pixels * GR_IMAGE_CHANNELS;
    GR_TRY(next(l, NULL, images, labels, valid));
    for (size_t i = (size_t)*valid; *valid && i < l->rows; i++) {
        memset(images + i * floats, 0, floats * sizeof(*images));
        labels[i] = -1;
    }
    return GRAFT_OK;
}

graft_status gr_loader_next_pixels(gr_loader *l, uint8_t *pixels, int32_t *labels, int *valid)
{
    return next(l, pixels, NULL, labels, valid);
}
