#include "command/sweep/spec.h"

#include <graft/data.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/console/output.h"
#include "command/sweep/preset.h"

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool is_generated(const char *data)
{
    return strncmp(data, "dsprites:", 9) == 0;
}

const char *sweep_target_text(const json_t *target, const char *key)
{
    const char *text = text_of(target, key);
    return text ? text : "";
}

bool sweep_target_missing(const json_t *target)
{
    const char *path = sweep_target_text(target, "data");
    return !is_generated(path) && !exists(path);
}

static graft_status check_keys(cli *c, const json_t *root)
{
    static const char *const known[] = {
        "comment", "data",  "devices", "lr",       "methods", "out",   "preset",
        "root",    "seeds", "select",  "settings", "shots",   "tasks",
    };
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            found |= strcmp(known[i], key) == 0;
        if (!found)
            return cli_fail(c, GRAFT_ERR_FORMAT,
                            "%s: unknown key of a sweep; options of graft train go into settings",
                            key);
    }
    return GRAFT_OK;
}

/* root[key] as an array, which it is made when it is a single value or missing. */
static json_t *array_of(json_t *root, const char *key)
{
    json_t *value = json_object_get(root, key);
    if (json_is_array(value))
        return value;
    json_t *array = json_array();
    if (value)
        json_array_append(array, value);
    json_object_set_new(root, key, array);
    return array;
}

/* Numbers are parts of folders' names, there real ones have six digits. */
static const char *name_of(const json_t *number, char text[32])
{
    if (json_is_integer(number))
        snprintf(text, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
    else
        snprintf(text, 32, "%g", json_number_value(number));
    return text;
}

static graft_status check_numbers(cli *c, const char *key, const json_t *array, bool whole)
{
    const json_t *item;
    char name[32], other[32];
    size_t i;
    json_array_foreach(array, i, item)
    {
        bool fits = whole ? json_is_integer(item) && json_integer_value(item) >= 0
                          : json_is_number(item) && json_number_value(item) > 0;
        if (!fits)
            return cli_fail(c, GRAFT_ERR_FORMAT, "%s: expected %s", key,
                            whole ? "whole numbers from 0 on" : "numbers above 0");
        for (size_t k = 0; k < i; k++)
            if (strcmp(name_of(item, name), name_of(json_array_get(array, k), other)) == 0)
                return cli_fail(c, GRAFT_ERR_FORMAT, "%s: %s is there twice; leave one out", key,
                                name);
    }
    return GRAFT_OK;
}

static graft_status check_devices(cli *c, const json_t *devices)
{
    const json_t *item;
    size_t i;
    if (json_array_size(devices) > SWEEP_MAX_DEVICES)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "devices: %zu; expected at most %d",
                        json_array_size(devices), SWEEP_MAX_DEVICES);
    json_array_foreach(devices, i, item)
    {
        if (!json_is_string(item))
            return cli_fail(c, GRAFT_ERR_FORMAT,
                            "devices: expected texts such as \"opencl:0\", see graft devices");
    }
    return GRAFT_OK;
}

/* Names become folders. */
static bool good_name(const char *name)
{
    return name && *name && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-") ==
               strlen(name);
}

static graft_status check_targets(cli *c, const sweep_item *item)
{
    const json_t *target;
    size_t i;
    if (item->evaluate && !json_is_array(item->evaluate))
        return cli_fail(c, GRAFT_ERR_FORMAT, "%s: evaluate: expected a list", item->name);
    json_array_foreach(item->evaluate, i, target)
    {
        if (!good_name(sweep_target_text(target, "name")) || !*sweep_target_text(target, "data"))
            return cli_fail(c, GRAFT_ERR_FORMAT,
                            "%s: evaluate: item %zu needs a name and a path as its data",
                            item->name, i + 1);
    }
    return GRAFT_OK;
}

static graft_status read_item(cli *c, json_t *array, size_t index, const char *list,
                              sweep_item *out)
{
    json_t *item = json_array_get(array, index);
    if (json_is_string(item)) { /* the name of a method, or a folder */
        const char *text = json_string_value(item);
        const char *slash = strrchr(text, '/');
        bool method = strcmp(list, "methods") == 0;
        item = json_pack("{s:s,s:s}", "name", !method && slash ? slash + 1 : text,
                         method ? "method" : "data", text);
        json_array_set_new(array, index, item);
    }
    out->options = item;
    out->name = json_string_value(json_object_get(item, "name"));
    out->group = json_string_value(json_object_get(item, "group"));
    out->evaluate = json_object_get(item, "evaluate");
    if (!json_is_object(item) || !good_name(out->name))
        return cli_fail(c, GRAFT_ERR_FORMAT,
                        "%s: item %zu needs a name of letters, digits and _+.-", list, index + 1);
    return check_targets(c, out);
}

static graft_status read_items(cli *c, json_t *root, const char *list, sweep_item **out, int *count)
{
    json_t *array = array_of(root, list);
    size_t size = json_array_size(array);
    if (size == 0)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: missing; a sweep needs at least one", list);
    *out = calloc(size, sizeof(**out));
    if (!*out)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < size; i++) {
        CLI_TRY(read_item(c, array, i, list, &(*out)[i]));
        for (size_t k = 0; k < i; k++)
            if (strcmp((*out)[k].name, (*out)[i].name) == 0)
                return cli_fail(c, GRAFT_ERR_FORMAT, "%s: '%s' is there twice; give them names",
                                list, (*out)[i].name);
    }
    *count = (int)size;
    return GRAFT_OK;
}

