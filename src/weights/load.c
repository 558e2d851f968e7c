#include "weights/load.h"

#include "weights/jax.h"
#include "weights/npz.h"
#include "weights/safetensors.h"

static graft_status create(graft_log *log, const char *path, gr_tensors **tensors)
{
    *tensors = gr_tensors_create();
    if (!*tensors)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to load it", path);
    return gr_tensors_set_source(log, *tensors, path);
}

static graft_status read_npz(graft_log *log, const char *path, gr_tensors **tensors)
{
    GR_TRY(gr_npz_read(log, path, *tensors));
    if (!gr_jax_recognise(*tensors))
        return GRAFT_OK;
    gr_tensors *jax = *tensors;
    graft_status status = create(log, path, tensors);
    if (status == GRAFT_OK)
        status = gr_jax_to_timm(log, jax, *tensors);
    gr_tensors_destroy(&jax);
    return status;
}

static bool is_torch_pickle(const char *path)
{
    return gr_path_has_suffix(path, ".pth") || gr_path_has_suffix(path, ".pt") ||
           gr_path_has_suffix(path, ".bin") || gr_path_has_suffix(path, ".ckpt");
}

static graft_status read_any(graft_log *log, const char *path, gr_tensors **tensors)
{
    if (gr_file_is_directory(path))
        return gr_safetensors_read_directory(log, path, *tensors);
    if (!gr_file_exists(path))
        return gr_fail_errno(log, path, "cannot open");
    if (gr_path_has_suffix(path, ".safetensors"))
        return gr_safetensors_read(log, path, *tensors);
    if (gr_path_has_suffix(path, ".json"))
        return gr_safetensors_read_sharded(log, path, *tensors);
    if (gr_path_has_suffix(path, ".npz"))
        return read_npz(log, path, tensors);
    if (is_torch_pickle(path))
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "%s: PyTorch pickles are not read, they can run code; convert it to "
                       "safetensors",
                       path);
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                   "%s: expected a .safetensors file, an index .json, an .npz file or a directory",
                   path);
}

graft_status gr_tensors_load(graft_log *log, const char *path, gr_tensors **tensors)
{
    graft_status status = create(log, path, tensors);
    if (status == GRAFT_OK)
        status = read_any(log, path, tensors);
    if (status != GRAFT_OK)
        gr_tensors_destroy(tensors);
    return status;
}
