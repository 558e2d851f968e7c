#include "layouts_support.h"

#include "base/mem.h"
#include "weights/load.h"
#include "weights/safetensors.h"

pair begin(fixture *f, const char *prefix)
{
    return (pair){f, gr_tensors_create(), gr_tensors_create(), 1, prefix};
}

/* A tensor of random bits, denormals among them, but no NaN and no infinity: every byte that has
 * the top of an exponent is below 0x7b. */
void add(pair *p, const char *name, gr_dtype dtype, gr_shape shape)
{
    void *data;
    assert_int_equal(gr_tensors_add_new(p->f->log, p->model, name, dtype, shape, &data), GRAFT_OK);
    size_t size = gr_tensors_find(p->model, name)->size_bytes;
    for (size_t i = 0; i < size; i++) {
        p->state = p->state * 1664525 + 1013904223;
        unsigned char byte = (unsigned char)(p->state >> 24);
        ((unsigned char *)data)[i] = (byte & 0x7f) < 0x7b ? byte : byte & 0x83;
    }
}

void add_linear(pair *p, gr_dtype dtype, const char *name, int out, int in)
{
    add(p, N("%s.weight", name), dtype, GR_SHAPE(out, in));
    add(p, N("%s.bias", name), dtype, GR_SHAPE(out));
}

void add_norm(pair *p, gr_dtype dtype, const char *name, int width)
{
    add(p, N("%s.weight", name), dtype, GR_SHAPE(width));
    add(p, N("%s.bias", name), dtype, GR_SHAPE(width));
}

void add_block(pair *p, gr_dtype t, const char *block, int width)
{
    add_norm(p, t, N("%s.norm1", block), width);
    add_linear(p, t, N("%s.attn.qkv", block), 3 * width, width);
    add_linear(p, t, N("%s.attn.proj", block), width, width);
    add_norm(p, t, N("%s.norm2", block), width);
    add_linear(p, t, N("%s.mlp.fc1", block), HIDDEN, width);
    add_linear(p, t, N("%s.mlp.fc2", block), width, HIDDEN);
}

void make_vit(pair *p, gr_dtype t, bool clip)
{
    add(p, "cls_token", t, GR_SHAPE(1, 1, D));
    add(p, "pos_embed", t, GR_SHAPE(1, TOKENS, D));
    add(p, "patch_embed.proj.weight", t, GR_SHAPE(D, 3, PATCH, PATCH));
    if (!clip)
        add(p, "patch_embed.proj.bias", t, GR_SHAPE(D));
    for (int i = 0; i < BLOCKS; i++)
        add_block(p, t, N("blocks.%d", i), D);
    add_norm(p, t, "norm", D);
    if (clip) {
        add_norm(p, t, "norm_pre", D);
        add(p, "proj.weight", t, GR_SHAPE(E, D));
    } else {
        add_linear(p, t, "head", CLASSES, D);
    }
}

const int layout_stages[STAGES] = {2, 1, 2};

void make_swin(pair *p, gr_dtype t)
{
    add(p, "patch_embed.proj.weight", t, GR_SHAPE(D, 3, PATCH, PATCH));
    add(p, "patch_embed.proj.bias", t, GR_SHAPE(D));
    add_norm(p, t, "patch_embed.norm", D);
    for (int s = 0; s < STAGES; s++) {
        for (int i = 0; i < layout_stages[s]; i++) {
            const char *block = N("layers.%d.blocks.%d", s, i);
            add_block(p, t, block, D << s);
            add(p, N("%s.attn.relative_position_bias_table", block), t, GR_SHAPE(9, 2));
        }
        if (s + 1 == STAGES)
            break;
        add_norm(p, t, N("layers.%d.downsample.norm", s), 4 * D << s);
        add(p, N("layers.%d.downsample.reduction.weight", s), t, GR_SHAPE(2 * D << s, 4 * D << s));
    }
    add_norm(p, t, "norm", D << (STAGES - 1));
    add_linear(p, t, "head", CLASSES, D << (STAGES - 1));
}

/* Writing the file: a tensor of the model under the name that a library gives it. */

void put_data(pair *p, const char *name, gr_dtype dtype, gr_shape shape, const void *data)
{
    assert_int_equal(
        gr_tensors_add(p->f->log, p->file, N("%s%s", p->prefix, name), dtype, shape, data),
        GRAFT_OK);
}

const gr_tensor *original(pair *p, const char *name)
{
    const gr_tensor *t = gr_tensors_find(p->model, name);
    if (!t)
        fail_msg("the model has no %s", name);
    return t;
}

