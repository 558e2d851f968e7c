/* The order of the page: tables, sections, figures, and what is missing. */
#include "command/cli/analyze.h"
#include "command/console/output.h"

#include <math.h>
#include <string.h>

static void percent_cell(cli_page *p, double value)
{
    if (isnan(value))
        cli_page_text(p, "td class=\"number\"", "-");
    else
        cli_page_text(p, "td class=\"number\"", "%.2f%%", 100.0 * value);
}

static void count_cell(cli_page *p, double value)
{
    char text[32];
    cli_page_text(p, "td class=\"number\"", "%s",
                  isnan(value) ? "-" : cli_grouped((int64_t)value, text));
}

static void runs_table(cli_page *p, const json_t *runs)
{
    size_t i;
    const json_t *run;
    cli_page_html(p, "<table>\n<tr><th>run</th><th>method</th><th class=\"number\">trainable</th>"
                     "<th class=\"number\">without head</th><th class=\"number\">accuracy</th>"
                     "<th class=\"number\">best</th></tr>\n");
    json_array_foreach(runs, i, run)
    {
        cli_page_html(p, "<tr><td><span class=\"swatch\" style=\"background: ");
        cli_page_html(p, cli_color((int)i));
        cli_page_html(p, "\"></span>");
        cli_page_text(p, "span", "%s", cli_json_string(run, "name"));
        cli_page_html(p, "</td>");
        cli_page_text(p, "td", "%s", cli_json_string(run, "method"));
        count_cell(p, cli_json_number(run, "trainable"));
        count_cell(p, cli_json_number(run, "trainable_without_head"));
        percent_cell(p, cli_json_number(run, "accuracy"));
        percent_cell(p, cli_json_number(run, "best_accuracy"));
        cli_page_html(p, "</tr>\n");
    }
    cli_page_html(p, "</table>\n");
}

/* A heading, and under it what the report could not do. */
static void section(cli_page *p, const json_t *report, const char *title, const char *key)
{
    size_t i;
    const json_t *note;
    cli_page_text(p, "h2", "%s", title);
    json_array_foreach(json_object_get(report, "notes"), i, note)
    {
        if (strcmp(cli_json_string(note, "section"), key) == 0)
            cli_page_text(p, "p class=\"note\"", "%s", cli_json_string(note, "text"));
    }
}

void cli_analyze_page(cli_page *p, const json_t *report)
{
    const json_t *runs = json_object_get(report, "runs");
    section(p, report, "Runs", "runs");
    runs_table(p, runs);
    cli_page_html(p, "<p class=\"note\">A run has the colour of its row in all figures.</p>\n");
    cli_analyze_tradeoff(p, runs);
    section(p, report, "Training", "training");
    cli_analyze_curves(p, runs);
    section(p, report, "Singular values of the weights", "linears");
    cli_analyze_weights(p, json_object_get(report, "linears"));
    section(p, report, "Power spectra of the features", "features");
    cli_analyze_features(p, json_object_get(report, "features"));
    if (json_array_size(json_object_get(report, "filters"))) {
        section(p, report, "Learned filters", "filters");
        cli_analyze_filters(p, report);
    }
}
