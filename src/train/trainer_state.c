#include "train/trainer_state.h"

#include "train/checkpoint.h"
#include "train/settings.h"
#include "weights/safetensors.h"

#include <stdio.h>
#include <string.h>

static graft_status describe(graft_log *log, gr_tensors *file, const gr_trainer_state *s,
                             const char *identity)
{
    char text[80];
    snprintf(text, sizeof(text), "%llu %.17g", (unsigned long long)s->step, s->lr);
    GR_TRY(gr_tensors_set_metadata(log, file, "graft.format", "trainer-1"));
    GR_TRY(gr_tensors_set_metadata(log, file, "graft.state", text));
    return gr_tensors_set_metadata(log, file, "graft.identity", identity);
}

graft_status gr_trainer_state_write(graft_log *log, const graft_writer *writer,
                                    const gr_params *params, const gr_trainer_state *state,
                                    const char *identity)
{
    gr_tensors *file = gr_tensors_create();
    if (!file)
        return gr_fail(log, GRAFT_ERR_MEMORY, "state: out of memory");
    graft_status status = describe(log, file, state, identity);
    if (status == GRAFT_OK)
        status = gr_planes_write(log, "state", writer, params, file);
    gr_tensors_destroy(&file);
    return status;
}

static graft_status read_description(graft_log *log, const gr_tensors *file, const char *identity,
                                     gr_trainer_state *s)
{
    const char *format = gr_tensors_metadata(file, "graft.format");
    const char *state = gr_tensors_metadata(file, "graft.state");
    const char *found = gr_tensors_metadata(file, "graft.identity");
    unsigned long long step;
    if (!format || strcmp(format, "trainer-1") != 0 || !state || !found ||
        sscanf(state, "%llu %lf", &step, &s->lr) != 2)
        return gr_fail(log, GRAFT_ERR_FORMAT, "state: not that of a trainer of this version");
    if (!gr_train_settings_same_identity(found, identity))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "state: was saved by a trainer with other `settings`; give it those");
    s->step = step;
    return GRAFT_OK;
}

graft_status gr_trainer_state_read(graft_log *log, const void *bytes, size_t size_bytes,
                                   const gr_params *params, const char *identity,
                                   gr_trainer_state *state)
{
    gr_tensors *file = gr_tensors_create();
    if (!file)
        return gr_fail(log, GRAFT_ERR_MEMORY, "state: out of memory");
    graft_status status = gr_safetensors_parse(log, "state", bytes, size_bytes, file);
    if (status == GRAFT_OK)
        status = read_description(log, file, identity, state);
    if (status == GRAFT_OK)
        status = gr_planes_load(log, "state", file, params);
    gr_tensors_destroy(&file);
    return status;
}
