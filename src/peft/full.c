/* full: every tensor of the backbone is trained. */
#include "peft/method.h"

static bool trains(const void *config, const char *tensor)
{
    (void)config, (void)tensor;
    return true;
}

const gr_method gr_method_full = {
    .name = "full",
    .summary = "full fine-tuning: every tensor is trained",
    .source = "the baseline of every paper",
    .trains = trains,
};
