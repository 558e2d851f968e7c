#include "kernels/choose.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

static bool fits_problem(const gr_variant *v, const gr_problem *problem)
{
    const gr_problem *least = &v->needs.problem;
    gr_problem unknown = {0};
    if (!problem)
        problem = &unknown;
    return problem->axis >= least->axis && problem->work >= least->work;
}

/* All but the class and the vectors of a CPU. */
static bool has_the_rest(const gr_device *device, const gr_variant *v)
{
    return device->caps.shared_bytes >= v->needs.shared_bytes &&
           device->caps.max_workgroup >= v->needs.workgroup &&
           (!v->needs.gemm_library || device->caps.gemm_library);
}

static bool has_class(const gr_device *device, const gr_variant *v)
{
    return !v->needs.classes || (v->needs.classes >> device->caps.device_class & 1);
}

static bool has_vectors(const gr_device *device, const gr_variant *v)
{
    return device->caps.vector_bits >= v->needs.vector_bits &&
           device->caps.vector_registers >= v->needs.vector_registers;
}

static bool is_banned(const gr_device *device, const gr_variant *v)
{
    for (const gr_variant *const *row = device->banned; row && *row; row++)
        if (*row == v)
            return true;
    return false;
}

static const gr_variant *forced_row(const gr_device *device, const char *kernel)
{
    for (const gr_variant *const *row = device->forced; row && *row; row++)
        if (strcmp((*row)->kernel, kernel) == 0)
            return *row;
    return NULL;
}

const gr_variant *gr_variant_next(const gr_device *device, const char *kernel,
                                  const gr_problem *problem, const gr_variant *after)
{
    const gr_variant *forced = forced_row(device, kernel);
    if (!after && forced && (forced->runs || fits_problem(forced, problem)))
        return forced;
    int i = after && after != forced ? (int)(after - gr_variants) + 1 : 0;
    for (; i < gr_variant_count; i++) {
        const gr_variant *v = &gr_variants[i];
        if (v != forced && strcmp(v->kernel, kernel) == 0 && has_class(device, v) &&
            has_vectors(device, v) && has_the_rest(device, v) && fits_problem(v, problem) &&
            !is_banned(device, v))
            return v;
    }
    return NULL;
}

void gr_variant_tunables(const gr_device *device, const gr_variant *variant,
                         const gr_kernel *kernel, uint32_t *tunables)
{
    for (uint32_t i = 0; i < kernel->tunable_count; i++)
        tunables[i] =
            variant && variant->tunables[i] ? variant->tunables[i] : kernel->tunables[i].value;
    while (tunables[0] > device->caps.max_workgroup)
        tunables[0] /= 2;
}

static bool is(const char *text, const char *begin, size_t length)
{
    return strlen(text) == length && strncmp(text, begin, length) == 0;
}

/* The names of the rows of a kernel, or of the kernels that have rows. */
static void list_names(const char *kernel, size_t length, char *text, size_t size)
{
    text[0] = '\0';
    for (int i = 0; i < gr_variant_count; i++) {
        const gr_variant *v = &gr_variants[i];
        bool first_of_kernel = i == 0 || strcmp(v->kernel, v[-1].kernel) != 0;
        if (kernel ? is(v->kernel, kernel, length) : first_of_kernel)
            snprintf(text + strlen(text), size - strlen(text), "%s%s", text[0] ? ", " : "",
                     kernel ? v->name : v->kernel);
    }
}

const gr_variant *gr_variant_named(const char *item, size_t length)
{
    size_t kernel = 0;
    while (kernel < length && item[kernel] != '=')
        kernel++;
    for (int i = 0; i < gr_variant_count && kernel < length; i++)
        if (is(gr_variants[i].kernel, item, kernel) &&
            is(gr_variants[i].name, item + kernel + 1, length - kernel - 1))
            return &gr_variants[i];
    return NULL;
}

/* Finds the row that `item`, "kernel=row" of `length` characters, names. */
static graft_status find_row(const gr_device *device, const char *variable, const char *item,
                             size_t length, const gr_variant **row)
{
    *row = gr_variant_named(item, length);
    if (*row)
        return GRAFT_OK;
    int kernel = (int)strcspn(item, "=,");
    char names[256];
    list_names(item, (size_t)kernel, names, sizeof(names));
    if (names[0])
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT, "%s: %.*s: no such row; %.*s has %s",
                       variable, (int)length, item, kernel, item, names);
    list_names(NULL, 0, names, sizeof(names));
    return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                   "%s: %.*s: expected kernel=row, where the kernel is one of %s", variable,
                   (int)length, item, names);
}

graft_status gr_variants_force(const gr_device *device, const char *variable, const char *list,
                               const gr_variant **rows)
{
    bool opencl = strcmp(device->backend->name, "opencl") == 0;
    int count = 0;
    for (const char *item = list; *item && count < GR_MAX_FORCED;) {
        size_t length = strcspn(item, ",");
        const gr_variant *row;
        GR_TRY(find_row(device, variable, item, length, &row));
        if (!has_the_rest(device, row) || (row->needs.vector_bits && !opencl))
            return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                           "%s: %.*s: %s cannot run it: it needs %swork-groups of %u, %u bytes of "
                           "shared memory%s",
                           variable, (int)length, item, device->info.id,
                           row->needs.vector_bits ? "OpenCL, " : "", row->needs.workgroup,
                           row->needs.shared_bytes,
                           row->needs.gemm_library ? " and a GEMM library" : "");
        rows[count++] = row;
        item += length + (item[length] == ',');
    }
    rows[count] = NULL;
    return GRAFT_OK;
}
