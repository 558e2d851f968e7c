#include "specs.h"

#include "kernels/choose.h"

#include <string.h>

#include "isa_kernels.h" /* made by the build: the headers, and all_kernels[] */

typedef struct specs {
    isa_spec *at;
    int count, max;
} specs;

static bool is_same(const gr_pipeline_spec *a, const gr_pipeline_spec *b)
{
    return a->kernel == b->kernel && memcmp(a->tunables, b->tunables, sizeof(a->tunables)) == 0;
}

/* A row names the pipeline that it shares with the kernel as it stands. v: NULL for no row. */
static void add(specs *all, gr_pipeline_spec pipeline, const gr_variant *v)
{
    int i = 0;
    while (i < all->count && i < all->max && !is_same(&all->at[i].pipeline, &pipeline))
        i++;
    if (i < all->max && (i == all->count || v))
        all->at[i] =
            (isa_spec){pipeline, v ? v->kernel : "", v ? v->name : "", v ? v->needs.classes : 0};
    all->count += i == all->count;
}

static gr_pipeline_spec defaults(const gr_kernel *kernel)
{
    gr_pipeline_spec pipeline = {.kernel = kernel};
    for (uint32_t i = 0; i < kernel->tunable_count; i++)
        pipeline.tunables[i] = kernel->tunables[i].value;
    return pipeline;
}

/* What a choice may be. */
static uint32_t last_choice(const gr_tunable *tunable)
{
    if (strcmp(tunable->name, "FUNC") == 0 || strcmp(tunable->name, "MODE") == 0)
        return 5;
    if (strcmp(tunable->name, "FORM") == 0)
        return 7;
    return tunable->value <= 1 ? 1 : 0;
}

static void add_choices(specs *all, gr_pipeline_spec base, const gr_variant *v)
{
    const gr_kernel *kernel = base.kernel;
    add(all, base, v);
    for (uint32_t i = 1; i < kernel->tunable_count; i++)
        for (uint32_t value = 0; value <= last_choice(&kernel->tunables[i]); value++) {
            gr_pipeline_spec pipeline = base;
            pipeline.tunables[i] = value;
            if (last_choice(&kernel->tunables[i]))
                add(all, pipeline, v);
        }
}

int list_specs(isa_spec *at, int max)
{
    specs all = {at, 0, max};
    for (size_t i = 0; i < sizeof(all_kernels) / sizeof(all_kernels[0]); i++)
        add_choices(&all, defaults(all_kernels[i]), NULL);
    for (int i = 0; i < gr_variant_count; i++) {
        const gr_variant *v = &gr_variants[i];
        if (!v->runs)
            continue;
        gr_pipeline_spec pipeline = defaults(v->runs);
        for (uint32_t t = 0; t < v->runs->tunable_count; t++)
            if (v->tunables[t])
                pipeline.tunables[t] = v->tunables[t];
        add_choices(&all, pipeline, v);
    }
    return all.count;
}
