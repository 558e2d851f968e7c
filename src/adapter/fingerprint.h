/* What a backbone is, by its content: adapters and checkpoints carry it, so that they are not taken
 * up with another one. */
#ifndef GR_FINGERPRINT_H
#define GR_FINGERPRINT_H

#include "weights/tensors.h"

enum { GR_FINGERPRINT_TEXT = 17 };

/* 16 hexadecimal digits of the tensors' names, types, shapes and values, whatever their order and
 * the file's path. The head does not count, since training puts another one in its place, nor does
 * what is no part of the image encoder. Reads all values. */
const char *gr_backbone_fingerprint(const gr_tensors *backbone, char text[GR_FINGERPRINT_TEXT]);

/* The metadata key under which it stands. */
#define GR_FINGERPRINT_KEY "graft.backbone"

/* Whether `file`, an adapter, was trained on this backbone: GRAFT_ERR_ARGUMENT with a line that
 * names both when not, a warning instead where *accept is set. `accept` NULL: the caller has no
 * such setting. Files without a fingerprint, those of version 0.1.0,
 * pass, and those that hold the whole encoder themselves. */
graft_status gr_fingerprint_check(graft_log *log, const gr_tensors *file,
                                  const gr_tensors *backbone, const bool *accept);

#endif
