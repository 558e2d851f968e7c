/* Images of the dSprites kind, generated: a white square, ellipse or heart on black, 64 x 64.
 *
 * Factors: L. Matthey, I. Higgins, D. Hassabis, A. Lerchner, "dSprites: disentanglement testing
 * sprites dataset", 2017: shape 3, scale 6 (0.5 to 1), orientation 40 (0 to 2 pi, both included),
 * position x 32, y 32; one image for each combination, 737,280 in all, y changing fastest. The
 * outlines are our own, so the pixels are not those of the published file.
 *
 * Tasks: those of VTAB-1k, "location" (x) and "orientation", each with its values grouped to 16
 * classes: floor(value / (values / 16)). A square looks the same after a quarter turn and an
 * ellipse after half a turn, so orientation cannot be learned to 100 %, here as in the original.
 *
 * Image i of the set is combination p(i), where p is a fixed random permutation: train and test
 * never share an image. */
#include "data/source.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/philox.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SHAPES = 3,
    SCALES = 6,
    ORIENTATIONS = 40,
    POSITIONS = 32,
    COMBINATIONS = SHAPES * SCALES * ORIENTATIONS * POSITIONS * POSITIONS,
    CLASSES = 16,
    SIDE = 64,
    TRAIN_COUNT = 1000,
    TUNE_COUNT = 800,
    DEFAULT_TEST_COUNT = 2000,
};

static const uint64_t permutation_seed = 20170426;

typedef struct factors {
    int shape, scale, orientation, x, y;
} factors;

typedef struct dsprites {
    gr_dataset base;
    uint32_t first; /* the set's index of sample 0 */
} dsprites;

/* A keyed permutation of 2^20 numbers (a Feistel network on two halves of 10 bits), repeated until
 * it lands below COMBINATIONS; so it permutes those too. */
static uint32_t permute(uint32_t index)
{
    do {
        uint32_t left = index >> 10, right = index & 1023;
        for (uint32_t round = 0; round < 4; round++) {
            uint32_t out[4];
            gr_philox_seeded(permutation_seed, (uint32_t[]){right, round, 0, 0}, out);
            uint32_t mixed = left ^ (out[0] & 1023);
            left = right;
            right = mixed;
        }
        index = left << 10 | right;
    } while (index >= COMBINATIONS);
    return index;
}

static factors factors_of(uint32_t index)
{
    int rest = (int)permute(index);
    factors f;
    f.y = rest % POSITIONS, rest /= POSITIONS;
    f.x = rest % POSITIONS, rest /= POSITIONS;
    f.orientation = rest % ORIENTATIONS, rest /= ORIENTATIONS;
    f.scale = rest % SCALES, rest /= SCALES;
    f.shape = rest;
    return f;
}

static bool in_square(double u, double v)
{
    return fabs(u) <= 1.0 && fabs(v) <= 1.0;
}

static bool in_ellipse(double u, double v)
{
    double a = u / 1.3, b = v / 0.65;
    return a * a + b * b <= 1.0;
}

static bool in_heart(double u, double v)
{
    v += 0.29; /* its centre of mass becomes the centre, as with the others */
    double a = u * u + v * v - 1.0;
    return a * a * a <= u * u * v * v * v;
}

/* No antialiasing, as in the original: a pixel is white if its centre is inside. */
static void draw(const factors *f, uint8_t *pixels)
{
    static bool (*const inside[SHAPES])(double, double) = {in_square, in_ellipse, in_heart};
    double angle = 2.0 * 3.14159265358979323846 * f->orientation / (ORIENTATIONS - 1);
    double size = 11.3 * (0.5 + 0.1 * f->scale); /* the largest just fits at every position */
    double c = cos(angle) / size, s = sin(angle) / size;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++, pixels += GR_IMAGE_CHANNELS) {
            int dx = x - (16 + f->x), dy = y - (16 + f->y);
            bool white = inside[f->shape](c * dx + s * dy, s * dx - c * dy);
            memset(pixels, white ? 255 : 0, GR_IMAGE_CHANNELS);
        }
}

