#include "backends/dump.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

const char *gr_spec_text(const gr_pipeline_spec *spec, char text[GR_SPEC_TEXT])
{
    const gr_kernel *kernel = spec->kernel;
    int used = snprintf(text, GR_SPEC_TEXT, "%s", kernel->name);
    for (uint32_t i = 0; i < kernel->tunable_count && used < GR_SPEC_TEXT; i++)
        used += snprintf(text + used, (size_t)(GR_SPEC_TEXT - used), ".%s=%u",
                         kernel->tunables[i].name, spec->tunables[i]);
    return text;
}

void gr_dump_kernel(graft_log *log, const gr_pipeline_spec *spec, const char *extension,
                    const void *data, size_t size_bytes)
{
    const char *directory = getenv("GRAFT_DUMP_KERNELS");
    if (!directory || !directory[0])
        return;
    char text[GR_SPEC_TEXT];
    char *path = gr_printf(NULL, "%s/%s.%s", directory, gr_spec_text(spec, text), extension);
    if (!path || gr_make_directories(NULL, directory) != GRAFT_OK ||
        gr_file_write(NULL, path, data, size_bytes) != GRAFT_OK)
        gr_log(log, GRAFT_LOG_WARN, "GRAFT_DUMP_KERNELS: cannot write to %s", directory);
    gr_free(path);
}
