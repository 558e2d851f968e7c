/* 8-bit pictures that the device turns into what a network reads, by a table that the host made:
 * the numbers are those of gr_normalize().
 *
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_MODEL_PIXELS_H
#define GR_MODEL_PIXELS_H

#include "data/normalize.h"
#include "plan/store.h"

typedef struct gr_normalizer {
    gr_device *device; /* borrowed; NULL: none was made */
    gr_buffer *table;  /* [3, 256], what each byte of a channel becomes */
    gr_pipeline *pipeline;
    uint32_t workgroup;
} gr_normalizer;

/* Call gr_normalizer_release also after a failure. */
graft_status gr_normalizer_create(gr_device *device, const gr_normalization *normalization,
                                  gr_normalizer *out);
void gr_normalizer_release(gr_normalizer *normalizer);

/* Bytes of a buffer for `count` pictures, which the kernel reads in words. */
uint64_t gr_normalizer_bytes(int count, int size);

/* From pixels [count, size, size, 3] to images [count, 3, size, size]. */
gr_command gr_normalizer_command(const gr_normalizer *normalizer, const gr_region *pixels,
                                 int count, int size, const gr_region *images);

/* Pictures of the host, on their way into one network. */
typedef struct gr_pixel_input {
    gr_normalizer normalizer;
    gr_buffer *pixels; /* [count, size, size, 3] */
    gr_list *list;
    int size;
} gr_pixel_input;

/* For at most `count` pictures at once, into the float images of a network. Call
 * gr_pixel_input_release also after a failure. */
graft_status gr_pixel_input_create(graft_log *log, gr_device *device,
                                   const gr_normalization *normalization, int count, int size,
                                   const gr_region *images, gr_pixel_input *out);
void gr_pixel_input_release(gr_pixel_input *input);

/* Queues the way of pixels [count, size, size, 3]; nothing that was queued reads the ones before.
 */
graft_status gr_pixel_input_submit(gr_pixel_input *input, const uint8_t *pixels, int count);

#endif
