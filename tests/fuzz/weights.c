/* Checkpoints of all kinds, the files beside them, adapters. */
#include "fuzz.h"

#include "adapter/peft.h"
#include "base/mem.h"
#include "weights/load.h"
#include "weights/npy.h"
#include "weights/safetensors.h"
#include "weights/sidecars.h"
#ifdef GRAFT_HAVE_NPZ
#include "weights/support.h"
#include <zip.h>
#endif

#include <graft/inspect.h>

/* Every value is looked at, as training would. */
static graft_status look(fixture *f, graft_status status, gr_tensors **tensors)
{
    if (status == GRAFT_OK)
        status = gr_tensors_check_and_hash(f->log, *tensors);
    gr_tensors_destroy(tensors);
    return status;
}

/* A file of this header, with `size` zeros after it. */
static void add_safetensors(const char *header, size_t size)
{
    uint8_t file[1024] = {0};
    uint64_t length = strlen(header);
    assert_true(8 + length + size <= sizeof(file));
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    fuzz_add(file, 8 + length + size);
}

static graft_status read_safetensors(fixture *f, const uint8_t *data, size_t size)
{
    gr_tensors *t = gr_tensors_create();
    return look(f, gr_safetensors_parse(f->log, "input", data, size, t), &t);
}

static void seed_safetensors(fixture *f)
{
    add_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
                    "\"b\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[16,18]}}",
                    18);
    add_safetensors("{\"__metadata__\":{\"k\":\"v\"},\"c\":{\"dtype\":\"I64\",\"shape\":[0,3],"
                    "\"data_offsets\":[0,0]}}",
                    0);
    fuzz_add_data("golden/linear/adapter_init.safetensors");
}

/* An index, with a file that it may name. */
static graft_status read_shards(fixture *f, const uint8_t *data, size_t size)
{
    gr_tensors *t = gr_tensors_create();
    const char *path = fuzz_file(f, "model.safetensors.index.json", data, size);
    return look(f, gr_safetensors_read_sharded(f->log, path, t), &t);
}

static void seed_shards(fixture *f)
{
    static const char header[] =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}     ";
    uint8_t file[80] = {sizeof(header) - 1};
    memcpy(file + 8, header, sizeof(header) - 1);
    fuzz_file(f, "s.safetensors", file, 8 + sizeof(header) - 1 + 4);
    fuzz_add_text("{\"metadata\":{\"total_size\":4},\"weight_map\":{\"a\":\"s.safetensors\"}}");
}

/* Layouts, geometry, translation, merging of names: what begins with a safetensors file. */
static graft_status read_backbone(fixture *f, const uint8_t *data, size_t size)
{
    gr_tensors *t = NULL;
    graft_file *file = NULL;
    graft_source source = {.data = data, .size_bytes = size};
    graft_status status = gr_backbone_load_source(f->log, &source, &t);
    if (status == GRAFT_OK) {
        gr_model_config config;
        status = gr_model_config_read(f->log, t, &config);
    }
    gr_tensors_destroy(&t);
    if (graft_file_open(f->log, fuzz_file(f, "a.safetensors", data, size), &file) == GRAFT_OK)
        graft_file_close(&file);
    return status;
}

static void seed_backbone(fixture *f)
{
    add_safetensors("{\"__metadata__\":{\"graft.heads\":\"1\"},\"cls_token\":{\"dtype\":\"F32\","
                    "\"shape\":[1,1,2],\"data_offsets\":[0,8]},\"pos_embed\":{\"dtype\":\"F32\","
                    "\"shape\":[1,5,2],\"data_offsets\":[8,48]},\"patch_embed.proj.weight\":{"
                    "\"dtype\":\"F32\",\"shape\":[2,3,1,1],\"data_offsets\":[48,72]}}",
                    72);
    add_safetensors("{\"vit.embeddings.cls_token\":{\"dtype\":\"F16\",\"shape\":[1,1,4],"
                    "\"data_offsets\":[0,8]},\"visual.conv1.weight\":{\"dtype\":\"F16\",\"shape\":"
                    "[4,3,2,2],\"data_offsets\":[8,104]}}",
                    104);
    fuzz_add_data("golden/backbone.safetensors");
    fuzz_add_data("clip/model.safetensors");
}

static graft_status read_npz(fixture *f, const uint8_t *data, size_t size)
{
    gr_tensors *t = NULL;
    return look(f, gr_tensors_load(f->log, fuzz_file(f, "a.npz", data, size), &t), &t);
}

static void seed_npz(fixture *f)
{
#ifdef GRAFT_HAVE_NPZ
    static const float values[] = {1, 2, 3, 4};
    static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
    for (int method = 0; method < 2; method++) {
        zip_member members[] = {
            {"a.npy", npy(f, 1, header, values, sizeof(values)),
             method ? ZIP_CM_DEFLATE : ZIP_CM_STORE},
            {"b/c.npy", npy(f, 2, header, values, sizeof(values)), ZIP_CM_DEFLATE},
        };
        put_zip(path_of(f, "seed.npz"), members, 2);
        fuzz_add_file(path_of(f, "seed.npz"));
    }
#else
    fuzz_add_text("PK");
#endif
}

static graft_status read_npy(fixture *f, const uint8_t *data, size_t size)
{
    unsigned char prefix[GR_NPY_PREFIX_BYTES] = {0};
    size_t start, length;
    gr_dtype dtype;
    gr_shape shape;
    memcpy(prefix, data, size < sizeof(prefix) ? size : sizeof(prefix));
    GR_TRY(gr_npy_parse_prefix(f->log, "input", prefix, &start, &length));
    if (start >= size)
        return GRAFT_ERR_FORMAT;
    char *text = gr_alloc(NULL, size - start + 1);
    memcpy(text, data + start, size - start);
    graft_status status = gr_npy_parse_header(f->log, "input", text, &dtype, &shape);
    gr_free(text);
    return status;
}

