#include "export/onnx_file.h"

#include "base/f16.h"
#include "base/file.h"
#include "base/mem.h"
#include "export/onnx.pb-c.h"

#include <graft/version.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { IR_VERSION = 8, OPSET = 17 };

struct gr_onnx_file {
    graft_log *log;
    bool half;
    graft_status status;
    int names; /* that were made up */
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset;
    Onnx__OperatorSetIdProto *opsets[1];
};

static void *fail_memory(gr_onnx_file *f)
{
    if (f->status == GRAFT_OK)
        f->status = gr_fail(f->log, GRAFT_ERR_MEMORY, "onnx: out of memory");
    return NULL;
}

static void *room(gr_onnx_file *f, size_t count, size_t bytes)
{
    void *memory = f->status == GRAFT_OK ? gr_alloc_array(f, count ? count : 1, bytes) : NULL;
    return memory ? memory : fail_memory(f);
}

/* A new message, a copy of `start`, at the end of a repeated field. */
static void *append(gr_onnx_file *f, void *list, size_t *count, const void *start, size_t bytes)
{
    void **items = *(void ***)list, *message = room(f, 1, bytes);
    void **place = message ? gr_push(f, (void **)&items, count, sizeof(*place)) : NULL;
    if (!place)
        return fail_memory(f);
    *(void ***)list = items;
    return *place = memcpy(message, start, bytes);
}

gr_onnx_file *gr_onnx_create(graft_log *log, bool half)
{
    gr_onnx_file *f = gr_alloc(NULL, sizeof(*f));
    if (!f)
        return NULL;
    f->log = log;
    f->half = half;
    f->model = (Onnx__ModelProto)ONNX__MODEL_PROTO__INIT;
    f->graph = (Onnx__GraphProto)ONNX__GRAPH_PROTO__INIT;
    f->opset = (Onnx__OperatorSetIdProto)ONNX__OPERATOR_SET_ID_PROTO__INIT;
    f->opset.domain = (char *)"";
    f->opset.has_version = true;
    f->opset.version = OPSET;
    f->opsets[0] = &f->opset;
    f->graph.name = (char *)"graft";
    f->model.has_ir_version = true;
    f->model.ir_version = IR_VERSION;
    f->model.producer_name = (char *)"graft";
    f->model.producer_version = (char *)graft_version_text();
    f->model.opset_import = f->opsets;
    f->model.n_opset_import = 1;
    f->model.graph = &f->graph;
    return f;
}

void gr_onnx_destroy(gr_onnx_file *file)
{
    gr_free(file);
}

graft_status gr_onnx_status(const gr_onnx_file *file)
{
    return file->status;
}

static char *copy(gr_onnx_file *f, const char *text)
{
    char *made = f->status == GRAFT_OK ? gr_strdup(f, text) : NULL;
    return made ? made : fail_memory(f);
}

const char *gr_onnx_name(gr_onnx_file *f, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return copy(f, text);
}

/* ---- Constants ---------------------------------------------------------------------------- */

static Onnx__TensorProto *add_tensor(gr_onnx_file *f, const char *name, const int64_t *dims,
                                     int rank, int type)
{
    const Onnx__TensorProto start = ONNX__TENSOR_PROTO__INIT;
    Onnx__TensorProto *t =
        append(f, &f->graph.initializer, &f->graph.n_initializer, &start, sizeof(start));
    int64_t *copied = room(f, (size_t)rank, sizeof(*copied));
    if (!t || !copied)
        return NULL;
    for (int i = 0; i < rank; i++)
        copied[i] = dims[i];
    t->dims = copied;
    t->n_dims = (size_t)rank;
    t->has_data_type = true;
    t->data_type = type;
    t->name = copy(f, name);
    t->has_raw_data = true;
    return t;
}

static void add_half(gr_onnx_file *f, const char *name, const gr_shape *shape, const float *values)
{
    size_t count = (size_t)gr_shape_count(shape);
    const char *stored = gr_onnx_name(f, "%s.f16", name);
    uint16_t *halves = room(f, count, sizeof(*halves));
    Onnx__TensorProto *t = stored && halves ? add_tensor(f, stored, shape->dim, shape->rank,
                                                         ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16)
                                            : NULL;
    if (!t)
        return;
    gr_f32_to_f16_array(values, halves, count);
    for (size_t i = 0; i < count && f->status == GRAFT_OK; i++)
        if ((halves[i] & 0x7fff) == 0x7c00 && isfinite(values[i]))
            f->status =
                gr_fail(f->log, GRAFT_ERR_NUMERIC, "%s: value %g is beyond f16; choose f32 weights",
                        name, (double)values[i]);
    t->raw_data = (ProtobufCBinaryData){count * sizeof(*halves), (uint8_t *)halves};
    gr_onnx_node(f, "Cast", (const char *const[]){stored, NULL}, name);
    gr_onnx_set_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
}

