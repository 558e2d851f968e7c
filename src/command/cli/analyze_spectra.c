/* Figures of spectra: singular values of weights, power of features. Each is drawn twice: as it is,
 * and in relation to the backbone, which shows small changes. */
#include "command/cli/analyze.h"
#include "command/console/output.h"

#include <math.h>
#include <string.h>

/* Defines $name: the numbers, or their relation to those of `base` where there is one. Of what is
 * below `least` of base's first number the relation tells nothing. */
static void define(cli_figure *f, const char *name, const json_t *values, const json_t *base,
                   double least)
{
    if (!base) {
        cli_figure_data(f, name, NULL, values);
        return;
    }
    json_t *relation = json_array();
    least *= json_number_value(json_array_get(base, 0));
    for (size_t i = 0; i < json_array_size(values) && i < json_array_size(base); i++) {
        double by = json_number_value(json_array_get(base, i));
        double value = json_number_value(json_array_get(values, i));
        if (by > least)
            cli_json_append(&relation, json_real(value / by));
    }
    if (!relation && f->script) { /* a figure without a script fails the page */
        fclose(f->script);
        f->script = NULL;
    }
    cli_figure_data(f, name, NULL, relation);
    json_decref(relation);
}

/* About four marks below a panel. */
static void set_marks(cli_figure *f, size_t last)
{
    static const int steps[] = {1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000};
    size_t i = 0;
    while (i + 1 < sizeof(steps) / sizeof(steps[0]) && (size_t)steps[i] * 4 < last)
        i++;
    cli_figure_line(f, "set xtics 0,%d", steps[i]);
}

/* "blocks.3.attn.q" -> "attn.q", "layers.1.blocks.0.mlp.fc1" -> "mlp.fc1": what all blocks have. */
static const char *kind_of(const json_t *linear)
{
    const char *module = cli_json_string(linear, "module"), *kind = module;
    for (const char *dot = module; (dot = strchr(dot, '.')); dot++)
        if (dot[1] >= '0' && dot[1] <= '9') {
            const char *end = strchr(dot + 1, '.');
            kind = end ? end + 1 : kind;
        }
    return kind;
}

static bool is_first_of_kind(const json_t *linears, size_t index)
{
    const char *kind = kind_of(json_array_get(linears, index));
    for (size_t i = 0; i < index; i++)
        if (strcmp(kind_of(json_array_get(linears, i)), kind) == 0)
            return false;
    return true;
}

/* Of the largest singular value: smaller ones are noise when divided. */
static const double LEAST = 0.01;

/* One panel: the singular values of the backbone's matrix and of the tuned ones. */
static void values_panel(cli_figure *f, const json_t *linear, bool related)
{
    size_t i;
    const json_t *tuned, *all = json_object_get(linear, "tuned");
    const json_t *frozen = json_object_get(linear, "values"), *base = related ? frozen : NULL;
    define(f, "frozen", frozen, base, LEAST);
    json_array_foreach(all, i, tuned)
    {
        char name[32];
        snprintf(name, sizeof(name), "tuned%zu", i);
        define(f, name, json_object_get(tuned, "values"), base, LEAST);
    }
    cli_figure_set(f, "title", cli_json_string(linear, "module"));
    set_marks(f, json_array_size(frozen));
    cli_figure_plot(f, NULL, "$frozen " CLI_GRAY);
    json_array_foreach(all, i, tuned)
        cli_figure_plot(f, NULL, "$tuned%zu lt %d", i, cli_json_int(tuned, "run") + 1);
}

static void values_figure(cli_page *p, const json_t *linears, const char *kind, bool related)
{
    size_t i, count = 0;
    const json_t *linear;
    char caption[200];
    cli_figure f;
    json_array_foreach(linears, i, linear) count += strcmp(kind_of(linear), kind) == 0;
    cli_panels_begin(&f, count);
    if (!related)
        cli_figure_line(&f, "set logscale y");
    json_array_foreach(linears, i, linear)
    {
        if (strcmp(kind_of(linear), kind) == 0)
            values_panel(&f, linear, related);
    }
    cli_figure_line(&f, "unset multiplot");
    snprintf(caption, sizeof(caption),
             "%s of %.60s, largest first: gray W of the backbone, in "
             "colour W' of each run.",
             related ? "Singular values, from 1% of the largest on divided by those of W,"
                     : "Singular values",
             kind);
    cli_page_figure(p, &f, caption);
}