static void seed_npy(fixture *f)
{
    fuzz_add_text("\x93NUMPY\1\1v\1{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n");
    fuzz_add_text("\x93NUMPY\2\1v\1\1\1{'shape': (), 'fortran_order': False, 'descr': '|u1'}\n");
}

/* config.json and the rest beside a checkpoint; the first byte says whose. */
static graft_status read_sidecars(fixture *f, const uint8_t *data, size_t size)
{
    static const char *const names[] = {"config.json", "preprocessor_config.json",
                                        "open_clip_config.json"};
    graft_status status = GRAFT_OK;
    if (size == 0)
        return GRAFT_ERR_FORMAT;
    char folder[512];
    snprintf(folder, sizeof(folder), "%s", f->directory);
    for (int i = 0; i < 3; i++)
        remove(fuzz_file(f, names[i], data, 0));
    const uint8_t *rest;
    size_t left, first = fuzz_cut(data + 1, size - 1, '\0', &rest, &left);
    fuzz_file(f, names[data[0] % 3], data + 1, first);
    if (left)
        fuzz_file(f, names[(data[0] + 1) % 3], rest, left);
    for (gr_sidecars kind = GR_SIDECARS_TRANSFORMERS; kind <= GR_SIDECARS_OPEN_CLIP; kind++) {
        gr_tensors *t = gr_tensors_create();
        graft_status found = gr_sidecars_read(f->log, folder, kind, t);
        status = status == GRAFT_OK ? found : status;
        gr_tensors_destroy(&t);
    }
    return status;
}

static void seed_sidecars(fixture *f)
{
    fuzz_add_text("\3{\"model_type\":\"vit\",\"num_attention_heads\":4,\"layer_norm_eps\":1e-6,"
                  "\"hidden_act\":\"gelu\",\"image_size\":224,\"id2label\":{\"0\":\"a\",\"1\":"
                  "\"b\"}}");
    fuzz_add_text("\3{\"architecture\":\"vit_base_patch16_224\",\"global_pool\":\"token\","
                  "\"pretrained_cfg\":{\"mean\":[0.5,0.5,0.5],\"std\":[0.5,0.5,0.5],\"input_size\":"
                  "[3,224,224],\"interpolation\":\"bicubic\",\"crop_pct\":0.9}}");
    fuzz_add_text("\1{\"do_resize\":true,\"size\":{\"height\":224,\"width\":224},\"resample\":3,"
                  "\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.5,0.5,0.5]}");
    fuzz_add_text("\2{\"model_cfg\":{\"embed_dim\":512,\"vision_cfg\":{\"image_size\":224}},"
                  "\"preprocess_cfg\":{\"mean\":[0.48,0.45,0.4],\"std\":[0.26,0.26,0.27],"
                  "\"interpolation\":\"bicubic\",\"resize_mode\":\"shortest\"}}");
    char *text, path[512];
    size_t size;
    check_ok(f, gr_file_read(f->log, f->memory, fuzz_data("clip/config.json", path), &text, &size));
    fuzz_add_text(gr_printf(f->memory, "\3%s", text));
}

/* adapter_config.json, a NUL, and the tensors; those of a good folder when they are missing. */
static graft_status read_peft(fixture *f, const uint8_t *data, size_t size)
{
    static gr_tensors *backbone;
    char path[512], folder[512];
    if (!backbone)
        check_ok(f, gr_backbone_load(f->log, fuzz_data("peft/vit", path), &backbone));
    const uint8_t *rest;
    size_t left, config = fuzz_cut(data, size, '\0', &rest, &left);
    snprintf(folder, sizeof(folder), "%s", f->directory);
    fuzz_file(f, GR_PEFT_CONFIG, data, config);
    fuzz_file(f, GR_PEFT_WEIGHTS, rest, left);
    gr_tensors *t = NULL;
    graft_status status = gr_peft_read(f->log, folder, backbone, &t);
    gr_tensors_destroy(&t);
    return status;
}

static void add_peft(fixture *f, const char *method)
{
    char name[80], path[512], *config, *weights;
    size_t config_size, size;
    snprintf(name, sizeof(name), "peft/%s/" GR_PEFT_CONFIG, method);
    check_ok(f, gr_file_read(f->log, f->memory, fuzz_data(name, path), &config, &config_size));
    snprintf(name, sizeof(name), "peft/%s/" GR_PEFT_WEIGHTS, method);
    check_ok(f, gr_file_read(f->log, f->memory, fuzz_data(name, path), &weights, &size));
    uint8_t *both = gr_alloc(f->memory, config_size + 1 + size);
    memcpy(both, config, config_size);
    memcpy(both + config_size + 1, weights, size);
    fuzz_add(both, config_size + 1 + size);
}

static void seed_peft(fixture *f)
{
    static const char *const methods[] = {"lora", "dora", "ia3", "vera", "boft", "fourierft"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        add_peft(f, methods[i]);
}

const fuzz_target fuzz_weights[] = {
    FUZZ_TARGET(safetensors), FUZZ_TARGET(shards),   FUZZ_TARGET(backbone), FUZZ_TARGET(npz),
    FUZZ_TARGET(npy),         FUZZ_TARGET(sidecars), FUZZ_TARGET(peft),     {.name = NULL},
};
