/* graft sweep: many runs as one, by a file or a protocol's name. */
#include "command/cli/commands.h"
#include "command/sweep/engine.h"
#include "command/sweep/figures.h"
#include "command/sweep/folder.h"
#include "command/sweep/preset.h"
#include "command/sweep/report.h"
#include "command/train/train_check.h"
#include "command/console/config_file.h"
#include "command/console/output.h"
#include "command/console/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct sweep_options {
    cli_common common;
    const char *out, *data, *backbone, *recipe;
    graft_text_list methods, lr, seeds, shots, devices, tasks, settings;
    bool dry_run, report, accept_changes;
} sweep_options;

#define FIELD(name) CLI_FIELD(sweep_options, name)

static const graft_setting rows[] = {
    {"backbone", FIELD(backbone), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "pretrained weights of all runs", .letter = 'b', .group = "What"},
    {"method", FIELD(methods), GRAFT_SETTING_TEXTS, NULL, "NAME[+NAME]", 0, 0, "may be repeated",
     .letter = 'm'},
    {"recipe", FIELD(recipe), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0,
     "of all runs, with the task of each", .letter = 'r'},
    {"data", FIELD(data), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "folder with the data sets of a protocol, or where a file's relative paths start",
     .letter = 'd'},
    {"task", FIELD(tasks), GRAFT_SETTING_TEXTS, NULL, "NAME", 0, 0,
     "only this data set of the protocol; may be repeated"},
    {"lr", FIELD(lr), GRAFT_SETTING_TEXTS, NULL, "X", 0, 0,
     "repeated: the best one on the validation split is taken"},
    {"shots", FIELD(shots), GRAFT_SETTING_TEXTS, NULL, "K", 0, 0,
     "training images of each class; may be repeated"},
    {"seed", FIELD(seeds), GRAFT_SETTING_TEXTS, NULL, "N", 0, 0, "may be repeated"},
    {"setting", FIELD(settings), GRAFT_SETTING_TEXTS, NULL, "OPTION=VALUE", 0, 0,
     "an option of graft train for all runs; may be repeated", .letter = 's'},
    {"out", FIELD(out), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0, "folder for the runs and the tables",
     .letter = 'o', .group = "Run"},
    {"device", FIELD(devices), GRAFT_SETTING_TEXTS, NULL, "BACKEND:INDEX|auto", 0, 0,
     "repeated: runs side by side, one on each"},
    {"accept-changes", FIELD(accept_changes), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "go on beside runs of another backbone or other images than there are now"},
    {"dry-run", FIELD(dry_run), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0, "list the runs and stop"},
    {"report", FIELD(report), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "only the tables of what is done"},
    CLI_JSON_OPTION,
    {.key = NULL},
};

/* ---- From the command line to the JSON of a sweep ---------------------------------------- */

static void set_text(json_t *object, const char *key, const char *value)
{
    if (value)
        json_object_set_new(object, key, cli_json_text(value));
}

/* A number where the text is one, else the text. */
static json_t *value_of(const char *text)
{
    char *end;
    long long whole = strtoll(text, &end, 10);
    if (end != text && !*end)
        return json_integer(whole);
    double number = strtod(text, &end);
    if (end != text && !*end)
        return json_real(number);
    if (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0)
        return json_boolean(strcmp(text, "yes") == 0);
    return cli_json_text(text);
}

static void set_list(json_t *root, const char *key, const graft_text_list *list, bool texts)
{
    json_t *array = list->count ? json_array() : NULL;
    for (int i = 0; i < list->count; i++)
        json_array_append_new(array,
                              texts ? cli_json_text(list->items[i]) : value_of(list->items[i]));
    if (array)
        json_object_set_new(root, key, array);
}

