/* The public listing of methods: include/graft/methods.h. */
#include "peft/compose.h"

#include <graft/methods.h>
#include <stdio.h>

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
    for (const gr_option *o = m->options; o && o->name; o++)
        info->option_count++;
    return true;
}

static void describe_allowed(const gr_option *o, char *text, size_t size)
{
    switch (o->type) {
    case GR_OPTION_INT:
        if (o->min == 0 && o->max == 1)
            snprintf(text, size, "0 or 1");
        else
            snprintf(text, size, "whole number from %.7g to %.7g", o->min, o->max);
        break;
    case GR_OPTION_FLOAT:
        snprintf(text, size, "number from %.7g to %.7g", o->min, o->max);
        break;
    case GR_OPTION_CHOICE:
        snprintf(text, size, "%s", o->choices);
        break;
    case GR_OPTION_TARGETS:
        snprintf(text, size, "comma list of q, k, v, proj, fc1, fc2");
        break;
    case GR_OPTION_LIST:
        snprintf(text, size, "comma list of whole numbers from %.7g to %.7g", o->min, o->max);
        break;
    }
}

bool graft_method_get_option(int index, int option, graft_method_option *info)
{
    graft_method_info method;
    if (!graft_method_get_info(index, &method) || option < 0 || option >= method.option_count)
        return false;
    const gr_option *o = &gr_method_at(index)->options[option];
    *info = (graft_method_option){.name = o->name, .value = o->value, .help = o->help};
    describe_allowed(o, info->allowed, sizeof(info->allowed));
    return true;
}
