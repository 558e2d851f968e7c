/* The page of a run: one HTML file that needs nothing else. */
#include "command/bench/report.h"

#include "command/bench/bench.h"
#include "command/console/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const json_t *results_of(const json_t *document, size_t device)
{
    return json_object_get(json_array_get(json_object_get(document, "devices"), device), "results");
}

static size_t device_count(const json_t *document)
{
    return json_array_size(json_object_get(document, "devices"));
}

static const json_t *find_result(const json_t *results, const char *name)
{
    size_t i;
    const json_t *r;
    json_array_foreach(results, i, r)
    {
        if (strcmp(text(r, "name"), name) == 0)
            return r;
    }
    return NULL;
}

/* ---- Bars over devices ------------------------------------------------------------------ */

/* Names of the results that any device has with this unit and key, in order, once each. */
static json_t *names_with(const json_t *document, const char *unit, const char *key)
{
    json_t *names = json_array(), *seen = json_object();
    for (size_t d = 0; d < device_count(document); d++) {
        size_t i;
        const json_t *r;
        json_array_foreach(results_of(document, d), i, r)
        {
            const char *name = text(r, "name");
            if (strcmp(text(r, "unit"), unit) == 0 && json_object_get(r, key) &&
                !json_object_get(seen, name)) {
                json_object_set_new(seen, name, json_true());
                json_array_append_new(names, json_string(name));
            }
        }
    }
    json_decref(seen);
    return names;
}

static void bar_data(cli_figure *f, const json_t *document, const json_t *names, const char *key,
                     double scale)
{
    size_t i;
    const json_t *name;
    cli_figure_line(f, "$bars << EOD");
    json_array_foreach(names, i, name)
    {
        char line[1024];
        int used = snprintf(line, sizeof(line), "\"%.100s\"", json_string_value(name));
        for (size_t d = 0; d < device_count(document) && used < (int)sizeof(line); d++) {
            const json_t *r = find_result(results_of(document, d), json_string_value(name));
            const json_t *value = json_object_get(r, key);
            used += snprintf(line + used, sizeof(line) - (size_t)used,
                             json_is_number(value) ? " %.6g" : " NaN",
                             scale * json_number_value(value));
        }
        cli_figure_line(f, "%s", line);
    }
    cli_figure_line(f, "EOD");
}

/* gnuplot refuses a column without a number. */
static bool has_any(const json_t *results, const json_t *names, const char *key)
{
    size_t i;
    const json_t *name;
    json_array_foreach(names, i, name)
    {
        if (json_is_number(json_object_get(find_result(results, json_string_value(name)), key)))
            return true;
    }
    return false;
}

static void bars(cli_page *p, const json_t *document, const char *unit, const char *key,
                 double scale, const char *axis, const char *caption)
{
    json_t *names = names_with(document, unit, key);
    cli_figure f;
    if (json_array_size(names)) {
        cli_figure_begin(&f, 720, 420);
        bar_data(&f, document, names, key, scale);
        cli_figure_set(&f, "ylabel", axis);
        cli_figure_line(
            &f, "set style data histogram\nset style fill solid 0.9 noborder\nset grid noxtics\n"
                "set xtics rotate by -35 font ',11'\nset yrange [0:*]\n"
                "set boxwidth 0.9\nset bmargin 8\nset key outside top horizontal");
        for (size_t d = 0; d < device_count(document); d++) {
            const json_t *device = json_array_get(json_object_get(document, "devices"), d);
            if (has_any(results_of(document, d), names, key))
                cli_figure_plot(&f, text(device, "id"), "$bars using %zu:xtic(1) lt %zu", d + 2,
                                d + 1);
        }
        cli_page_figure(p, &f, caption);
    }
    json_decref(names);
}

/* ---- Rooflines -------------------------------------------------------------------------- */

static void roof_points(cli_figure *f, const json_t *points)
{
    size_t i;
    const json_t *k;
    cli_figure_line(f, "$points << EOD");
    json_array_foreach(points, i, k)
    {
        double seconds =
            json_object_get(k, "seconds") ? number(k, "seconds") : 1e-3 * number(k, "milliseconds");
        if (number(k, "flop") > 0.0 && number(k, "bytes") > 0.0 && seconds > 0.0)
            cli_figure_line(f, "%.6g %.6g \"%.40s\"", number(k, "flop") / number(k, "bytes"),
                            number(k, "flop") / seconds * 1e-9, text(k, "name"));
    }
    cli_figure_line(f, "1e-9 1e-9 \"\"\nEOD"); /* never empty */
}

