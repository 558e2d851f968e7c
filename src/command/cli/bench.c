/* graft bench: how fast devices are, and what of it to believe. */
#include "command/bench/compare.h"
#include "command/bench/models.h"
#include "command/bench/report.h"
#include "command/cli/commands.h"
#include "command/console/device.h"
#include "command/console/output.h"
#include "command/console/stop.h"
#include "command/console/write.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_DEVICES = 32, INTERRUPTED = 130 }; /* what a shell tells of Ctrl-C */

#define FIELD(field) CLI_FIELD(bench_options, field)

static const graft_setting rows[] = {
    {"device", FIELD(device), GRAFT_SETTING_TEXT, NULL, "all|ID,..", 0, 0,
     "one or several, which take turns; see graft devices", "$GRAFT_DEVICE, else auto"},
    {"suite", FIELD(suites), GRAFT_SETTING_FLAGS, "quick", BENCH_SUITES, 0, 0,
     "what to measure; several with commas"},
    {"json", FIELD(json), GRAFT_SETTING_TEXT, NULL, "[FILE]", 0, 0,
     "the figures, see docs/bench.md; without a file they are printed"},
    {"report", FIELD(report), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "a page of figures and tables, HTML; needs gnuplot", "none"},
    {"profile", FIELD(profile), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "when what ran, with the kernels of training steps: opens in Perfetto", "none"},
    {"compare", FIELD(compare), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "measure nothing: put files of --json beside each other, and fail where one is worse; with "
     "--report on a page, also of one file"},
    {"model", FIELD(model), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0,
     "of train, infer and memory: this geometry alone, with random weights", "vit_base_patch16_224",
     .group = "One figure alone"},
    {"method", FIELD(method), GRAFT_SETTING_TEXT, NULL, "NAME[+NAME]", 0, 0, "with this method",
     "lora"},
    {"batch-size", FIELD(batch_size), GRAFT_SETTING_INT, NULL, "N", 0, 65536, "with so many images",
     "8"},
    {"op", FIELD(op), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0, "of ops: this operator alone"},
    {"shape", FIELD(shape), GRAFT_SETTING_TEXT, NULL, "MxNxK", 0, 0,
     "of a product: [M, K] times [K, N]", "of a block of ViT-B/16"},
    {.key = NULL},
};

static graft_status check(cli *c, const bench_options *o)
{
    if (!o->compare && o->common.operands.count)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: unexpected argument; files are for --compare",
                        o->common.operands.items[0]);
    const unsigned models = BENCH_TRAIN | BENCH_INFER | BENCH_MEMORY;
    if ((o->model || o->method || o->batch_size) && !(o->suites & models))
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--%s: needs --suite train, infer or memory",
                        o->model    ? "model"
                        : o->method ? "method"
                                    : "batch-size");
    if ((o->op || o->shape) && !(o->suites & BENCH_OPS))
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--%s: needs --suite ops", o->op ? "op" : "shape");
    if (o->shape && !o->op)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--shape %s: needs --op matmul", o->shape);
    return GRAFT_OK;
}

/* ---- Devices ---------------------------------------------------------------------------- */

static graft_status open_one(bench *b, const char *id)
{
    bench_device *d = &b->devices[b->device_count];
    CLI_TRY(cli_open_device(b->c, id, &d->handle));
    d->info = *graft_device_get_info(d->handle);
    d->results = json_array();
    d->failures = json_array();
    if (b->options->profile)
        cli_trace_add(&b->trace, d->info.id, &d->lanes);
    b->device_count++;
    return GRAFT_OK;
}

static void leave_out(bench *b, const char *id)
{
    char why[1024];
    graft_log_error(b->c->log, why, sizeof(why));
    bench_note(b, "%s: left out: %.480s", id, b->c->error[0] ? b->c->error : why);
    b->c->error[0] = '\0';
}

