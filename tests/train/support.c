#include "support.h"

#include "base/mem.h"
#include "build/build.h"
#include "model/backbone.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const gr_model_config tiny = {
    .image_size = 16,
    .patch_size = 4,
    .dim = 24,
    .depth = 2,
    .heads = 3,
    .hidden = 40,
    .classes = 5,
    .norm_eps = 1e-6f,
    .activation = GR_FUNC_GELU,
    .pool = GR_POOL_CLS,
};

static uint64_t seed_of(const char *name)
{
    uint64_t seed = 1;
    for (; *name; name++)
        seed = seed * 31 + (unsigned char)*name;
    return seed;
}

/* Random tensors for all values of one kind: frozen ones are the backbone, PARAM the adapter. */
static gr_tensors *random_tensors(graft_log *log, const gr_graph *graph, gr_value_kind kind)
{
    gr_tensors *tensors = gr_tensors_create();
    assert_non_null(tensors);
    for (int i = 0; i < gr_graph_count(graph); i++) {
        const gr_value *v = gr_graph_at(graph, i);
        if (v->kind != kind || strcmp(v->name, "pool.mean") == 0)
            continue;
        void *data;
        TEST_OK(log, gr_tensors_add_new(log, tensors, v->name, GR_F32, v->shape, &data));
        size_t count = (size_t)gr_shape_count(&v->shape);
        fill_normal(data, count, v->shape.rank > 1 ? 0.3f : 0.1f, seed_of(v->name));
        for (size_t k = 0; k < count && strstr(v->name, "norm") && strstr(v->name, "weight"); k++)
            ((float *)data)[k] += 1.0f;
    }
    return tensors;
}

static gr_tensors *make_tensors(const train_setup *s, const char *methods, gr_value_kind kind)
{
    gr_methods *own = NULL;
    if (methods)
        TEST_OK(s->log, gr_methods_parse(s->log, methods, &own));
    gr_graph *graph = gr_graph_create(s->log);
    assert_non_null(graph);
    gr_build b = {
        .graph = graph, .config = &s->config, .methods = own ? own : s->methods, .batch = 1};
    int64_t size = s->config.image_size;
    gr_model_logits(&b, gr_graph_input(graph, "images", GR_F32, GR_SHAPE(1, 3, size, size)));
    TEST_OK(s->log, gr_graph_status(graph));
    gr_tensors *tensors = random_tensors(s->log, graph, kind);
    gr_graph_destroy(graph);
    gr_methods_destroy(own);
    return tensors;
}

/* A setup's matrices have fewer places than the default. */
static void fit_options(train_setup *s)
{
    if (gr_methods_have(s->methods, "fourierft"))
        train_setup_option(s, "fourierft.n_frequency", "60");
}

static void switch_dropout_off(train_setup *s)
{
    for (int i = 0; i < s->methods->count; i++) {
        const gr_method *m = s->methods->item[i].method;
        for (const graft_setting *o = m->options; o && o->key; o++) {
            char key[96];
            snprintf(key, sizeof(key), "%s.%s", m->name, o->key);
            if (strcmp(o->key, "dropout") == 0)
                train_setup_option(s, key, "0");
        }
    }
}

void train_setup_open(train_setup *s, graft_log *log, const char *methods, int batch)
{
    *s = (train_setup){.log = log, .config = tiny, .batch = batch};
    TEST_OK(log, gr_methods_parse(log, methods, &s->methods));
    switch_dropout_off(s);
    fit_options(s);
    s->weights = make_tensors(s, "linear", GR_VALUE_FROZEN);
    s->adapter = make_tensors(s, NULL, GR_VALUE_PARAM);
    size_t pixels = (size_t)(batch * 3 * tiny.image_size * tiny.image_size);
    s->images = malloc(pixels * sizeof(*s->images));
    s->labels = malloc((size_t)batch * sizeof(*s->labels));
    assert_non_null(s->images);
    assert_non_null(s->labels);
    fill_normal(s->images, pixels, 1.0f, 99);
    for (int i = 0; i < batch; i++)
        s->labels[i] = (3 * i + 1) % tiny.classes;
}

void train_setup_close(train_setup *s)
{
    gr_methods_destroy(s->methods);
    gr_tensors_destroy(&s->weights);
    gr_tensors_destroy(&s->adapter);
    free(s->images);
    free(s->labels);
}

void train_setup_option(train_setup *s, const char *key, const char *value)
{
    TEST_OK(s->log, gr_methods_set(s->log, s->methods, key, value));
}

void train_setup_reshape(train_setup *s, const char *key, const char *value)
{
    train_setup_option(s, key, value);
    gr_tensors_destroy(&s->adapter);
    s->adapter = make_tensors(s, NULL, GR_VALUE_PARAM);
}

void train_setup_remodel(train_setup *s, const gr_model_config *config)
{
    s->config = *config;
    gr_tensors_destroy(&s->weights);
    gr_tensors_destroy(&s->adapter);
    s->weights = make_tensors(s, "linear", GR_VALUE_FROZEN);
    s->adapter = make_tensors(s, NULL, GR_VALUE_PARAM);
}

