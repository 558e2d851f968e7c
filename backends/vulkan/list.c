/* Lists: commands recorded once, submitted any number of times. */
#include "backends/vulkan/import.h"
#include "backends/vulkan/vulkan.h"

#include "base/mem.h"

#include <string.h>

/* A list is cut into command buffers, each a job of its own to the system's watchdog (which can
 * be as impatient as two seconds, and some drivers cancel without a word): so many commands at
 * most, and so many multiply-adds, which slow devices do in a second. */
#define COMMANDS_PER_BUFFER 64
#define WORK_PER_BUFFER     1e10

struct gr_list {
    VkCommandPool pool;
    VkCommandBuffer *buffers;
    uint32_t buffer_count;
    VkDescriptorPool descriptors; /* null when nothing is dispatched */
    VkQueryPool queries;          /* of count + 1 timestamps; null unless profiled */
    gr_command *commands;         /* a copy */
    VkDescriptorSet *sets;        /* of each command that is a dispatch */
    uint32_t count;               /* commands */
    bool submitted;
};

/* What recording carries from one command to the next. */
typedef struct recorder {
    gr_vk_device *vk;
    gr_list *list;
    VkCommandBuffer buffer;
    const gr_pipeline *bound;
} recorder;

static graft_status create_pool(gr_vk_device *vk, gr_list *list)
{
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = vk->physical.queue_family,
    };
    GR_VK(vk, CreateCommandPool, vk->device, &pool, NULL, &list->pool);
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = list->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = list->buffer_count,
    };
    GR_VK(vk, AllocateCommandBuffers, vk->device, &allocate, list->buffers);
    return GRAFT_OK;
}

/* Room for one descriptor set for each dispatch. */
static graft_status create_descriptors(gr_vk_device *vk, gr_list *list, const gr_command *commands)
{
    uint32_t sets = 0, buffers = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (commands[i].kind != GR_COMMAND_DISPATCH)
            continue;
        sets++;
        buffers += commands[i].binding_count;
    }
    if (sets == 0)
        return GRAFT_OK;
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, buffers};
    VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = sets,
        .poolSizeCount = buffers > 0,
        .pPoolSizes = &size,
    };
    GR_VK(vk, CreateDescriptorPool, vk->device, &info, NULL, &list->descriptors);
    return GRAFT_OK;
}

static graft_status create_queries(gr_vk_device *vk, gr_list *list)
{
    VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = list->count + 1,
    };
    GR_VK(vk, CreateQueryPool, vk->device, &info, NULL, &list->queries);
    return GRAFT_OK;
}

/* The descriptor set of a dispatch, made when it is first recorded. */
static graft_status need_set(recorder *r, const gr_command *command, VkDescriptorSet *set)
{
    const gr_pipeline *pipeline = command->pipeline;
    if (*set)
        return GRAFT_OK;
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = r->list->descriptors,
        .descriptorSetCount = 1,
        .pSetLayouts = &pipeline->set_layout,
    };
    GR_VK(r->vk, AllocateDescriptorSets, r->vk->device, &allocate, set);
    VkDescriptorBufferInfo buffers[GR_MAX_BINDINGS];
    VkWriteDescriptorSet writes[GR_MAX_BINDINGS];
    for (uint32_t i = 0; i < command->binding_count; i++) {
        const gr_binding *binding = &command->binding[i];
        buffers[i] = (VkDescriptorBufferInfo){
            .buffer = binding->buffer->buffer,
            .offset = binding->offset,
            .range = binding->size,
        };
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = *set,
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = &buffers[i],
        };
    }
    r->vk->fn.UpdateDescriptorSets(r->vk->device, command->binding_count, writes, 0, NULL);
    return GRAFT_OK;
}

static graft_status record_dispatch(recorder *r, const gr_command *command)
{
    const gr_pipeline *pipeline = command->pipeline;
    VkDescriptorSet *set = &r->list->sets[command - r->list->commands];
    GR_TRY(need_set(r, command, set));
    r->vk->fn.CmdBindDescriptorSets(r->buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->layout, 0,
                                    1, set, 0, NULL);
    if (r->bound != pipeline)
        r->vk->fn.CmdBindPipeline(r->buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->pipeline);
    r->bound = pipeline;
    if (pipeline->kernel->params_bytes)
        r->vk->fn.CmdPushConstants(r->buffer, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                   pipeline->kernel->params_bytes, command->params);
    r->vk->fn.CmdDispatch(r->buffer, command->grid[0], command->grid[1], command->grid[2]);
    return GRAFT_OK;
}

