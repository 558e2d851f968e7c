/* The evolution of sub-networks, on a fitness that is a formula. */
#include "fixture.h"
#include "model/count.h"
#include "peft/compose.h"
#include "peft/noah.h"
#include "search/evolution.h"

#include <stdio.h>
#include <string.h>

static const gr_evolution_params tiny = {
    .space = {.widths = {3, {1, 2, 4}}, .depths = {3, {1, 2, 3}}},
    .blocks = 3,
    .dim = 16,
    .seed = 5,
    .generations = 12,
    .population = 30,
    .parents = 6,
    .mutations = 15,
    .crossovers = 15,
    .mutation_rate = 0.4,
    .depth_rate = 0.4,
};

/* Each width has a value of its own; the parameters that it costs do not count. */
static double fitness(const gr_subnet *s)
{
    static const int worth[GR_MODULES] = {3, 5, 1};
    double sum = 0.0;
    for (int m = 0; m < GR_MODULES; m++)
        for (int i = 0; i < 3; i++)
            sum += worth[m] * (4 - i) * (s->width[m][i] == 2 ? 3 : s->width[m][i]);
    return sum / 500.0;
}

/* Fills in at most `most` accuracies. */
static void advance(fixture *f, gr_evolution *e, int most)
{
    gr_candidate *c;
    for (; most > 0; most--) {
        check_ok(f, gr_evolution_next(f->log, e, &c));
        if (!c)
            return;
        c->accuracy = fitness(&c->subnet);
    }
}

static gr_evolution *create(const gr_evolution_params *params)
{
    gr_evolution *e = gr_evolution_create(params);
    assert_non_null(e);
    return e;
}

/* The widths of one module: all of the space, by number. False past the last one. */
static bool module_at(int number, int widths[3])
{
    static const int choices[] = {1, 2, 4};
    memset(widths, 0, 3 * sizeof(*widths));
    for (int depth = 1, count = 3; depth <= 3; number -= count, count *= 3, depth++) {
        if (number >= count)
            continue;
        for (int i = 0; i < depth; i++, number /= 3)
            widths[i] = choices[number % 3];
        return true;
    }
    return false;
}

/* The best of all 39^3 sub-networks. */
static double optimum(const gr_evolution_params *p)
{
    gr_subnet s = {0};
    double best = -1.0;
    for (int a = 0; module_at(a, s.width[0]); a++)
        for (int b = 0; module_at(b, s.width[1]); b++)
            for (int c = 0; module_at(c, s.width[2]); c++)
                if (gr_subnet_params(&s, p->dim) <= p->limit && fitness(&s) > best)
                    best = fitness(&s);
    return best;
}

static void finds_the_optimum_under_the_limit(void **state)
{
    fixture *f = *state;
    static const int64_t limits[] = {700, 1000, 100000};
    for (int i = 0; i < 3; i++) {
        gr_evolution_params p = tiny;
        p.limit = limits[i];
        p.generations = 60;
        gr_evolution *e = create(&p);
        advance(f, e, 1 << 20);
        for (size_t k = 0; k < e->count; k++)
            assert_true(e->items[k].params <= p.limit);
        assert_true(e->count <= (size_t)(p.generations * p.population));
        assert_true(gr_evolution_best(e)->accuracy == optimum(&p));
        gr_evolution_destroy(e);
    }
}

static void same_items(const gr_evolution *a, const gr_evolution *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->generation, b->generation);
    assert_memory_equal(a->items, b->items, a->count * sizeof(*a->items));
}

static void the_seed_decides(void **state)
{
    fixture *f = *state;
    gr_evolution_params other = tiny;
    other.seed++;
    gr_evolution *a = create(&tiny), *b = create(&tiny), *c = create(&other);
    advance(f, a, 100);
    advance(f, b, 100);
    advance(f, c, 100);
    same_items(a, b);
    assert_memory_not_equal(a->items, c->items, 30 * sizeof(*a->items));
    gr_evolution_destroy(a);
    gr_evolution_destroy(b);
    gr_evolution_destroy(c);
}

static const gr_search_identity mine = {"{}", "1 2"};

/* Stopped in the middle of a generation, at its end and before anything. */
static void a_saved_search_goes_on(void **state)
{
    fixture *f = *state;
    static const int stops[] = {0, 1, 30, 47, 90};
    gr_evolution *whole = create(&tiny);
    advance(f, whole, 1 << 20);
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        const char *path = path_of(f, "search.json");
        gr_evolution *cut = create(&tiny), *rest = create(&tiny);
        advance(f, cut, stops[i]);
        check_ok(f, gr_evolution_save(f->log, cut, path, &mine));
        check_ok(f, gr_evolution_load(f->log, rest, path, &mine));
        same_items(cut, rest);
        advance(f, rest, 1 << 20);
        same_items(whole, rest);
        gr_evolution_destroy(cut);
        gr_evolution_destroy(rest);
    }
    gr_evolution_destroy(whole);
}

