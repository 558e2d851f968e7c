#include "device/verdict.h"

#include "backends/cache.h"
#include "base/hash.h"
#include "base/mem.h"
#include "device/state.h"

#include <graft/version.h>
#include <stdio.h>
#include <string.h>

#define ENTRY   "self-test"
#define REFUSED "refused "

/* All that a verdict depends on. NULL: no memory. */
static char *make_key(const gr_device *device)
{
    const gr_caps *caps = &device->caps;
    uint64_t kernels = gr_hash_text(0, graft_version_text());
    for (int i = 0; i < gr_variant_count; i++) {
        kernels = gr_hash_text(kernels, gr_variants[i].name);
        if (gr_variants[i].runs)
            kernels = gr_hash(kernels, &gr_variants[i].runs->hash, sizeof(uint64_t));
    }
    for (const gr_variant **row = device->state->forced; *row; row++)
        kernels = gr_hash_text(gr_hash_text(kernels, (*row)->kernel), (*row)->name);
    return gr_printf(NULL, ENTRY " 1\n%s\n%s\n%s\n%016llx\n%u %u %u %u %d %d %d",
                     device->backend->name, device->info.name, device->info.driver,
                     (unsigned long long)kernels, caps->max_workgroup, caps->shared_bytes,
                     caps->vector_bits, caps->vector_registers, (int)caps->device_class,
                     caps->gemm_library, caps->fft_library);
}

const gr_tested *gr_device_tested(const gr_device *device)
{
    return &device->state->tested;
}

bool gr_device_ban(gr_device *device, const gr_variant *row)
{
    const gr_variant **rows = device->state->banned;
    int count = 0;
    while (rows[count])
        count++;
    if (count == GR_MAX_BANNED)
        return false;
    rows[count] = row;
    device->banned = rows;
    return true;
}

void gr_device_unban(gr_device *device, const gr_variant *row)
{
    const gr_variant **kept = device->state->banned;
    for (const gr_variant **r = kept; *r; r++)
        if (*r != row)
            *kept++ = *r;
    *kept = NULL;
}

void gr_device_banned_text(const gr_device *device, char *text, size_t size)
{
    text[0] = '\0';
    for (const gr_variant **r = device->state->banned; *r; r++)
        snprintf(text + strlen(text), size - strlen(text), "%s%s=%s", text[0] ? "," : "",
                 (*r)->kernel, (*r)->name);
}

/* "refused why" or "banned-rows": text[size]. False when a row of it does not exist. */
static bool read_entry(gr_device *device, const char *text)
{
    gr_tested *tested = &device->state->tested;
    if (strncmp(text, REFUSED, strlen(REFUSED)) == 0) {
        snprintf(tested->refused, sizeof(tested->refused), "%s", text + strlen(REFUSED));
        return true;
    }
    for (const char *item = text; *item;) {
        size_t length = strcspn(item, ",");
        const gr_variant *row = gr_variant_named(item, length);
        if (!row || !gr_device_ban(device, row))
            return false;
        item += length + (item[length] == ',');
    }
    return true;
}

void gr_device_load_tested(gr_device *device)
{
    gr_device_state *state = device->state;
    if (state->tested.disabled)
        return;
    state->tested = (gr_tested){.known = false};
    memset(state->banned, 0, sizeof(state->banned));
    char *key = make_key(device);
    void *data = NULL;
    size_t size = 0;
    if (key && gr_cache_load(device->log, NULL, device->cache_dir, ENTRY, key, &data, &size))
        state->tested.known =
            size > 0 && ((char *)data)[size - 1] == '\0' && read_entry(device, data);
    gr_free(data);
    gr_free(key);
}

bool gr_device_keep_tested(gr_device *device, const gr_tested *tested)
{
    char text[1024];
    device->state->tested = *tested;
    if (tested->refused[0])
        snprintf(text, sizeof(text), REFUSED "%s", tested->refused);
    else
        gr_device_banned_text(device, text, sizeof(text));
    char *key = make_key(device);
    bool kept =
        key && device->cache_dir[0] &&
        gr_cache_store(NULL, device->cache_dir, ENTRY, key, text, strlen(text) + 1) == GRAFT_OK;
    gr_free(key);
    return kept;
}
