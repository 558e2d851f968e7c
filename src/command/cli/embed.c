/* graft embed: what a backbone makes of images, for retrieval and for a first look at a data set.
 */
#include "command/cli/commands.h"
#include "command/cli/knn.h"
#include "command/cli/model_options.h"
#include "command/console/output.h"
#include "command/console/write.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct embed_options {
    cli_model_options model;
    const char *data, *split, *out, *knn;
    int neighbours;
} embed_options;

static const graft_setting rows[] = {
    {"pool", CLI_FIELD(embed_options, model.params.pool), GRAFT_SETTING_CHOICE, NULL,
     "|cls|avg|tokens", 0, 0, "the class token, the mean of patches, or every token",
     "as the backbone"},
    {"data", CLI_FIELD(embed_options, data), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "a data set, instead of image files", .letter = 'd'},
    {"split", CLI_FIELD(embed_options, split), GRAFT_SETTING_TEXT, "all", "NAME", 0, 0,
     "its part: test, val, train, all, or a list's name"},
    {"out", CLI_FIELD(embed_options, out), GRAFT_SETTING_TEXT, NULL, "FILE.npy", 0, 0,
     "features, a row for each image; FILE.txt beside it names the images", .letter = 'o'},
    {"knn", CLI_FIELD(embed_options, knn), GRAFT_SETTING_TEXT, NULL, "DATA", 0, 0,
     "print how often the nearest training images tell the class of test images"},
    {"neighbours", CLI_FIELD(embed_options, neighbours), GRAFT_SETTING_INT, "20", "K", 1, 1000,
     "of --knn"},
    CLI_JSON_OPTION,
    {.key = NULL},
};

/* The two files in the making, beside their places. */
typedef struct writer {
    cli *c;
    graft_model *model;
    char paths[2][PATH_MAX], parts[2][PATH_MAX]; /* of the features and of the names */
    FILE *files[2];
    long images;
    bool failed_to_read;
} writer;

/* FILE.npy, and FILE.txt for the names. */
static graft_status open_files(writer *w, const char *out)
{
    size_t length = strlen(out);
    if (length < 5 || strcmp(out + length - 4, ".npy") != 0)
        return cli_fail(w->c, GRAFT_ERR_ARGUMENT, "--out %s: expected a name that ends with .npy",
                        out);
    if (length >= PATH_MAX - 8)
        return cli_fail(w->c, GRAFT_ERR_ARGUMENT, "--out %s: the path is too long", out);
    for (int i = 0; i < 2; i++) {
        snprintf(w->paths[i], PATH_MAX, "%.*s%s", (int)length - 4, out, i ? ".txt" : ".npy");
        snprintf(w->parts[i], PATH_MAX, "%.*s%s.part", (int)length - 4, out, i ? ".txt" : ".npy");
        w->files[i] = fopen(w->parts[i], "wb");
        if (!w->files[i])
            return cli_fail(w->c, GRAFT_ERR_IO, "%s: cannot write: %s", w->paths[i],
                            strerror(errno));
    }
    return GRAFT_OK;
}

/* The head of an .npy file, format 1.0: as long for any count of images, so that it can be written
 * last. */
static void write_head(const writer *w)
{
    enum { HEAD = 128, MAGIC = 10 };
    char text[HEAD - MAGIC], shape[64];
    int tokens = graft_model_tokens(w->model), width = graft_model_features(w->model) / tokens;
    if (tokens > 1)
        snprintf(shape, sizeof(shape), "%ld, %d, %d", w->images, tokens, width);
    else
        snprintf(shape, sizeof(shape), "%ld, %d", w->images, width);
    memset(text, ' ', sizeof(text));
    int length = snprintf(text, sizeof(text),
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    text[length] = ' ';
    text[sizeof(text) - 1] = '\n';
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, MAGIC, w->files[0]);
    fwrite(text, 1, sizeof(text), w->files[0]);
}

static bool write_row(void *user, const graft_seen_image *image, int64_t done, int64_t total)
{
    writer *w = user;
    if (total) /* of files it is not known */
        cli_console_images(w->c->console, done, total);
    if (!image->values) {
        if (w->failed_to_read) /* the last one's reason is the command's own error */
            cli_console_message(w->c->console, GRAFT_LOG_ERROR, w->c->error);
        graft_log_error(w->c->log, w->c->error, sizeof(w->c->error));
        w->failed_to_read = true;
        return true;
    }
    w->images++;
    fwrite(image->values, sizeof(float), (size_t)image->count, w->files[0]);
    fprintf(w->files[1], "%s\n", image->name);
    return !ferror(w->files[0]) && !ferror(w->files[1]);
}

