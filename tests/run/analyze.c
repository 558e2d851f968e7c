/* What graft_analyze says of runs that have just been trained. */
#include "support.h"

#include "analyze/singular.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <graft/analyze.h>
#include <graft/model.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of a short run with large steps, so that no tensor is where it started. */
static char *trained(const test_target *target, const char *method, const char *set)
{
    char *out = new_path("run");
    graft_train_params p = tiny_run(out);
    p.method = method;
    p.set.items = &set;
    p.set.count = set ? 1 : 0;
    p.lr = 0.03;
    p.warmup_epochs = 0;
    train_ok(target->device, &p);
    return out;
}

static graft_status analyze(const test_target *target, const graft_analyze_params *p, json_t **out)
{
    char *text;
    graft_status status =
        graft_analyze(scratch()->log, gr_device_to_public(target->device), p, &text);
    *out = NULL;
    if (status == GRAFT_OK) {
        *out = json_loads(text, 0, NULL);
        assert_non_null(*out);
    }
    free(text);
    return status;
}

static json_t *analyzed(const test_target *target, const graft_analyze_params *p)
{
    json_t *report;
    check_ok(scratch(), analyze(target, p, &report));
    return report;
}

static json_t *at(json_t *array, size_t index)
{
    json_t *value = json_array_get(array, index);
    if (!value)
        fail_msg("there is no item %zu of %zu", index, json_array_size(array));
    return value;
}

static json_t *get(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("there is no '%s'", key);
    return value;
}

static double number(json_t *object, const char *key)
{
    assert_true(json_is_number(get(object, key)));
    return json_number_value(get(object, key));
}

static const char *text(json_t *object, const char *key)
{
    assert_true(json_is_string(get(object, key)));
    return json_string_value(get(object, key));
}

static double norm_of(json_t *values)
{
    double sum = 0.0;
    for (size_t i = 0; i < json_array_size(values); i++)
        sum += pow(json_number_value(at(values, i)), 2);
    return sqrt(sum);
}

/* Only the reference: what is computed on devices is measured elsewhere. */
static void runs_are_described(void **state)
{
    const test_target *target = *state;
    if (!test_is_reference(target))
        skip();
    const char *runs[] = {trained(target, "lora", NULL), trained(target, "linear", NULL)};
    json_t *report = analyzed(target, &(graft_analyze_params){.runs = runs, .run_count = 2});
    json_t *lora = at(get(report, "runs"), 0), *linear = at(get(report, "runs"), 1);
    json_t *steps = get(get(lora, "metrics"), "steps");
    assert_string_equal(text(lora, "method"), "lora");
    assert_string_equal(text(lora, "path"), runs[0]);
    assert_string_not_equal(text(lora, "name"), text(linear, "name"));
    assert_int_equal(json_array_size(get(steps, "loss")), 9);
    assert_int_equal(json_array_size(get(steps, "lr")), 9);
    assert_int_equal(json_array_size(get(get(lora, "metrics"), "evaluations")), 3);
    json_t *last = at(get(get(lora, "metrics"), "evaluations"), 2);
    assert_true(number(lora, "accuracy") == number(last, "accuracy"));
    assert_true(number(lora, "best_accuracy") >= number(lora, "accuracy"));
    assert_int_equal((int)number(linear, "trainable_without_head"), 0);
    assert_int_equal((int)number(linear, "trainable"), 33 * RUN_CLASSES);
    /* q and v of two blocks: A [8, 32] and B [32, 8] */
    assert_int_equal((int)number(lora, "trainable_without_head"), 4 * 2 * 8 * 32);
    assert_int_equal(json_array_size(get(report, "linears")), 0);
    assert_string_equal(text(at(get(report, "notes"), 0), "section"), "linears");
    json_decref(report);
}

