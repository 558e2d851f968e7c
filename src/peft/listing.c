/* The public listing of methods: include/graft/methods.h. */
#include "peft/compose.h"

#include <graft/methods.h>

int graft_method_count(void)
{
    return gr_method_count();
}

bool graft_method_get_info(int index, graft_method_info *info)
{
    if (index < 0 || index >= gr_method_count())
        return false;
    const gr_method *m = gr_method_at(index);
    *info = (graft_method_info){m->name, m->summary, m->source, m->not_foldable, 0};
    for (const graft_setting *o = m->options; o && o->key; o++)
        info->option_count++;
    return true;
}

const graft_setting *graft_method_setting(int index, int option)
{
    graft_method_info method;
    if (!graft_method_get_info(index, &method) || option < 0 || option >= method.option_count)
        return NULL;
    return &gr_method_at(index)->options[option];
}
