#include <graft/data.h>

#include "base/file.h"
#include "base/mem.h"

#include <string.h>

static bool is_generated(const char *data)
{
    return strncmp(data, "dsprites:", 9) == 0;
}

static bool has(const char *folder, const char *name)
{
    char *path = gr_path_join(NULL, folder, name);
    bool found = path && gr_file_exists(path);
    gr_free(path);
    return found;
}

/* Few-shot sets without a list of test images are tested on those of the validation. */
static bool has_few_shot_validation(const char *data)
{
    return has(data, "annotations/val_meta.list") && has(data, "annotations/test_meta.list");
}

bool graft_data_has_validation(const char *data)
{
    static const char *const names[] = {
        "val", "validation", "val.txt", "val.tar", "val.json", "val200.txt",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (has(data, names[i]))
            return true;
    return is_generated(data) || has_few_shot_validation(data);
}

void graft_data_selection(const char *data, const char **train, const char **val)
{
    bool vtab = is_generated(data) || has(data, "val200.txt");
    bool own = graft_data_has_validation(data);
    *train = vtab ? "train800" : own ? "train" : "train80";
    *val = vtab ? "val200" : own ? "val" : "val20";
}
