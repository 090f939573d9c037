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

/* A block of f16 scale, f16 minimum if any, then the codes as 32-bit words in the order kept here. */
INLINE void pack_words(int layout, const uint8_t *source, int64_t b, struct packed_row to) {
    int words = code_bytes(layout) / 64, header = has_minima(layout) ? 4 : 2;
    uint32_t flip = layout == LAYOUT_Q8 ? 0x80808080u : 0; /* signed codes become unsigned */
    memcpy(to.scales + b * 32, source, 2);
    if (has_minima(layout)) {
        memcpy(to.minima + b * 32, source + 2, 2);
    }
    for (int w = 0; w < words; w++) {
        uint32_t word = (uint32_t)load_word(source + header + 4 * w) ^ flip;
        memcpy(to.codes + (b * words + w) * 64, &word, 4);
    }
}

/* Codes are taken apart eight at a time, one in each byte of a word, the first one in the lowest. */
#define EACH_BYTE(x) (UINT64_C(0x0101010101010101) * (x))

INLINE uint64_t load_bytes(const uint8_t *p) {
    uint64_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    return bytes;
}

/* A block of 32 codes, in the order of columns, as stored in a panel. */
INLINE void pack_codes(int layout, const uint64_t codes[4], int64_t b, struct packed_row to) {
    int words = code_bytes(layout) / 64;
    uint8_t *target = to.codes + b * words * 64;
    for (int w = 0; w < words; w += 2) {
        uint64_t bytes = words == 8 ? codes[w / 2] : codes[w / 2] | codes[w / 2 + 2] << 4;
        uint32_t first = (uint32_t)bytes, second = (uint32_t)(bytes >> 32);
        memcpy(target + w * 64, &first, 4);
        memcpy(target + (w + 1) * 64, &second, 4);
    }
}

