/* SSF: a scale and a shift after every linear, every norm and the patch embedding
 * (Lian et al., arXiv 2210.08823). */
#include "peft/compose.h"
#include "peft/trained.h"

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    (void)config, (void)model;
    if (gr_methods_have(methods, "rlrr"))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "ssf: rlrr scales and shifts the norms already; leave one of them out");
    return GRAFT_OK;
}

/* Where the scale and shift of a module's output are named after; NULL: there are none. */
static const char *name_of(gr_point point, const char *module)
{
    if (point == GR_POINT_MLP)
        return NULL;
    return point == GR_POINT_EMBED ? "patch_embed.proj" : module;
}

static gr_value *output(const void *config, gr_build *b, gr_point point, const char *module,
                        gr_value *y)
{
    (void)config;
    const char *name = name_of(point, module);
    return name ? gr_trained_scale_shift(b, name, y) : y;
}

const gr_method gr_method_ssf = {
    .name = "ssf",
    .summary = "a scale and a shift after every linear and norm",
    .source = "arXiv 2210.08823",
    .check = check,
    .output = output,
};
