#include "command/ranks/ranks.h"

#include "command/console/device.h"
#include "command/console/output.h"
#include "command/console/progress.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(symbol)  TEXT_(symbol)
#define TEXT_(symbol) #symbol

/* ---- The launcher and its library -------------------------------------------------------- */

static int number_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? atoi(text) : 0;
}

/* The module for the launcher that started this process with others; NULL: it is alone. */
static const char *module_name(int *count)
{
    if ((*count = number_of("OMPI_COMM_WORLD_SIZE")) > 1)
        return "openmpi";
    if ((*count = number_of("PMI_SIZE")) > 1) /* MPICH and those of its ABI; Slurm's PMI-2 */
        return "mpich";
    if (getenv("PMIX_RANK") && (*count = number_of("SLURM_STEP_NUM_TASKS")) > 1)
        return "openmpi";
    return NULL;
}

static graft_status open_module(cli *c, const char *name, int count, const ranks_module **out)
{
    const char *folder = getenv("GRAFT_MODULE_DIR");
    char path[4096];
    snprintf(path, sizeof(path), "%s%slibgraft-%s.so", folder ? folder : "",
             folder && *folder ? "/" : "", name);
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* MPI's own modules look for it */
    *out = library ? dlsym(library, TEXT(RANKS_MODULE_SYMBOL)) : NULL;
    if (!*out)
        return cli_fail(c, GRAFT_ERR_ARGUMENT,
                        "started as one of %d processes, but this build has no module for %s (%s): "
                        "build with -Dmpi=enabled, or start one process",
                        count, strcmp(name, "mpich") == 0 ? "MPICH" : "Open MPI", dlerror());
    if ((*out)->version != GRAFT_VERSION)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: is of another version of graft", path);
    return GRAFT_OK;
}

static graft_status gather(void *user, const void *mine, size_t size_bytes, void *all)
{
    cli_ranks *r = user;
    double began = cli_seconds();
    graft_status status = r->module->gather(NULL, mine, size_bytes, all);
    r->seconds += cli_seconds() - began;
    return status;
}

static graft_status sum(void *user, float *values, size_t count)
{
    cli_ranks *r = user;
    double began = cli_seconds();
    graft_status status = r->module->sum(NULL, values, count);
    r->seconds += cli_seconds() - began;
    r->summed += count * sizeof(float);
    return status;
}

graft_status cli_ranks_join(cli *c, cli_ranks *r)
{
    int count;
    const char *name = module_name(&count);
    *r = (cli_ranks){.ranks = {.count = 1}, .place = {.count = 1, .local_count = 1}};
    if (!name)
        return GRAFT_OK;
    const ranks_module *module;
    CLI_TRY(open_module(c, name, count, &module));
    if (module->begin(&r->place) != GRAFT_OK)
        return cli_fail(c, GRAFT_ERR_IO, "MPI: cannot start");
    r->module = module;
    r->ranks = (graft_ranks){r->place.rank, r->place.count, gather, sum, r};
    if (r->ranks.rank > 0) {
        c->console->level = GRAFT_LOG_ERROR;
        c->console->terminal = false;
    }
    return GRAFT_OK;
}

graft_status cli_ranks_refuse(cli *c, const char *what)
{
    int count;
    return module_name(&count) ? cli_fail(c, GRAFT_ERR_ARGUMENT,
                                          "%s: is of one process, and this is one of %d; start it "
                                          "alone",
                                          what, count)
                               : GRAFT_OK;
}

void cli_ranks_leave(cli_ranks *r)
{
    if (r->module)
        r->module->end();
    r->module = NULL;
}

/* ---- Devices ----------------------------------------------------------------------------- */

/* What all ranks learn of each. */
typedef struct choice {
    char host[64], id[32];
    int32_t status;
} choice;

/* Entry `index` of a list with commas, from its start again when it is over. */
static void entry_of(const char *list, int index, char id[32])
{
    int entries = 1;
    for (const char *at = list; *at; at++)
        entries += *at == ',';
    for (int i = index % entries; i > 0; i--)
        list = strchr(list, ',') + 1;
    snprintf(id, 32, "%.*s", (int)strcspn(list, ","), list);
}

static int goodness(graft_device_type type)
{
    return type == GRAFT_DEVICE_DISCRETE ? 2 : type == GRAFT_DEVICE_INTEGRATED ? 1 : 0;
}

