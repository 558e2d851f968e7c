/* graft_search: small searches, and those that were stopped. */
#include "support.h"

#include "peft/noah.h"
#include "search/measure.h"
#include "search/slice.h"
#include "adapter/file.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static graft_search_params tiny_search(const char *out)
{
    graft_search_params p;
    graft_search_defaults(&p);
    p.train = tiny_run(out);
    p.train.epochs = 2;
    p.supernet_epochs = 2;
    p.supernet_lr = 0.02;
    p.val_split = "test";
    p.widths = (graft_int_list){3, {1, 2, 4}};
    p.depths = (graft_int_list){2, {1, 2}};
    p.generations = 3;
    p.population = 4;
    p.parents = 2;
    p.mutations = p.crossovers = 2;
    p.limit = 800;
    return p;
}

static graft_search_result search_ok(gr_device *device, const graft_search_params *p)
{
    graft_search_result result;
    check_ok(scratch(), graft_search(scratch()->log, gr_device_to_public(device), p, &result));
    return result;
}

/* Stops at report number `at` of a phase. */
typedef struct stopper {
    bool stop;
    graft_search_phase phase;
    int at;      /* 0: never */
    int seen[3]; /* reports of each phase */
    bool ordered;
    graft_search_phase last;
} stopper;

static bool watch(void *user, const graft_search_progress *progress)
{
    stopper *s = user;
    s->seen[progress->phase]++;
    s->stop |= s->at && progress->phase == s->phase && s->seen[s->phase] == s->at;
    s->ordered &= progress->phase >= s->last;
    s->last = progress->phase;
    assert_true((progress->train == NULL) == (progress->phase == GRAFT_SEARCH_EVOLUTION));
    return !s->stop;
}

static void same_search(const char *a, const char *b, const char *about)
{
    assert_same_run(in_folder(a, "supernet"), in_folder(b, "supernet"), about);
    assert_same_bytes(in_folder(a, "search.json"), in_folder(b, "search.json"), about);
    assert_same_run(in_folder(a, "subnet"), in_folder(b, "subnet"), about);
}

/* The tensors of the result are those that its metadata tells. */
static void evaluates(gr_device *device, const char *out, const graft_search_result *r)
{
    graft_model *model = model_ok(scratch()->log, device, tiny_backbone(),
                                  in_folder(out, "subnet/adapter.safetensors"));
    graft_eval_result e;
    check_ok(scratch(), graft_model_evaluate(model, tiny_images(), "test", &e));
    assert_true(e.accuracy == r->retrained.accuracy);
    graft_model_close(&model);
    assert_int_equal(r->params, r->retrained.trainable_without_head);
    assert_true(r->params <= 800);
}

/* Phases follow each other alike on all devices: the first one shows it. */
static void only_first_device(const test_target *target)
{
    const test_devices *all = target->devices;
    if (target->device != (all->reference ? all->reference : all->gpu[0]))
        skip();
}

/* Leaves of search.json the settings alone, and a generation that is past the last one. */
static void empty_state(const char *folder)
{
    char *path = in_folder(folder, "search.json"), *text = text_of(path);
    char *candidates = strstr(text, "\"candidates\"");
    assert_non_null(candidates);
    strcpy(candidates, "\"candidates\":[]}");
    put_text(path, text);
}

static void a_stopped_search_goes_on(void **state)
{
    const test_target *target = *state;
    only_first_device(target);
    char *whole = new_path("whole"), *cut = new_path("cut");
    graft_search_params p = tiny_search(whole);
    stopper all = {.ordered = true};
    p.progress = watch;
    p.user = &all;
    graft_search_result expected = search_ok(target->device, &p);
    assert_true(all.ordered);
    for (int i = 0; i < 3; i++)
        assert_true(all.seen[i] > 0);
    evaluates(target->device, whole, &expected);
    p.train.out = cut;
    static const stopper stops[] = {
        {.phase = GRAFT_SEARCH_SUPERNET, .at = 3},
        {.phase = GRAFT_SEARCH_EVOLUTION,
         .at = 18}, /* four for a candidate: in the second generation */
        {.phase = GRAFT_SEARCH_RETRAIN, .at = 2},
    };
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        stopper s = stops[i];
        p.user = &s;
        graft_status status =
            graft_search(scratch()->log, gr_device_to_public(target->device), &p, NULL);
        assert_error(scratch(), status, GRAFT_ERR_INTERRUPTED, "`resume`");
        p.train.resume = true;
    }
    p.progress = NULL;
    graft_search_result result = search_ok(target->device, &p);
    same_search(whole, cut, "a stopped search");
    assert_memory_equal(&result.lora, &expected.lora, sizeof(result.lora));
    assert_true(result.retrained.accuracy == expected.retrained.accuracy);
    assert_true(result.val_accuracy == expected.val_accuracy);
    /* What is there is not overwritten, and other settings are refused. */
    p.train.resume = false;
    graft_device *device = gr_device_to_public(target->device);
    assert_error(scratch(), graft_search(scratch()->log, device, &p, NULL), GRAFT_ERR_ARGUMENT,
                 "holds a search already", "`resume`");
    p.train.resume = true;
    p.train.backbone = other_backbone();
    assert_error(scratch(), graft_search(scratch()->log, device, &p, NULL), GRAFT_ERR_ARGUMENT,
                 "supernet/checkpoint", "another backbone", "accept_changes");
    p.train.backbone = tiny_backbone();
    same_search(whole, cut, "a search that was refused");
    empty_state(cut);
    assert_error(scratch(), graft_search(scratch()->log, device, &p, NULL), GRAFT_ERR_FORMAT,
                 "has no candidates");
    p.limit = 700;
    assert_error(scratch(), graft_search(scratch()->log, device, &p, NULL), GRAFT_ERR_ARGUMENT,
                 "other settings");
}