/* One panel: how far each run moved the linears of a kind, block by block. */
static void change_panel(cli_figure *f, const json_t *linears, const char *kind, int runs)
{
    size_t i, k;
    const json_t *linear, *tuned;
    cli_figure_set(f, "title", kind);
    for (int run = 0; run < runs; run++) {
        int block = 0;
        cli_figure_line(f, "$run%d << EOD", run);
        json_array_foreach(linears, i, linear)
        {
            if (strcmp(kind_of(linear), kind) != 0)
                continue;
            json_array_foreach(json_object_get(linear, "tuned"), k, tuned)
            {
                if (cli_json_int(tuned, "run") == run)
                    cli_figure_line(f, "%d %.6g", block, cli_json_number(tuned, "change"));
            }
            block++;
        }
        cli_figure_line(f, "-1 NaN\nEOD");
    }
    for (int run = 0; run < runs; run++)
        cli_figure_plot(f, NULL, "$run%d with linespoints lt %d", run, run + 1);
}

static int runs_of(const json_t *linears)
{
    size_t i, k;
    const json_t *linear, *tuned;
    int runs = 0;
    json_array_foreach(linears, i, linear)
        json_array_foreach(json_object_get(linear, "tuned"), k, tuned)
    {
        int run = cli_json_int(tuned, "run");
        runs = run >= runs ? run + 1 : runs;
    }
    return runs;
}

static void change_figure(cli_page *p, const json_t *linears)
{
    size_t kinds = 0;
    for (size_t i = 0; i < json_array_size(linears); i++)
        kinds += is_first_of_kind(linears, i);
    cli_figure f;
    cli_panels_begin(&f, kinds);
    cli_figure_line(&f, "set yrange [0:*]\nset xrange [-0.5:*]");
    for (size_t i = 0; i < json_array_size(linears); i++)
        if (is_first_of_kind(linears, i))
            change_panel(&f, linears, kind_of(json_array_get(linears, i)), runs_of(linears));
    cli_figure_line(&f, "unset multiplot");
    cli_page_figure(p, &f,
                    "How far tuning moved the weights: |W' - W| / |W| (Frobenius norms), "
                    "block by block.");
}

void cli_analyze_weights(cli_page *p, const json_t *linears)
{
    if (json_array_size(linears) == 0)
        return;
    change_figure(p, linears);
    for (size_t i = 0; i < json_array_size(linears); i++)
        if (is_first_of_kind(linears, i))
            for (int related = 0; related < 2; related++)
                values_figure(p, linears, kind_of(json_array_get(linears, i)), related);
}

static const json_t *power_at(const json_t *model, size_t block, const char *when)
{
    const json_t *at = json_array_get(json_object_get(model, "blocks"), block);
    const json_t *values = json_object_get(at, when);
    return json_array_size(values) ? values : NULL;
}

/* One panel: the stream at a block in each model; dashed before the methods there, solid after. */
static void power_panel(cli_figure *f, const json_t *features, size_t block, const json_t *base)
{
    static const char *const when[] = {"before", "after"};
    size_t i;
    const json_t *model;
    json_array_foreach(features, i, model) for (int k = 0; k < 2; k++)
    {
        char name[32];
        snprintf(name, sizeof(name), "%s%zu", when[k], i);
        define(f, name, power_at(model, block, when[k]), base, 0.0);
    }
    cli_figure_line(f, "set title 'before block %zu'", block);
    json_array_foreach(features, i, model)
    {
        int run = cli_json_int(model, "run");
        bool two = power_at(model, block, "after") != NULL;
        char style[64] = CLI_GRAY;
        if (run >= 0)
            snprintf(style, sizeof(style), "lt %d", run + 1);
        if (i == 0)
            set_marks(f, json_array_size(power_at(model, block, "before")));
        if (power_at(model, block, "before"))
            cli_figure_plot(f, NULL, "$before%zu %s%s", i, style, two ? " dt 2" : "");
        if (two)
            cli_figure_plot(f, NULL, "$after%zu %s", i, style);
    }
}

/* The first model is the backbone alone. */
static void power_figure(cli_page *p, const json_t *features, size_t panels, bool related)
{
    const json_t *backbone = json_array_get(features, 0);
    cli_figure f;
    cli_panels_begin(&f, panels);
    if (!related)
        cli_figure_line(&f, "set logscale y");
    for (size_t i = 0; i < panels; i++)
        power_panel(&f, features, i, related ? power_at(backbone, i, "before") : NULL);
    cli_figure_line(&f, "unset multiplot");
    cli_page_figure(p, &f,
                    related ? "The same, divided by the backbone's."
                            : "Power of the patch tokens by frequency, in cycles across the "
                              "image, mean over channels, images and directions: gray the "
                              "backbone, in colour each run. Where a method acts between "
                              "blocks, dashed is the stream that enters it and solid the "
                              "one that leaves it. The last panel is what follows the last "
                              "block.");
}

void cli_analyze_features(cli_page *p, const json_t *features)
{
    size_t i, panels = 0;
    const json_t *model;
    json_array_foreach(features, i, model)
    {
        size_t blocks = json_array_size(json_object_get(model, "blocks"));
        panels = blocks > panels ? blocks : panels;
    }
    for (int related = 0; panels && related < 2; related++)
        power_figure(p, features, panels, related);
}
