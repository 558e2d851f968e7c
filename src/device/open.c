/* Finding, opening and closing devices: include/graft/device.h. */
#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"
#include "device/backends.h"
#include "device/device.h"
#include "device/state.h"
#include "device/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEVICES 64

/* Held while a backend finds, opens or closes a device, see backends/backend.h. */
static gr_mutex drivers = GR_MUTEX_INIT;

const char *graft_device_type_name(graft_device_type type)
{
    switch (type) {
    case GRAFT_DEVICE_CPU:
        return "cpu";
    case GRAFT_DEVICE_INTEGRATED:
        return "integrated";
    case GRAFT_DEVICE_DISCRETE:
        return "discrete";
    case GRAFT_DEVICE_VIRTUAL:
        return "virtual";
    }
    return "unknown";
}

static int enumerate(const gr_backend *backend, graft_log *log, graft_device_info *infos, int max,
                     char why[GR_WHY_BYTES])
{
    why[0] = '\0';
    gr_mutex_lock(&drivers);
    int count = backend->enumerate(log, infos, max, why);
    gr_mutex_unlock(&drivers);
    if (count == 0)
        gr_log(log, GRAFT_LOG_DEBUG, "%s: %s", backend->name, why);
    return count;
}

int graft_device_list(graft_log *log, graft_device_info *infos, int max)
{
    int count = 0;
    char why[GR_WHY_BYTES];
    for (int b = 0; b < gr_listed_backends; b++) {
        int room = max > count ? max - count : 0;
        count += enumerate(gr_backends[b], log, room ? infos + count : NULL, room, why);
    }
    return count;
}

int graft_api_list(graft_log *log, graft_api_info *infos, int max)
{
    for (int b = 0; b < gr_listed_backends && b < max; b++) {
        graft_api_info *info = &infos[b];
        char why[GR_WHY_BYTES];
        *info = (graft_api_info){.device_count = enumerate(gr_backends[b], log, NULL, 0, why)};
        snprintf(info->name, sizeof(info->name), "%s", gr_backends[b]->name);
        if (info->device_count == 0)
            snprintf(info->missing, sizeof(info->missing), "%s", why);
    }
    return gr_listed_backends;
}

/* Resolves the directory for compiled kernels, see graft_device_open(). */
static void cache_directory(graft_log *log, const char *wanted, char *path, size_t size)
{
    const char *variable = getenv("GRAFT_CACHE_DIR");
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length = 0;
    path[0] = '\0';
    if (wanted || variable)
        length = snprintf(path, size, "%s", wanted ? wanted : variable);
    else if (xdg && xdg[0])
        length = snprintf(path, size, "%s/graft", xdg);
    else if (home && home[0])
        length = snprintf(path, size, "%s/.cache/graft", home);
    if (length >= (int)size) {
        gr_log(log, GRAFT_LOG_WARN, "%s...: path too long; compiled kernels are not kept", path);
        path[0] = '\0';
    }
}

static void close_device(gr_device *device)
{
    gr_device_state *state = device->state;
    size_t alive = 0;
    if (state) {
        gr_canary_close(device);
        gr_device_drop_pipelines(device);
    }
    for (int kind = 0; state && kind < GR_OBJECT_KINDS; kind++)
        alive += state->counts[kind];
    if (alive)
        gr_log(device->log, GRAFT_LOG_WARN, "%s: closed with %zu objects alive", device->info.id,
               alive);
    gr_mutex_lock(&drivers);
    device->backend->device_destroy(device);
    gr_mutex_unlock(&drivers);
    gr_free(state);
}

static const gr_backend *find_backend(const char *name, size_t length)
{
    for (int b = 0; gr_backends[b]; b++)
        if (strlen(gr_backends[b]->name) == length &&
            strncmp(gr_backends[b]->name, name, length) == 0)
            return gr_backends[b];
    return NULL;
}

/* Takes "opencl:0" apart. */
static graft_status parse_id(graft_log *log, const char *id, const gr_backend **backend, int *index)
{
    size_t length = strcspn(id, ":");
    const char *digits = id[length] ? id + length + 1 : "";
    size_t digit_count = strspn(digits, "0123456789");
    if (digit_count == 0 || digit_count > 4 || digits[digit_count])
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "device \"%s\": expected \"auto\" or a backend and an index such as "
                       "\"opencl:0\"",
                       id);
    *index = atoi(digits);
    *backend = find_backend(id, length);
    if (*backend)
        return GRAFT_OK;
    char names[128] = "";
    for (int b = 0; gr_backends[b]; b++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", b ? ", " : "",
                 gr_backends[b]->name);
    return gr_fail(log, GRAFT_ERR_NO_DEVICE, "device \"%s\": no such backend here; there are %s",
                   id, names);
}

/* Kernels count elements in 32 bits. */
static void clamp_bindings(gr_caps *caps)
{
    const uint64_t most = ((uint64_t)UINT32_MAX + 1) * sizeof(float);
    if (caps->max_binding_bytes > most)
        caps->max_binding_bytes = most;
}

/* What src/device adds to a device that a backend has made. Closes it on failure. */
static graft_status start(gr_device *device, gr_device **out)
{
    clamp_bindings(&device->caps);
    device->state = gr_device_state_create();
    graft_status status = GRAFT_OK;
    if (!device->state)
        status =
            gr_fail(device->log, GRAFT_ERR_MEMORY, "device \"%s\": no memory", device->info.id);
    else
        status = gr_device_apply_limits(device);
    if (status == GRAFT_OK)
        gr_device_load_tested(device);
    if (status != GRAFT_OK)
        close_device(device);
    else
        *out = device;
    return status;
}