static void wrong_settings_are_refused(void **state)
{
    const test_target *target = *state;
    only_first_device(target);
    graft_device *device = gr_device_to_public(target->device);
    const char *out = new_path("wrong");
    graft_search_params p = tiny_search(out);
    p.mutations = 9;
    assert_error(scratch(), graft_search(scratch()->log, device, &p, NULL), GRAFT_ERR_ARGUMENT,
                 "`population` 4");
    p = tiny_search(out);
    p.widths = (graft_int_list){1, {0}};
    assert_error(scratch(), graft_search(scratch()->log, device, &p, NULL), GRAFT_ERR_ARGUMENT,
                 "`widths`: expected a number from 1");
    p = tiny_search(out);
    p.depths = (graft_int_list){2, {1, 3}};
    assert_error(scratch(), graft_search(scratch()->log, device, &p, NULL), GRAFT_ERR_ARGUMENT,
                 "noah.depths: up to 3, but the backbone has 2 blocks");
    p = tiny_search(out);
    p.val_split = "val";
    assert_error(scratch(), graft_search(scratch()->log, device, &p, NULL), GRAFT_ERR_ARGUMENT,
                 "no validation images", "`val_split`");
    assert_int_equal(files_below(out), 0);
}

/* The part of a supernet as an adapter of its own; its path. */
static char *write_part(const graft_train_params *p, const gr_subnet *subnet)
{
    fixture *f = scratch();
    gr_tensors *file, *part = gr_tensors_create();
    gr_adapter_info info;
    char *path = in_folder(p->out, "part.safetensors");
    check_ok(f, gr_tensors_load(f->log, in_folder(p->out, "adapter.safetensors"), &file));
    check_ok(f, gr_adapter_info_read(f->log, file, &info));
    check_ok(f, gr_methods_set(f->log, info.methods, "noah.supernet", "0"));
    for (int m = 0; m < GR_MODULES; m++) {
        char key[32], text[GRAFT_SETTING_TEXT_SIZE];
        snprintf(key, sizeof(key), "noah.%s", gr_module_name(m));
        gr_subnet_text(subnet, m, info.config.depth, text);
        check_ok(f, gr_methods_set(f->log, info.methods, key, text));
    }
    check_ok(f, gr_adapter_describe(f->log, part, &info.config, info.methods, &info.input,
                                    &(gr_class_names){0}));
    check_ok(f, gr_subnet_slice(f->log, file, subnet, part));
    check_ok(f, gr_safetensors_write(f->log, path, part, NULL));
    gr_adapter_info_release(&info);
    gr_tensors_destroy(&file);
    gr_tensors_destroy(&part);
    return path;
}

enum { IMAGES = 2 };

static void same_logits(gr_device *device, const graft_train_params *p, gr_measure *measure,
                        const gr_subnet *subnet)
{
    fixture *f = scratch();
    static float images[IMAGES * 3 * RUN_SIZE * RUN_SIZE];
    float masked[IMAGES * RUN_CLASSES], alone[IMAGES * RUN_CLASSES];
    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++)
        images[i] = sinf((float)i);
    const char *path = write_part(p, subnet);
    graft_model *model = model_ok(f->log, device, p->backbone, path);
    check_ok(f, gr_measure_choose(measure, subnet));
    check_ok(f, gr_measure_logits(measure, images, IMAGES, masked));
    check_ok(f, graft_model_logits(model, images, IMAGES, alone));
    for (int k = 0; k < IMAGES * RUN_CLASSES; k++)
        assert_true(fabsf(masked[k] - alone[k]) <= 1e-6f * fmaxf(1.0f, fabsf(alone[k])));
    graft_model_close(&model);
    assert_error(f, graft_merge(f->log, p->backbone, path, new_path("merged"), GRAFT_NUMBER_F32),
                 GRAFT_ERR_UNSUPPORTED, "noah: cannot be folded");
}

/* A part of a supernet, chosen by masks, and the same part as a model of its own. */
static void measured_subnets_are_models(void **state)
{
    const test_target *target = *state;
    static const gr_subnet subnets[] = {
        {{{2, 0}, {4, 1}, {1, 4}}}, {{{0, 0}, {0, 2}, {2, 0}}}, {{{1, 4}, {1, 0}, {0, 2}}}};
    static const char *const set[] = {"noah.supernet=1,2,4", "noah.lora=4", "noah.adapter=4",
                                      "noah.prompts=4"};
    graft_train_params p = tiny_run(new_path("super"));
    p.method = "noah";
    p.set.items = set;
    p.set.count = 4;
    p.epochs = 1;
    train_ok(target->device, &p);
    gr_measure_params params = {.device = target->device,
                                .backbone = p.backbone,
                                .supernet = in_folder(p.out, "adapter.safetensors"),
                                .data = p.data,
                                .split = "test",
                                .batch = 3,
                                .threads = 2};
    /* the second time the device binds the values of two images at most */
    gr_caps *caps = &target->device->caps;
    uint64_t limits[] = {caps->max_binding_bytes, 25000};
    for (int k = 0; k < 2; k++) {
        gr_measure *measure;
        caps->max_binding_bytes = limits[k];
        check_ok(scratch(), gr_measure_open(scratch()->log, &params, &measure));
        for (size_t i = 0; i < sizeof(subnets) / sizeof(subnets[0]); i++)
            same_logits(target->device, &p, measure, &subnets[i]);
        gr_measure_close(measure);
    }
    caps->max_binding_bytes = limits[0];
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(a_stopped_search_goes_on),
        TEST_CASE(wrong_settings_are_refused),
        TEST_CASE(measured_subnets_are_models),
    };
    scratch_open();
    int failures = TEST_RUN("search", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
