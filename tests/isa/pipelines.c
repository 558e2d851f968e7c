/* What drivers' compilers are given, and what they make of it; for tools/check-isa.
 *
 *     pipelines opencl FOLDER     writes each pipeline's OpenCL C to FOLDER
 *     pipelines vulkan FOLDER     compiles each with the first Vulkan device; listings to FOLDER
 *
 * Prints one line of JSON per pipeline. The device needs no hardware behind it: nothing is run. */
#include "isa_vulkan.h"

#include "backends/dump.h"
#include "base/file.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SPECS = 1024 };

static json_t *describe(const isa_spec *s)
{
    char text[GR_SPEC_TEXT];
    json_t *tunables = json_object();
    for (uint32_t i = 0; i < s->pipeline.kernel->tunable_count; i++)
        json_object_set_new(tunables, s->pipeline.kernel->tunables[i].name,
                            json_integer(s->pipeline.tunables[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:b, s:o}", "name",
                     gr_spec_text(&s->pipeline, text), "kernel", s->pipeline.kernel->name,
                     "operator", s->op, "row", s->row, "classes", (int)s->classes, "bindings",
                     (int)s->pipeline.kernel->binding_count, "vulkan",
                     s->pipeline.kernel->spirv != NULL, "tunables", tunables);
}

static bool write_file(const char *folder, const char *name, const char *extension,
                       const char *text)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s.%s", folder, name, extension);
    return gr_file_write(NULL, path, text, strlen(text)) == GRAFT_OK;
}

/* false: the run is worth nothing. A pipeline that fails to compile says so in its line. */
static bool report(const isa_spec *s, const char *folder, vulkan_compiler *vulkan)
{
    json_t *line = describe(s);
    const char *name = json_string_value(json_object_get(line, "name"));
    bool written = true;
    if (vulkan) {
        char *listing = NULL;
        vulkan_compile(vulkan, &s->pipeline, line, &listing);
        written = !listing || write_file(folder, name, "txt", listing);
        free(listing);
    } else {
        char *source =
            gr_printf(NULL, "%s%s", gr_opencl_dialect, s->pipeline.kernel->opencl_source);
        written = source && write_file(folder, name, "cl", source);
        gr_free(source);
    }
    char *text = json_dumps(line, JSON_COMPACT);
    if (written && text)
        puts(text);
    free(text);
    json_decref(line);
    return written && text;
}

int main(int argc, char **argv)
{
    static isa_spec specs[MAX_SPECS];
    int count = list_specs(specs, MAX_SPECS), failed = 0;
    bool for_vulkan = argc == 3 && strcmp(argv[1], "vulkan") == 0;
    if (argc != 3 || (!for_vulkan && strcmp(argv[1], "opencl") != 0) || count > MAX_SPECS) {
        fprintf(stderr, "usage: pipelines opencl|vulkan FOLDER\n");
        return 2;
    }
    vulkan_compiler *vulkan = NULL;
    if (for_vulkan && !(vulkan = vulkan_compiler_open()))
        return 3;
    for (int i = 0; i < count; i++)
        if (!for_vulkan || specs[i].pipeline.kernel->spirv)
            failed += !report(&specs[i], argv[2], vulkan);
    vulkan_compiler_close(vulkan);
    return failed != 0;
}