static graft_status open_all(bench *b)
{
    graft_device_info infos[MAX_DEVICES];
    int count = graft_device_list(b->c->log, infos, MAX_DEVICES);
    for (int i = 0; i < count && i < MAX_DEVICES && !*b->stop; i++)
        if (open_one(b, infos[i].id) != GRAFT_OK)
            leave_out(b, infos[i].id);
    return b->device_count ? GRAFT_OK : open_one(b, "auto"); /* which says why there is none */
}

static graft_status open_list(bench *b, const char *list)
{
    char id[64];
    for (const char *at = list; *at; at += *at == ',') {
        size_t length = strcspn(at, ",");
        if (b->device_count == MAX_DEVICES)
            return cli_fail(b->c, GRAFT_ERR_ARGUMENT, "--device: at most %d devices", MAX_DEVICES);
        snprintf(id, sizeof(id), "%.*s", (int)length, at);
        for (int i = 0; i < b->device_count; i++)
            if (strcmp(b->devices[i].info.id, id) == 0)
                return cli_fail(b->c, GRAFT_ERR_ARGUMENT, "--device %s: is there twice", id);
        CLI_TRY(open_one(b, id));
        at += length;
    }
    return GRAFT_OK;
}

static graft_status open_devices(bench *b)
{
    const char *list = b->options->device;
    b->devices = calloc(MAX_DEVICES, sizeof(*b->devices));
    if (!b->devices)
        return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    if (!list || !*list)
        return open_one(b, NULL);
    return strcmp(list, "all") == 0 ? open_all(b) : open_list(b, list);
}

static void release(bench *b)
{
    for (int i = 0; i < b->device_count; i++) {
        graft_device_close(&b->devices[i].handle);
        json_decref(b->devices[i].results);
        json_decref(b->devices[i].failures);
    }
    free(b->devices);
    free(b->works);
    bench_truth_release(b->truth);
    graft_device_close(&b->reference);
    json_decref(b->notes);
    cli_trace_end(&b->trace);
}

/* ---- Running ---------------------------------------------------------------------------- */

static graft_status add_works(bench *b)
{
    const unsigned suites = b->options->suites;
    bool quick = suites & BENCH_QUICK, peaks = suites & BENCH_PEAKS;
    CLI_TRY(bench_add_peaks(b, quick && !peaks ? "quick" : "peaks", quick || peaks));
    if (quick)
        CLI_TRY(bench_add_ops(b, "quick", false));
    if (suites & BENCH_OPS)
        CLI_TRY(bench_add_ops(b, "ops", true));
    return bench_add_models(b, suites);
}

static graft_status write_json(bench *b, const char *path, const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(1));
    graft_status status =
        text ? cli_write_file(b->c, path, text) : cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    free(text);
    return status;
}

static graft_status write_page(cli *c, const char *path, const json_t *document)
{
    cli_page page;
    cli_page_begin(&page, c, "What devices can do, and what graft gets of it");
    bench_report(&page, document);
    graft_status status = cli_page_end(&page);
    if (status == GRAFT_OK)
        status = cli_write_file(c, path, page.text);
    free(page.text);
    return status;
}

static graft_status write_files(bench *b, const json_t *document)
{
    const bench_options *o = b->options;
    if (o->json && *o->json)
        CLI_TRY(write_json(b, o->json, document));
    if (o->profile)
        CLI_TRY(cli_trace_write(b->c, &b->trace, o->profile));
    return o->report ? write_page(b->c, o->report, document) : GRAFT_OK;
}

static graft_status write_results(bench *b, graft_status measured)
{
    const bench_options *o = b->options;
    json_t *document = bench_document(b, measured == GRAFT_ERR_INTERRUPTED);
    bool to_output = o->json && !*o->json;
    graft_status status = write_files(b, document);
    if (status == GRAFT_OK)
        status =
            to_output ? cli_print_json(b->c, json_incref(document)) : bench_print(b->c, document);
    json_decref(document);
    return status;
}

