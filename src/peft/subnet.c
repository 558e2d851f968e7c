#include "peft/subnet.h"

#include <stdio.h>

const char *gr_module_name(gr_module module)
{
    static const char *const names[GR_MODULES] = {"lora", "adapter", "prompts"};
    return names[module];
}

int gr_int_list_draw(const graft_int_list *list, gr_random *random)
{
    return list->at[gr_random_below(random, list->count)];
}

int gr_int_list_largest(const graft_int_list *list)
{
    int largest = list->at[0];
    for (int i = 1; i < list->count; i++)
        largest = list->at[i] > largest ? list->at[i] : largest;
    return largest;
}

void gr_subnet_draw(const gr_subnet_space *space, gr_random *random, gr_subnet *out)
{
    *out = (gr_subnet){0};
    for (int m = 0; m < GR_MODULES; m++) {
        int depth = gr_int_list_draw(&space->depths, random);
        for (int i = 0; i < depth; i++)
            out->width[m][i] = gr_int_list_draw(&space->widths, random);
    }
}

int64_t gr_subnet_params(const gr_subnet *subnet, int64_t dim)
{
    int64_t total = 0;
    for (int i = 0; i < GRAFT_INT_LIST_MAX; i++) {
        int64_t adapter = subnet->width[GR_MODULE_ADAPTER][i];
        total += 4 * dim * subnet->width[GR_MODULE_LORA][i];
        total += adapter ? (2 * dim + 1) * adapter + dim : 0;
        total += dim * subnet->width[GR_MODULE_PROMPTS][i];
    }
    return total;
}

const char *gr_subnet_text(const gr_subnet *subnet, gr_module module, int blocks,
                           char text[GRAFT_SETTING_TEXT_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < blocks && used < GRAFT_SETTING_TEXT_SIZE; i++)
        used += (size_t)snprintf(text + used, GRAFT_SETTING_TEXT_SIZE - used, "%s%d", i ? "," : "",
                                 subnet->width[module][i]);
    return text;
}
