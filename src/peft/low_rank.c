#include "peft/low_rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whether name[length] is a run of whole parts of the module's. */
static bool is_part(const char *module, const char *name, size_t length)
{
    for (const char *at = module; at; at = strchr(at, '.')) {
        at += *at == '.';
        if (strncmp(at, name, length) == 0 && (at[length] == '.' || !at[length]))
            return true;
    }
    return false;
}

/* Reads "MODULE=NUMBER" at *at and goes past it and its comma. */
static bool next_item(const char **at, size_t *name_length, double *value)
{
    char *end;
    *name_length = strcspn(*at, "=,");
    if (*name_length == 0 || (*at)[*name_length] != '=')
        return false;
    const char *number = *at + *name_length + 1;
    *value = strtod(number, &end);
    if (end == number || !isfinite(*value) || (*end && *end != ',') || (*end && !end[1]))
        return false;
    *at = *end ? end + 1 : end;
    return true;
}

/* The number of the first name that fits, or `other`. */
static double pattern_value(const char *pattern, const char *module, double other)
{
    size_t length;
    double value;
    for (const char *at = pattern; at && *at;) {
        const char *name = at;
        if (!next_item(&at, &length, &value))
            break; /* refused by gr_low_rank_check */
        if (is_part(module, name, length))
            return value;
    }
    return other;
}

static graft_status check_pattern(graft_log *log, const char *method, const char *option,
                                  const char *pattern, bool ranks)
{
    size_t length;
    double value;
    for (const char *at = pattern; at && *at;) {
        const char *item = at;
        if (!next_item(&at, &length, &value))
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "%s.%s '%s': expected MODULE=NUMBER, several with commas between",
                           method, option, item);
        if (ranks && (value != floor(value) || value < 0 || value > 4096))
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "%s.%s '%.*s': rank %g; expected a whole number from 0 to 4096", method,
                           option, (int)length, item, value);
    }
    return GRAFT_OK;
}

graft_status gr_low_rank_check(graft_log *log, const gr_low_rank *c, const char *method)
{
    GR_TRY(check_pattern(log, method, "rank_pattern", c->rank_pattern, true));
    return check_pattern(log, method, "alpha_pattern", c->alpha_pattern, false);
}

int gr_low_rank_of(const gr_low_rank *c, const gr_linear_site *site)
{
    if (!(c->targets & site->target) || !site->weight)
        return 0;
    return (int)pattern_value(c->rank_pattern, site->module, c->r);
}

float gr_low_rank_scale(const gr_low_rank *c, const gr_linear_site *site)
{
    return gr_low_rank_module_scale(c, site->module, gr_low_rank_of(c, site));
}

float gr_low_rank_module_scale(const gr_low_rank *c, const char *module, int rank)
{
    float alpha = (float)pattern_value(c->alpha_pattern, module, c->alpha);
    return alpha / (c->rslora ? sqrtf((float)rank) : (float)rank);
}

void gr_low_rank_factors(gr_build *b, const gr_linear_site *site, int rank, gr_value **down,
                         gr_value **up)
{
    int64_t out = site->weight->shape.dim[0], in = site->weight->shape.dim[1];
    gr_init uniform = {GR_INIT_UNIFORM, 1.0f / sqrtf((float)in), 0.0f};
    *down = gr_build_param(b, gr_build_name(b, "%s.lora_A.weight", site->module),
                           GR_SHAPE(rank, in), uniform);
    *up = gr_build_param(b, gr_build_name(b, "%s.lora_B.weight", site->module), GR_SHAPE(out, rank),
                         (gr_init){GR_INIT_ZERO, 0.0f, 0.0f});
}
