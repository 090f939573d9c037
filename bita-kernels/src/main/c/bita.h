/* The library's interface: one entry per kernel, each with the instruction set to use as its first argument. The
 * list below makes the table of every instruction set and the exported functions. What a kernel computes is defined
 * by ScalarKernels.java; its bits must be the same here. */
#ifndef BITA_H
#define BITA_H

#include <stdint.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* Order of InstructionSet.java. Macros, since the preprocessor compares them. */
#define BITA_GENERIC 0
#define BITA_NEON 1
#define BITA_AVX2 2
#define BITA_AVX512 3
#define BITA_AMX 4
#define BITA_INSTRUCTION_SETS 5

/* Order of Layout.java. */
enum {
    LAYOUT_F32,
    LAYOUT_F16,
    LAYOUT_BF16,
    LAYOUT_Q8,
    LAYOUT_Q8_MIN,
    LAYOUT_Q4,
    LAYOUT_Q4_MIN,
    LAYOUT_K8,
    LAYOUT_K8_MIN,
    LAYOUT_K8_16,
    LAYOUT_K4_MIN,
    LAYOUT_K4_MIN16
};

/* Order of NumberFormat.java. */
enum {
    FORMAT_F32,
    FORMAT_F16,
    FORMAT_BF16,
    FORMAT_Q8_0,
    FORMAT_Q4_0,
    FORMAT_Q4_1,
    FORMAT_Q5_0,
    FORMAT_Q5_1,
    FORMAT_Q2_K,
    FORMAT_Q3_K,
    FORMAT_Q4_K,
    FORMAT_Q5_K,
    FORMAT_Q6_K,
    FORMAT_IQ4_NL,
    FORMAT_IQ4_XS
};

/* Order of CacheFormat.java. */
enum { CACHE_F16, CACHE_F32 };

/* Order of Activation.java. */
enum { ACTIVATION_SILU, ACTIVATION_GELU_TANH, ACTIVATION_GELU_ERF };

/* What every kernel of attention is given. cap and window: 0 for none. */
#define ATTENTION_PARAMETERS                                                                                           \
    const float *query, int32_t rows, int32_t heads, int32_t kv_heads, int32_t head_dim, float scale, float cap,       \
        int32_t window, const void *keys, const void *values, int32_t slots, int32_t format, const float *prompt_keys, \
        const float *prompt_values, int32_t prompts, const int32_t *prefix, const int32_t *path_start,                 \
        const int32_t *path, const int32_t *prompted
#define ATTENTION_ARGUMENTS                                                                                            \
    query, rows, heads, kv_heads, head_dim, scale, cap, window, keys, values, slots, format, prompt_keys,              \
        prompt_values, prompts, prefix, path_start, path, prompted

