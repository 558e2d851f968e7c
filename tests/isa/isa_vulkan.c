#include "isa_vulkan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

enum { MAX_DEVICES = 8, MAX_STATISTICS = 64, MAX_TEXTS = 16 };

struct vulkan_compiler {
    VkInstance instance;
    VkDevice device;
    VkPhysicalDeviceProperties properties;
    PFN_vkGetPipelineExecutablePropertiesKHR get_executables;
    PFN_vkGetPipelineExecutableStatisticsKHR get_statistics;
    PFN_vkGetPipelineExecutableInternalRepresentationsKHR get_texts;
};

/* What one pipeline is made of. */
typedef struct made {
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkShaderModule module;
    VkPipeline pipeline;
} made;

static bool has_extension(VkPhysicalDevice physical, const char *name)
{
    uint32_t count = 0;
    bool found = false;
    vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL);
    VkExtensionProperties *all = calloc(count + 1, sizeof(*all));
    if (all && vkEnumerateDeviceExtensionProperties(physical, NULL, &count, all) == VK_SUCCESS)
        for (uint32_t i = 0; i < count && !found; i++)
            found = strcmp(all[i].extensionName, name) == 0;
    free(all);
    return found;
}

static uint32_t compute_family(VkPhysicalDevice physical)
{
    VkQueueFamilyProperties families[16];
    uint32_t count = 16;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    for (uint32_t i = 0; i < count; i++)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)
            return i;
    return 0;
}

static bool open_device(vulkan_compiler *vulkan, VkPhysicalDevice physical)
{
    const char *executables = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    bool tells = has_extension(physical, executables);
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pipelineExecutableInfo = VK_TRUE,
    };
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = compute_family(physical),
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = tells ? &features : NULL,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = tells,
        .ppEnabledExtensionNames = &executables,
    };
    vkGetPhysicalDeviceProperties(physical, &vulkan->properties);
    if (vkCreateDevice(physical, &info, NULL, &vulkan->device) != VK_SUCCESS)
        return false;
    if (tells) {
        VkDevice d = vulkan->device;
        vulkan->get_executables = (PFN_vkGetPipelineExecutablePropertiesKHR)vkGetDeviceProcAddr(
            d, "vkGetPipelineExecutablePropertiesKHR");
        vulkan->get_statistics = (PFN_vkGetPipelineExecutableStatisticsKHR)vkGetDeviceProcAddr(
            d, "vkGetPipelineExecutableStatisticsKHR");
        vulkan->get_texts =
            (PFN_vkGetPipelineExecutableInternalRepresentationsKHR)vkGetDeviceProcAddr(
                d, "vkGetPipelineExecutableInternalRepresentationsKHR");
    }
    return true;
}

vulkan_compiler *vulkan_compiler_open(void)
{
    vulkan_compiler *vulkan = calloc(1, sizeof(*vulkan));
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .apiVersion = VK_API_VERSION_1_1};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pApplicationInfo = &application};
    VkPhysicalDevice physical[MAX_DEVICES];
    uint32_t count = MAX_DEVICES;
    if (vulkan && vkCreateInstance(&info, NULL, &vulkan->instance) == VK_SUCCESS &&
        vkEnumeratePhysicalDevices(vulkan->instance, &count, physical) >= VK_SUCCESS && count > 0 &&
        open_device(vulkan, physical[0]))
        return vulkan;
    fprintf(stderr, "no Vulkan device\n");
    vulkan_compiler_close(vulkan);
    return NULL;
}

void vulkan_compiler_close(vulkan_compiler *vulkan)
{
    if (vulkan && vulkan->device)
        vkDestroyDevice(vulkan->device, NULL);
    if (vulkan && vulkan->instance)
        vkDestroyInstance(vulkan->instance, NULL);
    free(vulkan);
}

static VkResult make_layout(VkDevice device, uint32_t bindings, made *m)
{
    VkDescriptorSetLayoutBinding binding[GR_MAX_BINDINGS];
    for (uint32_t i = 0; i < bindings; i++)
        binding[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = bindings,
        .pBindings = binding,
    };
    VkResult result = vkCreateDescriptorSetLayout(device, &set, NULL, &m->set_layout);
    VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                                .size = GR_MAX_PARAM_BYTES};
    VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &m->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push,
    };
    return result ? result : vkCreatePipelineLayout(device, &layout, NULL, &m->layout);
}

