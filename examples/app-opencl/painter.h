/* The application's own OpenCL: a kernel that paints labelled shapes into images. graft borrows the
 * context and the queue, and knows nothing more of it. */
#ifndef PAINTER_H
#define PAINTER_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdbool.h>
#include <stdint.h>

enum { SHAPE_DISC, SHAPE_SQUARE, SHAPE_TRIANGLE, SHAPES };

/* Images are no squares, and larger than the network's input. */
enum { WIDTH = 120, HEIGHT = 96 };

typedef struct painter {
    cl_context context;
    cl_device_id device;
    cl_command_queue queue;
    cl_program program;
    cl_kernel paint;
    char name[128];
} painter;

/* Every function prints what went wrong and returns false. */
bool painter_open(painter *p, const char *name_part); /* NULL: the first device with images */
void painter_close(painter *p);

/* An image of WIDTH x HEIGHT, CL_RGBA of CL_UNORM_INT8; NULL when there is none. */
cl_mem painter_image(painter *p);

/* The shape in picture `number`. */
int painter_shape(uint32_t number);

/* Queues the painting of picture `number`, whose looks follow from its number alone. A `verdict`
 * that is a shape becomes a border in its colour: red, green or blue; -1: no border. */
bool painter_paint(painter *p, cl_mem image, uint32_t number, int verdict);

/* pixels [HEIGHT, WIDTH, 4] of an image, for files only. Blocks. */
bool painter_read(painter *p, cl_mem image, uint8_t *pixels);

#endif
