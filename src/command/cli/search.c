/* graft search: which modules a backbone needs for labelled images, and how wide. */
#include "command/cli/commands.h"
#include "command/console/output.h"
#include "command/console/progress.h"
#include "command/console/stop.h"

#include <stdio.h>

typedef struct search_options {
    cli_common common;
    graft_search_params params;
    uint64_t limit;
    const char *device;
} search_options;

#define PARAM(field) offsetof(search_options, params.field)
#define TRAIN(field) PARAM(train.field)

static const cli_option table[] = {
    {"Model and data", 0, CLI_HEADING},
    {"backbone", 'b', CLI_TEXT, TRAIN(backbone), "FILE", 0, 0,
     "pretrained weights of a plain vision transformer"},
    {"data", 'd', CLI_TEXT, TRAIN(data), "DIR", 0, 0,
     "labelled images: a folder, a .tar or dsprites:orientation"},
    {"supernet-split", 0, CLI_TEXT, PARAM(supernet_split), "NAME", 0, 0,
     "images that the supernet is trained on", "train800, or what --val-split leaves"},
    {"val-split", 0, CLI_TEXT, PARAM(val_split), "NAME", 0, 0,
     "images that sub-networks are measured on", "val200, val, or every fifth training image"},
    {"train-split", 0, CLI_TEXT, TRAIN(train_split), "NAME", 0, 0,
     "images that the result is trained on"},
    {"test-split", 0, CLI_TEXT, TRAIN(test_split), "NAME", 0, 0,
     "images that the result is evaluated on; \"\": none"},
#include "command/train/image_options.inc"
    {"Training", 0, CLI_HEADING},
    {"supernet-epochs", 0, CLI_INT, PARAM(supernet_epochs), "N", 1, CLI_WHOLE_MAX,
     "passes over the images for the supernet"},
    {"supernet-lr", 0, CLI_FLOAT, PARAM(supernet_lr), "X", 0, 1e6, "its learning rate"},
    {"epochs", 'e', CLI_INT, TRAIN(epochs), "N", 1, CLI_WHOLE_MAX,
     "passes over the images for the result"},
    {"lr", 0, CLI_FLOAT, TRAIN(lr), "X", 0, 1e6, "its learning rate"},
    {"dropout", 0, CLI_FLOAT, PARAM(dropout), "RATE", 0, 0.99, "in each module"},
#include "command/train/update_options.inc"
    {"Search", 0, CLI_HEADING},
    {"limit", 0, CLI_COUNT, offsetof(search_options, limit), "N", 0, CLI_COUNT_MAX,
     "trainable parameters of the result without its head; 0: any"},
    {"widths", 0, CLI_TEXT, PARAM(widths), "N,N", 0, 0, "that a module may have"},
    {"depths", 0, CLI_TEXT, PARAM(depths), "N,N", 0, 0,
     "numbers of first blocks that may have a module, such as 3,6,9,12; 0: quarters of all"},
    {"generations", 0, CLI_INT, PARAM(generations), "N", 1, 1e6, "of the evolution"},
    {"population", 0, CLI_INT, PARAM(population), "N", 1, 1e6, "sub-networks in a generation"},
    {"parents", 0, CLI_INT, PARAM(parents), "N", 1, 1e6, "best ones that the next descend from"},
    {"mutations", 0, CLI_INT, PARAM(mutations), "N", 0, 1e6,
     "sub-networks of a generation that are mutations"},
    {"crossovers", 0, CLI_INT, PARAM(crossovers), "N", 0, 1e6,
     "and those that are crossovers; the rest is drawn at random"},
    {"mutation-rate", 0, CLI_FLOAT, PARAM(mutation_rate), "X", 0, 1,
     "of each module, and of each of its widths"},
    {"depth-rate", 0, CLI_FLOAT, PARAM(depth_rate), "X", 0, 1,
     "of the depth of a module that mutates"},
    {"Run", 0, CLI_HEADING},
    {"out", 'o', CLI_TEXT, TRAIN(out), "DIR", 0, 0, "folder of the search"},
    {"resume", 0, CLI_FLAG, TRAIN(resume), NULL, 0, 0,
     "go on with the search in --out; needs the same options"},
    {"device", 0, CLI_TEXT, offsetof(search_options, device), "BACKEND:INDEX|auto", 0, 0,
     "see graft devices", "$GRAFT_DEVICE, else auto"},
    {"memory-budget", 0, CLI_SIZE, TRAIN(memory_budget), "SIZE", 0, 0,
     "device memory to use, such as 512M", "7/8 of all"},
    CLI_JSON_OPTION,
    {.name = NULL},
};

