/* docs/recipes.md, made from the recipes. */
#include "command/cli/recipes.h"

#include "command/console/names.h"
#include "command/console/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_value(const json_t *value)
{
    const json_t *item;
    size_t i;
    if (json_is_string(value))
        printf("%s", *json_string_value(value) ? json_string_value(value) : "none");
    else if (json_is_boolean(value))
        printf("%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_number(value))
        printf("%.10g", json_number_value(value));
    json_array_foreach(value, i, item) printf("%s%s", i ? ", " : "", json_string_value(item));
}

/* The settings that differ from `base`; those of `always` in any case. */
static void print_differences(const json_t *settings, const json_t *base, const char *const *always)
{
    const char *key;
    json_t *value;
    bool first = true;
    json_object_foreach((json_t *)settings, key, value)
    {
        bool shown = !json_equal(value, json_object_get(base, key));
        for (const char *const *name = always; name && *name && !shown; name++)
            shown = strcmp(*name, key) == 0;
        if (!shown)
            continue;
        printf("%s`%s` ", first ? "" : ", ", key);
        print_value(value);
        first = false;
    }
    printf("%s", first ? "as above" : "");
}

/* Of tasks that have the same settings; NULL: there are none yet. */
static void end_row(const json_t *settings, const json_t *base)
{
    if (!settings)
        return;
    printf(" | ");
    print_differences(settings, base, NULL);
    printf(" |\n");
}

static graft_status print_tasks(cli *c, int index, const graft_recipe_info *r, const json_t *base)
{
    const char *task;
    if (r->task_count > 0)
        printf("\n| `--task` | what differs |\n|---|---|\n");
    json_t *last = NULL;
    graft_status status = GRAFT_OK;
    for (int t = 0; status == GRAFT_OK && (task = graft_recipe_task(index, t)); t++) {
        json_t *settings = NULL;
        status = cli_recipe_settings(c, r->name, task, &settings);
        if (last && json_equal(last, settings)) {
            printf(", `%s`", task);
            json_decref(settings);
            continue;
        }
        end_row(last, base);
        printf("| `%s`", task);
        json_decref(last);
        last = settings;
    }
    end_row(last, base);
    json_decref(last);
    return status;
}

static graft_status print_recipe(cli *c, int index, const graft_recipe_info *r,
                                 const json_t *defaults)
{
    static const char *const always[] = {
        "method", "optimizer", "epochs",        "batch-size", "lr",     "weight-decay", "schedule",
        "seed",   "lr-step",   "warmup-epochs", "warmup-lr",  "min-lr", "head-init",    NULL,
    };
    json_t *settings = NULL;
    char notes[1024];
    CLI_TRY(cli_recipe_settings(c, r->name, NULL, &settings));
    printf("\n## %s\n\nFor %s (%s).\n\n", r->name, r->summary, r->source);
    print_differences(settings, defaults, always);
    printf(".\n");
    if (r->notes) {
        cli_name_options(NULL, r->notes, notes, sizeof(notes));
        printf("\nNote: %s.\n", notes);
    }
    graft_status status = print_tasks(c, index, r, settings);
    json_decref(settings);
    return status;
}

static const char introduction[] =
    "# Recipes\n\n"
    "This page is generated: `graft recipes --markdown > docs/recipes.md`.\n\n"
    "`graft train --recipe NAME [--task NAME]` trains with the settings that a paper's official "
    "code runs with, not always those that the paper tells. Any option given beside them wins, and "
    "`--dry-run` prints what would run, as a file for `--config`. Settings that a recipe does not "
    "list are the defaults of `graft train`. Options of methods apply to the methods that are "
    "chosen: with `--method convpass_attn` the recipe `convpass` takes the scales of that variant."
    "\n\n"
    "Where a code trains in mixed precision, graft does not: it computes in 32 bits. The rates of "
    "`adaptformer` and `vpt` are proportional to the batch; a rate given by `--lr` is taken as it "
    "is. The learning rates of each epoch are those of the official schedulers to the last bit:\n\n"
    "| `--schedule` | `--lr-step` | whose |\n|---|---|---|\n"
    "| `timm-cosine` | `epoch` | SSF: the cosine counts from epoch 0, under the warm-up |\n"
    "| `timm-cosine` | `late-epoch` | Convpass, RLRR, NOAH: the same, an epoch behind |\n"
    "| `cosine` | `epoch` | VPT, FreqFit: the cosine begins after the warm-up; the first epoch has "
    "rate 0 |\n"
    "| `cosine` | `iteration` | AdaptFormer |\n"
    "| `restarts` | `late-epoch` | RLRR on CUB and Dogs |\n";

graft_status cli_print_recipes_markdown(cli *c)
{
    graft_recipe_info r;
    graft_train_params p;
    char *text = NULL;
    graft_train_defaults(&p);
    CLI_TRY(graft_train_describe(c->log, &p, NULL, &text));
    json_t *defaults = json_loads(text, 0, NULL);
    free(text);
    graft_status status = defaults ? GRAFT_OK : cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    printf("%s", introduction);
    for (int i = 0; status == GRAFT_OK && graft_recipe_get_info(i, &r); i++)
        status = print_recipe(c, i, &r, defaults);
    json_decref(defaults);
    return status;
}
