#include "backends/opencl/opencl.h"

#include "backends/classes.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEVICES 64

/* Text of a device or platform without leading and trailing blanks. */
static void trim(char *text)
{
    size_t blanks = strspn(text, " "), length = strlen(text);
    while (length > blanks && text[length - 1] == ' ')
        length--;
    memmove(text, text + blanks, length - blanks);
    text[length - blanks] = '\0';
}

static void device_text(const gr_opencl_functions *cl, cl_device_id id, cl_device_info what,
                        char *text, size_t size)
{
    /* Longer than any buffer here: drivers fail instead of cutting. */
    char full[1024] = "";
    cl->GetDeviceInfo(id, what, sizeof(full) - 1, full, NULL);
    trim(full);
    snprintf(text, size, "%s", full);
}

/* A number of a device, zero when the driver does not tell it. */
#define DEFINE_DEVICE_NUMBER(name, type)                                                           \
    static type name(const gr_opencl_functions *cl, cl_device_id id, cl_device_info what)          \
    {                                                                                              \
        type value = 0;                                                                            \
        cl->GetDeviceInfo(id, what, sizeof(value), &value, NULL);                                  \
        return value;                                                                              \
    }
DEFINE_DEVICE_NUMBER(device_uint, cl_uint)
DEFINE_DEVICE_NUMBER(device_ulong, cl_ulong)
DEFINE_DEVICE_NUMBER(device_size, size_t)

bool gr_opencl_usable(const gr_opencl_functions *cl, cl_device_id id)
{
    char text[64];
    int major = 0, minor = 0;
    device_text(cl, id, CL_DEVICE_VERSION, text, sizeof(text));
    bool known = sscanf(text, "OpenCL %d.%d", &major, &minor) == 2;
    return known && (major > 1 || (major == 1 && minor >= 2)) &&
           device_uint(cl, id, CL_DEVICE_AVAILABLE) &&
           device_uint(cl, id, CL_DEVICE_COMPILER_AVAILABLE) &&
           device_uint(cl, id, CL_DEVICE_ENDIAN_LITTLE);
}

/* Why a platform has no device, where that is known; those of PoCL end without a word. */
static void explain_empty(const gr_opencl_functions *cl, cl_platform_id platform,
                          char why[GR_WHY_BYTES])
{
    char name[100] = "";
    cl->GetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(name) - 1, name, NULL);
    trim(name);
    if (strcmp(name, "Portable Computing Language") == 0)
        snprintf(why, GR_WHY_BYTES,
                 "PoCL is here, but opens no device: it needs a writable folder for compiled "
                 "kernels; set POCL_CACHE_DIR or XDG_CACHE_HOME to one");
    else if (!why[0])
        snprintf(why, GR_WHY_BYTES,
                 "the driver \"%s\" has no device: is its hardware here, and may "
                 "this user open it?",
                 name);
}

/* Appends the devices of a platform that can run graft; returns how many there are then. */
static int add_devices(const gr_opencl_functions *cl, cl_platform_id platform,
                       cl_device_id ids[MAX_DEVICES], int count, char why[GR_WHY_BYTES])
{
    cl_device_id found[MAX_DEVICES];
    cl_uint found_count = 0;
    if (cl->GetDeviceIDs(platform, CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU, MAX_DEVICES, found,
                         &found_count) != CL_SUCCESS)
        found_count = 0;
    if (found_count == 0)
        explain_empty(cl, platform, why);
    for (cl_uint d = 0; d < found_count && d < MAX_DEVICES && count < MAX_DEVICES; d++)
        if (gr_opencl_usable(cl, found[d]))
            ids[count++] = found[d];
    return count;
}

/* Loads the functions and finds every device that can run graft, platform by platform. Platforms
 * without devices are normal. With no device at all, `why` says what is missing. */
