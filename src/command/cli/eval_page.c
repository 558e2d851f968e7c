/* The page of a report: one file that shows all of it. */
#include "command/cli/eval_report.h"
#include "command/console/page.h"
#include "command/plot/gnuplot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void percent_cell(cli_page *p, double value)
{
    cli_page_text(p, "td class=\"number\"", isnan(value) ? "-" : "%.2f%%", 100.0 * value);
}

static void count_cell(cli_page *p, int64_t value)
{
    char text[32];
    cli_page_text(p, "td class=\"number\"", "%s", cli_grouped(value, text));
}

static void summary(cli_page *p, const eval_report *r)
{
    cli_page_html(p, "<table>\n<tr><th>data</th><th>split</th><th class=\"number\">images</th>"
                     "<th class=\"number\">accuracy</th>");
    cli_page_text(p, "th class=\"number\"", "top %d", r->top);
    cli_page_html(p, "<th class=\"number\">loss</th><th class=\"number\">macro F1</th>"
                     "<th class=\"number\">calibration error</th></tr>\n<tr>");
    cli_page_text(p, "td", "%s", r->data);
    cli_page_text(p, "td", "%s", r->split);
    count_cell(p, (int64_t)r->count);
    percent_cell(p, r->accuracy);
    percent_cell(p, r->top_accuracy);
    cli_page_text(p, "td class=\"number\"", "%.4f", r->loss);
    cli_page_text(p, "td class=\"number\"", "%.4f", r->macro_f1);
    percent_cell(p, r->calibration_error);
    cli_page_html(p, "</tr></table>\n");
}

static void axis_names(cli_figure *f, const eval_report *r)
{
    char text[32];
    cli_figure_line(f, "set xtics rotate by -60\nset tics font ',10'");
    for (int axis = 0; axis < 2; axis++)
        for (int c = 0; c < r->classes && f->script; c++) {
            fprintf(f->script, "set %ctics %s(", "xy"[axis], c ? "add " : "");
            gr_gnuplot_quote(f->script, eval_class_name(r, c, text));
            fprintf(f->script, " %d)\n", c);
        }
}

/* Names of classes stand at the axes as long as they can be read. */
static void confusion_figure(cli_page *p, const eval_report *r)
{
    enum { MOST_NAMES = 40 };
    int side = 420 + 12 * (r->classes < MOST_NAMES ? r->classes : MOST_NAMES);
    cli_figure f;
    cli_figure_begin(&f, side + 120, side);
    cli_figure_line(&f, "$confusion << EOD");
    for (int c = 0; c < r->classes; c++) {
        double images = r->by_class[c].images ? (double)r->by_class[c].images : 1.0;
        for (int k = 0; k < r->classes && f.script; k++)
            fprintf(f.script, "%.4f ", 100.0 * (double)r->confusion[c * r->classes + k] / images);
        cli_figure_line(&f, "%s", "");
    }
    cli_figure_line(&f,
                    "EOD\nunset key\nset yrange [%d.5:-0.5]\n"
                    "set xrange [-0.5:%d.5]\nset cbrange [0:100]\nset cblabel '%% of the class'\n"
                    "set palette defined (0 '#ffffff', 100 '#0072b2')\nset xlabel 'predicted'\n"
                    "set ylabel 'class'\nset tics out nomirror",
                    r->classes - 1, r->classes - 1);
    if (r->classes <= MOST_NAMES)
        axis_names(&f, r);
    cli_figure_plot(&f, NULL, "$confusion matrix with image pixels");
    cli_page_figure(p, &f,
                    "Confusion matrix: what images of each class were taken for, in percent "
                    "of the class. The numbers stand in confusion.csv.");
}

static void calibration_figure(cli_page *p, const eval_report *r)
{
    cli_figure f;
    cli_figure_begin(&f, 0, 0);
    cli_figure_line(&f, "$bins << EOD");
    for (int b = 0; b < EVAL_BINS; b++)
        if (r->bins[b].images)
            cli_figure_line(&f, "%.6f %.6f", r->bins[b].confidence, r->bins[b].accuracy);
    cli_figure_line(&f, "EOD\nset xrange [0:1]\nset yrange [0:1]\nset xlabel 'probability'\n"
                        "set ylabel 'accuracy'\nset key top left");
    cli_figure_plot(&f, "as sure as right", "x with lines dashtype 2 linecolor '#999999'");
    cli_figure_plot(&f, "this model", "$bins using 1:2 with linespoints linetype 1 pointtype 7");
    cli_page_figure(p, &f,
                    "Calibration: how often the model is right where it says so with a "
                    "probability, in tenths.");
}

