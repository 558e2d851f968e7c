#include "data/list_find.h"

#include "base/mem.h"
#include "base/system.h"

#include <string.h>

bool gr_list_exists(const char *directory, const char *name)
{
    char *path = gr_printf(NULL, "%s/%s", directory, name);
    gr_path_info info;
    bool found = path && gr_path_get_info(path, &info) && info.kind == GR_PATH_FILE;
    gr_free(path);
    return found;
}

static bool any_exists(const char *directory, const char *const *names)
{
    for (; *names; names++)
        if (gr_list_exists(directory, *names))
            return true;
    return false;
}

static bool split_exists(const char *directory, const char *split, const char *ending)
{
    char *name = gr_printf(NULL, "%s%s", split, ending);
    bool found = name && gr_list_exists(directory, name);
    gr_free(name);
    return found;
}

/* VTAB-1k as NOAH's code keeps it. */
static bool has_text_lists(const char *directory, const char *split)
{
    static const char *const names[] = {"train800val200.txt",
                                        "train800.txt",
                                        "val200.txt",
                                        "train.txt",
                                        "val.txt",
                                        "test.txt",
                                        NULL};
    return any_exists(directory, names) || split_exists(directory, split, ".txt");
}

/* Few-shot sets and ImageNet's variants as NOAH's code keeps them. */
static bool has_annotations(const char *directory)
{
    static const char *const names[] = {
        "annotations/train_meta.list", "annotations/train_meta.list.num_shot_1.seed_0",
        "annotations/val_meta.list", "annotations/test_meta.list", NULL};
    return any_exists(directory, names);
}

/* The FGVC sets as VPT's code keeps them. */
static bool has_json_lists(const char *directory, const char *split)
{
    static const char *const names[] = {"train.json", "test.json", NULL};
    return any_exists(directory, names) || split_exists(directory, split, ".json");
}

bool gr_list_probe(const char *directory, const char *split)
{
    return has_text_lists(directory, split) || has_annotations(directory) ||
           has_json_lists(directory, split);
}

static char *text_list(void *parent, const char *directory, const char *split)
{
    const char *name = split;
    if (!strcmp(split, "train") && gr_list_exists(directory, "train800val200.txt"))
        name = "train800val200";
    if (!strcmp(split, "val") && gr_list_exists(directory, "val200.txt"))
        name = "val200";
    return gr_printf(parent, "%s/%s.txt", directory, name);
}

/* Sets that have no test list of their own are tested on val. */
static char *annotated_list(void *parent, const char *directory, const char *split, int shots,
                            uint64_t seed, bool *of_shots)
{
    bool train = !strcmp(split, "train"),
         all = gr_list_exists(directory, "annotations/train_meta.list");
    char *path = NULL;
    if (train && shots > 0) {
        path = gr_printf(parent, "annotations/train_meta.list.num_shot_%d.seed_%llu", shots,
                         (unsigned long long)seed);
        *of_shots = path && (!all || gr_list_exists(directory, path));
        if (*of_shots)
            return gr_printf(parent, "%s/%s", directory, path);
    }
    if (!strcmp(split, "test") && !gr_list_exists(directory, "annotations/test_meta.list"))
        split = "val";
    return gr_printf(parent, "%s/annotations/%s_meta.list", directory, split);
}

bool gr_list_find(void *parent, const char *directory, const char *split, int shots, uint64_t seed,
                  gr_list_place *out)
{
    *out = (gr_list_place){.format = GR_LIST_TEXT, .folders = {""}};
    if (has_text_lists(directory, split)) {
        out->path = text_list(parent, directory, split);
    } else if (has_annotations(directory)) {
        const char *own = !strcmp(split, "train") ? "train" : "val";
        out->path = annotated_list(parent, directory, split, shots, seed, &out->of_shots);
        memcpy(out->folders, (const char *[]){"images", own, "", NULL}, 4 * sizeof(char *));
    } else {
        out->format = GR_LIST_JSON;
        out->path = gr_printf(parent, "%s/%s.json", directory, split);
        memcpy(out->folders, (const char *[]){"images", "Images", "", NULL}, 4 * sizeof(char *));
    }
    return out->path != NULL;
}
