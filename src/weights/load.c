#include "weights/load.h"

#include "weights/npz.h"
#include "weights/safetensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static graft_status create(graft_log *log, const char *path, gr_tensors **tensors)
{
    *tensors = gr_tensors_create();
    if (!*tensors)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to load it", path);
    return gr_tensors_set_source(log, *tensors, path);
}

static bool is_torch_pickle(const char *path)
{
    return gr_path_has_suffix(path, ".pth") || gr_path_has_suffix(path, ".pt") ||
           gr_path_has_suffix(path, ".bin") || gr_path_has_suffix(path, ".ckpt") ||
           gr_path_has_suffix(path, ".pth.tar");
}

static graft_status read_npz(graft_log *log, const char *path, gr_tensors *tensors)
{
#ifdef GRAFT_HAVE_NPZ
    return gr_npz_read(log, path, tensors);
#else
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                   "%s: an npz archive, and this build of graft has no libzip: convert it to "
                   "safetensors, or build with -Dnpz=enabled",
                   path);
#endif
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
        return read_npz(log, path, *tensors);
    if (is_torch_pickle(path))
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "%s: a PyTorch pickle, which can run code and is not read; "
                       "tools/convert-checkpoint.py makes a safetensors file of it",
                       path);
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                   "%s: expected a .safetensors file, an index .json, an .npz file or a directory",
                   path);
}

/* Tensors of a file whose bytes a reader gives, in memory that they own. */
static graft_status read_all(graft_log *log, const char *name, const graft_reader *reader,
                             gr_tensors *tensors)
{
    gr_tensors *bytes;
    void *data;
    if (reader->size_bytes == 0 || reader->size_bytes > PTRDIFF_MAX)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %s", name,
                       reader->size_bytes ? "too large for this machine" : "is empty");
    GR_TRY(create(log, name, &bytes));
    size_t size = (size_t)reader->size_bytes;
    graft_status status =
        gr_tensors_add_new(log, bytes, "bytes", GR_U8, GR_SHAPE((int64_t)size), &data);
    if (status == GRAFT_OK) {
        status = reader->read(reader->user, 0, data, size);
        if (status != GRAFT_OK)
            gr_fail(log, status, "%s: its reader failed", name);
    }
    if (status == GRAFT_OK)
        status = gr_safetensors_parse(log, name, data, size, tensors);
    if (status == GRAFT_OK)
        gr_tensors_borrow_from(tensors, &bytes);
    gr_tensors_destroy(&bytes);
    return status;
}

static const char *name_of(const graft_source *source)
{
    return source->path ? source->path : source->name ? source->name : "memory";
}

static graft_status load_lenient(graft_log *log, const graft_source *source, gr_tensors **tensors)
{
    const char *name = name_of(source);
    graft_status status = create(log, name, tensors);
    if (status == GRAFT_OK) {
        if (source->path)
            status = read_any(log, source->path, tensors);
        else if (source->data)
            status = gr_safetensors_parse(log, name, source->data, source->size_bytes, *tensors);
        else if (source->reader && source->reader->read)
            status = read_all(log, name, source->reader, *tensors);
        else
            status = gr_fail(log, GRAFT_ERR_ARGUMENT,
                             "%s: a source without path, data and reader; set one", name);
    }
    if (status != GRAFT_OK)
        gr_tensors_destroy(tensors);
    return status;
}

graft_status gr_tensors_load_lenient(graft_log *log, const char *path, gr_tensors **tensors)
{
    return load_lenient(log, &(graft_source){.path = path}, tensors);
}

static graft_status refuse_strange(graft_log *log, const gr_tensors *tensors, size_t index)
{
    const char *name, *why;
    gr_tensors_strange_at(tensors, index, &name, &why);
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: tensor %s: %s", gr_tensors_source(tensors),
                   name, why);
}

graft_status gr_tensors_load_source(graft_log *log, const graft_source *source,
                                    gr_tensors **tensors)
{
    GR_TRY(load_lenient(log, source, tensors));
    if (gr_tensors_strange_count(*tensors) == 0)
        return GRAFT_OK;
    graft_status status = refuse_strange(log, *tensors, 0);
    gr_tensors_destroy(tensors);
    return status;
}

graft_status gr_tensors_load(graft_log *log, const char *path, gr_tensors **tensors)
{
    return gr_tensors_load_source(log, &(graft_source){.path = path}, tensors);
}

/* Strange tensors that the layout has no use for are ignored, like others. */
static graft_status check_strange(graft_log *log, const gr_layout_match *match,
                                  const gr_tensors *file)
{
    size_t count = gr_tensors_strange_count(file);
    const char *name = NULL, *why;
    for (size_t i = 0; i < count; i++) {
        char target[GR_NAME_BYTES];
        const gr_name_rule *rule;
        gr_name_parts parts;
        gr_tensors_strange_at(file, i, &name, &why);
        gr_name_use use = gr_layout_use(match, name, target, &rule, &parts);
        if (use == GR_NAME_USED || use == GR_NAME_FOREIGN)
            return refuse_strange(log, file, i);
    }
    if (count)
        gr_log(log, GRAFT_LOG_INFO, "%s: %zu tensors are ignored, such as %s: %s",
               gr_tensors_source(file), count, name, why);
    return GRAFT_OK;
}

static graft_status get_matrix(graft_log *log, const gr_tensors *backbone, const char *name,
                               const gr_tensor **out)
{
    char text[GR_SHAPE_TEXT];
    GR_TRY(gr_tensors_get(log, backbone, name, out));
    if ((*out)->shape.rank == 2 && gr_tensor_count(*out) > 0)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_SHAPE, "%s: tensor %s: expected a matrix, found %s",
                   gr_tensors_source(backbone), name, gr_shape_text(&(*out)->shape, text));
}