static graft_status sprite_image(graft_log *log, const gr_dataset *dataset, size_t index,
                                 gr_image *out)
{
    const dsprites *d = (const dsprites *)dataset;
    GR_TRY(gr_image_alloc(log, dataset->samples[index].name, SIDE, SIDE, out));
    factors f = factors_of(d->first + (uint32_t)index);
    draw(&f, out->pixels);
    return GRAFT_OK;
}

static int location_label(const factors *f)
{
    return f->x * CLASSES / POSITIONS;
}

static int orientation_label(const factors *f)
{
    return f->orientation * CLASSES / ORIENTATIONS;
}

static graft_status choose_range(graft_log *log, const gr_dataset_params *params, dsprites *d)
{
    const char *split = params->split;
    size_t test = params->test_count ? params->test_count : DEFAULT_TEST_COUNT;
    const struct {
        const char *name;
        uint32_t first;
        size_t count;
    } ranges[] = {
        {"train", 0, TRAIN_COUNT},
        {"train800val200", 0, TRAIN_COUNT},
        {"train800", 0, TUNE_COUNT},
        {"val", TUNE_COUNT, TRAIN_COUNT - TUNE_COUNT},
        {"val200", TUNE_COUNT, TRAIN_COUNT - TUNE_COUNT},
        {"test", TRAIN_COUNT, test},
    };
    if (test > COMBINATIONS - TRAIN_COUNT)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: %zu test images; at most %d exist",
                       d->base.title, test, COMBINATIONS - TRAIN_COUNT);
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (!strcmp(split, ranges[i].name)) {
            d->first = ranges[i].first;
            d->base.count = ranges[i].count;
            return GRAFT_OK;
        }
    return gr_fail(log, GRAFT_ERR_NOT_FOUND,
                   "%s: no split '%s'; expected train, val, test, train800 or val200",
                   d->base.title, split);
}

static graft_status fill(graft_log *log, const gr_dataset_params *params, dsprites *d)
{
    enum { NAME = 24 };
    const char *task = d->base.title + strlen(GR_DSPRITES_PREFIX);
    bool location = !strcmp(task, "location");
    if (!location && strcmp(task, "orientation"))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: unknown task; expected dsprites:location or dsprites:orientation",
                       d->base.title);
    GR_TRY(choose_range(log, params, d));
    d->base.classes = CLASSES;
    d->base.origin = "generated";
    d->base.samples = gr_alloc_array(d, d->base.count, sizeof(*d->base.samples));
    char *names = gr_alloc_array(d, d->base.count, NAME);
    if (!d->base.samples || !names)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for %zu samples", d->base.title,
                       d->base.count);
    for (size_t i = 0; i < d->base.count; i++) {
        uint32_t index = d->first + (uint32_t)i;
        factors f = factors_of(index);
        snprintf(names + i * NAME, NAME, "dsprites/%06u", index);
        d->base.samples[i] = (gr_sample){
            .name = names + i * NAME,
            .label = location ? location_label(&f) : orientation_label(&f),
        };
    }
    return GRAFT_OK;
}

static graft_status sprite_head(graft_log *log, const gr_dataset *dataset, size_t index,
                                gr_image_head *out)
{
    (void)log, (void)dataset, (void)index;
    *out = (gr_image_head){0};
    return GRAFT_OK;
}

static const gr_source source = {.image = sprite_image, .head = sprite_head};

graft_status gr_dsprites_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                              gr_dataset **out)
{
    dsprites *d = gr_alloc(NULL, sizeof(*d));
    if (!d)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", spec);
    d->base.source = &source;
    d->base.title = gr_strdup(d, spec);
    graft_status status = d->base.title ? fill(log, params, d)
                                        : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", spec);
    if (status == GRAFT_OK)
        *out = &d->base;
    else
        gr_free(d);
    return status;
}