/* The norm of rows of a tensor in a file. */
static double norm_in_file(const char *path, const char *name, int64_t row, int64_t rows)
{
    gr_tensors *tensors;
    const gr_tensor *t;
    double sum = 0.0;
    check_ok(scratch(), gr_tensors_load(scratch()->log, path, &tensors));
    check_ok(scratch(), gr_tensors_get(scratch()->log, tensors, name, &t));
    float *values = malloc((size_t)gr_tensor_count(t) * sizeof(*values));
    assert_non_null(values);
    gr_tensor_to_f32(t, values);
    for (int64_t i = row * t->shape.dim[1]; i < (row + rows) * t->shape.dim[1]; i++)
        sum += (double)values[i] * values[i];
    free(values);
    gr_tensors_destroy(&tensors);
    return sqrt(sum);
}

/* v of block 1 in the report: its norms are those of the backbone and of the merged file, and the
 * roots of the sums of squares of its singular values. */
static void check_v(json_t *linear, const char *run)
{
    char *merged = path_of(scratch(), "analyzed-merged.safetensors");
    static const char name[] = "blocks.1.attn.qkv.weight";
    check_ok(scratch(),
             graft_merge(scratch()->log, tiny_backbone(), in_folder(run, "adapter.safetensors"),
                         merged, GRAFT_NUMBER_F32));
    json_t *tuned = at(get(linear, "tuned"), 0);
    double before = norm_in_file(tiny_backbone(), name, 64, 32);
    double after = norm_in_file(merged, name, 64, 32);
    assert_int_equal(json_array_size(get(linear, "values")), 32);
    assert_int_equal(json_array_size(get(tuned, "values")), 32);
    assert_true(fabs(number(linear, "norm") - before) < 1e-6 * before);
    assert_true(fabs(number(tuned, "norm") - after) < 1e-6 * after);
    assert_true(fabs(norm_of(get(linear, "values")) - before) < 1e-6 * before);
    assert_true(fabs(norm_of(get(tuned, "values")) - after) < 1e-6 * after);
    assert_true(fabs(before - after) > 1e-3 * before);
    assert_true(number(tuned, "change") * before >= fabs(before - after) * (1 - 1e-6));
}

static void weights_have_singular_values(void **state)
{
    const test_target *target = *state;
    if (!test_is_reference(target) || !gr_singular_available()) {
        print_message("skipped: needs LAPACK and the reference\n");
        skip();
    }
    static const char *const modules[] = {"attn.q",    "attn.k",  "attn.v",
                                          "attn.proj", "mlp.fc1", "mlp.fc2"};
    const char *runs[] = {trained(target, "freqfit+lora", NULL), trained(target, "rlrr", NULL),
                          trained(target, "lora", NULL)};
    json_t *report = analyzed(
        target, &(graft_analyze_params){.runs = runs, .run_count = 3, .backbone = tiny_backbone()});
    json_t *linears = get(report, "linears");
    assert_int_equal(json_array_size(linears), 12);
    for (size_t i = 0; i < 12; i++) {
        char module[64];
        bool in_lora = i % 6 == 0 || i % 6 == 2;
        snprintf(module, sizeof(module), "blocks.%zu.%s", i / 6, modules[i % 6]);
        assert_string_equal(text(at(linears, i), "module"), module);
        json_t *tuned = get(at(linears, i), "tuned");
        assert_int_equal(json_array_size(tuned), in_lora ? 3 : 1);
        assert_int_equal((int)number(at(tuned, in_lora ? 1 : 0), "run"), 1);
        json_array_remove(tuned, 0);
        json_array_remove(tuned, 0); /* what is left is lora, if anything */
    }
    check_v(at(linears, 8), runs[2]);
    assert_non_null(strstr(text(at(get(report, "notes"), 0), "text"), "freqfit is not in"));
    json_decref(report);
}

/* The numbers of `a` and `b` are equal, or they are not. */
static bool alike(json_t *a, json_t *b)
{
    assert_int_equal(json_array_size(a), json_array_size(b));
    for (size_t i = 0; i < json_array_size(a); i++) {
        double x = json_number_value(at(a, i)), y = json_number_value(at(b, i));
        assert_true(x > 0.0);
        if (!(fabs(x - y) <= 1e-4 * x))
            return false;
    }
    return true;
}

