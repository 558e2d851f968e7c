/* 8-bit RGB -> float planes: y = (x / 255 - mean) / std, per channel.
 *
 * Thread-safety: safe.
 */
#ifndef GR_DATA_NORMALIZE_H
#define GR_DATA_NORMALIZE_H

#include <graft/log.h>
#include <graft/params.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gr_normalization {
    float mean[3], std[3]; /* in units of the full scale 1.0 */
} gr_normalization;

/* The numbers of a preset; of DEFAULT: imagenet. */
gr_normalization gr_normalization_of(graft_normalization preset);

graft_status gr_normalization_check(graft_log *log, const gr_normalization *n);

/* What each byte of each channel becomes: table [3, 256]. */
void gr_normalize_table(const gr_normalization *n, float *table);

/* pixels [count, 3] -> out [3, count]. */
void gr_normalize(const gr_normalization *n, const uint8_t *pixels, size_t count, float *out);

#endif
