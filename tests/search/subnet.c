/* A masked supernet computes what the sub-network alone computes. */
#include "peft/noah.h"
#include "search/slice.h"
#include "train/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2 };

/* One number for all blocks, so that a supernet takes it. */
static void open_supernet(train_setup *s, graft_log *log)
{
    train_setup_open(s, log, "noah", BATCH);
    train_setup_option(s, "noah.supernet", "1,3,4");
    train_setup_option(s, "noah.depths", "1,2");
    train_setup_option(s, "noah.lora", "4");
    train_setup_option(s, "noah.adapter", "4");
    train_setup_reshape(s, "noah.prompts", "4");
}

/* The sub-network as a plain network, with the supernet's numbers. */
static void open_subnet(train_setup *s, const train_setup *super, const gr_subnet *subnet)
{
    train_setup_open(s, super->log, "noah", BATCH);
    for (int m = 0; m < GR_MODULES; m++) {
        char key[32], text[GRAFT_SETTING_TEXT_SIZE];
        snprintf(key, sizeof(key), "noah.%s", gr_module_name(m));
        train_setup_option(s, key, gr_subnet_text(subnet, m, s->config.depth, text));
    }
    gr_tensors_destroy(&s->adapter);
    s->adapter = gr_tensors_create();
    TEST_OK(s->log, gr_subnet_slice(s->log, super->adapter, subnet, s->adapter));
}

static gr_tensors *gradients_of(const train_setup *s, gr_trainer *trainer, uint64_t step,
                                float *loss)
{
    gr_tensors *all = gr_tensors_create();
    TEST_OK(s->log, gr_trainer_gradients(trainer, s->images, s->labels, step, loss));
    const gr_params *params = gr_trainer_parameters(trainer);
    for (size_t i = 0; i < params->count; i++) {
        void *data;
        const gr_param *p = &params->items[i];
        TEST_OK(s->log, gr_tensors_add_new(s->log, all, p->name, GR_F32, p->shape, &data));
        TEST_OK(s->log, gr_params_read(params, p, GR_PLANE_GRADIENT, data));
    }
    return all;
}

static double sum_of_squares(const gr_tensors *tensors)
{
    double sum = 0.0;
    for (size_t i = 0; i < gr_tensors_count(tensors); i++) {
        const gr_tensor *t = gr_tensors_at(tensors, i);
        for (int64_t k = 0; k < gr_tensor_count(t); k++)
            sum += (double)((const float *)t->data)[k] * (double)((const float *)t->data)[k];
    }
    return sum;
}

static void compare_step(const test_target *target, const train_setup *super, gr_trainer *trainer,
                         uint64_t step, const int second_block[GR_MODULES])
{
    gr_subnet subnet;
    train_setup alone;
    float loss, expected_loss;
    gr_noah_draw(super->methods->item[0].config, &super->config, 42, step, &subnet);
    for (int m = 0; m < GR_MODULES; m++)
        assert_int_equal(subnet.width[m][1] > 0, second_block[m]);
    open_subnet(&alone, super, &subnet);
    gr_trainer_params params = train_params(&alone, target->device);
    gr_trainer *plain = train_create(&alone, &params);
    gr_tensors *masked = gradients_of(super, trainer, step, &loss);
    gr_tensors *expected = gradients_of(&alone, plain, step, &expected_loss);
    gr_tensors *got = gr_tensors_create();
    TEST_OK(super->log, gr_subnet_slice(super->log, masked, &subnet, got));
    assert_true(fabsf(loss - expected_loss) <= 1e-6f * expected_loss);
    assert_int_equal(gr_tensors_count(got), gr_tensors_count(expected));
    for (size_t i = 0; i < gr_tensors_count(expected); i++) {
        const gr_tensor *e = gr_tensors_at(expected, i), *g = gr_tensors_find(got, e->name);
        assert_non_null(g);
        train_assert_close(g->data, e->data, (size_t)gr_tensor_count(e), 1e-6);
    }
    /* Nothing is left over: what is masked has no gradient. */
    double all = sum_of_squares(masked), part = sum_of_squares(got);
    assert_true(fabs(all - part) <= 1e-12 * all);
    gr_tensors_destroy(&masked);
    gr_tensors_destroy(&expected);
    gr_tensors_destroy(&got);
    gr_trainer_destroy(plain);
    train_setup_close(&alone);
}

static void steps_train_the_drawn_subnet(void **state)
{
    const test_target *target = *state;
    train_setup super;
    open_supernet(&super, target->devices->log);
    gr_trainer_params params = train_params(&super, target->device);
    gr_trainer *trainer = train_create(&super, &params);
    /* Draws without prompts in the second block, and without LoRA and adapter there. */
    compare_step(target, &super, trainer, 0, (const int[]){1, 1, 0});
    compare_step(target, &super, trainer, 3, (const int[]){0, 0, 1});
    gr_trainer_destroy(trainer);
    train_setup_close(&super);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(steps_train_the_drawn_subnet),
    };
    return TEST_RUN("search subnet", cases, TEST_EXECUTING);
}
