/* The files beside a checkpoint: what they say becomes metadata, under the names that graft has. */
#include "fixture.h"
#include "weights/sidecars.h"

typedef struct expectation {
    gr_sidecars kind;
    const char *file, *text;
    const char *key, *value; /* NULL: the key must not be there */
} expectation;

static const expectation cases[] = {
    /* google/vit-base-patch16-224 */
    {GR_SIDECARS_TRANSFORMERS, "preprocessor_config.json",
     "{\"do_normalize\": true, \"do_resize\": true, \"image_mean\": [0.5, 0.5, 0.5], "
     "\"image_std\": [0.5, 0.5, 0.5], \"resample\": 2, \"size\": {\"height\": 224, \"width\": "
     "224}}",
     "graft.input",
     "{\"interpolation\":\"bilinear\",\"normalization\":\"half\",\"resize\":\"squash\"}"},
    /* older files say the size as a number */
    {GR_SIDECARS_TRANSFORMERS, "preprocessor_config.json",
     "{\"image_mean\": [0.485, 0.456, 0.406], \"image_std\": [0.229, 0.224, 0.225], "
     "\"resample\": 3, \"size\": 224}",
     "graft.input",
     "{\"interpolation\":\"bicubic\",\"normalization\":\"imagenet\",\"resize\":\"squash\"}"},
    /* openai/clip-vit-base-patch16; DINOv2 resizes to more than it crops */
    {GR_SIDECARS_TRANSFORMERS, "preprocessor_config.json",
     "{\"crop_size\": {\"height\": 224, \"width\": 224}, \"do_center_crop\": true, "
     "\"image_mean\": [0.48145466, 0.4578275, 0.40821073], "
     "\"image_std\": [0.26862954, 0.26130258, 0.27577711], \"resample\": 3, "
     "\"size\": {\"shortest_edge\": 256}}",
     "graft.input",
     "{\"interpolation\":\"bicubic\",\"normalization\":\"clip\",\"resize\":\"crop\",\"resize_to\":"
     "256}"},
    {GR_SIDECARS_TRANSFORMERS, "config.json",
     "{\"model_type\": \"vit\", \"id2label\": {\"1\": \"goldfish\", \"0\": \"tench\"}}",
     "graft.classes", "{\"names\":[\"tench\",\"goldfish\"]}"},
    {GR_SIDECARS_TRANSFORMERS, "config.json",
     "{\"model_type\": \"vit\", \"id2label\": {\"0\": \"LABEL_0\", \"1\": \"LABEL_1\"}}",
     "graft.classes", NULL},
    {GR_SIDECARS_TRANSFORMERS, "config.json",
     "{\"model_type\": \"resnet\", \"num_attention_heads\": 2}", "graft.heads", NULL},
    {GR_SIDECARS_TRANSFORMERS, "config.json",
     "{\"model_type\": \"vit\", \"num_attention_heads\": 2}", "graft.heads", "2"},
    /* timm: the short side to floor(224 / 0.9), then the centre */
    {GR_SIDECARS_TIMM, "config.json",
     "{\"architecture\": \"vit_base_patch16_224\", \"global_pool\": \"token\", \"pretrained_cfg\": "
     "{\"crop_mode\": \"center\", \"crop_pct\": 0.9, \"input_size\": [3, 224, 224], "
     "\"interpolation\": \"bicubic\", \"mean\": [0.5, 0.5, 0.5], \"std\": [0.5, 0.5, 0.5]}}",
     "graft.input",
     "{\"interpolation\":\"bicubic\",\"normalization\":\"half\",\"resize\":\"crop\",\"resize_to\":"
     "248}"},
    {GR_SIDECARS_TIMM, "config.json",
     "{\"architecture\": \"vit_base_patch16_224\", \"global_pool\": \"avg\"}", "graft.pool", "avg"},
    /* a run's own config.json is not timm's */
    {GR_SIDECARS_TIMM, "config.json", "{\"global_pool\": \"avg\"}", "graft.pool", NULL},
    {GR_SIDECARS_OPEN_CLIP, "open_clip_config.json",
     "{\"model_cfg\": {\"vision_cfg\": {\"width\": 1280, \"head_width\": 80}}, \"preprocess_cfg\": "
     "{}}",
     "graft.heads", "16"},
    {GR_SIDECARS_OPEN_CLIP, "open_clip_config.json",
     "{\"model_cfg\": {\"vision_cfg\": {\"width\": 832}}}", "graft.heads", "13"},
    {GR_SIDECARS_OPEN_CLIP, "open_clip_config.json",
     "{\"model_cfg\": {\"quick_gelu\": true, \"vision_cfg\": {\"width\": 768}}}",
     "graft.activation", "quick_gelu"},
};

static void files_are_heard(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture *f = *state;
        const expectation *c = &cases[i];
        gr_tensors *t = gr_tensors_create();
        char folder[16], name[64];
        snprintf(folder, sizeof(folder), "%zu", i);
        snprintf(name, sizeof(name), "%zu/%s", i, c->file);
        put_text(path_of(f, name), c->text);
        check_ok(f, gr_sidecars_read(f->log, path_of(f, folder), c->kind, t));
        const char *found = gr_tensors_metadata(t, c->key);
        if (c->value && found)
            assert_string_equal(found, c->value);
        else if (c->value || found)
            fail_msg("case %zu: %s is %s", i, c->key, found ? found : "missing");
        gr_tensors_destroy(&t);
    }
}

static char warning[512];

static void keep_warning(void *user, graft_log_level level, const char *text)
{
    if (level == GRAFT_LOG_WARN)
        snprintf(warning, sizeof(warning), "%s", text);
}

/* What graft has no name for is said, not replaced by a default without a word. */
static void what_cannot_be_used_is_a_warning(void **state)
{
    static const struct {
        const char *text, *culprit;
    } wrong[] = {
        {"{\"image_mean\": [0.1, 0.2, 0.3], \"image_std\": [1, 1, 1]}", "mean 0.1 0.2 0.3"},
        {"{\"resample\": 1, \"size\": 224}", "lanczos"},
        {"{\"size\": {\"height\": 224, \"width\": 200}}", "not square"},
        {"{\"do_rescale\": false}", "left out"},
        {"{\"image_mean\": 0.5, \"image_std\": [1, 1, 1]}", "not three numbers"},
    };
    fixture *f = *state;
    graft_log_params params = {.callback = keep_warning, .level = GRAFT_LOG_WARN};
    graft_log *log = graft_log_create(&params);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        gr_tensors *t = gr_tensors_create();
        warning[0] = '\0';
        put_text(path_of(f, "preprocessor_config.json"), wrong[i].text);
        assert_int_equal(gr_sidecars_read(log, f->directory, GR_SIDECARS_TRANSFORMERS, t),
                         GRAFT_OK);
        assert_null(gr_tensors_metadata(t, "graft.input"));
        assert_non_null(strstr(warning, "preprocessor_config.json"));
        if (!strstr(warning, wrong[i].culprit))
            fail_msg("'%s' does not name '%s'", warning, wrong[i].culprit);
        gr_tensors_destroy(&t);
    }
    graft_log_destroy(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_heard),
        TEST(what_cannot_be_used_is_a_warning),
    };
    return RUN_TESTS(tests);
}
