/* What Layout.java says. Where the layout is known to the compiler, all of this is constant. */
#ifndef BITA_LAYOUTS_H
#define BITA_LAYOUTS_H

#include "lanes.h"

#define SUPER_BLOCK 8 /* blocks that share f16 factors where they have integer ones */

INLINE int quantized(int layout) { return layout >= LAYOUT_Q8; }

/* Of a block of 32 columns in 16 rows. */
INLINE int code_bytes(int layout) {
    return layout == LAYOUT_Q4 || layout == LAYOUT_Q4_MIN || layout == LAYOUT_K4_MIN || layout == LAYOUT_K4_MIN16 ? 256 : 512;
}

INLINE int has_minima(int layout) {
    return layout == LAYOUT_Q8_MIN || layout == LAYOUT_Q4_MIN || layout == LAYOUT_K8_MIN || layout == LAYOUT_K4_MIN
           || layout == LAYOUT_K4_MIN16;
}

/* Integer scales of a block. */
INLINE int integers(int layout) {
    return layout == LAYOUT_K8_16 || layout == LAYOUT_K4_MIN16 ? 2 : layout >= LAYOUT_K8 ? 1 : 0;
}

/* What is stored less this is the code. */
INLINE int code_offset(int layout) {
    return layout == LAYOUT_Q8 || layout == LAYOUT_K8 ? 128 : layout == LAYOUT_K8_16 ? 32 : layout == LAYOUT_Q4 ? 8 : 0;
}

/* Of a panel, for each of its blocks. */
INLINE int panel_block_bytes(int layout) {
    int half_bytes = has_minima(layout) ? 64 : 32, kinds = has_minima(layout) ? 2 : 1;
    return code_bytes(layout) + (integers(layout) ? kinds * integers(layout) * 16 + half_bytes / SUPER_BLOCK : half_bytes);
}

/* A panel's factors, where its codes end. */
struct factors {
    const int8_t *integer_scales, *integer_minima; /* (blocks, 1 or 2, 16) */
    const uint16_t *scales, *minima;               /* (blocks, 16), or with integers (super-blocks, 16) */
    int integers;                                  /* of a block: 0, 1 or 2 */
};

INLINE struct factors panel_factors(int layout, const uint8_t *panel, int64_t blocks) {
    int64_t integer_bytes = blocks * integers(layout) * 16, count = integers(layout) ? blocks / SUPER_BLOCK : blocks;
    struct factors f;
    f.integers = integers(layout);
    f.integer_scales = (const int8_t *)(panel + blocks * code_bytes(layout));
    f.integer_minima = f.integer_scales + integer_bytes;
    f.scales = (const uint16_t *)(const void *)(f.integer_minima + (has_minima(layout) ? integer_bytes : 0));
    f.minima = f.scales + count * 16;
    return f;
}

/* Scales or minima of block b: f16, times its integers where it has one for each row. */
INLINE v16 block_factors(const struct factors *f, const uint16_t *halves, const int8_t *all, int64_t b) {
    v16 wide = v_load_f16(halves + 16 * (f->integers ? b / SUPER_BLOCK : b));
    return f->integers == 1 ? v_mul(wide, v_load_i8(all + 16 * b)) : wide;
}

INLINE v16 block_scales(const struct factors *f, int64_t b) { return block_factors(f, f->scales, f->integer_scales, b); }

INLINE v16 block_minima(const struct factors *f, int64_t b) { return block_factors(f, f->minima, f->integer_minima, b); }

#endif
