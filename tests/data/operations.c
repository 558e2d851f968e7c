/* Operations of augmentation against Pillow's, the library that recipes were made with. */
#include "pillow.h"
#include "support.h"

#include "data/enhance.h"
#include "data/tone.h"
#include "data/warp.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct change {
    const char *name;
    double x;
    gr_interpolation how;
} change;

static bool warp(fixture *f, const change *c, gr_image *image)
{
    gr_warp w = {.m = {1, 0, 0, 0, 1, 0}, .interpolation = c->how, .fill = {124, 116, 104}};
    if (!strcmp(c->name, "shear_x"))
        w.m[1] = c->x;
    else if (!strcmp(c->name, "shear_y"))
        w.m[3] = c->x;
    else if (!strcmp(c->name, "translate_x"))
        w.m[2] = c->x * image->width;
    else if (!strcmp(c->name, "translate_y"))
        w.m[5] = c->x * image->height;
    else if (!strcmp(c->name, "rotate"))
        gr_warp_rotation(c->x, image->width, image->height, w.m);
    else
        return false;
    check_ok(f, gr_warp_image(f->log, &w, image));
    return true;
}

static bool enhance(fixture *f, const change *c, gr_image *image)
{
    if (!strcmp(c->name, "brightness"))
        gr_enhance_brightness(image, c->x);
    else if (!strcmp(c->name, "contrast"))
        gr_enhance_contrast(image, c->x);
    else if (!strcmp(c->name, "color"))
        gr_enhance_color(image, c->x);
    else if (!strcmp(c->name, "sharpness"))
        check_ok(f, gr_enhance_sharpness(f->log, image, c->x));
    else if (!strcmp(c->name, "hue"))
        gr_enhance_hue(image, (uint8_t)c->x);
    else
        return false;
    return true;
}

static bool tone(const change *c, gr_image *image)
{
    int x = (int)c->x;
    if (!strcmp(c->name, "autocontrast"))
        gr_tone_autocontrast(image);
    else if (!strcmp(c->name, "equalize"))
        gr_tone_equalize(image);
    else if (!strcmp(c->name, "invert"))
        gr_tone_invert(image);
    else if (!strcmp(c->name, "posterize"))
        gr_tone_posterize(image, x);
    else if (!strcmp(c->name, "solarize"))
        gr_tone_solarize(image, x);
    else if (!strcmp(c->name, "solarize_add"))
        gr_tone_solarize_add(image, x);
    else
        return false;
    return true;
}

static void compare_file(fixture *f, const char *file_name)
{
    char name[32], kind[8];
    int width, height, how;
    change c = {.name = name};
    if (sscanf(file_name, "%31[^,],%lf,%d,%d,%d,%7[^,],.rgb", name, &c.x, &width, &height, &how,
               kind) != 6)
        fail_msg("%s: unexpected name", file_name);
    c.how = how ? GR_BICUBIC : GR_BILINEAR;
    gr_image image = synthetic_image(f, width, height);
    if (!strcmp(kind, "low"))
        lower_contrast(&image);
    if (!warp(f, &c, &image) && !enhance(f, &c, &image) && !tone(&c, &image))
        fail_msg("%s: unknown operation", name);
    size_t size = (size_t)width * (size_t)height * 3;
    uint8_t *expected = malloc(size + 1);
    FILE *file = fopen(path_of(f, file_name), "rb");
    assert_true(expected && file);
    assert_int_equal(fread(expected, 1, size + 1, file), size);
    fclose(file);
    for (size_t i = 0; i < size; i++)
        if (abs(image.pixels[i] - expected[i]) > 0)
            fail_msg("%s: value %zu is %d, Pillow makes it %d", file_name, i, image.pixels[i],
                     expected[i]);
    free(expected);
    gr_image_free(&image);
}

static void equals_live_pillow(void **state)
{
    fixture *f = *state;
    run_pillow(f, "augment");
    DIR *folder = opendir(f->directory);
    assert_non_null(folder);
    int count = 0;
    for (struct dirent *e; (e = readdir(folder));)
        if (strstr(e->d_name, ".rgb")) {
            compare_file(f, e->d_name);
            count++;
        }
    closedir(folder);
    assert_true(count >= 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equals_live_pillow),
    };
    return RUN_TESTS(tests);
}