static void foreign_states_are_refused(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *text;
        graft_status status;
        const char *culprit;
    } wrong[] = {
        {"{\"settings\": \"{}\", \"evolution\": \"1 2\", \"candidates\": [{}]}", GRAFT_ERR_FORMAT,
         "candidate 0 is broken"},
        {"{\"settings\": \"{}\", \"evolution\": \"1 2\", \"candidates\": [{\"lora\": [1, 1, 1], "
         "\"adapter\": [1, 1, 9], "
         "\"prompts\": [0, 0, 0]}]}",
         GRAFT_ERR_FORMAT, "candidate 0 is broken"},
        {"{\"settings\": \"{\\\"seed\\\": 9}\", \"evolution\": \"1 2\", \"candidates\": []}",
         GRAFT_ERR_ARGUMENT, "other settings"},
        {"{\"settings\": \"{}\", \"evolution\": \"1 3\", \"candidates\": []}", GRAFT_ERR_ARGUMENT,
         "other settings"},
        {"[1]", GRAFT_ERR_FORMAT, "expected a JSON object"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *path = path_of(f, "wrong.json");
        gr_evolution *e = create(&tiny);
        put_text(path, wrong[i].text);
        assert_error(f, gr_evolution_load(f->log, e, path, &mine), wrong[i].status,
                     wrong[i].culprit);
        gr_evolution_destroy(e);
    }
}

static void a_limit_that_nothing_meets_is_refused(void **state)
{
    fixture *f = *state;
    gr_evolution_params p = tiny;
    gr_candidate *c;
    p.limit = 10;
    gr_evolution *e = create(&p);
    graft_status status = gr_evolution_next(f->log, e, &c);
    assert_error(f, status, GRAFT_ERR_ARGUMENT, "limit of 10 parameters");
    gr_evolution_destroy(e);
}

/* A space of three sub-networks is searched once, not for ever. */
static void small_spaces_end(void **state)
{
    fixture *f = *state;
    gr_evolution_params p = tiny;
    p.space = (gr_subnet_space){{1, {2}}, {1, {3}}};
    gr_evolution *e = create(&p);
    advance(f, e, 1 << 20);
    assert_int_equal(e->count, 1);
    assert_int_equal(e->generation, p.generations);
    gr_evolution_destroy(e);
}

static int64_t counted(fixture *f, const gr_model_config *model, const gr_subnet *subnet)
{
    gr_methods *methods;
    int64_t without_head;
    check_ok(f, gr_methods_parse(f->log, "noah", &methods));
    for (int m = 0; m < GR_MODULES; m++) {
        char key[32], text[GRAFT_SETTING_TEXT_SIZE];
        snprintf(key, sizeof(key), "noah.%s", gr_module_name(m));
        check_ok(
            f, gr_methods_set(f->log, methods, key, gr_subnet_text(subnet, m, model->depth, text)));
    }
    check_ok(f, gr_count_trainable(f->log, model, methods, &without_head, NULL));
    gr_methods_destroy(methods);
    return without_head;
}

/* The formula counts what the network has. */
static void parameters_are_those_of_the_network(void **state)
{
    fixture *f = *state;
    const gr_model_config *model = gr_model_preset("vit_base_patch16_224");
    const gr_subnet_space space = {{3, {1, 5, 10}}, {4, {3, 6, 9, 12}}};
    for (uint32_t i = 0; i < 5; i++) {
        gr_random random = gr_random_stream((gr_random_key){1, 0, i}, 0);
        gr_subnet subnet;
        gr_subnet_draw(&space, &random, &subnet);
        assert_int_equal(gr_subnet_params(&subnet, model->dim), counted(f, model, &subnet));
    }
}

/* The paper's depths for the paper's backbone, and what comes nearest for others. */
static void depths_are_quarters(void **state)
{
    fixture *f = *state;
    static const struct {
        int blocks, count, depths[4];
    } cases[] = {{12, 4, {3, 6, 9, 12}},
                 {24, 4, {6, 12, 18, 24}},
                 {6, 4, {2, 3, 5, 6}},
                 {2, 2, {1, 2}},
                 {1, 1, {1}}};
    gr_methods *methods;
    check_ok(f, gr_methods_parse(f->log, "noah", &methods));
    check_ok(f, gr_methods_set(f->log, methods, "noah.supernet", "1,5,10"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gr_subnet_space space;
        const gr_model_config model = {.depth = cases[i].blocks};
        assert_true(gr_noah_space(methods->item[0].config, &model, &space));
        assert_int_equal(space.depths.count, cases[i].count);
        assert_memory_equal(space.depths.at, cases[i].depths, (size_t)cases[i].count * sizeof(int));
    }
    gr_methods_destroy(methods);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_the_optimum_under_the_limit),
        TEST(the_seed_decides),
        TEST(a_saved_search_goes_on),
        TEST(foreign_states_are_refused),
        TEST(a_limit_that_nothing_meets_is_refused),
        TEST(small_spaces_end),
        TEST(parameters_are_those_of_the_network),
        TEST(depths_are_quarters),
    };
    return RUN_TESTS(tests);
}
