/* The tables of the papers' codes for the 19 tasks of VTAB-1k, as a whole. */
#include "support.h"

#include <stdio.h>
#include <string.h>

enum { TASKS = 19 };

static const struct {
    const char *task;
    struct {
        double lr, weight_decay, drop_path;
        bool flip;
    } rlrr;
    struct {
        double lr, weight_decay, drop_path;
    } ssf;
    struct {
        const char *s, *init, *attn_s, *attn_init;
    } convpass;
} table[TASKS] = {
    {"caltech101",
     {0.001, 5e-5, 0.1, false},
     {0.001, 0.05, 0.1},
     {"1", "identity", "100", "xavier"}},
    {"cifar", {0.003, 5e-5, 0.1, false}, {0.005, 5e-5, 0}, {"0.1", "identity", "0.1", "xavier"}},
    {"dtd", {0.002, 5e-5, 0.1, true}, {0.005, 5e-5, 0}, {"0.01", "xavier", "0.1", "xavier"}},
    {"oxford_flowers102",
     {0.003, 0.05, 0.3, false},
     {0.005, 5e-5, 0},
     {"0.1", "xavier", "1", "xavier"}},
    {"oxford_iiit_pet", {0.001, 5e-5, 0.1, true}, {0.005, 5e-5, 0}, {"1", "xavier", "1", "xavier"}},
    {"svhn", {0.005, 5e-5, 0.3, false}, {0.01, 5e-5, 0}, {"100", "xavier", "100", "xavier"}},
    {"sun397", {0.001, 5e-5, 0.1, false}, {0.005, 5e-5, 0}, {"0.1", "identity", "0.1", "xavier"}},
    {"patch_camelyon",
     {0.003, 0.05, 0.3, true},
     {0.005, 5e-5, 0},
     {"10", "identity", "10", "xavier"}},
    {"eurosat", {0.001, 5e-5, 0.1, true}, {0.003, 0.05, 0.2}, {"10", "identity", "10", "xavier"}},
    {"resisc45", {0.003, 5e-5, 0, false}, {0.002, 5e-5, 0.1}, {"10", "identity", "100", "xavier"}},
    {"diabetic_retinopathy",
     {0.005, 5e-5, 0.1, true},
     {0.005, 5e-5, 0.2},
     {"1", "identity", "0.1", "xavier"}},
    {"clevr_count",
     {0.005, 5e-5, 0.5, true},
     {0.002, 0.05, 0.1},
     {"1", "identity", "10", "xavier"}},
    {"clevr_dist", {0.01, 5e-5, 0.2, true}, {0.05, 0.05, 0.1}, {"0.1", "xavier", "1", "xavier"}},
    {"dmlab", {0.005, 5e-5, 0.3, true}, {0.005, 5e-5, 0.1}, {"10", "identity", "10", "xavier"}},
    {"kitti", {0.003, 0.05, 0.3, true}, {0.01, 5e-5, 0}, {"10", "xavier", "10", "xavier"}},
    {"dsprites_loc", {0.01, 5e-5, 0.1, false}, {0.01, 5e-5, 0}, {"100", "xavier", "10", "xavier"}},
    {"dsprites_ori",
     {0.005, 5e-5, 0.1, false},
     {0.005, 5e-5, 0.2},
     {"0.1", "xavier", "1", "xavier"}},
    {"smallnorb_azi",
     {0.005, 0.05, 0.3, false},
     {0.02, 5e-5, 0.1},
     {"100", "xavier", "100", "xavier"}},
    {"smallnorb_ele", {0.001, 5e-5, 0.3, true}, {0.005, 0.05, 0.2}, {"1", "xavier", "1", "xavier"}},
};

static void rlrr_of_every_task(void **state)
{
    (void)state;
    for (int i = 0; i < TASKS; i++) {
        resolved r = resolve("rlrr", table[i].task, NULL, 0);
        assert_rates(&r, table[i].rlrr.lr, table[i].rlrr.weight_decay, table[i].rlrr.drop_path);
        assert_int_equal(r.p.augment.flip, table[i].rlrr.flip);
        assert_int_equal(r.p.epochs, 100);
    }
}

static void ssf_of_every_task(void **state)
{
    (void)state;
    for (int i = 0; i < TASKS; i++) {
        resolved r = resolve("ssf", table[i].task, NULL, 0);
        assert_rates(&r, table[i].ssf.lr, table[i].ssf.weight_decay, table[i].ssf.drop_path);
        assert_false(r.p.augment.flip);
    }
}

static void assert_bypass(const char *method, const char *task, const char *s, const char *init)
{
    char scale[64], start[64];
    resolved r = resolve("convpass", task, method, 0);
    snprintf(scale, sizeof(scale), "%s.s=%s", method, s);
    snprintf(start, sizeof(start), "%s.conv_init=%s", method, init);
    if (r.set_count != 2 || !has_set(&r, scale) || !has_set(&r, start))
        fail_msg("%s of %s: expected %s and %s", method, task, scale, start);
    assert_rates(&r, 1e-3, 1e-4, 0.1);
}

static void convpass_of_every_task(void **state)
{
    (void)state;
    for (int i = 0; i < TASKS; i++) {
        assert_bypass("convpass", table[i].task, table[i].convpass.s, table[i].convpass.init);
        assert_bypass("convpass_attn", table[i].task, table[i].convpass.attn_s,
                      table[i].convpass.attn_init);
    }
}

static const struct {
    const char *task;
    double rlrr_lr, rlrr_drop, ssf_lr, ssf_drop, ssf_ema;
} fgvc[] = {
    {"fgvc_cub", 3e-3, 0.1, 1e-2, 0, 0.9998},      {"fgvc_nabirds", 5e-4, 0.3, 2e-4, 0.1, 0.9998},
    {"fgvc_flowers", 3e-3, 0.2, 1e-2, 0.1, 0.999}, {"fgvc_dogs", 1e-4, 0, 2.5e-4, 0, 0.9998},
    {"fgvc_cars", 3e-3, 0.2, 2e-2, 0, 0.9998},
};

static void fgvc_of_every_task(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fgvc) / sizeof(fgvc[0]); i++) {
        resolved r = resolve("rlrr", fgvc[i].task, NULL, 0);
        assert_rates(&r, fgvc[i].rlrr_lr, 5e-2, fgvc[i].rlrr_drop);
        assert_int_equal(r.p.epochs, 50);
        r = resolve("ssf", fgvc[i].task, NULL, 0);
        assert_rates(&r, fgvc[i].ssf_lr, 5e-2, fgvc[i].ssf_drop);
        assert_true(r.p.ema == fgvc[i].ssf_ema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rlrr_of_every_task),
        cmocka_unit_test(ssf_of_every_task),
        cmocka_unit_test(convpass_of_every_task),
        cmocka_unit_test(fgvc_of_every_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
