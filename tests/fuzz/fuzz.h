/* Readers under hostile input: whatever bytes a file holds, reading it ends with a status.
 *
 * A target gives bytes to one reader. Its seeds, good files made here or taken from tests/data, are
 * what mutations start from. Two drivers run targets: replay.c, a test of the suite that mutates by
 * itself for a second, and libFuzzer (tools/fuzz), which mutates by coverage for as long as wanted.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "fixture.h"

typedef struct fuzz_target {
    const char *name;
    graft_status (*read)(fixture *f, const uint8_t *data, size_t size); /* what the reader said */
    void (*seed)(fixture *f); /* calls fuzz_add() for each seed */
} fuzz_target;

/* NULL: there is no target of this name. */
const fuzz_target *fuzz_find(const char *name);

/* A seed, which is copied. */
void fuzz_add(const void *data, size_t size);
void fuzz_add_text(const char *text);
void fuzz_add_file(const char *path);

/* A file of tests/data. */
void fuzz_add_data(const char *name);

/* Writes an input to a file of the scratch folder, and returns its path. */
const char *fuzz_file(fixture *f, const char *name, const uint8_t *data, size_t size);

/* "tests/data/NAME". */
const char *fuzz_data(const char *name, char path[512]);

/* Cuts an input of several parts at the first `mark`: *rest is what follows it, of *rest_size
 * bytes; returns the size of what is before. */
size_t fuzz_cut(const uint8_t *data, size_t size, char mark, const uint8_t **rest,
                size_t *rest_size);

#define FUZZ_TARGET(name)                                                                          \
    {                                                                                              \
#name, read_##name, seed_##name                                                            \
    }

/* By file: what the targets of each are. */
extern const fuzz_target fuzz_weights[], fuzz_images[], fuzz_data_sets[], fuzz_runs[];

#endif
