#include "run/data.h"

#include "adapter/input.h"
#include "base/mem.h"
#include "data/check.h"

static graft_status open_split(graft_log *log, const graft_train_params *p,
                               const gr_dataset_params *split, gr_dataset **out)
{
    GR_TRY(gr_dataset_open(log, p->data, split, out));
    return gr_dataset_check(log, out, p->input.bad_images, p->input.threads);
}

/* Names beyond those of the training images are the test's alone: nothing is called by them. */
static graft_status name_classes(graft_log *log, gr_run_data *d)
{
    if (!gr_dataset_class_name(d->train, 0))
        return GRAFT_OK;
    d->names = gr_alloc_array(NULL, (size_t)d->classes, sizeof(*d->names));
    if (!d->names)
        return gr_fail(log, GRAFT_ERR_MEMORY, "run: out of memory");
    for (int i = 0; i < gr_dataset_classes(d->train); i++)
        d->names[i] = gr_dataset_class_name(d->train, i);
    return GRAFT_OK;
}

graft_status gr_run_data_open(graft_log *log, const graft_train_params *p, gr_run_data *d)
{
    gr_decode_options decode = gr_input_decoding(&p->input);
    gr_dataset_params train = {
        .split = p->train_split, .shots = p->shots, .seed = p->seed, .decode = decode};
    gr_dataset_params test = {.split = p->test_split, .decode = decode};
    *d = (gr_run_data){0};
    GR_TRY(open_split(log, p, &train, &d->train));
    if (p->test_split && *p->test_split)
        GR_TRY(open_split(log, p, &test, &d->test));
    gr_dataset_report(log, p->data, d->train, d->test);
    d->classes = gr_dataset_classes(d->train);
    if (d->test && gr_dataset_classes(d->test) > d->classes)
        d->classes = gr_dataset_classes(d->test);
    return name_classes(log, d);
}

void gr_run_data_close(gr_run_data *d)
{
    gr_dataset_close(&d->train);
    gr_dataset_close(&d->test);
    gr_free(d->names);
    *d = (gr_run_data){0};
}
