/* docs/methods.md, made from the option tables. */
#include "command/cli/methods.h"

#include "command/console/output.h"

#include <stdio.h>

static const struct {
    const char *heading, *model;
} counted[] = {
    {"ViT-B/16", "vit_base_patch16_224"},
    {"ViT-L/16", "vit_large_patch16_224"},
    {"Swin-B", "swin_base_patch4_window7_224"},
};

enum { COUNTED = sizeof(counted) / sizeof(counted[0]) };

static graft_status print_overview(cli *c)
{
    graft_method_info m;
    printf("| method | what is trained |");
    for (int i = 0; i < COUNTED; i++)
        printf(" %s |", counted[i].heading);
    printf(" `graft merge` | source |\n|---|---|");
    for (int i = 0; i < COUNTED; i++)
        printf("---:|");
    printf("---|---|\n");
    for (int i = 0; graft_method_get_info(i, &m); i++) {
        printf("| `%s` | %s |", m.name, m.summary);
        for (int k = 0; k < COUNTED; k++) {
            int64_t count;
            char text[32];
            CLI_TRY(cli_count_fitting(c, counted[k].model, m.name, &count));
            printf(" %s |", cli_count_text(count, text));
        }
        printf(" %s%s | %s |\n", m.not_foldable ? "no: " : "yes",
               m.not_foldable ? m.not_foldable : "", m.source);
    }
    return GRAFT_OK;
}

/* A bar would end the cell. */
static void print_allowed(const char *text)
{
    for (; *text; text++)
        printf("%s%c", *text == '|' ? "\\" : "", *text);
}

static void print_options(int method, const graft_method_info *m)
{
    const graft_setting *s;
    char allowed[GRAFT_SETTING_TEXT_SIZE];
    printf("\n## %s\n\n%s (%s).\n\n", m->name, m->summary, m->source);
    if (m->option_count == 0) {
        printf("No options.\n");
        return;
    }
    printf("| option | default | allowed | meaning |\n|---|---|---|---|\n");
    for (int i = 0; (s = graft_method_setting(method, i)); i++) {
        const char *quote = s->default_value ? "`" : "";
        printf("| `%s.%s` | %s%s%s | ", m->name, s->key, quote,
               s->default_value ? s->default_value : s->unset, quote);
        print_allowed(graft_setting_allowed(s, allowed));
        printf(" | %s |\n", s->help);
    }
}

graft_status cli_print_methods_markdown(cli *c)
{
    graft_method_info m;
    printf("# Fine-tuning methods\n\n"
           "This page is generated: `graft methods --markdown > docs/methods.md`.\n\n"
           "`--method` takes one name or several with `+` between them, such as `freqfit+lora`, "
           "and `--set` an option of one of them, such as `--set lora.r=4`. Methods that meet at "
           "one place of the network act in the order of this table, whatever order they are named "
           "in. The head is always trained and not counted: the counts are trainable parameters "
           "without it, with the default options, at 224x224 pixels; a dash stands where the "
           "method does not fit the backbone.\n\n");
    CLI_TRY(print_overview(c));
    for (int i = 0; graft_method_get_info(i, &m); i++)
        print_options(i, &m);
    return GRAFT_OK;
}
