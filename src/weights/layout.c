/* Finding the layout of a file, and where its names go. */
#include "weights/layout.h"

#include <stdio.h>
#include <string.h>

static const gr_layout *const layouts[] = {
#define GR_LAYOUT(name) &gr_layout_##name,
#include "weights/layouts/list.h"
#undef GR_LAYOUT
};

enum { LAYOUT_COUNT = sizeof(layouts) / sizeof(layouts[0]) };

const gr_layout *gr_layout_at(int index)
{
    return index < LAYOUT_COUNT ? layouts[index] : NULL;
}

const char *gr_layout_names(char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < LAYOUT_COUNT && used < size; i++)
        if (!layouts[i]->refusal)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                     layouts[i]->name);
    return text;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* The name below the prefix and, inside the tower, below that; NULL: elsewhere. */
static const char *below(const gr_layout_match *m, const char *name, bool *inside)
{
    if (!starts_with(name, m->prefix))
        return NULL;
    name += strlen(m->prefix);
    *inside = starts_with(name, m->tower);
    return *inside ? name + strlen(m->tower) : name;
}

/* Without a tower there is no outside. */
static bool applies(const gr_layout_match *m, const gr_name_rule *rule, bool inside)
{
    return !*m->tower || rule->outside == !inside;
}

bool gr_layout_source_name(const gr_layout_match *m, const gr_name_rule *rule,
                           const gr_name_parts *parts, char name[GR_NAME_BYTES])
{
    char inner[GR_NAME_BYTES];
    if (!gr_pattern_expand(rule->from, parts, inner))
        return false;
    int length =
        snprintf(name, GR_NAME_BYTES, "%s%s%s", m->prefix, rule->outside ? "" : m->tower, inner);
    return length < GR_NAME_BYTES;
}

/* Cuts off the tower that a prefix ends with. */
static bool cut_tower(gr_layout_match *m)
{
    size_t length = strlen(m->prefix);
    m->tower = "";
    for (int i = 0; i < GR_LAYOUT_TOWERS && m->layout->towers[i]; i++) {
        size_t tower = strlen(m->layout->towers[i]);
        if (length < tower || strcmp(m->prefix + length - tower, m->layout->towers[i]) != 0)
            continue;
        m->prefix[length - tower] = '\0';
        m->tower = m->layout->towers[i];
        return true;
    }
    return !m->layout->needs_tower;
}

static bool is_separator(char c)
{
    return c == '.' || c == '/';
}

/* Whether a name is that of a block below some prefix; *m becomes a match with that prefix. */
static bool find_prefix(const char *name, gr_layout_match *m)
{
    gr_name_parts parts;
    for (size_t start = 0; name[start] && start < GR_NAME_BYTES; start++) {
        if (start > 0 && !is_separator(name[start - 1]))
            continue;
        if (!gr_pattern_match(m->layout->block, name + start, &parts))
            continue;
        memcpy(m->prefix, name, start);
        m->prefix[start] = '\0';
        return cut_tower(m);
    }
    return false;
}

static bool find_shortest_prefix(const gr_tensors *tensors, gr_layout_match *m)
{
    bool found = false;
    for (size_t i = 0; i < gr_tensors_count(tensors); i++) {
        gr_layout_match candidate = {.layout = m->layout};
        if (!find_prefix(gr_tensors_at(tensors, i)->name, &candidate))
            continue;
        if (!found || strlen(candidate.prefix) < strlen(m->prefix))
            *m = candidate;
        found = true;
    }
    return found;
}

static bool has(const gr_tensors *tensors, const gr_layout_match *m, const char *pattern)
{
    gr_name_parts parts;
    bool inside;
    for (size_t i = 0; i < gr_tensors_count(tensors); i++) {
        const char *name = below(m, gr_tensors_at(tensors, i)->name, &inside);
        if (name && inside && gr_pattern_match(pattern, name, &parts))
            return true;
    }
    return false;
}

/* An adapter is no model, unless it is that of full fine-tuning, which has all tensors. */
static bool is_part_of_a_model(const gr_tensors *tensors)
{
    const char *methods = gr_tensors_metadata(tensors, "graft.methods");
    return gr_tensors_metadata(tensors, "graft.format") &&
           !(methods && strcmp(methods, "full") == 0);
}

bool gr_layout_recognise(const gr_tensors *tensors, gr_layout_match *match)
{
    if (is_part_of_a_model(tensors))
        return false;
    for (int i = 0; i < LAYOUT_COUNT; i++) {
        const gr_layout *layout = layouts[i];
        *match = (gr_layout_match){.layout = layout};
        if (find_shortest_prefix(tensors, match) &&
            (!layout->with || has(tensors, match, layout->with)) &&
            (!layout->without || !has(tensors, match, layout->without))) {
            match->projects = gr_tensors_metadata(tensors, GR_HEAD_KEY) != NULL;
            match->drops_head = layout->before_head && has(tensors, match, layout->before_head);
            match->norms_mean = layout->mean_norm && has(tensors, match, layout->mean_norm);
            return true;
        }
    }
    return false;
}

static bool is_own(const gr_layout *layout, const char *name)
{
    gr_name_parts parts;
    for (int i = 0; i < GR_LAYOUT_OWN && layout->own[i]; i++)
        if (gr_pattern_match(layout->own[i], name, &parts))
            return true;
    return false;
}

gr_name_use gr_layout_use(const gr_layout_match *m, const char *name, char target[GR_NAME_BYTES],
                          const gr_name_rule **rule, gr_name_parts *parts)
{
    bool inside;
    name = below(m, name, &inside);
    if (!name)
        return GR_NAME_IGNORED;
    for (const gr_name_rule *r = m->layout->rules; r->from; r++) {
        if (!applies(m, r, inside) || !gr_pattern_match(r->from, name, parts))
            continue;
        *rule = r;
        if (!r->to || (m->drops_head && starts_with(r->to, "head.")))
            return GR_NAME_DROPPED;
        const char *to = m->projects && strcmp(r->to, "proj.weight") == 0 ? "head.weight" : r->to;
        return gr_pattern_expand(to, parts, target) ? GR_NAME_USED : GR_NAME_FOREIGN;
    }
    return inside && is_own(m->layout, name) ? GR_NAME_FOREIGN : GR_NAME_IGNORED;
}

bool gr_layout_origin(const gr_layout_match *m, const char *target, char name[GR_NAME_BYTES],
                      const gr_name_rule **rule)
{
    *rule = NULL;
    return gr_layout_next_origin(m, target, name, rule);
}

bool gr_layout_next_origin(const gr_layout_match *m, const char *target, char name[GR_NAME_BYTES],
                           const gr_name_rule **rule)
{
    gr_name_parts parts;
    for (const gr_name_rule *r = *rule ? *rule + 1 : m->layout->rules; r->from; r++) {
        if (!r->to || !gr_pattern_match(r->to, target, &parts) ||
            !gr_layout_source_name(m, r, &parts, name))
            continue;
        *rule = r;
        return true;
    }
    return false;
}
