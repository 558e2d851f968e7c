#include "command/sweep/origin.h"

#include "command/train/train_check.h"

static const json_t *backbone_of(const sweep_run *run)
{
    return json_object_get(run->settings, "backbone");
}

/* Whether a run before it was looked at already. */
static bool is_known(const sweep_plan *p, const sweep_run *run)
{
    for (const sweep_run *r = p->runs; r < run; r++)
        if (r->state == SWEEP_DONE && r->data == run->data &&
            (backbone_of(r) == backbone_of(run) || json_equal(backbone_of(r), backbone_of(run))))
            return true;
    return false;
}

static bool all_done(const sweep_plan *p)
{
    for (int i = 0; i < p->count; i++)
        if (p->runs[i].state != SWEEP_DONE)
            return false;
    return true;
}

graft_status sweep_origins_check(cli *c, const sweep_plan *p)
{
    char title[160];
    if (all_done(p)) /* nothing new comes beside them */
        return GRAFT_OK;
    for (int i = 0; i < p->count; i++) {
        const sweep_run *run = &p->runs[i];
        if (run->state == SWEEP_DONE && !is_known(p, run))
            CLI_TRY(cli_train_check_resume(c, sweep_run_title(run, title), run->settings,
                                           run->folder, p->accept_changes));
    }
    return GRAFT_OK;
}
