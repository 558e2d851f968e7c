/* Runs the operator cases of groups and single ones: `ops matmul "softmax 2x3x7"`, or all.
 * `--every-row` forces each row of src/kernels, or those named ("matmul=panel8"), by turns; rows
 * for classes of GPUs on CPUs behind OpenCL only with `--everywhere`, which takes minutes.
 * `--small` treats all devices as slow ones: plain forms of small sizes. `--coverage` runs nothing:
 * it checks that every operator of src/ops/list.h has a case. */
#include "cases.h"

#include "base/mem.h"
#include "kernels/choose.h"
#include "passes/passes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const gr_op *const all_ops[] = {
#define GR_OP(name) &gr_op_##name,
#include "ops/list.h"
#undef GR_OP
};

enum { OP_COUNT = sizeof(all_ops) / sizeof(all_ops[0]) };

const op_group *const op_groups[] = {
#define GROUP(name) &op_group_##name,
    OP_GROUP_LIST(GROUP)
#undef GROUP
};

const int op_group_count = OP_CASE_COUNT(op_groups);

void op_failure(op_context *c, const op_case *test, op_form form, const char *device,
                const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    print_error("%s, %s, %s: %s\n", test->name, op_form_names[form], device, text);
    c->failures++;
}

static void run_job(void **state)
{
    const op_job *job = *state;
    op_check_case(job->context, job->group, job->test);
}

/* CPU drivers that take a minute where others take a second. */
static bool is_slow_driver(const gr_device *device)
{
    const graft_device_info *info = &device->info;
    bool rusticl = strncmp(info->id, "opencl", 6) == 0 && strstr(info->name, "llvmpipe");
    return rusticl || strstr(info->name, "SwiftShader") || strstr(info->name, "Oclgrind");
}

/* Their compilers make loops over work-items between barriers. */
static bool is_opencl_cpu(const gr_device *device)
{
    return device->info.type == GRAFT_DEVICE_CPU && strncmp(device->info.id, "opencl", 6) == 0;
}

static void note_slow_devices(op_context *c)
{
    for (int i = 0; i < c->devices->gpu_count; i++) {
        c->slow[i] = c->small || is_slow_driver(c->devices->gpu[i]);
        if (c->slow[i])
            print_message("device %s: small sizes in plain form only\n",
                          c->devices->gpu[i]->info.id);
    }
}

static void print_figures(const op_context *c)
{
    const test_devices *d = c->devices;
    print_message("worst error: of values, absolute; of gradients, of the largest\n%-14s", "");
    for (int i = 0; i < d->gpu_count; i++)
        print_message(" %17s", d->gpu[i]->info.id);
    for (int n = 0; n < OP_COUNT; n++) {
        const op_figures *f = &c->figures[n];
        double sum = 0;
        for (int i = 0; i < d->gpu_count; i++)
            sum += f->value[i] + f->gradient[i];
        if (sum == 0)
            continue;
        print_message("\n%-14s", f->op->name);
        for (int i = 0; i < d->gpu_count; i++)
            print_message("  %7.1e %7.1e", f->value[i], f->gradient[i]);
    }
    print_message("\n");
}

static bool is_wanted(char *const *wanted, int count, const op_group *group, const op_case *test)
{
    for (int i = 0; i < count; i++)
        if (strcmp(wanted[i], group->name) == 0 || strcmp(wanted[i], test->name) == 0)
            return true;
    return count == 0;
}

static int run_groups(op_context *c, char *const *wanted, int count)
{
    int total = 0, made = 0;
    for (int g = 0; g < op_group_count; g++)
        total += op_groups[g]->count;
    struct CMUnitTest *tests = gr_alloc_array(NULL, (size_t)total, sizeof(*tests));
    op_job *jobs = gr_alloc_array(tests, (size_t)total, sizeof(*jobs));
    if (!jobs)
        return 1;
    for (int g = 0; g < op_group_count; g++)
        for (int i = 0; i < op_groups[g]->count; i++) {
            const op_group *group = op_groups[g];
            if (!is_wanted(wanted, count, group, &group->cases[i]))
                continue;
            jobs[made] = (op_job){c, group, &group->cases[i]};
            tests[made] = (struct CMUnitTest){
                .name = group->cases[i].name, .test_func = run_job, .initial_state = &jobs[made]};
            made++;
        }
    int failures = made ? _cmocka_run_group_tests("ops", tests, (size_t)made, NULL, NULL) : 1;
    gr_free(tests);
    return failures;
}

static void note_ops(const op_build *b, bool *seen)
{
    for (int id = 0; id < gr_graph_count(b->graph); id++)
        for (int n = 0; n < OP_COUNT; n++)
            seen[n] |= gr_graph_at(b->graph, id)->op == all_ops[n];
}

/* An operator has a case when one is for it, or, if it has no gradient itself, when the gradients
 * of some case use it. */
static void every_operator_has_a_case(void **state)
{
    bool covered[OP_COUNT] = {false}, seen[OP_COUNT] = {false};
    graft_log *log = test_log_create();
    for (int g = 0; g < op_group_count; g++)
        for (int i = 0; i < op_groups[g]->count; i++) {
            const op_case *test = &op_groups[g]->cases[i];
            for (int n = 0; n < OP_COUNT; n++)
                covered[n] |= all_ops[n] == test->op;
            if (test->flags & (OP_BIG | OP_NO_GRADIENT))
                continue;
            op_build b = {.params = ~0u};
            gr_value *params[OP_MAX_OPERANDS], *grads[OP_MAX_OPERANDS];
            op_build_open(&b, log, test, OP_PLAIN);
            op_build_loss(&b);
            for (int k = 0; k < b.count; k++)
                params[k] = b.operand[k].value;
            gr_graph_gradients(b.graph, b.loss, params, b.count, grads);
            note_ops(&b, seen);
            op_build_close(&b);
        }
    for (int n = 0; n < OP_COUNT; n++)
        if (!covered[n] && (all_ops[n]->grad || !seen[n]))
            fail_msg("operator %s has no case in tests/ops", all_ops[n]->name);
    graft_log_destroy(&log);
}

