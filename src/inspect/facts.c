#include "inspect/facts.h"

#include "adapter/file.h"
#include "build/config_json.h"
#include "weights/tensors.h"

#include <stdio.h>

/* Who tells `key`, else `otherwise`. A geometry that graft wrote down has all but the input. */
static const char *teller(const gr_tensors *backbone, const char *key, const char *otherwise)
{
    const char *from = gr_tensors_metadata_from(backbone, key);
    if (!from)
        from = gr_tensors_metadata_from(backbone, GR_MODEL_KEY);
    return from ? from : otherwise;
}

static gr_fact *add(gr_facts *facts, const char *key, const char *from)
{
    gr_fact *f = &facts->items[facts->count++];
    f->key = key;
    f->from = from;
    return f;
}

static void add_input(const gr_tensors *backbone, int image_size, gr_facts *facts)
{
    gr_input input;
    const char *from = gr_tensors_metadata_from(backbone, "graft.input");
    gr_fact *f = add(facts, "input", from ? from : "default");
    graft_status status =
        from ? gr_adapter_input_read(NULL, backbone, image_size, &input)
             : gr_input_resolve(NULL, &(graft_input_params){0}, image_size, &input);
    char text[120];
    snprintf(f->value, sizeof(f->value), "%s",
             status == GRAFT_OK ? gr_input_text(&input, text) : "unknown");
}

void gr_facts_read(const gr_tensors *backbone, const gr_model_config *c, gr_facts *out)
{
    const size_t size = sizeof(out->items[0].value);
    bool vit = c->family == GR_FAMILY_VIT;
    bool tables = !vit || c->relative_bias || c->shared_relative_bias;
    *out = (gr_facts){.count = 0};
    gr_fact *f =
        add(out, "heads",
            teller(backbone, "graft.heads",
                   tables                     ? "tables"
                   : gr_model_known_heads(c) ? "geometry"
                                             : "default"));
    snprintf(f->value, size, "%d", c->heads);
    if (c->heads == 0) {
        snprintf(f->value, size, "unknown");
        f->from = "nothing";
    }
    f = add(out, "norm_eps", teller(backbone, "graft.norm_eps", "default"));
    snprintf(f->value, size, "%g", (double)c->norm_eps);
    f = add(out, "activation", teller(backbone, "graft.activation", "default"));
    snprintf(f->value, size, "%s", gr_activation_name(c->activation));
    f = add(out, "pool", teller(backbone, "graft.pool", "default"));
    snprintf(f->value, size, "%s", gr_pool_name(c->pool));
    if (c->rope) {
        f = add(out, "rope", teller(backbone, "graft.rope", "names"));
        snprintf(f->value, size, "%s", gr_rope_name(c->rope));
    }
    if (vit && c->positions != GR_POSITIONS_NONE) {
        f = add(out, "positions", teller(backbone, "graft.positions", "default"));
        snprintf(f->value, size, "%s", gr_positions_name(c->positions));
    }
    add_input(backbone, c->image_size, out);
}