static void classes_table(cli_page *p, const eval_report *r)
{
    char text[32];
    cli_page_html(p, "<table>\n<tr><th>class</th><th class=\"number\">images</th>"
                     "<th class=\"number\">precision</th><th class=\"number\">recall</th>"
                     "<th class=\"number\">F1</th></tr>\n");
    for (int c = 0; c < r->classes; c++) {
        const eval_class *k = &r->by_class[c];
        cli_page_html(p, "<tr>");
        cli_page_text(p, "td", "%s", eval_class_name(r, c, text));
        count_cell(p, k->images);
        percent_cell(p, k->precision);
        percent_cell(p, k->recall);
        cli_page_text(p, "td class=\"number\"", isnan(k->f1) ? "-" : "%.4f", k->f1);
        cli_page_html(p, "</tr>\n");
    }
    cli_page_html(p, "</table>\n");
}

/* ---- Thumbnails, as bitmaps in the page itself ------------------------------------------- */

enum { BMP_HEAD = 54, BMP_BYTES = BMP_HEAD + 3 * EVAL_THUMBNAIL * EVAL_THUMBNAIL };

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

/* 24 bits, the last row first, blue lowest; a row is a multiple of 4 bytes. */
static void make_bitmap(const uint8_t *pixels, uint8_t out[BMP_BYTES])
{
    memset(out, 0, BMP_HEAD);
    memcpy(out, "BM", 2);
    put_u32(out + 2, BMP_BYTES);
    put_u32(out + 10, BMP_HEAD);
    put_u32(out + 14, 40);
    put_u32(out + 18, EVAL_THUMBNAIL);
    put_u32(out + 22, EVAL_THUMBNAIL);
    put_u32(out + 26, 1u | 24u << 16);
    for (int y = 0; y < EVAL_THUMBNAIL; y++)
        for (int x = 0; x < EVAL_THUMBNAIL; x++)
            for (int c = 0; c < 3; c++)
                out[BMP_HEAD + 3 * (y * EVAL_THUMBNAIL + x) + c] =
                    pixels[3 * ((EVAL_THUMBNAIL - 1 - y) * EVAL_THUMBNAIL + x) + 2 - c];
}

/* RFC 4648, for whole groups of three bytes. */
static void put_base64(FILE *out, const uint8_t *bytes, int count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i + 2 < count; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        for (int d = 3; d >= 0; d--)
            fputc(digits[group >> (6 * d) & 63], out);
    }
}
_Static_assert(BMP_BYTES % 3 == 0, "base64 needs no padding");

static void mistake(cli_page *p, const eval_report *r, const eval_image *image)
{
    static uint8_t bitmap[BMP_BYTES];
    char label[32], predicted[32];
    cli_page_html(p, "<figure class=\"mistake\"><img alt=\"\" src=\"data:image/bmp;base64,");
    make_bitmap(image->pixels, bitmap);
    if (p->out)
        put_base64(p->out, bitmap, BMP_BYTES);
    cli_page_html(p, "\">");
    cli_page_text(p, "figcaption", "%s: %s, taken for %s (%.1f%%)", image->name,
                  eval_class_name(r, image->label, label),
                  eval_class_name(r, image->top[0], predicted),
                  100.0 * (double)image->probability[0]);
    cli_page_html(p, "</figure>\n");
}

static void mistakes(cli_page *p, const eval_report *r)
{
    cli_page_html(p,
                  "<style>.mistakes { display: flex; flex-wrap: wrap; gap: 1rem; } "
                  ".mistake { width: 11rem; margin: 0; overflow-wrap: anywhere; } "
                  ".mistake img { width: 96px; height: 96px; }</style>\n<h2>Worst mistakes</h2>\n");
    cli_page_text(p, "p class=\"note\"", "%s",
                  r->worst_count ? "Wrong and sure of it, the surest first; images as the network "
                                   "sees them."
                                 : "None: every image was recognised.");
    cli_page_html(p, "<div class=\"mistakes\">\n");
    for (int i = 0; i < r->worst_count; i++)
        mistake(p, r, &r->images[r->worst[i]]);
    cli_page_html(p, "</div>\n");
}

graft_status eval_report_page(eval_report *r, char **html)
{
    cli_page page;
    cli_page_begin(&page, r->c, "Evaluation");
    summary(&page, r);
    cli_page_html(&page, "<h2>Confusion</h2>\n");
    confusion_figure(&page, r);
    cli_page_html(&page, "<h2>Calibration</h2>\n");
    calibration_figure(&page, r);
    mistakes(&page, r);
    cli_page_html(&page, "<h2>Classes</h2>\n");
    classes_table(&page, r);
    graft_status status = cli_page_end(&page);
    *html = status == GRAFT_OK ? page.text : NULL;
    return status;
}