/* KERNEL(return type, name, parameters, arguments) */
#define BITA_KERNELS(KERNEL)                                                                                           \
    KERNEL(void, pack,                                                                                                 \
           (int32_t format, const uint8_t *source, int64_t row_bytes, const int32_t *rows, int32_t outputs,            \
            int32_t columns, uint8_t *target, int64_t panel_bytes, int32_t panel_from, int32_t panel_to),              \
           (format, source, row_bytes, rows, outputs, columns, target, panel_bytes, panel_from, panel_to))             \
    KERNEL(void, rms_norm,                                                                                             \
           (const float *x, const float *weight, float epsilon, float *out, int32_t columns, int32_t row_from,         \
            int32_t row_to),                                                                                           \
           (x, weight, epsilon, out, columns, row_from, row_to))                                                       \
    KERNEL(void, layer_norm,                                                                                           \
           (const float *x, const float *weight, const float *bias, float epsilon, float *out, int32_t columns,        \
            int32_t row_from, int32_t row_to),                                                                         \
           (x, weight, bias, epsilon, out, columns, row_from, row_to))                                                 \
    KERNEL(void, quantize,                                                                                             \
           (const float *values, int8_t *codes, float *scales, int32_t *sums, int16_t *half_sums, float *scaled_sums,  \
            int32_t columns, int32_t rows, int32_t row_from, int32_t row_to, int32_t block_from, int32_t block_to),    \
           (values, codes, scales, sums, half_sums, scaled_sums, columns, rows, row_from, row_to, block_from,          \
            block_to))                                                                                                 \
    KERNEL(void, multiply,                                                                                             \
           (int32_t layout, const void *weights, int64_t panel_bytes, int32_t outputs, int32_t columns,                \
            const float *values, const int8_t *codes, const float *scales, const int32_t *sums,                        \
            const int16_t *half_sums, const float *scaled_sums, int32_t rows, float *out, int64_t out_stride,          \
            int32_t add, int32_t panel_from, int32_t panel_to),                                                        \
           (layout, weights, panel_bytes, outputs, columns, values, codes, scales, sums, half_sums, scaled_sums, rows, \
            out, out_stride, add, panel_from, panel_to))                                                               \
    KERNEL(void, add_bias,                                                                                             \
           (float *out, int64_t out_stride, const float *bias, int32_t rows, int32_t column_from, int32_t column_to),  \
           (out, out_stride, bias, rows, column_from, column_to))                                                      \
    KERNEL(void, add, (float *x, const float *y, int64_t from, int64_t to), (x, y, from, to))                          \
    KERNEL(void, rotate,                                                                                               \
           (float *x, int64_t stride, int32_t head_dim, const float *rotary, int32_t rows, int32_t column_from,        \
            int32_t column_to),                                                                                        \
           (x, stride, head_dim, rotary, rows, column_from, column_to))                                                \
    KERNEL(void, store_keys,                                                                                           \
           (const float *keys, int32_t kv_heads, int32_t head_dim, void *cache, int32_t slots, int32_t format,         \
            int32_t first_slot, int32_t rows, int32_t column_from, int32_t column_to),                                 \
           (keys, kv_heads, head_dim, cache, slots, format, first_slot, rows, column_from, column_to))                 \
    KERNEL(void, store_values,                                                                                         \
           (const float *values, int32_t kv_heads, int32_t head_dim, void *cache, int32_t slots, int32_t format,       \
            int32_t first_slot, int32_t rows, int32_t column_from, int32_t column_to),                                 \
           (values, kv_heads, head_dim, cache, slots, format, first_slot, rows, column_from, column_to))               \
    KERNEL(void, attend, (ATTENTION_PARAMETERS, float *out, float *scratch, int32_t item_from, int32_t item_to),       \
           (ATTENTION_ARGUMENTS, out, scratch, item_from, item_to))                                                    \
    KERNEL(void, attend_scores,                                                                                        \
           (ATTENTION_PARAMETERS, float *scores, int64_t stride, float *maxima, int32_t blocks, int32_t part,          \
            int32_t parts),                                                                                            \
           (ATTENTION_ARGUMENTS, scores, stride, maxima, blocks, part, parts))                                         \
    KERNEL(void, attend_blocks,                                                                                        \
           (ATTENTION_PARAMETERS, const float *scores, int64_t stride, const float *maxima, int32_t blocks,            \
            float *partial, float *scratch, int32_t part, int32_t parts),                                              \
           (ATTENTION_ARGUMENTS, scores, stride, maxima, blocks, partial, scratch, part, parts))                       \
    KERNEL(void, attend_totals,                                                                                        \
           (ATTENTION_PARAMETERS, const float *partial, int32_t blocks, float *out, int32_t item_from,                 \
            int32_t item_to),                                                                                          \
           (ATTENTION_ARGUMENTS, partial, blocks, out, item_from, item_to))                                            \
    KERNEL(void, activate_gated,                                                                                       \
           (int32_t activation, float *gate, const float *up, int64_t from, int64_t to),                               \
           (activation, gate, up, from, to))                                                                           \
    KERNEL(void, activate, (int32_t activation, float *x, int64_t from, int64_t to), (activation, x, from, to))        \
    KERNEL(void, soft_cap, (float *x, float cap, int64_t from, int64_t to), (x, cap, from, to))                        \
    KERNEL(int32_t, argmax, (const float *x, int32_t count), (x, count))                                               \
    KERNEL(int32_t, largest, (const float *x, int32_t count, int32_t most, int32_t *indices, float *values),           \
           (x, count, most, indices, values))                                                                          \
    KERNEL(float, exponential_sum, (const float *x, int32_t count, float maximum), (x, count, maximum))                \
    KERNEL(int64_t, read_sweep, (const void *from, int64_t bytes), (from, bytes))                                      \
    KERNEL(int64_t, integer_peak, (int64_t rounds), (rounds))                                                          \
    KERNEL(int64_t, float_peak, (int64_t rounds), (rounds))

