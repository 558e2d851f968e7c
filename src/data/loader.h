/* Batches of images, decoded, resized and normalised by worker threads ahead of the consumer.
 *
 * What a batch holds depends on the dataset and the parameters alone, never on the number of
 * threads: the order of epoch e is a Fisher-Yates shuffle keyed by (seed, e), what
 * augmentation draws by (seed, e, index of the image). So a run continues at any batch of any
 * epoch.
 *
 * Images wait as 8-bit pixels, a quarter of the memory of floats; gr_loader_next(), which has to
 * copy them anyway, normalises on the way.
 */
#ifndef GR_DATA_LOADER_H
#define GR_DATA_LOADER_H

#include "base/span.h"
#include "data/augment.h"
#include "data/dataset.h"
#include <stdbool.h>

typedef enum gr_order {
    GR_ORDER_SEQUENTIAL, /* as the dataset lists them */
    GR_ORDER_SHUFFLED,
} gr_order;

typedef struct gr_loader_params {
    gr_preprocess preprocess;
    graft_augment_params augment;
    int batch; /* images in a batch, 1 to 65536 */
    gr_order order;
    uint64_t seed;
    bool drop_last;  /* leave out a last batch that is not full */
    uint32_t epochs; /* that are read one after the other: decoding goes on from one to the next;
                      * 0: it waits at the end of each */
    int threads;     /* 0: one per processor, at most 8 */
    /* Several loaders of the same parameters share each batch: this one reads the rows that
     * gr_loader_first_row() gives to `part` of `parts`. 0, 0: all. */
    int part, parts;
    gr_spans spans;  /* are told each "decode", from the workers */
} gr_loader_params;

/* The first of a batch's `rows` rows that is of a part, which has those before the next part's
 * first: as many as each other part, or one more in the first parts. */
int gr_loader_first_row(int rows, int part, int parts);

/* Thread-safety: one thread at a time. */
typedef struct gr_loader gr_loader;

/* Starts the workers, at the first batch of epoch 0. Borrows `dataset` and `log`, which must
 * outlive the loader. */
graft_status gr_loader_create(graft_log *log, const gr_dataset *dataset,
                              const gr_loader_params *params, gr_loader **out);

/* Stops the workers and waits for them. Sets *loader to NULL; NULL and a pointer to NULL are
 * accepted. */
void gr_loader_destroy(gr_loader **loader);

/* How many threads to use: `wanted`, or as many as fit the machine when that is 0. */
int gr_loader_threads(int wanted);

/* Batches in an epoch. */
size_t gr_loader_batches(const gr_loader *loader);

/* Continues at batch `batch` of an epoch, whatever came before (at the first batch of the epoch
 * that follows, without dropping what was decoded ahead of it); batch <= gr_loader_batches().
 * Clears a failure. */
graft_status gr_loader_seek(gr_loader *loader, uint32_t epoch, size_t batch);

/* Writes the next batch: images [batch, 3, size, size], labels [batch] (of a part, its rows of a
 * full batch in the place of `batch`); blocks until it is ready. *valid is the number of images, 0
 * at the end of the epoch (nothing is written then). The rest of a batch that is not full is zero,
 * with labels of -1. An image that cannot be read fails the batch that it is in, and all later
 * calls. */
graft_status gr_loader_next(gr_loader *loader, float *images, int32_t *labels, int *valid);

/* The same as the bytes that they are before normalisation: pixels [batch, size, size, 3], without
 * random erasing. What a batch that is not full leaves over is not written, nor are its labels. */
graft_status gr_loader_next_pixels(gr_loader *loader, uint8_t *pixels, int32_t *labels, int *valid);

/* From now on the pixels of this image of the dataset are not needed: it is not decoded, unless it
 * was already, and its place in a batch has pixels of any image. */
void gr_loader_leave_out(gr_loader *loader, size_t index);

/* The dataset index of image `i` of the batch that gr_loader_next() wrote last. */
size_t gr_loader_index(const gr_loader *loader, int i);

#endif
