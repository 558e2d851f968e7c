/* graft selftest: whether devices compute what they should. */
#include "command/cli/commands.h"
#include "command/console/device.h"
#include "command/console/output.h"
#include "command/console/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEVICES = 64 };

typedef struct selftest_options {
    cli_common common;
    const char *device, *report;
    bool all;
} selftest_options;

static const graft_setting rows[] = {
    {"device", CLI_FIELD(selftest_options, device), GRAFT_SETTING_TEXT, NULL,
     "BACKEND:INDEX|auto|all", 0, 0, "see graft devices", "$GRAFT_DEVICE, else auto"},
    {"all", CLI_FIELD(selftest_options, all), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "every kernel that can run on the device, not only those that are chosen"},
    {"report", CLI_FIELD(selftest_options, report), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "write all that was found as JSON: what to attach when a driver is wrong"},
    CLI_JSON_OPTION,
    {.key = NULL},
};

/* The test of one device, as it is collected. */
typedef struct device_test {
    cli_table *table; /* NULL: not printed */
    const char *id;
    json_t *checks;
} device_test;

static json_t *check_json(const graft_selftest_check *check)
{
    return json_pack("{s:o,s:o,s:b,s:f,s:f,s:f,s:o}", "name", cli_json_text(check->name), "kernel",
                     cli_json_text(check->kernel), "passed", check->passed, "error", check->error,
                     "tolerance", check->tolerance, "seconds", check->seconds, "message",
                     cli_json_text(check->message));
}

static bool collect(void *user, const graft_selftest_check *check, int done, int total)
{
    device_test *t = user;
    (void)done, (void)total;
    if (t->table) {
        cli_table_cell(t->table, "%s", t->id);
        cli_table_cell(t->table, "%s", check->name);
        cli_table_cell(t->table, "%s", check->kernel[0] ? check->kernel : "as chosen");
        cli_table_cell(t->table, check->error < 1e29 ? "%.1e" : "-", check->error);
        cli_table_cell(t->table, "%.2f s", check->seconds);
        cli_table_cell(t->table, "%s%s%s", check->passed ? "ok" : "WRONG",
                       check->message[0] ? ": " : "", check->message);
    }
    cli_json_append(&t->checks, check_json(check)); /* NULL at the end: out of memory */
    return true;
}

static json_t *result_json(const graft_device_info *info, const graft_selftest_result *r,
                           json_t *checks)
{
    return json_pack("{s:o,s:o,s:o,s:s,s:b,s:o,s:o,s:i,s:i,s:f,s:o}", "id", cli_json_text(info->id),
                     "name", cli_json_text(info->name), "driver", cli_json_text(info->driver),
                     "type", graft_device_type_name(info->type), "usable", r->refused[0] == '\0',
                     "refused", cli_json_text(r->refused), "banned", cli_json_text(r->banned),
                     "checks_count", r->checks, "failed", r->failed, "seconds", r->seconds,
                     "checks", checks);
}

/* Tests one device and appends what was found. A device that fails is a finding; *worst is its
 * status. */
static graft_status test_device(cli *c, const selftest_options *o, const char *id, json_t *devices,
                                graft_status *worst)
{
    static const char *const headings[] = {"device", "check", "kernel", "error", "time", "result"};
    graft_device *device = NULL;
    graft_selftest_params params;
    graft_selftest_result result;
    cli_table table = {.columns = 6};
    CLI_TRY(graft_device_open(c->log, id, NULL, &device));
    const graft_device_info *info = graft_device_get_info(device);
    device_test t = {o->common.json ? NULL : &table, info->id, json_array()};
    for (int i = 0; t.table && i < 6; i++)
        cli_table_cell(&table, "%s", headings[i]);
    graft_selftest_defaults(&params);
    params.all = o->all;
    params.report = collect;
    params.user = &t;
    graft_status status = cli_selftest(c, device, &params, &result);
    if (status != GRAFT_OK)
        *worst = status;
    if (result.known) {
        json_t *found = result_json(info, &result, t.checks);
        status = found && json_array_append_new(devices, found) == 0 ? GRAFT_OK : GRAFT_ERR_MEMORY;
    } else {
        json_decref(t.checks);
    }
    if (result.known && t.table && status == GRAFT_OK)
        status = cli_table_print(c, &table);
    else
        cli_table_release(&table);
    if (result.known && t.table)
        printf("%s: %s; %d checks, %d wrong, %.1f s%s%s\n", info->id,
               result.refused[0] ? "not usable" : "usable", result.checks, result.failed,
               result.seconds, result.banned[0] ? "; does without " : "", result.banned);
    graft_device_close(&device);
    return status;
}

static graft_status test_devices(cli *c, const selftest_options *o, json_t *devices,
                                 graft_status *worst)
{
    graft_device_info infos[MAX_DEVICES];
    if (!o->device || strcmp(o->device, "all") != 0)
        return test_device(c, o, o->device, devices, worst);
    int count = graft_device_list(c->log, infos, MAX_DEVICES);
    if (count == 0)
        return test_device(c, o, "auto", devices, worst); /* fails, and says why */
    for (int i = 0; i < count && i < MAX_DEVICES; i++)
        CLI_TRY(test_device(c, o, infos[i].id, devices, worst));
    return GRAFT_OK;
}

static graft_status write_report(cli *c, const char *path, const json_t *root)
{
    char *text = json_dumps(root, JSON_INDENT(1));
    graft_status status = text ? cli_write_file(c, path, text)
                               : cli_fail(c, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    free(text);
    return status;
}

static graft_status run(cli *c, void *options)
{
    const selftest_options *o = options;
    graft_status worst = GRAFT_OK;
    json_t *devices = json_array();
    graft_status status = devices ? test_devices(c, o, devices, &worst) : GRAFT_ERR_MEMORY;
    json_t *root = json_pack("{s:s,s:o}", "version", graft_version_text(), "devices", devices);
    if (status == GRAFT_OK && !root)
        status = cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    if (status == GRAFT_OK && o->report)
        status = write_report(c, o->report, root);
    if (status == GRAFT_OK && o->common.json)
        status = cli_print_json(c, json_incref(root));
    json_decref(root);
    return status == GRAFT_OK ? worst : status;
}

const cli_command cli_command_selftest = {
    .name = "selftest",
    .summary = "Compares what a device computes with the reference",
    .usage = "[--device BACKEND:INDEX|all] [--all] [--report FILE] [--json]",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(selftest_options),
    .run = run,
};