static graft_status place(cli *c, const char *folder, json_t *item)
{
    char path[4096];
    const char *data = text_of(item, "data");
    if (!data || *data == '/' || is_generated(data))
        return GRAFT_OK;
    if (snprintf(path, sizeof(path), "%s/%s", folder, data) >= (int)sizeof(path))
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s/%s: the path is too long", folder, data);
    json_object_set_new(item, "data", cli_json_text(path));
    return GRAFT_OK;
}

/* Relative paths of a sweep's own data sets are below `root`; a preset has put it there already. */
static graft_status place_data(cli *c, const sweep_spec *s)
{
    const char *folder = text_of(s->root, "root");
    if (!folder || json_object_get(s->root, "preset"))
        return GRAFT_OK;
    json_t *item, *target;
    size_t i, k;
    json_array_foreach(json_object_get(s->root, "data"), i, item)
    {
        CLI_TRY(place(c, folder, item));
        json_array_foreach(json_object_get(item, "evaluate"), k, target)
            CLI_TRY(place(c, folder, target));
    }
    return GRAFT_OK;
}

static graft_status find_data(cli *c, sweep_spec *s)
{
    int there = 0;
    for (int i = 0; i < s->data_count; i++) {
        const char *path = text_of(s->data[i].options, "data");
        if (!path)
            return cli_fail(c, GRAFT_ERR_FORMAT, "data: '%s' needs a path as its data",
                            s->data[i].name);
        s->data[i].missing = !is_generated(path) && !exists(path);
        there += !s->data[i].missing;
    }
    if (there == 0)
        return cli_fail(c, GRAFT_ERR_NOT_FOUND,
                        "%s: not there, nor is any other data set of the sweep; check the paths",
                        text_of(s->data[0].options, "data"));
    return GRAFT_OK;
}

static graft_status read_select(cli *c, sweep_spec *s)
{
    json_t *select = json_object_get(s->root, "select");
    if (!select) {
        select = json_object();
        json_object_set_new(s->root, "select", select);
    }
    if (!json_is_object(select))
        return cli_fail(c, GRAFT_ERR_FORMAT, "select: expected an object");
    s->select_train = text_of(select, "train-split");
    s->select_test = text_of(select, "test-split");
    s->select_seeds = array_of(select, "seeds");
    if (json_array_size(s->select_seeds) == 0)
        json_array_append(s->select_seeds, json_array_get(s->seeds, 0));
    if (!s->select_train != !s->select_test)
        return cli_fail(c, GRAFT_ERR_ARGUMENT,
                        "select: expected both a train-split and a test-split");
    return check_numbers(c, "select: seeds", s->select_seeds, true);
}

graft_status sweep_spec_read(cli *c, json_t *root, sweep_spec *s)
{
    *s = (sweep_spec){.root = root};
    if (!json_is_object(root))
        return cli_fail(c, GRAFT_ERR_FORMAT, "a sweep: expected a JSON object");
    CLI_TRY(check_keys(c, root));
    CLI_TRY(sweep_expand_preset(c, root));
    s->out = text_of(root, "out");
    s->settings = json_object_get(root, "settings");
    s->lr = array_of(root, "lr");
    s->shots = array_of(root, "shots");
    s->seeds = array_of(root, "seeds");
    s->devices = array_of(root, "devices");
    if (!s->out || !*s->out)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--out: missing; a folder for the runs");
    if (s->settings && !json_is_object(s->settings))
        return cli_fail(c, GRAFT_ERR_FORMAT, "settings: expected an object");
    CLI_TRY(check_devices(c, s->devices));
    if (json_array_size(s->seeds) == 0)
        json_array_append_new(s->seeds, json_integer(42));
    CLI_TRY(check_numbers(c, "lr", s->lr, false));
    CLI_TRY(check_numbers(c, "shots", s->shots, true));
    CLI_TRY(check_numbers(c, "seeds", s->seeds, true));
    CLI_TRY(read_items(c, root, "methods", &s->methods, &s->method_count));
    CLI_TRY(read_items(c, root, "data", &s->data, &s->data_count));
    CLI_TRY(place_data(c, s));
    CLI_TRY(find_data(c, s));
    return read_select(c, s);
}

void sweep_spec_release(sweep_spec *s)
{
    free(s->methods);
    free(s->data);
    json_decref(s->root);
    *s = (sweep_spec){0};
}

graft_status sweep_select_splits(cli *c, const sweep_spec *s, const sweep_item *data,
                                 const char **train, const char **test)
{
    const char *path = text_of(data->options, "data");
    const char *final = text_of(data->options, "test-split");
    final = final ? final : text_of(s->settings, "test-split");
    *train = s->select_train;
    *test = s->select_test;
    if (!*test)
        graft_data_selection(path, train, test);
    if (strcmp(*test, final ? final : "test") == 0)
        return cli_fail(c, GRAFT_ERR_ARGUMENT,
                        "select: '%s' is the split of the final test; choose on another", *test);
    if (strcmp(*test, "val") == 0 && !graft_data_has_validation(path))
        return cli_fail(c, GRAFT_ERR_ARGUMENT,
                        "%s: has no validation images, 'val' would be its test images; select on "
                        "train80 and val20",
                        path);
    return GRAFT_OK;
}
