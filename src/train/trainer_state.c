#include "train/trainer_state.h"

#include "base/mem.h"
#include "train/checkpoint.h"
#include "train/settings.h"

#include <stdio.h>
#include <string.h>

/* The format of what a run of 0.1.0 left: it lacks the state, whose step its position begins with.
 */
static const char FORMAT[] = "checkpoint-1", POSITION[] = "graft.position";

static graft_status describe(graft_log *log, gr_tensors *file, const gr_trainer_state *s,
                             const char *identity, gr_notes notes)
{
    char text[80];
    snprintf(text, sizeof(text), "%llu %.17g", (unsigned long long)s->step, s->lr);
    GR_TRY(gr_tensors_set_metadata(log, file, "graft.format", FORMAT));
    for (int i = 0; i < notes.count; i++)
        GR_TRY(gr_tensors_set_metadata(log, file, notes.items[i].key, notes.items[i].value));
    GR_TRY(gr_tensors_set_metadata(log, file, "graft.identity", identity));
    return gr_tensors_set_metadata(log, file, "graft.state", text);
}

graft_status gr_trainer_state_write(graft_log *log, const char *path, const graft_writer *writer,
                                    const gr_params *params, const gr_trainer_state *state,
                                    const char *identity, gr_notes notes)
{
    gr_tensors *file = gr_tensors_create();
    if (!file)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    graft_status status = describe(log, file, state, identity, notes);
    if (status == GRAFT_OK)
        status = gr_planes_write(log, path, writer, params, file);
    gr_tensors_destroy(&file);
    return status;
}

static bool read_state(const gr_tensors *file, gr_trainer_state *s)
{
    const char *format = gr_tensors_metadata(file, "graft.format");
    const char *state = gr_tensors_metadata(file, "graft.state");
    const char *position = gr_tensors_metadata(file, POSITION);
    unsigned long long step;
    bool known = format && (strcmp(format, FORMAT) == 0 || strcmp(format, "trainer-1") == 0);
    *s = (gr_trainer_state){0};
    if (!known || !(state ? sscanf(state, "%llu %lf", &step, &s->lr) == 2
                          : position && sscanf(position, "%llu", &step) == 1))
        return false;
    s->step = step;
    return true;
}

static graft_status read_description(graft_log *log, const char *name, const gr_tensors *file,
                                     const char *identity, gr_trainer_state *s)
{
    const char *found = gr_tensors_metadata(file, "graft.identity");
    if (!found || !read_state(file, s))
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: not the state of a training of this version",
                       name);
    if (!gr_train_settings_same_identity(found, identity))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: was made with other settings; go on with those, which config.json "
                       "beside a run's checkpoint holds, or begin another run",
                       name);
    return GRAFT_OK;
}

static graft_status check_notes(graft_log *log, const gr_tensors *file, graft_notes_check *check,
                                void *user)
{
    size_t count = gr_tensors_metadata_count(file);
    graft_note *notes = gr_alloc_array(NULL, count + 1, sizeof(*notes));
    if (!notes)
        return gr_fail(log, GRAFT_ERR_MEMORY, "state: out of memory");
    for (size_t i = 0; i < count; i++)
        gr_tensors_metadata_at(file, i, &notes[i].key, &notes[i].value);
    graft_status status = check(user, notes, (int)count);
    gr_free(notes);
    return status;
}

graft_status gr_trainer_state_read(graft_log *log, const char *name, const gr_tensors *file,
                                   const gr_params *params, const char *identity,
                                   graft_notes_check *check, void *user, gr_trainer_state *state)
{
    GR_TRY(read_description(log, name, file, identity, state));
    if (check)
        GR_TRY(check_notes(log, file, check, user));
    return gr_planes_load(log, name, file, params);
}
