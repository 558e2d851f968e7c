#include "train/text_head.h"

#include "base/mem.h"
#include "data/text.h"
#include "text/embed.h"
#include "weights/load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What CLIP's own scale is after training: it is kept from growing beyond. */
static const double CLIP_SCALE = 100.0;

bool gr_text_head_wanted(const graft_text_params *p)
{
    return p->embeddings || p->encoder || p->vocabulary || p->class_names;
}

static graft_status check(graft_log *log, const graft_train_params *p, const gr_model_config *c)
{
    const graft_text_params *t = &p->text;
    if (!c->pre_norm)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "backbone: not an image encoder of CLIP, whose features compare with texts; "
                       "leave texts and names out");
    if (t->embeddings && (t->encoder || t->vocabulary || t->class_names))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`text.embeddings`: are there already; leave `text.encoder`, "
                       "`text.vocabulary` and `text.class_names` out");
    if (!t->embeddings && !t->encoder && !p->backbone)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`text.encoder`: is required without `backbone`, for names of classes");
    return GRAFT_OK;
}

/* The width that the head sees. */
static int feature_width(const gr_model_config *c)
{
    return c->proj_dim ? c->proj_dim : c->dim;
}

static graft_status check_shape(graft_log *log, const char *source, int64_t rows, int64_t width,
                                const gr_model_config *c)
{
    if (width != feature_width(c))
        return gr_fail(log, GRAFT_ERR_SHAPE,
                       "%s: text features of width %lld, but those of the images have %d; take the "
                       "text encoder of the same CLIP",
                       source, (long long)width, feature_width(c));
    if (rows != c->classes)
        return gr_fail(log, GRAFT_ERR_SHAPE,
                       "%s: texts of %lld classes, but the data set has %d; give one for each, in "
                       "the order of the classes",
                       source, (long long)rows, c->classes);
    return GRAFT_OK;
}

/* Room for the head in the tensors that training starts from. */
static graft_status add_head(graft_log *log, gr_run_setup *s, float **weight)
{
    void *zeros;
    const gr_model_config *c = &s->config;
    if (!s->adapter && !(s->adapter = gr_tensors_create()))
        return gr_fail(log, GRAFT_ERR_MEMORY, "text head: out of memory");
    if (gr_tensors_find(s->adapter, "head.weight"))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`init_adapter`: has a head already; leave it or the texts out");
    GR_TRY(gr_tensors_add_new(log, s->adapter, "head.weight", GR_F32,
                              GR_SHAPE(c->classes, feature_width(c)), (void **)weight));
    return gr_tensors_add_new(log, s->adapter, "head.bias", GR_F32, GR_SHAPE(c->classes), &zeros);
}

/* The only matrix of a file. */
static graft_status read_embeddings(graft_log *log, const char *path, gr_run_setup *s)
{
    gr_tensors *file;
    float *weight;
    GR_TRY(gr_tensors_load(log, path, &file));
    const gr_tensor *t = gr_tensors_count(file) == 1 ? gr_tensors_at(file, 0) : NULL;
    graft_status status =
        t && t->shape.rank == 2
            ? check_shape(log, path, t->shape.dim[0], t->shape.dim[1], &s->config)
            : gr_fail(log, GRAFT_ERR_SHAPE,
                      "%s: expected a single tensor [classes, width], the text embeddings", path);
    if (status == GRAFT_OK)
        status = add_head(log, s, &weight);
    if (status == GRAFT_OK)
        gr_tensor_to_f32(t, weight);
    gr_tensors_destroy(&file);
    return status;
}

/* The prompt with the class in the place of {}; underscores of folders' names are spaces. */
static char *prompted(void *parent, const char *prompt, const char *name)
{
    const char *hole = strstr(prompt, "{}");
    char *class = gr_strdup(parent, name);
    for (char *at = class; at && *at; at++)
        if (*at == '_')
            *at = ' ';
    return class ? gr_printf(parent, "%.*s%s%s", (int)(hole - prompt), prompt, class, hole + 2)
                 : NULL;
}

