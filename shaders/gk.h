/* The kernel dialect: a subset of C that becomes GLSL 4.50 (SPIR-V) and OpenCL C 1.2.
 * shaders/README.md documents every macro. GK_OPENCL is defined for OpenCL only. */
#ifdef GK_OPENCL

#define FN                  static
#define F32(x)              ((float)(x))
#define U32(x)              ((uint)(x))
#define I32(x)              ((int)(x))
#define VEC2(a, b)          ((float2)(a, b))
#define VEC4(a, b, c, d)    ((float4)(a, b, c, d))
#define UVEC4(a, b, c, d)   ((uint4)(a, b, c, d))
#define vec2                float2
#define vec4                float4
#define uvec4               uint4
#define BITS_TO_F32(x)      as_float(x)
#define F32_TO_BITS(x)      as_uint(x)
#define MUL_HI(a, b)        ((uint)(((ulong)(uint)(a) * (uint)(b)) >> 32)) /* vectorises on CPUs */
#define FMA(a, b, c)        fma(a, b, c)
#define RSQRT(x)            rsqrt(x)
#define ABS(x)              fabs(x)
#define FMAX(a, b)          fmax(a, b)
#define FMIN(a, b)          fmin(a, b)
#define UMIN(a, b)          min((uint)(a), (uint)(b))
#define UMAX(a, b)          max((uint)(a), (uint)(b))

#define GROUP_ID(axis)      ((uint)get_group_id(axis))
#define GROUP_COUNT(axis)   ((uint)get_num_groups(axis))
#define LOCAL_ID            ((uint)get_local_id(0))
#define SYNC()              barrier(CLK_LOCAL_MEM_FENCE)

#define GK_FIELD(type, name) type name;
#define GK_ARG_RO(slot, type, name) __global const type *name##_buffer, const ulong name##_offset,
#define GK_ARG_RW(slot, type, name) __global type *name##_buffer, const ulong name##_offset,
#define GK_PTR_RO(slot, type, name) __global const type *restrict name = name##_buffer + name##_offset;
#define GK_PTR_RW(slot, type, name) __global type *restrict name = name##_buffer + name##_offset;

#define SHARED(type, name, count)   __local type name[count];
#define TUNABLE(id, name, value)
#define KERNEL(name, BUFFERS, PARAMS, shared_arrays)                                               \
    typedef struct {                                                                               \
        PARAMS(GK_FIELD)                                                                           \
    } gk_##name##_params;                                                                          \
    __kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void name(                            \
        BUFFERS(GK_ARG_RO, GK_ARG_RW) const gk_##name##_params p)                                  \
    {                                                                                              \
        BUFFERS(GK_PTR_RO, GK_PTR_RW) shared_arrays
#define KERNEL_END }

#else /* GLSL */

#define FN
#define F32(x)              float(x)
#define U32(x)              uint(x)
#define I32(x)              int(x)
#define VEC2(a, b)          vec2(a, b)
#define VEC4(a, b, c, d)    vec4(a, b, c, d)
#define UVEC4(a, b, c, d)   uvec4(a, b, c, d)
#define BITS_TO_F32(x)      uintBitsToFloat(x)
#define F32_TO_BITS(x)      floatBitsToUint(x)
uint gk_mul_hi(uint a, uint b)
{
    uint high, low;
    umulExtended(a, b, high, low);
    return high;
}
#define MUL_HI(a, b)        gk_mul_hi(a, b)
#define FMA(a, b, c)        fma(a, b, c)
#define RSQRT(x)            inversesqrt(x)
#define ABS(x)              abs(x)
#define FMAX(a, b)          max(a, b)
#define FMIN(a, b)          min(a, b)
#define UMIN(a, b)          min(uint(a), uint(b))
#define UMAX(a, b)          max(uint(a), uint(b))

#define GROUP_ID(axis)      (gl_WorkGroupID[axis])
#define GROUP_COUNT(axis)   (gl_NumWorkGroups[axis])
#define LOCAL_ID            (gl_LocalInvocationID.x)
#define SYNC()              barrier()

#define GK_FIELD(type, name) type name;
#define GK_BIND_RO(slot, type, name) layout(std430, set = 0, binding = slot) readonly buffer gk_##name##_block { type name[]; };
#define GK_BIND_RW(slot, type, name) layout(std430, set = 0, binding = slot) buffer gk_##name##_block { type name[]; };

#define SHARED(type, name, count)   shared type name[count];
#define TUNABLE(id, name, value)    layout(constant_id = id) const uint name = value;
#define KERNEL(name, BUFFERS, PARAMS, shared_arrays)                                               \
    BUFFERS(GK_BIND_RO, GK_BIND_RW)                                                                \
    layout(push_constant) uniform gk_params { PARAMS(GK_FIELD) } p;                                \
    layout(local_size_x_id = 0) in;                                                                \
    shared_arrays void main()                                                                      \
    {
#define KERNEL_END }

#endif

#define GK_F32_MAX 3.402823466e38f

/* Element-wise kernels: work-item GLOBAL_ID of row GRID_ROW, no loop (CPUs vectorise this form).
 * Rows fill grid axis 1 and spill into axis 2, so that no axis passes 65535 groups. */
#define GLOBAL_ID   (GROUP_ID(0) * WG + LOCAL_ID)
#define GRID_ROW    (GROUP_ID(2) * GROUP_COUNT(1) + GROUP_ID(1))

/* Kernels with one work-group per row: that row, over grid axes 0 and 1. */
#define GROUP_INDEX (GROUP_ID(1) * GROUP_COUNT(0) + GROUP_ID(0))
