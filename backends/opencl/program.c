#include "backends/opencl/opencl.h"

#include "backends/cache.h"
#include "backends/dump.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static char *build_options(void *parent, const gr_pipeline_spec *spec)
{
    const gr_kernel *kernel = spec->kernel;
    char *options = gr_strdup(parent, "-cl-std=CL1.2 -cl-mad-enable");
    for (uint32_t i = 0; i < kernel->tunable_count && options; i++)
        options =
            gr_printf(parent, "%s -D%s=%uu", options, kernel->tunables[i].name, spec->tunables[i]);
    return options;
}

/* All that a binary depends on. */
static char *cache_key(void *parent, const gr_opencl_device *device, const gr_pipeline_spec *spec,
                       const char *options)
{
    const graft_device_info *info = &device->base.info;
    return gr_printf(parent, "opencl\n%s\n%016llx\n%s\n%s\n%s\n", spec->kernel->name,
                     (unsigned long long)spec->kernel->hash, options, info->name, info->driver);
}

/* The build log is long and differs by driver: its first line with an error says it all. */
static graft_status fail_build(gr_opencl_device *device, const gr_pipeline_spec *spec,
                               cl_program program, cl_int code)
{
    graft_log *log = device->base.log;
    char name[GR_SPEC_TEXT];
    size_t size = 0;
    device->cl.GetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *text = gr_alloc(NULL, size + 1);
    if (text && size)
        device->cl.GetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, size, text, NULL);
    const char *line = text ? strstr(text, "error") : NULL;
    while (line && line > text && line[-1] != '\n')
        line--;
    if (!line)
        line = text ? text + strspn(text, " \r\n") : "";
    int length = (int)strcspn(line, "\r\n");
    gr_log(log, GRAFT_LOG_DEBUG, "build log of %s:\n%s", gr_spec_text(spec, name),
           text ? text : "");
    graft_status status = gr_fail(log, GRAFT_ERR_DEVICE, "%s: cannot build kernel %s: %s%s%.*s",
                                  device->base.info.id, gr_spec_text(spec, name),
                                  gr_opencl_error_name(code), length ? ": " : "", length, line);
    gr_free(text);
    return status;
}

static graft_status build_from_source(gr_opencl_device *device, const gr_pipeline_spec *spec,
                                      const char *options, cl_program *program)
{
    char *text = gr_printf(NULL, "%s%s", gr_opencl_dialect, spec->kernel->opencl_source);
    const char *source = text;
    cl_int code;
    if (!text)
        return gr_fail(device->base.log, GRAFT_ERR_MEMORY, "%s: out of memory", spec->kernel->name);
    gr_dump_kernel(device->base.log, spec, "cl", text, strlen(text));
    *program = device->cl.CreateProgramWithSource(device->context, 1, &source, NULL, &code);
    gr_free(text);
    GR_OPENCL_TRY(device, "cannot create a program", code);
    code = device->cl.BuildProgram(*program, 1, &device->id, options, NULL, NULL);
    if (code == CL_SUCCESS)
        return GRAFT_OK;
    graft_status status = fail_build(device, spec, *program, code);
    device->cl.ReleaseProgram(*program);
    *program = NULL;
    return status;
}

/* False when the driver does not want the binary any more. */
static bool build_from_binary(gr_opencl_device *device, const char *options, const void *data,
                              size_t size, cl_program *program)
{
    const unsigned char *binary = data;
    cl_int loaded, code;
    *program = device->cl.CreateProgramWithBinary(device->context, 1, &device->id, &size, &binary,
                                                  &loaded, &code);
    if (code != CL_SUCCESS)
        return false;
    if (loaded == CL_SUCCESS &&
        device->cl.BuildProgram(*program, 1, &device->id, options, NULL, NULL) == CL_SUCCESS)
        return true;
    device->cl.ReleaseProgram(*program);
    *program = NULL;
    return false;
}

graft_status gr_opencl_program_create(gr_opencl_device *device, const gr_pipeline_spec *spec,
                                      cl_program *program, bool *cached)
{
    graft_log *log = device->base.log;
    char text[GR_SPEC_TEXT];
    char *scratch = gr_alloc(NULL, 1);
    char *options = scratch ? build_options(scratch, spec) : NULL;
    char *key = options ? cache_key(scratch, device, spec, options) : NULL;
    graft_status status = GRAFT_OK;
    void *binary;
    size_t size;
    *cached = false;
    if (!key) {
        status = gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to build kernel %s",
                         device->base.info.id, spec->kernel->name);
    } else {
        if (gr_cache_load(log, scratch, device->base.cache_dir, spec->kernel->name, key, &binary,
                          &size))
            *cached = build_from_binary(device, options, binary, size, program);
        if (!*cached)
            status = build_from_source(device, spec, options, program);
    }
    if (status == GRAFT_OK)
        gr_log(log, GRAFT_LOG_DEBUG, "%s: kernel %s %s", device->base.info.id,
               gr_spec_text(spec, text), *cached ? "loaded from the cache" : "built");
    gr_free(scratch);
    return status;
}

static void *program_binary(gr_opencl_device *device, void *parent, cl_program program,
                            size_t *size)
{
    *size = 0;
    device->cl.GetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(*size), size, NULL);
    unsigned char *binary = *size ? gr_alloc(parent, *size) : NULL;
    if (binary &&
        device->cl.GetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(binary), &binary, NULL))
        return NULL;
    return binary;
}

void gr_opencl_program_save(gr_opencl_device *device, const gr_pipeline_spec *spec,
                            cl_program program)
{
    graft_log *log = device->base.log;
    char *scratch = gr_alloc(NULL, 1);
    char *options = scratch ? build_options(scratch, spec) : NULL;
    char *key = options ? cache_key(scratch, device, spec, options) : NULL;
    size_t size;
    void *binary = key ? program_binary(device, scratch, program, &size) : NULL;
    if (binary && gr_cache_store(NULL, device->base.cache_dir, spec->kernel->name, key, binary,
                                 size) != GRAFT_OK) {
        gr_log(log, GRAFT_LOG_WARN, "%s: cannot write; compiled kernels are not kept",
               device->base.cache_dir);
        device->base.cache_dir[0] = '\0';
    }
    gr_free(scratch);
}