/* "epochs=5"; "set=lora.r=4" may be there several times. */
static graft_status add_setting(cli *c, json_t *settings, const char *item)
{
    char key[64];
    size_t length = strcspn(item, "=");
    if (!item[length] || length >= sizeof(key))
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--setting %s: expected OPTION=VALUE", item);
    snprintf(key, sizeof(key), "%.*s", (int)length, item);
    if (strcmp(key, "set") != 0) {
        const graft_setting *s = cli_find_option(&cli_command_train, key, length, NULL).setting;
        /* "0.4" of color-jitter is no number */
        bool text = s && s->type != GRAFT_SETTING_BOOL && !cli_takes_numbers(s);
        const char *value = item + length + 1;
        json_object_set_new(settings, key, text ? cli_json_text(value) : value_of(value));
        return GRAFT_OK;
    }
    json_t *array = json_object_get(settings, "set");
    if (!json_is_array(array)) {
        array = json_array();
        json_object_set_new(settings, "set", array);
    }
    json_array_append_new(array, cli_json_text(item + length + 1));
    return GRAFT_OK;
}

static graft_status apply_options(cli *c, const sweep_options *o, json_t *root)
{
    json_t *settings = json_object_get(root, "settings");
    if (!settings) {
        settings = json_object();
        json_object_set_new(root, "settings", settings);
    }
    if (!json_is_object(settings))
        return cli_fail(c, GRAFT_ERR_FORMAT, "settings: expected an object");
    set_text(root, "out", o->out);
    set_text(root, "root", o->data);
    set_text(settings, "backbone", o->backbone);
    set_text(settings, "recipe", o->recipe);
    set_list(root, "methods", &o->methods, true);
    set_list(root, "tasks", &o->tasks, true);
    set_list(root, "devices", &o->devices, true);
    set_list(root, "lr", &o->lr, false);
    set_list(root, "seeds", &o->seeds, false);
    set_list(root, "shots", &o->shots, false);
    for (int i = 0; i < o->settings.count; i++)
        CLI_TRY(add_setting(c, settings, o->settings.items[i]));
    return GRAFT_OK;
}

/* A recipe says which method it is for. */
static void default_method(const sweep_options *o, json_t *root)
{
    graft_recipe_info info;
    for (int i = 0; o->recipe && graft_recipe_get_info(i, &info); i++)
        if (strcmp(info.name, o->recipe) == 0 && !json_object_get(root, "methods"))
            json_object_set_new(root, "methods", json_pack("[s]", info.method));
}

static graft_status read_root(cli *c, const sweep_options *o, json_t **root)
{
    const char *operand = o->common.operands.items[0];
    struct stat info;
    bool file = stat(operand, &info) == 0 && !S_ISDIR(info.st_mode); /* data may lie in ./vtab */
    if (!file && sweep_is_preset(operand))
        *root = json_pack("{s:s}", "preset", operand);
    else
        CLI_TRY(cli_load_object(c, operand, "expected a file, or vtab, fgvc, fewshot or dg", root));
    if (!*root)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    default_method(o, *root);
    return apply_options(c, o, *root);
}

/* ---- Running ----------------------------------------------------------------------------- */

static void warn_missing(cli *c, const char *name, const char *path)
{
    char text[1200];
    snprintf(text, sizeof(text), "%s is left out: %s is not there", name, path);
    cli_clean_text(text);
    if (c->console->level >= GRAFT_LOG_WARN)
        cli_console_message(c->console, GRAFT_LOG_WARN, text);
}

static void tell_missing(cli *c, const sweep_spec *s)
{
    for (int i = 0; i < s->data_count; i++) {
        const sweep_item *data = &s->data[i];
        const json_t *target;
        size_t k;
        if (data->missing)
            warn_missing(c, data->name, sweep_target_text(data->options, "data"));
        json_array_foreach(data->evaluate, k, target)
        {
            if (!data->missing && sweep_target_missing(target))
                warn_missing(c, sweep_target_text(target, "name"),
                             sweep_target_text(target, "data"));
        }
    }
}

