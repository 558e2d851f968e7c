#include "run/metrics.h"

#include "base/json.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/system.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct gr_metrics {
    graft_log *log;
    char *path;
    FILE *file;
};

static graft_status open_file(gr_metrics *m, uint64_t keep_bytes)
{
    gr_path_info info;
    m->file = fopen(m->path, keep_bytes ? "r+b" : "wb");
    if (!m->file || !gr_fd_get_info(fileno(m->file), &info))
        return gr_fail_errno(m->log, m->path, "cannot write");
    if (info.size_bytes < keep_bytes)
        return gr_fail(m->log, GRAFT_ERR_FORMAT,
                       "%s: %llu bytes, but the checkpoint was made after %llu; it was changed "
                       "since, choose another `out`",
                       m->path, (unsigned long long)info.size_bytes,
                       (unsigned long long)keep_bytes);
    if (!gr_fd_truncate(fileno(m->file), keep_bytes) || fseek(m->file, 0, SEEK_END) != 0)
        return gr_fail_errno(m->log, m->path, "cannot write");
    return GRAFT_OK;
}

graft_status gr_metrics_open(graft_log *log, const char *path, uint64_t keep_bytes,
                             gr_metrics **out)
{
    gr_metrics *m = gr_alloc(NULL, sizeof(*m));
    if (!m || !(m->path = gr_strdup(m, path))) {
        gr_free(m);
        return gr_fail(log, GRAFT_ERR_MEMORY, "metrics: out of memory");
    }
    m->log = log;
    graft_status status = open_file(m, keep_bytes);
    if (status == GRAFT_OK)
        *out = m;
    else
        gr_metrics_close(&m);
    return status;
}

void gr_metrics_close(gr_metrics **metrics)
{
    if (!metrics || !*metrics)
        return;
    if ((*metrics)->file)
        fclose((*metrics)->file);
    gr_free(*metrics);
    *metrics = NULL;
}

static graft_status flush(gr_metrics *m)
{
    return fflush(m->file) == 0 ? GRAFT_OK : gr_fail_errno(m->log, m->path, "cannot write");
}

graft_status gr_metrics_step(gr_metrics *m, uint64_t step, double epoch, double loss, double lr,
                             double images_per_s)
{
    fprintf(m->file,
            "{\"step\": %llu, \"epoch\": %.6g, \"loss\": %.9g, \"lr\": %.9g, "
            "\"images_per_s\": %.4g}\n",
            (unsigned long long)step, epoch, loss, lr, images_per_s);
    return flush(m);
}

graft_status gr_metrics_evaluation(gr_metrics *m, int epoch, const char *split, double accuracy,
                                   double loss)
{
    json_t *name = json_string(split); /* it is UTF-8: config.json holds it */
    char *quoted = gr_json_text(name, JSON_ENCODE_ANY);
    json_decref(name);
    if (!quoted)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "%s: out of memory", m->path);
    fprintf(m->file, "{\"epoch\": %d, \"split\": %s, \"accuracy\": %.6g, \"loss\": %.9g}\n", epoch,
            quoted, accuracy, loss);
    free(quoted);
    return flush(m);
}

graft_status gr_metrics_sync(gr_metrics *m)
{
    return gr_fd_sync(fileno(m->file)) ? GRAFT_OK : gr_fail_errno(m->log, m->path, "cannot sync");
}

uint64_t gr_metrics_bytes(const gr_metrics *m)
{
    long at = ftell(m->file);
    return at > 0 ? (uint64_t)at : 0;
}
