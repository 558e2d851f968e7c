/* The seeds of a target, as drivers see them. */
#ifndef TESTS_FUZZ_SEEDS_H
#define TESTS_FUZZ_SEEDS_H

#include "fuzz.h"

enum { FUZZ_MAX_SEEDS = 64 };

typedef struct fuzz_seed {
    const uint8_t *data;
    size_t size;
} fuzz_seed;

typedef struct fuzz_seeds {
    void *memory;
    fuzz_seed seeds[FUZZ_MAX_SEEDS];
    int count;
} fuzz_seeds;

/* Where fuzz_add() puts them. */
extern fuzz_seeds *fuzz_collecting;

#endif
