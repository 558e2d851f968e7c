/* linear: only the classification head is trained. */
#include "peft/method.h"

const gr_method gr_method_linear = {
    .name = "linear",
    .summary = "linear probing: only the head is trained",
    .source = "the baseline of every paper",
};