static graft_status list_runs(cli *c, sweep_plan *plan)
{
    char title[160];
    CLI_TRY(sweep_engine_look(c, plan));
    for (int i = 0; i < plan->count; i++)
        printf("%s%s\n", sweep_run_title(&plan->runs[i], title),
               plan->runs[i].state == SWEEP_DONE ? " (done)" : "");
    return GRAFT_OK;
}

/* Makes OUT, and keeps another sweep from working in it, where the file system has locks. */
static graft_status lock_out(cli *c, const char *out, int *lock)
{
    char path[4096];
    CLI_TRY(sweep_make_folder(c, out));
    snprintf(path, sizeof(path), "%s/sweep.lock", out);
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*lock < 0)
        return cli_fail(c, GRAFT_ERR_IO, "%s: %s", path, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: another sweep is running in it", out);
    return GRAFT_OK;
}

static graft_status report(cli *c, const sweep_plan *plan, bool json)
{
    sweep_summary summary = {0};
    graft_status status = sweep_summary_create(c, plan, &summary);
    if (status == GRAFT_OK) { /* the tables come also where the figures fail */
        graft_status drawn = sweep_figures_write(c, &summary);
        status = sweep_report_write(c, &summary);
        status = status == GRAFT_OK ? drawn : status;
    }
    if (status == GRAFT_OK)
        status = sweep_report_print(c, &summary, json);
    sweep_summary_release(&summary);
    return status;
}

static graft_status count_failures(cli *c, const sweep_plan *plan)
{
    int failed = 0;
    for (int i = 0; i < plan->count; i++)
        failed += plan->runs[i].state == SWEEP_FAILED;
    return failed ? cli_fail(c, GRAFT_ERR_NUMERIC,
                             "%d of %d runs failed; the same command tries them again", failed,
                             plan->count)
                  : GRAFT_OK;
}

static graft_status run_plan(cli *c, const sweep_options *o, sweep_plan *plan)
{
    int lock = -1;
    if (!o->report) /* what is done needs no files to start from */
        CLI_TRY(sweep_plan_check(c, plan));
    if (o->dry_run)
        return list_runs(c, plan);
    graft_status status = lock_out(c, plan->spec->out, &lock);
    if (status == GRAFT_OK)
        status = o->report ? sweep_engine_look(c, plan)
                           : sweep_engine_run(c, plan, cli_stop_on_signals());
    if (status == GRAFT_OK)
        status = report(c, plan, o->common.json);
    if (status == GRAFT_OK && !o->report)
        status = count_failures(c, plan);
    if (lock >= 0)
        close(lock);
    return status;
}

/* Nothing of a sweep is lost with this process, and its runs end with it: rather than go on with a
 * part of what it was told, it ends where JSON has no memory. */
static void *allocate_json(size_t size)
{
    void *memory = malloc(size);
    if (!memory && size) {
        fputs("graft: out of memory\n", stderr);
        _exit(EXIT_FAILURE);
    }
    return memory;
}

static graft_status run(cli *c, void *options)
{
    json_set_alloc_funcs(allocate_json, free);
    const sweep_options *o = options;
    json_t *root = NULL;
    sweep_spec spec = {0};
    sweep_plan plan = {0};
    graft_status status = read_root(c, o, &root);
    if (status == GRAFT_OK)
        status = sweep_spec_read(c, root, &spec);
    else
        json_decref(root);
    if (status == GRAFT_OK) {
        tell_missing(c, &spec);
        status = sweep_plan_create(c, &spec, &plan);
    }
    plan.accept_changes = o->accept_changes;
    if (status == GRAFT_OK)
        status = run_plan(c, o, &plan);
    sweep_plan_release(&plan);
    sweep_spec_release(&spec);
    return status;
}

const cli_command cli_command_sweep = {
    .name = "sweep",
    .summary = "Trains many runs: methods x data sets x rates x shots x seeds",
    .usage = "CONFIG|vtab|fgvc|fewshot|dg [options]",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(sweep_options),
    .operand = "CONFIG",
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
