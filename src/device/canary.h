/* Private to src/device: the canary of each recorded list. Its last command adds one to a word of
 * its own, and waiting compares the word with how often the list was submitted. Several drivers
 * cancel work that takes too long and report success: i915 below Vulkan, for one (llama.cpp#27306).
 *
 * Thread-safety: one thread at a time for each device.
 */
#ifndef GR_DEVICE_CANARY_H
#define GR_DEVICE_CANARY_H

#include "backends/backend.h"

typedef struct gr_canary_page gr_canary_page;

/* The word of one list. page NULL: it has none (nothing runs, or GRAFT_DISABLE=canary). */
typedef struct gr_canary {
    gr_canary_page *page;
    uint32_t cell;
} gr_canary;

/* Makes one, and the command that ends its list. A device that does without gets page NULL. label:
 * what messages call the list; static, or outlives it; may be NULL. */
graft_status gr_canary_create(gr_device *device, const char *label, gr_canary *canary,
                              gr_command *command);
void gr_canary_destroy(gr_canary *canary);

/* The list was submitted once more. */
void gr_canary_expect(gr_device *device, const gr_canary *canary);

/* Once all that was submitted should be done: GRAFT_ERR_DEVICE when a list is short of runs. What
 * is missing is told once; gr_canary_is_dropped says it until the list's next submit. */
graft_status gr_canary_check(gr_device *device);
bool gr_canary_is_dropped(const gr_canary *canary);

/* Before the device closes. */
void gr_canary_close(gr_device *device);

#endif
