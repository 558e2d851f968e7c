/* graft train: from a backbone and labelled images to an adapter. */
#include "config_file.h"
#include "output.h"
#include "progress.h"
#include "stop.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct train_options {
    cli_common common;
    graft_train_params params;
    cli_list set;
    const char *device, *config, *recipe, *task;
    bool dry_run;
} train_options;

/* A row whose value is a field of graft_train_params. */
#define PARAM(field) offsetof(train_options, params.field)
#define WHOLE_MAX    1e9
#define COUNT_MAX    0x1p62

static const cli_option table[] = {
    {"Recipe", 0, CLI_HEADING},
    {"recipe", 'r', CLI_TEXT, offsetof(train_options, recipe), "NAME", 0, 0,
     "the settings of a paper's code, see graft recipes; other options win"},
    {"task", 0, CLI_TEXT, offsetof(train_options, task), "NAME", 0, 0,
     "what the recipe has for this task, such as cifar"},
    {"Model", 0, CLI_HEADING},
    {"backbone", 'b', CLI_TEXT, PARAM(backbone), "FILE", 0, 0,
     "pretrained weights: .safetensors, its folder, or JAX .npz"},
    {"model", 0, CLI_TEXT, PARAM(model), "NAME", 0, 0,
     "geometry of a run without pretrained weights"},
    {"pool", 0, CLI_TEXT, PARAM(pool), "cls|avg", 0, 0,
     "the head sees the class token or the mean of patches", "as the backbone"},
    {"projection", 0, CLI_FLAG, PARAM(projection), NULL, 0, 0,
     "the head sees the projected feature of CLIP"},
    {"text-embeddings", 0, CLI_TEXT, PARAM(text.embeddings), "FILE", 0, 0,
     "start the head from this matrix [classes, width]"},
    {"class-names", 0, CLI_TEXT, PARAM(text.class_names), "FILE|data", 0, 0,
     "start the head from CLIP's features of names, a class a line, or the data's own"},
    {"text-encoder", 0, CLI_TEXT, PARAM(text.encoder), "FILE", 0, 0,
     "checkpoint with CLIP's text encoder", "the backbone"},
    {"vocabulary", 0, CLI_TEXT, PARAM(text.vocabulary), "FILE|DIR", 0, 0,
     "of the text encoder: merges.txt or bpe_simple_vocab_16e6.txt.gz", "beside it"},
    {"prompt", 0, CLI_TEXT, PARAM(text.prompt), "TEXT", 0, 0, "text of a class, {} its name"},
    {"logit-scale", 0, CLI_FLOAT, PARAM(text.logit_scale), "X", -1, 1e6,
     "of cosines with texts; 0: plain products; -1: the checkpoint's"},
    {"method", 'm', CLI_TEXT, PARAM(method), "NAME[+NAME]", 0, 0, "see graft methods"},
    {"set", 's', CLI_LIST, offsetof(train_options, set), "METHOD.OPTION=VALUE", 0, 0,
     "an option of a method; may be repeated"},
    {"init-adapter", 0, CLI_TEXT, PARAM(init_adapter), "FILE", 0, 0,
     "start from the tensors of this adapter"},
    {"Data", 0, CLI_HEADING},
    {"data", 'd', CLI_TEXT, PARAM(data), "DIR", 0, 0,
     "labelled images: a folder, a .tar or dsprites:orientation"},
    {"train-split", 0, CLI_TEXT, PARAM(train_split), "NAME", 0, 0, "images to train on"},
    {"test-split", 0, CLI_TEXT, PARAM(test_split), "NAME", 0, 0,
     "images to evaluate on; \"\": no evaluation"},
    {"shots", 0, CLI_INT, PARAM(shots), "K", 0, WHOLE_MAX,
     "train on so many images of each class, chosen by the seed", "all"},
    {"image-size", 0, CLI_INT, PARAM(input.image_size), "PIXELS", 0, 16384, "side of the input",
     "as the backbone was trained"},
    {"resize", 0, CLI_TEXT, PARAM(input.resize), "squash|crop", 0, 0,
     "both sides at once, or the short side, then the centre"},
    {"resize-to", 0, CLI_INT, PARAM(input.resize_to), "PIXELS", 0, 8192,
     "side after the resize, before the crop", "the image size"},
    {"interpolation", 0, CLI_TEXT, PARAM(input.interpolation), "bicubic|bilinear|bilinear-plain", 0, 0,
     "how images are resized"},
    {"normalization", 0, CLI_TEXT, PARAM(input.normalization), "imagenet|half|clip", 0, 0,
     "mean and deviation of the input"},
    {"crop", 0, CLI_TEXT, PARAM(augment.crop), "none|random|random-resized", 0, 0,
     "in training: the centre, a random place, or a random part, resized"},
    {"crop-scale", 0, CLI_TEXT, PARAM(augment.crop_scale), "LEAST,MOST", 0, 0,
     "part of the area that a random-resized crop takes"},
    {"crop-ratio", 0, CLI_TEXT, PARAM(augment.crop_ratio), "LEAST,MOST", 0, 0,
     "width / height of that part"},
    {"flip", 0, CLI_FLAG, PARAM(augment.flip), NULL, 0, 0, "flip images at random, left to right"},
    {"rand-augment", 0, CLI_TEXT, PARAM(augment.rand_augment), "SPEC", 0, 0,
     "random operations as timm writes them, such as rand-m9-mstd0.5-inc1", "off"},
    {"color-jitter", 0, CLI_TEXT, PARAM(augment.color_jitter), "X[,X,X[,X]]", 0, 0,
     "change brightness, contrast and saturation; the fourth: hue", "off"},
    {"random-erasing", 0, CLI_FLOAT, PARAM(augment.random_erasing), "RATE", 0, 1,
     "fill a rectangle with noise", "off"},
    {"mixup", 0, CLI_FLOAT, PARAM(augment.mixup), "ALPHA", 0, 100,
     "mix the images of a batch, by a part drawn from Beta(ALPHA, ALPHA)", "off"},
    {"cutmix", 0, CLI_FLOAT, PARAM(augment.cutmix), "ALPHA", 0, 100,
     "replace a rectangle by that of another image; with --mixup: either", "off"},
    {"label-smoothing", 0, CLI_FLOAT, PARAM(augment.label_smoothing), "X", 0, 0.99,
     "part of the target that all classes share", "0"},
    {"no-shuffle", 0, CLI_FLAG, PARAM(no_shuffle), NULL, 0, 0, "keep the order of the list"},
    {"drop-last", 0, CLI_FLAG, PARAM(drop_last), NULL, 0, 0,
     "leave out the last partial batch of an epoch"},
    {"threads", 'j', CLI_INT, PARAM(input.threads), "N", 0, 1024, "threads that decode images",
     "as many as fit the machine"},
    {"Training", 0, CLI_HEADING},
    {"epochs", 'e', CLI_INT, PARAM(epochs), "N", 1, WHOLE_MAX, "passes over the images"},
    {"cooldown-epochs", 0, CLI_INT, PARAM(cooldown_epochs), "N", 0, WHOLE_MAX,
     "more epochs, at --min-lr"},
    {"batch-size", 0, CLI_INT, PARAM(batch_size), "N", 1, 1048576, "images in a step"},
    {"optimizer", 0, CLI_TEXT, PARAM(optimizer), "adamw|sgd", 0, 0, "how tensors are updated"},
    {"lr", 0, CLI_FLOAT, PARAM(lr), "X", 0, 1e6, "learning rate"},
    {"weight-decay", 0, CLI_FLOAT, PARAM(weight_decay), "X", 0, 1e6, "pull towards zero"},
    {"no-decay", 0, CLI_TEXT, PARAM(no_decay), "NAMES", 0, 0,
     "comma list of name parts without decay; 1d: all vectors"},
    {"momentum", 0, CLI_FLOAT, PARAM(momentum), "X", 0, 1, "of sgd"},
    {"schedule", 0, CLI_TEXT, PARAM(schedule), "constant|cosine|timm-cosine|restarts", 0, 0,
     "learning rate after the warm-up"},
    {"lr-step", 0, CLI_TEXT, PARAM(lr_step), "iteration|epoch|late-epoch", 0, 0,
     "how often it changes; late: an epoch behind"},
    {"warmup-epochs", 0, CLI_FLOAT, PARAM(warmup_epochs), "X", 0, WHOLE_MAX,
     "epochs in which the learning rate grows"},
    {"warmup-lr", 0, CLI_FLOAT, PARAM(warmup_lr), "X", 0, 1e6, "learning rate at the start"},
    {"min-lr", 0, CLI_FLOAT, PARAM(min_lr), "X", 0, 1e6, "learning rate at the end"},
    {"restart-epochs", 0, CLI_FLOAT, PARAM(restart_epochs), "X", 0, WHOLE_MAX,
     "length of the first cosine of restarts"},
    {"restart-factor", 0, CLI_FLOAT, PARAM(restart_factor), "X", 1, WHOLE_MAX,
     "each next one is longer by this"},
    {"head-init", 0, CLI_TEXT, PARAM(head_init), "uniform|zero|truncated|narrow|kaiming", 0, 0,
     "how the classifier starts"},
    {"head-norm", 0, CLI_FLAG, PARAM(head_norm), NULL, 0, 0,
     "batch norm without affine before the classifier"},
    {"ema", 0, CLI_FLOAT, PARAM(ema), "DECAY", 0, 1,
     "evaluate and save an average over the steps; the checkpoint has both", "off"},
    {"drop-path", 0, CLI_FLOAT, PARAM(drop_path), "RATE", 0, 0.99,
     "what is dropped of branches in the last block"},
    {"drop-kind", 0, CLI_TEXT, PARAM(drop_kind), "path|element", 0, 0,
     "whole branches of an image, or single elements"},
    {"seed", 0, CLI_COUNT, PARAM(seed), "N", 0, COUNT_MAX, "of start values, order and dropout"},
    {"max-steps", 0, CLI_COUNT, PARAM(max_steps), "N", 0, COUNT_MAX, "stop after so many",
     "all epochs"},
    {"eval-every", 0, CLI_INT, PARAM(eval_every), "N", 1, WHOLE_MAX, "epochs between evaluations"},
    {"Run", 0, CLI_HEADING},
    {"out", 'o', CLI_TEXT, PARAM(out), "DIR", 0, 0, "folder for adapter, metrics, checkpoint"},
    {"config", 0, CLI_TEXT, offsetof(train_options, config), "FILE", 0, 0,
     "options from a config.json; the command line wins"},
    {"dry-run", 0, CLI_FLAG, offsetof(train_options, dry_run), NULL, 0, 0,
     "print the settings, as a file for --config, and stop"},
    {"resume", 0, CLI_FLAG, PARAM(resume), NULL, 0, 0,
     "go on with the run in --out, with its options"},
    {"checkpoint-every", 0, CLI_COUNT, PARAM(checkpoint_every), "N", 0, COUNT_MAX,
     "steps between checkpoints", "an epoch"},
    {"device", 0, CLI_TEXT, offsetof(train_options, device), "BACKEND:INDEX|auto", 0, 0,
     "see graft devices", "$GRAFT_DEVICE, else auto"},
    {"memory-budget", 0, CLI_SIZE, PARAM(memory_budget), "SIZE", 0, 0,
     "device memory to use, such as 512M", "all"},
    {"profile", 0, CLI_FLAG, PARAM(profile), NULL, 0, 0, "tell the time of each kernel"},
    CLI_JSON_OPTION,
    {.name = NULL},
};