void gr_onnx_floats(gr_onnx_file *f, const char *name, const gr_shape *shape, const float *values)
{
    size_t bytes = (size_t)gr_shape_count(shape) * sizeof(*values);
    if (f->half && shape->rank > 1 && f->status == GRAFT_OK) {
        add_half(f, name, shape, values);
        return;
    }
    Onnx__TensorProto *t =
        add_tensor(f, name, shape->dim, shape->rank, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    if (t)
        t->raw_data = (ProtobufCBinaryData){bytes, (uint8_t *)values};
}

const char *gr_onnx_integers(gr_onnx_file *f, const int64_t *values, int count)
{
    const char *name = gr_onnx_name(f, "i%d", f->names++);
    int64_t *copied = room(f, (size_t)count, sizeof(*copied));
    Onnx__TensorProto *t = name && copied ? add_tensor(f, name, &(int64_t){count}, 1,
                                                       ONNX__TENSOR_PROTO__DATA_TYPE__INT64)
                                          : NULL;
    if (!t)
        return NULL;
    memcpy(copied, values, (size_t)count * sizeof(*values));
    t->raw_data = (ProtobufCBinaryData){(size_t)count * sizeof(*values), (uint8_t *)copied};
    return name;
}

const char *gr_onnx_scalar(gr_onnx_file *f, float value)
{
    const char *name = gr_onnx_name(f, "c%d", f->names++);
    float *copied = room(f, 1, sizeof(*copied));
    Onnx__TensorProto *t =
        name && copied ? add_tensor(f, name, NULL, 0, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) : NULL;
    if (!t)
        return NULL;
    *copied = value;
    t->raw_data = (ProtobufCBinaryData){sizeof(value), (uint8_t *)copied};
    return name;
}

/* ---- Nodes -------------------------------------------------------------------------------- */

const char *gr_onnx_node(gr_onnx_file *f, const char *op, const char *const *inputs,
                         const char *output)
{
    const Onnx__NodeProto start = ONNX__NODE_PROTO__INIT;
    size_t count = 0;
    while (inputs[count])
        count++;
    Onnx__NodeProto *n = append(f, &f->graph.node, &f->graph.n_node, &start, sizeof(start));
    char **names = room(f, count, sizeof(*names)), **result = room(f, 1, sizeof(*result));
    if (!n || !names || !result)
        return NULL;
    for (size_t i = 0; i < count; i++)
        names[i] = (char *)inputs[i];
    *result = output ? copy(f, output) : (char *)gr_onnx_name(f, "t%d", f->names++);
    n->input = names;
    n->n_input = count;
    n->output = result;
    n->n_output = 1;
    n->op_type = (char *)op;
    n->name = (char *)gr_onnx_name(f, "%s_%zu", op, f->graph.n_node - 1);
    return *result;
}

static Onnx__AttributeProto *add_attribute(gr_onnx_file *f, const char *name, int type)
{
    const Onnx__AttributeProto start = ONNX__ATTRIBUTE_PROTO__INIT;
    if (f->status != GRAFT_OK)
        return NULL;
    Onnx__NodeProto *n = f->graph.node[f->graph.n_node - 1];
    Onnx__AttributeProto *a = append(f, &n->attribute, &n->n_attribute, &start, sizeof(start));
    if (!a)
        return NULL;
    a->name = (char *)name;
    a->has_type = true;
    a->type = (Onnx__AttributeProto__AttributeType)type;
    return a;
}

void gr_onnx_set_int(gr_onnx_file *f, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = add_attribute(f, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (a)
        a->has_i = true, a->i = value;
}

void gr_onnx_set_text(gr_onnx_file *f, const char *name, const char *text)
{
    Onnx__AttributeProto *a = add_attribute(f, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    char *copied = copy(f, text);
    if (!a || !copied)
        return;
    a->has_s = true;
    a->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)copied};
}

void gr_onnx_set_float(gr_onnx_file *f, const char *name, float value)
{
    Onnx__AttributeProto *a = add_attribute(f, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (a)
        a->has_f = true, a->f = value;
}

void gr_onnx_set_ints(gr_onnx_file *f, const char *name, const int64_t *values, int count)
{
    Onnx__AttributeProto *a = add_attribute(f, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *copied = room(f, (size_t)count, sizeof(*copied));
    if (!a || !copied)
        return;
    memcpy(copied, values, (size_t)count * sizeof(*values));
    a->ints = copied;
    a->n_ints = (size_t)count;
}

/* ---- What goes in and out ----------------------------------------------------------------- */

static Onnx__TypeProto *batched_floats(gr_onnx_file *f, const gr_shape *shape)
{
    const Onnx__TensorShapeProto__Dimension start = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
    Onnx__TypeProto *type = room(f, 1, sizeof(*type));
    Onnx__TypeProto__Tensor *tensor = room(f, 1, sizeof(*tensor));
    Onnx__TensorShapeProto *dims = room(f, 1, sizeof(*dims));
    if (!type || !tensor || !dims)
        return NULL;
    *type = (Onnx__TypeProto)ONNX__TYPE_PROTO__INIT;
    *tensor = (Onnx__TypeProto__Tensor)ONNX__TYPE_PROTO__TENSOR__INIT;
    *dims = (Onnx__TensorShapeProto)ONNX__TENSOR_SHAPE_PROTO__INIT;
    for (int i = 0; i < shape->rank; i++) {
        Onnx__TensorShapeProto__Dimension *d =
            append(f, &dims->dim, &dims->n_dim, &start, sizeof(start));
        if (!d)
            return NULL;
        d->value_case = i ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                          : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        if (i)
            d->dim_value = shape->dim[i];
        else
            d->dim_param = (char *)"batch";
    }
    tensor->has_elem_type = true;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = dims;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    return type;
}

static void add_end(gr_onnx_file *f, Onnx__ValueInfoProto ***list, size_t *count, const char *name,
                    const gr_shape *shape)
{
    const Onnx__ValueInfoProto start = ONNX__VALUE_INFO_PROTO__INIT;
    Onnx__ValueInfoProto *v = append(f, list, count, &start, sizeof(start));
    if (!v)
        return;
    v->name = copy(f, name);
    v->type = batched_floats(f, shape);
}

void gr_onnx_input(gr_onnx_file *f, const char *name, const gr_shape *shape)
{
    add_end(f, &f->graph.input, &f->graph.n_input, name, shape);
}

void gr_onnx_output(gr_onnx_file *f, const char *name, const gr_shape *shape)
{
    add_end(f, &f->graph.output, &f->graph.n_output, name, shape);
}

void gr_onnx_metadata(gr_onnx_file *f, const char *key, const char *value)
{
    const Onnx__StringStringEntryProto start = ONNX__STRING_STRING_ENTRY_PROTO__INIT;
    Onnx__StringStringEntryProto *e =
        append(f, &f->model.metadata_props, &f->model.n_metadata_props, &start, sizeof(start));
    if (!e)
        return;
    e->key = copy(f, key);
    e->value = copy(f, value);
}

/* ---- The file ----------------------------------------------------------------------------- */

/* What protobuf-c packs goes straight to the file, whose writer keeps its first error. */
typedef struct sink {
    ProtobufCBuffer base;
    gr_file_writer *writer;
} sink;

static void write_bytes(ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes)
{
    gr_file_writer_write(((sink *)buffer)->writer, bytes, size);
}

graft_status gr_onnx_write(gr_onnx_file *f, const char *path)
{
    sink to = {.base = {.append = write_bytes}};
    GR_TRY(f->status);
    if (onnx__model_proto__get_packed_size(&f->model) > INT_MAX)
        return gr_fail(f->log, GRAFT_ERR_UNSUPPORTED,
                       "%s: would be larger than 2 GiB, protobuf's limit%s", path,
                       f->half ? "" : "; f16 weights halve it");
    GR_TRY(gr_file_writer_open(f->log, path, &to.writer));
    onnx__model_proto__pack_to_buffer(&f->model, &to.base);
    return gr_file_writer_commit(&to.writer);
}
