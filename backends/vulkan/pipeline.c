/* Pipelines: a kernel with its tunables, checked against the device and compiled. */
#include "backends/vulkan/vulkan.h"

#include "backends/dump.h"
#include "base/mem.h"
#include "base/system.h"

#include <stdatomic.h>
#include <stdio.h>

#define MAX_THREADS 8

static graft_status check_module(gr_vk_device *vk, const gr_pipeline_spec *spec, const char *name)
{
    graft_log *log = vk->base.log;
    const char *id = vk->base.info.id;
    const VkPhysicalDeviceSubgroupProperties *subgroup = &vk->physical.subgroup;
    gr_vk_needs needs;
    GR_TRY(gr_vk_inspect(log, spec, &needs));
    if (needs.shared_bytes > vk->base.caps.shared_bytes)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "%s: needs %llu bytes of shared memory, %s has %u; choose smaller tiles",
                       name, (unsigned long long)needs.shared_bytes, id,
                       vk->base.caps.shared_bytes);
    if (needs.capability)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "%s: needs SPIR-V capability %u, which is not enabled on %s", name,
                       needs.capability, id);
    if (needs.subgroup && (needs.subgroup & ~subgroup->supportedOperations ||
                           !(subgroup->supportedStages & VK_SHADER_STAGE_COMPUTE_BIT)))
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "%s: needs subgroup operations 0x%x, %s has 0x%x", name, needs.subgroup, id,
                       subgroup->supportedOperations);
    return GRAFT_OK;
}

static graft_status check_spec(gr_vk_device *vk, const gr_pipeline_spec *spec)
{
    graft_log *log = vk->base.log;
    const gr_kernel *kernel = spec->kernel;
    const VkPhysicalDeviceLimits *limits = &vk->physical.properties.limits;
    const char *id = vk->base.info.id;
    char name[GR_SPEC_TEXT];
    gr_spec_text(spec, name);
    if (!kernel->spirv)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: the kernel has no Vulkan form", name);
    if (spec->tunables[0] == 0 || spec->tunables[0] > vk->base.caps.max_workgroup)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "%s: a work-group of %u, expected 1 to the %u of %s", name,
                       spec->tunables[0], vk->base.caps.max_workgroup, id);
    if (kernel->binding_count > limits->maxPerStageDescriptorStorageBuffers)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "%s: binds %u buffers, %s allows %u in one kernel", name,
                       kernel->binding_count, id, limits->maxPerStageDescriptorStorageBuffers);
    return check_module(vk, spec, name);
}

static graft_status need_set_layout(gr_vk_device *vk, uint32_t count)
{
    VkDescriptorSetLayoutBinding bindings[GR_MAX_BINDINGS];
    if (vk->set_layout[count])
        return GRAFT_OK;
    for (uint32_t i = 0; i < count; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = count,
        .pBindings = bindings,
    };
    GR_VK(vk, CreateDescriptorSetLayout, vk->device, &info, NULL, &vk->set_layout[count]);
    return GRAFT_OK;
}

/* Kernels share layouts: all may push GR_MAX_PARAM_BYTES, whatever they read of them. */
static graft_status need_layout(gr_vk_device *vk, uint32_t count)
{
    if (vk->layout[count])
        return GRAFT_OK;
    GR_TRY(need_set_layout(vk, count));
    VkPushConstantRange params = {
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        .size = GR_MAX_PARAM_BYTES,
    };
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &vk->set_layout[count],
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &params,
    };
    GR_VK(vk, CreatePipelineLayout, vk->device, &info, NULL, &vk->layout[count]);
    return GRAFT_OK;
}

/* Everything but the compiling. */
static graft_status prepare(gr_vk_device *vk, const gr_pipeline_spec *spec, gr_pipeline **out)
{
    uint32_t count = spec->kernel->binding_count;
    GR_TRY(check_spec(vk, spec));
    GR_TRY(need_layout(vk, count));
    gr_pipeline *pipeline = gr_alloc(vk, sizeof(*pipeline));
    if (!pipeline)
        return gr_fail(vk->base.log, GRAFT_ERR_MEMORY, "%s: no memory for a pipeline's record",
                       spec->kernel->name);
    pipeline->kernel = spec->kernel;
    pipeline->layout = vk->layout[count];
    pipeline->set_layout = vk->set_layout[count];
    *out = pipeline;
    return GRAFT_OK;
}