/* What was computed, against what the device could for so many flop on each byte. */
static void roofline(cli_page *p, const json_t *device)
{
    const json_t *results = json_object_get(device, "results"), *r;
    double compute = number(find_result(results, "multiply_add f32"), "gflops");
    double copy = number(find_result(results, "copy"), "gb_per_s");
    double memory = fmax(copy, number(find_result(results, "triad"), "gb_per_s"));
    size_t i, k;
    if (compute <= 0.0 || memory <= 0.0)
        return;
    json_t *points = json_array();
    json_array_foreach(results, i, r)
    {
        const json_t *kernel;
        if (json_object_get(r, "bytes") && !json_object_get(r, "kernels"))
            json_array_append(points, (json_t *)(uintptr_t)r);
        json_array_foreach(json_object_get(r, "kernels"), k, kernel)
        {
            json_array_append(points, (json_t *)(uintptr_t)kernel);
        }
    }
    cli_figure f;
    char caption[300];
    cli_figure_begin(&f, 720, 420);
    roof_points(&f, points);
    cli_figure_set(&f, "xlabel", "flop for each byte");
    cli_figure_set(&f, "ylabel", "GFLOP/s");
    cli_figure_line(&f,
                    "set logscale xy\nset xrange [0.1:1000]\nset yrange [%g:%g]\n"
                    "set key off",
                    compute * 1e-3, compute * 2.0);
    cli_figure_plot(&f, "at most", "(x * %g < %g ? x * %g : %g) lt 2 lw 2", memory, compute, memory,
                    compute);
    cli_figure_plot(&f, "reached",
                    "$points using 1:2:3 with labels point pt 7 lc rgb '%s' left "
                    "offset 0.7,0.3 font ',10'",
                    cli_color(0));
    snprintf(
        caption, sizeof(caption),
        "Roofline of %.40s: the line is what it could do at most, points what operators and the "
        "kernels of training steps reached. Points above it worked in caches.",
        text(device, "id"));
    cli_page_figure(p, &f, caption);
    json_decref(points);
}

/* ---- Models over batch sizes and methods ------------------------------------------------ */

/* Points of the results with a method (NULL: any batch size but 8 counts for LoRA). */
static void over_batches(cli_page *p, const json_t *document, const char *key, bool inverse,
                         const char *axis, const char *caption)
{
    cli_figure f;
    int drawn = 0;
    cli_figure_begin(&f, 720, 360);
    for (size_t d = 0; d < device_count(document); d++) {
        size_t i;
        const json_t *r;
        int points = 0;
        cli_figure_line(&f, "$batch%zu << EOD", d);
        json_array_foreach(results_of(document, d), i, r)
        {
            if (strcmp(text(r, "method"), "lora") != 0 || !json_object_get(r, key) ||
                strncmp(text(r, "name"), "train", 5) != 0)
                continue;
            double y = number(r, key);
            cli_figure_line(&f, "%.0f %.6g", number(r, "batch_size"), inverse ? 1e3 / y : y);
            points++;
        }
        cli_figure_line(&f, "EOD");
        drawn = points > drawn ? points : drawn;
    }
    cli_figure_set(&f, "xlabel", "images in a batch");
    cli_figure_set(&f, "ylabel", axis);
    cli_figure_line(&f, "set logscale x 2\nset yrange [0:*]\nset key outside top horizontal");
    for (size_t d = 0; d < device_count(document); d++) {
        const json_t *device = json_array_get(json_object_get(document, "devices"), d);
        cli_figure_plot(&f, text(device, "id"), "$batch%zu using 1:2 with linespoints lt %zu", d,
                        d + 1);
    }
    if (drawn > 1) { /* one point is no curve */
        cli_page_figure(p, &f, caption);
        return;
    }
    fclose(f.script);
    free(f.text);
}

/* ---- Tables ----------------------------------------------------------------------------- */

static void number_cell(cli_page *p, const json_t *r, const char *key, double scale, int digits)
{
    const json_t *value = json_object_get(r, key);
    if (json_is_number(value))
        cli_page_text(p, "td class=\"number\"", "%.*f", digits, scale * json_number_value(value));
    else
        cli_page_text(p, "td class=\"number\"", "-");
}

static void results_table(cli_page *p, const json_t *document)
{
    cli_page_html(p, "<table>\n<tr><th>device</th><th>what</th><th class=\"number\">median</th>"
                     "<th class=\"number\">min</th><th class=\"number\">max</th><th>unit</th>"
                     "<th class=\"number\">% of peak</th><th class=\"number\">device MiB</th>"
                     "<th></th></tr>\n");
    for (size_t d = 0; d < device_count(document); d++) {
        const json_t *device = json_array_get(json_object_get(document, "devices"), d), *r;
        size_t i;
        json_array_foreach(json_object_get(device, "results"), i, r)
        {
            double x = number(r, "value");
            int digits = x < 10.0 ? 3 : x < 1000.0 ? 1 : 0;
            cli_page_html(p, "<tr>");
            cli_page_text(p, "td", "%s", text(device, "id"));
            cli_page_text(p, "td", "%s", text(r, "name"));
            number_cell(p, r, "value", 1.0, digits);
            number_cell(p, r, "min", 1.0, digits);
            number_cell(p, r, "max", 1.0, digits);
            cli_page_text(p, "td", "%s", text(r, "unit"));
            number_cell(p, r, "share_of_peak", 100.0, 0);
            number_cell(p, r, "peak_device_mib", 1.0, 0);
            cli_page_text(p, "td", "%s", json_is_true(json_object_get(r, "busy")) ? "busy" : "");
            cli_page_html(p, "</tr>\n");
        }
    }
    cli_page_html(p, "</table>\n");
}

