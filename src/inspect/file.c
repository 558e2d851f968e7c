/* Looking inside weight files: include/graft/inspect.h. */
#include "base/mem.h"
#include "inspect/expect.h"
#include "train/adapter.h"
#include "weights/jax.h"
#include "weights/load.h"
#include "weights/npz.h"

#include <graft/inspect.h>
#include <string.h>

struct graft_file {
    gr_tensors *tensors; /* as they are in the file */
    gr_tensors *timm;    /* a JAX checkpoint with timm's names, or NULL */
    graft_file_family family;
    graft_vit_info vit;
    const char *methods;
    char **problems; /* allocations of the file */
    size_t problem_count;
};

static graft_status add_problem(void *user, const char *text)
{
    graft_file *file = user;
    void *problems = file->problems;
    char **problem = gr_push(file, &problems, &file->problem_count, sizeof(*problem));
    if (!problem)
        return GRAFT_ERR_MEMORY;
    file->problems = problems;
    *problem = gr_strdup(file, text);
    return *problem ? GRAFT_OK : GRAFT_ERR_MEMORY;
}

/* Turns the error that `quiet` holds into a problem. */
static graft_status add_error(graft_file *file, graft_log *quiet)
{
    char text[512];
    graft_log_error(quiet, text, sizeof(text));
    return add_problem(file, text);
}

static graft_vit_info vit_info(const gr_model_config *c)
{
    return (graft_vit_info){c->image_size, c->patch_size, c->dim,    c->depth,
                            c->heads,      c->hidden,     c->classes};
}

static graft_status examine_vit(graft_log *quiet, graft_file *file)
{
    const gr_tensors *weights = file->timm ? file->timm : file->tensors;
    gr_model_config config, checked;
    if (gr_model_config_read(quiet, weights, &config) != GRAFT_OK)
        return add_error(file, quiet);
    checked = config;
    checked.classes = config.classes ? config.classes : 1;
    if (gr_model_config_check(quiet, &checked) != GRAFT_OK)
        return add_error(file, quiet);
    file->vit = vit_info(&config);
    return gr_expect_vit(quiet, &config, weights, add_problem, file);
}

static graft_status examine_adapter(graft_log *quiet, graft_file *file)
{
    gr_adapter_info info;
    file->methods = gr_tensors_metadata(file->tensors, "graft.methods");
    if (gr_adapter_info_read(quiet, file->tensors, &info) != GRAFT_OK)
        return add_error(file, quiet);
    file->vit = vit_info(&info.config);
    gr_adapter_info_release(&info);
    return GRAFT_OK;
}

/* Any tensor of a ViT's own makes a file one, so that an incomplete one is told what it lacks. */
static bool looks_like_vit(const gr_tensors *tensors)
{
    for (size_t i = 0; i < gr_tensors_count(tensors); i++) {
        const char *name = gr_tensors_at(tensors, i)->name;
        if (strncmp(name, "blocks.", 7) == 0 || strncmp(name, "patch_embed.proj.", 17) == 0)
            return true;
    }
    return false;
}

static graft_status examine(graft_log *quiet, graft_file *file)
{
    if (gr_tensors_metadata(file->tensors, "graft.format")) {
        file->family = GRAFT_FILE_ADAPTER;
        return examine_adapter(quiet, file);
    }
    if (!file->timm && !looks_like_vit(file->tensors))
        return GRAFT_OK;
    file->family = file->timm ? GRAFT_FILE_JAX_VIT : GRAFT_FILE_VIT;
    return examine_vit(quiet, file);
}

/* Like gr_tensors_load, but keeps the names of a JAX checkpoint too. */
static graft_status load(graft_log *log, const char *path, graft_file *file)
{
    if (!gr_path_has_suffix(path, ".npz") || gr_file_is_directory(path))
        return gr_tensors_load(log, path, &file->tensors);
    file->tensors = gr_tensors_create();
    if (!file->tensors)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to load it", path);
    GR_TRY(gr_tensors_set_source(log, file->tensors, path));
    GR_TRY(gr_npz_read(log, path, file->tensors));
    if (!gr_jax_recognise(file->tensors))
        return GRAFT_OK;
    file->timm = gr_tensors_create();
    if (!file->timm)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to load it", path);
    GR_TRY(gr_tensors_set_source(log, file->timm, path));
    return gr_jax_to_timm(log, file->tensors, file->timm);
}

graft_status graft_file_open(graft_log *log, const char *path, graft_file **out)
{
    *out = NULL;
    graft_file *file = gr_alloc(NULL, sizeof(*file));
    graft_log *quiet = graft_log_create(NULL);
    graft_status status = file && quiet ? load(log, path, file) : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK) {
        status = examine(quiet, file);
        if (status != GRAFT_OK)
            gr_fail(log, status, "%s: %s", path, graft_status_text(status));
    }
    graft_log_destroy(&quiet);
    if (status != GRAFT_OK)
        graft_file_close(&file);
    *out = file;
    return status;
}

void graft_file_close(graft_file **file)
{
    if (!file || !*file)
        return;
    gr_tensors_destroy(&(*file)->tensors);
    gr_tensors_destroy(&(*file)->timm);
    gr_free(*file);
    *file = NULL;
}

graft_file_family graft_file_get_family(const graft_file *file)
{
    return file->family;
}

const char *graft_file_family_name(graft_file_family family)
{
    switch (family) {
    case GRAFT_FILE_VIT:
        return "timm ViT";
    case GRAFT_FILE_JAX_VIT:
        return "JAX ViT";
    case GRAFT_FILE_ADAPTER:
        return "adapter";
    case GRAFT_FILE_UNKNOWN:
        break;
    }
    return "unknown";
}

graft_vit_info graft_file_get_vit(const graft_file *file)
{
    return file->vit;
}

const char *graft_file_get_methods(const graft_file *file)
{
    return file->methods;
}

size_t graft_file_tensor_count(const graft_file *file)
{
    return gr_tensors_count(file->tensors);
}

graft_tensor_info graft_file_get_tensor(const graft_file *file, size_t index)
{
    const gr_tensor *t = gr_tensors_at(file->tensors, index);
    graft_tensor_info info = {t->name, gr_dtype_name(t->dtype), t->shape.rank, {0}, t->size_bytes};
    for (int i = 0; i < t->shape.rank; i++)
        info.shape[i] = t->shape.dim[i];
    return info;
}

size_t graft_file_metadata_count(const graft_file *file)
{
    return gr_tensors_metadata_count(file->tensors);
}

void graft_file_get_metadata(const graft_file *file, size_t index, const char **key,
                             const char **value)
{
    gr_tensors_metadata_at(file->tensors, index, key, value);
}

size_t graft_file_problem_count(const graft_file *file)
{
    return file->problem_count;
}

const char *graft_file_get_problem(const graft_file *file, size_t index)
{
    return file->problems[index];
}
