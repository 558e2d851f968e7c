/* The tables of a byte-pair tokenizer. */
#ifndef GR_VOCABULARY_H
#define GR_VOCABULARY_H

#include "base/log.h"

#include <jansson.h>

typedef struct gr_vocabulary {
    json_t *ids;   /* {"piece": number} */
    json_t *ranks; /* {"left right": place in the order of merging} */
    int start, end;
} gr_vocabulary;

/* Reads what gr_bpe_open takes. Call gr_vocabulary_release also after a failure. */
graft_status gr_vocabulary_read(graft_log *log, const char *path, gr_vocabulary *out);
void gr_vocabulary_release(gr_vocabulary *vocabulary);

/* Writes the character that stands for a byte in pieces, 1 or 2 bytes, and returns how many:
 * printable ones stand for themselves, the others for those from U+0100 on. */
size_t gr_vocabulary_byte(unsigned char byte, char out[4]);

#endif
