#include "command/sweep/settings.h"

#include "command/train/train_check.h"
#include "command/console/args.h"

#include <string.h>

static void merge(json_t *into, const json_t *from)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)from, key, value)
    {
        json_t *old = json_object_get(into, key);
        if (strcmp(key, "name") == 0 || strcmp(key, "group") == 0 || strcmp(key, "evaluate") == 0)
            continue;
        if (strcmp(key, "set") == 0 && json_is_array(old) && json_is_array(value))
            json_array_extend(old, value);
        else
            json_object_set_new(into, key, json_deep_copy(value));
    }
}

static int recipe_index(const char *name, graft_recipe_info *info)
{
    for (int i = 0; graft_recipe_get_info(i, info); i++)
        if (strcmp(info->name, name) == 0)
            return i;
    return -1;
}

static bool knows_task(int recipe, const char *task)
{
    const char *name;
    for (int i = 0; (name = graft_recipe_task(recipe, i)); i++)
        if (strcmp(name, task) == 0)
            return true;
    return false;
}

/* The first of the list that the recipe knows; "" is known to all. Else the first, to be refused.
 */
static const char *first_known_task(const json_t *list, int recipe)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        const char *task = json_string_value(item);
        if (task && (!*task || knows_task(recipe, task)))
            return task;
    }
    return json_string_value(json_array_get(list, 0));
}

/* A task matters to recipes that know tasks only. */
static void choose_task(json_t *settings)
{
    const json_t *recipe = json_object_get(settings, "recipe");
    const json_t *task = json_object_get(settings, "task");
    graft_recipe_info info;
    int index = json_is_string(recipe) ? recipe_index(json_string_value(recipe), &info) : -1;
    const char *name = json_is_array(task) ? first_known_task(task, index) : NULL;
    if (!json_is_string(recipe) || (index >= 0 && info.task_count == 0) || (name && !*name))
        json_object_del(settings, "task");
    else if (name)
        json_object_set_new(settings, "task", json_string(name));
}

/* What the sweep itself tells each run; NULL: `key` is for all runs. */
static const char *own_place_of(const char *key)
{
    static const char *const own[][2] = {
        {"seed", "give the list seeds"},
        {"device", "give the list devices"},
        {"out", "give the out of the sweep"},
        {"config", "its items belong here"},
        {"resume", "a sweep goes on by itself"},
        {"accept-changes", "give it to graft sweep"},
        {"json", "leave it out"},
        {"dry-run", "graft sweep --dry-run lists the runs"},
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i][0], key) == 0)
            return own[i][1];
    return NULL;
}

static graft_status check_options(cli *c, const sweep_run *run, const json_t *settings)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)settings, key, value)
    {
        if (!cli_find_option(&cli_command_train, key, strlen(key), NULL).setting)
            return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s, %s: %s: no such option of graft train",
                            run->data->name, run->method->name, key);
        if (own_place_of(key))
            return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s, %s: %s: is no setting of single runs; %s",
                            run->data->name, run->method->name, key, own_place_of(key));
    }
    return GRAFT_OK;
}

graft_status sweep_run_settle(cli *c, const sweep_spec *spec, sweep_run *run)
{
    json_t *settings = json_object();
    merge(settings, spec->settings);
    merge(settings, run->data->options);
    merge(settings, run->method->options);
    choose_task(settings);
    run->settings = settings;
    CLI_TRY(check_options(c, run, settings));
    json_object_set(settings, "seed", run->seed);
    if (run->lr)
        json_object_set(settings, "lr", run->lr);
    if (run->shots && json_integer_value(run->shots) > 0)
        json_object_set(settings, "shots", run->shots);
    if (!run->candidate)
        return GRAFT_OK;
    const char *train, *test;
    CLI_TRY(sweep_select_splits(c, spec, run->data, &train, &test));
    json_object_set_new(settings, "train-split", json_string(train));
    json_object_set_new(settings, "test-split", json_string(test));
    return GRAFT_OK;
}