static int find_devices(gr_opencl_functions *cl, cl_device_id ids[MAX_DEVICES],
                        char why[GR_WHY_BYTES])
{
    cl_platform_id platforms[MAX_DEVICES];
    cl_uint platform_count = 0;
    int count = 0;
    why[0] = '\0';
    if (!gr_opencl_load(cl)) {
        snprintf(why, GR_WHY_BYTES,
                 "no %s here: install an OpenCL loader and a driver (Debian: ocl-icd-libopencl1 "
                 "and, for the CPU, pocl-opencl-icd)",
                 gr_opencl_loader_name);
        return 0;
    }
    if (cl->GetPlatformIDs(MAX_DEVICES, platforms, &platform_count) != CL_SUCCESS)
        platform_count = 0;
    if (platform_count > MAX_DEVICES)
        platform_count = MAX_DEVICES;
    if (platform_count == 0)
        snprintf(why, GR_WHY_BYTES,
                 "%s finds no driver: install one (Debian, for the CPU: pocl-opencl-icd)",
                 gr_opencl_loader_name);
    for (cl_uint p = 0; p < platform_count; p++)
        count = add_devices(cl, platforms[p], ids, count, why);
    if (count == 0 && !why[0])
        snprintf(why, GR_WHY_BYTES, "no device has OpenCL 1.2 with a compiler");
    return count;
}

static graft_device_type device_type(const gr_opencl_functions *cl, cl_device_id id)
{
    if (device_ulong(cl, id, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU)
        return GRAFT_DEVICE_CPU;
    return device_uint(cl, id, CL_DEVICE_HOST_UNIFIED_MEMORY) ? GRAFT_DEVICE_INTEGRATED
                                                              : GRAFT_DEVICE_DISCRETE;
}

static void fill_info(const gr_opencl_functions *cl, cl_device_id id, int index,
                      graft_device_info *info)
{
    *info = (graft_device_info){0};
    snprintf(info->id, sizeof(info->id), "opencl:%d", index);
    device_text(cl, id, CL_DEVICE_NAME, info->name, sizeof(info->name));

    cl_platform_id platform = NULL;
    char platform_name[100] = "", version[50];
    cl->GetDeviceInfo(id, CL_DEVICE_PLATFORM, sizeof(platform), &platform, NULL);
    cl->GetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(platform_name) - 1, platform_name, NULL);
    trim(platform_name);
    device_text(cl, id, CL_DRIVER_VERSION, version, sizeof(version));
    snprintf(info->driver, sizeof(info->driver), "%s %s", platform_name, version);

    info->type = device_type(cl, id);
    info->memory_bytes = device_ulong(cl, id, CL_DEVICE_GLOBAL_MEM_SIZE);
}

