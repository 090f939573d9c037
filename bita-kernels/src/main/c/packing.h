/* Packs rows of matrices as files store them (NumberFormat.java) into panels (Layout.java); PackedMatrix.java defines the
 * result. Included by kernels.c. */
#ifndef BITA_PACKING_H
#define BITA_PACKING_H

#include "layouts.h"

INLINE int layout_of(int format) {
    switch (format) {
    case FORMAT_F32:
        return LAYOUT_F32;
    case FORMAT_F16:
        return LAYOUT_F16;
    case FORMAT_BF16:
        return LAYOUT_BF16;
    case FORMAT_Q4_0:
        return LAYOUT_Q4;
    case FORMAT_Q4_1:
        return LAYOUT_Q4_MIN;
    case FORMAT_Q5_1:
        return LAYOUT_Q8_MIN;
    case FORMAT_Q2_K:
    case FORMAT_Q3_K:
        return LAYOUT_K4_MIN16;
    case FORMAT_Q4_K:
        return LAYOUT_K4_MIN;
    case FORMAT_Q5_K:
        return LAYOUT_K8_MIN;
    case FORMAT_Q6_K:
        return LAYOUT_K8_16;
    case FORMAT_IQ4_XS:
        return LAYOUT_K8;
    default:
        return LAYOUT_Q8;
    }
}

/* Copies `count` units of `unit` bytes, contiguous in the source, to every 16th place of the target. */
INLINE void spread(const uint8_t *source, uint8_t *target, int64_t count, int unit) {
    for (int64_t i = 0; i < count; i++) {
        memcpy(target + i * 16 * unit, source + i * unit, (size_t)unit);
    }
}

/* Where a row's parts go: one lane of a panel. */
struct packed_row {
    uint8_t *codes;                             /* 32-bit words, 64 bytes apart */
    uint8_t *integer_scales, *integer_minima;   /* 16 bytes apart */
    uint8_t *scales, *minima;                   /* f16, 32 bytes apart */
};

INLINE struct packed_row packed_row(int layout, uint8_t *panel, int64_t blocks, int lane) {
    struct factors f = panel_factors(layout, panel, blocks);
    struct packed_row row;
    row.codes = panel + 4 * lane;
    row.integer_scales = panel + ((const uint8_t *)f.integer_scales - panel) + lane;
    row.integer_minima = panel + ((const uint8_t *)f.integer_minima - panel) + lane;
    row.scales = panel + ((const uint8_t *)f.scales - panel) + 2 * lane;
    row.minima = panel + ((const uint8_t *)f.minima - panel) + 2 * lane;
    return row;
}

/* Blocks of f16 scale, f16 minimum if any, then the codes as 32-bit words in the order kept here. */
INLINE void pack_words(int layout, const uint8_t *source, int64_t blocks, struct packed_row to) {
    int words = code_bytes(layout) / 64, header = has_minima(layout) ? 4 : 2;
    uint32_t flip = layout == LAYOUT_Q8 ? 0x80808080u : 0; /* signed codes become unsigned */
    for (int64_t b = 0; b < blocks; b++, source += header + 4 * words) {
        memcpy(to.scales + b * 32, source, 2);
        if (has_minima(layout)) {
            memcpy(to.minima + b * 32, source + 2, 2);
        }
        for (int w = 0; w < words; w++) {
            uint32_t word = (uint32_t)load_word(source + header + 4 * w) ^ flip;
            memcpy(to.codes + (b * words + w) * 64, &word, 4);
        }
    }
}

/* A block of 32 codes as stored in a panel, in the order of columns. */
INLINE void pack_codes(int layout, const uint8_t codes[32], int64_t b, struct packed_row to) {
    int words = code_bytes(layout) / 64;
    uint8_t halves[16];
    for (int i = 0; i < 16; i++) {
        halves[i] = (uint8_t)(codes[i] | codes[i + 16] << 4);
    }
    const uint8_t *from = words == 8 ? codes : halves;
    for (int w = 0; w < words; w++) {
        memcpy(to.codes + (b * words + w) * 64, from + 4 * w, 4);
    }
}