static void features_have_spectra(void **state)
{
    const test_target *target = *state;
    const char *runs[] = {trained(target, "linear", NULL), trained(target, "freqfit", NULL)};
    json_t *report = analyzed(target, &(graft_analyze_params){.runs = runs,
                                                              .run_count = 2,
                                                              .backbone = tiny_backbone(),
                                                              .data = tiny_images(),
                                                              .images = 7,
                                                              .batch_size = 4,
                                                              .threads = 1});
    json_t *models = get(report, "features");
    assert_int_equal(json_array_size(models), 3);
    assert_true(json_is_null(get(at(models, 0), "run")));
    for (size_t i = 0; i < 3; i++) { /* the stream before two blocks and behind them, grid 4 */
        assert_int_equal((int)number(at(models, i), "images"), 7);
        assert_int_equal(json_array_size(get(at(models, i), "blocks")), 3);
    }
    for (size_t block = 0; block < 3; block++) {
        json_t *backbone = at(get(at(models, 0), "blocks"), block);
        json_t *linear = at(get(at(models, 1), "blocks"), block);
        json_t *freqfit = at(get(at(models, 2), "blocks"), block);
        assert_int_equal(json_array_size(get(backbone, "before")), 3);
        assert_true(alike(get(linear, "before"), get(backbone, "before")));
        assert_true(json_is_null(get(linear, "after")));
        assert_false(alike(get(freqfit, "after"), get(freqfit, "before")));
        assert_true(alike(get(freqfit, "before"), get(backbone, "before")) == (block == 0));
    }
    json_decref(report);
}

/* Places in a filter [4, 3, 32, 2]: the mean of |K| and of |1 + scale K| over 32 channels. */
static void check_filter(json_t *filter, const char *run)
{
    gr_tensors *tensors;
    float values[4 * 3 * 32 * 2], scale[32];
    check_ok(scratch(),
             gr_tensors_load(scratch()->log, in_folder(run, "adapter.safetensors"), &tensors));
    gr_tensor_to_f32(gr_tensors_find(tensors, "freqfit.1.filter"), values);
    gr_tensor_to_f32(gr_tensors_find(tensors, "freqfit.1.ssf.scale"), scale);
    gr_tensors_destroy(&tensors);
    for (int place = 0; place < 12; place++) {
        double magnitude = 0.0, gain = 0.0;
        for (int c = 0; c < 32; c++) {
            const float *k = values + (place * 32 + c) * 2;
            magnitude += sqrt((double)k[0] * k[0] + (double)k[1] * k[1]) / 32;
            gain += sqrt(pow(1.0 + scale[c] * k[0], 2) + pow(scale[c] * k[1], 2)) / 32;
        }
        double found = json_number_value(at(get(filter, "magnitude"), (size_t)place));
        assert_true(fabs(found - magnitude) < 1e-6);
        found = json_number_value(at(get(filter, "gain"), (size_t)place));
        assert_true(fabs(found - gain) < 1e-6);
    }
}

static void filters_are_shown(void **state)
{
    const test_target *target = *state;
    if (!test_is_reference(target))
        skip();
    static const char *const variants[] = {"freqfit.variant=2d", "freqfit.variant=2d-real",
                                           "freqfit.variant=1d", "freqfit.variant=dct",
                                           "freqfit.variant=scale-shift"};
    static const int rows[] = {4, 4, 1, 4}, cols[] = {3, 3, 9, 4};
    const char *runs[5];
    for (int i = 0; i < 5; i++)
        runs[i] = trained(target, "freqfit", variants[i]);
    json_t *report = analyzed(target, &(graft_analyze_params){.runs = runs, .run_count = 5});
    json_t *filters = get(report, "filters");
    assert_int_equal(json_array_size(filters), 4 * 3);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal((int)number(at(filters, i), "run"), (int)i / 3);
        assert_int_equal((int)number(at(filters, i), "block"), (int)i % 3);
        assert_int_equal((int)number(at(filters, i), "rows"), rows[i / 3]);
        assert_int_equal((int)number(at(filters, i), "cols"), cols[i / 3]);
        assert_int_equal(json_array_size(get(at(filters, i), "gain")), rows[i / 3] * cols[i / 3]);
    }
    check_filter(at(filters, 1), runs[0]);
    json_decref(report);
}

