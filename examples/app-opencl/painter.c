#include "painter.h"

#include <stdio.h>
#include <string.h>

#define CHECK(call)                                                                                \
    do {                                                                                           \
        cl_int check_code = (call);                                                                \
        if (check_code != CL_SUCCESS) {                                                            \
            fprintf(stderr, "%s: OpenCL error %d\n", #call, check_code);                           \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

/* One work-item for a pixel; what is drawn follows from a hash of the picture's number. */
static const char *const source =
    "float draw(uint *state)\n"
    "{\n"
    "    *state ^= *state << 13; *state ^= *state >> 17; *state ^= *state << 5;\n"
    "    return (float)(*state >> 8) / 16777216.0f;\n"
    "}\n"
    "bool inside(uint shape, float2 at, float size)\n"
    "{\n"
    "    if (shape == 0)\n"
    "        return length(at) < size;\n"
    "    if (shape == 1)\n"
    "        return fmax(fabs(at.x), fabs(at.y)) < 0.8f * size;\n"
    "    return at.y < 0.55f * size && at.y > 1.7f * fabs(at.x) - 1.1f * size;\n"
    "}\n"
    "__kernel void paint(__write_only image2d_t image, uint number, int verdict)\n"
    "{\n"
    "    int2 pixel = (int2)(get_global_id(0), get_global_id(1));\n"
    "    float2 side = (float2)(get_global_size(0), get_global_size(1));\n"
    "    uint state = number * 2654435761u + 88675123u;\n"
    "    draw(&state);\n"
    "    float4 ink = (float4)(draw(&state), draw(&state), draw(&state), 1.0f);\n"
    "    float4 paper = 0.35f * (float4)(draw(&state), draw(&state), draw(&state), 1.0f);\n"
    "    float size = 0.4f + 0.3f * draw(&state);\n"
    "    float2 centre = 0.5f * ((float2)(draw(&state), draw(&state)) - 0.5f);\n"
    "    float2 at = 2.0f * (convert_float2(pixel) + 0.5f) / side - 1.0f - centre;\n"
    "    float4 color = inside(number % 3u, at, size) ? 0.5f + 0.5f * ink : paper;\n"
    "    int2 edge = min(pixel, convert_int2(side) - 1 - pixel);\n"
    "    if (verdict >= 0 && min(edge.x, edge.y) < 5)\n"
    "        color = (float4)(verdict == 0, verdict == 1, verdict == 2, 1.0f);\n"
    "    write_imagef(image, pixel, color);\n"
    "}\n";

static bool has_images(cl_device_id device)
{
    cl_bool images = CL_FALSE;
    clGetDeviceInfo(device, CL_DEVICE_IMAGE_SUPPORT, sizeof(images), &images, NULL);
    return images;
}

static bool find_device(painter *p, const char *name_part)
{
    cl_platform_id platforms[16];
    cl_device_id devices[16];
    cl_uint platform_count = 0, count;
    clGetPlatformIDs(16, platforms, &platform_count);
    for (cl_uint i = 0; i < platform_count && i < 16; i++) {
        count = 0;
        clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 16, devices, &count);
        for (cl_uint k = 0; k < count && k < 16; k++) {
            clGetDeviceInfo(devices[k], CL_DEVICE_NAME, sizeof(p->name), p->name, NULL);
            p->device = devices[k];
            if (has_images(devices[k]) && (!name_part || strstr(p->name, name_part)))
                return true;
        }
    }
    fprintf(stderr, "no OpenCL device with images%s%s\n", name_part ? " named " : "",
            name_part ? name_part : "");
    return false;
}

bool painter_open(painter *p, const char *name_part)
{
    cl_int code;
    *p = (painter){0};
    if (!find_device(p, name_part))
        return false;
    p->context = clCreateContext(NULL, 1, &p->device, NULL, NULL, &code);
    CHECK(code);
    p->queue = clCreateCommandQueue(p->context, p->device, 0, &code);
    CHECK(code);
    p->program = clCreateProgramWithSource(p->context, 1, (const char **)&source, NULL, &code);
    CHECK(code);
    CHECK(clBuildProgram(p->program, 1, &p->device, "", NULL, NULL));
    p->paint = clCreateKernel(p->program, "paint", &code);
    CHECK(code);
    return true;
}

void painter_close(painter *p)
{
    if (p->paint)
        clReleaseKernel(p->paint);
    if (p->program)
        clReleaseProgram(p->program);
    if (p->queue)
        clReleaseCommandQueue(p->queue);
    if (p->context)
        clReleaseContext(p->context);
}

cl_mem painter_image(painter *p)
{
    const cl_image_format format = {CL_RGBA, CL_UNORM_INT8};
    const cl_image_desc desc = {
        .image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = WIDTH, .image_height = HEIGHT};
    cl_int code;
    cl_mem image = clCreateImage(p->context, CL_MEM_READ_WRITE, &format, &desc, NULL, &code);
    if (code != CL_SUCCESS)
        fprintf(stderr, "clCreateImage: OpenCL error %d\n", code);
    return code == CL_SUCCESS ? image : NULL;
}

int painter_shape(uint32_t number)
{
    return (int)(number % SHAPES);
}

bool painter_paint(painter *p, cl_mem image, uint32_t number, int verdict)
{
    const size_t size[2] = {WIDTH, HEIGHT};
    CHECK(clSetKernelArg(p->paint, 0, sizeof(image), &image));
    CHECK(clSetKernelArg(p->paint, 1, sizeof(number), &number));
    CHECK(clSetKernelArg(p->paint, 2, sizeof(verdict), &verdict));
    CHECK(clEnqueueNDRangeKernel(p->queue, p->paint, 2, NULL, size, NULL, 0, NULL, NULL));
    return true;
}

bool painter_read(painter *p, cl_mem image, uint8_t *pixels)
{
    const size_t origin[3] = {0}, region[3] = {WIDTH, HEIGHT, 1};
    CHECK(
        clEnqueueReadImage(p->queue, image, CL_TRUE, origin, region, 0, 0, pixels, 0, NULL, NULL));
    return true;
}
