/* 16-bit floats as they are stored: IEEE 754 binary16 (f16) and bfloat16 (bf16).
 *
 * To 16 bits: round to nearest, ties to even; too large becomes infinity; NaN stays NaN. Back is
 * exact. Integer arithmetic only, so that the flush-to-zero mode of the caller's thread, which some
 * OpenCL drivers set, does not matter. Thread-safety: safe.
 */
#ifndef GR_BASE_F16_H
#define GR_BASE_F16_H

#include <stddef.h>
#include <stdint.h>

float gr_f16_to_f32(uint16_t half);
float gr_bf16_to_f32(uint16_t half);
uint16_t gr_f32_to_f16(float value);
uint16_t gr_f32_to_bf16(float value);

/* Arrays of `count` elements that do not overlap. The 16-bit side may have any alignment. */
void gr_f16_to_f32_array(const void *in, float *out, size_t count);
void gr_bf16_to_f32_array(const void *in, float *out, size_t count);
void gr_f32_to_f16_array(const float *in, void *out, size_t count);
void gr_f32_to_bf16_array(const float *in, void *out, size_t count);

#endif
