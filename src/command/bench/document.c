/* The document of a run, as docs/bench.schema.json describes it, and its tables. */
#include "command/bench/bench.h"
#include "command/bench/commit.h"

#include "command/console/output.h"

#include <stdio.h>
#include <string.h>

json_t *bench_sheet(const graft_device *device)
{
    graft_device_fact fact;
    json_t *facts = json_object();
    for (int i = 0; graft_device_get_fact(device, i, &fact); i++)
        json_object_set_new(facts, fact.name, cli_json_text(fact.value));
    return facts;
}

static json_t *device_json(const bench_device *d)
{
    const graft_device_info *i = &d->info;
    return json_pack("{s:o,s:o,s:o,s:s,s:o,s:o,s:O,s:O}", "id", cli_json_text(i->id), "name",
                     cli_json_text(i->name), "driver", cli_json_text(i->driver), "type",
                     graft_device_type_name(i->type), "memory_bytes",
                     i->memory_bytes ? json_integer((json_int_t)i->memory_bytes) : json_null(),
                     "facts", bench_sheet(d->handle), "results", d->results, "failures",
                     d->failures);
}

static json_t *suites_json(unsigned suites)
{
    static const char *const names[] = {"quick", "peaks", "ops", "train", "infer", "memory"};
    json_t *array = json_array();
    for (int i = 0; i < 6; i++)
        if (suites & 1u << i)
            json_array_append_new(array, json_string(names[i]));
    return array;
}

/* What the options ask for alone: the last result of the only device. */
static const json_t *only_figure(const bench *b)
{
    const bench_options *o = b->options;
    const json_t *results = b->devices[0].results;
    size_t count = json_array_size(results);
    bool alone = o->op || o->model || o->method || o->batch_size;
    return alone && b->device_count == 1 && count ? json_array_get(results, count - 1) : NULL;
}

json_t *bench_document(bench *b, bool interrupted)
{
    json_t *devices = json_array();
    for (int i = 0; i < b->device_count; i++)
        json_array_append_new(devices, device_json(&b->devices[i]));
    json_t *document = json_pack(
        "{s:i,s:s,s:s,s:o,s:o,s:f,s:b,s:o,s:O,s:[s,s]}", "schema", BENCH_SCHEMA, "graft",
        graft_version_text(), "commit", BENCH_COMMIT, "suites", suites_json(b->options->suites),
        "machine", bench_machine(), "seconds", cli_seconds() - b->started, "interrupted",
        interrupted, "devices", devices, "notes", b->notes, "not_measured",
        "multiply_add f16, bf16, int8: kernels compute in f32",
        "matrix units: no kernel uses them");
    const json_t *figure = only_figure(b);
    if (figure)
        json_object_update_missing(document, (json_t *)(uintptr_t)figure);
    return document;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void number_cell(cli_table *t, double x)
{
    cli_table_cell(t, "%.*f", x < 10.0 ? 3 : x < 1000.0 ? 1 : 0, x);
}

static void result_row(cli_table *t, const json_t *device, const json_t *r)
{
    const json_t *share = json_object_get(r, "share_of_peak");
    const json_t *mib = json_object_get(r, "peak_device_mib");
    bool timed = json_object_get(r, "value") != NULL;
    cli_table_cell(t, "%s", text_of(device, "id"));
    cli_table_cell(t, "%s", text_of(r, "name"));
    if (timed) {
        number_cell(t, number_of(r, "value"));
        number_cell(t, number_of(r, "min"));
        number_cell(t, number_of(r, "max"));
    } else {
        for (int i = 0; i < 3; i++)
            cli_table_cell(t, "-");
    }
    cli_table_cell(t, "%s%s", text_of(r, "unit"),
                   json_is_true(json_object_get(r, "busy")) ? " (busy)" : "");
    cli_table_cell(t, share ? "%.0f%% of %s" : "", 100.0 * json_number_value(share),
                   text_of(r, "share_of"));
    cli_table_cell(t, mib ? "%.0f" : "", json_number_value(mib));
}

graft_status bench_print(cli *c, const json_t *document)
{
    static const char *const headings[] = {"device", "what", "median", "min",
                                           "max",    "unit", "share",  "device MiB"};
    cli_table t = {.columns = 8};
    size_t i, k;
    const json_t *device, *r;
    for (int n = 0; n < t.columns; n++)
        cli_table_cell(&t, "%s", headings[n]);
    json_array_foreach(json_object_get(document, "devices"), i, device)
    {
        json_array_foreach(json_object_get(device, "results"), k, r)
        {
            result_row(&t, device, r);
        }
    }
    return cli_table_print(c, &t);
}