static void record_copy(recorder *r, const gr_command *command)
{
    const gr_binding *from = &command->binding[0], *to = &command->binding[1];
    VkBufferCopy region = {
        .srcOffset = from->offset,
        .dstOffset = to->offset,
        .size = from->size,
    };
    r->vk->fn.CmdCopyBuffer(r->buffer, from->buffer->buffer, to->buffer->buffer, 1, &region);
}

static graft_status record_work(recorder *r, const gr_command *command)
{
    const gr_binding *first = &command->binding[0];
    switch (command->kind) {
    case GR_COMMAND_DISPATCH:
        return record_dispatch(r, command);
    case GR_COMMAND_COPY:
        record_copy(r, command);
        return GRAFT_OK;
    case GR_COMMAND_FILL:
        r->vk->fn.CmdFillBuffer(r->buffer, first->buffer->buffer, first->offset, first->size,
                                command->fill);
        return GRAFT_OK;
    case GR_COMMAND_LIBRARY:
        r->bound = NULL;
        return command->library->record(command->library, r->vk, r->buffer, command);
    }
    return gr_fail(r->vk->base.log, GRAFT_ERR_ARGUMENT, "vulkan: no command of kind %d",
                   (int)command->kind);
}

static graft_status record_command(recorder *r, const gr_command *command)
{
    VkDebugUtilsLabelEXT label = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT,
        .pLabelName = command->label ? command->label : "",
    };
    if (r->vk->begin_label)
        r->vk->begin_label(r->buffer, &label);
    graft_status status = record_work(r, command);
    if (r->vk->end_label)
        r->vk->end_label(r->buffer);
    return status;
}

/* Waits for all earlier commands and notes the time. */
static void record_time(recorder *r, uint32_t query)
{
    r->vk->fn.CmdWriteTimestamp(r->buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, r->list->queries,
                                query);
}

/* A profiled list runs its commands one by one, so that their times do not mix. */
static graft_status record_range(recorder *r, const gr_command *commands, uint32_t first,
                                 uint32_t end)
{
    gr_list *list = r->list;
    if (first == 0) {
        gr_vk_barrier(r->vk, r->buffer);
        if (list->queries) {
            r->vk->fn.CmdResetQueryPool(r->buffer, list->queries, 0, list->count + 1);
            record_time(r, 0);
        }
    }
    for (uint32_t i = first; i < end; i++) {
        if (i > 0 && (commands[i].barrier || list->queries))
            gr_vk_barrier(r->vk, r->buffer);
        GR_TRY(record_command(r, &commands[i]));
        if (list->queries)
            record_time(r, i + 1);
    }
    if (end == list->count)
        gr_vk_barrier_to_host(r->vk, r->buffer);
    return GRAFT_OK;
}

/* Where the command buffer ends that begins with command `first`. */
static uint32_t buffer_end(const gr_list *list, const gr_command *commands, uint32_t first)
{
    uint32_t end = first;
    double work = 0.0;
    while (end < list->count && end - first < COMMANDS_PER_BUFFER) {
        work += commands[end].work;
        if (end > first && work > WORK_PER_BUFFER)
            break;
        end++;
    }
    return end;
}

static uint32_t count_buffers(const gr_list *list, const gr_command *commands)
{
    uint32_t count = 0, at = 0;
    do {
        at = buffer_end(list, commands, at);
        count++;
    } while (at < list->count);
    return count;
}

/* Between all that an application recorded before and all that comes after. */
static void separate(gr_vk_device *vk, VkCommandBuffer commands)
{
    VkMemoryBarrier all = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
    };
    const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    vk->fn.CmdPipelineBarrier(commands, stages, stages, 0, 1, &all, 0, NULL, 0, NULL);
}

graft_status gr_vk_list_record(gr_device *device, gr_list *list, VkCommandBuffer commands)
{
    recorder r = {.vk = gr_vk(device), .list = list, .buffer = commands};
    separate(r.vk, commands);
    GR_TRY(record_range(&r, list->commands, 0, list->count));
    separate(r.vk, commands);
    return GRAFT_OK;
}

void gr_vk_update_record(gr_device *device, gr_buffer *buffer, uint64_t offset, const void *data,
                         uint64_t size, VkCommandBuffer commands)
{
    separate(gr_vk(device), commands);
    gr_vk(device)->fn.CmdUpdateBuffer(commands, buffer->buffer, offset, size, data);
}

