/* Start values of trainable tensors. */
#include "build/build.h"

#include "base/philox.h"

#include <math.h>
#include <string.h>

/* FNV-1a: the stream of a tensor depends on its name only. Another hash would draw other numbers
 * than those that runs began with. */
static uint64_t stream_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

static void random_words(uint64_t seed, uint64_t stream, uint64_t index, uint32_t words[4])
{
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream,
                           (uint32_t)(stream >> 32)};
    gr_philox_seeded(seed, counter, words);
}

static void fill_uniform(float bound, int64_t count, uint64_t seed, uint64_t stream, float *out)
{
    uint32_t words[4] = {0};
    for (int64_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            random_words(seed, stream, (uint64_t)i / 4, words);
        out[i] = (2.0f * gr_philox_uniform(words[i % 4]) - 1.0f) * bound;
    }
}

/* One number for each counter value; `limit` deviations bound it by drawing again. */
static float normal_number(uint64_t seed, uint64_t stream, uint64_t index, float limit)
{
    for (uint64_t attempt = 0;; attempt++) {
        uint32_t words[4];
        float pair[2];
        random_words(seed, stream, index + (attempt << 40), words);
        gr_philox_normal(words[0], words[1], pair);
        if (fabsf(pair[0]) <= limit)
            return pair[0];
    }
}

static void fill_conv_identity(const gr_shape *shape, float *out)
{
    int64_t kh = shape->dim[2], kw = shape->dim[3], inputs = shape->dim[1];
    memset(out, 0, (size_t)gr_shape_count(shape) * sizeof(*out));
    for (int64_t c = 0; c < shape->dim[0] && c < inputs; c++)
        out[((c * inputs + c) * kh + kh / 2) * kw + kw / 2] = 1.0f;
}

void gr_init_values(gr_init init, const gr_shape *shape, uint64_t seed, const char *name,
                    float *out)
{
    int64_t count = gr_shape_count(shape);
    uint64_t stream = stream_of(name);
    switch (init.kind) {
    case GR_INIT_ZERO:
    case GR_INIT_CONSTANT:
        for (int64_t i = 0; i < count; i++)
            out[i] = init.kind == GR_INIT_ZERO ? 0.0f : init.a;
        break;
    case GR_INIT_UNIFORM:
        fill_uniform(init.a, count, seed, stream, out);
        break;
    case GR_INIT_NORMAL:
    case GR_INIT_TRUNCATED:
        for (int64_t i = 0; i < count; i++)
            out[i] = init.a + init.b * normal_number(seed, stream, (uint64_t)i,
                                                     init.kind == GR_INIT_NORMAL ? 1e9f : 2.0f);
        break;
    case GR_INIT_CONV_IDENTITY:
        fill_conv_identity(shape, out);
        break;
    }
}
