/* Looking inside weight files: include/graft/inspect.h. */
#include "base/mem.h"
#include "adapter/file.h"
#include "inspect/expect.h"
#include "inspect/facts.h"
#include "weights/load.h"

#include <graft/inspect.h>
#include <stdio.h>
#include <string.h>

struct graft_file {
    gr_tensors *tensors;  /* as they are in the file */
    gr_tensors *backbone; /* with graft's names, borrows from `tensors`; NULL: none */
    gr_layout_match match;
    char **becomes; /* for each tensor its name in graft, or NULL; an allocation of the file */
    graft_file_family family;
    graft_vit_info vit;
    gr_facts facts;
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
    if (c->family == GR_FAMILY_OWN) /* the rest only stands for what it does not tell */
        return (graft_vit_info){.image_size = c->image_size, .dim = c->dim, .classes = c->classes};
    graft_vit_info info = {
        .image_size = c->image_size,
        .patch_size = c->patch_size,
        .dim = c->dim,
        .depth = c->depth,
        .heads = c->heads,
        .hidden = c->hidden,
        .classes = c->classes,
        .stages = c->stages,
        .window = c->window,
        .projection = c->proj_dim,
    };
    for (int i = 0; i < c->stages; i++) {
        info.stage_depth[i] = c->stage_depth[i];
        info.stage_heads[i] = c->stage_heads[i];
    }
    return info;
}

/* Adds the name that a missing or misshapen tensor has in the file, where that is another one. */
static graft_status add_tensor_problem(void *user, const char *name, const char *what)
{
    graft_file *file = user;
    const gr_name_rule *rule;
    char origin[GR_NAME_BYTES], line[1024];
    if (gr_layout_origin(&file->match, name, origin, &rule) && strcmp(origin, name) != 0)
        snprintf(line, sizeof(line), "%s (%s in this file): %s", name, origin, what);
    else
        snprintf(line, sizeof(line), "%s: %s", name, what);
    return add_problem(file, line);
}

static graft_status find_targets(graft_log *log, graft_file *file)
{
    size_t count = gr_tensors_count(file->tensors);
    const gr_name_rule *rule;
    gr_name_parts parts;
    char name[GR_NAME_BYTES];
    file->becomes = gr_alloc_array(file, count, sizeof(*file->becomes));
    for (size_t i = 0; file->becomes && i < count; i++) {
        const char *from = gr_tensors_at(file->tensors, i)->name;
        if (gr_layout_use(&file->match, from, name, &rule, &parts) != GR_NAME_USED)
            continue;
        file->becomes[i] = gr_strdup(file->becomes, name);
        if (!file->becomes[i])
            return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of host memory", from);
    }
    return file->becomes ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "out of host memory");
}

static graft_status examine_backbone(graft_log *quiet, graft_file *file)
{
    gr_model_config config, checked;
    file->backbone = gr_tensors_create();
    if (!file->backbone)
        return GRAFT_ERR_MEMORY;
    GR_TRY(gr_tensors_set_source(quiet, file->backbone, gr_tensors_source(file->tensors)));
    GR_TRY(find_targets(quiet, file));
    graft_status status = gr_backbone_translate(quiet, gr_tensors_source(file->tensors),
                                                &file->match, file->tensors, file->backbone);
    if (status == GRAFT_OK)
        status = gr_model_config_read(quiet, file->backbone, &config);
    if (status != GRAFT_OK)
        return status == GRAFT_ERR_MEMORY ? status : add_error(file, quiet);
    gr_facts_read(file->backbone, &config, &file->facts);
    checked = config;
    checked.classes = config.classes ? config.classes : 1;
    file->vit = vit_info(&config);
    if (config.heads == 0) { /* the tensors are the same for any number */
        gr_model_config_check(quiet, &checked);
        GR_TRY(add_error(file, quiet));
        config.heads = checked.heads = 1;
    }
    if (gr_model_config_check(quiet, &checked) != GRAFT_OK)
        return add_error(file, quiet);
    return gr_expect_backbone(quiet, &config, file->backbone, add_tensor_problem, file);
}

static graft_status examine_adapter(graft_log *quiet, graft_file *file)
{
    gr_adapter_info info;
    file->methods = gr_tensors_metadata(file->tensors, "graft.methods");
    graft_status status = gr_adapter_info_read(quiet, file->tensors, &info);
    if (status != GRAFT_OK)
        return status == GRAFT_ERR_MEMORY ? status : add_error(file, quiet);
    file->vit = vit_info(&info.config);
    gr_adapter_info_release(&info);
    return GRAFT_OK;
}

static graft_status examine(graft_log *quiet, graft_file *file)
{
    if (gr_tensors_metadata(file->tensors, "graft.format")) {
        file->family = GRAFT_FILE_ADAPTER;
        return examine_adapter(quiet, file);
    }
    if (!gr_layout_recognise(file->tensors, &file->match))
        return GRAFT_OK;
    file->family = GRAFT_FILE_BACKBONE;
    return examine_backbone(quiet, file);
}

/* They have no place in the table: it is of tensors that have values. */
static void tell_strange(graft_log *log, const gr_tensors *tensors)
{
    const char *name, *why;
    for (size_t i = 0; i < gr_tensors_strange_count(tensors); i++) {
        gr_tensors_strange_at(tensors, i, &name, &why);
        gr_log(log, GRAFT_LOG_WARN, "%s: tensor %s: %s; it is left out", gr_tensors_source(tensors),
               name, why);
    }
}

graft_status graft_file_open(graft_log *log, const char *path, graft_file **out)
{
    *out = NULL;
    graft_file *file = gr_alloc(NULL, sizeof(*file));
    graft_log *quiet = graft_log_create(NULL);
    graft_status status =
        file && quiet ? gr_tensors_load_lenient(log, path, &file->tensors) : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK) {
        tell_strange(log, file->tensors);
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
    gr_tensors_destroy(&(*file)->backbone);
    gr_tensors_destroy(&(*file)->tensors);
    gr_free(*file);
    *file = NULL;
}

graft_file_family graft_file_get_family(const graft_file *file)
{
    return file->family;
}

const char *graft_file_get_family_name(const graft_file *file)
{
    switch (file->family) {
    case GRAFT_FILE_BACKBONE:
        return file->match.layout->name;
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

size_t graft_file_fact_count(const graft_file *file)
{
    return file->facts.count;
}

graft_file_fact graft_file_get_fact(const graft_file *file, size_t index)
{
    const gr_fact *f = &file->facts.items[index];
    return (graft_file_fact){f->key, f->value, f->from};
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
    info.becomes = file->becomes ? file->becomes[index] : NULL;
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
