/* Inside the Vulkan backend: Vulkan 1.1 with one compute queue, no extension and no feature needed.
 *
 * How work is ordered: everything goes to one queue, and a pipeline barrier covers all commands
 * that were submitted to the queue before it. A list therefore starts with a barrier (against
 * earlier submits), has one wherever a command asks for it, and ends with one towards the host.
 * Nothing on the device ever waits for a semaphore; the host waits with one fence.
 */
#ifndef GR_VULKAN_H
#define GR_VULKAN_H

#include "backends/backend.h"
#include "backends/vulkan/functions.h"
#include "base/log.h"

/* error.c: failures. Every VkResult but VK_SUCCESS is one. */

/* `call` says in the message what failed. */
graft_status gr_vk_check(graft_log *log, VkResult result, const char *call);

/* GR_VK(vk, QueueWaitIdle, queue) calls a function of the device's table and returns a failure. */
#define GR_VK(vk, name, ...)                                                                       \
    GR_TRY(gr_vk_check((vk)->base.log, (vk)->fn.name(__VA_ARGS__), "vk" #name))

/* physical.c: what is installed. */

typedef struct gr_vk_physical {
    VkPhysicalDevice handle;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMaintenance3Properties maintenance3;
    VkPhysicalDeviceSubgroupProperties subgroup;
    VkPhysicalDeviceMemoryProperties memory;
    char driver[160];
    uint8_t uuid[VK_UUID_SIZE];
    uint32_t queue_family;
    uint32_t timestamp_bits; /* 0: the queue has no timestamps */
} gr_vk_physical;

/* Needs the global functions, and loads those of the instance. `debug` asks for names and labels
 * in debuggers; *debug tells whether the loader has them. */
graft_status gr_vk_instance_create(graft_log *log, gr_vk_functions *fn, bool *debug,
                                   VkInstance *out);

/* The devices that can run graft, each once, as an allocation of `parent`; fewer when out of
 * memory. */
graft_status gr_vk_physical_list(graft_log *log, void *parent, const gr_vk_functions *fn,
                                 VkInstance instance, gr_vk_physical **out, int *count);

/* The facts about a physical device of an application's instance, to be used through a queue of
 * this family. */
graft_status gr_vk_physical_take(graft_log *log, const gr_vk_functions *fn, VkInstance instance,
                                 VkPhysicalDevice handle, uint32_t queue_family,
                                 gr_vk_physical *out);

void gr_vk_physical_info(const gr_vk_physical *physical, int index, graft_device_info *info);
void gr_vk_physical_caps(const gr_vk_physical *physical, gr_caps *caps);

/* device.c */

enum { GR_VK_COPIES = 8 };

typedef struct gr_vk_device {
    gr_device base;
    gr_vk_functions fn;
    VkInstance instance;
    gr_vk_physical physical;
    VkDevice device;
    /* import.c: instance and device are an application's; so may the queue be */
    bool imported, timelines;
    void (*lock)(void *user); /* NULL: none */
    void (*unlock)(void *user);
    void *user;
    /* image.c: command buffers for copies of images, and how many of them may be at work */
    VkCommandPool copy_pool;
    VkCommandBuffer copies[GR_VK_COPIES];
    uint32_t copies_used;
    uint32_t allocations; /* live VkDeviceMemory objects */
    /* queue.c */
    VkQueue queue;
    VkFence fence;
    bool pending; /* something was submitted since the last wait */
    bool lost;
    /* buffer.c */
    VkCommandPool transfer_pool;
    VkCommandBuffer transfer;
    gr_buffer *staging;
    /* pipeline.c: one layout for each number of bindings, made when first needed */
    VkDescriptorSetLayout set_layout[GR_MAX_BINDINGS + 1];
    VkPipelineLayout layout[GR_MAX_BINDINGS + 1];
    VkPipelineCache cache;
    size_t cached_bytes; /* size of what the disk holds */
    /* list.c: NULL unless debugging */
    PFN_vkCmdBeginDebugUtilsLabelEXT begin_label;
    PFN_vkCmdEndDebugUtilsLabelEXT end_label;
} gr_vk_device;

static inline gr_vk_device *gr_vk(gr_device *device)
{
    return (gr_vk_device *)device;
}

/* buffer.c */

struct gr_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint64_t size;
    void *mapped;  /* NULL: the host reaches it through staging only */
    bool cached;   /* the host reads the mapping fast */
    bool borrowed; /* an application's */
};

graft_status gr_vk_buffer_create(gr_device *device, uint64_t size, gr_memory memory,
                                 gr_buffer **out);
void gr_vk_buffer_destroy(gr_device *device, gr_buffer *buffer);
graft_status gr_vk_buffer_write(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                const void *data, uint64_t size);
graft_status gr_vk_buffer_write_now(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                    const void *data, uint64_t size);
graft_status gr_vk_buffer_read(gr_device *device, gr_buffer *buffer, uint64_t offset, void *data,
                               uint64_t size);

/* spirv.c */

/* What a module asks of a device. */
typedef struct gr_vk_needs {
    uint64_t shared_bytes;           /* of all workgroup variables; a lower bound */
    VkSubgroupFeatureFlags subgroup; /* operations */
    uint32_t capability;             /* one that no device here offers; 0: none */
} gr_vk_needs;

/* Reads the module of a kernel with the values of its tunables filled in. */
graft_status gr_vk_inspect(graft_log *log, const gr_pipeline_spec *spec, gr_vk_needs *out);

/* pipeline.c */

struct gr_pipeline {
    VkPipeline pipeline;
    VkPipelineLayout layout;
    VkDescriptorSetLayout set_layout;
    const gr_kernel *kernel;
};

graft_status gr_vk_pipelines_create(gr_device *device, const gr_pipeline_spec *specs, int count,
                                    gr_pipeline **out);
void gr_vk_pipeline_destroy(gr_device *device, gr_pipeline *pipeline);

/* pipeline_cache.c */

graft_status gr_vk_cache_open(gr_vk_device *vk);

/* Writes the cache to disk when it has grown. A failure is a warning only. */
void gr_vk_cache_save(gr_vk_device *vk);

/* queue.c */

/* Queues command buffers, in order, without waiting. */
graft_status gr_vk_submit(gr_vk_device *vk, const VkCommandBuffer *buffers, uint32_t count);
graft_status gr_vk_submit_batch(gr_vk_device *vk, const VkSubmitInfo *batch);
graft_status gr_vk_wait(gr_vk_device *vk);

/* Before something is destroyed: waits, without a word about failures. */
void gr_vk_drain(gr_vk_device *vk);

/* All earlier commands of the queue happen before all later ones. */
void gr_vk_barrier(gr_vk_device *vk, VkCommandBuffer commands);

/* Once the fence is signalled, the host sees what earlier commands wrote. */
void gr_vk_barrier_to_host(gr_vk_device *vk, VkCommandBuffer commands);

/* list.c */

/* A vendor library's operation. Its record() appends to a command buffer outside of barriers that
 * the list takes care of, and may bind pipelines and descriptor sets of its own. */
struct gr_library {
    graft_status (*record)(gr_library *library, gr_vk_device *vk, VkCommandBuffer commands,
                           const gr_command *command);
    void (*destroy)(gr_library *library, gr_vk_device *vk); /* once the device is idle */
};

/* library.c */
graft_status gr_vk_library_create(gr_device *device, const gr_library_desc *desc, gr_library **out);
void gr_vk_library_destroy(gr_device *device, gr_library *library);

graft_status gr_vk_list_create(gr_device *device, const gr_command *commands, int count,
                               bool profile, gr_list **out);
void gr_vk_list_destroy(gr_device *device, gr_list *list);
graft_status gr_vk_list_submit(gr_device *device, gr_list *list);
graft_status gr_vk_list_times(gr_device *device, gr_list *list, double *ns);

#endif
