/* GRAFT_LIMITS and GRAFT_DISABLE: a device made to look smaller than it is, so that a desktop runs
 * what a phone would be given. GRAFT_ENABLE: what would not be tried by itself. GRAFT_KERNELS: rows
 * of src/kernels that are taken before all others. */
#include "device/state.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct profile {
    const char *name;
    gr_caps most; /* 0: not limited; offset_align: the least */
} profile;

static const profile profiles[] = {
    /* Vulkan 1.1, table "Required Limits", and maintenance3 for the size of an allocation. */
    {"vulkan11-min",
     {.max_workgroup = 128,
      .max_groups = {65535, 65535, 65535},
      .shared_bytes = 16 << 10,
      .max_binding_bytes = 128 << 20,
      .max_buffer_bytes = 1 << 30,
      .offset_align = 256}},
    /* OpenCL 1.2, section 4.2, full profile. It promises work-groups of 1 only, which no GPU
     * means: 64 stands for the smallest ones that are met. */
    {"opencl12-min",
     {.max_workgroup = 64,
      .max_groups = {65535, 65535, 65535},
      .shared_bytes = 32 << 10,
      .max_binding_bytes = 128 << 20,
      .max_buffer_bytes = 128 << 20,
      .offset_align = 128}},
    /* A Mali of the middle class (G52, G57) through Vulkan. */
    {"mali-mid",
     {.device_class = GR_CLASS_PHONE,
      .max_workgroup = 256,
      .max_groups = {65535, 65535, 65535},
      .shared_bytes = 32 << 10,
      .max_binding_bytes = 128 << 20,
      .max_buffer_bytes = 256 << 20,
      .memory_bytes = (uint64_t)2 << 30,
      .offset_align = 256}},
};

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))
#define CLAMP(field)                                                                               \
    do {                                                                                           \
        if (most->field && (caps->field == 0 || caps->field > most->field))                        \
            caps->field = most->field;                                                             \
    } while (0)

static void clamp(gr_caps *caps, const gr_caps *most)
{
    CLAMP(max_workgroup);
    CLAMP(max_groups[0]);
    CLAMP(max_groups[1]);
    CLAMP(max_groups[2]);
    CLAMP(shared_bytes);
    CLAMP(max_binding_bytes);
    CLAMP(max_buffer_bytes);
    CLAMP(memory_bytes);
    if (caps->offset_align < most->offset_align)
        caps->offset_align = most->offset_align;
    caps->vector_bits = caps->vector_registers = 0;
    caps->device_class = most->device_class;
    /* Libraries go by the limits of the real device. */
    caps->gemm_library = caps->fft_library = false;
}

static graft_status apply_profile(gr_device *device, const char *name)
{
    for (int i = 0; i < COUNT(profiles); i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            clamp(&device->caps, &profiles[i].most);
            return GRAFT_OK;
        }
    }
    return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                   "GRAFT_LIMITS=%s: no such profile; expected vulkan11-min, opencl12-min or "
                   "mali-mid",
                   name);
}

/* False when the name is not that of a library. */
static bool set_library(gr_device *device, const char *name, bool on)
{
    bool both = strcmp(name, "libraries") == 0;
    bool gemm = both || strcmp(name, "clblast") == 0, fft = both || strcmp(name, "vkfft") == 0;
    if (gemm)
        device->caps.gemm_library = on;
    if (fft)
        device->caps.fft_library = on;
    return gemm || fft;
}

/* Vectors as CPUs with registers of so many bits have them. Kernels for them have no Vulkan form.
 */
static void set_vectors(gr_device *device, uint32_t bits)
{
    if (strcmp(device->backend->name, "opencl") != 0)
        return;
    device->caps.vector_bits = bits;
    device->caps.vector_registers = bits >= 512 ? 32 : 16;
}

static graft_status enable(gr_device *device, const char *name)
{
    if (set_library(device, name, true))
        return GRAFT_OK;
    for (uint32_t bits = 128; bits <= 512; bits *= 2) {
        char vectors[16];
        snprintf(vectors, sizeof(vectors), "vectors%u", bits);
        if (strcmp(name, vectors) == 0) {
            set_vectors(device, bits);
            return GRAFT_OK;
        }
    }
    return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                   "GRAFT_ENABLE: %s: no such capability; expected vectors128, vectors256, "
                   "vectors512, clblast, vkfft or libraries",
                   name);
}

static graft_status disable(gr_device *device, const char *name)
{
    gr_caps *caps = &device->caps;
    if (strcmp(name, "wide_vectors") == 0)
        caps->vector_bits = caps->vector_registers = 0;
    else if (strcmp(name, "mapping") == 0)
        caps->mapping = false;
    else if (strcmp(name, "timestamps") == 0)
        caps->timestamps = false;
    else if (strcmp(name, "selftest") == 0)
        device->state->tested.disabled = true;
    else if (strcmp(name, "canary") == 0)
        device->state->no_canaries = true;
    else if (!set_library(device, name, false))
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "GRAFT_DISABLE: %s: no such capability; expected wide_vectors, "
                       "mapping, timestamps, selftest, canary, clblast, vkfft or libraries",
                       name);
    return GRAFT_OK;
}

/* Applies `set` to each name of the comma-separated list in an environment variable. */
static graft_status for_each_name(gr_device *device, const char *variable,
                                  graft_status (*set)(gr_device *device, const char *name))
{
    const char *names = getenv(variable);
    if (!names)
        return GRAFT_OK;
    char *copy = gr_strdup(NULL, names), *rest = NULL;
    if (!copy)
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "%s: no memory", variable);
    graft_status status = GRAFT_OK;
    for (char *name = strtok_r(copy, ",", &rest); name && status == GRAFT_OK;
         name = strtok_r(NULL, ",", &rest))
        status = set(device, name);
    gr_free(copy);
    return status;
}

graft_status gr_device_apply_limits(gr_device *device)
{
    const char *limits = getenv("GRAFT_LIMITS");
    if (limits && limits[0])
        GR_TRY(apply_profile(device, limits));
    GR_TRY(for_each_name(device, "GRAFT_ENABLE", enable));
    GR_TRY(for_each_name(device, "GRAFT_DISABLE", disable));
    /* The reference has the portable kernels only, and is what forced ones are compared with. */
    const char *rows = getenv("GRAFT_KERNELS");
    if (rows && strcmp(device->backend->name, "reference") != 0)
        GR_TRY(gr_variants_force(device, "GRAFT_KERNELS", rows, device->state->forced));
    device->forced = device->state->forced;
    return GRAFT_OK;
}
