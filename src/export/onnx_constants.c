#include "export/onnx_constants.h"

#include "base/convert.h"
#include "base/mem.h"
#include "device/device.h"
#include "plan/plan.h"

/* What a value is computed of is a weight that is stored already. */
static graft_status read_source(graft_log *log, const gr_value *v, void *parent, const float **out)
{
    size_t count = (size_t)gr_shape_count(&v->shape);
    if (v->source_dtype == GR_F32 && (uintptr_t)v->source % sizeof(float) == 0) {
        *out = v->source;
        return GRAFT_OK;
    }
    float *values = gr_alloc_array(parent, count, sizeof(*values));
    if (!values)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", v->name);
    gr_to_f32(v->source_dtype, v->source, count, values);
    *out = values;
    return GRAFT_OK;
}

static graft_status compute(graft_log *log, gr_device *device, gr_value *const *values, int count,
                            void *parent, const float **data)
{
    gr_store *store = NULL;
    gr_plan *plan = NULL;
    gr_plan_params params = {.outputs = values, .output_count = count};
    graft_status status = gr_store_create(log, device, &store);
    params.store = store;
    if (status == GRAFT_OK)
        status = gr_plan_create(log, &params, &plan);
    if (status == GRAFT_OK)
        status = gr_plan_run(plan);
    for (int i = 0; i < count && status == GRAFT_OK; i++) {
        float *room =
            gr_alloc_array(parent, (size_t)gr_shape_count(&values[i]->shape), sizeof(*room));
        data[i] = room;
        status = room ? gr_plan_read(plan, values[i], room)
                      : gr_fail(log, GRAFT_ERR_MEMORY, "onnx: out of memory");
    }
    gr_plan_destroy(plan);
    gr_store_destroy(store);
    return status;
}

graft_status gr_constants(graft_log *log, gr_value *const *wanted, int count, void *parent,
                          const float **data)
{
    gr_device *device;
    GR_TRY(gr_device_open(log, "reference:0", "", &device));
    graft_status status = GRAFT_OK;
    /* One at a time: no more is held than the largest needs. */
    for (int i = 0; i < count && status == GRAFT_OK; i++)
        status = wanted[i]->kind == GR_VALUE_RESULT
                     ? compute(log, device, &wanted[i], 1, parent, &data[i])
                     : read_source(log, wanted[i], parent, &data[i]);
    graft_device *opened = gr_device_to_public(device);
    graft_device_close(&opened);
    return status;
}
