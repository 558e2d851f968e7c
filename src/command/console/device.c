#include "command/console/device.h"

#include <stdio.h>
#include <string.h>

/* What shows the checks, and hands them on to the caller's own `report`. */
typedef struct shower {
    cli *c;
    const graft_selftest_params *params;
    const char *id;
} shower;

static bool show(void *user, const graft_selftest_check *check, int done, int total)
{
    const shower *s = user;
    char text[160];
    snprintf(text, sizeof(text), "self-test of %s: %d of %d, %s", s->id, done, total, check->name);
    if (s->c->console->terminal)
        cli_console_status(s->c->console, text);
    return !s->params->report || s->params->report(s->params->user, check, done, total);
}

graft_status cli_selftest(cli *c, graft_device *device, const graft_selftest_params *params,
                          graft_selftest_result *result)
{
    shower s = {c, params, graft_device_get_info(device)->id};
    graft_selftest_params shown = *params;
    shown.report = show;
    shown.user = &s;
    return graft_selftest(c->log, device, &shown, result);
}

/* Says what is out of the ordinary. */
static void say(cli *c, const graft_device *device, const graft_selftest_result *r, bool now)
{
    char text[sizeof(r->banned) + 128];
    const char *id = graft_device_get_info(device)->id;
    if (r->banned[0])
        snprintf(text, sizeof(text), "%s: the self-test found wrong results: does without %s", id,
                 r->banned);
    else
        snprintf(text, sizeof(text), "%s: passed its self-test (%.1f s), once for this driver", id,
                 r->seconds);
    graft_log_level level = r->banned[0] ? GRAFT_LOG_WARN : GRAFT_LOG_INFO;
    if ((now || r->banned[0]) && c->console->level >= level)
        cli_console_message(c->console, level, text);
}

static bool has_selftest(const graft_device *device)
{
    const char *id = graft_device_get_info(device)->id;
    return strncmp(id, "reference:", 10) != 0 && strncmp(id, "null:", 5) != 0;
}

static graft_status test_once(cli *c, graft_device *device)
{
    graft_selftest_result result;
    graft_selftest_params params;
    graft_selftest_known(device, &result);
    if (result.disabled || !has_selftest(device))
        return GRAFT_OK;
    bool now = !result.known;
    graft_selftest_defaults(&params);
    if (now)
        CLI_TRY(cli_selftest(c, device, &params, &result));
    if (result.refused[0])
        return cli_fail(c, GRAFT_ERR_DEVICE,
                        "%s: failed its self-test: %s; see graft selftest, or update the driver "
                        "(GRAFT_DISABLE=selftest goes on with results that are known to be wrong)",
                        graft_device_get_info(device)->id, result.refused);
    say(c, device, &result, now);
    return GRAFT_OK;
}

graft_status cli_open_device(cli *c, const char *id, graft_device **device)
{
    CLI_TRY(graft_device_open(c->log, id, NULL, device));
    graft_status status = test_once(c, *device);
    if (status != GRAFT_OK)
        graft_device_close(device);
    return status;
}