/* [classes, 2 dim] and [classes]: half of each head beside the other's, so that one linear of both
 * class tokens is the mean of their logits. */
static graft_status join_heads(graft_log *log, gr_tensors *backbone)
{
    const gr_tensor *parts[4];
    static const char *const names[] = {"head_cls.weight", "head_dist.weight", "head_cls.bias",
                                        "head_dist.bias"};
    float *joint, *bias, *room;
    if (!gr_tensors_find(backbone, names[1]))
        return GRAFT_OK;
    GR_TRY(get_matrix(log, backbone, names[0], &parts[0]));
    const int64_t classes = parts[0]->shape.dim[0], dim = parts[0]->shape.dim[1];
    for (int i = 1; i < 4; i++)
        GR_TRY(gr_tensors_get_shaped(log, backbone, names[i],
                                     i < 2 ? parts[0]->shape : GR_SHAPE(classes), &parts[i]));
    GR_TRY(gr_tensors_add_new(log, backbone, "head.weight", GR_F32, GR_SHAPE(classes, 2 * dim),
                              (void **)&joint));
    GR_TRY(
        gr_tensors_add_new(log, backbone, "head.bias", GR_F32, GR_SHAPE(classes), (void **)&bias));
    room = malloc((size_t)(classes * (dim > 1 ? dim : 1)) * sizeof(*room));
    if (!room)
        return gr_fail(log, GRAFT_ERR_MEMORY, "head: out of memory");
    for (int part = 0; part < 2; part++) {
        gr_tensor_to_f32(parts[part], room);
        for (int64_t i = 0; i < classes * dim; i++)
            joint[(i / dim * 2 + part) * dim + i % dim] = 0.5f * room[i];
        gr_tensor_to_f32(parts[2 + part], room);
        for (int64_t i = 0; i < classes; i++)
            bias[i] += 0.5f * room[i];
    }
    free(room);
    return GRAFT_OK;
}

/* A head without a bias is one whose bias is zero. */
static graft_status complete_head(graft_log *log, gr_tensors *backbone)
{
    const gr_tensor *weight = gr_tensors_find(backbone, "head.weight");
    void *zeros;
    if (!weight || weight->shape.rank != 2 || gr_tensors_find(backbone, "head.bias"))
        return GRAFT_OK;
    return gr_tensors_add_new(log, backbone, "head.bias", weight->dtype,
                              GR_SHAPE(weight->shape.dim[0]), &zeros);
}

/* Names the first few tensors of a file whose layout is unknown. */
static graft_status unknown(graft_log *log, const gr_tensors *tensors)
{
    enum { SHOWN = 3 };
    char known[512], found[512] = "no tensor";
    size_t used = 0;
    for (size_t i = 0; i < gr_tensors_count(tensors) && i < SHOWN && used < sizeof(found); i++)
        used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%.100s", i ? ", " : "",
                                 gr_tensors_at(tensors, i)->name);
    if (gr_tensors_metadata(tensors, "graft.format"))
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: an adapter; expected a backbone",
                       gr_tensors_source(tensors));
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                   "%s: names of no known backbone: expected %s; found %s%s",
                   gr_tensors_source(tensors), gr_layout_names(known, sizeof(known)), found,
                   gr_tensors_count(tensors) > SHOWN ? ", .." : "");
}

graft_status gr_backbone_translate(graft_log *log, const char *path, const gr_layout_match *match,
                                   gr_tensors *file, gr_tensors *backbone)
{
    if (path)
        GR_TRY(gr_sidecars_read(log, path, match->layout->sidecars, backbone));
    gr_layout_match told = *match;
    told.projects |= gr_tensors_metadata(backbone, GR_HEAD_KEY) != NULL;
    GR_TRY(gr_layout_translate(log, &told, file, backbone));
    GR_TRY(join_heads(log, backbone));
    GR_TRY(complete_head(log, backbone));
    return gr_tensors_check_and_hash(log, backbone);
}

static graft_status translate(graft_log *log, const char *path, gr_tensors *file,
                              gr_tensors *backbone)
{
    gr_layout_match match;
    if (!gr_layout_recognise(file, &match))
        return unknown(log, file);
    GR_TRY(check_strange(log, &match, file));
    if (!match.layout->refusal)
        GR_TRY(gr_layout_check(log, &match, file));
    return gr_backbone_translate(log, path, &match, file, backbone);
}

graft_status gr_backbone_set_heads(graft_log *log, gr_tensors *backbone, int heads)
{
    char text[24];
    snprintf(text, sizeof(text), "%d", heads);
    return heads ? gr_tensors_set_metadata_from(log, backbone, "graft.heads", text, "setting")
                 : GRAFT_OK;
}

graft_status gr_backbone_load_source(graft_log *log, const graft_source *source,
                                     gr_tensors **tensors)
{
    gr_tensors *file;
    *tensors = NULL;
    GR_TRY(load_lenient(log, source, &file));
    graft_status status = create(log, name_of(source), tensors);
    if (status == GRAFT_OK)
        status = translate(log, source->path, file, *tensors);
    if (status == GRAFT_OK) {
        gr_tensors_borrow_from(*tensors, &file);
        return GRAFT_OK;
    }
    gr_tensors_destroy(&file);
    gr_tensors_destroy(tensors);
    return status;
}

graft_status gr_backbone_load(graft_log *log, const char *path, gr_tensors **tensors)
{
    return gr_backbone_load_source(log, &(graft_source){.path = path}, tensors);
}