/* The devices of the best one's kind and API, one after the other. */
static void pick(cli *c, int index, char id[32])
{
    enum { MOST = 64 };
    graft_device_info *infos = calloc(MOST, sizeof(*infos));
    int count = infos ? graft_device_list(c->log, infos, MOST) : 0, best = 0, fitting = 0;
    count = count < MOST ? count : MOST;
    for (int i = 1; i < count; i++)
        if (goodness(infos[i].type) > goodness(infos[best].type))
            best = i;
    for (int round = 0; round < 2 && count; round++) {
        int wanted = round && fitting ? index % fitting : -1, found = 0;
        for (int i = 0; i < count; i++) {
            size_t api = strcspn(infos[best].id, ":");
            bool fits = infos[i].type == infos[best].type &&
                        strncmp(infos[i].id, infos[best].id, api + 1) == 0;
            if (fits && found++ == wanted)
                snprintf(id, 32, "%s", infos[i].id);
        }
        fitting = found;
    }
    if (!count)
        snprintf(id, 32, "auto");
    free(infos);
}

static void choose(cli *c, const cli_ranks *r, const char *list, char id[32])
{
    const char *wanted = list ? list : getenv("GRAFT_DEVICE");
    if (!wanted || !*wanted || strcmp(wanted, "auto") == 0)
        pick(c, r->place.local_rank, id);
    else
        entry_of(wanted, r->place.local_rank, id);
}

static graft_status refuse_shared(cli *c, const choice *all, int count)
{
    for (int a = 0; a < count; a++)
        for (int b = a + 1; b < count; b++)
            if (strcmp(all[a].host, all[b].host) == 0 && strcmp(all[a].id, all[b].id) == 0)
                return cli_fail(c, GRAFT_ERR_ARGUMENT,
                                "ranks %d and %d: both have %s of %s; --device with a list gives "
                                "each rank of a host its own, --share-device allows it",
                                a, b, all[a].id, all[a].host);
    return GRAFT_OK;
}

static graft_status exchange(cli *c, cli_ranks *r, choice *own, choice **all)
{
    *all = calloc((size_t)r->ranks.count, sizeof(**all));
    if (!*all)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    memcpy(own->host, r->place.host, sizeof(own->host));
    return r->ranks.gather(r->ranks.user, own, sizeof(*own), *all);
}

/* Opened by all, or by none. */
static graft_status open_all(cli *c, cli_ranks *r, choice *own, graft_device **device)
{
    choice *all = NULL;
    graft_status status = cli_open_device(c, own->id, device);
    own->status = (int32_t)status;
    graft_status exchanged = exchange(c, r, own, &all);
    for (int i = 0; i < r->ranks.count && status == GRAFT_OK && exchanged == GRAFT_OK; i++)
        if (all[i].status != GRAFT_OK)
            status = cli_fail(c, GRAFT_ERR_DEVICE,
                              "rank %d cannot open %s of %s; its own message says why", i,
                              all[i].id, all[i].host);
    free(all);
    if (status != GRAFT_OK)
        graft_device_close(device);
    return status != GRAFT_OK ? status : exchanged;
}

graft_status cli_ranks_open_device(cli *c, cli_ranks *r, const char *list, bool share,
                                   graft_device **device)
{
    choice own = {.status = GRAFT_OK}, *all = NULL;
    *device = NULL;
    if (r->ranks.count == 1)
        return cli_open_device(c, list, device);
    choose(c, r, list, own.id);
    graft_status status = exchange(c, r, &own, &all);
    if (status == GRAFT_OK && !share)
        status = refuse_shared(c, all, r->ranks.count);
    free(all);
    return status == GRAFT_OK ? open_all(c, r, &own, device) : status;
}

void cli_ranks_tell(cli *c, const cli_ranks *r, double train_seconds)
{
    char text[256], bytes[32];
    if (r->ranks.count == 1 || r->ranks.rank || c->console->level < GRAFT_LOG_INFO)
        return;
    snprintf(text, sizeof(text),
             "%d ranks: %s of gradients summed, %.1f%% of the time in exchanges", r->ranks.count,
             cli_bytes(r->summed, bytes),
             train_seconds > 0.0 ? 100.0 * r->seconds / train_seconds : 0.0);
    cli_console_message(c->console, GRAFT_LOG_INFO, text);
}
