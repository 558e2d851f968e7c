#include "renderer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shapes.frag.h"
#include "shapes.vert.h"

static const VkFormat FORMAT = VK_FORMAT_R8G8B8A8_UNORM;

/* Cleared, drawn, and left as graft and the readback find it. The dependencies order it after
 * earlier reads of the picture and before later ones. */
static bool create_pass(renderer *r)
{
    const VkAttachmentDescription colour = {.format = FORMAT,
                                            .samples = VK_SAMPLE_COUNT_1_BIT,
                                            .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                            .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                            .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
                                            .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
                                            .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
                                            .finalLayout =
                                                VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    const VkAttachmentReference reference = {0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    const VkSubpassDescription subpass = {.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
                                          .colorAttachmentCount = 1,
                                          .pColorAttachments = &reference};
    const VkSubpassDependency dependencies[] = {
        {.srcSubpass = VK_SUBPASS_EXTERNAL,
         .dstSubpass = 0,
         .srcStageMask = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
         .dstStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
         .srcAccessMask = 0,
         .dstAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT},
        {.srcSubpass = 0,
         .dstSubpass = VK_SUBPASS_EXTERNAL,
         .srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
         .dstStageMask = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
         .srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
         .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT}};
    const VkRenderPassCreateInfo create = {.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                           .attachmentCount = 1,
                                           .pAttachments = &colour,
                                           .subpassCount = 1,
                                           .pSubpasses = &subpass,
                                           .dependencyCount = 2,
                                           .pDependencies = dependencies};
    APP_CHECK(vkCreateRenderPass(r->app->device, &create, NULL, &r->pass));
    return true;
}

static bool create_module(const renderer *r, const uint32_t *code, size_t bytes,
                          VkShaderModule *module)
{
    const VkShaderModuleCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = bytes, .pCode = code};
    APP_CHECK(vkCreateShaderModule(r->app->device, &create, NULL, module));
    return true;
}

static bool build_pipeline(renderer *r, VkShaderModule vertex, VkShaderModule fragment)
{
    const VkPipelineShaderStageCreateInfo stages[] = {
        {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_VERTEX_BIT,
         .module = vertex,
         .pName = "main"},
        {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
         .module = fragment,
         .pName = "main"}};
    const VkPipelineVertexInputStateCreateInfo input = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
    const VkPipelineInputAssemblyStateCreateInfo assembly = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
    const VkViewport viewport = {0, 0, (float)r->size, (float)r->size, 0, 1};
    const VkRect2D scissor = {{0, 0}, {r->size, r->size}};
    const VkPipelineViewportStateCreateInfo view = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
        .viewportCount = 1,
        .pViewports = &viewport,
        .scissorCount = 1,
        .pScissors = &scissor};
    const VkPipelineRasterizationStateCreateInfo raster = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO, .lineWidth = 1.0f};
    const VkPipelineMultisampleStateCreateInfo samples = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
    const VkPipelineColorBlendAttachmentState all = {.colorWriteMask = 0xf};
    const VkPipelineColorBlendStateCreateInfo blend = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &all};
    const VkGraphicsPipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
        .stageCount = 2,
        .pStages = stages,
        .pVertexInputState = &input,
        .pInputAssemblyState = &assembly,
        .pViewportState = &view,
        .pRasterizationState = &raster,
        .pMultisampleState = &samples,
        .pColorBlendState = &blend,
        .layout = r->layout,
        .renderPass = r->pass};
    APP_CHECK(
        vkCreateGraphicsPipelines(r->app->device, VK_NULL_HANDLE, 1, &create, NULL, &r->pipeline));
    return true;
}

static bool create_pipeline(renderer *r)
{
    VkShaderModule vertex = VK_NULL_HANDLE, fragment = VK_NULL_HANDLE;
    const VkPushConstantRange range = {VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(scene)};
    const VkPipelineLayoutCreateInfo layout = {.sType =
                                                   VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &range};
    APP_CHECK(vkCreatePipelineLayout(r->app->device, &layout, NULL, &r->layout));
    bool made = create_module(r, shapes_vert, sizeof(shapes_vert), &vertex) &&
                create_module(r, shapes_frag, sizeof(shapes_frag), &fragment) &&
                build_pipeline(r, vertex, fragment);
    vkDestroyShaderModule(r->app->device, vertex, NULL);
    vkDestroyShaderModule(r->app->device, fragment, NULL);
    return made;
}