static void set_defaults(void *options)
{
    train_options *o = options;
    graft_train_defaults(&o->params);
}

/* The file of --config, or the one that the run to resume left behind. The step where that one was
 * to end is no reason to end there again. */
static graft_status read_config(cli *c, train_options *o, json_t **root)
{
    char path[PATH_MAX];
    if (o->config)
        return cli_read_config(c, o->config, o, root);
    if (!o->params.resume || !o->params.out)
        return GRAFT_OK;
    int length = snprintf(path, sizeof(path), "%s/config.json", o->params.out);
    if (length >= (int)sizeof(path) || access(path, F_OK) != 0)
        return GRAFT_OK;
    uint64_t max_steps = o->params.max_steps;
    graft_status status = cli_read_config(c, path, o, root);
    o->params.max_steps = max_steps;
    return status;
}

/* The recipe lies beneath what the command line and the config file say. */
static graft_status apply_recipe(cli *c, train_options *o)
{
    train_options recipe;
    cli_list own = o->set;
    const char *set[GRAFT_RECIPE_MAX_SET];
    int set_count, method, batch_size;
    if (!o->recipe)
        return o->task ? cli_fail(c, GRAFT_ERR_ARGUMENT, "--task %s: needs --recipe", o->task)
                       : GRAFT_OK;
    cli_find_option(c->command, "method", strlen("method"), &method);
    cli_find_option(c->command, "batch-size", strlen("batch-size"), &batch_size);
    recipe = *o;
    graft_train_defaults(&recipe.params);
    recipe.params.method = c->given[method] ? o->params.method : NULL;
    recipe.params.batch_size = c->given[batch_size] ? o->params.batch_size : 0;
    CLI_TRY(graft_recipe_apply(c->log, o->recipe, o->task, &recipe.params, set, &set_count));
    cli_copy_unset(c, &recipe, o);
    o->set = (cli_list){0};
    graft_status status = GRAFT_OK;
    for (int i = 0; i < set_count + own.count && status == GRAFT_OK; i++)
        status = cli_list_push(c, &o->set, i < set_count ? set[i] : own.items[i - set_count]);
    free(own.items);
    return status;
}

