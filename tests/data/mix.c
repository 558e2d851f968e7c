/* Mixing batches: images and targets follow their formulas, draws their distributions. */
#include "support.h"

#include "data/augment_mix.h"

#include <math.h>

enum { SIZE = 6, PIXELS = SIZE * SIZE, IMAGE = 3 * PIXELS, CLASSES = 4, MAX_COUNT = 6 };

static void fill(float *images, int count)
{
    for (int i = 0; i < count * IMAGE; i++)
        images[i] = (float)(i * 37 % 101) / 50.0f - 1.0f;
}

static void mixup_blends(void **state)
{
    (void)state;
    for (int count = 1; count <= MAX_COUNT; count++) {
        float in[MAX_COUNT * IMAGE], out[MAX_COUNT * IMAGE];
        fill(in, MAX_COUNT), fill(out, MAX_COUNT);
        gr_mix_images((gr_mix_draw){.keep = 0.7}, count, SIZE, out);
        for (int i = 0; i < count * IMAGE; i++) {
            int other = (count - 1 - i / IMAGE) * IMAGE + i % IMAGE;
            assert_float_equal(out[i], 0.7f * in[i] + 0.3f * in[other], 1e-6f);
        }
        assert_memory_equal(out + count * IMAGE, in + count * IMAGE,
                            (size_t)(MAX_COUNT - count) * IMAGE * sizeof(float));
    }
}

static void cutmix_replaces(void **state)
{
    (void)state;
    for (int count = 1; count <= MAX_COUNT; count++) {
        float in[MAX_COUNT * IMAGE], out[MAX_COUNT * IMAGE];
        fill(in, MAX_COUNT), fill(out, MAX_COUNT);
        gr_mix_draw draw = {.keep = 1.0 - 6.0 / PIXELS, .box = {1, 3, 3, 2}};
        gr_mix_images(draw, count, SIZE, out);
        for (int i = 0; i < count * IMAGE; i++) {
            int x = i % SIZE, y = i % PIXELS / SIZE;
            bool inside = x >= 1 && x < 4 && y >= 3 && y < 5;
            int other = (count - 1 - i / IMAGE) * IMAGE + i % IMAGE;
            assert_true(out[i] == in[inside ? other : i]);
        }
    }
}

/* Bytes lie pixel by pixel. */
static void cutmix_replaces_bytes(void **state)
{
    (void)state;
    for (int count = 1; count <= MAX_COUNT; count++) {
        uint8_t in[MAX_COUNT * IMAGE], out[MAX_COUNT * IMAGE];
        for (int i = 0; i < MAX_COUNT * IMAGE; i++)
            in[i] = out[i] = (uint8_t)(i * 37 % 251);
        gr_mix_draw draw = {.keep = 1.0 - 6.0 / PIXELS, .box = {1, 3, 3, 2}};
        gr_mix_pixels(draw, count, SIZE, out);
        for (int i = 0; i < count * IMAGE; i++) {
            int x = i / 3 % SIZE, y = i % IMAGE / 3 / SIZE;
            bool inside = x >= 1 && x < 4 && y >= 3 && y < 5;
            int other = (count - 1 - i / IMAGE) * IMAGE + i % IMAGE;
            assert_int_equal(out[i], in[inside ? other : i]);
        }
        gr_mix_pixels((gr_mix_draw){.keep = 1.0}, count, SIZE, out);
        assert_memory_equal(out + count * IMAGE, in + count * IMAGE,
                            (size_t)(MAX_COUNT - count) * IMAGE);
    }
}

