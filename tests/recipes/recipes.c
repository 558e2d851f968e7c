/* What recipes settle, against the numbers of the papers' codes, and which tensors decay. */
#include "support.h"

#include "train/params.h"

#include <stdlib.h>
#include <string.h>

static void assert_schedule(const resolved *r, graft_schedule schedule, graft_lr_step step,
                            int epochs, int cooldown, double warmup, double warmup_lr,
                            double min_lr)
{
    assert_int_equal(r->p.schedule, schedule);
    assert_int_equal(r->p.lr_step, step);
    assert_int_equal(r->p.epochs, epochs);
    assert_int_equal(r->p.cooldown_epochs, cooldown);
    assert_true(r->p.warmup_epochs == warmup);
    assert_true(r->p.warmup_lr == warmup_lr);
    assert_true(r->p.min_lr == min_lr);
}

static void convpass(void **state)
{
    (void)state;
    resolved r = resolve("convpass", "cifar", NULL, 0);
    assert_string_equal(r.p.method, "convpass");
    assert_int_equal(r.p.optimizer, GRAFT_OPTIMIZER_ADAMW);
    assert_int_equal(r.p.head_init, GRAFT_HEAD_INIT_UNIFORM);
    assert_int_equal(r.p.batch_size, 64);
    assert_true(r.p.drop_last && !r.p.augment.flip);
    assert_rates(&r, 1e-3, 1e-4, 0.1);
    assert_schedule(&r, GRAFT_SCHEDULE_TIMM_COSINE, GRAFT_LR_STEP_LATE_EPOCH, 100, 0, 10, 1e-6,
                    1e-5);
    assert_int_equal(r.p.eval_every, 10);
    assert_int_equal(r.set_count, 2);
    assert_true(has_set(&r, "convpass.s=0.1") && has_set(&r, "convpass.conv_init=identity"));
    r = resolve("convpass", "resisc45", NULL, 0);
    assert_true(has_set(&r, "convpass.s=10") && has_set(&r, "convpass.conv_init=identity"));
    r = resolve("convpass", "resisc45", "convpass_attn", 0);
    assert_int_equal(r.set_count, 2);
    assert_true(has_set(&r, "convpass_attn.s=100") &&
                has_set(&r, "convpass_attn.conv_init=xavier"));
    r = resolve("convpass", "dtd", "freqfit+convpass", 0);
    assert_true(has_set(&r, "convpass.s=0.01"));
    r = resolve("convpass", "fewshot", NULL, 0);
    assert_rates(&r, 5e-3, 1e-4, 0.1);
    r = resolve("convpass", "clip", NULL, 0);
    assert_rates(&r, 1e-5, 0, 0.1);
    assert_schedule(&r, GRAFT_SCHEDULE_COSINE, GRAFT_LR_STEP_EPOCH, 50, 0, 0, 1e-6, 0);
}

static void rlrr(void **state)
{
    (void)state;
    resolved r = resolve("rlrr", "cifar", NULL, 0);
    assert_rates(&r, 3e-3, 5e-5, 0.1);
    assert_schedule(&r, GRAFT_SCHEDULE_TIMM_COSINE, GRAFT_LR_STEP_LATE_EPOCH, 100, 10, 10, 1e-7,
                    1e-8);
    assert_int_equal(r.p.head_init, GRAFT_HEAD_INIT_ZERO);
    assert_int_equal(r.p.drop_kind, GRAFT_DROP_ELEMENT);
    assert_int_equal(r.p.input.normalization, GRAFT_NORMALIZATION_HALF);
    assert_int_equal(r.p.batch_size, 32);
    assert_true(!r.p.drop_last && !r.p.augment.flip);
    r = resolve("rlrr", "kitti", NULL, 0);
    assert_rates(&r, 3e-3, 5e-2, 0.3);
    assert_true(r.p.augment.flip);
    r = resolve("rlrr", "resisc45", NULL, 0);
    assert_rates(&r, 3e-3, 5e-5, 0);
    r = resolve("rlrr", "fgvc_flowers", NULL, 0);
    assert_rates(&r, 3e-3, 5e-2, 0.2);
    assert_schedule(&r, GRAFT_SCHEDULE_TIMM_COSINE, GRAFT_LR_STEP_LATE_EPOCH, 50, 10, 10, 1e-7,
                    1e-8);
    assert_int_equal(r.p.input.resize_to, 256);
    assert_int_equal(r.p.augment.crop, GRAFT_CROP_RANDOM);
    r = resolve("rlrr", "fgvc_cub", NULL, 0);
    assert_schedule(&r, GRAFT_SCHEDULE_RESTARTS, GRAFT_LR_STEP_LATE_EPOCH, 50, 10, 0, 1e-7, 0);
    assert_true(r.p.restart_epochs == 5 && r.p.restart_factor == 1);
    r = resolve("rlrr", "fgvc_cub_aug", NULL, 0);
    assert_true(r.p.restart_epochs == 10 && r.p.restart_factor == 2 && r.p.epochs == 100);
    assert_true(r.p.augment.mixup == 0.8 && r.p.augment.cutmix == 1 && r.p.ema == 0.9998);
}

