/* The codecs behind gr_image_decode(); same contract. */
#ifndef GR_DATA_CODEC_H
#define GR_DATA_CODEC_H

#include "data/image.h"

graft_status gr_jpeg_decode(graft_log *log, const char *name, const void *bytes, size_t size_bytes,
                            gr_image *out);
graft_status gr_png_decode(graft_log *log, const char *name, const void *bytes, size_t size_bytes,
                           gr_image *out);

#endif