/* The kernels of tuning, likewise; defined by ScalarTraining.java. */
#define BITA_TRAINING(KERNEL)                                                                                          \
    KERNEL(void, product_forward,                                                                                      \
           (int32_t layout, const void *weights, int64_t panel_bytes, int32_t outputs, int32_t columns,                \
            const float *x, int32_t rows, float *out, int32_t add, float *scratch, int32_t panel_from,                 \
            int32_t panel_to),                                                                                         \
           (layout, weights, panel_bytes, outputs, columns, x, rows, out, add, scratch, panel_from, panel_to))         \
    KERNEL(void, product_backward,                                                                                     \
           (int32_t layout, const void *weights, int64_t panel_bytes, int32_t outputs, int32_t columns,                \
            const float *dy, int32_t rows, float *dx, int32_t add, float *scratch, int32_t block_from,                 \
            int32_t block_to),                                                                                         \
           (layout, weights, panel_bytes, outputs, columns, dy, rows, dx, add, scratch, block_from, block_to))         \
    KERNEL(void, outer_add,                                                                                            \
           (const float *left, int32_t left_columns, const float *right, int32_t right_columns, int32_t count,         \
            float *out, int32_t from, int32_t to),                                                                     \
           (left, left_columns, right, right_columns, count, out, from, to))                                           \
    KERNEL(void, rms_norm_backward,                                                                                    \
           (const float *x, const float *weight, float epsilon, const float *dy, float *dx, int32_t columns,           \
            int32_t row_from, int32_t row_to),                                                                         \
           (x, weight, epsilon, dy, dx, columns, row_from, row_to))                                                    \
    KERNEL(void, layer_norm_backward,                                                                                  \
           (const float *x, const float *weight, float epsilon, const float *dy, float *dx, int32_t columns,           \
            int32_t row_from, int32_t row_to),                                                                         \
           (x, weight, epsilon, dy, dx, columns, row_from, row_to))                                                    \
    KERNEL(void, activate_gated_backward,                                                                              \
           (int32_t activation, float *gate, float *up, const float *d, int64_t from, int64_t to),                     \
           (activation, gate, up, d, from, to))                                                                        \
    KERNEL(void, activate_backward, (int32_t activation, float *x, const float *d, int64_t from, int64_t to),          \
           (activation, x, d, from, to))                                                                               \
    KERNEL(void, cap_backward, (const float *capped, float cap, float *d, int64_t from, int64_t to),                   \
           (capped, cap, d, from, to))                                                                                 \
    KERNEL(void, turn_cache,                                                                                           \
           (const float *keys, const float *values, int32_t slots, int32_t head_dim, int32_t count,                    \
            float *key_rows, float *value_panels, int32_t head_from, int32_t head_to),                                 \
           (keys, values, slots, head_dim, count, key_rows, value_panels, head_from, head_to))                         \
    KERNEL(void, attend_backward,                                                                                      \
           (const float *query, const float *d_out, int32_t masks, int32_t heads, int32_t kv_heads,                    \
            int32_t head_dim, float scale, float cap, int32_t window, const float *keys, const float *key_rows,        \
            const float *value_panels, int32_t slots, const int32_t *prefix, const float *mask_keys,                   \
            const float *mask_values, const float *prompt_keys, const float *prompt_values, int32_t prompts,           \
            float *d_query, float *d_mask_keys, float *d_mask_values, float *d_prompt_keys, float *d_prompt_values,    \
            float *scratch, int32_t kv_head, int32_t group_from, int32_t group_to),                                    \
           (query, d_out, masks, heads, kv_heads, head_dim, scale, cap, window, keys, key_rows, value_panels, slots,   \
            prefix, mask_keys, mask_values, prompt_keys, prompt_values, prompts, d_query, d_mask_keys,                 \
            d_mask_values, d_prompt_keys, d_prompt_values, scratch, kv_head, group_from, group_to))                                   \
    KERNEL(float, softmax, (float *x, int32_t count), (x, count))                                                      \
    KERNEL(void, combine, (float *x, float a, const float *y, float b, int32_t count), (x, a, y, b, count))            \
    KERNEL(int32_t, count_above, (const float *x, int32_t count, float threshold), (x, count, threshold))

struct bita_kernels {
#define MEMBER(result, name, parameters, arguments) result(*name) parameters;
    BITA_KERNELS(MEMBER)
};

struct bita_training {
    BITA_TRAINING(MEMBER)
#undef MEMBER
};

#endif
