/* The geometry of a backbone from the names and shapes of its tensors. */
#include "build/config_json.h"
#include "weights/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many of "prefix0suffix", "prefix1suffix", .. there are. */
static int count_tensors(const gr_tensors *weights, const char *prefix, const char *suffix)
{
    char name[96];
    int count = 0;
    do
        snprintf(name, sizeof(name), "%s%d%s", prefix, count, suffix);
    while (gr_tensors_find(weights, name) && ++count);
    return count;
}

static graft_status get_ranked(graft_log *log, const gr_tensors *weights, const char *name,
                               int rank, const gr_tensor **out)
{
    GR_TRY(gr_tensors_get(log, weights, name, out));
    if ((*out)->shape.rank == rank)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_SHAPE, "%s: expected %d axes, found %d; is this a ViT?", name,
                   rank, (*out)->shape.rank);
}

/* What both families tell by the same tensors. */
static graft_status read_common(graft_log *log, const gr_tensors *weights, const char *first_block,
                                gr_model_config *c)
{
    char name[96];
    const gr_tensor *patch, *fc1, *head = gr_tensors_find(weights, "head.weight");
    snprintf(name, sizeof(name), "%s.mlp.fc1.weight", first_block);
    GR_TRY(get_ranked(log, weights, "patch_embed.proj.weight", 4, &patch));
    GR_TRY(get_ranked(log, weights, name, 2, &fc1));
    *c = (gr_model_config){
        .patch_size = (int)patch->shape.dim[2],
        .dim = (int)patch->shape.dim[0],
        .hidden = (int)fc1->shape.dim[0],
        .classes = head && head->shape.rank == 2 ? (int)head->shape.dim[0] : 0,
        .norm_eps = 1e-6f,
        .activation = GR_FUNC_GELU,
    };
    return GRAFT_OK;
}

/* CLIP's image encoder is a ViT with a norm before its blocks; OpenAI's has an activation and an
 * epsilon of its own. */
static void read_clip(const gr_tensors *weights, gr_model_config *c)
{
    const gr_tensor *proj = gr_tensors_find(weights, "proj.weight");
    c->pre_norm = true;
    c->norm_eps = 1e-5f;
    c->activation = GR_FUNC_QUICK_GELU;
    c->proj_dim = proj && proj->shape.rank == 2 ? (int)proj->shape.dim[0] : 0;
}

/* In any block: the builder then asks for it in all. */
static bool has_layer_scale(const gr_tensors *weights)
{
    for (size_t i = 0; i < gr_tensors_count(weights); i++) {
        const char *name = gr_tensors_at(weights, i)->name;
        if (strstr(name, ".ls1.gamma") || strstr(name, ".ls2.gamma"))
            return true;
    }
    return false;
}

/* A gated MLP has twice as many rows in fc1 as fc2 has columns. */
static graft_status read_gate(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    const gr_tensor *fc2;
    GR_TRY(get_ranked(log, weights, "blocks.0.mlp.fc2.weight", 2, &fc2));
    c->swiglu = c->hidden == 2 * fc2->shape.dim[1];
    if (c->swiglu)
        c->hidden /= 2;
    return GRAFT_OK;
}

/* The side of the patch grid from a table of relative positions, which has a row for each pair of
 * offsets and three for the class token. */
static graft_status read_relative(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    const char *name = c->relative_bias ? "blocks.0.attn.relative_position_bias_table"
                                        : "rel_pos_bias.relative_position_bias_table";
    const gr_tensor *table;
    GR_TRY(get_ranked(log, weights, name, 2, &table));
    int64_t rows = table->shape.dim[0];
    int span = rows > 3 ? (int)lround(sqrt((double)(rows - 3))) : 0;
    c->image_size = (span + 1) / 2 * c->patch_size;
    c->heads = (int)table->shape.dim[1];
    if (span % 2 == 1 && (int64_t)span * span == rows - 3)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_SHAPE, "%s: %lld rows are not (2 g - 1)^2 + 3 of a grid", name,
                   (long long)rows);
}

