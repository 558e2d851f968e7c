/* Small files that ask for much: each is refused, or read within 100 ms of CPU and 64 MiB. */
#include "support.h"

#include "base/mem.h"
#include "weights/sidecars.h"

#include <png.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SECONDS 0.1
#define MAX_MIB     64.0

/* Under a sanitizer both are many times as much. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MEASURED = 0 };
#else
enum { MEASURED = 1 };
#endif

/* What a process of its own does: a status, with the message in the fixture's log. */
typedef graft_status task(fixture *f, const void *what);

/* The task must end with the status and, unless OK, a message that holds the text. */
static void expect(fixture *f, task *work, const void *what, graft_status expected,
                   const char *telling)
{
    int ends[2], code;
    char text[1024] = "";
    struct rusage used;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        graft_status status = work(f, what);
        graft_log_error(f->log, text, sizeof(text));
        ssize_t wrote = write(ends[1], text, sizeof(text));
        _exit(wrote == (ssize_t)sizeof(text) ? -(int)status : 255);
    }
    assert_int_equal(read(ends[0], text, sizeof(text)), sizeof(text));
    assert_int_equal(wait4(child, &code, 0, &used), child);
    close(ends[0]);
    close(ends[1]);
    double seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                     1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    double mib = (double)used.ru_maxrss / 1024;
    if (!WIFEXITED(code) || WEXITSTATUS(code) != -(int)expected || !strstr(text, telling))
        fail_msg("status %d, expected %d with '%s': %s", WEXITSTATUS(code), expected, telling,
                 text);
    if (MEASURED && (seconds > MAX_SECONDS || mib > MAX_MIB))
        fail_msg("%s: %.3f s of CPU, %.1f MiB", telling, seconds, mib);
}

/* ---- Images ------------------------------------------------------------------------------ */

static graft_status decode(fixture *f, const void *what)
{
    const bytes *file = what;
    gr_image image;
    graft_status status =
        gr_image_decode(f->log, "small.file", file->data, file->size, NULL, &image);
    gr_image_free(&image);
    return status;
}

/* A JPEG whose frame announces another size. */
static bytes jpeg_of_size(fixture *f, int width, int height, bool progressive)
{
    uint8_t samples[64 * 3] = {0};
    bytes jpeg = encode_jpeg(f, samples, 8, 8, 3, progressive);
    uint8_t frame = progressive ? 0xC2 : 0xC0;
    const uint8_t size[] = {(uint8_t)(height >> 8), (uint8_t)height, (uint8_t)(width >> 8),
                            (uint8_t)width};
    for (size_t i = 0; i + 9 < jpeg.size; i++)
        if (jpeg.data[i] == 0xFF && jpeg.data[i + 1] == frame)
            memcpy(jpeg.data + i + 5, size, 4);
    return jpeg;
}

static void announced_sizes(void **state)
{
    fixture *f = *state;
    for (int progressive = 0; progressive < 2; progressive++) {
        bytes huge = jpeg_of_size(f, 16384, 16384, progressive), /* 800 MiB */
            large = jpeg_of_size(f, 2000, 2000, progressive);    /* within the budget */
        assert_true(huge.size < 1000);
        expect(f, decode, &huge, GRAFT_ERR_FORMAT, "16384 x 16384");
        expect(f, decode, &large, GRAFT_OK, ""); /* gray where the data ends: libjpeg's way */
    }
    uint8_t samples[64 * 3] = {0};
    bytes png = encode_png(f, samples, 8, 8, (png_kind){8, PNG_COLOR_TYPE_RGB, false, false});
    set_png_size(&png, "\0\0\x40\0\0\0\x40\0");
    expect(f, decode, &png, GRAFT_ERR_FORMAT, "16384 x 16384");
    set_png_size(&png, "\0\0\x07\xD0\0\0\x07\xD0");
    expect(f, decode, &png, GRAFT_ERR_FORMAT, "");
}

/* Each costs a pass over all coefficients. */
static void scans_upon_scans(void **state)
{
    enum { SIDE = 1900, SCANS = 4000 };
    fixture *f = *state;
    uint8_t *samples = gr_alloc(f->memory, SIDE * SIDE);
    bytes jpeg = encode_jpeg(f, samples, SIDE, SIDE, 1, true), many = bytes_of(f);
    size_t last = jpeg.size - 2; /* the last scan goes from here to the end mark */
    while (last > 0 && (jpeg.data[last] != 0xFF || jpeg.data[last + 1] != 0xDA))
        last--;
    assert_true(last > 0);
    append(&many, jpeg.data, last);
    for (int i = 0; i < SCANS && many.size < 60000; i++)
        append(&many, jpeg.data + last, jpeg.size - 2 - last);
    append(&many, "\xFF\xD9", 2);
    gr_image image;
    check_ok(f, gr_image_decode(f->log, "honest", jpeg.data, jpeg.size, NULL, &image));
    gr_image_free(&image);
    expect(f, decode, &many, GRAFT_ERR_FORMAT, "more scans than");
}