/* What the codes of IQ4_NL and IQ4_XS stand for, plus 128. */
static const uint8_t iq4_codes[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

INLINE void iq4_block(const uint8_t *source, uint8_t codes[32]) {
    for (int i = 0; i < 16; i++) {
        codes[i] = iq4_codes[source[i] & 0xf];
        codes[i + 16] = iq4_codes[source[i] >> 4];
    }
}

/* Q5_0, Q5_1 and IQ4_NL: f16 scale, f16 minimum if any, fifth bits if any, 4-bit codes. */
INLINE void pack_blocks(int format, const uint8_t *source, int64_t blocks, struct packed_row to) {
    const int layout = layout_of(format), header = has_minima(layout) ? 4 : 2;
    const uint8_t add = (uint8_t)(format == FORMAT_Q5_0 ? code_offset(layout) - 16 : 0);
    for (int64_t b = 0; b < blocks; b++) {
        uint8_t codes[32];
        memcpy(to.scales + b * 32, source, 2);
        if (has_minima(layout)) {
            memcpy(to.minima + b * 32, source + 2, 2);
        }
        source += header;
        if (format == FORMAT_IQ4_NL) {
            iq4_block(source, codes);
        } else {
            uint32_t fifth = (uint32_t)load_word(source);
            source += 4;
            for (int i = 0; i < 16; i++) {
                codes[i] = (uint8_t)(((source[i] & 0xf) | (fifth >> i & 1) << 4) + add);
                codes[i + 16] = (uint8_t)((source[i] >> 4 | (fifth >> (i + 16) & 1) << 4) + add);
            }
        }
        source += 16;
        pack_codes(layout, codes, b, to);
    }
}

/* The 6-bit scales and minima of Q4_K and Q5_K. */
INLINE void six_bit_factors(const uint8_t *from, uint8_t scales[8], uint8_t minima[8]) {
    for (int b = 0; b < 4; b++) {
        scales[b] = from[b] & 0x3f;
        minima[b] = from[b + 4] & 0x3f;
        scales[b + 4] = (uint8_t)((from[b + 8] & 0xf) | from[b] >> 6 << 4);
        minima[b + 4] = (uint8_t)(from[b + 8] >> 4 | from[b + 4] >> 6 << 4);
    }
}

/* The codes of block b of a super-block. Two bits: a byte holds those of columns l, l + 32, l + 64 and l + 96; four bits:
 * those of l and l + 32, with six bits those of l and l + 64. */
INLINE void super_block_codes(int format, const uint8_t *source, int b, uint8_t codes[32]) {
    const uint8_t *two = source + (format == FORMAT_Q2_K ? 16 : format == FORMAT_Q3_K ? 32 : 128) + b / 4 * 32;
    const uint8_t *four = source + (format == FORMAT_Q4_K ? 16 : 48) + b / 2 * 32;
    const uint8_t *low = source + b / 4 * 64 + b % 2 * 32, *one = source + (format == FORMAT_Q3_K ? 0 : 16);
    int two_shift = b % 4 * 2, four_shift = b % 2 * 4, low_shift = b % 4 / 2 * 4;
    if (format == FORMAT_IQ4_XS) {
        iq4_block(source + 8 + 16 * b, codes);
        return;
    }
    for (int l = 0; l < 32; l++) {
        switch (format) {
        case FORMAT_Q2_K:
            codes[l] = two[l] >> two_shift & 3;
            break;
        case FORMAT_Q3_K:
            codes[l] = (uint8_t)((two[l] >> two_shift & 3) | (one[l] >> b & 1) << 2);
            break;
        case FORMAT_Q4_K:
            codes[l] = four[l] >> four_shift & 0xf;
            break;
        case FORMAT_Q5_K:
            codes[l] = (uint8_t)((four[l] >> four_shift & 0xf) | (one[l] >> b & 1) << 4);
            break;
        default:
            codes[l] = (uint8_t)((low[l] >> low_shift & 0xf) | (two[l] >> two_shift & 3) << 4);
            break;
        }
    }
}

/* The factors of a super-block, integers for each 16 or 32 columns. Minima are subtracted in files and added here. */
INLINE void super_block_factors(int format, const uint8_t *source, uint16_t *scale, uint16_t *minimum, uint8_t scales[16],
                                uint8_t minima[16]) {
    int scale_at = 0, minimum_at = 2;
    uint16_t upper;
    switch (format) {
    case FORMAT_Q2_K:
        scale_at = 80;
        minimum_at = 82;
        for (int i = 0; i < 16; i++) {
            scales[i] = source[i] & 0xf;
            minima[i] = source[i] >> 4;
        }
        break;
    case FORMAT_Q3_K: /* of codes less 4: a minimum of 4 times the scale is subtracted */
        scale_at = minimum_at = 108;
        for (int i = 0; i < 16; i++) {
            int low = source[96 + i % 8] >> i / 8 * 4 & 0xf, high = source[104 + i % 4] >> i / 4 * 2 & 3;
            scales[i] = (uint8_t)((low | high << 4) - 32);
            minima[i] = (uint8_t)(4 * scales[i]);
        }
        break;
    case FORMAT_Q6_K:
        scale_at = 208;
        memcpy(scales, source + 192, 16);
        break;
    case FORMAT_IQ4_XS:
        memcpy(&upper, source + 2, 2);
        for (int i = 0; i < 8; i++) {
            int low = source[4 + i / 2] >> i % 2 * 4 & 0xf;
            scales[i] = (uint8_t)((low | (upper >> 2 * i & 3) << 4) - 32);
        }
        break;
    default:
        six_bit_factors(source + 4, scales, minima);
        break;
    }
    memcpy(scale, source + scale_at, 2);
    memcpy(minimum, source + minimum_at, 2);
    *minimum ^= 0x8000;
}

INLINE void pack_super_blocks(int format, int block_bytes, const uint8_t *source, int64_t blocks, struct packed_row to) {
    const int layout = layout_of(format), factors = SUPER_BLOCK * integers(layout);
    for (int64_t s = 0; s < blocks / SUPER_BLOCK; s++, source += block_bytes) {
        uint8_t scales[16], minima[16] = {0}, codes[32];
        uint16_t scale, minimum;
        super_block_factors(format, source, &scale, &minimum, scales, minima);
        memcpy(to.scales + s * 32, &scale, 2);
        if (has_minima(layout)) {
            memcpy(to.minima + s * 32, &minimum, 2);
        }
        for (int i = 0; i < factors; i++) {
            to.integer_scales[(s * factors + i) * 16] = scales[i];
            if (has_minima(layout)) {
                to.integer_minima[(s * factors + i) * 16] = minima[i];
            }
        }
        for (int b = 0; b < SUPER_BLOCK; b++) {
            super_block_codes(format, source, b, codes);
            pack_codes(layout, codes, s * SUPER_BLOCK + b, to);
        }
    }
}

INLINE void pack_row(int format, const uint8_t *from, int32_t columns, uint8_t *panel, int lane) {
    const int layout = layout_of(format);
    int64_t blocks = columns / 32;
    struct packed_row to = packed_row(layout, panel, blocks, lane);
    switch (format) {
    case FORMAT_F32:
        spread(from, panel + lane * 4, columns, 4);
        break;
    case FORMAT_F16:
    case FORMAT_BF16:
        spread(from, panel + lane * 2, columns, 2);
        break;
    case FORMAT_Q8_0:
    case FORMAT_Q4_0:
    case FORMAT_Q4_1:
        pack_words(layout, from, blocks, to);
        break;
    case FORMAT_Q5_0:
    case FORMAT_Q5_1:
    case FORMAT_IQ4_NL:
        pack_blocks(format, from, blocks, to);
        break;
    case FORMAT_Q2_K:
        pack_super_blocks(format, 84, from, blocks, to);
        break;
    case FORMAT_Q3_K:
        pack_super_blocks(format, 110, from, blocks, to);
        break;
    case FORMAT_Q4_K:
        pack_super_blocks(format, 144, from, blocks, to);
        break;
    case FORMAT_Q5_K:
        pack_super_blocks(format, 176, from, blocks, to);
        break;
    case FORMAT_Q6_K:
        pack_super_blocks(format, 210, from, blocks, to);
        break;
    default:
        pack_super_blocks(format, 136, from, blocks, to);
        break;
    }
}

static void pack(int32_t format, const uint8_t *source, int64_t row_bytes, const int32_t *rows, int32_t outputs,
                 int32_t columns, uint8_t *target, int64_t panel_bytes, int32_t panel_from, int32_t panel_to) {
    int32_t last = panel_to * 16 < outputs ? panel_to * 16 : outputs;
    for (int32_t row = panel_from * 16; row < last; row++) {
        const uint8_t *from = source + (rows != NULL ? rows[row] : row) * row_bytes;
        uint8_t *panel = target + row / 16 * panel_bytes;
        switch (format) {
#define ROW(f)                                        \
    case f:                                           \
        pack_row(f, from, columns, panel, row % 16);  \
        break;
            ROW(FORMAT_F32)
            ROW(FORMAT_F16)
            ROW(FORMAT_BF16)
            ROW(FORMAT_Q8_0)
            ROW(FORMAT_Q4_0)
            ROW(FORMAT_Q4_1)
            ROW(FORMAT_Q5_0)
            ROW(FORMAT_Q5_1)
            ROW(FORMAT_Q2_K)
            ROW(FORMAT_Q3_K)
            ROW(FORMAT_Q4_K)
            ROW(FORMAT_Q5_K)
            ROW(FORMAT_Q6_K)
            ROW(FORMAT_IQ4_NL)
            ROW(FORMAT_IQ4_XS)
#undef ROW
        }
    }
}

#endif