/* A list may be submitted again before its last run is finished: simultaneous use. */
static graft_status record(gr_vk_device *vk, gr_list *list, const gr_command *commands)
{
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
    };
    for (uint32_t i = 0, first = 0; i < list->buffer_count; i++) {
        recorder r = {.vk = vk, .list = list, .buffer = list->buffers[i]};
        uint32_t end = buffer_end(list, commands, first);
        GR_VK(vk, BeginCommandBuffer, r.buffer, &begin);
        GR_TRY(record_range(&r, commands, first, end));
        GR_VK(vk, EndCommandBuffer, r.buffer);
        first = end;
    }
    return GRAFT_OK;
}

static graft_status build_list(gr_vk_device *vk, gr_list *list, const gr_command *commands,
                               bool profile)
{
    list->buffer_count = count_buffers(list, commands);
    gr_log(vk->base.log, GRAFT_LOG_TRACE, "vulkan: %u commands in %u buffers", list->count,
           list->buffer_count);
    list->buffers = gr_alloc_array(list, list->buffer_count, sizeof(*list->buffers));
    if (!list->buffers)
        return gr_fail(vk->base.log, GRAFT_ERR_MEMORY, "vulkan: no memory for a list of %u",
                       list->count);
    GR_TRY(create_pool(vk, list));
    GR_TRY(create_descriptors(vk, list, commands));
    if (profile && vk->base.caps.timestamps)
        GR_TRY(create_queries(vk, list));
    return record(vk, list, commands);
}

graft_status gr_vk_list_create(gr_device *device, const gr_command *commands, int count,
                               bool profile, gr_list **out)
{
    gr_vk_device *vk = gr_vk(device);
    *out = NULL;
    gr_list *list = gr_alloc(vk, sizeof(*list));
    if (!list)
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "vulkan: no memory for a list");
    list->count = (uint32_t)count;
    list->commands = gr_alloc_array(list, list->count + 1, sizeof(*list->commands));
    list->sets = gr_alloc_array(list, list->count + 1, sizeof(VkDescriptorSet));
    if (!list->commands || !list->sets) {
        gr_free(list);
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "vulkan: no memory for a list");
    }
    memcpy(list->commands, commands, (size_t)count * sizeof(*commands));
    graft_status status = build_list(vk, list, list->commands, profile);
    if (status == GRAFT_OK)
        *out = list;
    else
        gr_vk_list_destroy(device, list);
    return status;
}

void gr_vk_list_destroy(gr_device *device, gr_list *list)
{
    gr_vk_device *vk = gr_vk(device);
    if (!list)
        return;
    gr_vk_drain(vk);
    vk->fn.DestroyQueryPool(vk->device, list->queries, NULL);
    vk->fn.DestroyDescriptorPool(vk->device, list->descriptors, NULL);
    vk->fn.DestroyCommandPool(vk->device, list->pool, NULL);
    gr_free(list);
}

graft_status gr_vk_list_submit(gr_device *device, gr_list *list)
{
    list->submitted = true;
    return gr_vk_submit(gr_vk(device), list->buffers, list->buffer_count);
}

graft_status gr_vk_list_times(gr_device *device, gr_list *list, double *ns)
{
    gr_vk_device *vk = gr_vk(device);
    uint32_t bits = vk->physical.timestamp_bits;
    uint64_t mask = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
    if (!list->queries || !list->submitted)
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT,
                       "vulkan: the list has no times: it is not profiled or has not run");
    GR_TRY(gr_vk_wait(vk));
    uint64_t *ticks = gr_alloc_array(NULL, list->count + 1, sizeof(*ticks));
    if (!ticks)
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "vulkan: no memory for %u times",
                       list->count);
    VkResult result = vk->fn.GetQueryPoolResults(vk->device, list->queries, 0, list->count + 1,
                                                 (list->count + 1) * sizeof(*ticks), ticks,
                                                 sizeof(*ticks), VK_QUERY_RESULT_64_BIT);
    graft_status status = gr_vk_check(device->log, result, "vkGetQueryPoolResults");
    for (uint32_t i = 0; i < list->count && status == GRAFT_OK; i++)
        ns[i] = (double)((ticks[i + 1] - ticks[i]) & mask) *
                (double)vk->physical.properties.limits.timestampPeriod;
    gr_free(ticks);
    return status;
}