static graft_status print_settings(cli *c, train_options *o)
{
    char *text = NULL;
    CLI_TRY(graft_train_describe(c->log, &o->params, o->device, &text));
    printf("%s\n", text);
    free(text);
    return GRAFT_OK;
}

static graft_status check(cli *c, const train_options *o)
{
    const graft_train_params *p = &o->params;
    if (!p->backbone && !p->model)
        CLI_TRY(cli_need(c, "backbone", p->backbone));
    CLI_TRY(cli_need(c, "data", p->data));
    CLI_TRY(cli_need(c, "method", p->method));
    return cli_need(c, "out", p->out);
}

static json_t *accuracy_json(double accuracy)
{
    return accuracy >= 0.0 ? json_real(accuracy) : json_null();
}

static graft_status print_json(cli *c, const train_options *o, const graft_train_result *r,
                               const graft_device_info *device)
{
    return cli_print_json(
        c, json_pack("{s:o,s:I,s:I,s:o,s:o,s:i,s:o,s:I,s:f,s:f,s:I,s:o,s:o}", "method",
                     cli_json_text(o->params.method), "trainable", (json_int_t)r->trainable,
                     "trainable_without_head", (json_int_t)r->trainable_without_head, "accuracy",
                     accuracy_json(r->accuracy), "best_accuracy", accuracy_json(r->best_accuracy),
                     "best_epoch", r->best_epoch, "loss", json_real((double)r->loss), "steps",
                     (json_int_t)r->steps, "seconds", r->seconds, "images_per_s",
                     r->images_per_second, "peak_device_bytes", (json_int_t)r->peak_device_bytes,
                     "device", cli_json_text(device->id), "out", cli_json_text(o->params.out)));
}