static graft_status count_failures(bench *b)
{
    size_t failed = 0;
    for (int i = 0; i < b->device_count; i++)
        failed += json_array_size(b->devices[i].failures);
    return failed ? cli_fail(b->c, GRAFT_ERR_NUMERIC, "%zu figures could not be measured", failed)
                  : GRAFT_OK;
}

/* With a driver at work: what was measured is kept, and the process ends without it. */
static void leave(void *user)
{
    bench *b = user;
    cli own = {.command = b->c->command, .console = b->c->console, .log = b->c->log};
    bench left = *b;
    left.c = &own;
    cli_progress_finish(&left.progress);
    graft_status status = write_results(&left, GRAFT_ERR_INTERRUPTED);
    if (status != GRAFT_OK)
        fprintf(stderr, "graft: %s\n", own.error);
    fflush(stdout);
    _exit(INTERRUPTED);
}

static graft_status measure(bench *b)
{
    CLI_TRY(open_devices(b));
    CLI_TRY(add_works(b));
    b->most_seconds *= b->device_count;
    b->started = cli_seconds();
    cli_progress_start(&b->progress, b->c->console, b->stop);
    b->patience = (bench_patience){.stop = b->stop, .leave = leave, .user = b};
    bench_patience_begin(&b->patience);
    graft_status measured = bench_measure(b);
    bench_patience_end(&b->patience);
    if (measured != GRAFT_OK && measured != GRAFT_ERR_INTERRUPTED)
        return measured;
    CLI_TRY(write_results(b, measured));
    return measured == GRAFT_OK ? count_failures(b) : measured;
}

/* Files that were measured before: their page, and how they differ. */
static graft_status compare(cli *c, const bench_options *o)
{
    const graft_text_list *files = &o->common.operands;
    json_t *document;
    if (o->report) {
        CLI_TRY(cli_figures_possible(c));
        CLI_TRY(bench_merge(c, files, &document));
        graft_status status = write_page(c, o->report, document);
        json_decref(document);
        CLI_TRY(status);
    }
    return o->report && files->count == 1 ? GRAFT_OK : bench_compare(c, files);
}

/* What is opened and built for a figure is not news; what is wrong with it is told with it. */
static void show_warning(void *user, graft_log_level level, const char *text)
{
    const cli_console *console = user;
    if (console->level >= (level == GRAFT_LOG_WARN ? GRAFT_LOG_WARN : GRAFT_LOG_DEBUG))
        cli_console_message(user, level, text);
}

static graft_status run(cli *c, void *options)
{
    const bench_options *o = options;
    CLI_TRY(check(c, o));
    if (o->compare)
        return compare(c, o);
    if (o->report)
        CLI_TRY(cli_figures_possible(c));
    graft_log_params log = {show_warning, c->console, c->console->level};
    cli quiet = *c;
    quiet.log = graft_log_create(&log);
    bench_truth truth = {0};
    bench b = {.c = &quiet,
               .options = o,
               .notes = json_array(),
               .truth = &truth,
               .stop = cli_stop_on_signals(),
               .most_seconds = o->suites == BENCH_QUICK ? 90.0 : 1e9,
               .most_each = o->suites == BENCH_QUICK ? 4.0 : 30.0};
    cli_trace_begin(&b.trace);
    graft_status status = measure(&b);
    release(&b);
    memcpy(c->error, quiet.error, sizeof(c->error));
    c->printed_json = quiet.printed_json;
    if (status != GRAFT_OK && !c->error[0])
        graft_log_error(quiet.log, c->error, sizeof(c->error));
    graft_log_destroy(&quiet.log);
    return status;
}

const cli_command cli_command_bench = {
    .name = "bench",
    .summary = "Measures devices, and what share of their peak graft gets",
    .usage = "[--device all|ID,..] [--suite NAME,..] [--json [FILE]] [--report FILE], or --compare "
             "FILE FILE..",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(bench_options),
    .operand = "FILE",
    .max_operands = 64,
    .run = run,
};
