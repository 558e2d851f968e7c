/* graft inspect: what a weight file holds. */
#include "command/cli/commands.h"
#include "command/console/output.h"

#include <graft/inspect.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t total_bytes(const graft_file *file)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < graft_file_tensor_count(file); i++)
        bytes += graft_file_get_tensor(file, i).size_bytes;
    return bytes;
}

static json_t *numbers_json(const int *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        cli_json_append(&array, json_integer(values[i]));
    return array;
}

static json_t *vit_json(const graft_vit_info *v)
{
    if (v->dim == 0)
        return json_null();
    json_t *json = json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "image_size", v->image_size,
                             "patch_size", v->patch_size, "dim", v->dim, "depth", v->depth, "heads",
                             v->heads, "hidden", v->hidden, "classes", v->classes);
    if (v->stages) {
        cli_json_set(&json, "depths", numbers_json(v->stage_depth, v->stages));
        cli_json_set(&json, "stage_heads", numbers_json(v->stage_heads, v->stages));
        cli_json_set(&json, "window", json_integer(v->window));
    }
    if (v->projection)
        cli_json_set(&json, "projection", json_integer(v->projection));
    return json;
}

static json_t *metadata_json(const graft_file *file)
{
    json_t *object = json_object();
    for (size_t i = 0; i < graft_file_metadata_count(file); i++) {
        const char *key, *value;
        graft_file_get_metadata(file, i, &key, &value);
        cli_json_set(&object, key, cli_json_text(value));
    }
    return object;
}

static json_t *tensors_json(const graft_file *file)
{
    json_t *array = json_array();
    for (size_t i = 0; i < graft_file_tensor_count(file); i++) {
        graft_tensor_info t = graft_file_get_tensor(file, i);
        json_t *shape = json_array();
        for (int axis = 0; axis < t.rank; axis++)
            cli_json_append(&shape, json_integer(t.shape[axis]));
        json_t *becomes = t.becomes ? cli_json_text(t.becomes) : json_null();
        cli_json_append(&array, json_pack("{s:o,s:s,s:o,s:I,s:o}", "name", cli_json_text(t.name),
                                          "dtype", t.dtype, "shape", shape, "bytes",
                                          (json_int_t)t.size_bytes, "becomes", becomes));
    }
    return array;
}

static json_t *facts_json(const graft_file *file)
{
    json_t *object = json_object();
    for (size_t i = 0; i < graft_file_fact_count(file); i++) {
        graft_file_fact f = graft_file_get_fact(file, i);
        cli_json_set(&object, f.key,
                     json_pack("{s:o,s:s}", "value", cli_json_text(f.value), "from", f.from));
    }
    return object;
}

static json_t *problems_json(const graft_file *file)
{
    json_t *array = json_array();
    for (size_t i = 0; i < graft_file_problem_count(file); i++)
        cli_json_append(&array, cli_json_text(graft_file_get_problem(file, i)));
    return array;
}

static graft_status print_json(cli *c, const char *path, const graft_file *file)
{
    graft_vit_info vit = graft_file_get_vit(file);
    const char *methods = graft_file_get_methods(file);
    return cli_print_json(
        c, json_pack("{s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "file", cli_json_text(path), "family",
                     graft_file_get_family_name(file), "methods",
                     methods ? cli_json_text(methods) : json_null(), "geometry", vit_json(&vit),
                     "facts", facts_json(file), "problems", problems_json(file), "metadata",
                     metadata_json(file), "tensors", tensors_json(file)));
}

static void print_ignored(const graft_file *file)
{
    uint64_t size = 0;
    size_t count = 0;
    char text[32];
    for (size_t i = 0; i < graft_file_tensor_count(file); i++) {
        graft_tensor_info t = graft_file_get_tensor(file, i);
        count += !t.becomes;
        size += t.becomes ? 0 : t.size_bytes;
    }
    if (count && graft_file_get_family(file) == GRAFT_FILE_BACKBONE)
        printf("ignored   %zu of them, %s\n", count, cli_bytes(size, text));
}

static void print_geometry(const graft_vit_info *v)
{
    if (v->dim == 0)
        return;
    if (v->patch_size == 0) {
        printf("geometry  %dx%d pixels, the graph of an application, features of width %d, %d "
               "classes\n",
               v->image_size, v->image_size, v->dim, v->classes);
        return;
    }
    printf("geometry  %dx%d pixels, patches of %d, %d blocks, width %d, ", v->image_size,
           v->image_size, v->patch_size, v->depth, v->dim);
    if (v->heads)
        printf("%d heads, ", v->heads);
    printf("MLP %d, ", v->hidden);
    if (v->projection)
        printf("projection to %d, ", v->projection);
    if (v->classes)
        printf("%d classes\n", v->classes);
    else
        printf("no head\n");
    for (int i = 0; i < v->stages; i++)
        printf("%s%d", i ? ", " : "stages    of ", v->stage_depth[i]);
    for (int i = 0; i < v->stages; i++)
        printf("%s%d", i ? ", " : " blocks with ", v->stage_heads[i]);
    if (v->stages)
        printf(" heads, windows of %d\n", v->window);
}