/* keep * smoothed one-hot + (1 - keep) * that of the mirrored place. */
static void targets(void **state)
{
    (void)state;
    static const int32_t labels[] = {2, 0, 3, 3, 0, 1};
    static const double keeps[] = {1.0, 0.25};
    static const double smoothings[] = {0.0, 0.1};
    for (int k = 0; k < 4; k++) {
        double keep = keeps[k / 2], smoothing = smoothings[k % 2];
        graft_augment_params mix = {.mixup = 1.0, .label_smoothing = smoothing};
        float found[6 * CLASSES];
        gr_mix_targets(&mix, (gr_mix_draw){.keep = keep}, labels, 6, CLASSES, found);
        for (int i = 0; i < 6 * CLASSES; i++) {
            double off = smoothing / CLASSES, on = 1.0 - smoothing + off;
            bool own = labels[i / CLASSES] == i % CLASSES;
            bool other = labels[5 - i / CLASSES] == i % CLASSES;
            double expected = keep * (own ? on : off) + (1.0 - keep) * (other ? on : off);
            assert_float_equal(found[i], (float)expected, 1e-6f);
        }
    }
}

typedef struct statistics {
    double keep, square; /* of all */
    int cuts;
} statistics;

static statistics draw_many(const graft_augment_params *mix, uint32_t count)
{
    statistics s = {0};
    for (uint32_t i = 0; i < count; i++) {
        gr_mix_draw d = gr_mix_draw_batch(mix, (gr_random_key){4, i / 50, i % 50}, 224);
        gr_mix_draw again = gr_mix_draw_batch(mix, (gr_random_key){4, i / 50, i % 50}, 224);
        assert_memory_equal(&d, &again, sizeof(d));
        assert_true(d.keep >= 0.0 && d.keep <= 1.0);
        if (d.box.width > 0) {
            assert_true(d.box.x >= 0 && d.box.x + d.box.width <= 224);
            assert_true(d.box.y >= 0 && d.box.y + d.box.height <= 224);
            assert_float_equal((float)d.keep,
                               1.0f - (float)(d.box.width * d.box.height) / (224.0f * 224.0f),
                               1e-6f);
        }
        s.cuts += d.box.width > 0;
        s.keep += d.keep / count;
        s.square += d.keep * d.keep / count;
    }
    return s;
}

/* Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)). */
static void draws(void **state)
{
    (void)state;
    static const double alphas[] = {0.2, 0.8, 1.0, 5.0};
    for (int i = 0; i < 4; i++) {
        statistics s = draw_many(&(graft_augment_params){.mixup = alphas[i]}, 5000);
        assert_int_equal(s.cuts, 0);
        double variance = 1.0 / (4.0 * (2.0 * alphas[i] + 1.0));
        assert_float_equal((float)s.keep, 0.5f, 4.0f * (float)sqrt(variance / 5000));
        assert_float_equal((float)(s.square - s.keep * s.keep), (float)variance, 0.006f);
    }
    /* 400000 draws with NumPy, where clipping leaves more of the image: mean 0.6823, standard
     * deviation 0.1883 */
    statistics s = draw_many(&(graft_augment_params){.cutmix = 1.0}, 5000);
    assert_float_equal((float)s.keep, 0.6823f, 0.011f);
    assert_float_equal((float)sqrt(s.square - s.keep * s.keep), 0.1883f, 0.006f);
    s = draw_many(&(graft_augment_params){.mixup = 0.8, .cutmix = 1.0}, 5000);
    assert_in_range(s.cuts, 2350, 2600);
    s = draw_many(&(graft_augment_params){.label_smoothing = 0.1}, 50);
    assert_true(fabs(s.keep - 1.0) < 1e-9 && s.cuts == 0);
}

/* Shapes as small as an option allows give finite parts, nearly all of one image. */
static void tiny_alpha(void **state)
{
    (void)state;
    int ends = 0;
    for (uint32_t i = 0; i < 200; i++) {
        double keep =
            gr_mix_draw_batch(&(graft_augment_params){.mixup = 1e-6}, (gr_random_key){1, 0, i}, 8)
                .keep;
        assert_true(keep >= 0.0 && keep <= 1.0);
        ends += keep < 1e-3 || keep > 1.0 - 1e-3;
    }
    assert_true(ends > 195);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mixup_blends), TEST(cutmix_replaces), TEST(cutmix_replaces_bytes),
        TEST(targets),      TEST(draws),           TEST(tiny_alpha),
    };
    return RUN_TESTS(tests);
}
