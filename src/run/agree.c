/* What the ranks of a run must have in common: each tells the others, and each finds the same
 * difference. */
#include "run/run.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/ranks.h"

#include <graft/version.h>

#include <stdlib.h>
#include <string.h>

/* May differ: where things are on a host, and what changes no result. */
static bool is_own_affair(const char *key)
{
    static const char *const keys[] = {"device",        "data",        "backbone",
                                       "out",           "threads",     "memory-budget",
                                       "keep-features", "tensorboard", "profile"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

/* {"version": .., "settings": {..}, "origin": {..}}; the caller frees it. NULL: out of memory. */
static char *describe(const gr_run *r)
{
    json_t *settings = json_loads(r->config, 0, NULL), *origin = json_loads(r->provenance, 0, NULL);
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(settings, next, key, value) if (is_own_affair(key))
        json_object_del(settings, key);
    json_t *all = json_pack("{s:s,s:o,s:o}", "version", graft_version_text(), "settings", settings,
                            "origin", origin);
    char *text = all ? gr_json_text(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(all);
    return text;
}

/* A key whose values differ; NULL: none. */
static const char *differing_key(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)a, key,
                        value) if (!json_equal(value, json_object_get(b, key))) return key;
    json_object_foreach((json_t *)b, key, value) if (!json_object_get(a, key)) return key;
    return NULL;
}

/* A value in a message. */
static const char *value_text(const json_t *value, char text[80])
{
    char *dumped = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(text, 80, "%s", dumped ? dumped : "not set");
    free(dumped);
    return text;
}

static graft_status refuse_setting(graft_log *log, int rank, const char *key, const json_t *theirs,
                                   const json_t *first)
{
    char a[80], b[80];
    return gr_fail(log, GRAFT_ERR_ARGUMENT,
                   "rank %d: %s is %s, but %s on rank 0; start all ranks with the same settings",
                   rank, key, value_text(json_object_get(theirs, key), a),
                   value_text(json_object_get(first, key), b));
}

static graft_status compare(graft_log *log, int rank, const json_t *theirs, const json_t *first)
{
    const char *version = json_string_value(json_object_get(theirs, "version"));
    const char *wanted = json_string_value(json_object_get(first, "version"));
    const json_t *settings = json_object_get(theirs, "settings");
    const json_t *origin = json_object_get(theirs, "origin");
    if (!version || !wanted || strcmp(version, wanted) != 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "rank %d: runs graft %s, but rank 0 %s; install one version everywhere",
                       rank, version ? version : "of another kind",
                       wanted ? wanted : "another kind");
    const char *key = differing_key(settings, json_object_get(first, "settings"));
    if (key)
        return refuse_setting(log, rank, key, settings, json_object_get(first, "settings"));
    key = differing_key(origin, json_object_get(first, "origin"));
    return key ? gr_fail(log, GRAFT_ERR_ARGUMENT,
                         "rank %d: has another %s than rank 0, by content; give all ranks the same "
                         "files",
                         rank,
                         strcmp(key, "train") == 0  ? "set of training images"
                         : strcmp(key, "test") == 0 ? "set of test images"
                                                    : key)
               : GRAFT_OK;
}

static graft_status compare_all(graft_log *log, char *const *texts, int count)
{
    json_t *first = json_loads(texts[0], 0, NULL);
    graft_status status = GRAFT_OK;
    for (int i = 1; i < count && status == GRAFT_OK; i++) {
        json_t *theirs = json_loads(texts[i], 0, NULL);
        status = compare(log, i, theirs, first);
        json_decref(theirs);
    }
    json_decref(first);
    return status;
}

graft_status gr_run_agree_on_start(gr_run *r)
{
    char **texts;
    if (r->ranks < 2)
        return GRAFT_OK;
    char *own = describe(r);
    void *memory = gr_alloc(NULL, 1);
    graft_status status = gr_ranks_agree(
        r->log, r->p->ranks,
        own && memory ? GRAFT_OK : gr_fail(r->log, GRAFT_ERR_MEMORY, "ranks: out of memory"));
    if (status == GRAFT_OK)
        status = gr_ranks_texts(r->log, r->p->ranks, memory, own, &texts);
    if (status == GRAFT_OK)
        status = compare_all(r->log, texts, r->ranks);
    free(own);
    gr_free(memory);
    return status;
}

graft_status gr_run_agree_on_position(gr_run *r)
{
    uint64_t own[2] = {r->at.step, (uint64_t)r->at.epochs_ended};
    if (r->ranks < 2)
        return GRAFT_OK;
    uint64_t *all = gr_alloc_array(NULL, (size_t)r->ranks, sizeof(own));
    if (!all)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "ranks: out of memory");
    graft_status status = gr_ranks_gather(r->log, r->p->ranks, own, sizeof(own), all);
    for (int i = 1; i < r->ranks && status == GRAFT_OK; i++)
        if (all[2 * i] != all[0] || all[2 * i + 1] != all[1])
            status = gr_fail(r->log, GRAFT_ERR_ARGUMENT,
                             "rank %d: reads a checkpoint of step %llu, rank 0 one of step %llu; "
                             "`out` must be one folder that all ranks see",
                             i, (unsigned long long)all[2 * i], (unsigned long long)all[0]);
    gr_free(all);
    return status;
}