static void print_facts(const graft_file *file)
{
    for (size_t i = 0; i < graft_file_fact_count(file); i++) {
        graft_file_fact f = graft_file_get_fact(file, i);
        printf("%-9s ", f.key);
        cli_print_text(f.value);
        printf(" (%s)\n", f.from);
    }
}

static void print_summary(const char *path, const graft_file *file)
{
    graft_vit_info v = graft_file_get_vit(file);
    const char *methods = graft_file_get_methods(file);
    char bytes[32];
    printf("file      ");
    cli_print_text(path);
    printf("\nfamily    %s\n", graft_file_get_family_name(file));
    if (methods) {
        printf("methods   ");
        cli_print_text(methods);
        putchar('\n');
    }
    print_geometry(&v);
    print_facts(file);
    printf("tensors   %zu, %s\n", graft_file_tensor_count(file),
           cli_bytes(total_bytes(file), bytes));
    print_ignored(file);
}

static void print_problems(const graft_file *file)
{
    if (graft_file_problem_count(file))
        printf("\nproblems\n");
    for (size_t i = 0; i < graft_file_problem_count(file); i++) {
        printf("  ");
        cli_print_text(graft_file_get_problem(file, i));
        putchar('\n');
    }
}

static void print_metadata(const graft_file *file)
{
    if (graft_file_metadata_count(file))
        printf("\nmetadata\n");
    for (size_t i = 0; i < graft_file_metadata_count(file); i++) {
        const char *key, *value;
        graft_file_get_metadata(file, i, &key, &value);
        printf("  ");
        cli_print_text(key);
        printf(": ");
        cli_print_text(value);
        putchar('\n');
    }
}

static void shape_text(const graft_tensor_info *t, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < t->rank && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? ", " : "", t->shape[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
}

/* Whether graft's names say more than the file's. */
static bool is_translated(const graft_file *file)
{
    if (graft_file_get_family(file) != GRAFT_FILE_BACKBONE)
        return false;
    for (size_t i = 0; i < graft_file_tensor_count(file); i++) {
        graft_tensor_info t = graft_file_get_tensor(file, i);
        if (!t.becomes || strcmp(t.becomes, t.name) != 0)
            return true;
    }
    return false;
}

static graft_status print_tensors(cli *c, const graft_file *file)
{
    bool translated = is_translated(file);
    cli_table table = {.columns = translated ? 5 : 4};
    char shape[160], bytes[32];
    printf("\n");
    cli_table_cell(&table, "tensor");
    cli_table_cell(&table, "type");
    cli_table_cell(&table, "shape");
    cli_table_cell(&table, "size");
    if (translated)
        cli_table_cell(&table, "in graft");
    for (size_t i = 0; i < graft_file_tensor_count(file); i++) {
        graft_tensor_info t = graft_file_get_tensor(file, i);
        shape_text(&t, shape, sizeof(shape));
        cli_table_cell(&table, "%s", t.name);
        cli_table_cell(&table, "%s", t.dtype);
        cli_table_cell(&table, "%s", shape);
        cli_table_cell(&table, "%s", cli_bytes(t.size_bytes, bytes));
        if (translated)
            cli_table_cell(&table, "%s", t.becomes ? t.becomes : "ignored");
    }
    return cli_table_print(c, &table);
}

static graft_status run(cli *c, void *options)
{
    const cli_common *common = options;
    const char *path = common->operands.items[0];
    graft_file *file;
    CLI_TRY(graft_file_open(c->log, path, &file));
    graft_status status = GRAFT_OK;
    if (common->json) {
        status = print_json(c, path, file);
    } else {
        print_summary(path, file);
        print_problems(file);
        print_metadata(file);
        status = print_tensors(c, file);
    }
    graft_file_close(&file);
    return status;
}

static const graft_setting rows[] = {CLI_JSON_OPTION, {.key = NULL}};

const cli_command cli_command_inspect = {
    .name = "inspect",
    .summary = "Shows what a weight file holds, and what it lacks to be a backbone",
    .usage = "FILE [--json]",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(cli_common),
    .operand = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
