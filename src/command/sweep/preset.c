#include "command/sweep/preset.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct preset_task {
    const char *name;
    const char *folders; /* alternatives, the first that is there counts: "cub|CUB_200_2011" */
    const char *group;
    const char *task; /* of recipes, alternatives as well; NULL: the name */
} preset_task;

static const preset_task vtab[] = {
    {"cifar", "cifar|cifar100", "natural"},
    {"caltech101", "caltech101", "natural"},
    {"dtd", "dtd", "natural"},
    {"oxford_flowers102", "oxford_flowers102", "natural"},
    {"oxford_iiit_pet", "oxford_iiit_pet|oxford_pet", "natural"},
    {"svhn", "svhn", "natural"},
    {"sun397", "sun397", "natural"},
    {"patch_camelyon", "patch_camelyon", "specialized"},
    {"eurosat", "eurosat", "specialized"},
    {"resisc45", "resisc45", "specialized"},
    {"diabetic_retinopathy", "diabetic_retinopathy", "specialized"},
    {"clevr_count", "clevr_count", "structured"},
    {"clevr_dist", "clevr_dist", "structured"},
    {"dmlab", "dmlab", "structured"},
    {"kitti", "kitti", "structured"},
    {"dsprites_loc", "dsprites_loc", "structured"},
    {"dsprites_ori", "dsprites_ori", "structured"},
    {"smallnorb_azi", "smallnorb_azi", "structured"},
    {"smallnorb_ele", "smallnorb_ele", "structured"},
    {.name = NULL},
};

static const preset_task fgvc[] = {
    {"cub", "cub|CUB_200_2011", NULL, "fgvc_cub"},
    {"nabirds", "nabirds", NULL, "fgvc_nabirds"},
    {"flowers", "flowers|OxfordFlower|OxfordFlowers", NULL, "fgvc_flowers"},
    {"dogs", "dogs|Stanford-dogs|stanford_dogs", NULL, "fgvc_dogs"},
    {"cars", "cars|Stanford-cars|stanford_cars", NULL, "fgvc_cars"},
    {.name = NULL},
};

static const preset_task fewshot[] = {
    {"food101", "food101|food-101", NULL, "fewshot"},
    {"oxford_pets", "oxford_pets|oxford-pets", NULL, "fewshot"},
    {"stanford_cars", "stanford_cars|stanford-cars", NULL, "fewshot"},
    {"oxford_flowers", "oxford_flowers|oxford-flowers102", NULL, "fewshot"},
    {"fgvc_aircraft", "fgvc_aircraft|fgvc-aircraft", NULL, "fewshot"},
    {.name = NULL},
};

static const preset_task dg[] = {
    {"imagenet", "imagenet", NULL, "clip|fewshot"},
    {.name = NULL},
};

/* What a domain-generalization run is tested on beside its own images. */
static const preset_task dg_targets[] = {
    {"imagenetv2", "imagenetv2|imagenet-v2"},
    {"imagenet_sketch", "imagenet-sketch|imagenet_sketch"},
    {"imagenet_a", "imagenet-adversarial|imagenet-a"},
    {"imagenet_r", "imagenet-rendition|imagenet-r"},
    {.name = NULL},
};

typedef struct preset {
    const char *name;
    const preset_task *tasks, *targets;
    int seeds;    /* 0, 1, .. when more than one; else 42 */
    int shots[6]; /* ends with 0 */
} preset;

static const preset presets[] = {
    {"vtab", vtab, NULL, 1, {0}},
    {"fgvc", fgvc, NULL, 1, {0}},
    {"fewshot", fewshot, NULL, 3, {1, 2, 4, 8, 16}},
    {"dg", dg, dg_targets, 3, {16}},
};

enum { PRESETS = sizeof(presets) / sizeof(presets[0]) };

