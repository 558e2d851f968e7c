#include "plan/elementwise.h"

#include "kernels/choose.h"

enum { MAX_COLS = 1 << 20 };

graft_status gr_elementwise_pipeline(gr_device *device, const gr_kernel *kernel, gr_pipeline **out,
                                     uint32_t *workgroup)
{
    gr_pipeline_spec spec = {.kernel = kernel};
    gr_variant_tunables(device, NULL, kernel, spec.tunables);
    *workgroup = spec.tunables[0];
    return gr_device_pipelines(device, &spec, 1, out);
}

void gr_elementwise_grid(uint32_t count, uint32_t workgroup, uint32_t *rows, uint32_t *cols,
                         uint32_t grid[3])
{
    *cols = count < MAX_COLS ? count : MAX_COLS;
    *rows = (count + *cols - 1) / *cols;
    grid[0] = (*cols + workgroup - 1) / workgroup;
    grid[1] = *rows;
    grid[2] = 1;
}
