/* A Vulkan device that is asked for nothing but pipelines, and what its compiler tells of them. */
#ifndef ISA_VULKAN_H
#define ISA_VULKAN_H

#include "specs.h"

#include <jansson.h>

typedef struct vulkan_compiler vulkan_compiler;

/* The first device that the loader finds. NULL: none, said on stderr. */
vulkan_compiler *vulkan_compiler_open(void);
void vulkan_compiler_close(vulkan_compiler *vulkan);

/* Adds to `line`: "device", "subgroup" and "statistics" {name: number}, or "error". *listing: what
 * the driver shows of its code, for the caller to free; NULL for nothing. */
void vulkan_compile(vulkan_compiler *vulkan, const gr_pipeline_spec *spec, json_t *line,
                    char **listing);

#endif
