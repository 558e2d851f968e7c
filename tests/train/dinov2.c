/* What DINOv2 and DeiT III have beside a plain ViT: LayerScale, registers, positions of the patches
 * alone, a gated MLP. */
#include "support.h"

#include "model/backbone.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH = 5, CLASSES = 5 };

/* The setup's tiny ViT with all of it. */
static gr_model_config with_registers(const train_setup *s)
{
    gr_model_config c = s->config;
    c.registers = 2;
    c.patch_positions = c.layer_scale = c.swiglu = true;
    return c;
}

static void open_setup(train_setup *s, const test_target *target, const char *methods)
{
    train_setup_open(s, target->devices->log, methods, BATCH);
    gr_model_config config = with_registers(s);
    train_setup_remodel(s, &config);
}

static void every_split_gives_the_same_gradients(void **state)
{
    const test_target *target = *state;
    static const char *const methods[] = {"full",           "convpass+lora", "vpt_deep",
                                          "freqfit+bitfit", "ia3+vera",      "dora"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        train_setup s;
        open_setup(&s, target, methods[i]);
        train_assert_splits_agree(&s, train_params(&s, target->device), (int[]){2, 4}, 2);
        train_setup_close(&s);
    }
}

static void every_tensor_gets_a_gradient(void **state)
{
    const test_target *target = *state;
    train_setup s;
    open_setup(&s, target, "full");
    gr_trainer_params params = train_params(&s, target->device);
    train_assert_every_gradient(&s, &params, "dinov2");
    train_setup_close(&s);
}

/* timm 0.9.16 in float64: VisionTransformer(img_size=16, patch_size=4, embed_dim=24, depth=2,
 * num_heads=2, num_classes=5, init_values=1, reg_tokens=2, no_embed_class=True), its MLP of ratio 2
 * or SwiGLUPacked of ratio 4, with these numbers in all tensors. */
static void logits_are_those_of_timm(void **state)
{
    const test_target *target = *state;
    static const float expected[2][CLASSES] = {
        {-2.640752f, 1.563223f, 0.333368f, -1.569741f, 3.036277f},
        {-2.294652f, 1.134059f, 0.7213455f, -1.804207f, 3.04935f},
    };
    for (int gated = 0; gated < 2; gated++) {
        train_setup s;
        float logits[CLASSES], image[3 * 16 * 16];
        train_setup_open(&s, target->devices->log, "linear", 1);
        gr_model_config config = with_registers(&s);
        config.swiglu = gated;
        config.heads = 2;
        config.hidden = 48;
        assert_int_equal(config.dim, 24);
        assert_int_equal(config.image_size, 16);
        train_setup_remodel(&s, &config);
        train_fill(s.weights);
        train_fill(s.adapter);
        for (int i = 0; i < 3 * 16 * 16; i++)
            image[i] = (float)sin(0.11 * i);
        gr_trainer_params params = train_params(&s, target->device);
        gr_trainer *trainer = train_create(&s, &params);
        TEST_OK(s.log, gr_trainer_logits(trainer, image, 1, logits));
        train_assert_close(logits, expected[gated], CLASSES, 1e-5);
        gr_trainer_destroy(trainer);
        train_setup_close(&s);
    }
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(logits_are_those_of_timm),
        TEST_CASE(every_split_gives_the_same_gradients),
        TEST_CASE(every_tensor_gets_a_gradient),
    };
    return TEST_RUN("train dinov2", cases, TEST_EXECUTING);
}