static VkResult make_pipeline(const vulkan_compiler *vulkan, const gr_pipeline_spec *spec, made *m)
{
    VkDevice device = vulkan->device;
    VkShaderModuleCreateInfo code = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = spec->kernel->spirv_words * sizeof(uint32_t),
        .pCode = spec->kernel->spirv,
    };
    VkResult result = make_layout(device, spec->kernel->binding_count, m);
    if (!result)
        result = vkCreateShaderModule(device, &code, NULL, &m->module);
    if (result)
        return result;
    VkSpecializationMapEntry entries[GR_MAX_TUNABLES];
    for (uint32_t i = 0; i < GR_MAX_TUNABLES; i++)
        entries[i] = (VkSpecializationMapEntry){i, 4 * i, 4};
    VkSpecializationInfo tunables = {spec->kernel->tunable_count, entries, sizeof(spec->tunables),
                                     spec->tunables};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = vulkan->get_texts ? VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
                                         VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR
                                   : 0,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = m->module,
                  .pName = "main",
                  .pSpecializationInfo = &tunables},
        .layout = m->layout,
    };
    return vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL, &m->pipeline);
}

static json_t *number(const VkPipelineExecutableStatisticKHR *s)
{
    switch (s->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return json_integer(s->value.b32);
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
        return json_real(s->value.f64);
    default:
        return json_integer((json_int_t)s->value.i64);
    }
}

static void add_statistics(const vulkan_compiler *vulkan, const VkPipelineExecutableInfoKHR *which,
                           json_t *line)
{
    VkPipelineExecutableStatisticKHR all[MAX_STATISTICS];
    uint32_t count = MAX_STATISTICS;
    for (int i = 0; i < MAX_STATISTICS; i++)
        all[i] = (VkPipelineExecutableStatisticKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    if (vulkan->get_statistics(vulkan->device, which, &count, all) < VK_SUCCESS)
        return;
    json_t *statistics = json_object();
    for (uint32_t i = 0; i < count; i++)
        json_object_set_new(statistics, all[i].name, number(&all[i]));
    json_object_set_new(line, "statistics", statistics);
}

/* All texts, each after a line "##### name". */
static char *all_texts(const vulkan_compiler *vulkan, const VkPipelineExecutableInfoKHR *which)
{
    VkPipelineExecutableInternalRepresentationKHR texts[MAX_TEXTS] = {{0}};
    uint32_t count = MAX_TEXTS;
    size_t size = 1, used = 0;
    for (int i = 0; i < MAX_TEXTS; i++)
        texts[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
    if (vulkan->get_texts(vulkan->device, which, &count, texts) < VK_SUCCESS)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        texts[i].pData = calloc(texts[i].dataSize + 1, 1);
        size += texts[i].dataSize + VK_MAX_DESCRIPTION_SIZE + 16;
    }
    vulkan->get_texts(vulkan->device, which, &count, texts);
    char *text = calloc(size, 1);
    for (uint32_t i = 0; i < count; i++) {
        if (text && texts[i].pData)
            used += (size_t)snprintf(text + used, size - used, "##### %s\n%s\n", texts[i].name,
                                     (const char *)texts[i].pData);
        free(texts[i].pData);
    }
    return text;
}

static void tell(const vulkan_compiler *vulkan, VkPipeline pipeline, json_t *line, char **listing)
{
    VkPipelineInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutablePropertiesKHR executable = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    VkPipelineExecutableInfoKHR which = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
                                         .pipeline = pipeline};
    uint32_t one = 1;
    if (vulkan->get_executables(vulkan->device, &info, &one, &executable) < VK_SUCCESS || one == 0)
        return;
    json_object_set_new(line, "subgroup", json_integer(executable.subgroupSize));
    add_statistics(vulkan, &which, line);
    *listing = all_texts(vulkan, &which);
}

void vulkan_compile(vulkan_compiler *vulkan, const gr_pipeline_spec *spec, json_t *line,
                    char **listing)
{
    made m = {0};
    VkResult result = make_pipeline(vulkan, spec, &m);
    json_object_set_new(line, "device", json_string(vulkan->properties.deviceName));
    if (result)
        json_object_set_new(line, "error", json_sprintf("VkResult %d", result));
    else if (vulkan->get_executables)
        tell(vulkan, m.pipeline, line, listing);
    vkDestroyPipeline(vulkan->device, m.pipeline, NULL);
    vkDestroyShaderModule(vulkan->device, m.module, NULL);
    vkDestroyPipelineLayout(vulkan->device, m.layout, NULL);
    vkDestroyDescriptorSetLayout(vulkan->device, m.set_layout, NULL);
}
