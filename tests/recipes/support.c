#include "support.h"

#include <math.h>
#include <string.h>

resolved resolve(const char *recipe, const char *task, const char *method, int batch)
{
    resolved r;
    char text[256];
    graft_log *log = graft_log_create(NULL);
    graft_train_defaults(&r.p);
    r.p.method = method;
    r.p.batch_size = batch;
    if (graft_recipe_apply(log, recipe, task, &r.p, r.set, &r.set_count) != GRAFT_OK) {
        graft_log_error(log, text, sizeof(text));
        fail_msg("%s", text);
    }
    graft_log_destroy(&log);
    return r;
}

bool has_set(const resolved *r, const char *item)
{
    for (int i = 0; i < r->set_count; i++)
        if (strcmp(r->set[i], item) == 0)
            return true;
    return false;
}

void assert_rates(const resolved *r, double lr, double weight_decay, double drop_path)
{
    assert_true(fabs(r->p.lr - lr) <= 1e-15 * lr);
    assert_true(fabs(r->p.weight_decay - weight_decay) <= 1e-15 * weight_decay);
    assert_true(fabs(r->p.drop_path - drop_path) <= 1e-15);
}
