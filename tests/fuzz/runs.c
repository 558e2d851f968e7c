/* What runs are told and what they leave: settings, methods, checkpoints, searches; texts. */
#include "fuzz.h"

#include "adapter/adapter.h"
#include "base/mem.h"
#include "peft/compose.h"
#include "search/evolution.h"
#include "text/bpe.h"
#include "weights/safetensors.h"

#include <graft/graft.h>

/* Lines "key value", of any row of the training's and the search's tables. */
static void set_line(fixture *f, graft_train_params *p, char *line)
{
    char *space = strchr(line, ' '), text[GRAFT_SETTING_TEXT_SIZE];
    if (!space)
        return;
    *space = '\0';
    const graft_setting *s;
    for (int i = 0; (s = graft_train_setting(i)); i++)
        if (strcmp(s->key, line) == 0 && s->type != GRAFT_SETTING_TEXTS &&
            graft_setting_set(f->log, s, "input", p, space + 1) == GRAFT_OK)
            graft_setting_text(s, p, text);
}

static graft_status read_settings(fixture *f, const uint8_t *data, size_t size)
{
    graft_train_params p;
    char *text = gr_alloc(NULL, size + 1), *described = NULL, *at = text;
    graft_train_defaults(&p);
    memcpy(text, data, size);
    for (char *line; (line = strsep(&at, "\n"));)
        set_line(f, &p, line);
    graft_status status = graft_train_describe(f->log, &p, NULL, &described);
    if (status == GRAFT_OK)
        free(described);
    gr_free(text);
    return status;
}

static void seed_settings(fixture *f)
{
    char line[2 * GRAFT_SETTING_TEXT_SIZE], text[GRAFT_SETTING_TEXT_SIZE], all[8192];
    graft_train_params p;
    const graft_setting *s;
    size_t used = 0;
    graft_train_defaults(&p);
    for (int i = 0; (s = graft_train_setting(i)); i++) {
        if (s->type == GRAFT_SETTING_TEXTS || !graft_setting_text(s, &p, text))
            continue;
        snprintf(line, sizeof(line), "%s %s\n", s->key, text);
        used += (size_t)snprintf(all + used, sizeof(all) - used, "%s", line);
        assert_true(used < sizeof(all));
    }
    fuzz_add_text(all);
    fuzz_add_text("method lora\nlr 1e-3\nauto-augment rand-m9-mstd0.5-inc1\ncolor-jitter 0.4\n"
                  "random-resized-crop 0.08,1\nmemory-budget 512M\nlr-step 1\n");
}

/* "lora+vpt", then lines "lora.r=4". */
static graft_status read_methods(fixture *f, const uint8_t *data, size_t size)
{
    char *text = gr_alloc(NULL, size + 1), *at = text;
    gr_methods *methods = NULL;
    memcpy(text, data, size);
    const char *first = strsep(&at, "\n");
    graft_status status = gr_methods_parse(f->log, first, &methods);
    if (status == GRAFT_OK) {
        const char *items[16];
        int count = 0;
        for (char *line; count < 16 && (line = strsep(&at, "\n"));)
            if (*line)
                items[count++] = line;
        graft_text_list set = {.items = items, .count = count};
        status = gr_methods_set_all(f->log, methods, &set);
    }
    gr_methods_destroy(methods);
    gr_free(text);
    return status;
}

static void seed_methods(fixture *f)
{
    fuzz_add_text("lora+vpt_deep\nlora.r=4\nlora.targets=q,v\n");
    fuzz_add_text("noah\nnoah.supernet=1\n");
    fuzz_add_text("boft\nboft.block_size=4\nboft.n_butterfly_factor=2\n");
    fuzz_add_text("dora\ndora.r=3\n");
}

/* ---- A checkpoint ------------------------------------------------------------------------ */

static graft_trainer *small_trainer(fixture *f)
{
    static graft_trainer *trainer;
    static graft_device *device;
    static graft_log *log; /* outlives the fixture */
    char path[512];
    if (trainer)
        return trainer;
    graft_train_params settings;
    graft_trainer_params params;
    graft_train_defaults(&settings);
    graft_trainer_defaults(&params);
    settings.backbone = fuzz_data("golden/backbone.safetensors", path);
    settings.heads = 4;
    settings.method = "linear";
    params.settings = &settings;
    static const char *const names[] = {"a", "b", "c"};
    params.class_names = names;
    params.classes = 3;
    params.batch_size = 1;
    log = graft_log_create(NULL);
    check_ok(f, graft_device_open(log, "reference:0", NULL, &device));
    check_ok(f, graft_trainer_create(log, device, &params, &trainer));
    return trainer;
}

static graft_status read_checkpoint(fixture *f, const uint8_t *data, size_t size)
{
    return graft_trainer_load_state(small_trainer(f), data, size);
}

/* As it is, and without the checksum, which no mutation gets past; 0.1.0 wrote none. */
static void add_unsealed(fixture *f, const graft_bytes *file)
{
    gr_tensors *t = gr_tensors_create();
    fuzz_add(file->data, file->size_bytes);
    check_ok(f, gr_safetensors_parse(f->log, "seed", file->data, file->size_bytes, t));
    check_ok(f, gr_safetensors_write(f->log, path_of(f, "unsealed"), t, NULL));
    fuzz_add_file(path_of(f, "unsealed"));
    gr_tensors_destroy(&t);
}

