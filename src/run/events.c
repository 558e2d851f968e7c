#include "run/events.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/system.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct gr_events {
    graft_log *log;
    char *path;
    FILE *file;
    bool used;
};

/* ---- Protocol buffers ------------------------------------------------------------------------ */

/* Of the messages, with the number of each field. */
enum { EVENT_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5, EVENT_SESSION = 7 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_NUMBER = 2, SESSION_STATUS = 1 };
enum { SESSION_START = 1 };
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

enum { TAG_MAX = 64, SCALARS_MAX = 8 };

/* Room for all messages that are made here. */
typedef struct message {
    unsigned char bytes[64 + SCALARS_MAX * (TAG_MAX + 16)];
    size_t size;
} message;

static void put_little_endian(message *m, uint64_t bits, int bytes)
{
    for (int i = 0; i < bytes; i++)
        m->bytes[m->size++] = (unsigned char)(bits >> 8 * i);
}

static void put_varint(message *m, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        m->bytes[m->size++] = (unsigned char)(value | 128);
    m->bytes[m->size++] = (unsigned char)value;
}

static void put_key(message *m, int field, int type)
{
    put_varint(m, (uint64_t)(field << 3 | type));
}

static void put_number(message *m, int field, uint64_t value)
{
    put_key(m, field, VARINT);
    put_varint(m, value);
}

static void put_double(message *m, int field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_key(m, field, FIXED64);
    put_little_endian(m, bits, 8);
}

static void put_float(message *m, int field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_key(m, field, FIXED32);
    put_little_endian(m, bits, 4);
}

static void put_bytes(message *m, int field, const void *bytes, size_t size)
{
    put_key(m, field, BYTES);
    put_varint(m, size);
    memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
}

/* ---- Records --------------------------------------------------------------------------------- */

/* CRC-32C (Castagnoli), bit by bit: a record has a hundred bytes. */
static uint32_t checksum(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0u);
    }
    return ~crc;
}

/* Rotated and shifted, so that a checksum of data with checksums in it is none of zeros. */
static void put_checksum(message *m, const void *data, size_t size)
{
    uint32_t crc = checksum(data, size);
    put_little_endian(m, (crc >> 15 | crc << 17) + 0xa282ead8u, 4);
}

static graft_status write_record(gr_events *e, const message *event)
{
    message head = {.size = 0}, tail = {.size = 0};
    put_little_endian(&head, event->size, 8);
    put_checksum(&head, head.bytes, 8);
    put_checksum(&tail, event->bytes, event->size);
    fwrite(head.bytes, 1, head.size, e->file);
    fwrite(event->bytes, 1, event->size, e->file);
    fwrite(tail.bytes, 1, tail.size, e->file);
    return fflush(e->file) == 0 && !ferror(e->file)
               ? GRAFT_OK
               : gr_fail_errno(e->log, e->path, "cannot write");
}

static message begin_event(uint64_t step)
{
    message event = {.size = 0};
    put_double(&event, EVENT_TIME, gr_wall_seconds());
    put_number(&event, EVENT_STEP, step);
    return event;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* TensorBoard reads the files of a directory in the order of their names: by the second in which
 * they begin. The rest keeps apart what begins in the same one. */
static char *new_path(gr_events *e, const char *directory)
{
    char name[80];
    char *path = NULL;
    long long now = (long long)time(NULL);
    for (int number = 0; !path || gr_file_exists(path); number++) {
        snprintf(name, sizeof(name), "events.out.tfevents.%010lld.%ld.%03d", now, gr_process_id(),
                 number);
        if (!(path = gr_path_join(e, directory, name)))
            break;
    }
    return path;
}

static graft_status create_file(gr_events *e, const char *directory)
{
    GR_TRY(gr_make_directories(e->log, directory));
    e->path = new_path(e, directory);
    if (!e->path)
        return gr_fail(e->log, GRAFT_ERR_MEMORY, "%s: out of memory", directory);
    e->file = fopen(e->path, "wb");
    return e->file ? GRAFT_OK : gr_fail_errno(e->log, e->path, "cannot write");
}

static graft_status write_start(gr_events *e, uint64_t step)
{
    static const char version[] = "brain.Event:2";
    message event = begin_event(0), session = {.size = 0};
    put_bytes(&event, EVENT_VERSION, version, sizeof(version) - 1);
    GR_TRY(write_record(e, &event));
    if (step == 0)
        return GRAFT_OK;
    event = begin_event(step + 1);
    put_number(&session, SESSION_STATUS, SESSION_START);
    put_bytes(&event, EVENT_SESSION, session.bytes, session.size);
    return write_record(e, &event);
}

graft_status gr_events_open(graft_log *log, const char *directory, uint64_t step, gr_events **out)
{
    gr_events *e = gr_alloc(NULL, sizeof(*e));
    if (!e)
        return gr_fail(log, GRAFT_ERR_MEMORY, "events: out of memory");
    e->log = log;
    graft_status status = create_file(e, directory);
    if (status == GRAFT_OK)
        status = write_start(e, step);
    if (status == GRAFT_OK)
        *out = e;
    else
        gr_events_close(&e);
    return status;
}

graft_status gr_events_write(gr_events *e, uint64_t step, const gr_scalar *scalars, int count)
{
    message event = begin_event(step), summary = {.size = 0};
    for (int i = 0; i < count && i < SCALARS_MAX; i++) {
        message value = {.size = 0};
        put_bytes(&value, VALUE_TAG, scalars[i].tag, strnlen(scalars[i].tag, TAG_MAX));
        put_float(&value, VALUE_NUMBER, (float)scalars[i].value);
        put_bytes(&summary, SUMMARY_VALUE, value.bytes, value.size);
    }
    put_bytes(&event, EVENT_SUMMARY, summary.bytes, summary.size);
    e->used = true;
    return write_record(e, &event);
}

void gr_events_close(gr_events **events)
{
    gr_events *e = events ? *events : NULL;
    if (!e)
        return;
    if (e->file)
        fclose(e->file);
    if (e->file && !e->used)
        gr_path_remove(e->path);
    gr_free(e);
    *events = NULL;
}
