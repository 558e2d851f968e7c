/* The self-test of a device: include/graft/selftest.h. */
#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"
#include "device/device.h"
#include "device/verdict.h"
#include "selftest/run.h"

#include <graft/selftest.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Sums go in another order than the reference's: for the longest ones here single precision itself
 * leaves a hundredth of this. */
#define TOLERANCE 1e-4
#define NOTHING   1e30 /* the error where there is no result */

/* A problem that no row is too good for. */
static const gr_problem large = {UINT32_MAX, 1e30};

typedef struct session {
    graft_log *log; /* drops messages, and keeps the last error */
    gr_device *device;
    graft_device *reference;
    const graft_selftest_params *params;
    graft_selftest_result *result;
    gr_selftest_values *expected; /* of each case */
    const gr_variant *forced[2];
    int total;
} session;

void graft_selftest_defaults(graft_selftest_params *params)
{
    *params = (graft_selftest_params){.all = false};
}

/* The largest difference over the largest expected value. */
static double difference(const float *found, const float *wanted, size_t count)
{
    double most = 0.0, largest = 0.0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)found[i] - (double)wanted[i]);
        if (!isfinite(d))
            return NOTHING;
        most = d > most ? d : most;
        largest = fabs((double)wanted[i]) > largest ? fabs((double)wanted[i]) : largest;
    }
    return largest > 0.0 ? most / largest : most;
}

/* Of the result and each gradient, whose sizes differ much. */
static double worst_of(const gr_selftest_values *found, const gr_selftest_values *wanted)
{
    double worst = 0.0;
    size_t at = 0;
    for (int i = 0; i < wanted->outputs; i++) {
        double d = difference(found->data + at, wanted->data + at, wanted->counts[i]);
        worst = d > worst ? d : worst;
        at += wanted->counts[i];
    }
    return worst;
}

/* Computes the case on the device and compares. Only what the machine itself lacks (memory of the
 * host) is a status; all else is the device's failure. */
static graft_status compare(session *s, int index, double *error, char *message, size_t size)
{
    gr_selftest_values values;
    message[0] = '\0';
    graft_status status =
        gr_selftest_run(s->log, gr_device_to_public(s->device), &gr_selftest_cases[index], &values);
    if (status == GRAFT_ERR_MEMORY)
        return status;
    *error = NOTHING;
    if (status == GRAFT_OK)
        *error = worst_of(&values, &s->expected[index]);
    else
        graft_log_error(s->log, message, (int)size);
    gr_free(values.data);
    return GRAFT_OK;
}

static graft_status check(session *s, int index, const gr_variant *row, bool *passed)
{
    char kernel[64] = "", message[256];
    graft_selftest_check shown = {gr_selftest_cases[index].name, kernel, .tolerance = TOLERANCE};
    if (row)
        snprintf(kernel, sizeof(kernel), "%s=%s", row->kernel, row->name);
    double start = gr_seconds();
    GR_TRY(compare(s, index, &shown.error, message, sizeof(message)));
    shown.seconds = gr_seconds() - start;
    shown.message = message;
    shown.passed = *passed = shown.error <= TOLERANCE;
    s->result->checks++;
    s->result->failed += !shown.passed;
    if (s->result->checks > s->total)
        s->total = s->result->checks;
    bool on = !s->params->report ||
              s->params->report(s->params->user, &shown, s->result->checks, s->total);
    return on ? GRAFT_OK : GRAFT_ERR_INTERRUPTED;
}

/* Bans rows of one kernel, the chosen one first, until the case passes; never the last one. When
 * nothing helps, what was banned for it may be chosen again. */
static graft_status ban_rows(session *s, int index, const char *kernel, bool *passed)
{
    const gr_variant *tried[GR_MAX_BANNED];
    int count = 0;
    while (!*passed && count < GR_MAX_BANNED) {
        const gr_variant *row = gr_variant_next(s->device, kernel, &large, NULL);
        if (!row || !gr_variant_next(s->device, kernel, &large, row) ||
            !gr_device_ban(s->device, row))
            break;
        tried[count++] = row;
        GR_TRY(check(s, index, NULL, passed));
    }
    for (int i = 0; i < count && !*passed; i++)
        gr_device_unban(s->device, tried[i]);
    return GRAFT_OK;
}

static void refuse(session *s, int index)
{
    if (!s->result->refused[0])
        snprintf(s->result->refused, sizeof(s->result->refused),
                 "%s: wrong results, and no other kernel to choose", gr_selftest_cases[index].name);
}

/* As chosen, and with what is wrong avoided. */
static graft_status check_chosen(session *s, int index)
{
    const gr_selftest_case *c = &gr_selftest_cases[index];
    bool passed;
    GR_TRY(check(s, index, NULL, &passed));
    for (int k = 0; k < GR_SELFTEST_MAX_KERNELS && c->kernels[k] && !passed; k++)
        GR_TRY(ban_rows(s, index, c->kernels[k], &passed));
    if (!passed)
        refuse(s, index);
    return GRAFT_OK;
}

/* Each row that runs here, forced. A wrong one is banned; the last one stays, and is refused with
 * the device where it is what is chosen. */