/* Puts both in their places, or neither; `status` is that of the images. */
static graft_status close_files(writer *w, graft_status status)
{
    bool whole = status == GRAFT_OK || (w->failed_to_read && w->images);
    if (w->files[0] && w->files[1] && whole) {
        rewind(w->files[0]);
        write_head(w);
    }
    for (int i = 0; i < 2; i++)
        whole &= w->files[i] && cli_close_whole(w->files[i]);
    for (int i = 0; i < 2 && whole; i++)
        whole = rename(w->parts[i], w->paths[i]) == 0;
    int error = errno;
    for (int i = 0; i < 2; i++)
        if (w->files[i])
            remove(w->parts[i]);
    if (whole || (status != GRAFT_OK && status != GRAFT_ERR_INTERRUPTED))
        return status;
    return cli_fail(w->c, GRAFT_ERR_IO, "%s: cannot write: %s", w->paths[0], strerror(error));
}

static graft_status print_written(cli *c, const embed_options *o, const writer *w)
{
    int tokens = graft_model_tokens(w->model), width = graft_model_features(w->model) / tokens;
    if (o->model.common.json)
        return cli_print_json(c, json_pack("{s:o,s:o,s:i,s:i,s:i}", "features",
                                           cli_json_text(w->paths[0]), "names",
                                           cli_json_text(w->paths[1]), "images", (int)w->images,
                                           "tokens", tokens, "width", width));
    cli_print_text(w->paths[0]);
    printf(": %ld images, %d x %d\n", w->images, tokens, width);
    return GRAFT_OK;
}

static graft_status write_features(cli *c, const embed_options *o, graft_model *model)
{
    const graft_text_list *images = &o->model.common.operands;
    writer *w = calloc(1, sizeof(*w));
    if (!w)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    w->c = c;
    w->model = model;
    graft_status status = open_files(w, o->out);
    if (status == GRAFT_OK) {
        write_head(w);
        status = o->data ? graft_model_visit(model, GRAFT_OUTPUT_FEATURES, o->data, o->split,
                                             write_row, w)
                         : graft_model_visit_files(model, GRAFT_OUTPUT_FEATURES, images->items,
                                                   images->count, write_row, w);
    }
    status = close_files(w, status);
    if (status == GRAFT_OK)
        status = print_written(c, o, w);
    free(w);
    return status;
}

static graft_status check(cli *c, const embed_options *o)
{
    int sources = (o->data != NULL) + (o->model.common.operands.count > 0);
    if (!o->knn && !o->out)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "embed: give --out FILE.npy, or --knn DATA");
    if (o->out && sources != 1)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "embed: --out: give images, or --data DIR");
    if (!o->out && sources)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "embed: --out FILE.npy is missing");
    if (o->knn && o->model.params.pool == GRAFT_POOL_TOKENS)
        return cli_fail(c, GRAFT_ERR_ARGUMENT,
                        "--knn: compares one feature of each image; --pool tokens gives many");
    return GRAFT_OK;
}

static graft_status run(cli *c, void *options)
{
    embed_options *o = options;
    graft_device *device;
    graft_model *model;
    CLI_TRY(check(c, o));
    o->model.params.headless = true;
    CLI_TRY(cli_open_model(c, &o->model, &device, &model));
    graft_status status = o->out ? write_features(c, o, model) : GRAFT_OK;
    if (status == GRAFT_OK && o->knn)
        status = cli_knn(c, device, model, o->knn, o->neighbours, o->model.common.json);
    graft_model_close(&model);
    graft_device_close(&device);
    return status;
}

const cli_command cli_command_embed = {
    .name = "embed",
    .summary = "Writes the features of images, or tells how well they sort them",
    .usage = "--backbone FILE [--adapter FILE] (--out FILE.npy IMAGE...|--data DIR | --knn DATA)",
    .options = (const cli_options[]){CLI_MODEL_OPTIONS, {.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(embed_options),
    .operand = "IMAGE",
    .min_operands = 0,
    .max_operands = INT_MAX,
    .run = run,
};
