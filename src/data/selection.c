#include <graft/data.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/source.h"
#include "data/split_name.h"

#include <string.h>

static bool is_generated(const char *data)
{
    return strncmp(data, GR_DSPRITES_PREFIX, strlen(GR_DSPRITES_PREFIX)) == 0;
}

static bool has(const char *folder, const char *name)
{
    char *path = gr_path_join(NULL, folder, name);
    bool found = path && gr_file_exists(path);
    gr_free(path);
    return found;
}

static bool has_any(const char *folder, const char *const names[])
{
    for (; *names; names++)
        if (has(folder, *names))
            return true;
    return false;
}

enum { EVALUATION = 1 << GR_SPLIT_VAL | 1 << GR_SPLIT_TEST };

/* Neither lists nor archives tell. */
static bool is_tree(const char *data)
{
    static const char *const others[] = {
        "train.tar", "train.txt",  "val.txt",     "test.txt",           "train.json", "val.json",
        "test.json", "val200.txt", "annotations", "train800val200.txt", NULL};
    return gr_file_is_directory(data) && !has_any(data, others);
}

bool graft_data_has_validation(const char *data)
{
    static const char *const val[] = {"val.txt", "val.tar", "val.json", NULL};
    static const char *const test[] = {"test.txt", "test.tar", "test.json", NULL};
    if (is_generated(data) || has(data, "val200.txt"))
        return true;
    if (has(data, "annotations"))
        return has(data, "annotations/val_meta.list") && has(data, "annotations/test_meta.list");
    /* without test images of their own the final test is done on those of the validation */
    if (has_any(data, val) && has_any(data, test))
        return true;
    return is_tree(data) && (gr_image_folder_roles(data) & EVALUATION) == EVALUATION;
}

const char *graft_data_foreign_test(const char *data)
{
    return is_tree(data) && !(gr_image_folder_roles(data) & EVALUATION) ? "all" : "test";
}

void graft_data_selection(const char *data, const char **train, const char **val)
{
    bool vtab = is_generated(data) || has(data, "val200.txt");
    bool own = graft_data_has_validation(data);
    *train = vtab ? "train800" : own ? "train" : "train80";
    *val = vtab ? "val200" : own ? "val" : "val20";
}
