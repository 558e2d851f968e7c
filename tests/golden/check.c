/* Comparing what was computed with what is expected. */
#include "golden.h"

#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tensors are grouped by what stands before the first dot of their names. */
typedef struct group {
    const char *name;
    tolerance allowed;
    double worst; /* largest absolute error */
    int count;
} group;

static const group all_groups[] = {
    {"logits", {2e-5, 1e-4}, 0, 0},      {"loss", {2e-5, 1e-4}, 0, 0},
    {"grad", {2e-5, 1e-4}, 0, 0},        {"losses_sgd", {2e-5, 1e-4}, 0, 0},
    {"after_sgd", {5e-5, 1e-4}, 0, 0},   {"losses_adamw", {1e-4, 1e-4}, 0, 0},
    {"after_adamw", {2e-4, 1e-4}, 0, 0},
};

enum { GROUP_COUNT = sizeof(all_groups) / sizeof(all_groups[0]) };

static group *group_of(group *groups, const char *tensor)
{
    size_t length = strcspn(tensor, ".");
    for (int i = 0; i < GROUP_COUNT; i++)
        if (strlen(groups[i].name) == length && strncmp(groups[i].name, tensor, length) == 0)
            return &groups[i];
    return NULL;
}

/* AdamW divides a gradient by its size: where the true one is nearly 0, only rounding noise is
 * left. Those elements count as right when they are finite. */
static void forgive(const golden_case *c, const gr_tensor *expected, float *got, const float *want)
{
    const char *prefix = "after_adamw.";
    if (strncmp(expected->name, prefix, strlen(prefix)) != 0)
        return;
    const json_t *ranges = json_object_get(json_object_get(c->config, "adamw_unreliable"),
                                           expected->name + strlen(prefix));
    size_t i;
    json_t *range;
    json_array_foreach(ranges, i, range)
    {
        json_int_t end = json_integer_value(json_array_get(range, 1));
        for (json_int_t k = json_integer_value(json_array_get(range, 0)); k < end; k++)
            if (k >= 0 && k < gr_tensor_count(expected) && isfinite(got[k]))
                got[k] = want[k];
    }
}

static bool compare_tensor(const golden_case *c, const gr_tensor *got, const gr_tensor *expected,
                           group *g)
{
    size_t count = (size_t)gr_tensor_count(expected);
    float *a = malloc((count + 1) * sizeof(*a)), *b = malloc((count + 1) * sizeof(*b));
    bool right = false;
    if (a && b) {
        gr_tensor_to_f32(got, a);
        gr_tensor_to_f32(expected, b);
        forgive(c, expected, a, b);
        comparison result = compare_floats(a, b, count, g->allowed);
        right = result.wrong == 0;
        g->worst = fmax(g->worst, result.max_absolute);
        g->count++;
        char text[256];
        compare_describe(&result, text, sizeof(text));
        if (!right)
            printf("    %s: %s\n", expected->name, text);
    }
    free(a);
    free(b);
    return right;
}

static bool check_tensor(const golden_case *c, const gr_tensors *got, const gr_tensor *expected,
                         group *groups)
{
    char shape[2][GR_SHAPE_TEXT];
    group *g = group_of(groups, expected->name);
    const gr_tensor *t = gr_tensors_find(got, expected->name);
    if (!g || !t) {
        printf("    %s: %s\n", expected->name, g ? "was not computed" : "not known here");
        return false;
    }
    if (!gr_shape_equal(&t->shape, &expected->shape)) {
        printf("    %s: expected shape %s, got %s\n", expected->name,
               gr_shape_text(&expected->shape, shape[0]), gr_shape_text(&t->shape, shape[1]));
        return false;
    }
    return compare_tensor(c, t, expected, g);
}

/* The trained tensors are those of the official code, no more. */
static int check_trainable(const golden_case *c, const gr_tensors *got)
{
    int extra = 0;
    for (size_t i = 0; i < gr_tensors_count(got); i++) {
        const char *name = gr_tensors_at(got, i)->name;
        if (gr_tensors_find(c->expected, name))
            continue;
        printf("    %s: is not expected\n", name);
        extra++;
    }
    return extra;
}

int golden_check(const golden_case *c, const char *device, const gr_tensors *got)
{
    group groups[GROUP_COUNT];
    memcpy(groups, all_groups, sizeof(groups));
    int wrong = check_trainable(c, got);
    for (size_t i = 0; i < gr_tensors_count(c->expected); i++)
        wrong += !check_tensor(c, got, gr_tensors_at(c->expected, i), groups);
    printf("%s %-18s %-12s", wrong ? "WRONG" : "ok   ", c->name, device);
    for (int i = 0; i < GROUP_COUNT; i++) {
        printf(" %s %.1e", groups[i].name, groups[i].worst);
        if (groups[i].count == 0) {
            printf(" (nothing compared)");
            wrong++;
        }
    }
    printf("\n");
    return wrong;
}
