#include "run/position.h"

#include "base/log.h"
#include "run/provenance.h"

#include <stdio.h>
#include <string.h>

static const char POSITION_KEY[] = "graft.position";

graft_status gr_position_save(graft_trainer *trainer, const char *path, const gr_position *p,
                              const char *provenance)
{
    char text[160];
    snprintf(text, sizeof(text), "%llu %llu %.17g %.17g %d %d", (unsigned long long)p->step,
             (unsigned long long)p->metrics_bytes, p->accuracy, p->best_accuracy, p->best_epoch,
             p->epochs_ended);
    graft_note notes[] = {{POSITION_KEY, text}, {GR_PROVENANCE_KEY, provenance}};
    return graft_trainer_save_checkpoint(trainer, path, notes, 2);
}

typedef struct reading {
    graft_log *log;
    const char *path, *provenance;
    bool accept;
    gr_position *position;
} reading;

static const char *find(const graft_note *notes, int count, const char *key)
{
    for (int i = 0; i < count; i++)
        if (strcmp(notes[i].key, key) == 0)
            return notes[i].value;
    return NULL;
}

static graft_status read_notes(void *user, const graft_note *notes, int count)
{
    const reading *r = user;
    gr_position *p = r->position;
    const char *text = find(notes, count, POSITION_KEY);
    unsigned long long step, bytes;
    if (!text || sscanf(text, "%llu %llu %lf %lf %d %d", &step, &bytes, &p->accuracy,
                        &p->best_accuracy, &p->best_epoch, &p->epochs_ended) != 6)
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: not a checkpoint of a run of this version",
                       r->path);
    p->step = step;
    p->metrics_bytes = bytes;
    return gr_provenance_check(r->log, r->path, find(notes, count, GR_PROVENANCE_KEY),
                               r->provenance, r->accept);
}

graft_status gr_position_load(graft_log *log, graft_trainer *trainer, const char *path,
                              const char *provenance, bool accept, gr_position *position)
{
    reading r = {log, path, provenance, accept, position};
    GR_TRY(graft_trainer_load_checkpoint(trainer, path, read_notes, &r));
    return position->step == graft_trainer_steps(trainer)
               ? GRAFT_OK
               : gr_fail(log, GRAFT_ERR_FORMAT,
                         "%s: is of step %llu, its position of step %llu: it was changed", path,
                         (unsigned long long)graft_trainer_steps(trainer),
                         (unsigned long long)position->step);
}
