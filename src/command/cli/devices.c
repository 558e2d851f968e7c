/* graft devices: what can run graft on this machine. */
#include "command/cli/commands.h"
#include "command/console/output.h"

#include <stdio.h>

enum { MAX_DEVICES = 64, MAX_APIS = 8 };

static json_t *device_json(const graft_device_info *d)
{
    json_t *memory = d->memory_bytes ? json_integer((json_int_t)d->memory_bytes) : json_null();
    return json_pack("{s:o,s:o,s:o,s:s,s:o}", "id", cli_json_text(d->id), "name",
                     cli_json_text(d->name), "driver", cli_json_text(d->driver), "type",
                     graft_device_type_name(d->type), "memory", memory);
}

static graft_status print_json(cli *c, const graft_device_info *devices, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        cli_json_append(&array, device_json(&devices[i]));
    return cli_print_json(c, array);
}

static graft_status print_table(cli *c, const graft_device_info *devices, int count)
{
    static const char *const headings[] = {"device", "type", "memory", "name", "driver"};
    cli_table table = {.columns = 5};
    char memory[32];
    for (int i = 0; i < 5; i++)
        cli_table_cell(&table, "%s", headings[i]);
    for (int i = 0; i < count; i++) {
        const graft_device_info *d = &devices[i];
        cli_table_cell(&table, "%s", d->id);
        cli_table_cell(&table, "%s", graft_device_type_name(d->type));
        cli_table_cell(&table, "%s", d->memory_bytes ? cli_bytes(d->memory_bytes, memory) : "?");
        cli_table_cell(&table, "%s", d->name);
        cli_table_cell(&table, "%s", d->driver);
    }
    return cli_table_print(c, &table);
}

/* The sheet of each device that opens; what does not is told. */
static graft_status print_sheets(cli *c, const graft_device_info *devices, int count)
{
    for (int i = 0; i < count; i++) {
        graft_device_fact fact;
        graft_device *device;
        cli_table table = {.columns = 2};
        printf("\n");
        if (graft_device_open(c->log, devices[i].id, NULL, &device) != GRAFT_OK) {
            printf("%s: cannot be opened\n", devices[i].id);
            continue;
        }
        cli_table_cell(&table, "%s", devices[i].id);
        cli_table_cell(&table, "%s", devices[i].name);
        for (int f = 0; graft_device_get_fact(device, f, &fact); f++) {
            cli_table_cell(&table, "%s", fact.name);
            cli_table_cell(&table, "%s", fact.value);
        }
        graft_device_close(&device);
        CLI_TRY(cli_table_print(c, &table));
    }
    return GRAFT_OK;
}

/* Says on standard error which APIs have no device here, and why. */
static void print_missing(cli *c)
{
    graft_api_info apis[MAX_APIS];
    char text[300];
    int count = graft_api_list(c->log, apis, MAX_APIS);
    for (int i = 0; i < count && i < MAX_APIS; i++) {
        snprintf(text, sizeof(text), "%.15s: %.255s", apis[i].name, apis[i].missing);
        if (apis[i].device_count == 0 && c->console->level >= GRAFT_LOG_INFO)
            cli_console_message(c->console, GRAFT_LOG_INFO, text);
    }
}

static graft_status run(cli *c, void *options)
{
    const cli_common *common = options;
    graft_device_info devices[MAX_DEVICES];
    int count = graft_device_list(c->log, devices, MAX_DEVICES);
    if (count > MAX_DEVICES)
        count = MAX_DEVICES;
    if (common->json)
        CLI_TRY(print_json(c, devices, count));
    else if (count)
        CLI_TRY(print_table(c, devices, count));
    if (count && common->verbose && !common->json)
        CLI_TRY(print_sheets(c, devices, count));
    if (count) {
        print_missing(c);
        return GRAFT_OK;
    }
    graft_device *none = NULL; /* opening fails, and says why */
    return graft_device_open(c->log, "auto", "", &none);
}

static const graft_setting rows[] = {CLI_JSON_OPTION, {.key = NULL}};

const cli_command cli_command_devices = {
    .name = "devices",
    .summary = "Lists the devices that can run graft",
    .usage = "[--json]",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(cli_common),
    .run = run,
};
