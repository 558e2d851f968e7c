/* The commands of one training step, as the planner makes them for a device that is not there.
 *
 *     step MODEL METHOD BATCH CLASS      CLASS: a class of devices of backends/backend.h
 *
 * Prints a line of JSON for each, in the order of the queue: "kernel", "tunables", "label",
 * "barrier", "grid", "work" (multiply-adds), "sizes" (bytes bound) and "params" (words). */
#include "backends/dump.h"
#include "base/log.h"
#include "base/mem.h"
#include "device/device.h"

#include <graft/graft.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 100, MAX_LISTS = 4096 };

/* What the null backend is given, kept: its own lists only count. */
typedef struct recorded {
    gr_list *list;
    gr_command *commands;
    int count;
} recorded;

static struct {
    gr_pipeline_spec *specs;
    gr_pipeline **pipelines;
    int pipeline_count;
    recorded lists[MAX_LISTS];
    int list_count;
    bool printing;
} seen;

static graft_status pipelines_create(gr_device *device, const gr_pipeline_spec *specs, int count,
                                     gr_pipeline **out)
{
    graft_status status = gr_backend_null.pipelines_create(device, specs, count, out);
    size_t total = (size_t)(seen.pipeline_count + count);
    seen.specs = realloc(seen.specs, total * sizeof(*seen.specs));
    seen.pipelines = realloc(seen.pipelines, total * sizeof(gr_pipeline *));
    if (status != GRAFT_OK || !seen.specs || !seen.pipelines)
        return GRAFT_ERR_MEMORY;
    memcpy(seen.specs + seen.pipeline_count, specs, (size_t)count * sizeof(*specs));
    memcpy(seen.pipelines + seen.pipeline_count, out, (size_t)count * sizeof(gr_pipeline *));
    seen.pipeline_count = (int)total;
    return GRAFT_OK;
}

static graft_status list_create(gr_device *device, const gr_command *commands, int count,
                                bool profile, gr_list **out)
{
    graft_status status = gr_backend_null.list_create(device, commands, count, profile, out);
    gr_command *copy = malloc((size_t)(count + 1) * sizeof(*copy));
    if (status != GRAFT_OK || !copy || seen.list_count == MAX_LISTS)
        return GRAFT_ERR_MEMORY;
    memcpy(copy, commands, (size_t)count * sizeof(*copy));
    seen.lists[seen.list_count++] = (recorded){*out, copy, count};
    return GRAFT_OK;
}

static json_t *tunables_of(const gr_pipeline_spec *spec)
{
    json_t *tunables = json_object();
    for (uint32_t i = 0; i < spec->kernel->tunable_count; i++)
        json_object_set_new(tunables, spec->kernel->tunables[i].name,
                            json_integer(spec->tunables[i]));
    return tunables;
}

static void print_dispatch(json_t *line, const gr_command *command)
{
    for (int i = seen.pipeline_count - 1; i >= 0; i--) {
        if (seen.pipelines[i] != command->pipeline)
            continue;
        json_t *params = json_array();
        for (uint32_t w = 0; w < seen.specs[i].kernel->params_bytes / 4; w++)
            json_array_append_new(params, json_integer(command->params[w]));
        char text[GR_SPEC_TEXT];
        json_object_set_new(line, "pipeline", json_string(gr_spec_text(&seen.specs[i], text)));
        json_object_set_new(line, "kernel", json_string(seen.specs[i].kernel->name));
        json_object_set_new(line, "tunables", tunables_of(&seen.specs[i]));
        json_object_set_new(line, "params", params);
        return;
    }
}

