#include "search/measure.h"

#include "base/mem.h"
#include "device/device.h"
#include "peft/noah.h"
#include "adapter/file.h"
#include "model/network.h"
#include "weights/load.h"

#include <stdlib.h>

struct gr_measure {
    graft_log *log;
    gr_measure_params params;
    gr_tensors *weights, *adapter;
    gr_adapter_info info;
    gr_dataset *data;
    gr_store *store;
    gr_network network;
    const gr_value *input; /* the masks */
    float *masks;
};

static const void *config_of(const gr_measure *m)
{
    return m->info.methods->item[0].config;
}

static graft_status load(gr_measure *m)
{
    const gr_measure_params *p = &m->params;
    gr_subnet_space space;
    GR_TRY(gr_backbone_load(m->log, p->backbone, &m->weights));
    GR_TRY(gr_tensors_load(m->log, p->supernet, &m->adapter));
    GR_TRY(gr_adapter_info_read(m->log, m->adapter, &m->info));
    GR_TRY(gr_methods_check(m->log, m->info.methods, &m->info.config));
    if (!gr_methods_have(m->info.methods, "noah") ||
        !gr_noah_space(config_of(m), &m->info.config, &space))
        return gr_fail(m->log, GRAFT_ERR_FORMAT,
                       "%s: not a supernet; it has to be trained with noah.supernet", p->supernet);
    gr_dataset_params data = {
        .split = p->split, .classes = m->info.config.classes, .decode = m->info.input.decode};
    return gr_dataset_open(m->log, p->data, &data, &m->data);
}

static graft_status prepare(gr_measure *m)
{
    gr_build build = {
        .config = &m->info.config,
        .methods = m->info.methods,
        .weights = m->weights,
        .adapter = m->adapter,
        .adapter_is_complete = true,
        .drawn = true,
    };
    GR_TRY(gr_store_create(m->log, m->params.device, &m->store));
    GR_TRY(gr_network_fit(m->log, m->store, &build, &m->params.batch, &m->network));
    m->input = gr_methods_find_input(m->network.graph, &gr_method_noah);
    m->masks = gr_alloc_array(m, (size_t)gr_shape_count(&m->input->shape), sizeof(*m->masks));
    return m->masks ? GRAFT_OK : gr_fail(m->log, GRAFT_ERR_MEMORY, "search: out of memory");
}

graft_status gr_measure_open(graft_log *log, const gr_measure_params *params, gr_measure **out)
{
    gr_measure *m = gr_alloc(NULL, sizeof(*m));
    if (!m)
        return gr_fail(log, GRAFT_ERR_MEMORY, "search: out of memory");
    m->log = log;
    m->params = *params;
    graft_status status = load(m);
    if (status == GRAFT_OK)
        status = prepare(m);
    gr_tensors_destroy(&m->weights);
    gr_tensors_destroy(&m->adapter);
    if (status != GRAFT_OK) {
        gr_measure_close(m);
        return status;
    }
    *out = m;
    return GRAFT_OK;
}

void gr_measure_close(gr_measure *m)
{
    if (!m)
        return;
    gr_network_release(&m->network);
    gr_store_destroy(m->store);
    gr_dataset_close(&m->data);
    gr_adapter_info_release(&m->info);
    gr_free(m);
}

graft_status gr_measure_choose(gr_measure *m, const gr_subnet *subnet)
{
    gr_noah_input(config_of(m), &m->info.config, subnet, m->masks);
    return gr_network_write(m->store, m->input, m->masks,
                            (uint64_t)gr_shape_count(&m->input->shape) * sizeof(*m->masks));
}

graft_status gr_measure_logits(gr_measure *m, const float *images, int count, float *logits)
{
    return gr_network_logits(m->store, &m->network, images, count, logits);
}

static graft_status logits_callback(void *measure, const uint8_t *pixels, int count, float *logits)
{
    gr_measure *m = measure;
    return gr_network_logits_of_pixels(m->log, m->store, &m->network,
                                       &m->info.input.preprocess.normalization, pixels, NULL,
                                       count, logits);
}

graft_status gr_measure_accuracy(gr_measure *m, double *accuracy)
{
    gr_evaluation e = {
        .data = m->data,
        .preprocess = m->info.input.preprocess,
        .batch = m->params.batch,
        .classes = m->info.config.classes,
        .threads = m->params.threads,
        .logits = logits_callback,
        .model = m,
        .progress = m->params.progress,
        .user = m->params.user,
    };
    gr_score score;
    GR_TRY(gr_evaluate(m->log, &e, &score));
    *accuracy = (double)score.correct / (double)score.images;
    return GRAFT_OK;
}
