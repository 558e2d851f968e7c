#include "reference_support.h"

#include "compare.h"

#include <stdlib.h>
#include <string.h>

int fixture_setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    f->log = graft_log_create(NULL);
    f->backend = &gr_backend_reference;
    *state = f;
    return f->backend->device_create(f->log, 0, "", &f->device) == GRAFT_OK ? 0 : -1;
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    f->backend->device_destroy(f->device);
    graft_log_destroy(&f->log);
    free(f);
    return 0;
}

static void upload(fixture *f, const array *a, gr_binding *binding)
{
    *binding = (gr_binding){.size = 4 * a->count};
    assert_int_equal(
        f->backend->buffer_create(f->device, binding->size, GR_MEMORY_HOST, &binding->buffer),
        GRAFT_OK);
    assert_int_equal(
        f->backend->buffer_write(f->device, binding->buffer, 0, a->words, binding->size), GRAFT_OK);
}

static gr_pipeline_spec specialise(const dispatch *d)
{
    gr_pipeline_spec spec = {.kernel = d->kernel};
    for (uint32_t i = 0; i < d->kernel->tunable_count; i++) {
        spec.tunables[i] = d->kernel->tunables[i].value;
        for (int k = 0; k < 3 && d->tunables[k].name; k++)
            if (strcmp(d->tunables[k].name, d->kernel->tunables[i].name) == 0)
                spec.tunables[i] = d->tunables[k].value;
    }
    return spec;
}

static graft_status run_command(fixture *f, const gr_command *command)
{
    gr_list *list;
    graft_status status = f->backend->list_create(f->device, command, 1, false, &list);
    if (status == GRAFT_OK)
        status = f->backend->submit(f->device, list);
    if (status == GRAFT_OK)
        status = f->backend->wait(f->device);
    f->backend->list_destroy(f->device, list);
    return status;
}

graft_status try_dispatch(fixture *f, const dispatch *d)
{
    gr_command command = {
        .kind = GR_COMMAND_DISPATCH,
        .label = "test",
        .binding_count = d->kernel->binding_count,
    };
    gr_pipeline_spec spec = specialise(d);
    graft_status status = f->backend->pipelines_create(f->device, &spec, 1, &command.pipeline);
    if (status != GRAFT_OK)
        return status;
    for (int i = 0; i < 3; i++)
        command.grid[i] = d->grid[i] ? d->grid[i] : 1;
    memcpy(command.params, d->params, d->kernel->params_bytes);
    for (uint32_t i = 0; i < command.binding_count; i++)
        upload(f, &d->arrays[i], &command.binding[i]);
    status = run_command(f, &command);
    for (uint32_t i = 0; i < command.binding_count; i++) {
        const gr_binding *b = &command.binding[i];
        f->backend->buffer_read(f->device, b->buffer, 0, d->arrays[i].words, b->size);
        f->backend->buffer_destroy(f->device, b->buffer);
    }
    f->backend->pipeline_destroy(f->device, command.pipeline);
    return status;
}

void run_dispatch(fixture *f, const char *file, int line, const dispatch *d)
{
    if (try_dispatch(f, d) == GRAFT_OK)
        return;
    char text[256];
    graft_log_error(f->log, text, sizeof(text));
    print_error("%s\n", text);
    _fail(file, line);
}

void fail_dispatch(fixture *f, const char *file, int line, graft_status expected,
                   const char *const *texts, const dispatch *d)
{
    graft_status status = try_dispatch(f, d);
    char error[256];
    graft_log_error(f->log, error, sizeof(error));
    bool right = status == expected;
    for (; *texts; texts++)
        right &= strstr(error, *texts) != NULL;
    if (right)
        return;
    print_error("%s: \"%s\"\n", graft_status_text(status), error);
    _fail(file, line);
}

void check_floats(const char *file, int line, const float *got, const float *expected, size_t count)
{
    comparison result = compare_floats(got, expected, count, (tolerance){1e-6, 1e-6});
    if (result.wrong == 0)
        return;
    char text[256];
    compare_describe(&result, text, sizeof(text));
    print_error("%s\n", text);
    _fail(file, line);
}