static const preset *find(const char *name)
{
    for (int i = 0; i < PRESETS; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    return NULL;
}

bool sweep_is_preset(const char *name)
{
    return find(name) != NULL;
}

/* root/folder of the first alternative that is there, or of the first one. */
static void find_folder(const char *root, const char *folders, char *path, size_t size)
{
    for (const char *at = folders; *at; at += *at == '|') {
        int length = (int)strcspn(at, "|");
        snprintf(path, size, "%s/%.*s", root, length, at);
        if (access(path, F_OK) == 0)
            return;
        at += length;
    }
    snprintf(path, size, "%s/%.*s", root, (int)strcspn(folders, "|"), folders);
}

static bool wanted(const json_t *tasks, const char *name)
{
    const json_t *item;
    size_t i;
    json_array_foreach(tasks, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return json_array_size(tasks) == 0;
}

static graft_status check_tasks(cli *c, const preset *p, const json_t *tasks)
{
    const json_t *item;
    size_t i;
    char names[600] = "";
    for (const preset_task *t = p->tasks; t->name; t++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
                 t == p->tasks ? "" : ", ", t->name);
    json_array_foreach(tasks, i, item)
    {
        const preset_task *t = p->tasks;
        const char *name = json_is_string(item) ? json_string_value(item) : "";
        while (t->name && strcmp(t->name, name) != 0)
            t++;
        if (!t->name)
            return cli_fail(c, GRAFT_ERR_ARGUMENT, "tasks: '%s' is not in %s; its tasks are %s",
                            name, p->name, names);
    }
    return GRAFT_OK;
}

static json_t *targets_of(const preset *p, const char *folder)
{
    json_t *array = json_array();
    char path[4096];
    for (const preset_task *t = p->targets; t->name; t++) {
        find_folder(folder, t->folders, path, sizeof(path));
        json_array_append_new(array, json_pack("{s:s,s:s}", "name", t->name, "data", path));
    }
    return array;
}

/* ["clip", "fewshot", ""] of "clip|fewshot": a recipe that knows none has settings all the same. */
static json_t *task_list(const char *tasks)
{
    json_t *list = json_array();
    for (const char *at = tasks; *at; at += *at == '|') {
        size_t length = strcspn(at, "|");
        json_array_append_new(list, json_stringn(at, length));
        at += length;
    }
    json_array_append_new(list, json_string(""));
    return list;
}

static json_t *data_of(const preset *p, const char *folder, const json_t *tasks)
{
    json_t *array = json_array();
    char path[4096];
    for (const preset_task *t = p->tasks; t->name; t++) {
        if (!wanted(tasks, t->name))
            continue;
        find_folder(folder, t->folders, path, sizeof(path));
        json_t *item = json_pack("{s:s,s:s,s:o}", "name", t->name, "data", path, "task",
                                 task_list(t->task ? t->task : t->name));
        if (t->group)
            json_object_set_new(item, "group", json_string(t->group));
        if (p->targets)
            json_object_set_new(item, "evaluate", targets_of(p, folder));
        json_array_append_new(array, item);
    }
    return array;
}

graft_status sweep_expand_preset(cli *c, json_t *root)
{
    const json_t *name = json_object_get(root, "preset"), *tasks = json_object_get(root, "tasks");
    const char *folder = json_string_value(json_object_get(root, "root"));
    if (!name)
        return GRAFT_OK;
    const preset *p = json_is_string(name) ? find(json_string_value(name)) : NULL;
    if (!p)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "preset: expected vtab, fgvc, fewshot or dg");
    if (tasks && !json_is_array(tasks))
        return cli_fail(c, GRAFT_ERR_FORMAT, "tasks: expected a list");
    CLI_TRY(check_tasks(c, p, tasks));
    if (!json_object_get(root, "data")) {
        if (!folder)
            return cli_fail(c, GRAFT_ERR_ARGUMENT,
                            "--data: missing; the folder with the data sets of %s", p->name);
        json_object_set_new(root, "data", data_of(p, folder, tasks));
    }
    if (!json_object_get(root, "shots")) {
        json_t *shots = json_array();
        for (int i = 0; p->shots[i]; i++)
            json_array_append_new(shots, json_integer(p->shots[i]));
        json_object_set_new(root, "shots", shots);
    }
    if (!json_object_get(root, "seeds") && p->seeds > 1) {
        json_t *seeds = json_array();
        for (int i = 0; i < p->seeds; i++)
            json_array_append_new(seeds, json_integer(i));
        json_object_set_new(root, "seeds", seeds);
    }
    return GRAFT_OK;
}
