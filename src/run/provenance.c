#include "run/provenance.h"

#include "base/hash.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: out of memory. */
static json_t *classes_json(const gr_dataset *data)
{
    int count = gr_dataset_classes(data);
    if (!gr_dataset_class_name(data, 0))
        return json_integer(count);
    json_t *names = json_array();
    for (int i = 0; names && i < count; i++) {
        const char *name = gr_dataset_class_name(data, i);
        if (json_array_append_new(names, json_string(name ? name : "")) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

static json_t *images_json(const gr_dataset *data)
{
    uint64_t hash = 0;
    char text[20];
    for (size_t i = 0; i < gr_dataset_count(data); i++) {
        int32_t label = gr_dataset_label(data, i);
        hash = gr_hash(gr_hash_text(hash, gr_dataset_name(data, i)), &label, sizeof(label));
    }
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
    return json_pack("{s:I,s:s}", "images", (json_int_t)gr_dataset_count(data), "files", text);
}

/* Takes `value`. */
static bool set(json_t *object, const char *key, json_t *value)
{
    return value && json_object_set_new(object, key, value) == 0;
}

graft_status gr_provenance_describe(graft_log *log, const gr_run_origin *o, char **text)
{
    json_t *json = json_object();
    bool complete = json && set(json, "classes", classes_json(o->train)) &&
                    set(json, "train", images_json(o->train)) &&
                    (!o->test || set(json, "test", images_json(o->test))) &&
                    (!o->backbone || set(json, "backbone", json_string(o->backbone))) &&
                    (!o->input || set(json, "input", gr_input_json(o->input)));
    *text = complete ? gr_json_text(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(json);
    return *text ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "provenance: out of memory");
}

/* "3 classes (a, b, c)", cut to fit. */
static const char *classes_text(const json_t *classes, char text[200])
{
    size_t count = json_array_size(classes), used;
    if (!json_is_array(classes)) {
        snprintf(text, 200, "%lld classes", (long long)json_integer_value(classes));
        return text;
    }
    used = (size_t)snprintf(text, 200, "%zu classes (", count);
    for (size_t i = 0; i < count && used < 150; i++)
        used += (size_t)snprintf(text + used, 200 - used, "%s%.30s", i ? ", " : "",
                                 json_string_value(json_array_get(classes, i)));
    snprintf(text + used, 200 - used, "%s)", used >= 150 ? ", .." : "");
    return text;
}

typedef struct comparison {
    graft_log *log;
    const char *path;
    const json_t *found, *now;
    bool accept;
} comparison;

static graft_status check_classes(const comparison *c)
{
    char before[200], after[200];
    const json_t *found = json_object_get(c->found, "classes");
    const json_t *now = json_object_get(c->now, "classes");
    if (json_equal(found, now))
        return GRAFT_OK;
    return gr_fail(
        c->log, GRAFT_ERR_ARGUMENT,
        "%s: was made with %s, the data has %s now; put the names back, or start another "
        "run with `init_adapter`, where rows of the head go by names",
        c->path, classes_text(found, before), classes_text(now, after));
}

static graft_status differ(const comparison *c, const char *what)
{
    if (!c->accept)
        return gr_fail(c->log, GRAFT_ERR_ARGUMENT,
                       "%s: %s; put it back, start another run, or set `accept_changes`: the run "
                       "then goes on, but is none that could be repeated",
                       c->path, what);
    gr_log(c->log, GRAFT_LOG_WARN, "%s: %s", c->path, what);
    return GRAFT_OK;
}

static graft_status check_backbone(const comparison *c)
{
    char line[160];
    const char *found = json_string_value(json_object_get(c->found, "backbone"));
    const char *now = json_string_value(json_object_get(c->now, "backbone"));
    if ((!found && !now) || (found && now && strcmp(found, now) == 0))
        return GRAFT_OK;
    snprintf(line, sizeof(line), "was made with another backbone (%s, now %s)",
             found ? found : "none", now ? now : "none");
    return differ(c, line);
}

/* What the backbone's files say of it may have changed. */
static graft_status check_input(const comparison *c)
{
    const json_t *found = json_object_get(c->found, "input");
    const json_t *now = json_object_get(c->now, "input");
    if (!found || !now || json_equal(found, now))
        return GRAFT_OK;
    return differ(c, "images become input in another way than before, by what stands beside the "
                     "backbone");
}

static graft_status check_images(const comparison *c, const char *split)
{
    char line[160];
    const json_t *found = json_object_get(c->found, split), *now = json_object_get(c->now, split);
    if ((!found && !now) || json_equal(found, now)) /* which of nothing and nothing says no */
        return GRAFT_OK;
    long long before = json_integer_value(json_object_get(found, "images"));
    long long after = json_integer_value(json_object_get(now, "images"));
    if (before == after)
        snprintf(line, sizeof(line), "was made with other %s images than the %lld of the data now",
                 split, after);
    else
        snprintf(line, sizeof(line), "was made with %lld %s images, the data has %lld now", before,
                 split, after);
    return differ(c, line);
}

static graft_status compare(const comparison *c)
{
    GR_TRY(check_classes(c));
    GR_TRY(check_backbone(c));
    GR_TRY(check_input(c));
    GR_TRY(check_images(c, "train"));
    return check_images(c, "test");
}

graft_status gr_provenance_check(graft_log *log, const char *path, const char *found,
                                 const char *now, bool accept)
{
    json_t *before = NULL, *after = NULL;
    if (!found)
        return GRAFT_OK;
    graft_status status = gr_json_parse(log, path, found, strlen(found), &before);
    if (status == GRAFT_OK)
        status = gr_json_parse(log, path, now, strlen(now), &after);
    if (status == GRAFT_OK)
        status = compare(&(comparison){log, path, before, after, accept});
    json_decref(before);
    json_decref(after);
    return status;
}