static void accuracy_cell(cli_table *t, double accuracy)
{
    if (accuracy >= 0.0)
        cli_table_cell(t, "%.2f%%", 100.0 * accuracy);
    else
        cli_table_cell(t, "-");
}

static graft_status print_table(cli *c, const train_options *o, const graft_train_result *r)
{
    static const char *const headings[] = {"method", "trainable", "without head", "accuracy",
                                           "best",   "images/s",  "peak memory",  "seconds"};
    cli_table t = {.columns = 8};
    char text[32];
    for (int i = 0; i < 8; i++)
        cli_table_cell(&t, "%s", headings[i]);
    cli_table_cell(&t, "%s", o->params.method);
    cli_table_cell(&t, "%s", cli_grouped(r->trainable, text));
    cli_table_cell(&t, "%s", cli_grouped(r->trainable_without_head, text));
    accuracy_cell(&t, r->accuracy);
    accuracy_cell(&t, r->best_accuracy);
    cli_table_cell(&t, "%.1f", r->images_per_second);
    cli_table_cell(&t, "%s", cli_bytes(r->peak_device_bytes, text));
    cli_table_cell(&t, "%.1f", r->seconds);
    return cli_table_print(c, &t);
}

static graft_status train(cli *c, train_options *o)
{
    graft_device *device = NULL;
    graft_train_result result = {0};
    cli_progress progress;
    o->params.stop = cli_stop_on_signals();
    o->params.progress = cli_progress_show;
    o->params.user = &progress;
    CLI_TRY(graft_device_open(c->log, o->device, NULL, &device));
    cli_progress_start(&progress, c->console);
    graft_status status = graft_train(c->log, device, &o->params, &result);
    cli_progress_finish(&progress);
    if (status == GRAFT_OK)
        status = o->common.json ? print_json(c, o, &result, graft_device_get_info(device))
                                : print_table(c, o, &result);
    graft_device_close(&device);
    return status;
}

static graft_status run(cli *c, void *options)
{
    train_options *o = options;
    json_t *config = NULL;
    graft_status status = read_config(c, o, &config);
    if (status == GRAFT_OK)
        status = apply_recipe(c, o);
    o->params.set = o->set.items;
    o->params.set_count = o->set.count;
    if (status == GRAFT_OK && o->dry_run)
        status = print_settings(c, o);
    else if (status == GRAFT_OK && (status = check(c, o)) == GRAFT_OK)
        status = train(c, o);
    json_decref(config);
    return status;
}

const cli_command cli_command_train = {
    .name = "train",
    .summary = "Fine-tunes a vision transformer on labelled images",
    .usage = "--backbone FILE --data DIR --method NAME[+NAME] --out DIR [options]",
    .options = table,
    .options_bytes = sizeof(train_options),
    .defaults = set_defaults,
    .run = run,
};
