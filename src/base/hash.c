#include "base/hash.h"

#include <string.h>

/* Odd numbers without a pattern: the fractions of the golden ratio and of square roots. */
#define P1 0x9e3779b97f4a7c15u
#define P2 0x6a09e667f3bcc909u
#define P3 0xbb67ae8584caa73bu
#define P4 0x3c6ef372fe94f82bu

enum { LANES = 4, BLOCK = 8 * LANES };

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

/* Little-endian, whatever the machine. */
static uint64_t read_word(const unsigned char *from)
{
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = word << 8 | from[i];
    return word;
}

static uint64_t absorb(uint64_t lane, uint64_t word)
{
    return rotate(lane ^ word * P2, 31) * P1;
}

/* Every bit of x reaches every bit of the result. */
static uint64_t finish(uint64_t x)
{
    x = (x ^ x >> 32) * P3;
    x = (x ^ x >> 29) * P4;
    return x ^ x >> 32;
}

/* Four chains side by side keep the multiplier busy. */
static uint64_t absorb_blocks(uint64_t start, const unsigned char *bytes, size_t blocks)
{
    uint64_t lane[LANES] = {start + P1, start ^ P2, start + P3, start ^ P4};
    for (size_t i = 0; i < blocks; i++, bytes += BLOCK)
        for (int k = 0; k < LANES; k++)
            lane[k] = absorb(lane[k], read_word(bytes + 8 * k));
    uint64_t all = start;
    for (int k = 0; k < LANES; k++)
        all = absorb(all, finish(lane[k]));
    return all;
}

uint64_t gr_hash(uint64_t start, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    size_t blocks = size / BLOCK;
    uint64_t all = absorb(start + P4, size);
    if (blocks)
        all = absorb_blocks(all, bytes, blocks);
    for (size_t i = blocks * BLOCK; i < size; i += 8) {
        unsigned char last[8] = {0};
        memcpy(last, bytes + i, size - i < 8 ? size - i : 8);
        all = absorb(all, read_word(last));
    }
    return finish(all);
}

uint64_t gr_hash_text(uint64_t start, const char *text)
{
    return gr_hash(start, text, strlen(text) + 1);
}

void gr_stream_hash_add(gr_stream_hash *stream, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    while (size > 0) {
        size_t room = GR_HASH_BLOCK - stream->used, n = size < room ? size : room;
        memcpy(stream->block + stream->used, bytes, n);
        stream->used += n, bytes += n, size -= n;
        if (stream->used < GR_HASH_BLOCK)
            return;
        stream->hash = gr_hash(stream->hash, stream->block, GR_HASH_BLOCK);
        stream->used = 0;
    }
}

uint64_t gr_stream_hash_end(const gr_stream_hash *stream)
{
    return gr_hash(stream->hash, stream->block, stream->used);
}
