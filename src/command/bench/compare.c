#include "command/bench/compare.h"

#include "command/bench/bench.h"
#include "command/console/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below it nobody asks whether a difference is real. */
static const double LEAST_CHANGE = 0.02;
/* That a verdict is an accident. */
static const double MOST_CHANCE = 0.01;

graft_status bench_read(cli *c, const char *path, json_t **out)
{
    json_error_t error;
    *out = json_load_file(path, 0, &error);
    if (!*out)
        return cli_fail(c, GRAFT_ERR_FORMAT, "%s: line %d: %s", path, error.line, error.text);
    json_int_t schema = json_integer_value(json_object_get(*out, "schema"));
    const json_t *devices = json_object_get(*out, "devices");
    if (schema >= 1 && schema <= BENCH_SCHEMA && json_is_array(devices))
        return GRAFT_OK;
    json_decref(*out);
    *out = NULL;
    if (schema > BENCH_SCHEMA)
        return cli_fail(c, GRAFT_ERR_FORMAT, "%s: of version %d; this graft knows %d", path,
                        (int)schema, BENCH_SCHEMA);
    return cli_fail(c, GRAFT_ERR_FORMAT, "%s: is no document of graft bench --json", path);
}

static double number(const json_t *result, const char *key)
{
    return json_number_value(json_object_get(result, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* A file's device for that of the first file: the one of this id, or the only one of both. */
static const json_t *device_like(const json_t *document, const json_t *device, bool alone)
{
    size_t i;
    const json_t *d, *devices = json_object_get(document, "devices");
    json_array_foreach(devices, i, d)
    {
        if (strcmp(text(d, "id"), text(device, "id")) == 0 ||
            (alone && json_array_size(devices) == 1))
            return d;
    }
    return NULL;
}

/* The timed result of this name in a suite. */
static const json_t *result_in(const json_t *device, const char *name, const char *suite)
{
    size_t i;
    const json_t *r;
    json_array_foreach(json_object_get(device, "results"), i, r)
    {
        if (strcmp(text(r, "name"), name) == 0 && strcmp(text(r, "suite"), suite) == 0 &&
            json_object_get(r, "value"))
            return r;
    }
    return NULL;
}

/* The same figure: of the same suite, or where one file has it in quick, which measures what the
 * others do with less patience. */
static const json_t *result_like(const json_t *device, const json_t *result)
{
    static const char *const suites[] = {"peaks", "ops", "train", "infer"};
    const char *name = text(result, "name"), *suite = text(result, "suite");
    const json_t *r = result_in(device, name, suite);
    if (r || strcmp(suite, "quick") != 0)
        return r ? r : result_in(device, name, "quick");
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]) && !r; i++)
        r = result_in(device, name, suites[i]);
    return r;
}

/* The samples that the figure's least and most are of. */
static int kept_samples(const json_t *result)
{
    int samples = (int)number(result, "samples"), clean = (int)number(result, "clean");
    return 2 * clean < samples ? samples : clean;
}

/* How likely n and m samples of the same thing lie wholly apart, this way or that: 2 n! m! / (n +
 * m)!, whatever their distribution is. */
static double chance_of_apart(int n, int m)
{
    double p = 2.0;
    for (int i = 1; i <= n; i++)
        p *= (double)i / (m + i);
    return p;
}

/* "worse" and "better" only where no sample of the one is among those of the other, of so many that
 * this is no chance, and both had the machine to themselves. */
static const char *judge(const json_t *a, const json_t *b)
{
    bool lower = strcmp(text(a, "unit"), "us") == 0;
    double x = number(a, "value"), y = number(b, "value");
    if (json_is_true(json_object_get(a, "busy")) || json_is_true(json_object_get(b, "busy")))
        return "busy";
    bool apart = number(b, "max") < number(a, "min") || number(b, "min") > number(a, "max");
    if (!apart || fabs(y - x) <= LEAST_CHANGE * x)
        return "same";
    if (chance_of_apart(kept_samples(a), kept_samples(b)) > MOST_CHANCE)
        return "unsure";
    return (y > x) == lower ? "worse" : "better";
}

static void figure_cell(cli_table *t, const json_t *r)
{
    if (!r) {
        cli_table_cell(t, "-");
        return;
    }
    double x = number(r, "value");
    int digits = x < 10.0 ? 3 : x < 1000.0 ? 1 : 0;
    cli_table_cell(t, "%.*f (%.*f-%.*f)", digits, x, digits, number(r, "min"), digits,
                   number(r, "max"));
}

