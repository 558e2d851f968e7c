/* Private to backends/opencl: its objects, and what its files share. */
#ifndef GR_OPENCL_H
#define GR_OPENCL_H

#include "backends/backend.h"
#include "backends/opencl/functions.h"

typedef struct gr_opencl_device {
    gr_device base; /* first: a gr_device * is a gr_opencl_device * */
    gr_opencl_functions cl;
    bool imported; /* import.c: context and queue are an application's, and references to them ours
                    */
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    cl_command_queue profile_queue;  /* NULL until a profiled list is submitted */
    cl_command_queue transfer_queue; /* NULL until bytes are written beside what is at work */
    cl_command_queue active;         /* the one of the two that may hold unfinished work */
    gr_pipeline *unsaved;            /* pipelines whose program is not in the on-disk cache yet */
    struct gr_opencl_fft *ffts;      /* vkfft.c: plans in use */
    bool gemms;                      /* clblast.c: CLBlast has compiled kernels for this context */
} gr_opencl_device;

struct gr_buffer {
    cl_mem memory;
};

struct gr_pipeline {
    gr_pipeline *next_unsaved;
    gr_pipeline_spec spec;
    cl_program program;
    bool submitted; /* its binary is complete, see gr_opencl_save_programs */
};

/* An operation of CLBlast, VkFFT, ...: a library's file embeds this first and sets the hooks. */
struct gr_library {
    /* Queues the operation on `device->active`. */
    graft_status (*enqueue)(gr_opencl_device *device, gr_library *library,
                            const gr_command *command);
    void (*destroy)(gr_opencl_device *device, gr_library *library);
};

/* device.c */

/* Whether graft can run on the device. */
bool gr_opencl_usable(const gr_opencl_functions *cl, cl_device_id id);

/* Fills in what the device is and can do, from its id; "opencl:<index>" is its name. */
void gr_opencl_describe(gr_opencl_device *device, int index);

/* error.c */
const char *gr_opencl_error_name(cl_int code);

/* Fails with "opencl:0: <what>: CL_OUT_OF_RESOURCES" and the graft_status that fits the code. */
graft_status gr_opencl_fail(const gr_opencl_device *device, cl_int code, const char *what);

#define GR_OPENCL_TRY(device, what, expr)                                                          \
    do {                                                                                           \
        cl_int gr_opencl_code_ = (expr);                                                           \
        if (gr_opencl_code_ != CL_SUCCESS)                                                         \
            return gr_opencl_fail(device, gr_opencl_code_, what);                                  \
    } while (0)

/* buffer.c */
graft_status gr_opencl_buffer_create(gr_device *device, uint64_t size, gr_memory memory,
                                     gr_buffer **out);
void gr_opencl_buffer_destroy(gr_device *device, gr_buffer *buffer);
graft_status gr_opencl_buffer_write(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                    const void *data, uint64_t size);
graft_status gr_opencl_buffer_write_now(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                        const void *data, uint64_t size);
graft_status gr_opencl_buffer_read(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                   void *data, uint64_t size);

/* pipeline.c */
graft_status gr_opencl_pipelines_create(gr_device *device, const gr_pipeline_spec *specs, int count,
                                        gr_pipeline **out);
void gr_opencl_pipeline_destroy(gr_device *device, gr_pipeline *pipeline);

/* program.c: cl_program objects from source or from the on-disk cache. */
graft_status gr_opencl_program_create(gr_opencl_device *device, const gr_pipeline_spec *spec,
                                      cl_program *program, bool *cached);

/* Writes the binary of a program to the on-disk cache; a failure only warns. */
void gr_opencl_program_save(gr_opencl_device *device, const gr_pipeline_spec *spec,
                            cl_program program);

/* Saves the programs that have run. PoCL compiles a kernel at its first enqueue, so an earlier
 * binary would hold half of the work. Call when the device is idle. */
void gr_opencl_save_programs(gr_opencl_device *device);

/* queue.c */
graft_status gr_opencl_list_create(gr_device *device, const gr_command *commands, int count,
                                   bool profile, gr_list **out);
void gr_opencl_list_destroy(gr_device *device, gr_list *list);
graft_status gr_opencl_submit(gr_device *device, gr_list *list);
graft_status gr_opencl_wait(gr_device *device);
graft_status gr_opencl_list_times(gr_device *device, gr_list *list, double *ns);

/* library.c */
graft_status gr_opencl_library_create(gr_device *device, const gr_library_desc *desc,
                                      gr_library **out);
void gr_opencl_library_destroy(gr_device *device, gr_library *library);

/* clblast.c, where it is built in */
graft_status gr_opencl_gemm_create(gr_opencl_device *device, const gr_gemm_desc *desc,
                                   gr_library **out);
void gr_opencl_gemm_close(gr_opencl_device *device); /* before the context goes */

static inline gr_opencl_device *gr_opencl_device_of(gr_device *device)
{
    return (gr_opencl_device *)device;
}

#endif
