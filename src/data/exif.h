/* How a camera was held: the orientation that EXIF keeps beside an image. */
#ifndef GR_DATA_EXIF_H
#define GR_DATA_EXIF_H

#include "data/image.h"

/* Tag 0x0112 of the first directory of EXIF data, a TIFF file (TIFF 6.0, section 2; CIPA DC-008): 1
 * to 8. 1, as it stands, when there is none or the data is damaged. */
int gr_exif_orientation(const uint8_t *tiff, size_t size_bytes);

/* Turns an image upright: what Pillow's ImageOps.exif_transpose does for a tag. Takes and replaces
 * the pixels; on failure *image is as it was. */
graft_status gr_exif_apply(graft_log *log, const char *name, int orientation, gr_image *image);

#endif
