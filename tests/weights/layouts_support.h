/* One small model with graft's names and, beside it, the file that a library would write of it:
 * what the tests of checkpoint layouts share. The names are spelled out there apart from the
 * library's tables. */
#ifndef WEIGHTS_LAYOUTS_SUPPORT_H
#define WEIGHTS_LAYOUTS_SUPPORT_H

#include "support.h"

#include "weights/layout.h"

enum { D = 6, HIDDEN = 10, PATCH = 2, TOKENS = 5, CLASSES = 4, BLOCKS = 2, E = 3, STAGES = 3 };

typedef struct pair {
    fixture *f;
    gr_tensors *model; /* with graft's names */
    gr_tensors *file;  /* with a library's */
    uint32_t state;    /* of the random bits */
    const char *prefix;
} pair;

/* A text that lives as long as the fixture of `p`. */
#define N(...) gr_printf(p->f->memory, __VA_ARGS__)

extern const int layout_stages[STAGES]; /* blocks of the Swin's stages */

/* Nothing yet; names of the file begin with the prefix. */
pair begin(fixture *f, const char *prefix);
/* A tensor of the model, of random bits. */
void add(pair *p, const char *name, gr_dtype dtype, gr_shape shape);
void add_linear(pair *p, gr_dtype dtype, const char *name, int out, int in);
void add_norm(pair *p, gr_dtype dtype, const char *name, int width);
void add_block(pair *p, gr_dtype t, const char *block, int width);

/* Whole models. */
void make_vit(pair *p, gr_dtype t, bool clip);
void make_swin(pair *p, gr_dtype t);

/* Any data, which is borrowed. */
void put_data(pair *p, const char *name, gr_dtype dtype, gr_shape shape, const void *data);
const gr_tensor *original(pair *p, const char *name);

/* A tensor of the model, called `timm`, as `name` of the file. */
void put(pair *p, const char *timm, const char *name);
void put_shaped(pair *p, const char *timm, const char *name, gr_shape shape);
void put_both(pair *p, const char *timm, const char *name);
void put_third(pair *p, const char *timm, const char *name, int third);
void put_thirds(pair *p, const char *timm, const char *query, const char *key, const char *value);
/* Something that is no part of the model. */
void put_extra(pair *p, const char *name, gr_shape shape);

/* The path of what was put so far. */
char *write_file(pair *p, const char *name);
void check_tensors(pair *p, const gr_tensors *found, size_t extra);
/* Frees both. */
void end(pair *p);
/* The file must be told as `layout` and hold the model and `extra` tensors more. Returns it. */
gr_tensors *load(pair *p, const char *layout, size_t extra);
/* The same with no more, which is freed with the rest. */
void check_round(pair *p, const char *layout);
void put_all(pair *p);
void put_transformers_vit(pair *p);

#endif
