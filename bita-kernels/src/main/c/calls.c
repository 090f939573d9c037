/* The kernels behind two signatures, for NativeKernels.java: Java spends some ten milliseconds on the first call of each signature that
 * a program has, half a second on those of all kernels. Pointers come first, then numbers, both in the kernel's order, f32 numbers as their
 * bits; what a kernel does not have is 0. Kernels of tuning are called by their names. */
#include <string.h>

#include "bita.h"

#define UNPACK(...) __VA_ARGS__
#define KERNEL(result, name, parameters, arguments) result bita_##name(int32_t isa, UNPACK parameters);
BITA_KERNELS(KERNEL)
#undef KERNEL
int32_t bita_supports(int32_t isa);
const char *bita_problem(int32_t isa);
void *bita_reserve(int64_t bytes);
void bita_release(void *block, int64_t bytes);
void bita_read_ahead(void *from, int64_t bytes);
void bita_drop_pages(void *from, int64_t bytes);

/* Order of NativeFunction.java. */
enum {
#define KERNEL(result, name, parameters, arguments) CALL_##name,
    BITA_KERNELS(KERNEL)
#undef KERNEL
    CALL_supports,
    CALL_problem,
    CALL_reserve,
    CALL_release,
    CALL_read_ahead,
    CALL_drop_pages
};

static float f32(int64_t number) {
    int32_t bits = (int32_t)number;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int64_t bits(float number) {
    int32_t value;
    memcpy(&value, &number, sizeof value);
    return value;
}

/* A function of at most four pointers and eight numbers. */
EXPORT int64_t bita_call_few(int32_t function, int32_t isa, void *p0, void *p1, void *p2, void *p3, int64_t n0,
                             int64_t n1, int64_t n2, int64_t n3, int64_t n4, int64_t n5, int64_t n6, int64_t n7) {
    switch (function) {
    case CALL_pack:
        bita_pack(isa, n0, p0, n1, p1, n2, n3, p2, n4, n5, n6);
        return 0;
    case CALL_rms_norm:
        bita_rms_norm(isa, p0, p1, f32(n0), p2, n1, n2, n3);
        return 0;
    case CALL_layer_norm:
        bita_layer_norm(isa, p0, p1, p2, f32(n0), p3, n1, n2, n3);
        return 0;
    case CALL_add_bias:
        bita_add_bias(isa, p0, n0, p1, n1, n2, n3);
        return 0;
    case CALL_add:
        bita_add(isa, p0, p1, n0, n1);
        return 0;
    case CALL_rotate:
        bita_rotate(isa, p0, n0, n1, p1, n2, n3, n4);
        return 0;
    case CALL_store_keys:
        bita_store_keys(isa, p0, n0, n1, p1, n2, n3, n4, n5, n6, n7);
        return 0;
    case CALL_store_values:
        bita_store_values(isa, p0, n0, n1, p1, n2, n3, n4, n5, n6, n7);
        return 0;
    case CALL_activate_gated:
        bita_activate_gated(isa, n0, p0, p1, n1, n2);
        return 0;
    case CALL_activate:
        bita_activate(isa, n0, p0, n1, n2);
        return 0;
    case CALL_soft_cap:
        bita_soft_cap(isa, p0, f32(n0), n1, n2);
        return 0;
    case CALL_argmax:
        return bita_argmax(isa, p0, n0);
    case CALL_largest:
        return bita_largest(isa, p0, n0, n1, p1, p2);
    case CALL_exponential_sum:
        return bits(bita_exponential_sum(isa, p0, n0, f32(n1)));
    case CALL_read_sweep:
        return bita_read_sweep(isa, p0, n0);
    case CALL_integer_peak:
        return bita_integer_peak(isa, n0);
    case CALL_float_peak:
        return bita_float_peak(isa, n0);
    case CALL_supports:
        return bita_supports(isa);
    case CALL_problem:
        return (int64_t)(intptr_t)bita_problem(isa);
    case CALL_reserve:
        return (int64_t)(intptr_t)bita_reserve(n0);
    case CALL_release:
        bita_release(p0, n0);
        return 0;
    case CALL_read_ahead:
        bita_read_ahead(p0, n0);
        return 0;
    case CALL_drop_pages:
        bita_drop_pages(p0, n0);
        return 0;
    default:
        return -1;
    }
}

/* Pointers: query, keys and values of the cache and of prompt tokens, the four of what is visible, then the kernel's own.
 * Numbers: rows, heads, kv_heads, head_dim, scale, cap, window, slots, format, prompts, then the kernel's own. */
#define ATTENTION p0, n0, n1, n2, n3, f32(n4), f32(n5), n6, p1, p2, n7, n8, p3, p4, n9, p5, p6, p7, p8

/* A function of at most thirteen pointers and fourteen numbers. */
EXPORT int64_t bita_call_many(int32_t function, int32_t isa, void *p0, void *p1, void *p2, void *p3, void *p4, void *p5,
                              void *p6, void *p7, void *p8, void *p9, void *p10, void *p11, void *p12, int64_t n0,
                              int64_t n1, int64_t n2, int64_t n3, int64_t n4, int64_t n5, int64_t n6, int64_t n7,
                              int64_t n8, int64_t n9, int64_t n10, int64_t n11, int64_t n12, int64_t n13) {
    switch (function) {
    case CALL_quantize:
        bita_quantize(isa, p0, p1, p2, p3, p4, p5, n0, n1, n2, n3, n4, n5);
        return 0;
    case CALL_multiply:
        bita_multiply(isa, n0, p0, n1, n2, n3, p1, p2, p3, p4, p5, p6, n4, p7, n5, n6, n7, n8);
        return 0;
    case CALL_attend:
        bita_attend(isa, ATTENTION, p9, p10, n10, n11);
        return 0;
    case CALL_attend_scores:
        bita_attend_scores(isa, ATTENTION, p9, n10, p10, n11, n12, n13);
        return 0;
    case CALL_attend_blocks:
        bita_attend_blocks(isa, ATTENTION, p9, n10, p10, n11, p11, p12, n12, n13);
        return 0;
    case CALL_attend_totals:
        bita_attend_totals(isa, ATTENTION, p9, n10, p10, n11, n12);
        return 0;
    default:
        return -1;
    }
}