static void print_command(const gr_command *command)
{
    static const char *const kinds[] = {"dispatch", "copy", "fill", "library"};
    json_t *sizes = json_array();
    for (uint32_t i = 0; i < command->binding_count; i++)
        json_array_append_new(sizes, json_integer((json_int_t)command->binding[i].size));
    json_t *line = json_pack("{s:s, s:s, s:b, s:f, s:[i, i, i], s:o}", "kind", kinds[command->kind],
                             "label", command->label ? command->label : "", "barrier",
                             command->barrier, "work", command->work, "grid", command->grid[0],
                             command->grid[1], command->grid[2], "sizes", sizes);
    if (command->kind == GR_COMMAND_DISPATCH)
        print_dispatch(line, command);
    char *text = json_dumps(line, JSON_COMPACT);
    puts(text ? text : "{}");
    free(text);
    json_decref(line);
}

static graft_status submit(gr_device *device, gr_list *list)
{
    for (int i = seen.list_count - 1; i >= 0 && seen.printing; i--)
        if (seen.lists[i].list == list) {
            for (int c = 0; c < seen.lists[i].count; c++)
                print_command(&seen.lists[i].commands[c]);
            break;
        }
    return gr_backend_null.submit(device, list);
}

static bool set_class(gr_device *device, const char *name)
{
    static const char *const names[] = {"unknown", "lanes", "desktop", "intel", "phone"};
    for (int c = GR_CLASS_UNKNOWN; c <= GR_CLASS_PHONE; c++)
        if (strcmp(names[c], name) == 0) {
            device->caps.device_class = (gr_device_class)c;
            return true;
        }
    return false;
}

/* The second step: the first also moves what is moved once. */
static graft_status two_steps(graft_device *device, char **argv)
{
    graft_model_params m;
    graft_train_params settings;
    graft_trainer_params p;
    graft_model *model = NULL;
    graft_trainer *trainer = NULL;
    graft_model_defaults(&m);
    m.model = argv[1];
    graft_train_defaults(&settings);
    settings.method = argv[2];
    settings.batch_size = atoi(argv[3]);
    graft_trainer_defaults(&p);
    p.settings = &settings;
    p.classes = CLASSES;
    GR_TRY(graft_model_open(NULL, device, &m, &model));
    p.model = model;
    graft_status status = graft_trainer_create(NULL, device, &p, &trainer);
    if (status == GRAFT_OK) {
        size_t side = (size_t)graft_trainer_get_info(trainer)->image_size;
        size_t count = (size_t)settings.batch_size;
        float *images = calloc(count * side * side * 3, sizeof(*images));
        int32_t *labels = calloc(count, sizeof(*labels));
        graft_batch batch = {.count = settings.batch_size, .images = images, .labels = labels};
        status = images && labels ? GRAFT_OK : GRAFT_ERR_MEMORY;
        for (int i = 0; i < 2 && status == GRAFT_OK; i++) {
            seen.printing = i == 1;
            status = graft_trainer_step(trainer, &batch, NULL, NULL);
        }
        seen.printing = false;
        free(images);
        free(labels);
    }
    graft_trainer_destroy(&trainer);
    graft_model_close(&model);
    return status;
}

int main(int argc, char **argv)
{
    graft_device *device = NULL;
    gr_backend recording = gr_backend_null;
    recording.pipelines_create = pipelines_create;
    recording.list_create = list_create;
    recording.submit = submit;
    if (argc != 5 || graft_device_open(NULL, "null:0", "", &device) != GRAFT_OK ||
        !set_class(gr_device_from_public(device), argv[4])) {
        fprintf(stderr, "usage: step MODEL METHOD BATCH unknown|lanes|desktop|intel|phone\n");
        graft_device_close(&device);
        return 2;
    }
    gr_device_from_public(device)->backend = &recording;
    graft_status status = two_steps(device, argv);
    if (status != GRAFT_OK)
        fprintf(stderr, "step: %s\n", graft_status_text(status));
    graft_device_close(&device);
    for (int i = 0; i < seen.list_count; i++)
        free(seen.lists[i].commands);
    free(seen.specs);
    free(seen.pipelines);
    return status != GRAFT_OK;
}