/* One text for each class: names of a file, or of the data set. */
static graft_status make_texts(graft_log *log, void *parent, const graft_text_params *p,
                               const gr_run_setup *s, const char ***out)
{
    gr_text *lines = NULL;
    int classes = s->config.classes;
    if (!strstr(p->prompt, "{}"))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "prompt '%s': expected {} where the class goes",
                       p->prompt);
    if (p->class_names && strcmp(p->class_names, "data") != 0)
        GR_TRY(gr_text_read(log, parent, p->class_names, &lines));
    while (lines && lines->count > 0 && !*lines->lines[lines->count - 1])
        lines->count--;
    if (lines)
        GR_TRY(check_shape(log, p->class_names, (int64_t)lines->count, feature_width(&s->config),
                           &s->config));
    const char **texts = gr_alloc_array(parent, (size_t)classes, sizeof(*texts));
    for (int i = 0; texts && i < classes; i++) {
        const char *name = lines                  ? lines->lines[i]
                           : i < s->classes.count ? s->classes.name[i]
                                                  : NULL;
        if (!name || !*name)
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "class %d: has no name; `text.class_names` gives one for each", i);
        texts[i] = prompted(parent, p->prompt, name);
        if (!texts[i])
            texts = NULL;
    }
    *out = texts;
    return texts ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "text head: out of memory");
}

/* The vocabulary lies beside the encoder unless it is named. */
static graft_status open_vocabulary(graft_log *log, void *parent, const graft_train_params *p,
                                    gr_bpe **out)
{
    const char *encoder = p->text.encoder ? p->text.encoder : p->backbone;
    const char *path = p->text.vocabulary;
    if (!path)
        path = gr_file_is_directory(encoder) ? encoder : gr_path_directory(parent, encoder);
    return path ? gr_bpe_open(log, path, out)
                : gr_fail(log, GRAFT_ERR_MEMORY, "text head: out of memory");
}

static graft_status embed_texts(graft_log *log, const graft_train_params *p, gr_run_setup *s,
                                gr_tensors *checkpoint, void *scratch)
{
    gr_text_encoder *encoder = NULL;
    gr_bpe *bpe = NULL;
    const char **texts = NULL;
    float *weight = NULL;
    GR_TRY(make_texts(log, scratch, &p->text, s, &texts));
    GR_TRY(open_vocabulary(log, scratch, p, &bpe));
    graft_status status = gr_text_encoder_create(log, checkpoint, s->config.activation, &encoder);
    if (status == GRAFT_OK)
        status = check_shape(log, gr_tensors_source(checkpoint), s->config.classes,
                             gr_text_encoder_width(encoder), &s->config);
    if (status == GRAFT_OK)
        status = add_head(log, s, &weight);
    if (status == GRAFT_OK)
        status = gr_text_encoder_embed(encoder, s->device, bpe, texts, s->config.classes, weight);
    gr_text_encoder_destroy(encoder);
    gr_bpe_destroy(bpe);
    return status;
}

/* exp of the checkpoint's parameter, as CLIP trains it. */
static double scale_of(const gr_tensors *checkpoint, double fallback)
{
    const gr_tensor *t = checkpoint ? gr_tensors_find(checkpoint, "logit_scale") : NULL;
    float value;
    if (!t || gr_tensor_count(t) != 1)
        return fallback;
    gr_tensor_to_f32(t, &value);
    return exp((double)value);
}

static graft_status make_head(graft_log *log, const graft_train_params *p, gr_run_setup *s,
                              gr_tensors *checkpoint)
{
    double scale = p->text.logit_scale;
    if (scale < 0.0)
        scale = scale_of(checkpoint, CLIP_SCALE);
    s->config.normalize_feature = scale > 0.0;
    s->config.logit_scale = (float)scale;
    if (p->text.embeddings)
        return read_embeddings(log, p->text.embeddings, s);
    void *scratch = gr_alloc(NULL, 1);
    graft_status status = scratch ? embed_texts(log, p, s, checkpoint, scratch)
                                  : gr_fail(log, GRAFT_ERR_MEMORY, "text head: out of memory");
    gr_free(scratch);
    return status;
}

graft_status gr_text_head_make(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    gr_tensors *encoder = NULL;
    if (!gr_text_head_wanted(&p->text))
        return GRAFT_OK;
    GR_TRY(check(log, p, &s->config));
    if (p->text.encoder)
        GR_TRY(gr_tensors_load(log, p->text.encoder, &encoder));
    graft_status status = make_head(log, p, s, encoder ? encoder : s->weights);
    gr_tensors_destroy(&encoder);
    return status;
}