/* Position embeddings are of class tokens and patches, or of the patches alone. */
static graft_status read_positions(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    enum { USUAL_SIZE = 224 };
    const gr_tensor *pos;
    bool relative = c->relative_bias || c->shared_relative_bias;
    if (relative)
        GR_TRY(read_relative(log, weights, c));
    if (!gr_tensors_find(weights, "pos_embed") && (relative || c->rope)) {
        c->positions = GR_POSITIONS_NONE;
        if (!relative)
            c->image_size = USUAL_SIZE / c->patch_size * c->patch_size;
        return GRAFT_OK;
    }
    GR_TRY(get_ranked(log, weights, "pos_embed", 3, &pos));
    int first = gr_model_class_tokens(c);
    int64_t rows = pos->shape.dim[1];
    int grid = (int)lround(sqrt((double)rows));
    c->patch_positions = first && rows > 1 && (int64_t)grid * grid == rows;
    if (!c->patch_positions && rows >= first)
        grid = (int)lround(sqrt((double)(rows - first)));
    c->image_size = grid * c->patch_size;
    c->positions = GR_POSITIONS_BICUBIC;
    if (c->patch_positions || rows == (int64_t)grid * grid + first)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_SHAPE,
                   "pos_embed: %lld tokens are not a square grid, with or without %s",
                   (long long)rows, first == 2 ? "two class tokens" : "a class token");
}

/* "graft.rope". Of EVA's models those with gated MLPs have it. */
static graft_status read_rope(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    const char *value = gr_tensors_metadata(weights, "graft.rope");
    if (value && !gr_rope_parse(value, &c->rope))
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: graft.rope '%s': expected eva02 or dinov3",
                       gr_tensors_source(weights), value);
    if (c->rope == GR_ROPE_EVA02 && !c->swiglu)
        c->rope = GR_ROPE_NONE;
    return GRAFT_OK;
}

static graft_status read_vit(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    const gr_tensor *registers = NULL;
    GR_TRY(read_common(log, weights, "blocks.0", c));
    if (gr_tensors_find(weights, "reg_token"))
        GR_TRY(get_ranked(log, weights, "reg_token", 3, &registers));
    c->registers = registers ? (int)registers->shape.dim[1] : 0;
    c->no_class_token = !gr_tensors_find(weights, "cls_token");
    c->distilled = gr_tensors_find(weights, "dist_token") != NULL;
    c->layer_scale = has_layer_scale(weights);
    c->relative_bias = gr_tensors_find(weights, "blocks.0.attn.relative_position_bias_table");
    c->shared_relative_bias = gr_tensors_find(weights, "rel_pos_bias.relative_position_bias_table");
    c->attn_norm = gr_tensors_find(weights, "blocks.0.attn.norm.weight");
    c->mlp_norm = gr_tensors_find(weights, "blocks.0.mlp.norm.weight");
    c->pool = gr_tensors_find(weights, "attn_pool.latent") ? GR_POOL_MAP
              : c->no_class_token                          ? GR_POOL_NORMED_AVG
                                                           : GR_POOL_CLS;
    GR_TRY(read_gate(log, weights, c));
    GR_TRY(read_rope(log, weights, c));
    c->depth = count_tensors(weights, "blocks.", ".norm1.weight");
    c->heads = gr_model_known_heads(c);
    GR_TRY(read_positions(log, weights, c));
    if (gr_tensors_find(weights, "norm_pre.weight"))
        read_clip(weights, c);
    return GRAFT_OK;
}

static const char TABLE[] = ".attn.relative_position_bias_table";

/* A stage's heads, and the side of its windows, from its first bias table. */
static graft_status read_table(graft_log *log, const gr_tensors *weights, int stage, int *heads,
                               int *side)
{
    char name[96];
    const gr_tensor *table;
    snprintf(name, sizeof(name), "layers.%d.blocks.0%s", stage, TABLE);
    GR_TRY(get_ranked(log, weights, name, 2, &table));
    int span = (int)lround(sqrt((double)table->shape.dim[0]));
    *heads = (int)table->shape.dim[1];
    *side = (span + 1) / 2;
    if ((int64_t)span * span == table->shape.dim[0] && span % 2 == 1)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_SHAPE, "%s: %lld rows are not (2 w - 1)^2 of a window", name,
                   (long long)table->shape.dim[0]);
}

/* Nothing depends on the image's size but the windows: the last stage is one of them. */
static graft_status read_swin(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    int side = 0;
    GR_TRY(read_common(log, weights, "layers.0.blocks.0", c));
    c->family = GR_FAMILY_SWIN;
    c->norm_eps = 1e-5f;
    c->pool = GR_POOL_AVG;
    c->stages = count_tensors(weights, "layers.", ".blocks.0.norm1.weight");
    if (c->stages < 1 || c->stages > GR_MAX_STAGES)
        return gr_fail(log, GRAFT_ERR_SHAPE, "layers: %d stages, at most %d", c->stages,
                       GR_MAX_STAGES);
    for (int i = 0; i < c->stages; i++) {
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "layers.%d.blocks.", i);
        c->stage_depth[i] = count_tensors(weights, prefix, ".norm1.weight");
        c->depth += c->stage_depth[i];
        GR_TRY(read_table(log, weights, i, &c->stage_heads[i], &side));
        c->window = side > c->window ? side : c->window;
    }
    c->heads = c->stage_heads[0];
    c->image_size = (c->patch_size << (c->stages - 1)) * side;
    return GRAFT_OK;
}

