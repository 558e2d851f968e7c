/* What a recipe makes of the defaults. */
#ifndef RECIPES_SUPPORT_H
#define RECIPES_SUPPORT_H

#include <graft/graft.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct resolved {
    graft_train_params p;
    const char *set[GRAFT_RECIPE_MAX_SET];
    int set_count;
} resolved;

/* Fails the test when the recipe refuses. task, method: NULL for those of the recipe; batch: 0. */
resolved resolve(const char *recipe, const char *task, const char *method, int batch);

bool has_set(const resolved *r, const char *item); /* "convpass.s=0.1" */

void assert_rates(const resolved *r, double lr, double weight_decay, double drop_path);

#endif