/* Little-endian numbers for a file in the making. */
static void put16(bytes *b, unsigned value)
{
    append(b, (const uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2);
}

static void put32(bytes *b, uint32_t value)
{
    put16(b, value & 0xffff);
    put16(b, value >> 16);
}

/* A TIFF of one directory of whole numbers, {tag, value} .. {0}. */
static bytes tiff_of(fixture *f, const uint32_t (*tags)[2], uint32_t next)
{
    bytes b = bytes_of(f);
    unsigned count = 0;
    append(&b, "II*\0\x08\0\0", 8);
    while (tags[count][0])
        count++;
    put16(&b, count);
    for (unsigned i = 0; i < count; i++) {
        put16(&b, tags[i][0]);
        put16(&b, 4);
        put32(&b, 1);
        put32(&b, tags[i][1]);
    }
    put32(&b, next);
    put32(&b, 0);
    return b;
}

/* What the other formats' headers can announce. */
static void announced_by_other_formats(void **state)
{
    fixture *f = *state;
    bytes bmp = bytes_of(f);
    append(&bmp, "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0", 18);
    put32(&bmp, 16384);
    put32(&bmp, 16384);
    append(&bmp, "\1\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 28);
    expect(f, decode, &bmp, GRAFT_ERR_FORMAT, "");
#ifdef GRAFT_HAVE_GIF
    static const char frame[] =
        "GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff"
        "\0\2\2D\1\0;";
    bytes gif = bytes_of(f);
    append(&gif, frame, sizeof(frame) - 1);
    expect(f, decode, &gif, GRAFT_ERR_FORMAT, "");
#endif
#ifdef GRAFT_HAVE_WEBP
    bytes webp = bytes_of(f);
    append(&webp, "RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0/\xff\xff\xff\x0f\0\0\0\0\0\0\0\0\0", 34);
    expect(f, decode, &webp, GRAFT_ERR_FORMAT, "");
#endif
#ifdef GRAFT_HAVE_TIFF
    static const uint32_t huge[][2] = {{256, 16384},      {257, 16384}, {258, 8}, {259, 1},
                                       {262, 1},          {273, 8},     {277, 1}, {278, 16384},
                                       {279, 0xffffffff}, {0}};
    static const uint32_t strip[][2] = {{256, 1000},       {257, 1000}, {258, 8}, {259, 5},
                                        {262, 1},          {273, 8},    {277, 1}, {278, 1000},
                                        {279, 0x7fffffff}, {0}};
    static const uint32_t tile[][2] = {{256, 16}, {257, 16}, {258, 8},     {259, 1},
                                       {262, 1},  {277, 1},  {322, 65520}, {323, 65520},
                                       {324, 8},  {325, 64}, {0}};
    static const uint32_t samples[][2] = {{256, 16}, {257, 16},    {258, 8},  {259, 1},  {262, 2},
                                          {273, 8},  {277, 65535}, {278, 16}, {279, 64}, {0}};
    bytes tiffs[] = {tiff_of(f, huge, 0), tiff_of(f, strip, 0), tiff_of(f, tile, 0),
                     tiff_of(f, samples, 0)};
    for (size_t i = 0; i < sizeof(tiffs) / sizeof(tiffs[0]); i++)
        expect(f, decode, &tiffs[i], GRAFT_ERR_FORMAT, "");
#endif
}

/* A larger budget is one's own choice. */
static void max_pixels(void **state)
{
    enum { SIDE = 2500 };
    fixture *f = *state;
    uint8_t *rows = gr_alloc(f->memory, SIDE * (SIDE / 8 + 1));
    bytes png = encode_png(f, rows, SIDE, SIDE, (png_kind){1, PNG_COLOR_TYPE_GRAY, false, false});
    gr_image image;
    gr_decode_options less = {.max_pixels = 1000}, more = {.max_pixels = SIDE * SIDE};
    assert_true(png.size < 2000);
    assert_error(f, gr_image_decode(f->log, "map", png.data, png.size, &less, &image),
                 GRAFT_ERR_FORMAT, "2500 x 2500", "at most 1000 pixels", "max_pixels");
    assert_error(f, gr_image_decode(f->log, "map", png.data, png.size, NULL, &image),
                 GRAFT_ERR_FORMAT, "2500 x 2500");
    check_ok(f, gr_image_decode(f->log, "map", png.data, png.size, &more, &image));
    gr_image_free(&image);
}

static graft_status load(fixture *f, const void *path)
{
    gr_image image;
    graft_status status = gr_image_load(f->log, path, NULL, NULL, &image);
    gr_image_free(&image);
    return status;
}

static void put_hole(fixture *f, const char *name, const void *start, size_t size)
{
    put_bytes(path_of(f, name), start, size);
    assert_int_equal(truncate(path_of(f, name), (off_t)1 << 40), 0);
}

static void files_without_an_end(void **state)
{
    fixture *f = *state;
    assert_int_equal(mkfifo(path_of(f, "pipe.jpg"), 0600), 0);
    assert_int_equal(symlink("/dev/zero", path_of(f, "zero.jpg")), 0);
    put_hole(f, "hole.jpg", "", 0);
    put_hole(f, "start.jpg", "\xFF\xD8\xFF\xE0", 4);
    expect(f, load, path_of(f, "pipe.jpg"), GRAFT_ERR_IO, "regular file");
    expect(f, load, path_of(f, "zero.jpg"), GRAFT_ERR_IO, "regular file");
    expect(f, load, path_of(f, "hole.jpg"), GRAFT_ERR_FORMAT, "no image by its first bytes");
    expect(f, load, path_of(f, "start.jpg"), GRAFT_ERR_FORMAT, "at most 1 GiB");
}

/* ---- Data sets --------------------------------------------------------------------------- */

static graft_status open_data(fixture *f, const void *path)
{
    gr_dataset *d = NULL;
    graft_status status = gr_dataset_open(f->log, path, &SPLIT("train"), &d);
    gr_dataset_close(&d);
    return status;
}

static void lists(void **state)
{
    fixture *f = *state;
    put_image(f, "label/a.png", 2, 2, 9);
    put_text(path_of(f, "label/train.txt"), "a.png 999999\n");
    expect(f, open_data, path_of(f, "label"), GRAFT_ERR_FORMAT,
           "label 999999; expected 0 to 131071");
    put_text(path_of(f, "label/train.txt"), "a.png 131071\n"); /* the most, and no more memory */
    expect(f, open_data, path_of(f, "label"), GRAFT_OK, "");

    put_image(f, "pipe/a.png", 2, 2, 9);
    put_text(path_of(f, "pipe/train.txt"), "b.png 0\n");
    assert_int_equal(mkfifo(path_of(f, "pipe/b.png"), 0600), 0);
    expect(f, open_data, path_of(f, "pipe"), GRAFT_ERR_IO, "b.png: not a file");
    assert_int_equal(mkfifo(path_of(f, "pipe/classes.txt"), 0600), 0);
    put_text(path_of(f, "pipe/train.txt"), "a.png 0\n");
    expect(f, open_data, path_of(f, "pipe"), GRAFT_OK, ""); /* as one that is not there */

    put_hole(f, "hole/train.txt", "a.png 0\n", 8);
    expect(f, open_data, path_of(f, "hole"), GRAFT_ERR_FORMAT, "at most 1 GiB");
    put_hole(f, "hole.tar", "", 0);
    expect(f, open_data, path_of(f, "hole.tar"), GRAFT_ERR_NOT_FOUND, "no images");
}

/* ---- What libraries put beside weights ---------------------------------------------------- */

static graft_status read_beside(fixture *f, const void *folder)
{
    gr_tensors *t = gr_tensors_create();
    graft_status status = gr_sidecars_read(f->log, folder, GR_SIDECARS_TRANSFORMERS, t);
    gr_tensors_destroy(&t);
    return status;
}

static void sidecars(void **state)
{
    static const char *const names[] = {"config.json", "preprocessor_config.json"};
    fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        char *folder = path_of(f, names[i]), file[512], many[2 * 4000 + 1];
        snprintf(file, sizeof(file), "%s/%s", folder, names[i]);
        put_text(file, "");
        remove(file);
        assert_int_equal(mkfifo(file, 0600), 0);
        expect(f, read_beside, folder, GRAFT_ERR_IO, "regular file");
        remove(file);
        assert_int_equal(symlink("/dev/zero", file), 0);
        expect(f, read_beside, folder, GRAFT_ERR_IO, "regular file");
        remove(file);
        memset(many, '[', 4000);
        memset(many + 4000, ']', 4000);
        many[8000] = '\0';
        put_text(file, many);
        expect(f, read_beside, folder, GRAFT_ERR_FORMAT, "invalid JSON");
        put_bytes(file, "{}", 2);
        assert_int_equal(truncate(file, (off_t)1 << 40), 0);
        expect(f, read_beside, folder, GRAFT_ERR_FORMAT, "at most 1 GiB");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(announced_sizes), TEST(scans_upon_scans),
        TEST(max_pixels),      TEST(files_without_an_end),
        TEST(lists),           TEST(announced_by_other_formats),
        TEST(sidecars),
    };
    return RUN_TESTS(tests);
}
