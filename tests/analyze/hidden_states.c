/* The stream between blocks, as builders of each family note it. */
#include "fixture.h"

#include "model/backbone.h"
#include "model/hidden_states.h"
#include "peft/compose.h"
#include "tiny_swin.h"

#include <string.h>

static const gr_model_config vit = {
    .image_size = 32,
    .patch_size = 8,
    .dim = 16,
    .depth = 3,
    .heads = 2,
    .hidden = 32,
    .classes = 2,
    .norm_eps = 1e-6f,
    .activation = GR_FUNC_GELU,
};

/* Builds the model and compares its states with the list of grids, a 0 behind the last. */
static void expect(fixture *f, const gr_model_config *config, const char *methods, bool changed,
                   const int64_t *grids)
{
    gr_methods *set;
    gr_graph *graph = gr_graph_create(f->log);
    gr_hidden_states *states = gr_hidden_states_create();
    check_ok(f, gr_methods_parse(f->log, methods, &set));
    gr_build b = {
        .graph = graph, .config = config, .methods = set, .hidden_states = states, .batch = 2};
    int64_t size = config->image_size;
    gr_model_logits(&b, gr_graph_input(graph, "images", GR_F32, GR_SHAPE(2, 3, size, size)));
    check_ok(f, gr_graph_status(graph));
    assert_int_equal(states->count, 4);
    for (size_t i = 0; i < 4; i++) {
        const gr_hidden_state *state_at = &states->items[i];
        int64_t prompts = strcmp(methods, "vpt_shallow") == 0 ? 50 : 0;
        int64_t more = config->family == GR_FAMILY_VIT ? 1 + prompts : 0;
        assert_int_equal(state_at->grid, grids[i]);
        assert_int_equal(state_at->after->shape.rank, 3);
        assert_int_equal(state_at->after->shape.dim[0], 2);
        assert_int_equal(state_at->after->shape.dim[1], grids[i] * grids[i] + more);
        assert_true((state_at->before != state_at->after) == (changed && (i == 0 || !prompts)));
    }
    gr_hidden_states_destroy(states);
    gr_graph_destroy(graph);
    gr_methods_destroy(set);
}

static void test_vit(void **state)
{
    const int64_t grids[] = {4, 4, 4, 4};
    expect(*state, &vit, "linear", false, grids);
    expect(*state, &vit, "freqfit+lora", true, grids);
    expect(*state, &vit, "vpt_shallow", true, grids);
}

static void test_swin(void **state)
{
    const gr_model_config swin = tiny_swin(4, 16, 2);
    expect(*state, &swin, "rlrr", false, (int64_t[]){8, 8, 4, 4});
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_vit), TEST(test_swin)};
    return RUN_TESTS(tests);
}