static graft_status check_rows(session *s, int index, const char *kernel)
{
    const struct gr_variant *const *forced = s->device->forced;
    graft_status status = GRAFT_OK;
    const gr_variant *row = NULL;
    while (status == GRAFT_OK && (row = gr_variant_next(s->device, kernel, &large, row))) {
        bool passed = true;
        s->forced[0] = row;
        s->device->forced = s->forced;
        status = check(s, index, row, &passed);
        s->device->forced = forced;
        bool last = !gr_variant_next(s->device, kernel, &large, row);
        if (status == GRAFT_OK && !passed && !last && !gr_device_ban(s->device, row))
            refuse(s, index);
    }
    return status;
}

static graft_status check_all(session *s)
{
    for (int i = 0; i < gr_selftest_case_count; i++) {
        const gr_selftest_case *c = &gr_selftest_cases[i];
        for (int k = 0; s->params->all && k < GR_SELFTEST_MAX_KERNELS && c->kernels[k]; k++)
            GR_TRY(check_rows(s, i, c->kernels[k]));
        GR_TRY(check_chosen(s, i));
    }
    return GRAFT_OK;
}

/* How many checks there are when all pass. */
static int count_checks(const session *s)
{
    int count = gr_selftest_case_count;
    for (int i = 0; s->params->all && i < gr_selftest_case_count; i++)
        for (int k = 0; k < GR_SELFTEST_MAX_KERNELS && gr_selftest_cases[i].kernels[k]; k++)
            for (const gr_variant *row = NULL;
                 (row = gr_variant_next(s->device, gr_selftest_cases[i].kernels[k], &large, row));)
                count++;
    return count;
}

static graft_status compute_expected(session *s)
{
    s->expected = gr_alloc_array(NULL, (size_t)gr_selftest_case_count, sizeof(*s->expected));
    graft_status status = s->expected ? GRAFT_OK : GRAFT_ERR_MEMORY;
    for (int i = 0; i < gr_selftest_case_count && status == GRAFT_OK; i++)
        status = gr_selftest_run(s->log, s->reference, &gr_selftest_cases[i], &s->expected[i]);
    return status;
}

static void release(session *s)
{
    for (int i = 0; s->expected && i < gr_selftest_case_count; i++)
        gr_free(s->expected[i].data);
    gr_free(s->expected);
    graft_device_close(&s->reference);
    graft_log_destroy(&s->log);
}

static graft_status run(session *s)
{
    s->log = graft_log_create(&(graft_log_params){.level = GRAFT_LOG_ERROR});
    if (!s->log)
        return GRAFT_ERR_MEMORY;
    GR_TRY(graft_device_open(s->log, "reference:0", "", &s->reference));
    GR_TRY(compute_expected(s));
    s->total = count_checks(s);
    /* A driver's complaints about what is then banned are shown with the check. */
    graft_log *log = s->device->log;
    s->device->log = s->log;
    graft_status status = check_all(s);
    s->device->log = log;
    return status;
}

static graft_status finish(graft_log *log, gr_device *device, graft_selftest_result *result)
{
    gr_tested tested = {.known = true};
    snprintf(tested.refused, sizeof(tested.refused), "%s", result->refused);
    result->known = true;
    gr_device_banned_text(device, result->banned, sizeof(result->banned));
    if (!gr_device_keep_tested(device, &tested))
        gr_log(log, GRAFT_LOG_DEBUG, "%s: the verdict of the self-test is not kept",
               device->info.id);
    if (!result->refused[0])
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_DEVICE, "%s (%s): failed its self-test: %s; update the driver",
                   device->info.id, device->info.name, result->refused);
}

graft_status graft_selftest(graft_log *log, graft_device *device,
                            const graft_selftest_params *params, graft_selftest_result *result)
{
    session s = {.device = gr_device_from_public(device), .params = params, .result = result};
    *result = (graft_selftest_result){.known = false};
    if (!s.device->caps.executes || strcmp(s.device->backend->name, "reference") == 0)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: has no self-test: %s", s.device->info.id,
                       s.device->caps.executes ? "others are compared with it" : "it runs nothing");
    double start = gr_seconds();
    graft_status status = run(&s);
    result->seconds = gr_seconds() - start;
    if (status == GRAFT_OK)
        status = finish(log, s.device, result);
    else {
        char why[256] = "";
        graft_log_error(s.log, why, sizeof(why));
        gr_fail(log, status, "%s: self-test: %s", s.device->info.id,
                status == GRAFT_ERR_INTERRUPTED || !why[0] ? graft_status_text(status) : why);
    }
    release(&s);
    return status;
}

void graft_selftest_known(const graft_device *device, graft_selftest_result *result)
{
    const gr_device *d = (const gr_device *)device;
    const gr_tested *tested = gr_device_tested(d);
    *result = (graft_selftest_result){.known = tested->known, .disabled = tested->disabled};
    snprintf(result->refused, sizeof(result->refused), "%s", tested->refused);
    gr_device_banned_text(d, result->banned, sizeof(result->banned));
}