static graft_status read_positions_kind(graft_log *log, const gr_tensors *weights,
                                        gr_model_config *c)
{
    const char *value = gr_tensors_metadata(weights, "graft.positions");
    if (!value || (gr_positions_parse(value, &c->positions) && c->positions != GR_POSITIONS_NONE))
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                   "%s: graft.positions '%s': expected bicubic, bicubic-plain or bilinear-aligned",
                   gr_tensors_source(weights), value);
}

static graft_status read_activation(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    const char *value = gr_tensors_metadata(weights, "graft.activation");
    if (!value || gr_activation_parse(value, &c->activation))
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                   "%s: graft.activation '%s': expected gelu, quick_gelu or gelu_tanh",
                   gr_tensors_source(weights), value);
}

static graft_status read_pool(graft_log *log, const gr_tensors *weights, gr_pool *pool)
{
    const char *value = gr_tensors_metadata(weights, "graft.pool");
    if (!value || gr_pool_parse(value, pool))
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                   "%s: graft.pool '%s': expected cls, avg, normed-avg or map",
                   gr_tensors_source(weights), value);
}

/* A metadata key that is a number above zero. */
static graft_status read_number(graft_log *log, const gr_tensors *weights, const char *key,
                                double most, double *number)
{
    const char *value = gr_tensors_metadata(weights, key);
    char *end;
    if (!value)
        return GRAFT_OK;
    *number = strtod(value, &end);
    if (end != value && *end == '\0' && *number > 0.0 && *number <= most)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %s '%s': expected a number above 0, at most %g",
                   gr_tensors_source(weights), key, value, most);
}

/* "graft.heads", which a setting may have put there. */
static graft_status read_heads(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    double heads = c->heads;
    GR_TRY(read_number(log, weights, "graft.heads", 4096.0, &heads));
    if (c->family == GR_FAMILY_SWIN && heads != c->heads)
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "%s: `heads` %g: this Swin's tables have %d in the first stage; leave it out",
            gr_tensors_source(weights), heads, c->heads);
    c->heads = (int)heads;
    return GRAFT_OK;
}

/* What a file's metadata says, or config.json beside it, goes before what the tensors tell. */
static graft_status read_metadata(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    double eps = (double)c->norm_eps, size = c->image_size;
    GR_TRY(read_activation(log, weights, c));
    gr_pool pool = c->pool;
    GR_TRY(read_pool(log, weights, &pool));
    GR_TRY(read_number(log, weights, "graft.norm_eps", 1.0, &eps));
    GR_TRY(read_heads(log, weights, c));
    c->norm_eps = (float)eps;
    bool sized = c->family == GR_FAMILY_VIT && (c->positions != GR_POSITIONS_NONE || !c->rope);
    if (!sized)
        GR_TRY(read_number(log, weights, "graft.image_size", 65536.0, &size));
    c->image_size = (int)size;
    if (c->family == GR_FAMILY_SWIN)
        return GRAFT_OK;
    if (c->positions != GR_POSITIONS_NONE)
        GR_TRY(read_positions_kind(log, weights, c));
    c->pool = pool;
    return GRAFT_OK;
}

/* 64 channels in each are what nearly all published transformers have: a default, which is said.
 * Other widths have none. */
static void assume_heads(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    if (c->heads != 0 || c->dim % GR_USUAL_HEAD)
        return;
    c->heads = c->dim / GR_USUAL_HEAD;
    gr_log(log, GRAFT_LOG_WARN,
           "%s: no file tells `heads`, and no known model has %d blocks of width %d and %d: takes "
           "%d, of %d channels each",
           gr_tensors_source(weights), c->depth, c->dim, c->hidden, c->heads, GR_USUAL_HEAD);
}

graft_status gr_model_config_read(graft_log *log, const gr_tensors *weights, gr_model_config *out)
{
    if (gr_tensors_metadata(weights, GR_MODEL_KEY)) {
        GR_TRY(gr_model_config_described(log, weights, out));
        return read_heads(log, weights, out);
    }
    char name[96];
    snprintf(name, sizeof(name), "layers.0.blocks.0%s", TABLE);
    if (gr_tensors_find(weights, name))
        GR_TRY(read_swin(log, weights, out));
    else
        GR_TRY(read_vit(log, weights, out));
    GR_TRY(read_metadata(log, weights, out));
    assume_heads(log, weights, out);
    return GRAFT_OK;
}
