/* graft predict: the most likely classes of image files. */
#include "command/cli/commands.h"
#include "command/cli/model_options.h"
#include "command/console/output.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

typedef struct predict_options {
    cli_model_options model;
    int top;
} predict_options;

static const graft_setting rows[] = {
    {"top", CLI_FIELD(predict_options, top), GRAFT_SETTING_INT, "5", "K", 1, 100000,
     "classes to print", .letter = 'k'},
    CLI_JSON_OPTION,
    {.key = NULL},
};

typedef struct printer {
    cli *c;
    graft_model *model;
    bool json;      /* else text, at once */
    json_t *images; /* NULL: out of memory */
    int failed;
    char error[1024]; /* of the latest image that could not be read */
} printer;

static void print_text(const printer *p, const char *image, const int *classes,
                       const float *probabilities, int k)
{
    cli_print_text(image);
    for (int i = 0; i < k; i++) {
        const char *name = graft_model_class_name(p->model, classes[i]);
        printf("%s", i ? ", " : ": ");
        if (name)
            cli_print_text(name);
        else
            printf("class %d", classes[i]);
        printf(" %.2f%%", 100.0 * (double)probabilities[i]);
    }
    putchar('\n');
}

static json_t *class_json(const printer *p, int index, float probability)
{
    const char *name = graft_model_class_name(p->model, index);
    return json_pack("{s:i,s:o,s:f}", "class", index, "name",
                     name ? cli_json_text(name) : json_null(), "probability", (double)probability);
}

/* Each has its line; that of the last one is the command's own error. */
static void note_failure(printer *p, const char *image)
{
    if (p->failed++)
        cli_console_message(p->c->console, GRAFT_LOG_ERROR, p->error);
    graft_log_error(p->c->log, p->error, sizeof(p->error));
    if (p->json)
        cli_json_append(&p->images, json_pack("{s:o,s:o}", "image", cli_json_text(image), "error",
                                              cli_json_text(p->error)));
}

static void print_prediction(void *user, const char *image, const int *classes,
                             const float *probabilities, int k)
{
    printer *p = user;
    if (k == 0) {
        note_failure(p, image);
        return;
    }
    if (!p->json) {
        print_text(p, image, classes, probabilities, k);
        return;
    }
    json_t *top = json_array();
    for (int i = 0; i < k; i++)
        cli_json_append(&top, class_json(p, classes[i], probabilities[i]));
    cli_json_append(&p->images, json_pack("{s:o,s:o}", "image", cli_json_text(image), "top", top));
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* As many images at once as there are, or a few more: each size has kernels of its own. */
static int fitting_batch(const graft_text_list *images)
{
    enum { MOST = 32 };
    int batch = 1;
    for (int i = 0; i < images->count; i++)
        if (is_folder(images->items[i]))
            return MOST;
    while (batch < images->count && batch < MOST)
        batch *= 2;
    return batch;
}

static graft_status run(cli *c, void *options)
{
    predict_options *o = options;
    const graft_text_list *images = &o->model.common.operands;
    bool json = o->model.common.json;
    graft_device *device;
    graft_model *model;
    if (o->model.params.batch_size == 0)
        o->model.params.batch_size = fitting_batch(images);
    CLI_TRY(cli_open_model(c, &o->model, &device, &model));
    int classes = graft_model_classes(model), k = o->top < classes ? o->top : classes;
    printer p = {.c = c, .model = model, .json = json, .images = json ? json_array() : NULL};
    graft_status status =
        graft_model_predict(model, images->items, images->count, k, print_prediction, &p);
    graft_model_close(&model);
    graft_device_close(&device);
    if (json && (status == GRAFT_OK || p.failed)) {
        graft_status printed = cli_print_json(c, p.images);
        return status == GRAFT_OK ? printed : status;
    }
    json_decref(p.images);
    return status;
}

const cli_command cli_command_predict = {
    .name = "predict",
    .summary = "Names the most likely classes of images",
    .usage = "--backbone FILE [--adapter FILE] IMAGE|FOLDER... [options]",
    .options = (const cli_options[]){CLI_MODEL_OPTIONS, {.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(predict_options),
    .operand = "IMAGE",
    .min_operands = 1,
    .max_operands = INT_MAX,
    .run = run,
};
