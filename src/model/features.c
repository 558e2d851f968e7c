#include "model/features.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* One value of those that are cut off. */
typedef struct part {
    const gr_value *value, *input; /* until all is prepared */
    gr_region region;              /* of the input */
    size_t row_bytes;
    char *rows;   /* [images] rows, those that are kept; malloc: pages are taken once used */
    char *staged; /* [batch] rows */
} part;

struct gr_features {
    graft_log *log;
    gr_store *store;
    gr_plan *plan;
    part parts[GR_FEATURES_MAX];
    int count;
    uint32_t images;
    bool *kept; /* [images] */
};

static size_t row_bytes(const gr_value *v)
{
    return (size_t)gr_shape_span(&v->shape, 1, v->shape.rank) * sizeof(float);
}

uint64_t gr_features_bytes(const gr_feature *cut, int count)
{
    uint64_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += row_bytes(cut[i].value);
    return bytes;
}

static graft_status out_of_memory(graft_log *log)
{
    return gr_fail(log, GRAFT_ERR_MEMORY, "features: out of memory");
}

static void add_part(gr_features *f, const gr_feature *cut)
{
    part *p = &f->parts[f->count++];
    *p = (part){.value = cut->value, .input = cut->input, .row_bytes = row_bytes(cut->value)};
}

static graft_status create(gr_features *f, const gr_feature *cut, int count, bool tentative)
{
    gr_value *values[GR_FEATURES_MAX];
    for (int i = 0; i < count; i++) {
        values[i] = cut[i].value;
        add_part(f, &cut[i]);
    }
    gr_plan_params plan = {.store = f->store,
                           .outputs = values,
                           .output_count = count,
                           .bound_outputs = true,
                           .tentative = tentative};
    return gr_plan_create(f->log, &plan, &f->plan);
}

graft_status gr_features_create(graft_log *log, gr_store *store, const gr_feature *cut, int count,
                                uint32_t images, bool tentative, gr_features **out)
{
    gr_features *f = gr_alloc(NULL, sizeof(*f));
    if (!f)
        return out_of_memory(log);
    f->log = log;
    f->store = store;
    f->images = images;
    graft_status status = create(f, cut, count, tentative);
    if (status == GRAFT_OK)
        *out = f;
    else
        gr_features_destroy(f);
    return status;
}

void gr_features_destroy(gr_features *f)
{
    if (!f)
        return;
    for (int i = 0; i < f->count; i++) {
        free(f->parts[i].rows);
        free(f->parts[i].staged);
    }
    gr_plan_destroy(f->plan);
    gr_free(f);
}

gr_plan *gr_features_plan(gr_features *f)
{
    return f->plan;
}

/* Rows that a partial batch leaves unwritten must hold finite numbers: zeros, at first. */
static graft_status prepare_part(gr_features *f, part *p)
{
    p->rows = calloc(f->images, p->row_bytes);
    p->staged = calloc((size_t)p->value->shape.dim[0], p->row_bytes);
    if (!p->rows || !p->staged)
        return out_of_memory(f->log);
    GR_TRY(gr_store_value(f->store, p->input, &p->region));
    GR_TRY(gr_plan_bind(f->plan, p->value, p->region));
    return gr_store_write(f->store, &p->region, p->staged);
}

graft_status gr_features_prepare(gr_features *f)
{
    if (!(f->kept = gr_alloc_array(f, f->images, sizeof(*f->kept))))
        return out_of_memory(f->log);
    for (int i = 0; i < f->count; i++)
        GR_TRY(prepare_part(f, &f->parts[i]));
    return gr_plan_prepare(f->plan);
}

bool gr_features_have(const gr_features *f, const uint32_t *numbers, int count)
{
    if (!f || !numbers)
        return false;
    for (int i = 0; i < count; i++)
        if (numbers[i] >= f->images || !f->kept[numbers[i]])
            return false;
    return true;
}

static bool is_kept(const gr_features *f, uint32_t number)
{
    return number < f->images && f->kept[number];
}

/* Of rows that were computed for all images: those that are new are kept, the others put in their
 * place, since their images may be missing. */
static graft_status exchange(gr_features *f, part *p, const uint32_t *numbers, int count,
                             bool computed)
{
    gr_device *device = gr_store_device(f->store);
    uint64_t bytes = (uint64_t)count * p->row_bytes;
    bool replaced = false;
    if (computed)
        GR_TRY(gr_device_buffer_read(device, p->region.buffer, p->region.offset, p->staged, bytes));
    for (int i = 0; i < count; i++) {
        char *row = p->staged + (size_t)i * p->row_bytes;
        char *kept = numbers[i] < f->images ? p->rows + (size_t)numbers[i] * p->row_bytes : NULL;
        if (is_kept(f, numbers[i]))
            memcpy(row, kept, p->row_bytes), replaced = true;
        else if (kept)
            memcpy(kept, row, p->row_bytes);
    }
    return replaced ? gr_device_buffer_write(device, p->region.buffer, p->region.offset, p->staged,
                                             bytes)
                    : GRAFT_OK;
}

graft_status gr_features_supply(gr_features *f, const uint32_t *numbers, int count)
{
    if (!f)
        return GRAFT_OK;
    bool computed = !gr_features_have(f, numbers, count);
    if (computed)
        GR_TRY(gr_plan_run(f->plan));
    for (int i = 0; i < f->count && numbers; i++)
        GR_TRY(exchange(f, &f->parts[i], numbers, count, computed));
    for (int i = 0; i < count && numbers; i++)
        if (numbers[i] < f->images)
            f->kept[numbers[i]] = true;
    return GRAFT_OK;
}
