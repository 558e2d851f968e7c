/* A look into SPIR-V before a driver gets it: drivers need not refuse what they cannot do, and
 * some crash or compute nonsense instead. Sizes that depend on specialisation constants are
 * computed here with the values of the tunables. Numbers are those of the SPIR-V specification. */
#include "backends/vulkan/vulkan.h"

#include "base/mem.h"

enum {
    OP_CAPABILITY = 17,
    OP_TYPE_INT = 21,
    OP_TYPE_FLOAT = 22,
    OP_TYPE_VECTOR = 23,
    OP_TYPE_ARRAY = 28,
    OP_TYPE_STRUCT = 30,
    OP_TYPE_POINTER = 32,
    OP_CONSTANT = 43,
    OP_SPEC_CONSTANT = 50,
    OP_SPEC_CONSTANT_OP = 52,
    OP_FUNCTION = 54,
    OP_VARIABLE = 59,
    OP_DECORATE = 71,

    DECORATION_SPEC_ID = 1,
    STORAGE_WORKGROUP = 4,
    CAPABILITY_SHADER = 1,
    CAPABILITY_SUBGROUP = 61, /* then vote, arithmetic, ... in the order of Vulkan's flags */
    CAPABILITY_SUBGROUP_LAST = 68,
};

/* What is known of each result id. */
typedef struct module {
    const gr_pipeline_spec *spec;
    uint32_t bound;     /* all ids are below */
    uint64_t *size;     /* types: bytes; pointer types: bytes of what they point to */
    uint32_t *value;    /* constants */
    uint32_t *constant; /* specialisation constants: id in the API plus 1 */
} module;

static uint32_t fold(uint32_t op, uint32_t a, uint32_t b)
{
    switch (op) {
    case 128: /* IAdd */
        return a + b;
    case 130: /* ISub */
        return a - b;
    case 132: /* IMul */
        return a * b;
    case 134: /* UDiv */
    case 135: /* SDiv */
        return b ? a / b : 0;
    case 137: /* UMod */
        return b ? a % b : 0;
    case 194: /* ShiftRightLogical */
        return b < 32 ? a >> b : 0;
    case 196: /* ShiftLeftLogical */
        return b < 32 ? a << b : 0;
    case 197: /* BitwiseOr */
        return a | b;
    case 199: /* BitwiseAnd */
        return a & b;
    case 170: /* IEqual */
        return a == b;
    case 171: /* INotEqual */
        return a != b;
    case 172: /* UGreaterThan */
        return a > b;
    case 174: /* UGreaterThanEqual */
        return a >= b;
    case 176: /* ULessThan */
        return a < b;
    case 178: /* ULessThanEqual */
        return a <= b;
    default:
        return 0; /* keeps the sum a lower bound */
    }
}

static uint32_t fold_instruction(const module *m, const uint32_t *word, uint32_t words)
{
    enum { SELECT = 169 };
    if (word[3] == SELECT && words > 6)
        return m->value[m->value[word[4]] ? word[5] : word[6]];
    if (words > 5)
        return fold(word[3], m->value[word[4]], m->value[word[5]]);
    return 0;
}

static uint32_t specialised(const module *m, uint32_t id, uint32_t value)
{
    uint32_t constant = m->constant[id];
    if (constant && constant <= m->spec->kernel->tunable_count)
        return m->spec->tunables[constant - 1];
    return value;
}

static void read_capability(uint32_t capability, gr_vk_needs *needs)
{
    if (capability >= CAPABILITY_SUBGROUP && capability <= CAPABILITY_SUBGROUP_LAST)
        needs->subgroup |= 1u << (capability - CAPABILITY_SUBGROUP);
    else if (capability > CAPABILITY_SHADER)
        needs->capability = capability;
}

static void read_instruction(module *m, const uint32_t *word, uint32_t words, gr_vk_needs *needs)
{
    switch (word[0] & 0xffff) {
    case OP_CAPABILITY:
        read_capability(word[1], needs);
        break;
    case OP_DECORATE:
        if (word[2] == DECORATION_SPEC_ID)
            m->constant[word[1]] = word[3] + 1;
        break;
    case OP_TYPE_INT:
    case OP_TYPE_FLOAT:
        m->size[word[1]] = word[2] / 8;
        break;
    case OP_TYPE_VECTOR:
        m->size[word[1]] = m->size[word[2]] * word[3];
        break;
    case OP_TYPE_ARRAY:
        m->size[word[1]] = m->size[word[2]] * m->value[word[3]];
        break;
    case OP_TYPE_STRUCT:
        for (uint32_t i = 2; i < words; i++)
            m->size[word[1]] += m->size[word[i]];
        break;
    case OP_TYPE_POINTER:
        m->size[word[1]] = m->size[word[3]];
        break;
    case OP_CONSTANT:
        m->value[word[2]] = word[3];
        break;
    case OP_SPEC_CONSTANT:
        m->value[word[2]] = specialised(m, word[2], word[3]);
        break;
    case OP_SPEC_CONSTANT_OP:
        m->value[word[2]] = fold_instruction(m, word, words);
        break;
    case OP_VARIABLE:
        if (word[3] == STORAGE_WORKGROUP)
            needs->shared_bytes += m->size[word[1]];
        break;
    }
}

/* Everything of interest stands before the first function. */
static void read_module(module *m, gr_vk_needs *needs)
{
    const gr_kernel *kernel = m->spec->kernel;
    for (uint32_t at = 5, words; at < kernel->spirv_words; at += words) {
        const uint32_t *word = kernel->spirv + at;
        words = word[0] >> 16;
        if (words == 0 || (word[0] & 0xffff) == OP_FUNCTION)
            break;
        read_instruction(m, word, words, needs);
    }
}

graft_status gr_vk_inspect(graft_log *log, const gr_pipeline_spec *spec, gr_vk_needs *out)
{
    *out = (gr_vk_needs){0};
    module *m = gr_alloc(NULL, sizeof(*m));
    if (m) {
        m->spec = spec;
        m->bound = spec->kernel->spirv[3];
        m->size = gr_alloc_array(m, m->bound, sizeof(*m->size));
        m->value = gr_alloc_array(m, m->bound, sizeof(*m->value));
        m->constant = gr_alloc_array(m, m->bound, sizeof(*m->constant));
    }
    bool ready = m && m->size && m->value && m->constant;
    if (ready)
        read_module(m, out);
    gr_free(m);
    return ready ? GRAFT_OK
                 : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory to read its SPIR-V",
                           spec->kernel->name);
}
