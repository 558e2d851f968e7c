/* The sheet of a device: graft_device_get_fact(). */
#include "device/device.h"
#include "device/verdict.h"
#include "kernels/choose.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void set_number(graft_device_fact *f, uint64_t value)
{
    snprintf(f->value, sizeof(f->value), "%" PRIu64, value);
}

static void set_flag(graft_device_fact *f, bool value)
{
    snprintf(f->value, sizeof(f->value), "%s", value ? "yes" : "no");
}

/* False past the last one. */
static bool get_limit(const gr_caps *caps, int index, graft_device_fact *f)
{
    const struct {
        const char *name;
        uint64_t value;
        bool flag;
    } limits[] = {
        {"memory_bytes", caps->memory_bytes, false},
        {"max_buffer_bytes", caps->max_buffer_bytes, false},
        {"max_binding_bytes", caps->max_binding_bytes, false},
        {"max_workgroup", caps->max_workgroup, false},
        {"max_groups", caps->max_groups[0], false},
        {"shared_bytes", caps->shared_bytes, false},
        {"offset_align", caps->offset_align, false},
        {"vector_bits", caps->vector_bits, false},
        {"vector_registers", caps->vector_registers, false},
        {"mapping", caps->mapping, true},
        {"timestamps", caps->timestamps, true},
        {"gemm_library", caps->gemm_library, true},
        {"fft_library", caps->fft_library, true},
    };
    if (index >= (int)(sizeof(limits) / sizeof(limits[0])))
        return false;
    snprintf(f->name, sizeof(f->name), "%s", limits[index].name);
    if (limits[index].flag)
        set_flag(f, limits[index].value);
    else
        set_number(f, limits[index].value);
    return true;
}

static int limit_count(const gr_caps *caps)
{
    graft_device_fact ignored;
    int count = 0;
    while (get_limit(caps, count, &ignored))
        count++;
    return count;
}

/* The name of kernel `index` of those that have rows; NULL past the last one. */
static const char *kernel_at(int index)
{
    for (int i = 0; i < gr_variant_count; i++)
        if ((i == 0 || strcmp(gr_variants[i].kernel, gr_variants[i - 1].kernel) != 0) &&
            index-- == 0)
            return gr_variants[i].kernel;
    return NULL;
}

static void describe_kernel(const gr_device *device, const char *kernel, graft_device_fact *f)
{
    const gr_problem large = {UINT32_MAX, 1e18};
    const gr_variant *v = gr_variant_next(device, kernel, &large, NULL);
    uint32_t tunables[GR_MAX_TUNABLES];
    snprintf(f->name, sizeof(f->name), "kernel.%s", kernel);
    int used = snprintf(f->value, sizeof(f->value), "%s", v->name);
    if (!v->runs)
        return;
    gr_variant_tunables(device, v, v->runs, tunables);
    for (uint32_t i = 0; i < v->runs->tunable_count && used < (int)sizeof(f->value); i++)
        used += snprintf(f->value + used, sizeof(f->value) - (size_t)used, "%s%s %u",
                         i ? ", " : ": ", v->runs->tunables[i].name, tunables[i]);
}

/* What src/selftest found, now or before. */
static void describe_test(const gr_device *device, graft_device_fact *f)
{
    const gr_tested *t = gr_device_tested(device);
    char banned[sizeof(f->value) - 16];
    gr_device_banned_text(device, banned, sizeof(banned));
    snprintf(f->name, sizeof(f->name), "self_test");
    if (t->refused[0])
        snprintf(f->value, sizeof(f->value), "failed: %.100s", t->refused);
    else if (banned[0])
        snprintf(f->value, sizeof(f->value), "does without %s", banned);
    else
        snprintf(f->value, sizeof(f->value), "%s",
                 t->disabled ? "disabled"
                 : t->known  ? "passed"
                             : "not yet");
}

bool graft_device_get_fact(const graft_device *device, int index, graft_device_fact *out)
{
    const gr_device *d = (const gr_device *)device;
    if (!d || index < 0 || !out)
        return false;
    if (get_limit(&d->caps, index, out))
        return true;
    if (index == limit_count(&d->caps)) {
        describe_test(d, out);
        return true;
    }
    const char *kernel = kernel_at(index - limit_count(&d->caps) - 1);
    if (kernel)
        describe_kernel(d, kernel, out);
    return kernel != NULL;
}