static void ssf(void **state)
{
    (void)state;
    resolved r = resolve("ssf", "clevr_dist", NULL, 0);
    assert_rates(&r, 5e-2, 5e-2, 0.1);
    assert_schedule(&r, GRAFT_SCHEDULE_TIMM_COSINE, GRAFT_LR_STEP_EPOCH, 100, 10, 10, 1e-7, 1e-8);
    assert_int_equal(r.p.head_init, GRAFT_HEAD_INIT_TRUNCATED);
    assert_int_equal(r.p.batch_size, 64);
    r = resolve("ssf", "smallnorb_azi", NULL, 0);
    assert_rates(&r, 2e-2, 5e-5, 0.1);
    r = resolve("ssf", "fgvc_dogs", NULL, 0);
    assert_rates(&r, 2.5e-4, 5e-2, 0);
    assert_true(r.p.ema == 0.9998 && r.p.augment.label_smoothing == 0.1);
    assert_true(resolve("ssf", "fgvc_flowers", NULL, 0).p.ema == 0.999);
}

static void freqfit(void **state)
{
    (void)state;
    resolved r = resolve("freqfit", NULL, NULL, 0);
    assert_string_equal(r.p.method, "freqfit+lora");
    assert_int_equal(r.p.optimizer, GRAFT_OPTIMIZER_SGD);
    assert_true(r.p.momentum == 0.9);
    assert_rates(&r, 0.1, 0.01, 0);
    assert_schedule(&r, GRAFT_SCHEDULE_COSINE, GRAFT_LR_STEP_EPOCH, 100, 0, 5, 0, 0);
    assert_int_equal(r.p.head_init, GRAFT_HEAD_INIT_KAIMING);
    assert_true(has_set(&r, "lora.targets=q,k,v,proj,fc1,fc2"));
    r = resolve("freqfit", NULL, "freqfit+vera", 0);
    assert_int_equal(r.set_count, 1);
    assert_true(has_set(&r, "vera.train_bias=1") && r.p.warmup_epochs == 5);
    r = resolve("freqfit", NULL, "freqfit+vpt_deep", 0);
    assert_true(r.p.warmup_epochs == 10);
    assert_int_equal(r.set_count, 1);
    assert_true(has_set(&r, "freqfit.variant=1d"));
    assert_int_equal(r.p.input.interpolation, GRAFT_INTERPOLATION_BILINEAR_PLAIN);
}

/* Rates that grow with the batch. */
static void vpt_and_adaptformer(void **state)
{
    (void)state;
    resolved r = resolve("vpt", NULL, NULL, 0);
    assert_schedule(&r, GRAFT_SCHEDULE_COSINE, GRAFT_LR_STEP_EPOCH, 100, 0, 10, 0, 0);
    assert_int_equal(r.p.batch_size, 128);
    assert_rates(&r, 1.25, 1e-3, 0); /* 2.5 for 256 images */
    r = resolve("vpt", NULL, NULL, 64);
    assert_int_equal(r.p.batch_size, 64);
    assert_rates(&r, 0.625, 1e-3, 0);
    r = resolve("adaptformer", NULL, NULL, 0);
    assert_rates(&r, 0.4, 0, 0);
    assert_int_equal(r.p.batch_size, 1024);
    assert_schedule(&r, GRAFT_SCHEDULE_COSINE, GRAFT_LR_STEP_ITERATION, 100, 0, 20, 0, 0);
    r = resolve("adaptformer", "", NULL, 256);
    assert_rates(&r, 0.1, 0, 0);
}

static void noah(void **state)
{
    (void)state;
    resolved r = resolve("noah", NULL, NULL, 0);
    assert_rates(&r, 1e-3, 1e-4, 0.1);
    assert_schedule(&r, GRAFT_SCHEDULE_TIMM_COSINE, GRAFT_LR_STEP_LATE_EPOCH, 100, 0, 10, 1e-6,
                    1e-5);
    assert_true(has_set(&r, "lora.targets=q,k,v") && has_set(&r, "lora.dropout=0.1"));
    r = resolve("noah", "fewshot", NULL, 0);
    assert_rates(&r, 5e-3, 1e-4, 0.1);
    const graft_rand_augment rand = r.p.augment.rand_augment;
    assert_true(rand.count == 2 && rand.probability == 0.5 && rand.magnitude == 9);
    assert_true(rand.deviation == 0.5 && rand.increasing);
    assert_true(r.p.augment.color_jitter.brightness ==
                0); /* as timm: RandAugment takes its place */
}