static int compare_result(cli_table *t, json_t *const *documents, int count, const json_t *device,
                          const json_t *result)
{
    int worse = 0;
    bool alone = json_array_size(json_object_get(documents[0], "devices")) == 1;
    cli_table_cell(t, "%s", text(device, "id"));
    cli_table_cell(t, "%s", text(result, "name"));
    cli_table_cell(t, "%s", text(result, "unit"));
    figure_cell(t, result);
    for (int i = 1; i < count; i++) {
        const json_t *other = device_like(documents[i], device, alone);
        const json_t *r = other ? result_like(other, result) : NULL;
        const char *verdict = r ? judge(result, r) : "";
        worse += strcmp(verdict, "worse") == 0;
        figure_cell(t, r);
        if (r)
            cli_table_cell(t, "%.2f", number(r, "value") / number(result, "value"));
        else
            cli_table_cell(t, "-");
        cli_table_cell(t, "%s", verdict);
    }
    return worse;
}

static graft_status print(cli *c, json_t *const *documents, const graft_text_list *files,
                          int *worse)
{
    cli_table t = {.columns = 4 + 3 * (files->count - 1)};
    size_t i, k;
    const json_t *device, *result;
    static const char *const headings[] = {"device", "what", "unit"};
    for (int n = 0; n < 3; n++)
        cli_table_cell(&t, "%s", headings[n]);
    for (int n = 0; n < files->count; n++) {
        const char *slash = strrchr(files->items[n], '/');
        cli_table_cell(&t, "%s", slash ? slash + 1 : files->items[n]);
        if (n) {
            cli_table_cell(&t, "ratio");
            cli_table_cell(&t, "is");
        }
    }
    json_array_foreach(json_object_get(documents[0], "devices"), i, device)
    {
        json_array_foreach(json_object_get(device, "results"), k, result)
        {
            if (json_object_get(result, "value"))
                *worse += compare_result(&t, documents, files->count, device, result);
        }
    }
    return cli_table_print(c, &t);
}

graft_status bench_compare(cli *c, const graft_text_list *files)
{
    int worse = 0;
    if (files->count < 2)
        return cli_fail(c, GRAFT_ERR_ARGUMENT,
                        "--compare: needs two files or more of graft bench --json");
    json_t **documents = calloc((size_t)files->count, sizeof(json_t *));
    graft_status status = documents ? GRAFT_OK : cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    for (int i = 0; i < files->count && status == GRAFT_OK; i++)
        status = bench_read(c, files->items[i], &documents[i]);
    if (status == GRAFT_OK)
        status = print(c, documents, files, &worse);
    if (status == GRAFT_OK && worse)
        status = cli_fail(c, GRAFT_ERR_NUMERIC, "%d figure%s worse than in %s", worse,
                          worse == 1 ? " is" : "s are", files->items[0]);
    for (int i = 0; documents && i < files->count; i++)
        json_decref(documents[i]);
    free(documents);
    return status;
}

/* Moves the devices and notes of a document to the end of another's. */
static void append_document(json_t *to, json_t *from, const char *path)
{
    size_t i;
    json_t *device;
    const char *slash = strrchr(path, '/');
    json_array_foreach(json_object_get(from, "devices"), i, device)
    {
        char id[300];
        snprintf(id, sizeof(id), "%.200s: %.60s", slash ? slash + 1 : path, text(device, "id"));
        json_object_set_new(device, "id", cli_json_text(id));
        if (to != from)
            json_array_append(json_object_get(to, "devices"), device);
    }
    if (to != from)
        json_array_extend(json_object_get(to, "notes"), json_object_get(from, "notes"));
}

graft_status bench_merge(cli *c, const graft_text_list *files, json_t **out)
{
    if (!files->count)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--compare: needs files of graft bench --json");
    CLI_TRY(bench_read(c, files->items[0], out));
    if (files->count > 1)
        append_document(*out, *out, files->items[0]);
    for (int i = 1; i < files->count; i++) {
        json_t *more;
        graft_status status = bench_read(c, files->items[i], &more);
        if (status != GRAFT_OK) {
            json_decref(*out);
            *out = NULL;
            return status;
        }
        append_document(*out, more, files->items[i]);
        json_decref(more);
    }
    return GRAFT_OK;
}