void put(pair *p, const char *timm, const char *name)
{
    const gr_tensor *t = original(p, timm);
    put_data(p, name, t->dtype, t->shape, t->data);
}

void put_shaped(pair *p, const char *timm, const char *name, gr_shape shape)
{
    const gr_tensor *t = original(p, timm);
    put_data(p, name, t->dtype, shape, t->data);
}

void put_both(pair *p, const char *timm, const char *name)
{
    put(p, N("%s.weight", timm), N("%s.weight", name));
    put(p, N("%s.bias", timm), N("%s.bias", name));
}

void put_third(pair *p, const char *timm, const char *name, int third)
{
    const gr_tensor *t = original(p, timm);
    gr_shape shape = t->shape;
    shape.dim[0] /= 3;
    put_data(p, name, t->dtype, shape, (const char *)t->data + t->size_bytes / 3 * third);
}

void put_thirds(pair *p, const char *timm, const char *query, const char *key, const char *value)
{
    const char *const names[] = {query, key, value};
    for (int i = 0; i < 3; i++) {
        put_third(p, N("%s.weight", timm), N("%s.weight", names[i]), i);
        put_third(p, N("%s.bias", timm), N("%s.bias", names[i]), i);
    }
}

/* Something that is no part of the model. */
void put_extra(pair *p, const char *name, gr_shape shape)
{
    static const float zeros[256];
    put_data(p, name, GR_F32, shape, zeros);
}

char *write_file(pair *p, const char *name)
{
    char *path = path_of(p->f, name);
    const gr_safetensors_params sorted = {.sorted = true};
    assert_int_equal(gr_safetensors_write(p->f->log, path, p->file, &sorted), GRAFT_OK);
    return path;
}

void check_tensors(pair *p, const gr_tensors *found, size_t extra)
{
    assert_int_equal(gr_tensors_count(found), gr_tensors_count(p->model) + extra);
    for (size_t i = 0; i < gr_tensors_count(p->model); i++) {
        const gr_tensor *t = gr_tensors_at(p->model, i);
        check_tensor(found, t->name, t->dtype, t->shape);
        if (memcmp(t->data, gr_tensors_find(found, t->name)->data, t->size_bytes) != 0)
            fail_msg("%s: other values", t->name);
    }
}

void end(pair *p)
{
    gr_tensors_destroy(&p->model);
    gr_tensors_destroy(&p->file);
}

/* The file must be told as `layout` and hold the model and `extra` tensors more. Returns it. */
gr_tensors *load(pair *p, const char *layout, size_t extra)
{
    gr_layout_match match;
    gr_tensors *found;
    assert_true(gr_layout_recognise(p->file, &match));
    assert_string_equal(match.layout->name, layout);
    assert_int_equal(gr_backbone_load(p->f->log, write_file(p, "model.safetensors"), &found),
                     GRAFT_OK);
    check_tensors(p, found, extra);
    return found;
}

void check_round(pair *p, const char *layout)
{
    gr_tensors *found = load(p, layout, 0);
    gr_tensors_destroy(&found);
    end(p);
}

void put_all(pair *p)
{
    for (size_t i = 0; i < gr_tensors_count(p->model); i++)
        put(p, gr_tensors_at(p->model, i)->name, gr_tensors_at(p->model, i)->name);
}

void put_transformers_vit(pair *p)
{
    put(p, "cls_token", "embeddings.cls_token");
    put(p, "pos_embed", "embeddings.position_embeddings");
    put_both(p, "patch_embed.proj", "embeddings.patch_embeddings.projection");
    for (int i = 0; i < BLOCKS; i++) {
        const char *timm = N("blocks.%d", i), *layer = N("encoder.layer.%d", i);
        put_thirds(p, N("%s.attn.qkv", timm), N("%s.attention.attention.query", layer),
                   N("%s.attention.attention.key", layer),
                   N("%s.attention.attention.value", layer));
        put_both(p, N("%s.attn.proj", timm), N("%s.attention.output.dense", layer));
        put_both(p, N("%s.mlp.fc1", timm), N("%s.intermediate.dense", layer));
        put_both(p, N("%s.mlp.fc2", timm), N("%s.output.dense", layer));
        put_both(p, N("%s.norm1", timm), N("%s.layernorm_before", layer));
        put_both(p, N("%s.norm2", timm), N("%s.layernorm_after", layer));
    }
    put_both(p, "norm", "layernorm");
}
