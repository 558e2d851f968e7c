/* Draws labelled shapes into images of the application's device, without a window. */
#ifndef RENDERER_H
#define RENDERER_H

#include "app.h"

enum { SHAPE_DISC, SHAPE_SQUARE, SHAPE_TRIANGLE, SHAPES };

/* As the fragment shader has it. */
typedef struct scene {
    float ink[4], paper[4];
    float centre[2], size, turn;
    uint32_t shape;
    float stripes;
} scene;

/* A picture on the device: VK_FORMAT_R8G8B8A8_UNORM, size x size, sampled by graft and copied from
 * for PNG files. Between two frames its layout is VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL. */
typedef struct picture {
    VkImage image;
    VkImageView view;
    VkDeviceMemory memory;
    VkFramebuffer framebuffer;
    uint32_t size;
} picture;

typedef struct renderer {
    app *app;
    VkRenderPass pass;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkCommandBuffer commands;
    VkFence fence;
    VkBuffer readback;
    VkDeviceMemory readback_memory;
    uint32_t size;
} renderer;

/* For pictures of size x size pixels. */
bool renderer_open(renderer *r, app *a, uint32_t size);
void renderer_close(renderer *r);

bool picture_create(const renderer *r, picture *p);
void picture_destroy(const renderer *r, picture *p);

/* A scene that follows from its number alone, the shape with it. */
scene scene_number(uint32_t number);

/* Draws one scene and waits for it. */
bool renderer_draw(renderer *r, const picture *p, const scene *s);

/* Copies a picture to pixels[size * size * 4], RGBA; for PNG files only. Blocks. */
bool renderer_read(renderer *r, const picture *p, uint8_t *pixels);

#endif
