#include "train/metrics.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct gr_metrics {
    graft_log *log;
    char *path;
    FILE *file;
};

graft_status gr_metrics_open(graft_log *log, const char *path, uint64_t keep_bytes,
                             gr_metrics **out)
{
    gr_metrics *m = gr_alloc(NULL, sizeof(*m));
    if (!m || !(m->path = gr_strdup(m, path))) {
        gr_free(m);
        return gr_fail(log, GRAFT_ERR_MEMORY, "metrics: out of memory");
    }
    m->log = log;
    m->file = fopen(path, keep_bytes ? "r+" : "w");
    if (!m->file || ftruncate(fileno(m->file), (off_t)keep_bytes) != 0 ||
        fseek(m->file, 0, SEEK_END) != 0) {
        graft_status status = gr_fail_errno(log, path, "cannot write");
        gr_metrics_close(&m);
        return status;
    }
    *out = m;
    return GRAFT_OK;
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
    fprintf(m->file, "{\"epoch\": %d, \"split\": \"%s\", \"accuracy\": %.6g, \"loss\": %.9g}\n",
            epoch, split, accuracy, loss);
    return flush(m);
}

uint64_t gr_metrics_bytes(const gr_metrics *m)
{
    long at = ftell(m->file);
    return at > 0 ? (uint64_t)at : 0;
}