static void set_defaults(void *options)
{
    search_options *o = options;
    graft_search_defaults(&o->params);
    o->limit = (uint64_t)o->params.limit;
}

static void show(void *user, const graft_search_progress *p)
{
    cli_progress *progress = user;
    char text[128];
    if (p->train) {
        cli_progress_phase(progress, p->phase == GRAFT_SEARCH_SUPERNET ? "supernet" : "subnet");
        cli_progress_show(progress, p->train);
        return;
    }
    cli_progress_phase(progress, "search");
    snprintf(text, sizeof(text), "generation %d/%d  candidate %d/%d  best %.1f%%", p->generation,
             p->generations, p->candidate, p->candidates, 100.0 * p->best_accuracy);
    cli_progress_text(progress, text, p->seconds_left);
}

static graft_status print_json(cli *c, const search_options *o, const graft_search_result *r)
{
    const graft_train_result *t = &r->retrained;
    return cli_print_json(c, json_pack("{s:s,s:s,s:s,s:I,s:f,s:i,s:o,s:o,s:i,s:o}", "lora", r->lora,
                                       "adapter", r->adapter, "prompts", r->prompts, "parameters",
                                       (json_int_t)r->params, "val_accuracy", r->val_accuracy,
                                       "candidates", r->candidates, "accuracy",
                                       cli_accuracy_json(t->accuracy), "best_accuracy",
                                       cli_accuracy_json(t->best_accuracy), "best_epoch",
                                       t->best_epoch, "out", cli_json_text(o->params.train.out)));
}

static void accuracy_row(cli_table *t, const char *name, double accuracy)
{
    cli_table_cell(t, "%s", name);
    cli_accuracy_cell(t, accuracy);
}

static graft_status print_table(cli *c, const graft_search_result *r)
{
    cli_table t = {.columns = 2};
    char text[32];
    const char *const rows[][2] = {{"", "found"},
                                   {"lora", r->lora},
                                   {"adapter", r->adapter},
                                   {"prompts", r->prompts},
                                   {"parameters", cli_grouped(r->params, text)}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int k = 0; k < 2; k++)
            cli_table_cell(&t, "%s", rows[i][k]);
    cli_table_cell(&t, "candidates");
    cli_table_cell(&t, "%d", r->candidates);
    accuracy_row(&t, "in the supernet", r->val_accuracy);
    accuracy_row(&t, "retrained, last", r->retrained.accuracy);
    accuracy_row(&t, "retrained, best", r->retrained.best_accuracy);
    return cli_table_print(c, &t);
}

static graft_status run(cli *c, void *options)
{
    search_options *o = options;
    graft_device *device = NULL;
    graft_search_result result;
    cli_progress progress;
    CLI_TRY(cli_need(c, "backbone", o->params.train.backbone));
    CLI_TRY(cli_need(c, "data", o->params.train.data));
    CLI_TRY(cli_need(c, "out", o->params.train.out));
    o->params.limit = (int64_t)o->limit;
    o->params.train.stop = cli_stop_on_signals();
    o->params.progress = show;
    o->params.user = &progress;
    CLI_TRY(graft_device_open(c->log, o->device, NULL, &device));
    cli_progress_start(&progress, c->console);
    graft_status status = graft_search(c->log, device, &o->params, &result);
    cli_progress_finish(&progress);
    graft_device_close(&device);
    if (status != GRAFT_OK)
        return status;
    return o->common.json ? print_json(c, o, &result) : print_table(c, &result);
}

const cli_command cli_command_search = {
    .name = "search",
    .summary = "Searches how wide LoRA, adapters and prompts should be in each block",
    .usage = "--backbone FILE --data DIR --out DIR [--limit N] [options]",
    .options = table,
    .options_bytes = sizeof(search_options),
    .defaults = set_defaults,
    .run = run,
};
