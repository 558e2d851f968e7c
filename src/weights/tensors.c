#include "weights/tensors.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor files are little-endian");

typedef struct pair {
    char *key, *value;
    const char *from; /* of metadata: a literal, or NULL */
} pair;

struct gr_tensors {
    char *source;
    gr_tensor **items; /* one allocation each: they keep their address while the array grows */
    size_t count;
    size_t *slots; /* open addressing: index + 1 into items, 0 is free; slot_count is 2^k */
    size_t slot_count;
    pair *metadata;
    size_t metadata_count;
    pair *strange; /* name and why */
    size_t strange_count;
    gr_mapping *mappings;
    size_t mapping_count;
    gr_tensors *lender; /* owned; tensors borrow from it */
};

gr_tensors *gr_tensors_create(void)
{
    return gr_alloc(NULL, sizeof(gr_tensors));
}

void gr_tensors_destroy(gr_tensors **tensors)
{
    if (!tensors || !*tensors)
        return;
    for (size_t i = 0; i < (*tensors)->mapping_count; i++)
        gr_file_unmap(&(*tensors)->mappings[i]);
    gr_tensors_destroy(&(*tensors)->lender);
    gr_free(*tensors);
    *tensors = NULL;
}

static graft_status no_memory(graft_log *log, const char *name)
{
    return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of host memory", name);
}

graft_status gr_tensors_set_source(graft_log *log, gr_tensors *tensors, const char *source)
{
    char *copy = gr_strdup(tensors, source);
    if (!copy)
        return no_memory(log, source);
    gr_free(tensors->source);
    tensors->source = copy;
    return GRAFT_OK;
}

const char *gr_tensors_source(const gr_tensors *tensors)
{
    return tensors->source ? tensors->source : "tensors";
}

size_t gr_tensors_count(const gr_tensors *tensors)
{
    return tensors->count;
}

const gr_tensor *gr_tensors_at(const gr_tensors *tensors, size_t index)
{
    return tensors->items[index];
}

void gr_tensors_set_hash(gr_tensors *tensors, size_t index, uint64_t hash)
{
    tensors->items[index]->hashed = true;
    tensors->items[index]->hash = hash;
}

/* The slot that holds `name`, or the free one where it belongs. */
static size_t *slot_of(const gr_tensors *tensors, const char *name)
{
    size_t mask = tensors->slot_count - 1;
    size_t i = gr_hash_text(0, name) & mask;
    while (tensors->slots[i] && strcmp(tensors->items[tensors->slots[i] - 1]->name, name) != 0)
        i = (i + 1) & mask;
    return &tensors->slots[i];
}

/* Keeps the table at most half full. */
static bool reserve_slot(gr_tensors *tensors)
{
    if (2 * (tensors->count + 1) <= tensors->slot_count)
        return true;
    size_t slot_count = tensors->slot_count ? 2 * tensors->slot_count : 64;
    size_t *slots = gr_alloc_array(tensors, slot_count, sizeof(*slots));
    if (!slots)
        return false;
    gr_free(tensors->slots);
    tensors->slots = slots;
    tensors->slot_count = slot_count;
    for (size_t i = 0; i < tensors->count; i++)
        *slot_of(tensors, tensors->items[i]->name) = i + 1;
    return true;
}

const gr_tensor *gr_tensors_find(const gr_tensors *tensors, const char *name)
{
    size_t index = tensors->slot_count ? *slot_of(tensors, name) : 0;
    return index ? tensors->items[index - 1] : NULL;
}

graft_status gr_tensors_get(graft_log *log, const gr_tensors *tensors, const char *name,
                            const gr_tensor **tensor)
{
    *tensor = gr_tensors_find(tensors, name);
    if (*tensor)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_NOT_FOUND, "%s: tensor %s is missing", gr_tensors_source(tensors),
                   name);
}

graft_status gr_tensors_get_shaped(graft_log *log, const gr_tensors *tensors, const char *name,
                                   gr_shape shape, const gr_tensor **tensor)
{
    GR_TRY(gr_tensors_get(log, tensors, name, tensor));
    if (gr_shape_equal(&(*tensor)->shape, &shape))
        return GRAFT_OK;
    char expected[GR_SHAPE_TEXT], found[GR_SHAPE_TEXT];
    gr_shape_text(&shape, expected);
    gr_shape_text(&(*tensor)->shape, found);
    *tensor = NULL;
    return gr_fail(log, GRAFT_ERR_SHAPE, "%s: tensor %s: expected shape %s, found %s",
                   gr_tensors_source(tensors), name, expected, found);
}

static graft_status append(graft_log *log, gr_tensors *tensors, gr_tensor *tensor)
{
    void *items = tensors->items;
    if (!tensor->name || !reserve_slot(tensors))
        return no_memory(log, gr_tensors_source(tensors));
    gr_tensor **item = gr_push(tensors, &items, &tensors->count, sizeof(*item));
    if (!item)
        return no_memory(log, gr_tensors_source(tensors));
    tensors->items = items;
    *item = tensor;
    *slot_of(tensors, tensor->name) = tensors->count;
    return GRAFT_OK;
}

