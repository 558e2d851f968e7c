/* graft train: from a backbone and labelled images to an adapter. */
#include "command/bench/bench.h"
#include "command/console/config_file.h"
#include "command/console/device.h"
#include "command/console/names.h"
#include "command/console/output.h"
#include "command/console/progress.h"
#include "command/ranks/ranks.h"
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
    const char *device, *config, *recipe, *task;
    const char *profile; /* "": to the log */
    bool dry_run, share_device;
} train_options;

#define FIELD(field) CLI_FIELD(train_options, field)

static const graft_setting recipe_rows[] = {
    {"recipe", FIELD(recipe), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0,
     "the settings of a paper's code, see graft recipes; other options win", .group = "Recipe",
     .letter = 'r'},
    {"task", FIELD(task), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0,
     "what the recipe has for this task, such as cifar"},
    {.key = NULL},
};

static const graft_setting config_rows[] = {
    {"config", FIELD(config), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "options from a config.json; the command line wins"},
    {"dry-run", FIELD(dry_run), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "print the settings, as a file for --config, and what memory and time the run takes"},
    {.key = NULL},
};

static const graft_setting device_rows[] = {
    {"device", FIELD(device), GRAFT_SETTING_TEXT, NULL, "BACKEND:INDEX|auto", 0, 0,
     "see graft devices; with mpirun a list with commas, one for each rank of a host",
     "$GRAFT_DEVICE, else auto"},
    {"share-device", FIELD(share_device), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "ranks of mpirun may have one device in common, such as the processor"},
    {.key = NULL},
};
/* In place of the library's, which knows of no files. */
static const graft_setting profile_rows[] = {
    {"profile", FIELD(profile), GRAFT_SETTING_TEXT, NULL, "[FILE]", 0, 0,
     "tell the time of each kernel; with FILE, when what ran, which opens in Perfetto"},
    {.key = NULL},
};
static const graft_setting json_rows[] = {CLI_JSON_OPTION, {.key = NULL}};

/* The rows of the library's table from one to another. */
#define SETTINGS(first, end)                                                                       \
    {                                                                                              \
        .table = graft_train_setting, .offset = offsetof(train_options, params), .from = (first),  \
        .to = (end)                                                                                \
    }

static const cli_options options_of_train[] = {
    {.rows = recipe_rows},  SETTINGS(NULL, "resume"),
    {.rows = config_rows},  SETTINGS("resume", "memory-budget"),
    {.rows = device_rows},  SETTINGS("memory-budget", "profile"),
    {.rows = profile_rows}, {.rows = json_rows},
    {.rows = NULL},
};

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
    graft_text_list own = o->params.set;
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
    o->params.set = (graft_text_list){0};
    graft_status status = GRAFT_OK;
    for (int i = 0; i < set_count + own.count && status == GRAFT_OK; i++)
        status =
            cli_list_push(c, &o->params.set, i < set_count ? set[i] : own.items[i - set_count]);
    cli_list_free(&own);
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

/* What the run would take, on standard error: what the settings are printed for may be elsewhere.
 */
static void tell_estimate(cli *c, const train_options *o, const graft_device_info *device,
                          const graft_estimate *e)
{
    char text[512], used[32], memory[32], trainable[32], step[32], all[32];
    cli_time_text(e->seconds, all, sizeof(all));
    snprintf(step, sizeof(step), "%.2f s", e->step_seconds);
    snprintf(
        text, sizeof(text),
        "%s: %s parameters, %s%s%s of memory on %s (%d of %d images at once), %llu steps of %s: "
        "about %s",
        o->params.method, cli_grouped(e->trainable, trainable), cli_bytes(e->device_bytes, used),
        device->memory_bytes ? " of " : "",
        device->memory_bytes ? cli_bytes(device->memory_bytes, memory) : "", device->id,
        e->micro_batch, e->batch_size, (unsigned long long)e->steps, step, all);
    cli_console_message(c->console, GRAFT_LOG_INFO, text);
}

