/* bitfit: every tensor whose name contains "bias" is trained (Ben Zaken et al., arXiv
 * 2106.10199; for ViTs as "tinytl-bias" of the VPT code). */
#include "peft/method.h"

#include <string.h>

static bool trains(const void *config, const char *tensor)
{
    (void)config;
    return strstr(tensor, "bias") != NULL;
}

const gr_method gr_method_bitfit = {
    .name = "bitfit",
    .summary = "all biases of the backbone are trained",
    .source = "arXiv 2106.10199",
    .trains = trains,
};