graft_status gr_tensors_add(graft_log *log, gr_tensors *tensors, const char *name, gr_dtype dtype,
                            gr_shape shape, const void *data)
{
    const char *source = gr_tensors_source(tensors);
    size_t size_bytes;
    if (!gr_tensor_bytes(dtype, &shape, &size_bytes)) {
        char text[GR_SHAPE_TEXT];
        return gr_fail(log, GRAFT_ERR_SHAPE, "%s: tensor %s: the size of shape %s overflows",
                       source, name, gr_shape_text(&shape, text));
    }
    if (gr_tensors_find(tensors, name))
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: tensor %s occurs twice", source, name);
    gr_tensor *tensor = gr_alloc(tensors, sizeof(*tensor));
    if (!tensor)
        return no_memory(log, source);
    *tensor = (gr_tensor){gr_strdup(tensor, name), dtype, shape, data, size_bytes};
    graft_status status = append(log, tensors, tensor);
    if (status != GRAFT_OK)
        gr_free(tensor);
    return status;
}

graft_status gr_tensors_add_new(graft_log *log, gr_tensors *tensors, const char *name,
                                gr_dtype dtype, gr_shape shape, void **data)
{
    GR_TRY(gr_tensors_add(log, tensors, name, dtype, shape, NULL));
    gr_tensor *tensor = tensors->items[tensors->count - 1];
    *data = gr_alloc(tensor, tensor->size_bytes);
    tensor->data = *data;
    tensor->owned = true;
    return *data ? GRAFT_OK : no_memory(log, name);
}

void gr_tensors_drop_data(gr_tensors *tensors, const gr_tensor *tensor)
{
    gr_tensor *item = tensors->items[*slot_of(tensors, tensor->name) - 1];
    if (!item->owned)
        return;
    gr_free((void *)(uintptr_t)item->data);
    item->data = NULL;
}

graft_status gr_tensors_add_strange(graft_log *log, gr_tensors *tensors, const char *name,
                                    const char *why)
{
    void *strange = tensors->strange;
    pair *added = gr_push(tensors, &strange, &tensors->strange_count, sizeof(*added));
    if (!added)
        return no_memory(log, name);
    tensors->strange = strange;
    *added = (pair){gr_strdup(tensors, name), gr_strdup(tensors, why)};
    return added->key && added->value ? GRAFT_OK : no_memory(log, name);
}

size_t gr_tensors_strange_count(const gr_tensors *tensors)
{
    return tensors->strange_count;
}

void gr_tensors_strange_at(const gr_tensors *tensors, size_t index, const char **name,
                           const char **why)
{
    *name = tensors->strange[index].key;
    *why = tensors->strange[index].value;
}

graft_status gr_tensors_take_mapping(graft_log *log, gr_tensors *tensors, gr_mapping *mapping)
{
    void *mappings = tensors->mappings;
    gr_mapping *taken = gr_push(tensors, &mappings, &tensors->mapping_count, sizeof(*taken));
    if (!taken) {
        gr_file_unmap(mapping);
        return no_memory(log, gr_tensors_source(tensors));
    }
    tensors->mappings = mappings;
    *taken = *mapping;
    return GRAFT_OK;
}

bool gr_tensors_is_mapped(const gr_tensors *tensors, const void *data)
{
    for (size_t i = 0; i < tensors->mapping_count; i++) {
        const gr_mapping *m = &tensors->mappings[i];
        uintptr_t begin = (uintptr_t)m->data, at = (uintptr_t)data;
        if (at >= begin && at < begin + m->size_bytes)
            return true;
    }
    return tensors->lender && gr_tensors_is_mapped(tensors->lender, data);
}

void gr_tensors_borrow_from(gr_tensors *tensors, gr_tensors **lender)
{
    tensors->lender = *lender;
    *lender = NULL;
}

static pair *find_pair(const gr_tensors *tensors, const char *key)
{
    for (size_t i = 0; i < tensors->metadata_count; i++)
        if (strcmp(tensors->metadata[i].key, key) == 0)
            return &tensors->metadata[i];
    return NULL;
}

graft_status gr_tensors_set_metadata_from(graft_log *log, gr_tensors *tensors, const char *key,
                                          const char *value, const char *from)
{
    char *key_copy = gr_strdup(tensors, key), *value_copy = gr_strdup(tensors, value);
    if (!key_copy || !value_copy)
        return no_memory(log, key);
    pair *entry = find_pair(tensors, key);
    if (!entry) {
        void *metadata = tensors->metadata;
        entry = gr_push(tensors, &metadata, &tensors->metadata_count, sizeof(*entry));
        if (!entry)
            return no_memory(log, key);
        tensors->metadata = metadata;
    }
    gr_free(entry->key);
    gr_free(entry->value);
    *entry = (pair){key_copy, value_copy, from};
    return GRAFT_OK;
}

graft_status gr_tensors_set_metadata(graft_log *log, gr_tensors *tensors, const char *key,
                                     const char *value)
{
    return gr_tensors_set_metadata_from(log, tensors, key, value, "metadata");
}

const char *gr_tensors_metadata_from(const gr_tensors *tensors, const char *key)
{
    const pair *entry = find_pair(tensors, key);
    return entry ? entry->from : NULL;
}

const char *gr_tensors_metadata(const gr_tensors *tensors, const char *key)
{
    const pair *entry = find_pair(tensors, key);
    return entry ? entry->value : NULL;
}

size_t gr_tensors_metadata_count(const gr_tensors *tensors)
{
    return tensors->metadata_count;
}

void gr_tensors_metadata_at(const gr_tensors *tensors, size_t index, const char **key,
                            const char **value)
{
    *key = tensors->metadata[index].key;
    *value = tensors->metadata[index].value;
}