static bool create_readback(renderer *r)
{
    app *a = r->app;
    const VkBufferCreateInfo create = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                       .size = (VkDeviceSize)r->size * r->size * 4,
                                       .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkMemoryRequirements needs;
    APP_CHECK(vkCreateBuffer(a->device, &create, NULL, &r->readback));
    vkGetBufferMemoryRequirements(a->device, r->readback, &needs);
    const VkMemoryAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = needs.size,
        .memoryTypeIndex = app_memory_type(a, needs.memoryTypeBits,
                                           VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                               VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)};
    APP_CHECK(vkAllocateMemory(a->device, &allocate, NULL, &r->readback_memory));
    APP_CHECK(vkBindBufferMemory(a->device, r->readback, r->readback_memory, 0));
    return true;
}

bool renderer_open(renderer *r, app *a, uint32_t size)
{
    *r = (renderer){.app = a, .size = size};
    const VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = a->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    APP_CHECK(vkAllocateCommandBuffers(a->device, &allocate, &r->commands));
    APP_CHECK(vkCreateFence(a->device, &fence, NULL, &r->fence));
    return create_pass(r) && create_pipeline(r) && create_readback(r);
}

void renderer_close(renderer *r)
{
    VkDevice device = r->app->device;
    vkDestroyBuffer(device, r->readback, NULL);
    vkFreeMemory(device, r->readback_memory, NULL);
    vkDestroyPipeline(device, r->pipeline, NULL);
    vkDestroyPipelineLayout(device, r->layout, NULL);
    vkDestroyRenderPass(device, r->pass, NULL);
    vkDestroyFence(device, r->fence, NULL);
}

static bool create_image(const renderer *r, picture *p)
{
    const VkImageCreateInfo create = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                      .imageType = VK_IMAGE_TYPE_2D,
                                      .format = FORMAT,
                                      .extent = {p->size, p->size, 1},
                                      .mipLevels = 1,
                                      .arrayLayers = 1,
                                      .samples = VK_SAMPLE_COUNT_1_BIT,
                                      .tiling = VK_IMAGE_TILING_OPTIMAL,
                                      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
                                               VK_IMAGE_USAGE_SAMPLED_BIT |
                                               VK_IMAGE_USAGE_TRANSFER_SRC_BIT};
    VkMemoryRequirements needs;
    APP_CHECK(vkCreateImage(r->app->device, &create, NULL, &p->image));
    vkGetImageMemoryRequirements(r->app->device, p->image, &needs);
    const VkMemoryAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = needs.size,
        .memoryTypeIndex =
            app_memory_type(r->app, needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT)};
    APP_CHECK(vkAllocateMemory(r->app->device, &allocate, NULL, &p->memory));
    APP_CHECK(vkBindImageMemory(r->app->device, p->image, p->memory, 0));
    return true;
}

bool picture_create(const renderer *r, picture *p)
{
    *p = (picture){.size = r->size};
    if (!create_image(r, p))
        return false;
    const VkImageViewCreateInfo view = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = p->image,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = FORMAT,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
    APP_CHECK(vkCreateImageView(r->app->device, &view, NULL, &p->view));
    const VkFramebufferCreateInfo framebuffer = {.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                                 .renderPass = r->pass,
                                                 .attachmentCount = 1,
                                                 .pAttachments = &p->view,
                                                 .width = p->size,
                                                 .height = p->size,
                                                 .layers = 1};
    APP_CHECK(vkCreateFramebuffer(r->app->device, &framebuffer, NULL, &p->framebuffer));
    return true;
}

void picture_destroy(const renderer *r, picture *p)
{
    vkDestroyFramebuffer(r->app->device, p->framebuffer, NULL);
    vkDestroyImageView(r->app->device, p->view, NULL);
    vkDestroyImage(r->app->device, p->image, NULL);
    vkFreeMemory(r->app->device, p->memory, NULL);
    *p = (picture){0};
}

