/* include/graft/recipe.h: finding recipes and laying their settings over the defaults. */
#include "recipes/recipe.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

static const gr_recipe *const all_recipes[] = {
#define RECIPE_ENTRY(name) &gr_recipe_##name,
#define GR_RECIPE          RECIPE_ENTRY
#include "recipes/list.h"
#undef GR_RECIPE
#undef RECIPE_ENTRY
};

enum { RECIPES = sizeof(all_recipes) / sizeof(all_recipes[0]) };

static int task_count(const gr_recipe *r)
{
    int count = 0;
    while (r->tasks && r->tasks[count].name)
        count++;
    return count;
}

bool graft_recipe_get_info(int index, graft_recipe_info *info)
{
    if (index < 0 || index >= RECIPES)
        return false;
    const gr_recipe *r = all_recipes[index];
    *info = (graft_recipe_info){r->name, r->summary, r->source, r->method, r->notes, task_count(r)};
    return true;
}

const char *graft_recipe_task(int index, int task)
{
    if (index < 0 || index >= RECIPES || task < 0 || task >= task_count(all_recipes[index]))
        return NULL;
    return all_recipes[index]->tasks[task].name;
}

static void append(char *text, size_t size, const char *name)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
}

static graft_status find_recipe(graft_log *log, const char *name, const gr_recipe **out)
{
    char names[256] = "";
    for (int i = 0; i < RECIPES; i++) {
        if (strcmp(all_recipes[i]->name, name) == 0) {
            *out = all_recipes[i];
            return GRAFT_OK;
        }
        append(names, sizeof(names), all_recipes[i]->name);
    }
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "recipe '%s': unknown; the recipes are %s", name,
                   names);
}

static graft_status find_task(graft_log *log, const gr_recipe *r, const char *name,
                              const gr_recipe_task **out)
{
    char names[900] = "";
    int count = task_count(r);
    *out = NULL;
    if (!name || !*name)
        return GRAFT_OK;
    for (int i = 0; i < count; i++) {
        if (strcmp(r->tasks[i].name, name) == 0) {
            *out = &r->tasks[i];
            return GRAFT_OK;
        }
        append(names, sizeof(names), r->tasks[i].name);
    }
    if (count == 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "task '%s': the recipe %s is the same for all tasks; leave `task` out", name,
                       r->name);
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "task '%s': unknown to the recipe %s; its tasks are %s",
                   name, r->name, names);
}

bool gr_recipe_has_method(const char *methods, const char *name, size_t length)
{
    for (const char *at = methods; *at; at += *at == '+') {
        size_t found = strcspn(at, "+");
        if (found == length && strncmp(at, name, length) == 0)
            return true;
        at += found;
    }
    return false;
}

void gr_recipe_set(gr_recipe_target *t, const char *item)
{
    if (t->set_count < GRAFT_RECIPE_MAX_SET &&
        gr_recipe_has_method(t->params->method, item, strcspn(item, ".")))
        t->set[t->set_count++] = item;
}

static void apply_task(gr_recipe_target *t, const gr_recipe_task *task)
{
    graft_train_params *p = t->params;
    if (task->settings)
        task->settings(t);
    if (task->lr > 0)
        p->lr = task->lr;
    if (task->weight_decay > 0)
        p->weight_decay = task->weight_decay;
    if (task->drop_path > 0)
        p->drop_path = task->drop_path;
    if (task->flip)
        p->augment.flip = true;
    for (int i = 0; i < GR_RECIPE_TASK_SET && task->set[i]; i++)
        gr_recipe_set(t, task->set[i]);
}

graft_status graft_recipe_apply(graft_log *log, const char *name, const char *task,
                                graft_train_params *params, const char *set[GRAFT_RECIPE_MAX_SET],
                                int *set_count)
{
    const gr_recipe *r = NULL;
    const gr_recipe_task *row = NULL;
    gr_recipe_target target = {.params = params, .set = set};
    GR_TRY(find_recipe(log, name, &r));
    GR_TRY(find_task(log, r, task, &row));
    if (!params->method)
        params->method = r->method;
    int batch_size = params->batch_size;
    params->batch_size = r->batch_size;
    /* Whatever stands beside the backbone. */
    params->input.resize = GRAFT_RESIZE_SQUASH;
    params->input.interpolation = GRAFT_INTERPOLATION_BICUBIC;
    params->input.normalization = GRAFT_NORMALIZATION_IMAGENET;
    params->input.exif = GRAFT_EXIF_IGNORE; /* as Pillow's open, which all of the codes use */
    r->settings(&target);
    if (row)
        apply_task(&target, row);
    if (batch_size > 0)
        params->batch_size = batch_size;
    if (r->lr_per_256)
        params->lr = params->lr * params->batch_size / 256.0;
    *set_count = target.set_count;
    return GRAFT_OK;
}
