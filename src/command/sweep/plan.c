#include "command/sweep/plan.h"

#include "command/sweep/folder.h"
#include "command/sweep/settings.h"
#include "command/train/train_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Listing ----------------------------------------------------------------------------- */

typedef struct place {
    const sweep_item *method, *data;
    json_t *shots;
    int index;
} place;

static void add_run(sweep_plan *p, const place *at, json_t *lr, json_t *seed, bool candidate)
{
    p->runs[p->count++] = (sweep_run){
        .method = at->method,
        .data = at->data,
        .cell = at->index,
        .shots = at->shots,
        .lr = lr,
        .seed = seed,
        .candidate = candidate,
    };
}

static void add_cell(sweep_plan *p, const place *at)
{
    const sweep_spec *s = p->spec;
    size_t rates = json_array_size(s->lr);
    const json_t *lr, *seed;
    size_t i, k;
    if (rates > 1)
        json_array_foreach(s->lr, i, lr) json_array_foreach(s->select_seeds, k, seed)
            add_run(p, at, (json_t *)lr, (json_t *)seed, true);
    json_array_foreach(s->seeds, i, seed)
        add_run(p, at, rates == 1 ? json_array_get(s->lr, 0) : NULL, (json_t *)seed, false);
    p->cells++;
}

static graft_status check_run(cli *c, const sweep_run *run)
{
    char title[160];
    const char *backbone = json_string_value(json_object_get(run->settings, "backbone"));
    if (backbone && access(backbone, F_OK) != 0)
        return cli_fail(c, GRAFT_ERR_NOT_FOUND, "--backbone %s: %s", backbone, strerror(errno));
    return cli_train_check(c, sweep_run_title(run, title), run->settings);
}

/* Rates that are still to be chosen do not matter to it. */
graft_status sweep_plan_check(cli *c, const sweep_plan *p)
{
    graft_status status = GRAFT_OK;
    for (int i = 0; i < p->count && status == GRAFT_OK; i++) {
        sweep_run run = p->runs[i];
        status = sweep_run_settle(c, p->spec, &run);
        if (status == GRAFT_OK)
            status = check_run(c, &run);
        json_decref(run.settings);
    }
    return status;
}

graft_status sweep_plan_create(cli *c, const sweep_spec *s, sweep_plan *p)
{
    size_t shots = json_array_size(s->shots), rates = json_array_size(s->lr);
    size_t each =
        json_array_size(s->seeds) + (rates > 1 ? rates * json_array_size(s->select_seeds) : 0);
    size_t most = (size_t)s->method_count * (size_t)s->data_count * (shots ? shots : 1) * each;
    *p = (sweep_plan){.spec = s, .runs = calloc(most, sizeof(*p->runs))};
    if (!p->runs)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    for (int d = 0; d < s->data_count; d++)
        for (int m = 0; m < s->method_count && !s->data[d].missing; m++)
            for (size_t i = 0; i < (shots ? shots : 1); i++) {
                place at = {&s->methods[m], &s->data[d], json_array_get(s->shots, i), p->cells};
                add_cell(p, &at);
            }
    return GRAFT_OK;
}

void sweep_plan_release(sweep_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        free(p->runs[i].folder);
        json_decref(p->runs[i].settings);
        json_decref(p->runs[i].result);
    }
    free(p->runs);
    *p = (sweep_plan){0};
}

/* ---- Choosing a rate --------------------------------------------------------------------- */

bool sweep_run_ready(const sweep_plan *p, const sweep_run *run)
{
    if (run->state != SWEEP_WAITING)
        return false;
    for (int i = 0; i < p->count && !run->candidate; i++) {
        const sweep_run *r = &p->runs[i];
        if (r->candidate && r->cell == run->cell && r->state < SWEEP_DONE)
            return false;
    }
    return true;
}

/* Mean accuracy of a rate's candidates after their last epoch; negative: none is done. */
static double validation_accuracy(const sweep_plan *p, int cell, const json_t *lr)
{
    double sum = 0.0;
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        const sweep_run *r = &p->runs[i];
        if (!r->candidate || r->cell != cell || r->lr != lr)
            continue;
        const json_t *accuracy = json_object_get(r->result, "accuracy");
        if (!json_is_number(accuracy)) /* one that broke down speaks against its rate */
            return -1.0;
        sum += json_number_value(accuracy);
        count++;
    }
    return count ? sum / count : -1.0;
}

/* The rate with the best validation accuracy, of equal ones the first; NULL: all failed. */
static json_t *chosen_rate(const sweep_plan *p, int cell)
{
    json_t *best = NULL;
    double best_accuracy = -1.0;
    for (size_t i = 0; i < json_array_size(p->spec->lr); i++) {
        json_t *lr = json_array_get(p->spec->lr, i);
        double accuracy = validation_accuracy(p, cell, lr);
        if (accuracy > best_accuracy) {
            best_accuracy = accuracy;
            best = lr;
        }
    }
    return best;
}

static graft_status make_folder(cli *c, const sweep_plan *p, sweep_run *run)
{
    char shots[40] = "", rate[64] = "";
    if (run->shots && json_integer_value(run->shots) > 0)
        snprintf(shots, sizeof(shots), "/shots-%lld", (long long)json_integer_value(run->shots));
    if (json_array_size(p->spec->lr) > 1)
        snprintf(rate, sizeof(rate), "/lr-%g", json_number_value(run->lr));
    if (asprintf(&run->folder, "%s/runs/%s/%s%s%s%s/seed-%lld", p->spec->out, run->data->name,
                 run->method->name, shots, run->candidate ? "/select" : "", rate,
                 (long long)json_integer_value(run->seed)) < 0) {
        run->folder = NULL;
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    }
    return GRAFT_OK;
}

graft_status sweep_run_prepare(cli *c, const sweep_plan *p, sweep_run *run)
{
    bool choose = !run->candidate && json_array_size(p->spec->lr) > 1;
    if (run->folder)
        return GRAFT_OK;
    if (choose && !(run->lr = chosen_rate(p, run->cell))) {
        run->state = SWEEP_FAILED;
        snprintf(run->error, sizeof(run->error), "no learning rate to choose: each one failed");
        return GRAFT_OK;
    }
    CLI_TRY(sweep_run_settle(c, p->spec, run));
    CLI_TRY(make_folder(c, p, run));
    CLI_TRY(sweep_run_check(c, p, run));
    sweep_run_load(run);
    return GRAFT_OK;
}

const char *sweep_run_title(const sweep_run *run, char text[160])
{
    char rate[40] = "", shots[40] = "";
    if (run->candidate)
        snprintf(rate, sizeof(rate), " lr %g", json_number_value(run->lr));
    if (run->shots && json_integer_value(run->shots) > 0)
        snprintf(shots, sizeof(shots), " %lld shots", (long long)json_integer_value(run->shots));
    snprintf(text, 160, "%.40s %.40s%s%s seed %lld", run->data->name, run->method->name, shots,
             rate, (long long)json_integer_value(run->seed));
    return text;
}
