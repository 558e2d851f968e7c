/* adapter_config.json of Hugging Face peft. */
#include "adapter/peft.h"

#include "base/log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of an alpha, as the methods' own options have it. */
static const double MAX_NUMBER = 1e6;

/* What is read elsewhere, what only matters to a training that is over, and what the tensors tell
 * (which modules there are, and of which rank). */
static const char *const known[] = {
    "peft_type",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
    "peft_version",
    "task_type",
    "target_modules",
    "feedforward_modules",
    "modules_to_save",
    "layers_to_transform",
    "layers_pattern",
    "exclude_modules",
    "init_weights",
    "init_ia3_weights",
    "init_lora_weights",
    "loftq_config",
    "megatron_core",
    "runtime_config",
    "qalora_group_size",
    "ensure_weight_tying",
    "r",
    "lora_alpha",
    "lora_dropout",
    "rank_pattern",
    "alpha_pattern",
    "use_rslora",
    "use_dora",
    "projection_prng_key",
    "save_projection",
    "vera_dropout",
    "d_initial",
    "boft_block_size",
    "boft_block_num",
    "boft_n_butterfly_factor",
    "boft_dropout",
    "n_frequency",
    "scaling",
    "random_loc_seed",
};

static const struct {
    const char *type, *method;
} types[] = {
    {"LORA", "lora"}, {"LORA", "dora"}, {"IA3", "ia3"},
    {"VERA", "vera"}, {"BOFT", "boft"}, {"FOURIERFT", "fourierft"},
};

const char *gr_peft_method(const char *peft_type, bool use_dora)
{
    if (use_dora && strcmp(peft_type, "LORA") == 0)
        return "dora";
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].type, peft_type) == 0)
            return types[i].method;
    return NULL;
}

const char *gr_peft_type(const char *method)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].method, method) == 0)
            return types[i].type;
    return NULL;
}

const char *gr_peft_lead(const char *method)
{
    return strcmp(method, "ia3") == 0         ? "ia3_l"
           : strcmp(method, "vera") == 0      ? "vera_lambda_b"
           : strcmp(method, "boft") == 0      ? "boft_s"
           : strcmp(method, "fourierft") == 0 ? "fourierft_spectrum"
                                              : "lora_A.weight";
}

/* null, false, 0, "", "none", [] and {}: nothing is asked for. */
static bool is_neutral(const json_t *value)
{
    if (json_is_string(value))
        return !*json_string_value(value) || strcmp(json_string_value(value), "none") == 0;
    if (json_is_number(value))
        return json_number_value(value) == 0.0;
    return json_is_null(value) || json_is_false(value) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static bool is_known(const char *key)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], key) == 0)
            return true;
    return false;
}

static graft_status refuse(graft_log *log, const char *source, const char *key, const json_t *value,
                           const char *why)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    graft_status status = gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: %s is %.80s: %s", source, key,
                                  text ? text : "?", why);
    free(text);
    return status;
}

/* Starts that change the frozen weights as well. */
static graft_status check_start(graft_log *log, const char *source, const json_t *config)
{
    static const char *const plain[] = {"gaussian", "eva", "orthogonal"};
    const json_t *start = json_object_get(config, "init_lora_weights");
    const char *text = json_string_value(start);
    for (size_t i = 0; text && i < sizeof(plain) / sizeof(plain[0]); i++)
        if (strcmp(plain[i], text) == 0)
            return GRAFT_OK;
    return text ? refuse(log, source, "init_lora_weights", start,
                         "it changed the frozen weights as well; save the adapter with "
                         "path_initial_model_for_weight_conversion")
                : GRAFT_OK;
}

static graft_status check_task(graft_log *log, const char *source, const json_t *config)
{
    const json_t *task = json_object_get(config, "task_type");
    const char *text = json_string_value(task);
    if (!text || strcmp(text, "FEATURE_EXTRACTION") == 0)
        return GRAFT_OK;
    return refuse(log, source, "task_type", task,
                  "graft classifies images, for which peft has no task_type; expected null");
}

static graft_status check_type(graft_log *log, const char *source, const json_t *config)
{
    const json_t *type = json_object_get(config, "peft_type");
    if (!json_is_string(type))
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: no peft_type; is it a folder of peft?", source);
    return gr_peft_method(json_string_value(type), false)
               ? GRAFT_OK
               : refuse(log, source, "peft_type", type,
                        "graft reads LORA (also with use_dora), IA3, VERA, BOFT and FOURIERFT; "
                        "merge it with peft, model.merge_and_unload(), and save the model");
}