/* What the codes of IQ4_NL and IQ4_XS stand for, plus 128. */
static const uint8_t iq4_codes[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

INLINE void iq4_block(const uint8_t *source, uint64_t codes[4]) {
    for (int i = 0; i < 2; i++) {
        uint64_t low = 0, high = 0;
        for (int j = 0; j < 8; j++) {
            uint8_t both = source[8 * i + j];
            low |= (uint64_t)iq4_codes[both & 0xf] << 8 * j;
            high |= (uint64_t)iq4_codes[both >> 4] << 8 * j;
        }
        codes[i] = low;
        codes[i + 2] = high;
    }
}

/* Eight bits, each as the lowest of a byte. */
INLINE uint64_t spread_bits(uint32_t bits) {
    uint64_t each = EACH_BYTE(bits & 0xff) & UINT64_C(0x8040201008040201);
    return (each + EACH_BYTE(0x7f)) >> 7 & EACH_BYTE(1);
}

/* A block of Q5_0, Q5_1 or IQ4_NL: f16 scale, f16 minimum if any, fifth bits if any, 4-bit codes. */
INLINE void pack_block(int format, const uint8_t *source, int64_t b, struct packed_row to) {
    const int layout = layout_of(format), header = has_minima(layout) ? 4 : 2;
    uint64_t codes[4];
    memcpy(to.scales + b * 32, source, 2);
    if (has_minima(layout)) {
        memcpy(to.minima + b * 32, source + 2, 2);
    }
    source += header;
    if (format == FORMAT_IQ4_NL) {
        iq4_block(source, codes);
    } else {
        const uint64_t add = EACH_BYTE(format == FORMAT_Q5_0 ? code_offset(layout) - 16 : 0);
        uint32_t fifth = (uint32_t)load_word(source);
        for (int i = 0; i < 2; i++) {
            uint64_t four = load_bytes(source + 4 + 8 * i);
            codes[i] = ((four & EACH_BYTE(0xf)) | spread_bits(fifth >> 8 * i) << 4) + add;
            codes[i + 2] = ((four >> 4 & EACH_BYTE(0xf)) | spread_bits(fifth >> (8 * i + 16)) << 4) + add;
        }
    }
    pack_codes(layout, codes, b, to);
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
INLINE void super_block_codes(int format, const uint8_t *source, int b, uint64_t codes[4]) {
    const uint8_t *two = source + (format == FORMAT_Q2_K ? 16 : format == FORMAT_Q3_K ? 32 : 128) + b / 4 * 32;
    const uint8_t *four = source + (format == FORMAT_Q4_K ? 16 : 48) + b / 2 * 32;
    const uint8_t *low = source + b / 4 * 64 + b % 2 * 32, *one = source + (format == FORMAT_Q3_K ? 0 : 16);
    int two_shift = b % 4 * 2, four_shift = b % 2 * 4, low_shift = b % 4 / 2 * 4;
    if (format == FORMAT_IQ4_XS) {
        iq4_block(source + 8 + 16 * b, codes);
        return;
    }
    for (int i = 0; i < 4; i++) {
        int l = 8 * i;
        switch (format) {
        case FORMAT_Q2_K:
            codes[i] = load_bytes(two + l) >> two_shift & EACH_BYTE(3);
            break;
        case FORMAT_Q3_K:
            codes[i] = (load_bytes(two + l) >> two_shift & EACH_BYTE(3)) | (load_bytes(one + l) >> b & EACH_BYTE(1)) << 2;
            break;
        case FORMAT_Q4_K:
            codes[i] = load_bytes(four + l) >> four_shift & EACH_BYTE(0xf);
            break;
        case FORMAT_Q5_K:
            codes[i] =
                (load_bytes(four + l) >> four_shift & EACH_BYTE(0xf)) | (load_bytes(one + l) >> b & EACH_BYTE(1)) << 4;
            break;
        default:
            codes[i] =
                (load_bytes(low + l) >> low_shift & EACH_BYTE(0xf)) | (load_bytes(two + l) >> two_shift & EACH_BYTE(3)) << 4;
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

INLINE void pack_super_block(int format, const uint8_t *source, int64_t s, struct packed_row to) {
    const int layout = layout_of(format), factors = SUPER_BLOCK * integers(layout);
    uint8_t scales[16], minima[16] = {0};
    uint64_t codes[4];
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

/* Packs a panel's rows side by side: what they share of it is in the nearest cache while all of them write to it.
 * unit: bytes of a number, or of a block or super-block. */
INLINE void pack_panel(int format, int unit, const uint8_t *const *from, int lanes, int32_t columns, uint8_t *panel) {
    const int layout = layout_of(format);
    if (!quantized(layout)) {
        for (int32_t first = 0; first < columns; first += 64) {
            int32_t end = first + 64 < columns ? first + 64 : columns;
            for (int lane = 0; lane < lanes; lane++) {
                for (int32_t k = first; k < end; k++) {
                    memcpy(panel + (int64_t)(k * 16 + lane) * unit, from[lane] + (int64_t)k * unit, (size_t)unit);
                }
            }
        }
        return;
    }
    const int64_t blocks = columns / 32, stored = integers(layout) ? blocks / SUPER_BLOCK : blocks;
    for (int64_t b = 0; b < stored; b++) {
        for (int lane = 0; lane < lanes; lane++) {
            const uint8_t *source = from[lane] + b * unit;
            struct packed_row to = packed_row(layout, panel, blocks, lane);
            switch (format) {
            case FORMAT_Q8_0:
            case FORMAT_Q4_0:
            case FORMAT_Q4_1:
                pack_words(layout, source, b, to);
                break;
            case FORMAT_Q5_0:
            case FORMAT_Q5_1:
            case FORMAT_IQ4_NL:
                pack_block(format, source, b, to);
                break;
            default:
                pack_super_block(format, source, b, to);
                break;
            }
        }
    }
}

static void pack(int32_t format, const uint8_t *source, int64_t row_bytes, const int32_t *rows, int32_t outputs,
                 int32_t columns, uint8_t *target, int64_t panel_bytes, int32_t panel_from, int32_t panel_to) {
    for (int32_t p = panel_from; p < panel_to; p++) {
        const uint8_t *from[16];
        int lanes = outputs - p * 16 < 16 ? outputs - p * 16 : 16;
        for (int lane = 0; lane < lanes; lane++) {
            int32_t row = p * 16 + lane;
            from[lane] = source + (rows != NULL ? rows[row] : row) * row_bytes;
        }
        switch (format) {
#define PANEL(f, unit)                                                       \
    case f:                                                                  \
        pack_panel(f, unit, from, lanes, columns, target + p * panel_bytes); \
        break;
            PANEL(FORMAT_F32, 4)
            PANEL(FORMAT_F16, 2)
            PANEL(FORMAT_BF16, 2)
            PANEL(FORMAT_Q8_0, 34)
            PANEL(FORMAT_Q4_0, 18)
            PANEL(FORMAT_Q4_1, 20)
            PANEL(FORMAT_Q5_0, 22)
            PANEL(FORMAT_Q5_1, 24)
            PANEL(FORMAT_Q2_K, 84)
            PANEL(FORMAT_Q3_K, 110)
            PANEL(FORMAT_Q4_K, 144)
            PANEL(FORMAT_Q5_K, 176)
            PANEL(FORMAT_Q6_K, 210)
            PANEL(FORMAT_IQ4_NL, 18)
            PANEL(FORMAT_IQ4_XS, 136)
#undef PANEL
        }
    }
}

#endif