/* Every task of every recipe can be run as it stands. */
static void all_tasks_are_valid(void **state)
{
    (void)state;
    graft_log *log = graft_log_create(NULL);
    graft_recipe_info info;
    const char *task;
    int vtab = 0;
    for (int i = 0; graft_recipe_get_info(i, &info); i++)
        for (int t = -1; t < 0 || (task = graft_recipe_task(i, t)); t++) {
            resolved r = resolve(info.name, t < 0 ? NULL : task, NULL, 0);
            char *json = NULL, text[256];
            r.p.set.items = r.set;
            r.p.set.count = r.set_count;
            if (graft_train_describe(log, &r.p, NULL, &json) != GRAFT_OK) {
                graft_log_error(log, text, sizeof(text));
                fail_msg("%s: %s", info.name, text);
            }
            free(json);
            vtab += t >= 0 && t < 19 && info.task_count >= 19; /* they come first */
        }
    assert_int_equal(vtab, 5 * 19);
    graft_log_destroy(&log);
}

static void assert_decays(const char *recipe, const char *name, int rank, bool expected)
{
    resolved r = resolve(recipe, NULL, NULL, 0);
    gr_shape shape = {.rank = rank, .dim = {8, 8, 8, 8}};
    if (gr_param_decays(r.p.no_decay, name, &shape) != expected)
        fail_msg("%s: weight decay of %s should be %s", recipe, name, expected ? "on" : "off");
}

static void weight_decay_exclusions(void **state)
{
    (void)state;
    assert_decays("convpass", "blocks.0.attn.convpass.down.bias", 1, true);
    assert_decays("convpass", "head.bias", 1, true);

    assert_decays("ssf", "head.weight", 2, true);
    assert_decays("ssf", "head.bias", 1, false);
    assert_decays("ssf", "blocks.0.attn.qkv.ssf.scale", 1, false);

    assert_decays("rlrr", "blocks.0.attn.q.rlrr.scale_in", 1, true);
    assert_decays("rlrr", "blocks.0.attn.q.rlrr.scale_out", 1, true);
    assert_decays("rlrr", "blocks.0.attn.q.rlrr.shift", 1, false);
    assert_decays("rlrr", "blocks.0.norm1.ssf.scale", 1, false);
    assert_decays("rlrr", "norm.ssf.shift", 1, false);
    assert_decays("rlrr", "patch_embed.ssf.scale", 1, true);
    assert_decays("rlrr", "patch_embed.ssf.shift", 1, true);
    assert_decays("rlrr", "head.weight", 2, true);
    assert_decays("rlrr", "head.bias", 1, false);

    assert_decays("freqfit", "head.bias", 1, false);
    assert_decays("freqfit", "freqfit.0.filter", 4, true);
    assert_decays("freqfit", "freqfit.0.ssf.shift", 1, true);
    assert_decays("vpt", "prompts.0.tokens", 2, true);
    assert_decays("vpt", "head.bias", 1, false);
}

static void assert_refused(const char *recipe, const char *task, const char *const *telling)
{
    graft_train_params p;
    const char *set[GRAFT_RECIPE_MAX_SET];
    int count;
    char text[1024] = "";
    graft_log *log = graft_log_create(NULL);
    graft_train_defaults(&p);
    assert_int_equal(graft_recipe_apply(log, recipe, task, &p, set, &count), GRAFT_ERR_ARGUMENT);
    graft_log_error(log, text, sizeof(text));
    for (; *telling; telling++)
        if (!strstr(text, *telling))
            fail_msg("'%s' does not tell '%s'", text, *telling);
    assert_null(strchr(text, '\n'));
    graft_log_destroy(&log);
}

static void unknown_names(void **state)
{
    (void)state;
    assert_refused("rlr", NULL, (const char *[]){"'rlr'", "convpass, rlrr", "noah", NULL});
    assert_refused("rlrr", "cifra",
                   (const char *[]){"'cifra'", "rlrr", "cifar,", "fgvc_cars_aug", NULL});
    assert_refused("freqfit", "cifar", (const char *[]){"'cifar'", "`task`", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convpass),
        cmocka_unit_test(rlrr),
        cmocka_unit_test(ssf),
        cmocka_unit_test(freqfit),
        cmocka_unit_test(vpt_and_adaptformer),
        cmocka_unit_test(noah),
        cmocka_unit_test(all_tasks_are_valid),
        cmocka_unit_test(weight_decay_exclusions),
        cmocka_unit_test(unknown_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