/* What the numbers of LoRA and VeRA are read as. */
static graft_status check_numbers(graft_log *log, const char *source, const json_t *config)
{
    const char *type = json_string_value(json_object_get(config, "peft_type"));
    const json_t *r = json_object_get(config, "r"), *alpha = json_object_get(config, "lora_alpha");
    bool lora = strcmp(type, "LORA") == 0, vera = strcmp(type, "VERA") == 0;
    if ((lora || vera) && (!json_is_integer(r) || json_integer_value(r) < 1))
        return refuse(log, source, "r", r, "expected a whole number above 0");
    if (lora && !json_is_number(alpha))
        return refuse(log, source, "lora_alpha", alpha, "expected a number");
    return GRAFT_OK;
}

graft_status gr_peft_config_check(graft_log *log, const char *source, const json_t *config)
{
    const char *key;
    json_t *value;
    GR_TRY(check_type(log, source, config));
    GR_TRY(check_numbers(log, source, config));
    GR_TRY(check_task(log, source, config));
    GR_TRY(check_start(log, source, config));
    const json_t *bias = json_object_get(config, "bias");
    if (bias && !is_neutral(bias))
        return refuse(log, source, "bias", bias,
                      "trained biases come as a method of their own here (bitfit); merge it with "
                      "peft, model.merge_and_unload(), and save the model");
    json_object_foreach((json_t *)config, key, value)
    {
        if (!is_known(key) && !is_neutral(value))
            return refuse(log, source, key, value,
                          "graft does not do that; merge it with peft, model.merge_and_unload(), "
                          "and save the model");
    }
    if (!is_neutral(json_object_get(config, "boft_dropout")))
        gr_log(log, GRAFT_LOG_WARN,
               "%s: boft_dropout: graft's boft has none, should it be trained on", source);
    return GRAFT_OK;
}

/* Options that are peft's numbers under another name. */
static const struct {
    const char *key, *method, *option;
} options[] = {
    {"lora_dropout", "lora", "dropout"},
    {"lora_dropout", "dora", "dropout"},
    {"use_rslora", "lora", "rslora"},
    {"use_rslora", "dora", "rslora"},
    {"vera_dropout", "vera", "dropout"},
    {"projection_prng_key", "vera", "projection_prng_key"},
    {"n_frequency", "fourierft", "n_frequency"},
    {"scaling", "fourierft", "scaling"},
    {"random_loc_seed", "fourierft", "random_loc_seed"},
};

graft_status gr_peft_config_options(graft_log *log, const char *source, const json_t *config,
                                    gr_methods *methods)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const json_t *value = json_object_get(config, options[i].key);
        char key[64], text[40];
        if (!value || json_is_null(value) ||
            strcmp(options[i].method, methods->item[0].method->name) != 0)
            continue;
        if (!json_is_number(value) && !json_is_boolean(value))
            return refuse(log, source, options[i].key, value, "expected a number");
        snprintf(key, sizeof(key), "%s.%s", options[i].method, options[i].option);
        snprintf(text, sizeof(text), "%.9g",
                 json_is_boolean(value) ? (double)json_is_true(value) : json_number_value(value));
        GR_TRY(gr_methods_set(log, methods, key, text));
    }
    return GRAFT_OK;
}

graft_status gr_peft_pattern(graft_log *log, const char *source, const json_t *pattern,
                             const char *module, double other, double *out)
{
    const char *key;
    json_t *value;
    size_t length = strlen(module);
    *out = other;
    json_object_foreach((json_t *)pattern, key, value)
    {
        size_t end = strlen(key);
        if (strpbrk(key, "*+?[](){}|\\^$"))
            return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                           "%s: pattern '%s': a regular expression; graft takes names of modules "
                           "and their ends",
                           source, key);
        bool fits = end <= length && strcmp(module + length - end, key) == 0 &&
                    (end == length || module[length - end - 1] == '.');
        if (!fits)
            continue;
        *out = json_number_value(value);
        if (!json_is_number(value) || fabs(*out) > MAX_NUMBER)
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: the pattern's '%s': expected a number from %g to %g", source, key,
                           -MAX_NUMBER, MAX_NUMBER);
        return GRAFT_OK;
    }
    return GRAFT_OK;
}