graft_status gr_device_open(graft_log *log, const char *id, const char *cache_dir, gr_device **out)
{
    const gr_backend *backend;
    int index = 0;
    GR_TRY(parse_id(log, id, &backend, &index));
    char why[GR_WHY_BYTES];
    int count = enumerate(backend, log, NULL, 0, why);
    if (index >= count)
        return gr_fail(log, GRAFT_ERR_NO_DEVICE, "device \"%s\": %s has %d device%s%s%s", id,
                       backend->name, count, count == 1 ? "" : "s", count ? "" : ": ",
                       count ? "" : why);
    gr_device *device;
    gr_mutex_lock(&drivers);
    graft_status status = backend->device_create(log, index, cache_dir, &device);
    gr_mutex_unlock(&drivers);
    GR_TRY(status);
    return start(device, out);
}

graft_status gr_device_import(graft_log *log, gr_device_make *make, const void *params,
                              const char *cache_dir, gr_device **out)
{
    char path[sizeof(((gr_device *)NULL)->cache_dir)];
    gr_device *device;
    cache_directory(log, cache_dir, path, sizeof(path));
    gr_mutex_lock(&drivers);
    graft_status status = make(log, params, path, &device);
    gr_mutex_unlock(&drivers);
    GR_TRY(status);
    GR_TRY(start(device, out));
    gr_log(log, GRAFT_LOG_INFO, "device %s: %s (%s)", (*out)->info.id, (*out)->info.name,
           (*out)->info.driver);
    return GRAFT_OK;
}

static int rank_of(graft_device_type type)
{
    switch (type) {
    case GRAFT_DEVICE_DISCRETE:
        return 0;
    case GRAFT_DEVICE_INTEGRATED:
        return 1;
    case GRAFT_DEVICE_VIRTUAL:
        return 2;
    case GRAFT_DEVICE_CPU:
        return 3;
    }
    return 3;
}
#define RANKS 4

/* Opens the first device of a rank that opens. CPU drivers differ much: one that compiles to long
 * vectors wins; any other is kept only until such a one is found. */
static gr_device *open_best_of(graft_log *log, int rank, const graft_device_info *infos, int count,
                               const char *cache_dir)
{
    gr_device *best = NULL;
    for (int i = 0; i < count; i++) {
        gr_device *device;
        if (rank_of(infos[i].type) != rank ||
            gr_device_open(log, infos[i].id, cache_dir, &device) != GRAFT_OK)
            continue;
        bool better = !best || device->caps.vector_bits > best->caps.vector_bits;
        gr_device *worse = better ? best : device;
        best = better ? device : best;
        if (worse)
            close_device(worse);
        if (infos[i].type != GRAFT_DEVICE_CPU || best->caps.vector_bits)
            break;
    }
    return best;
}

static graft_status fail_without_devices(graft_log *log)
{
    char all[3 * GR_WHY_BYTES] = "", why[GR_WHY_BYTES];
    for (int b = 0; b < gr_listed_backends; b++) {
        enumerate(gr_backends[b], log, NULL, 0, why);
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "; %s: %s", gr_backends[b]->name,
                 why);
    }
    return gr_fail(log, GRAFT_ERR_NO_DEVICE, "no OpenCL or Vulkan device found%s%s", all,
                   gr_listed_backends ? "" : ": this build has neither OpenCL nor Vulkan");
}

static graft_status open_auto(graft_log *log, const char *cache_dir, gr_device **out)
{
    graft_device_info infos[MAX_DEVICES];
    int count = graft_device_list(log, infos, MAX_DEVICES);
    if (count > MAX_DEVICES)
        count = MAX_DEVICES;
    if (count == 0)
        return fail_without_devices(log);
    for (int rank = 0; rank < RANKS; rank++) {
        *out = open_best_of(log, rank, infos, count, cache_dir);
        if (*out)
            return GRAFT_OK;
    }
    /* The log holds the reason of the last one. */
    return GRAFT_ERR_NO_DEVICE;
}

graft_status graft_device_open(graft_log *log, const char *id, const char *cache_dir,
                               graft_device **out)
{
    *out = NULL;
    if (!id)
        id = getenv("GRAFT_DEVICE");
    if (!id || !id[0])
        id = "auto";
    char path[sizeof(((gr_device *)NULL)->cache_dir)];
    cache_directory(log, cache_dir, path, sizeof(path));
    gr_device *device;
    if (strcmp(id, "auto") == 0)
        GR_TRY(open_auto(log, path, &device));
    else
        GR_TRY(gr_device_open(log, id, path, &device));
    gr_log(log, GRAFT_LOG_INFO, "device %s: %s (%s)", device->info.id, device->info.name,
           device->info.driver);
    *out = gr_device_to_public(device);
    return GRAFT_OK;
}

void graft_device_close(graft_device **device)
{
    if (!device || !*device)
        return;
    close_device(gr_device_from_public(*device));
    *device = NULL;
}

graft_status graft_device_wait(graft_device *device)
{
    return device ? gr_device_wait(gr_device_from_public(device)) : GRAFT_ERR_ARGUMENT;
}

const graft_device_info *graft_device_get_info(const graft_device *device)
{
    return &((const gr_device *)device)->info;
}

uint64_t graft_device_memory(const graft_device *device, uint64_t *peak_bytes)
{
    const gr_device *d = (const gr_device *)device;
    if (peak_bytes)
        *peak_bytes = d->peak_bytes;
    return d->allocated_bytes;
}
