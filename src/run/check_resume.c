/* Whether what a run was made from is still there, without going on with it. */
#include <graft/train.h>

#include "adapter/fingerprint.h"
#include "base/mem.h"
#include "run/data.h"
#include "run/provenance.h"
#include "weights/load.h"

#include <stdlib.h>

/* What the settings stand for now; how images become input is for the trainer to say. */
static graft_status describe_now(graft_log *log, const graft_train_params *p, char **text)
{
    char backbone[GR_FINGERPRINT_TEXT];
    gr_tensors *weights = NULL;
    gr_run_data data = {0};
    gr_run_origin origin = {0};
    if (p->backbone) {
        GR_TRY(gr_backbone_load(log, p->backbone, &weights));
        origin.backbone = gr_backbone_fingerprint(weights, backbone);
        gr_tensors_destroy(&weights);
    }
    graft_status status = gr_run_data_open(log, p, &data);
    origin.train = data.train;
    origin.test = data.test;
    if (status == GRAFT_OK)
        status = gr_provenance_describe(log, &origin, text);
    gr_run_data_close(&data);
    return status;
}

static graft_status compare(graft_log *log, const graft_train_params *p, const char *path)
{
    gr_tensors *file = NULL;
    char *now = NULL;
    GR_TRY(gr_tensors_load(log, path, &file));
    const char *found = gr_tensors_metadata(file, GR_PROVENANCE_KEY);
    graft_status status = found ? describe_now(log, p, &now) : GRAFT_OK;
    if (status == GRAFT_OK)
        status = gr_provenance_check(log, path, found, now, p->accept_changes);
    free(now);
    gr_tensors_destroy(&file);
    return status;
}

graft_status graft_train_check_resume(graft_log *log, const graft_train_params *p)
{
    if (!p->out || !p->data)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`%s`: is required", p->out ? "data" : "out");
    char *path = gr_path_join(NULL, p->out, "checkpoint/state.safetensors");
    if (!path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "run: out of memory");
    graft_status status = gr_file_exists(path) ? compare(log, p, path) : GRAFT_OK;
    gr_free(path);
    return status;
}
