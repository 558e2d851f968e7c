/* Whether a file has all tensors of its layout: the same for every block that it has any of. */
#include "base/mem.h"
#include "weights/layout.h"

#include <string.h>

/* Numbers that occur together in names: none, a block's, or a stage's and a block's. */
typedef struct place {
    int count;
    int number[GR_NAME_NUMBERS];
    const char *example; /* a name with them; borrowed from the tensors */
} place;

/* More than any model has; bounds the time that a hostile file can take. */
enum { MAX_PLACES = 1024 };

typedef struct checker {
    graft_log *log;
    const gr_layout_match *match;
    const gr_tensors *tensors;
    place *places; /* without repetition */
    size_t count;
} checker;

static bool is_known(const checker *c, const place *p)
{
    for (size_t i = c->count; i-- > 0;)
        if (c->places[i].count == p->count &&
            memcmp(c->places[i].number, p->number, sizeof(p->number)) == 0)
            return true;
    return false;
}

static graft_status add_place(checker *c, const gr_name_parts *parts, const char *name)
{
    place p = {.count = parts->count, .example = name};
    memcpy(p.number, parts->number, sizeof(p.number));
    if (is_known(c, &p))
        return GRAFT_OK;
    if (c->count == MAX_PLACES)
        return gr_fail(c->log, GRAFT_ERR_UNSUPPORTED, "%s: tensor %s: more than %d blocks",
                       gr_tensors_source(c->tensors), name, MAX_PLACES);
    void *places = c->places;
    place *added = gr_push(NULL, &places, &c->count, sizeof(*added));
    if (!added)
        return gr_fail(c->log, GRAFT_ERR_MEMORY, "%s: out of host memory",
                       gr_tensors_source(c->tensors));
    c->places = places;
    *added = p;
    return GRAFT_OK;
}

static graft_status find_places(checker *c)
{
    const gr_name_rule *rule;
    gr_name_parts parts = {0};
    char target[GR_NAME_BYTES];
    GR_TRY(add_place(c, &parts, ""));
    for (size_t i = 0; i < gr_tensors_count(c->tensors); i++) {
        const char *name = gr_tensors_at(c->tensors, i)->name;
        if (gr_layout_use(c->match, name, target, &rule, &parts) == GR_NAME_USED)
            GR_TRY(add_place(c, &parts, name));
    }
    return GRAFT_OK;
}

static int count_numbers(const char *pattern)
{
    int count = 0;
    for (; *pattern; pattern++)
        count += *pattern == '#';
    return count;
}

/* Blocks are numbered without gaps, and so are the stages that they stand in. */
static graft_status check_predecessor(const checker *c, const place *p)
{
    place before = *p;
    int last = p->count - 1;
    while (last >= 0 && before.number[last] == 0)
        last--;
    if (last < 0)
        return GRAFT_OK;
    before.number[last]--;
    if (is_known(c, &before))
        return GRAFT_OK;
    return gr_fail(c->log, GRAFT_ERR_NOT_FOUND, "%s: tensor %s: block %d before it is missing",
                   gr_tensors_source(c->tensors), p->example, before.number[last]);
}

/* A linear without a bias is complete, a norm is not. */
static int count_leaves(const gr_name_rule *rule)
{
    return strchr(rule->from, '@') && strstr(rule->to, "norm") ? 2 : 1;
}

static graft_status check_rule(const checker *c, const place *p, const gr_name_rule *rule)
{
    static const char *const leaves[] = {"weight", "bias"};
    const gr_tensor *tensor;
    char name[GR_NAME_BYTES];
    gr_name_parts parts = {{p->number[0], p->number[1]}, p->count, ""};
    for (int i = 0; i < count_leaves(rule); i++) {
        parts.rest = leaves[i];
        if (gr_layout_source_name(c->match, rule, &parts, name))
            GR_TRY(gr_tensors_get(c->log, c->tensors, name, &tensor));
    }
    return GRAFT_OK;
}

static graft_status check_place(const checker *c, const place *p)
{
    const gr_layout *layout = c->match->layout;
    if (p->count == count_numbers(layout->block))
        GR_TRY(check_predecessor(c, p));
    for (const gr_name_rule *rule = layout->rules; rule->from; rule++)
        if (rule->to && !rule->optional && count_numbers(rule->from) == p->count)
            GR_TRY(check_rule(c, p, rule));
    return GRAFT_OK;
}

graft_status gr_layout_check(graft_log *log, const gr_layout_match *match,
                             const gr_tensors *tensors)
{
    checker c = {.log = log, .match = match, .tensors = tensors};
    graft_status status = find_places(&c);
    for (size_t i = 0; status == GRAFT_OK && i < c.count; i++)
        status = check_place(&c, &c.places[i]);
    gr_free(c.places);
    return status;
}
