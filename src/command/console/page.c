#include "command/console/page.h"
#include "command/console/write.h"

#include "command/plot/gnuplot.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Told apart also by who does not see all colours (Okabe and Ito). */
const char *cli_color(int index)
{
    static const char *const colors[CLI_COLORS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                   "#e69f00", "#56b4e9", "#7a5195", "#333333"};
    return colors[index % CLI_COLORS];
}

static const char head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<style>\n"
    "body { font: 16px/1.5 sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; "
    "padding: 0 1rem; }\n"
    "h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }\n"
    "table { border-collapse: collapse; display: block; overflow-x: auto; } th, td { padding: "
    ".2rem .8rem .2rem 0; "
    "text-align: left; }\n"
    "th { border-bottom: 1px solid #999; } td.number, th.number { text-align: right; }\n"
    "figure { margin: 1.5rem 0; } figure svg { width: 100%; height: auto; }\n"
    "figcaption, .note { color: #555; font-size: .9rem; }\n"
    ":root { color-scheme: light dark; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "body { background: #16181a; color: #ddd; } figcaption, .note { color: #aaa; }\n"
    "figure svg, .swatch { filter: invert(.9) hue-rotate(180deg); } }\n" /* hues stay */
    "@media print { body { max-width: none; margin: 0; } figure, tr { break-inside: avoid; } }\n"
    ".swatch { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; }\n"
    "</style>\n";

static void fail(cli_page *p, const char *what)
{
    if (p->status == GRAFT_OK)
        p->status = cli_fail(p->c, GRAFT_ERR_MEMORY, "%s: out of memory", what);
}

static void escape(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        default:
            fputc(*text, out);
        }
}

void cli_page_html(cli_page *p, const char *html)
{
    if (p->out)
        fputs(html, p->out);
}

void cli_page_text(cli_page *p, const char *element, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int length = vasprintf(&text, fmt, args);
    va_end(args);
    if (length < 0) {
        fail(p, "page");
        return;
    }
    if (p->out) {
        fprintf(p->out, "<%s>", element);
        escape(p->out, text);
        fprintf(p->out, "</%.*s>\n", (int)strcspn(element, " "), element);
    }
    free(text);
}

void cli_page_begin(cli_page *p, cli *c, const char *title)
{
    *p = (cli_page){.c = c};
    p->out = open_memstream(&p->text, &p->size);
    if (!p->out)
        fail(p, "page");
    cli_page_html(p, head);
    cli_page_text(p, "title", "%s", title);
    cli_page_html(p, "</head>\n<body>\n");
    cli_page_text(p, "h1", "%s", title);
}

graft_status cli_page_end(cli_page *p)
{
    cli_page_html(p, "</body>\n</html>\n");
    if (p->out && !cli_close_whole(p->out))
        fail(p, "page");
    p->out = NULL;
    if (p->status != GRAFT_OK) {
        free(p->text);
        p->text = NULL;
    }
    return p->status;
}

void cli_figure_begin(cli_figure *f, int width, int height)
{
    *f = (cli_figure){.width = width, .height = height};
    f->script = open_memstream(&f->text, &f->size);
    for (int i = 0; i < CLI_COLORS; i++)
        cli_figure_line(f, "set linetype %d lc rgb '%s' lw 1.4 pt 7 ps 0.6", i + 1, cli_color(i));
    cli_figure_line(f,
                    "set linetype cycle %d\nset border lc rgb '#777777'\n"
                    "set grid xtics ytics lt 1 lc rgb '#dddddd' lw 0.7\n"
                    "set tics nomirror textcolor rgb '#222222'\nset style data lines",
                    CLI_COLORS);
}

static void end_plot(cli_figure *f)
{
    if (f->plotting)
        fputc('\n', f->script);
    f->plotting = false;
}

void cli_figure_line(cli_figure *f, const char *fmt, ...)
{
    if (!f->script)
        return;
    end_plot(f);
    va_list args;
    va_start(args, fmt);
    vfprintf(f->script, fmt, args);
    va_end(args);
    fputc('\n', f->script);
}

void cli_figure_plot(cli_figure *f, const char *title, const char *fmt, ...)
{
    if (!f->script)
        return;
    fputs(f->plotting ? ", " : "plot ", f->script);
    f->plotting = true;
    va_list args;
    va_start(args, fmt);
    vfprintf(f->script, fmt, args);
    va_end(args);
    fputs(title ? " title " : " notitle", f->script);
    if (title)
        gr_gnuplot_quote(f->script, title);
}

void cli_figure_set(cli_figure *f, const char *what, const char *text)
{
    if (!f->script)
        return;
    end_plot(f);
    fprintf(f->script, "set %s ", what);
    gr_gnuplot_quote(f->script, text);
    fputc('\n', f->script);
}

void cli_page_figure(cli_page *p, cli_figure *f, const char *caption)
{
    char *svg = NULL, error[256], name[32];
    snprintf(name, sizeof(name), "figure%d", ++p->figures);
    if (f->script)
        end_plot(f);
    if (!f->script || !cli_close_whole(f->script))
        fail(p, name);
    if (p->status == GRAFT_OK) {
        const gr_figure figure = {name, f->text, f->width, f->height};
        graft_status status = gr_gnuplot_svg(&figure, &svg, error);
        if (status != GRAFT_OK)
            p->status = cli_fail(p->c, status, "%s", error);
    }
    if (svg) {
        cli_page_html(p, "<figure>\n");
        cli_page_html(p, svg);
        cli_page_text(p, "figcaption", "%s", caption);
        cli_page_html(p, "</figure>\n");
    }
    free(svg);
    free(f->text);
    *f = (cli_figure){0};
}

graft_status cli_figures_possible(cli *c)
{
    char *svg, error[256];
    graft_status status = gr_gnuplot_svg(&(gr_figure){"try", "plot 0", 0, 0}, &svg, error);
    free(svg);
    return status == GRAFT_OK ? GRAFT_OK : cli_fail(c, status, "%s", error);
}