static VkResult create_pipeline(gr_vk_device *vk, const gr_pipeline_spec *spec,
                                VkShaderModule module, gr_pipeline *pipeline)
{
    VkSpecializationMapEntry entries[GR_MAX_TUNABLES];
    for (uint32_t i = 0; i < GR_MAX_TUNABLES; i++)
        entries[i] = (VkSpecializationMapEntry){
            .constantID = i,
            .offset = i * (uint32_t)sizeof(uint32_t),
            .size = sizeof(uint32_t),
        };
    VkSpecializationInfo tunables = {
        .mapEntryCount = spec->kernel->tunable_count,
        .pMapEntries = entries,
        .dataSize = sizeof(spec->tunables),
        .pData = spec->tunables,
    };
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = &tunables},
        .layout = pipeline->layout,
    };
    return vk->fn.CreateComputePipelines(vk->device, vk->cache, 1, &info, NULL,
                                         &pipeline->pipeline);
}

/* Called from several threads at once, for different pipelines. */
static graft_status compile(gr_vk_device *vk, const gr_pipeline_spec *spec, gr_pipeline *pipeline)
{
    const gr_kernel *kernel = spec->kernel;
    size_t size = kernel->spirv_words * sizeof(uint32_t);
    VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = size,
        .pCode = kernel->spirv,
    };
    VkShaderModule module;
    char name[GR_SPEC_TEXT], call[GR_SPEC_TEXT + 64];
    gr_dump_kernel(vk->base.log, spec, "spv", kernel->spirv, size);
    gr_log(vk->base.log, GRAFT_LOG_DEBUG, "%s: compiling %s", vk->base.info.id,
           gr_spec_text(spec, name));
    GR_VK(vk, CreateShaderModule, vk->device, &info, NULL, &module);
    VkResult result = create_pipeline(vk, spec, module, pipeline);
    vk->fn.DestroyShaderModule(vk->device, module, NULL);
    snprintf(call, sizeof(call), "vkCreateComputePipelines of %s", name);
    return gr_vk_check(vk->base.log, result, call);
}

typedef struct batch {
    gr_vk_device *vk;
    const gr_pipeline_spec *specs;
    gr_pipeline **pipelines;
    int count;
    atomic_int next;
    atomic_int status; /* of the first failure */
} batch;

static void work_off(void *argument)
{
    batch *b = argument;
    int i;
    while ((i = atomic_fetch_add(&b->next, 1)) < b->count) {
        int success = GRAFT_OK;
        graft_status status = compile(b->vk, &b->specs[i], b->pipelines[i]);
        if (status != GRAFT_OK)
            atomic_compare_exchange_strong(&b->status, &success, (int)status);
    }
}

/* Driver compilers are single-threaded; so pipelines are spread over the processors. */
static graft_status compile_all(gr_vk_device *vk, const gr_pipeline_spec *specs, int count,
                                gr_pipeline **pipelines)
{
    batch b = {.vk = vk, .specs = specs, .pipelines = pipelines, .count = count};
    gr_thread threads[MAX_THREADS];
    int wanted = gr_processor_count() - 1; /* this thread works too */
    int started = 0;
    while (started < MAX_THREADS && started < wanted && started < count - 1 &&
           gr_thread_start(&threads[started], work_off, &b))
        started++;
    work_off(&b);
    while (started > 0)
        gr_thread_join(&threads[--started]);
    return (graft_status)atomic_load(&b.status);
}

graft_status gr_vk_pipelines_create(gr_device *device, const gr_pipeline_spec *specs, int count,
                                    gr_pipeline **out)
{
    gr_vk_device *vk = gr_vk(device);
    graft_status status = GRAFT_OK;
    for (int i = 0; i < count; i++)
        out[i] = NULL;
    for (int i = 0; i < count && status == GRAFT_OK; i++)
        status = prepare(vk, &specs[i], &out[i]);
    if (status == GRAFT_OK)
        status = compile_all(vk, specs, count, out);
    if (status == GRAFT_OK) {
        gr_vk_cache_save(vk);
        return GRAFT_OK;
    }
    for (int i = 0; i < count; i++) {
        gr_vk_pipeline_destroy(device, out[i]);
        out[i] = NULL;
    }
    return status;
}

void gr_vk_pipeline_destroy(gr_device *device, gr_pipeline *pipeline)
{
    gr_vk_device *vk = gr_vk(device);
    if (!pipeline)
        return;
    gr_vk_drain(vk);
    vk->fn.DestroyPipeline(vk->device, pipeline->pipeline, NULL);
    gr_free(pipeline);
}
