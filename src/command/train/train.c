/* graft train: from a backbone and labelled images to an adapter. */
#include "command/console/config_file.h"
#include "command/console/output.h"
#include "command/console/progress.h"
#include "command/train/train_check.h"
#include "command/console/stop.h"

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
#define TRAIN(field) offsetof(train_options, params.field)

static const cli_option table[] = {
    {"Recipe", 0, CLI_HEADING},
    {"recipe", 'r', CLI_TEXT, offsetof(train_options, recipe), "NAME", 0, 0,
     "the settings of a paper's code, see graft recipes; other options win"},
    {"task", 0, CLI_TEXT, offsetof(train_options, task), "NAME", 0, 0,
     "what the recipe has for this task, such as cifar"},
    {"Model", 0, CLI_HEADING},
    {"backbone", 'b', CLI_TEXT, TRAIN(backbone), "FILE", 0, 0,
     "pretrained weights: .safetensors, its folder, or JAX .npz"},
    {"model", 0, CLI_TEXT, TRAIN(model), "NAME", 0, 0,
     "geometry of a run without pretrained weights"},
    {"pool", 0, CLI_TEXT, TRAIN(pool), "cls|avg", 0, 0,
     "the head sees the class token or the mean of patches", "as the backbone"},
    {"projection", 0, CLI_FLAG, TRAIN(projection), NULL, 0, 0,
     "the head sees the projected feature of CLIP"},
    {"text-embeddings", 0, CLI_TEXT, TRAIN(text.embeddings), "FILE", 0, 0,
     "start the head from this matrix [classes, width]"},
    {"class-names", 0, CLI_TEXT, TRAIN(text.class_names), "FILE|data", 0, 0,
     "start the head from CLIP's features of names, a class a line, or the data's own"},
    {"text-encoder", 0, CLI_TEXT, TRAIN(text.encoder), "FILE", 0, 0,
     "checkpoint with CLIP's text encoder", "the backbone"},
    {"vocabulary", 0, CLI_TEXT, TRAIN(text.vocabulary), "FILE|DIR", 0, 0,
     "of the text encoder: merges.txt or bpe_simple_vocab_16e6.txt.gz", "beside it"},
    {"prompt", 0, CLI_TEXT, TRAIN(text.prompt), "TEXT", 0, 0, "text of a class, {} its name"},
    {"logit-scale", 0, CLI_FLOAT, TRAIN(text.logit_scale), "X", -1, 1e6,
     "of cosines with texts; 0: plain products; -1: the checkpoint's"},
    {"method", 'm', CLI_TEXT, TRAIN(method), "NAME[+NAME]", 0, 0, "see graft methods"},
    {"set", 's', CLI_LIST, offsetof(train_options, set), "METHOD.OPTION=VALUE", 0, 0,
     "an option of a method; may be repeated"},
    {"init-adapter", 0, CLI_TEXT, TRAIN(init_adapter), "FILE", 0, 0,
     "start from the tensors of this adapter"},
    {"Data", 0, CLI_HEADING},
    {"data", 'd', CLI_TEXT, TRAIN(data), "DIR", 0, 0,
     "labelled images: a folder, a .tar or dsprites:orientation"},
    {"train-split", 0, CLI_TEXT, TRAIN(train_split), "NAME", 0, 0, "images to train on"},
    {"test-split", 0, CLI_TEXT, TRAIN(test_split), "NAME", 0, 0,
     "images to evaluate on; \"\": no evaluation"},
    {"shots", 0, CLI_INT, TRAIN(shots), "K", 0, CLI_WHOLE_MAX,
     "train on so many images of each class, chosen by the seed", "all"},
#include "command/train/image_options.inc"
    {"Training", 0, CLI_HEADING},
    {"epochs", 'e', CLI_INT, TRAIN(epochs), "N", 1, CLI_WHOLE_MAX, "passes over the images"},
    {"cooldown-epochs", 0, CLI_INT, TRAIN(cooldown_epochs), "N", 0, CLI_WHOLE_MAX,
     "more epochs: at --min-lr after a cosine"},
    {"lr", 0, CLI_FLOAT, TRAIN(lr), "X", 0, 1e6, "learning rate"},
#include "command/train/update_options.inc"
    {"max-steps", 0, CLI_COUNT, TRAIN(max_steps), "N", 0, CLI_COUNT_MAX, "stop after so many",
     "all epochs"},
    {"Run", 0, CLI_HEADING},
    {"out", 'o', CLI_TEXT, TRAIN(out), "DIR", 0, 0, "folder for adapter, metrics, checkpoint"},
    {"config", 0, CLI_TEXT, offsetof(train_options, config), "FILE", 0, 0,
     "options from a config.json; the command line wins"},
    {"dry-run", 0, CLI_FLAG, offsetof(train_options, dry_run), NULL, 0, 0,
     "print the settings, as a file for --config, and stop"},
    {"resume", 0, CLI_FLAG, TRAIN(resume), NULL, 0, 0,
     "go on with the run in --out, with its options"},
    {"accept-changes", 0, CLI_FLAG, TRAIN(accept_changes), NULL, 0, 0,
     "go on with another backbone or other images than before"},
    {"checkpoint-every", 0, CLI_COUNT, TRAIN(checkpoint_every), "N", 0, CLI_COUNT_MAX,
     "steps between checkpoints", "an epoch"},
    {"device", 0, CLI_TEXT, offsetof(train_options, device), "BACKEND:INDEX|auto", 0, 0,
     "see graft devices", "$GRAFT_DEVICE, else auto"},
    {"memory-budget", 0, CLI_SIZE, TRAIN(memory_budget), "SIZE", 0, 0,
     "device memory to use, such as 512M", "7/8 of all"},
    {"profile", 0, CLI_FLAG, TRAIN(profile), NULL, 0, 0, "tell the time of each kernel"},
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

static graft_status print_json(cli *c, const train_options *o, const graft_train_result *r,
                               const graft_device_info *device)
{
    return cli_print_json(
        c, json_pack("{s:o,s:I,s:I,s:o,s:o,s:i,s:o,s:I,s:f,s:f,s:I,s:o,s:o}", "method",
                     cli_json_text(o->params.method), "trainable", (json_int_t)r->trainable,
                     "trainable_without_head", (json_int_t)r->trainable_without_head, "accuracy",
                     cli_accuracy_json(r->accuracy), "best_accuracy",
                     cli_accuracy_json(r->best_accuracy), "best_epoch", r->best_epoch, "loss",
                     json_real((double)r->loss), "steps", (json_int_t)r->steps, "seconds",
                     r->seconds, "images_per_s", r->images_per_second, "peak_device_bytes",
                     (json_int_t)r->peak_device_bytes, "device", cli_json_text(device->id), "out",
                     cli_json_text(o->params.out)));
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
    cli_accuracy_cell(&t, r->accuracy);
    cli_accuracy_cell(&t, r->best_accuracy);
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

/* From what was told to what graft_train takes. */
static graft_status settle(cli *c, train_options *o)
{
    CLI_TRY(apply_recipe(c, o));
    cli_list_unique(&o->set); /* a resumed run's file has what its command repeats */
    o->params.set = o->set.items;
    o->params.set_count = o->set.count;
    return GRAFT_OK;
}

static void keep_message(void *user, graft_log_level level, const char *text)
{
    (void)level;
    cli_fail(user, GRAFT_OK, "%s", text);
}

graft_status cli_train_check(cli *c, const char *title, const json_t *settings)
{
    train_options o = {0};
    char *text = NULL;
    cli train = {.command = &cli_command_train, .console = c->console};
    graft_log_params log = {.callback = keep_message, .user = &train, .level = GRAFT_LOG_ERROR};
    train.log = graft_log_create(&log);
    set_defaults(&o);
    graft_status status = cli_set_options(&train, "settings", settings, &o);
    if (status == GRAFT_OK)
        status = settle(&train, &o);
    if (status == GRAFT_OK)
        status = graft_train_describe(train.log, &o.params, NULL, &text);
    if (status != GRAFT_OK)
        cli_fail(c, status, "%s: %s", title, train.error);
    free(text);
    free(o.set.items);
    graft_log_destroy(&train.log);
    return status;
}

static graft_status run(cli *c, void *options)
{
    train_options *o = options;
    json_t *config = NULL;
    graft_status status = read_config(c, o, &config);
    if (status == GRAFT_OK)
        status = settle(c, o);
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
    .usage = "--backbone FILE|--model NAME --data DIR --method NAME[+NAME] --out DIR [options]",
    .options = table,
    .options_bytes = sizeof(train_options),
    .defaults = set_defaults,
    .run = run,
};