/* Bits of the vector registers of a CPU; 0: it is none, or has none that work-items should use. */
static uint32_t vector_bits(const gr_opencl_functions *cl, cl_device_id id,
                            const graft_device_info *info)
{
    cl_uint width = device_uint(cl, id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    cl_uint preferred = device_uint(cl, id, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT);
    if (width < preferred)
        width = preferred;
    return info->type == GRAFT_DEVICE_CPU && width >= 4 ? 32 * width : 0;
}

/* OpenCL does not tell. AVX-512 has 32, AVX2 and SSE have 16; NEON has 32. */
static uint32_t vector_registers(uint32_t bits)
{
#ifdef __aarch64__
    return bits ? 32 : 0;
#else
    return bits >= 512 ? 32 : bits ? 16 : 0;
#endif
}

static gr_caps make_caps(const gr_opencl_functions *cl, cl_device_id id,
                         const graft_device_info *info)
{
    size_t items[16] = {0}; /* of a work-group, in each dimension */
    cl->GetDeviceInfo(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof(items), items, NULL);
    size_t workgroup = device_size(cl, id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    if (workgroup > items[0])
        workgroup = items[0];
    uint32_t bits = vector_bits(cl, id, info);
    cl_ulong shared = device_ulong(cl, id, CL_DEVICE_LOCAL_MEM_SIZE);
    char vendor[64];
    device_text(cl, id, CL_DEVICE_VENDOR, vendor, sizeof(vendor));
    return (gr_caps){
        .device_class = gr_class_of_opencl(vendor, info->type),
        .max_workgroup = (uint32_t)workgroup,
        /* OpenCL has no such limit, but a kernel counts work-items in 32 bits, and hardware stops
         * at 65535 in the other dimensions. */
        .max_groups = {INT32_MAX, 65535, 65535},
        .shared_bytes = shared > INT32_MAX ? INT32_MAX : (uint32_t)shared,
        .max_binding_bytes = device_ulong(cl, id, CL_DEVICE_MAX_MEM_ALLOC_SIZE),
        .max_buffer_bytes = device_ulong(cl, id, CL_DEVICE_MAX_MEM_ALLOC_SIZE),
        .memory_bytes = info->memory_bytes,
        .offset_align = 64, /* offsets are counted in elements; a cache line is for speed */
        .vector_bits = bits,
        .vector_registers = vector_registers(bits),
        /* rusticl says 0, and means it: all its times are equal. */
        .timestamps = device_size(cl, id, CL_DEVICE_PROFILING_TIMER_RESOLUTION) > 0,
        .executes = true,
        /* On CPUs, a GEMM made for GPUs is slower than the kernels for long vectors. */
        .gemm_library = info->type != GRAFT_DEVICE_CPU,
        .fft_library = true,
    };
}

void gr_opencl_describe(gr_opencl_device *device, int index)
{
    fill_info(&device->cl, device->id, index, &device->base.info);
    device->base.caps = make_caps(&device->cl, device->id, &device->base.info);
}

static int opencl_enumerate(graft_log *log, graft_device_info *infos, int max,
                            char why[GR_WHY_BYTES])
{
    gr_opencl_functions cl;
    cl_device_id ids[MAX_DEVICES];
    int count = find_devices(&cl, ids, why);
    for (int i = 0; i < count && i < max; i++)
        fill_info(&cl, ids[i], i, &infos[i]);
    return count;
}

static void opencl_device_destroy(gr_device *base)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
#ifdef GRAFT_HAVE_CLBLAST
    gr_opencl_gemm_close(device);
#endif
    if (device->transfer_queue)
        device->cl.ReleaseCommandQueue(device->transfer_queue);
    if (device->profile_queue)
        device->cl.ReleaseCommandQueue(device->profile_queue);
    if (device->queue)
        device->cl.ReleaseCommandQueue(device->queue);
    if (device->context)
        device->cl.ReleaseContext(device->context);
    gr_free(device);
}

static graft_status open_context(gr_opencl_device *device)
{
    cl_int code;
    device->context = device->cl.CreateContext(NULL, 1, &device->id, NULL, NULL, &code);
    GR_OPENCL_TRY(device, "cannot create a context", code);
    device->queue = device->cl.CreateCommandQueue(device->context, device->id, 0, &code);
    GR_OPENCL_TRY(device, "cannot create a queue", code);
    device->active = device->queue;
    return GRAFT_OK;
}

static graft_status opencl_device_create(graft_log *log, int index, const char *cache_dir,
                                         gr_device **out)
{
    gr_opencl_functions cl;
    cl_device_id ids[MAX_DEVICES];
    char why[GR_WHY_BYTES];
    int count = find_devices(&cl, ids, why);
    if (index < 0 || index >= count)
        return gr_fail(log, GRAFT_ERR_NO_DEVICE, "opencl:%d: no such device, there are %d", index,
                       count);
    gr_opencl_device *device = gr_alloc(NULL, sizeof(*device));
    if (!device)
        return gr_fail(log, GRAFT_ERR_MEMORY, "opencl:%d: no memory for the device", index);
    gr_device *base = &device->base;
    device->cl = cl;
    device->id = ids[index];
    base->backend = &gr_backend_opencl;
    base->log = log;
    gr_opencl_describe(device, index);
    snprintf(base->cache_dir, sizeof(base->cache_dir), "%s", cache_dir);
    graft_status status = open_context(device);
    if (status != GRAFT_OK)
        opencl_device_destroy(base);
    else
        *out = base;
    return status;
}

const gr_backend gr_backend_opencl = {
    .name = "opencl",
    .enumerate = opencl_enumerate,
    .device_create = opencl_device_create,
    .device_destroy = opencl_device_destroy,
    .buffer_create = gr_opencl_buffer_create,
    .buffer_destroy = gr_opencl_buffer_destroy,
    .buffer_write = gr_opencl_buffer_write,
    .buffer_write_now = gr_opencl_buffer_write_now,
    .buffer_read = gr_opencl_buffer_read,
    .pipelines_create = gr_opencl_pipelines_create,
    .pipeline_destroy = gr_opencl_pipeline_destroy,
    .list_create = gr_opencl_list_create,
    .list_destroy = gr_opencl_list_destroy,
    .submit = gr_opencl_submit,
    .wait = gr_opencl_wait,
    .list_times = gr_opencl_list_times,
    .library_create = gr_opencl_library_create,
    .library_destroy = gr_opencl_library_destroy,
};
