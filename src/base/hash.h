/* A hash of bytes, to tell one content from another: fast, the same on every machine, and no
 * defence against somebody who looks for two contents of one hash. */
#ifndef GR_BASE_HASH_H
#define GR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Hash of data[size] that continues from `start`: 0, or the hash of what comes before. The cut
 * between two calls counts: "ab" + "c" and "a" + "bc" differ. Thread-safety: safe. */
uint64_t gr_hash(uint64_t start, const void *data, size_t size);

/* Of a text with its end. */
uint64_t gr_hash_text(uint64_t start, const char *text);

/* The same of a stream, whose pieces do not count. Starts with all zero. */
enum { GR_HASH_BLOCK = 4096 };

typedef struct gr_stream_hash {
    uint64_t hash; /* of the whole blocks so far */
    size_t used;   /* bytes of the next one */
    unsigned char block[GR_HASH_BLOCK];
} gr_stream_hash;

void gr_stream_hash_add(gr_stream_hash *stream, const void *data, size_t size);
uint64_t gr_stream_hash_end(const gr_stream_hash *stream);

#endif
