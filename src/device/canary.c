#include "device/canary.h"

#include "base/log.h"
#include "base/mem.h"
#include "device/device.h"
#include "device/state.h"

#include "shaders/canary.gk.h"

#include <stdio.h>
#include <string.h>

enum { CELLS = 1024 };

struct gr_canary_page {
    gr_canary_page *next;
    gr_buffer *buffer; /* CELLS counts of runs */
    uint32_t expected[CELLS];
    bool used[CELLS], dropped[CELLS];
    char label[CELLS][24]; /* what the list begins with; a run may outlive its list */
};

static graft_status create_page(gr_device *device, gr_canary_page **out)
{
    gr_device_state *state = device->state;
    gr_canary_page *page = gr_alloc(state, sizeof(*page));
    if (!page)
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "%s: no memory for canaries",
                       device->info.id);
    graft_status status = device->backend->buffer_create(device, sizeof(page->expected),
                                                         GR_MEMORY_HOST, &page->buffer);
    if (status == GRAFT_OK)
        status = device->backend->buffer_write(device, page->buffer, 0, page->expected,
                                               sizeof(page->expected));
    if (status != GRAFT_OK) {
        if (page->buffer)
            device->backend->buffer_destroy(device, page->buffer);
        gr_free(page);
        return status;
    }
    page->next = state->canaries;
    *out = state->canaries = page;
    return GRAFT_OK;
}

/* A word that is used again goes on counting from where it is: the runs of the list before may not
 * be over. */
static graft_status take_cell(gr_device *device, gr_canary *canary)
{
    for (gr_canary_page *page = device->state->canaries; page; page = page->next)
        for (uint32_t cell = 0; cell < CELLS; cell++)
            if (!page->used[cell]) {
                *canary = (gr_canary){page, cell};
                return GRAFT_OK;
            }
    *canary = (gr_canary){.cell = 0};
    return create_page(device, &canary->page);
}

graft_status gr_canary_create(gr_device *device, const char *label, gr_canary *canary,
                              gr_command *command)
{
    gr_pipeline *pipeline;
    *canary = (gr_canary){.page = NULL};
    if (!device->caps.executes || device->state->no_canaries)
        return GRAFT_OK;
    const gr_pipeline_spec spec = {&gr_kernel_canary, {1}};
    GR_TRY(gr_device_pipelines(device, &spec, 1, &pipeline));
    GR_TRY(take_cell(device, canary));
    canary->page->used[canary->cell] = true;
    canary->page->dropped[canary->cell] = false;
    snprintf(canary->page->label[canary->cell], sizeof(canary->page->label[0]), "%s",
             label ? label : "no label");
    *command = (gr_command){
        .kind = GR_COMMAND_DISPATCH,
        .barrier = true,
        .label = "canary",
        .binding_count = 1,
        .binding = {{canary->page->buffer, 0, sizeof(canary->page->expected)}},
        .pipeline = pipeline,
        .grid = {1, 1, 1},
    };
    const gr_canary_params params = {.cell = canary->cell};
    memcpy(command->params, &params, sizeof(params));
    return GRAFT_OK;
}

void gr_canary_destroy(gr_canary *canary)
{
    if (canary->page)
        canary->page->used[canary->cell] = false;
    canary->page = NULL;
}

void gr_canary_expect(gr_device *device, const gr_canary *canary)
{
    if (!canary->page)
        return;
    canary->page->expected[canary->cell]++;
    canary->page->dropped[canary->cell] = false;
    device->state->unchecked = true;
    device->state->dropped = false;
}

bool gr_canary_is_dropped(const gr_canary *canary)
{
    return canary->page && canary->page->dropped[canary->cell];
}

/* Returns how many runs are missing, and of what list. An application that recorded a list into
 * commands of its own runs it more often than was submitted. */
static uint32_t compare(gr_canary_page *page, const uint32_t *found, const char **label)
{
    uint32_t missing = 0;
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        int32_t lost = (int32_t)(page->expected[cell] - found[cell]);
        page->dropped[cell] |= lost > 0;
        missing += lost > 0 ? (uint32_t)lost : 0;
        if (lost > 0)
            *label = page->label[cell];
        page->expected[cell] = found[cell];
    }
    return missing;
}

graft_status gr_canary_check(gr_device *device)
{
    uint32_t found[CELLS], missing = 0;
    const char *label = "";
    if (!device->state->unchecked)
        return GRAFT_OK;
    device->state->unchecked = false;
    for (gr_canary_page *page = device->state->canaries; page; page = page->next) {
        GR_TRY(device->backend->buffer_read(device, page->buffer, 0, found, sizeof(found)));
        missing += compare(page, found, &label);
    }
    device->state->dropped = missing > 0;
    if (!missing)
        return GRAFT_OK;
    return gr_fail(device->log, GRAFT_ERR_DEVICE,
                   "%s: the driver dropped %u submission%s (%s) and reported success; what was "
                   "computed is not valid: update the driver, or give it less at a time "
                   "(`micro_batch`)",
                   device->info.id, missing, missing == 1 ? "" : "s", label);
}

void gr_canary_close(gr_device *device)
{
    for (gr_canary_page *page = device->state->canaries; page; page = page->next)
        device->backend->buffer_destroy(device, page->buffer);
    device->state->canaries = NULL;
}