static void expect_error(const test_target *target, const graft_analyze_params *p,
                         graft_status expected, const char *culprit, const char *remedy)
{
    json_t *report;
    assert_error(scratch(), analyze(target, p, &report), expected, culprit, remedy);
    assert_null(report);
}

static void mistakes_are_named(void **state)
{
    const test_target *target = *state;
    if (!test_is_reference(target))
        skip();
    const char *none = scratch()->directory, *run = trained(target, "lora", NULL);
    char *broken = trained(target, "lora", NULL),
         *other = path_of(scratch(), "analyzed-other.safetensors");
    const graft_analyze_params good = {.runs = &run, .run_count = 1};
    graft_analyze_params p = {.runs = &none, .run_count = 1};
    expect_error(target, &p, GRAFT_ERR_NOT_FOUND, none, "`out`");
    p = good, p.run_count = 0;
    expect_error(target, &p, GRAFT_ERR_ARGUMENT, "run folder", "given");
    p = good, p.data = tiny_images();
    expect_error(target, &p, GRAFT_ERR_ARGUMENT, "`data`", "`backbone`");
    gr_tensors *tensors = tiny_tensors("blocks.1.mlp.fc1.weight", true);
    check_ok(scratch(), gr_safetensors_write(scratch()->log, other, tensors, NULL));
    gr_tensors_destroy(&tensors);
    p = good, p.backbone = other;
    expect_error(target, &p, GRAFT_ERR_ARGUMENT, "analyzed-other.safetensors", "another backbone");
    put_text(in_folder(broken, "metrics.jsonl"), "{\"step\": 1, \"loss\": 2}\n{\"step\": 2,\n");
    const char *run_broken = broken;
    p.runs = &run_broken, p.backbone = NULL;
    expect_error(target, &p, GRAFT_ERR_FORMAT, "metrics.jsonl", "entry 2");
}

/* A run that is being written: half a line, and no adapter. */
static void unfinished_runs_are_read(void **state)
{
    const test_target *target = *state;
    if (!test_is_reference(target))
        skip();
    const char *run = trained(target, "lora", NULL);
    put_text(in_folder(run, "metrics.jsonl"),
             "{\"step\": 1, \"epoch\": 0, \"loss\": 2.5, \"lr\": 0.1}\n{\"step\": 2, \"ep");
    assert_int_equal(unlink(in_folder(run, "adapter.safetensors")), 0);
    json_t *report = analyzed(
        target, &(graft_analyze_params){.runs = &run, .run_count = 1, .backbone = tiny_backbone()});
    json_t *it = at(get(report, "runs"), 0);
    assert_int_equal(json_array_size(get(get(get(it, "metrics"), "steps"), "loss")), 1);
    assert_true(json_is_null(get(it, "accuracy")));
    assert_string_equal(text(it, "method"), "lora");
    assert_null(json_object_get(it, "trainable"));
    assert_non_null(
        strstr(text(at(get(report, "notes"), 0), "text"), "has not ended, nor been stopped"));
    json_decref(report);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(runs_are_described),    TEST_CASE(weights_have_singular_values),
        TEST_CASE(features_have_spectra), TEST_CASE(filters_are_shown),
        TEST_CASE(mistakes_are_named),    TEST_CASE(unfinished_runs_are_read),
    };
    scratch_open();
    int failures = TEST_RUN("analyze", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