static void kernels_table(cli_page *p, const json_t *device, const json_t *result)
{
    size_t i;
    const json_t *k, *kernels = json_object_get(result, "kernels");
    double total = 0.0;
    json_array_foreach(kernels, i, k) total += number(k, "milliseconds");
    if (!json_array_size(kernels) || total <= 0.0)
        return;
    cli_page_text(p, "h3", "%s: %s", text(device, "id"), text(result, "name"));
    cli_page_html(p, "<table>\n<tr><th>kernel</th><th class=\"number\">ms</th><th class=\"number\">"
                     "% of the step</th><th class=\"number\">% of peak</th></tr>\n");
    json_array_foreach(kernels, i, k)
    {
        if (number(k, "milliseconds") < 0.01 * total)
            continue;
        cli_page_html(p, "<tr>");
        cli_page_text(p, "td", "%s", text(k, "name"));
        number_cell(p, k, "milliseconds", 1.0, 2);
        number_cell(p, k, "milliseconds", 100.0 / total, 1);
        number_cell(p, k, "share_of_peak", 100.0, 0);
        cli_page_html(p, "</tr>\n");
    }
    cli_page_html(p, "</table>\n");
}

static void sheet(cli_page *p, const json_t *device)
{
    const char *name;
    json_t *value;
    cli_page_text(p, "h3", "%s", text(device, "id"));
    cli_page_text(p, "p", "%s, %s, %s", text(device, "name"), text(device, "driver"),
                  text(device, "type"));
    cli_page_html(p, "<details><summary>limits, features, kernels</summary><table>\n");
    json_object_foreach(json_object_get(device, "facts"), name, value)
    {
        cli_page_html(p, "<tr>");
        cli_page_text(p, "td", "%s", name);
        cli_page_text(p, "td", "%s", json_string_value(value));
        cli_page_html(p, "</tr>\n");
    }
    cli_page_html(p, "</table></details>\n");
}

static void notes(cli_page *p, const json_t *document)
{
    size_t i, k;
    const json_t *device, *item;
    cli_page_text(p, "h2", "What failed, and what was left out");
    cli_page_html(p, "<ul>\n");
    json_array_foreach(json_object_get(document, "devices"), i, device)
    {
        json_array_foreach(json_object_get(device, "failures"), k, item)
        {
            cli_page_text(p, "li", "%s, %s: %s", text(device, "id"), text(item, "name"),
                          text(item, "why"));
        }
    }
    json_array_foreach(json_object_get(document, "notes"), i, item)
        cli_page_text(p, "li", "%s", json_string_value(item));
    json_array_foreach(json_object_get(document, "not_measured"), i, item)
        cli_page_text(p, "li", "not measured: %s", json_string_value(item));
    cli_page_html(p, "</ul>\n");
}

void bench_report(cli_page *p, const json_t *document)
{
    const json_t *machine = json_object_get(document, "machine"), *device, *r;
    size_t i, k;
    cli_page_text(p, "p", "%s, %d threads, %s. graft %s, commit %s, %s.",
                  text(machine, "processor"), (int)number(machine, "threads"),
                  text(machine, "system"), text(document, "graft"), text(document, "commit"),
                  text(machine, "date"));
    cli_page_text(p, "h2", "Devices");
    json_array_foreach(json_object_get(document, "devices"), i, device) sheet(p, device);
    cli_page_text(p, "h2", "Figures");
    results_table(p, document);
    bars(p, document, "GFLOP/s", "share_of_peak", 100.0, "% of what the device could do",
         "Products, as a share of what each device could do at most.");
    bars(p, document, "GB/s", "gb_per_s", 1.0, "GB/s", "Memory, and operators that it holds up.");
    bars(p, document, "images/s", "images_per_s", 1.0, "images/s",
         "Training steps and inference, in images a second.");
    bars(p, document, "us", "value", 1.0, "microseconds",
         "One submission that is waited for, and one launch of many.");
    over_batches(p, document, "images_per_s", true, "ms for an image",
                 "What an image of a LoRA training step costs, over the size of a batch.");
    over_batches(p, document, "peak_device_mib", false, "MiB",
                 "Memory that LoRA training takes on the device, over the size of a batch.");
    cli_page_text(p, "h2", "Rooflines");
    json_array_foreach(json_object_get(document, "devices"), i, device) roofline(p, device);
    cli_page_text(p, "h2", "Where the time of training steps goes");
    json_array_foreach(json_object_get(document, "devices"), i, device)
    {
        json_array_foreach(json_object_get(device, "results"), k, r) kernels_table(p, device, r);
    }
    notes(p, document);
}
