#include "sweep/plan.h"

#include "cli/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- Settings ---------------------------------------------------------------------------- */

static void merge(json_t *into, const json_t *from)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)from, key, value)
    {
        json_t *old = json_object_get(into, key);
        if (strcmp(key, "name") == 0 || strcmp(key, "group") == 0 || strcmp(key, "evaluate") == 0)
            continue;
        if (strcmp(key, "set") == 0 && json_is_array(old) && json_is_array(value))
            json_array_extend(old, value);
        else
            json_object_set_new(into, key, json_deep_copy(value));
    }
}

static int recipe_index(const char *name, graft_recipe_info *info)
{
    for (int i = 0; graft_recipe_get_info(i, info); i++)
        if (strcmp(info->name, name) == 0)
            return i;
    return -1;
}

/* A task matters to recipes that know tasks only. */
static void drop_useless_task(json_t *settings)
{
    const json_t *recipe = json_object_get(settings, "recipe");
    graft_recipe_info info;
    int index = json_is_string(recipe) ? recipe_index(json_string_value(recipe), &info) : -1;
    if (!json_is_string(recipe) || (index >= 0 && info.task_count == 0))
        json_object_del(settings, "task");
}

/* Found out before anything runs. */
static graft_status check_options(cli *c, const sweep_run *run, const json_t *settings)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)settings, key, value)
    {
        if (!cli_find_option(&cli_command_train, key, strlen(key), NULL))
            return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s, %s: %s: no such option of graft train",
                            run->data->name, run->method->name, key);
    }
    return GRAFT_OK;
}

static graft_status make_settings(cli *c, const sweep_plan *p, sweep_run *run)
{
    json_t *settings = json_object();
    merge(settings, p->spec->settings);
    merge(settings, run->data->options);
    merge(settings, run->method->options);
    drop_useless_task(settings);
    run->settings = settings;
    CLI_TRY(check_options(c, run, settings));
    json_object_set(settings, "seed", run->seed);
    if (run->lr)
        json_object_set(settings, "lr", run->lr);
    if (run->shots && json_integer_value(run->shots) > 0)
        json_object_set(settings, "shots", run->shots);
    if (!run->candidate)
        return GRAFT_OK;
    const char *train, *test;
    CLI_TRY(sweep_select_splits(c, p->spec, run->data, &train, &test));
    json_object_set_new(settings, "train-split", json_string(train));
    json_object_set_new(settings, "test-split", json_string(test));
    return GRAFT_OK;
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

/* ---- What is there already --------------------------------------------------------------- */

bool sweep_run_path(const sweep_run *run, const char *name, char *text, size_t size)
{
    int length = snprintf(text, size, "%s/%s", run->folder, name);
    return length > 0 && (size_t)length < size;
}

static json_t *load(const sweep_run *run, const char *name)
{
    char path[4096];
    return sweep_run_path(run, name, path, sizeof(path)) ? json_load_file(path, 0, NULL) : NULL;
}

/* A key that determines the result and differs; NULL: there is none. */
static const char *differing_key(const json_t *a, const json_t *b)
{
    static const char *const free_keys[] = {"threads", "memory-budget", "checkpoint-every"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)a, key, value)
    {
        bool free_key = false;
        for (size_t i = 0; i < sizeof(free_keys) / sizeof(free_keys[0]); i++)
            free_key |= strcmp(free_keys[i], key) == 0;
        if (!free_key && !json_equal(value, json_object_get(b, key)))
            return key;
    }
    return NULL;
}

static graft_status check_folder(cli *c, const sweep_run *run)
{
    json_t *old = load(run, "settings.json");
    graft_status status = GRAFT_OK;
    const char *key = old ? differing_key(old, run->settings) : NULL;
    if (old && !key)
        key = differing_key(run->settings, old);
    if (key)
        status = cli_fail(c, GRAFT_ERR_ARGUMENT,
                          "%s: was run with another value of %s; remove that folder, or choose "
                          "another --out",
                          run->folder, key);
    json_decref(old);
    return status;
}

/* Accuracies on the other data sets; false when one is not there yet. */
static bool load_evaluations(const sweep_run *run, json_t *result)
{
    json_t *all = json_object();
    const json_t *target;
    size_t i;
    bool complete = true;
    json_array_foreach(run->data->evaluate, i, target)
    {
        const char *name = json_string_value(json_object_get(target, "name"));
        char file[160];
        snprintf(file, sizeof(file), "evaluate-%s.json", name ? name : "");
        json_t *found = run->candidate ? NULL : load(run, file);
        complete &= run->candidate || found != NULL;
        if (found)
            json_object_set_new(all, name, found);
    }
    json_object_set_new(result, "evaluate", all);
    return complete;
}

/* Of the sittings in which training was stopped. */
static double earlier_seconds(const sweep_run *run)
{
    json_t *earlier = load(run, "earlier.json");
    double seconds = json_number_value(json_object_get(earlier, "seconds"));
    json_decref(earlier);
    return seconds;
}

void sweep_run_add_seconds(const sweep_run *run, double seconds)
{
    char path[4096];
    json_t *earlier = json_pack("{s:f}", "seconds", earlier_seconds(run) + seconds);
    if (sweep_run_path(run, "earlier.json", path, sizeof(path)))
        json_dump_file(earlier, path, 0); /* a lost one makes a run look quicker, no more */
    json_decref(earlier);
}

static void add_earlier_seconds(const sweep_run *run, json_t *result)
{
    double seconds = json_number_value(json_object_get(result, "seconds"));
    json_object_set_new(result, "seconds", json_real(seconds + earlier_seconds(run)));
}

void sweep_run_load(sweep_run *run)
{
    json_t *result = load(run, "result.json");
    if (result && load_evaluations(run, result)) {
        run->state = SWEEP_DONE;
        run->result = result;
        add_earlier_seconds(run, result);
        return;
    }
    json_decref(result);
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
    CLI_TRY(make_settings(c, p, run));
    CLI_TRY(make_folder(c, p, run));
    CLI_TRY(check_folder(c, run));
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