/* xorshift: a number from 0 to 1 that follows from *state. */
static float draw(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (float)(*state >> 8) / 16777216.0f;
}

scene scene_number(uint32_t number)
{
    uint32_t state = number * 2654435761u + 88675123u;
    scene s = {.shape = number % SHAPES, .ink = {[3] = 1.0f}, .paper = {[3] = 1.0f}};
    draw(&state);
    for (int c = 0; c < 3; c++) {
        s.ink[c] = 0.55f + 0.45f * draw(&state);
        s.paper[c] = 0.35f * draw(&state);
    }
    s.size = 0.35f + 0.25f * draw(&state);
    s.turn = 6.2831853f * draw(&state);
    s.centre[0] = 0.6f * (draw(&state) - 0.5f);
    s.centre[1] = 0.6f * (draw(&state) - 0.5f);
    s.stripes = 4.0f + 12.0f * draw(&state);
    return s;
}

static bool begin(renderer *r)
{
    const VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                           .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    APP_CHECK(vkResetCommandBuffer(r->commands, 0));
    APP_CHECK(vkBeginCommandBuffer(r->commands, &info));
    return true;
}

static bool finish(renderer *r)
{
    const VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                 .commandBufferCount = 1,
                                 .pCommandBuffers = &r->commands};
    APP_CHECK(vkEndCommandBuffer(r->commands));
    if (!app_submit(r->app, &submit, r->fence))
        return false;
    APP_CHECK(vkWaitForFences(r->app->device, 1, &r->fence, VK_TRUE, UINT64_MAX));
    APP_CHECK(vkResetFences(r->app->device, 1, &r->fence));
    return true;
}

bool renderer_draw(renderer *r, const picture *p, const scene *s)
{
    const VkClearValue clear = {.color = {{0, 0, 0, 1}}};
    const VkRenderPassBeginInfo pass = {.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                        .renderPass = r->pass,
                                        .framebuffer = p->framebuffer,
                                        .renderArea = {{0, 0}, {p->size, p->size}},
                                        .clearValueCount = 1,
                                        .pClearValues = &clear};
    if (!begin(r))
        return false;
    vkCmdBeginRenderPass(r->commands, &pass, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(r->commands, VK_PIPELINE_BIND_POINT_GRAPHICS, r->pipeline);
    vkCmdPushConstants(r->commands, r->layout, VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(*s), s);
    vkCmdDraw(r->commands, 3, 1, 0, 0);
    vkCmdEndRenderPass(r->commands);
    return finish(r);
}

static void change_layout(renderer *r, VkImage image, VkImageLayout from, VkImageLayout to)
{
    const VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask =
            from == VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL ? 0 : VK_ACCESS_SHADER_READ_BIT,
        .dstAccessMask = to == VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL ? VK_ACCESS_TRANSFER_READ_BIT
                                                                    : VK_ACCESS_SHADER_READ_BIT,
        .oldLayout = from,
        .newLayout = to,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = image,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
    const VkPipelineStageFlags stages =
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    vkCmdPipelineBarrier(r->commands, stages, stages, 0, 0, NULL, 0, NULL, 1, &barrier);
}

bool renderer_read(renderer *r, const picture *p, uint8_t *pixels)
{
    const VkBufferImageCopy copy = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                    .imageExtent = {p->size, p->size, 1}};
    const VkBufferMemoryBarrier to_host = {.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER,
                                           .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                           .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
                                           .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                           .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                           .buffer = r->readback,
                                           .size = VK_WHOLE_SIZE};
    const VkImageLayout rest = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
    void *mapped;
    if (!begin(r))
        return false;
    change_layout(r, p->image, rest, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    vkCmdCopyImageToBuffer(r->commands, p->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, r->readback,
                           1, &copy);
    vkCmdPipelineBarrier(r->commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0,
                         0, NULL, 1, &to_host, 0, NULL);
    change_layout(r, p->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, rest);
    if (!finish(r))
        return false;
    APP_CHECK(vkMapMemory(r->app->device, r->readback_memory, 0, VK_WHOLE_SIZE, 0, &mapped));
    memcpy(pixels, mapped, (size_t)p->size * p->size * 4);
    vkUnmapMemory(r->app->device, r->readback_memory);
    return true;
}