/* Cases that use a kernel of src/kernels, with edges of every kind: each row is compiled for them.
 */
static const struct {
    const char *kernel, *cases[6];
} row_cases[] = {
    {"matmul_split", {"matmul 5x1300x7 TN"}},
    {"matmul",
     {"matmul 33x17x31", "matmul 5x3x7 TT", "matmul linear 3x2x5x7x1",
      "matmul attention of one head", "matmul into gaps", "matmul batched 2x3x5x4x6"}},
    {"conv2d", {"conv2d 3x3"}},
    {"permute", {"permute six axes"}},
    {"dft", {"rfft2 7x7", "irfft2 4x4"}},
    {"layer_norm", {"layer_norm 3x1x65"}},
    {"softmax", {"softmax 3x1x65"}},
    {"reduce_rows", {"reduce"}},
    {"unary", {"unary gelu 257", "unary relu 13x7"}},
};

/* Runs the cases of the row's kernel; returns how many failed. */
static int run_row(op_context *c, const gr_variant *row)
{
    for (size_t i = 0; i < sizeof(row_cases) / sizeof(row_cases[0]); i++) {
        if (strncmp(row->kernel, row_cases[i].kernel, strlen(row_cases[i].kernel)) != 0)
            continue;
        char *wanted[6];
        int count = 0;
        while (count < 6 && row_cases[i].cases[count]) {
            wanted[count] = (char *)row_cases[i].cases[count];
            count++;
        }
        return run_groups(c, wanted, count);
    }
    print_error("kernel %s: no cases are known to use it\n", row->kernel);
    return 1;
}

/* Forces a row of src/kernels on every device that can run it; false: on none. Own kernels are
 * taken for problems of any size; libraries ask for more at each new one. */
static bool force_row(const test_devices *d, const gr_variant *row, bool everywhere)
{
    static const gr_variant *rows[TEST_MAX_DEVICES][GR_MAX_FORCED + 1];
    char text[64];
    bool any = false;
    snprintf(text, sizeof(text), "%s=%s", row->kernel, row->name);
    for (int i = 0; i < d->gpu_count; i++) {
        rows[i][0] = NULL;
        d->gpu[i]->forced = rows[i];
        if (row->needs.vector_bits && is_slow_driver(d->gpu[i]))
            print_message("%s: skipped, the compiler of %s takes minutes for long vectors\n", text,
                          d->gpu[i]->info.id);
        else if (row->needs.classes && is_opencl_cpu(d->gpu[i]) && !everywhere)
            print_message("%s: skipped, %s compiles it for half a minute: --everywhere\n", text,
                          d->gpu[i]->info.id);
        else if (gr_variants_force(d->gpu[i], "row", text, rows[i]) == GRAFT_OK)
            any = true;
        else
            print_message("%s: skipped, %s cannot run it\n", text, d->gpu[i]->info.id);
    }
    if (any)
        print_message("row %s\n", text);
    return any;
}

/* What measures a device is no operator: graft_peak_create checks its results. */
static bool is_of_operator(const gr_variant *row)
{
    return strncmp(row->kernel, "peak_", 5) != 0;
}

/* All rows are, unless some are named: "matmul=tile8x8". */
static bool is_named(const gr_variant *row, char **wanted, int count)
{
    char text[64];
    snprintf(text, sizeof(text), "%s=%s", row->kernel, row->name);
    for (int i = 0; i < count; i++)
        if (strcmp(wanted[i], text) == 0)
            return true;
    return count == 0;
}

static int run_every_row(op_context *c, char **wanted, int count, bool everywhere)
{
    int failures = 0;
    for (int i = 0; i < gr_variant_count; i++)
        if (is_of_operator(&gr_variants[i]) && is_named(&gr_variants[i], wanted, count) &&
            force_row(c->devices, &gr_variants[i], everywhere))
            failures += run_row(c, &gr_variants[i]);
    return failures;
}

int main(int argc, char **argv)
{
    bool every_row = false, everywhere = false;
    op_figures figures[OP_COUNT + 1] = {0};
    op_context context = {.figures = figures};
    int wanted = 0;
    for (int n = 0; n < OP_COUNT; n++)
        figures[n].op = all_ops[n];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--coverage") == 0)
            return cmocka_run_group_tests(
                ((const struct CMUnitTest[]){cmocka_unit_test(every_operator_has_a_case)}), NULL,
                NULL);
        if (strcmp(argv[i], "--small") == 0)
            context.small = true;
        else if (strcmp(argv[i], "--everywhere") == 0)
            everywhere = true;
        else if (strcmp(argv[i], "--every-row") == 0)
            every_row = context.small = true;
        else
            argv[wanted++] = argv[i];
    }
    void *state = NULL;
    int failures = 1;
    if (test_devices_open(&state) == 0) {
        context.devices = state;
        note_slow_devices(&context);
        failures = !context.devices->reference ? 77
                   : every_row                 ? run_every_row(&context, argv, wanted, everywhere)
                                               : run_groups(&context, argv, wanted);
        if (context.devices->reference)
            print_figures(&context);
    }
    test_devices_close(&state);
    return failures;
}