static void fill(const gr_tensor *t)
{
    int sum = 0;
    for (const char *c = t->name; *c; c++)
        sum += (unsigned char)*c;
    bool gain = strstr(t->name, "norm") && strstr(t->name, "weight");
    for (int64_t i = 0; i < gr_tensor_count(t); i++)
        ((float *)t->data)[i] =
            (float)((gain ? 1.0 : 0.0) + (gain ? 0.5 : 0.2) * sin(0.37 * (double)i + sum % 100));
}

void train_fill(const gr_tensors *tensors)
{
    for (size_t i = 0; i < gr_tensors_count(tensors); i++)
        fill(gr_tensors_at(tensors, i));
}

gr_trainer_params train_params(const train_setup *s, gr_device *device)
{
    return (gr_trainer_params){
        .device = device,
        .config = &s->config,
        .methods = s->methods,
        .weights = s->weights,
        .adapter = s->adapter,
        .batch = s->batch,
        .seed = 42,
        .optimizer = {.kind = GRAFT_OPTIMIZER_ADAMW,
                      .weight_decay = 0.01f,
                      .beta1 = 0.9f,
                      .beta2 = 0.999f,
                      .eps = 1e-8f},
    };
}

gr_trainer *train_create(const train_setup *s, const gr_trainer_params *params)
{
    gr_trainer *trainer = NULL;
    TEST_OK(s->log, gr_trainer_create(s->log, params, &trainer));
    return trainer;
}

float *train_plane(const train_setup *s, const gr_trainer *trainer, gr_param_plane plane,
                   size_t *count)
{
    const gr_params *params = gr_trainer_parameters(trainer);
    size_t total = (size_t)gr_params_total(params, true), at = 0;
    float *values = malloc(total * sizeof(*values));
    assert_non_null(values);
    for (size_t i = 0; i < params->count; i++) {
        TEST_OK(s->log, gr_params_read(params, &params->items[i], plane, values + at));
        at += (size_t)gr_shape_count(&params->items[i].shape);
    }
    assert_int_equal(at, total);
    *count = total;
    return values;
}

float *train_gradients(const train_setup *s, gr_trainer *trainer, uint64_t step, float *loss,
                       size_t *count)
{
    TEST_OK(s->log, gr_trainer_gradients(trainer, s->images, s->labels, step, loss));
    return train_plane(s, trainer, GR_PLANE_GRADIENT, count);
}

float *train_first_gradients(const train_setup *s, const gr_trainer_params *params, float *loss,
                             size_t *count)
{
    gr_trainer *trainer = train_create(s, params);
    float *values = train_gradients(s, trainer, 0, loss, count);
    gr_trainer_destroy(trainer);
    return values;
}

void train_assert_splits_agree(const train_setup *s, gr_trainer_params params, const int *sizes,
                               size_t count)
{
    float loss, whole_loss;
    size_t values, whole_values;
    params.micro_batch = s->batch;
    float *whole = train_first_gradients(s, &params, &whole_loss, &whole_values);
    assert_true(train_largest(whole, whole_values) > 1e-3f);
    for (size_t i = 0; i < count; i++) {
        params.micro_batch = sizes[i];
        gr_trainer *trainer = train_create(s, &params);
        assert_int_equal(gr_trainer_micro_batch(trainer), sizes[i]);
        float *split = train_gradients(s, trainer, 0, &loss, &values);
        assert_int_equal(values, whole_values);
        train_assert_close(split, whole, values, 1e-5);
        assert_float_equal(loss, whole_loss, 2e-6f);
        free(split);
        gr_trainer_destroy(trainer);
    }
    free(whole);
}

float *train_gradient_of(const train_setup *s, const gr_trainer *trainer, const char *name,
                         size_t *count)
{
    const gr_params *params = gr_trainer_parameters(trainer);
    const gr_param *p = gr_params_find(params, name);
    if (!p)
        fail_msg("%s: is not trained", name);
    *count = (size_t)gr_shape_count(&p->shape);
    float *values = malloc(*count * sizeof(*values));
    assert_non_null(values);
    TEST_OK(s->log, gr_params_read(params, p, GR_PLANE_GRADIENT, values));
    return values;
}

void train_assert_every_gradient(const train_setup *s, const gr_trainer_params *params,
                                 const char *about)
{
    float loss;
    gr_trainer *trainer = train_create(s, params);
    TEST_OK(s->log, gr_trainer_gradients(trainer, s->images, s->labels, 0, &loss));
    const gr_params *all = gr_trainer_parameters(trainer);
    for (size_t i = 0; i < all->count; i++) {
        size_t count;
        float *gradient = train_gradient_of(s, trainer, all->items[i].name, &count);
        if (!(train_largest(gradient, count) > 1e-9f))
            fail_msg("%s: %s has no gradient", about, all->items[i].name);
        free(gradient);
    }
    gr_trainer_destroy(trainer);
}

float train_largest(const float *values, size_t count)
{
    float largest = 0.0f;
    for (size_t i = 0; i < count; i++)
        largest = isnan(values[i]) ? INFINITY : fmaxf(largest, fabsf(values[i]));
    return largest;
}

void train_assert_close(const float *got, const float *expected, size_t count, double relative)
{
    char text[256];
    tolerance allowed = {relative * (double)train_largest(expected, count), relative};
    comparison result = compare_floats(got, expected, count, allowed);
    compare_describe(&result, text, sizeof(text));
    if (result.wrong)
        fail_msg("%s", text);
}
