/* graft devices: what can run graft on this machine. */
#include "command/cli/commands.h"
#include "command/console/output.h"

#include <stdio.h>

enum { MAX_DEVICES = 64 };

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
        json_array_append_new(array, device_json(&devices[i]));
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
    if (count)
        return GRAFT_OK;
    return cli_fail(c, GRAFT_ERR_NO_DEVICE,
                    "no OpenCL or Vulkan device found; install a driver: on Debian "
                    "mesa-vulkan-drivers (Vulkan) or pocl-opencl-icd (OpenCL on the CPU)");
}

static const cli_option table[] = {CLI_JSON_OPTION, {.name = NULL}};

const cli_command cli_command_devices = {
    .name = "devices",
    .summary = "Lists the devices that can run graft",
    .usage = "[--json]",
    .options = table,
    .options_bytes = sizeof(cli_common),
    .run = run,
};