/* A run that cannot be tried has settings all the same. */
static void estimate(cli *c, const train_options *o)
{
    graft_device *device = NULL;
    graft_estimate found;
    char why[1024], told[1024];
    if (!o->params.data || (!o->params.backbone && !o->params.model)) {
        cli_console_message(c->console, GRAFT_LOG_INFO,
                            "with --backbone and --data it says what memory and time it takes");
        return;
    }
    graft_status status = cli_open_device(c, o->device, &device);
    if (status == GRAFT_OK)
        status = graft_train_estimate(c->log, device, &o->params, &found);
    if (status == GRAFT_OK) {
        tell_estimate(c, o, graft_device_get_info(device), &found);
    } else {
        graft_log_error(c->log, why, sizeof(why));
        cli_name_options(c->command, why, told, sizeof(told));
        cli_console_message(c->console, GRAFT_LOG_WARN, told);
    }
    graft_device_close(&device);
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

static bool can_measure_kernels(const graft_device *device)
{
    graft_device_fact fact;
    for (int i = 0; graft_device_get_fact(device, i, &fact); i++)
        if (strcmp(fact.name, "timestamps") == 0)
            return strcmp(fact.value, "yes") == 0;
    return false;
}

/* Where a device cannot measure its kernels, what the host does is worth a file all the same. */
static void begin_profile(cli *c, train_options *o, graft_device *device, cli_trace *trace,
                          cli_trace_device *lanes)
{
    char text[256];
    const char *id = graft_device_get_info(device)->id;
    o->params.profile = o->profile && (!*o->profile || can_measure_kernels(device));
    if (!o->profile || !*o->profile)
        return;
    cli_trace_add(trace, id, lanes);
    o->params.span = cli_trace_span;
    o->params.span_user = lanes;
    snprintf(text, sizeof(text), "%s cannot measure kernels: %.80s has the host's work alone", id,
             o->profile);
    if (o->params.profile)
        bench_measure_peaks(c, device, lanes);
    else if (c->console->level >= GRAFT_LOG_WARN)
        cli_console_message(c->console, GRAFT_LOG_WARN, text);
}

/* What was seen of a run that failed or was stopped is written as well. */
static graft_status end_profile(cli *c, const train_options *o, cli_trace *trace,
                                graft_status status)
{
    cli keeps_error = *c;
    graft_status written = GRAFT_OK;
    if (o->profile && *o->profile)
        written = cli_trace_write(status == GRAFT_OK ? c : &keeps_error, trace, o->profile);
    cli_trace_end(trace);
    return status != GRAFT_OK ? status : written;
}

static graft_status print_result(cli *c, const train_options *o, const graft_train_result *result,
                                 const graft_device_info *device)
{
    return o->common.json ? print_json(c, o, result, device) : print_table(c, o, result);
}

static graft_status train_with(cli *c, train_options *o, cli_ranks *ranks)
{
    graft_device *device = NULL;
    graft_train_result result = {0};
    cli_progress progress;
    cli_trace trace;
    cli_trace_device lanes;
    o->params.progress = cli_progress_show;
    o->params.user = &progress;
    o->params.ranks = ranks->ranks.count > 1 ? &ranks->ranks : NULL;
    if (ranks->ranks.rank > 0)
        o->profile = NULL; /* rank 0 writes */
    CLI_TRY(cli_ranks_open_device(c, ranks, o->device, o->share_device, &device));
    cli_trace_begin(&trace);
    begin_profile(c, o, device, &trace, &lanes);
    cli_progress_start(&progress, c->console, cli_stop_on_signals());
    graft_status status = graft_train(c->log, device, &o->params, &result);
    cli_progress_finish(&progress);
    status = end_profile(c, o, &trace, status);
    if (status == GRAFT_OK)
        cli_ranks_tell(c, ranks, result.seconds);
    if (status == GRAFT_OK && ranks->ranks.rank == 0)
        status = print_result(c, o, &result, graft_device_get_info(device));
    graft_device_close(&device);
    return status;
}

static graft_status train(cli *c, train_options *o)
{
    cli_ranks ranks;
    CLI_TRY(cli_ranks_join(c, &ranks));
    graft_status status = train_with(c, o, &ranks);
    cli_ranks_leave(&ranks);
    return status;
}

/* From what was told to what graft_train takes. */
static graft_status settle(cli *c, train_options *o)
{
    CLI_TRY(apply_recipe(c, o));
    cli_list_unique(&o->params.set); /* a resumed run's file has what its command repeats */
    return GRAFT_OK;
}

static void keep_message(void *user, graft_log_level level, const char *text)
{
    cli *c = user;
    char told[sizeof(c->error)];
    cli_name_options(c->command, text, told, sizeof(told));
    if (level == GRAFT_LOG_ERROR)
        memcpy(c->error, told, sizeof(told));
    else if (c->console->level >= level)
        cli_console_message(c->console, level, told);
}

/* What the library says of the settings of a run. */
typedef graft_status check_settings(graft_log *log, train_options *o);

static graft_status check_run(cli *c, const char *title, const json_t *settings, train_options *o,
                              check_settings *look, graft_log_level level)
{
    graft_text_list *set = &o->params.set;
    cli train = {.command = &cli_command_train, .console = c->console};
    graft_log_params log = {.callback = keep_message, .user = &train, .level = level};
    train.log = graft_log_create(&log);
    cli_set_defaults(&cli_command_train, o);
    graft_status status = cli_set_options(&train, "settings", settings, o);
    if (status == GRAFT_OK)
        status = settle(&train, o);
    if (status == GRAFT_OK)
        status = look(train.log, o);
    if (status != GRAFT_OK)
        cli_fail(c, status, "%s: %s", title, train.error);
    cli_list_free(set);
    graft_log_destroy(&train.log);
    return status;
}

static graft_status check_alone(graft_log *log, train_options *o)
{
    char *text = NULL;
    graft_status status = graft_train_describe(log, &o->params, NULL, &text);
    free(text);
    return status;
}

graft_status cli_train_check(cli *c, const char *title, const json_t *settings)
{
    train_options o = {0};
    return check_run(c, title, settings, &o, check_alone, GRAFT_LOG_ERROR);
}

typedef struct resumed {
    train_options options; /* first */
    const char *folder;
    bool accept;
} resumed;

static graft_status check_resumed(graft_log *log, train_options *o)
{
    const resumed *r = (const resumed *)o;
    o->params.out = r->folder;
    o->params.accept_changes = r->accept;
    return graft_train_check_resume(log, &o->params);
}

graft_status cli_train_check_resume(cli *c, const char *title, const json_t *settings,
                                    const char *folder, bool accept_changes)
{
    resumed r = {.folder = folder, .accept = accept_changes};
    return check_run(c, title, settings, &r.options, check_resumed,
                     accept_changes ? GRAFT_LOG_WARN : GRAFT_LOG_ERROR);
}

static graft_status run(cli *c, void *options)
{
    train_options *o = options;
    json_t *config = NULL;
    graft_status status = read_config(c, o, &config);
    if (status == GRAFT_OK)
        status = settle(c, o);
    if (status == GRAFT_OK && o->dry_run)
        status = cli_ranks_refuse(c, "--dry-run");
    if (status == GRAFT_OK && o->dry_run) {
        status = print_settings(c, o);
        if (status == GRAFT_OK)
            estimate(c, o);
    }
    if (status == GRAFT_OK && !o->dry_run && (status = check(c, o)) == GRAFT_OK)
        status = train(c, o);
    json_decref(config);
    return status;
}

const cli_command cli_command_train = {
    .name = "train",
    .summary = "Fine-tunes a vision transformer on labelled images",
    .usage = "--backbone FILE|--model NAME --data DIR --method NAME[+NAME] --out DIR [options]",
    .options = options_of_train,
    .options_bytes = sizeof(train_options),
    .run = run,
};
