/* Running a plan in memory that shows every stray access. */
#include "op_test.h"

#include "plan/internal.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A NaN that no arithmetic makes. */
static const uint32_t POISON = 0x7fc0deadu;

static uint32_t *poison(uint64_t bytes)
{
    uint32_t *words = malloc(bytes);
    assert_non_null(words);
    for (uint64_t i = 0; i < bytes / 4; i++)
        words[i] = POISON;
    return words;
}

static void poison_buffer(op_session *s, gr_buffer *buffer, uint64_t bytes)
{
    uint32_t *words = poison(bytes);
    TEST_OK(s->device->log, gr_device_buffer_write(s->device, buffer, 0, words, bytes));
    free(words);
}

/* A buffer with `bytes` in the middle of two guards. */
static gr_region guarded_region(op_session *s, uint64_t bytes, gr_buffer **owned)
{
    uint64_t size = bytes + 2 * s->guard_bytes;
    TEST_OK(s->device->log, gr_device_buffer_create(s->device, size, GR_MEMORY_DEVICE, owned));
    poison_buffer(s, *owned, size);
    return (gr_region){*owned, s->guard_bytes, bytes};
}

static uint64_t operand_bytes(const op_operand *o)
{
    return (uint64_t)gr_shape_count(&o->value->shape) * gr_dtype_size(o->value->dtype);
}

/* Guarded operands lie in buffers of their own. Otherwise inputs lie where a store puts them, and
 * frozen values and parameters are left for the plan to upload. */
static void place_operands(op_session *s)
{
    for (int i = 0; i < s->build->count; i++) {
        const op_operand *o = &s->build->operand[i];
        if (s->guarded) {
            s->region[i] = guarded_region(s, operand_bytes(o), &s->owned[i]);
            TEST_OK(s->device->log, gr_store_name(s->store, o->value->name, s->region[i]));
        } else if (o->value->kind == GR_VALUE_INPUT) {
            TEST_OK(s->device->log, gr_store_value(s->store, o->value, &s->region[i]));
        }
        if (s->region[i].buffer)
            op_session_set(s, i, o->data);
    }
}

/* Gives every slot a block of its own, in the middle of two guards. */
static void spread_slots(op_session *s)
{
    gr_plan *plan = s->plan;
    plan->block_count = 0;
    for (size_t i = 0; i < plan->slot_count; i++) {
        gr_slot *slot = &plan->slots[i];
        if (slot->external || slot->first < 0)
            continue;
        uint64_t *bytes =
            gr_push(plan, (void **)&plan->block_bytes, &plan->block_count, sizeof(*bytes));
        assert_non_null(bytes);
        *bytes = slot->bytes + 2 * s->guard_bytes;
        slot->block = (int)plan->block_count - 1;
        slot->offset = s->guard_bytes;
    }
}

void op_session_open(op_session *s, gr_device *device, const op_build *b, gr_value *const *outputs,
                     int count, gr_value *sink, bool guarded)
{
    *s = (op_session){.device = device, .build = b, .guarded = guarded};
    uint32_t align = device->caps.offset_align;
    s->guard_bytes = align > 256 ? align : 256;
    TEST_OK(device->log, gr_store_create(device->log, device, &s->store));
    place_operands(s);
    gr_sink into = {.value = sink};
    gr_plan_params params = {
        .store = s->store, .outputs = outputs, .output_count = count, .sinks = &into};
    if (sink) {
        params.sink_count = 1;
        uint64_t bytes = (uint64_t)gr_shape_count(&sink->shape) * sizeof(float);
        into.into = s->sink = guarded_region(s, bytes, &s->owned[OP_MAX_OPERANDS]);
        float *ones = malloc(bytes);
        for (uint64_t i = 0; i < bytes / 4; i++)
            ones[i] = 1.0f;
        TEST_OK(device->log, gr_store_write(s->store, &s->sink, ones));
        free(ones);
    }
    if (guarded) /* exact sizes: a guard begins with the first byte after a tensor */
        device->caps.offset_align = 4;
    graft_status status = gr_plan_create(device->log, &params, &s->plan);
    device->caps.offset_align = align;
    TEST_OK(device->log, status);
    if (guarded)
        spread_slots(s);
    TEST_OK(device->log, gr_plan_prepare(s->plan));
}

static void check_guards(op_session *s, gr_buffer *buffer, const gr_region *inside,
                         const char *what)
{
    uint64_t size = inside->offset + inside->size + s->guard_bytes;
    uint32_t *words = malloc(size);
    assert_non_null(words);
    TEST_OK(s->device->log, gr_device_buffer_read(s->device, buffer, 0, words, size));
    for (uint64_t i = 0; i < size / 4; i++) {
        bool guard = i < inside->offset / 4 || i >= (inside->offset + inside->size) / 4;
        if (guard && words[i] != POISON)
            fail_msg("%s: %s was written outside, at element %lld of %llu", s->device->info.id,
                     what, (long long)i - (long long)(inside->offset / 4),
                     (unsigned long long)inside->size / 4);
    }
    free(words);
}

static void check_unchanged(op_session *s, int i)
{
    const op_operand *o = &s->build->operand[i];
    void *data = malloc(s->region[i].size);
    assert_non_null(data);
    TEST_OK(s->device->log, gr_store_read(s->store, &s->region[i], data));
    if (memcmp(data, o->data, s->region[i].size) != 0)
        fail_msg("%s: %s was written", s->device->info.id, o->value->name);
    free(data);
}

static void check_all_guards(op_session *s)
{
    for (size_t i = 0; i < s->plan->slot_count && s->guarded; i++) {
        const gr_slot *slot = &s->plan->slots[i];
        if (!slot->external && slot->first >= 0)
            check_guards(s, slot->region.buffer, &slot->region, "an intermediate value");
    }
    for (int i = 0; i < s->build->count && s->guarded; i++) {
        check_guards(s, s->owned[i], &s->region[i], s->build->operand[i].value->name);
        check_unchanged(s, i);
    }
    if (s->sink.buffer)
        check_guards(s, s->sink.buffer, &s->sink, "the sink");
}

void op_session_run(op_session *s)
{
    for (size_t i = 0; i < s->plan->block_count; i++)
        poison_buffer(s, s->plan->blocks[i], s->plan->block_bytes[i]);
    TEST_OK(s->device->log, gr_plan_run(s->plan));
    TEST_OK(s->device->log, gr_device_wait(s->device));
    check_all_guards(s);
    s->runs++;
}

void op_session_set(op_session *s, int operand, const void *data)
{
    TEST_OK(s->device->log, gr_store_write(s->store, &s->region[operand], data));
}

void op_session_read(op_session *s, const gr_value *output, float *data)
{
    TEST_OK(s->device->log, gr_plan_read(s->plan, output, data));
}

void op_session_read_sink(op_session *s, float *data)
{
    TEST_OK(s->device->log, gr_store_read(s->store, &s->sink, data));
}

void op_session_close(op_session *s)
{
    gr_plan_destroy(s->plan);
    gr_store_destroy(s->store);
    for (size_t i = 0; i < sizeof(s->owned) / sizeof(s->owned[0]); i++)
        gr_device_buffer_destroy(s->device, &s->owned[i]);
}
