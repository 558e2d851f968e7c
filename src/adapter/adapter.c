#include "adapter/adapter.h"

#include "adapter/peft.h"
#include "base/mem.h"
#include "weights/load.h"
#include "weights/safetensors.h"

graft_status gr_adapter_create(graft_log *log, gr_tensors **tensors, graft_adapter **out)
{
    graft_adapter *a = gr_alloc(NULL, sizeof(*a));
    *out = NULL;
    if (!a) {
        gr_tensors_destroy(tensors);
        return gr_fail(log, GRAFT_ERR_MEMORY, "adapter: out of memory");
    }
    atomic_init(&a->users, 1);
    a->log = log;
    a->tensors = *tensors;
    *tensors = NULL;
    graft_status status = gr_adapter_info_read(log, a->tensors, &a->info);
    if (status == GRAFT_OK)
        status =
            gr_adapter_class_names(log, a->tensors, a, a->info.config.classes, &a->class_names);
    if (status != GRAFT_OK) {
        graft_adapter_close(&a);
        return status;
    }
    gr_methods_name(a->info.methods, a->methods, sizeof(a->methods));
    *out = a;
    return GRAFT_OK;
}

graft_status graft_adapter_open(graft_log *log, const graft_source *source, graft_adapter **out)
{
    gr_tensors *tensors;
    *out = NULL;
    if (gr_peft_is_folder(source->path))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: a folder of Hugging Face peft, which does not tell the backbone; use "
                       "graft_model_open_adapter()",
                       source->path);
    GR_TRY(gr_tensors_load_source(log, source, &tensors));
    return gr_adapter_create(log, &tensors, out);
}

graft_status gr_adapter_load(graft_log *log, const graft_source *source, const gr_tensors *backbone,
                             gr_tensors **out)
{
    if (gr_peft_is_folder(source->path))
        return gr_peft_read(log, source->path, backbone, out);
    return gr_tensors_load_source(log, source, out);
}

graft_status gr_adapter_open(graft_log *log, const graft_source *source, const gr_tensors *backbone,
                             graft_adapter **out)
{
    gr_tensors *tensors;
    *out = NULL;
    GR_TRY(gr_adapter_load(log, source, backbone, &tensors));
    return gr_adapter_create(log, &tensors, out);
}

graft_adapter *gr_adapter_share(graft_adapter *adapter)
{
    if (adapter)
        atomic_fetch_add(&adapter->users, 1);
    return adapter;
}

void graft_adapter_close(graft_adapter **adapter)
{
    graft_adapter *a = adapter ? *adapter : NULL;
    if (!a)
        return;
    *adapter = NULL;
    if (atomic_fetch_sub(&a->users, 1) > 1)
        return;
    gr_adapter_info_release(&a->info);
    gr_tensors_destroy(&a->tensors);
    gr_free(a);
}

graft_adapter_info graft_adapter_get_info(const graft_adapter *a)
{
    if (!a)
        return (graft_adapter_info){.methods = ""};
    graft_adapter_info info = {
        .methods = a->methods,
        .classes = a->info.config.classes,
        .image_size = a->info.config.image_size,
    };
    for (size_t i = 0; i < gr_tensors_count(a->tensors); i++)
        info.size_bytes += gr_tensors_at(a->tensors, i)->size_bytes;
    return info;
}

const char *graft_adapter_class_name(const graft_adapter *a, int index)
{
    if (!a || index < 0 || index >= a->info.config.classes)
        return NULL;
    const char *name = a->class_names[index];
    return name && *name ? name : NULL;
}

graft_status graft_adapter_save(const graft_adapter *a, const char *path)
{
    return gr_safetensors_write(a->log, path, a->tensors,
                                &(gr_safetensors_params){.sorted = true, .checksum = true});
}

graft_status graft_adapter_write(const graft_adapter *a, const graft_writer *writer)
{
    if (!writer || !writer->write)
        return gr_fail(a->log, GRAFT_ERR_ARGUMENT, "adapter: a writer that writes nothing");
    return gr_safetensors_write(
        a->log, "adapter", a->tensors,
        &(gr_safetensors_params){.sorted = true, .checksum = true, .writer = writer});
}
