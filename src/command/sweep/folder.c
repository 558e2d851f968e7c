#include "command/sweep/folder.h"

#include "command/train/train_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

graft_status sweep_make_folder(cli *c, const char *folder)
{
    char path[4096];
    struct stat info;
    if (snprintf(path, sizeof(path), "%s", folder) >= (int)sizeof(path))
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: the path is too long", folder);
    for (char *at = path + 1;; at++) {
        char end = *at;
        if (end != '/' && end != '\0')
            continue;
        *at = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return cli_fail(c, GRAFT_ERR_IO, "%s: %s", path, strerror(errno));
        if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
            return cli_fail(c, GRAFT_ERR_IO, "%s: is a file, not a folder", path);
        if (end == '\0')
            return GRAFT_OK;
        *at = end;
    }
}

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

static bool is_in(const char *const *keys, const char *key)
{
    for (; *keys; keys++)
        if (strcmp(*keys, key) == 0)
            return true;
    return false;
}

/* A key that determines the result and differs; NULL: there is none. A path may: what it leads to
 * counts. */
static const char *differing_key(const json_t *a, const json_t *b, bool *moved)
{
    static const char *const free_keys[] = {"threads", "memory-budget", "checkpoint-every", NULL};
    static const char *const paths[] = {"backbone", "data", NULL};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)a, key, value)
    {
        if (is_in(free_keys, key) || json_equal(value, json_object_get(b, key)))
            continue;
        if (!is_in(paths, key) || !json_object_get(b, key))
            return key;
        *moved = true;
    }
    return NULL;
}

graft_status sweep_run_check(cli *c, const sweep_plan *plan, const sweep_run *run)
{
    char title[160];
    bool moved = false;
    json_t *old = load(run, "settings.json");
    graft_status status = GRAFT_OK;
    const char *key = old ? differing_key(old, run->settings, &moved) : NULL;
    if (old && !key)
        key = differing_key(run->settings, old, &moved);
    if (moved && !key)
        status = cli_train_check_resume(c, sweep_run_title(run, title), run->settings, run->folder,
                                        plan->accept_changes);
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
        const char *name = sweep_target_text(target, "name");
        char file[160];
        snprintf(file, sizeof(file), "evaluate-%.120s.json", name);
        json_t *found = run->candidate ? NULL : load(run, file);
        complete &= run->candidate || found != NULL || sweep_target_missing(target);
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

double sweep_run_rate(const sweep_run *run)
{
    const json_t *told = json_object_get(run->settings, "lr");
    if (told || !run->folder)
        return json_number_value(told);
    json_t *config = load(run, "config.json");
    double rate = json_number_value(json_object_get(config, "lr"));
    json_decref(config);
    return rate;
}
