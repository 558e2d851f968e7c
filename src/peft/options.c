/* Options of methods, from texts. */
#include "peft/compose.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static graft_status unknown_option(graft_log *log, const gr_method *m, const char *key)
{
    char names[256] = "none";
    size_t used = 0;
    for (const graft_setting *o = m->options; o && o->key && used < sizeof(names); o++)
        used +=
            (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", o->key);
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: unknown option; those of %s are: %s", key, m->name,
                   names);
}

/* A text would be borrowed: the set keeps its own. */
static graft_status set(graft_log *log, gr_methods *methods, const graft_setting *option,
                        const char *shown, void *config, const char *value)
{
    if (option->type == GRAFT_SETTING_TEXT && !(value = gr_strdup(methods, value)))
        return gr_fail(log, GRAFT_ERR_MEMORY, "methods: out of memory");
    return graft_setting_set(log, option, shown, config, value);
}

graft_status gr_methods_set(graft_log *log, gr_methods *methods, const char *key, const char *value)
{
    size_t length = strcspn(key, ".");
    char shown[512], name[128];
    snprintf(shown, sizeof(shown), "%s=%s", key, value);
    for (int i = 0; i < methods->count; i++) {
        const gr_method *m = methods->item[i].method;
        if (strlen(m->name) != length || strncmp(m->name, key, length) != 0 || !key[length])
            continue;
        for (const graft_setting *o = m->options; o && o->key; o++)
            if (strcmp(o->key, key + length + 1) == 0)
                return set(log, methods, o, shown, methods->item[i].config, value);
        return unknown_option(log, m, key);
    }
    gr_methods_name(methods, name, sizeof(name));
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: no such method in %s; write method.option=value",
                   key, name);
}

graft_status gr_methods_set_all(graft_log *log, gr_methods *methods, const graft_text_list *items)
{
    for (int i = 0; i < items->count; i++) {
        char key[128];
        const char *item = items->items[i];
        size_t length = strcspn(item, "=");
        if (!item[length] || length >= sizeof(key))
            return gr_fail(log, GRAFT_ERR_ARGUMENT, "`set` %s: write method.option=value", item);
        memcpy(key, item, length);
        key[length] = '\0';
        GR_TRY(gr_methods_set(log, methods, key, item + length + 1));
    }
    return GRAFT_OK;
}
