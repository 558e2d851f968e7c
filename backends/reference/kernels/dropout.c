#include "backends/reference/reference.h"

#include "base/philox.h"
#include "shaders/dropout.gk.h"

enum { X, SCALARS, Y };

/* Which element of the whole batch a decision is about: `unit` counts within a sample. */
static double uniform(gr_ref_call *call, uint32_t stream, uint64_t samples_before, uint64_t row,
                      uint64_t units, uint64_t unit)
{
    uint64_t element = (samples_before + row) * units + unit;
    const uint32_t counter[4] = {
        (uint32_t)(element / 4),
        (uint32_t)(element / 4 >> 32),
        gr_ref_get_uint(call, SCALARS, GR_REF_STEP),
        stream,
    };
    const uint32_t key[2] = {
        gr_ref_get_uint(call, SCALARS, GR_REF_SEED_LO),
        gr_ref_get_uint(call, SCALARS, GR_REF_SEED_HI),
    };
    uint32_t words[4];
    gr_philox(counter, key, words);
    return gr_philox_uniform(words[element % 4]);
}

/* One decision for each element, or for each row with per_row. */
void gr_ref_dropout(gr_ref_call *call)
{
    GR_REF_PARAMS(call, dropout, p);
    uint32_t samples_before = gr_ref_get_uint(call, SCALARS, GR_REF_SAMPLE_BASE);
    for (uint32_t r = 0; r < p.rows; r++) {
        for (uint32_t c = 0; c < p.cols; c++) {
            uint64_t at = gr_ref_at(0, r, p.cols, c);
            double draw = uniform(call, p.stream, samples_before, r, p.per_row ? 1 : p.cols,
                                  p.per_row ? 0 : c);
            double x = gr_ref_get(call, X, at);
            gr_ref_put(call, Y, at, draw >= p.rate ? x / (1.0 - p.rate) : 0);
        }
    }
}
