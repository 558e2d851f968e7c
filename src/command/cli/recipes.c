/* graft recipes: the settings of the papers' codes. */
#include "command/cli/commands.h"
#include "command/cli/recipes.h"

#include "command/console/names.h"
#include "command/console/output.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct recipes_options {
    cli_common common;
    bool markdown;
} recipes_options;

static const graft_setting rows[] = {
    {"markdown", CLI_FIELD(recipes_options, markdown), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "print the page docs/recipes.md"},
    CLI_JSON_OPTION,
    {.key = NULL},
};

graft_status cli_recipe_settings(cli *c, const char *recipe, const char *task, json_t **out)
{
    graft_train_params p;
    const graft_setting *s;
    const char *set[GRAFT_RECIPE_MAX_SET];
    int set_count;
    char *text = NULL;
    graft_train_defaults(&p);
    p.method = NULL;
    p.batch_size = 0;
    CLI_TRY(graft_recipe_apply(c->log, recipe, task, &p, set, &set_count));
    p.set = (graft_text_list){set, set_count};
    CLI_TRY(graft_train_describe(c->log, &p, NULL, &text));
    *out = json_loads(text, 0, NULL);
    free(text);
    for (int i = 0; (s = graft_train_setting(i)); i++)
        if (s->role != GRAFT_SETTING_TRAINING)
            json_object_del(*out, s->key);
    return *out ? GRAFT_OK : cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
}

static graft_status print_list(void)
{
    graft_recipe_info r;
    const char *task;
    for (int i = 0; graft_recipe_get_info(i, &r); i++) {
        printf("%-14s %s (%s); --method %s\n", r.name, r.summary, r.source, r.method);
        for (int t = 0; (task = graft_recipe_task(i, t)); t++)
            printf("%s%s%s", t ? " " : "    tasks: ", task, t == r.task_count - 1 ? "\n" : ",");
    }
    return GRAFT_OK;
}

static graft_status recipe_json(cli *c, int index, const graft_recipe_info *r, json_t **array)
{
    json_t *settings = NULL, *tasks = json_object();
    const char *task;
    char notes[1024];
    cli_name_options(NULL, r->notes ? r->notes : "", notes, sizeof(notes));
    graft_status status = cli_recipe_settings(c, r->name, NULL, &settings);
    for (int t = 0; status == GRAFT_OK && (task = graft_recipe_task(index, t)); t++) {
        json_t *own = NULL;
        status = cli_recipe_settings(c, r->name, task, &own);
        cli_json_set(&tasks, task, own);
    }
    cli_json_append(array,
                    json_pack("{s:s,s:s,s:s,s:s?,s:o,s:o}", "name", r->name, "summary", r->summary,
                              "source", r->source, "notes", r->notes ? notes : NULL, "settings",
                              settings, "tasks", tasks));
    return status;
}

static graft_status print_json(cli *c)
{
    json_t *array = json_array();
    graft_recipe_info r;
    graft_status status = GRAFT_OK;
    for (int i = 0; status == GRAFT_OK && graft_recipe_get_info(i, &r); i++)
        status = recipe_json(c, i, &r, &array);
    if (status == GRAFT_OK)
        return cli_print_json(c, array);
    json_decref(array);
    return status;
}

static graft_status run(cli *c, void *options)
{
    const recipes_options *o = options;
    if (o->markdown)
        return cli_print_recipes_markdown(c);
    return o->common.json ? print_json(c) : print_list();
}

const cli_command cli_command_recipes = {
    .name = "recipes",
    .summary = "Lists the settings of the papers' codes, for graft train --recipe",
    .usage = "[--json]",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(recipes_options),
    .run = run,
};