static void seed_checkpoint(fixture *f)
{
    graft_bytes state = {0};
    graft_writer writer = graft_bytes_writer(&state);
    check_ok(f, graft_trainer_save_state(small_trainer(f), &writer));
    add_unsealed(f, &state);
    graft_bytes_free(&state);
}

static graft_status read_adapter(fixture *f, const uint8_t *data, size_t size)
{
    gr_tensors *t = gr_tensors_create();
    graft_adapter *adapter = NULL;
    graft_status status = gr_safetensors_parse(f->log, "input", data, size, t);
    if (status == GRAFT_OK)
        status = gr_adapter_create(f->log, &t, &adapter);
    graft_adapter_close(&adapter);
    gr_tensors_destroy(&t);
    return status;
}

static void seed_adapter(fixture *f)
{
    graft_bytes file = {0};
    graft_writer writer = graft_bytes_writer(&file);
    check_ok(f, graft_trainer_write_adapter(small_trainer(f), &writer));
    add_unsealed(f, &file);
    graft_bytes_free(&file);
}

static graft_status read_search(fixture *f, const uint8_t *data, size_t size)
{
    gr_evolution_params params = {.blocks = 2,
                                  .dim = 8,
                                  .limit = 1000,
                                  .generations = 2,
                                  .population = 2,
                                  .parents = 1,
                                  .mutations = 1,
                                  .crossovers = 1,
                                  .space = {.widths = {2, {1, 2}}, .depths = {1, {1}}}};
    gr_search_identity identity = {.training = "{}", .evolution = "1"};
    gr_evolution *e = gr_evolution_create(&params);
    graft_status status =
        gr_evolution_load(f->log, e, fuzz_file(f, "search.json", data, size), &identity);
    if (status == GRAFT_OK)
        gr_evolution_best(e);
    gr_evolution_destroy(e);
    return status;
}

static void seed_search(fixture *f)
{
    fuzz_add_text("{\"settings\":\"{}\",\"evolution\":\"1\",\"generation\":1,\"candidates\":[{"
                  "\"generation\":0,\"parameters\":10,\"accuracy\":0.5,\"lora\":[1,0],"
                  "\"adapter\":[0,1],\"prompts\":[0,0]}]}");
}

/* ---- Texts ------------------------------------------------------------------------------- */

/* merges.txt, and after a NUL the text that is cut into pieces. */
static graft_status read_tokens(fixture *f, const uint8_t *data, size_t size)
{
    const uint8_t *rest;
    size_t left, merges = fuzz_cut(data, size, '\0', &rest, &left);
    gr_bpe *bpe = NULL;
    GR_TRY(gr_bpe_open(f->log, fuzz_file(f, "merges.txt", data, merges), &bpe));
    char *text = gr_alloc(NULL, left + 1);
    int ids[77], count;
    memcpy(text, rest, left);
    graft_status status = gr_bpe_encode(f->log, bpe, text, ids, 77, &count);
    gr_free(text);
    gr_bpe_destroy(bpe);
    return status;
}

static void seed_tokens(fixture *f)
{
    static const char merges[] = "#version: 0.2\nc a\nca t</w>\nd o\ndo g</w>\n\0"
                                 "a photo of a CAT, dog's caf\xc3\xa9 123 \xe4\xb8\xad!";
    fuzz_add(merges, sizeof(merges) - 1);
}

/* A vocab.json beside the merges of the tests, or a compressed vocabulary. */
static graft_status read_vocabulary(fixture *f, const uint8_t *data, size_t size)
{
    static const uint8_t merges[] = "#version: 0.2\nc a\nca t</w>\n";
    bool packed = size > 1 && data[0] == 0x1f;
    const char *path = packed ? fuzz_file(f, "bpe_simple_vocab_16e6.txt.gz", data, size) : NULL;
    gr_bpe *bpe = NULL;
    if (!packed) {
        fuzz_file(f, "vocab.json", data, size);
        path = fuzz_file(f, "merges.txt", merges, sizeof(merges) - 1);
    }
    graft_status status = gr_bpe_open(f->log, path, &bpe);
    if (status == GRAFT_OK) {
        int ids[16], count;
        status = gr_bpe_encode(f->log, bpe, "cat", ids, 16, &count);
    }
    gr_bpe_destroy(bpe);
    if (!packed)
        remove(fuzz_file(f, "vocab.json", data, 0));
    return status;
}

static void seed_vocabulary(fixture *f)
{
    static const uint8_t packed[] = /* a line of version and three merges, by gzip */
        "\037\213\010\000\000\000\000\000\002\377\123\112\052\110\215\057\316\314\055"
        "\310\111\215\057\313\117\116\114\212\067\064\113\065\323\053\251\050\121\056\113"
        "\055\052\316\314\317\263\122\060\320\063\342\112\126\110\344\112\116\124\050\261"
        "\321\057\267\343\112\121\310\347\002\000\150\150\147\151\071\000\000";
    fuzz_add_data("clip/vocab.json");
    fuzz_add(packed, sizeof(packed)); /* its last byte is 0 */
}

const fuzz_target fuzz_runs[] = {
    FUZZ_TARGET(settings), FUZZ_TARGET(methods), FUZZ_TARGET(checkpoint), FUZZ_TARGET(adapter),
    FUZZ_TARGET(search),   FUZZ_TARGET(tokens),  FUZZ_TARGET(vocabulary), {.name = NULL},
};
