/* What the tests of weight files share: makers of hostile files. */
#ifndef TESTS_WEIGHTS_SUPPORT_H
#define TESTS_WEIGHTS_SUPPORT_H

#include "fixture.h"
#include "weights/tensors.h"

int file_count(const char *directory);

/* A file of safetensors structure with any header text and any data. */
void put_safetensors(const char *path, const char *header, const void *data, size_t size);

/* A .npy file: `header` is the Python literal. */
typedef struct blob {
    char *data;
    size_t size;
} blob;
blob npy(fixture *f, int version, const char *header, const void *data, size_t size);

/* A zip archive; method is ZIP_CM_STORE or ZIP_CM_DEFLATE. */
typedef struct zip_member {
    const char *name;
    blob content;
    int method;
} zip_member;
void put_zip(const char *path, const zip_member *members, size_t count);

void check_tensor(const gr_tensors *tensors, const char *name, gr_dtype dtype, gr_shape shape);

/* check_tensor for F32, and every element must be equal. */
void check_values(const gr_tensors *tensors, const char *name, gr_shape shape, const float *values);

#endif
