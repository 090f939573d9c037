typedef struct {
    float v[16];
} v16;

#define BIG_TILE 1
#define FLOAT_ROWS 1
#define PANELS 1
#define ATTENTION_TILE 1
#define SCORE_SUMS 2
#define VALUE_SUMS 4

#define EACH(expression)                \
    v16 result;                         \
    for (int i = 0; i < 16; i++) {      \
        result.v[i] = (expression);     \
    }                                   \
    return result

/* Halves and floats are converted by their bits: not every compiler has a half-precision type. */
INLINE float f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 0x1f, mantissa = h & 0x3ff;
    if (exponent == 0) {
        float magnitude = (float)mantissa * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    uint32_t biased = exponent == 0x1f ? 0xff : exponent + 112;
    return bits_float((int32_t)(sign | biased << 23 | mantissa << 13));
}

INLINE uint16_t f32_to_f16(float x) {
    uint32_t bits = (uint32_t)float_bits(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
        return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
    }
    if (magnitude >= 0x477ff000) { /* rounds to 65536 or more */
        return (uint16_t)(sign | 0x7c00);
    }
    if (magnitude < 0x38800000) { /* subnormal: adding 0.5 rounds at 2^-24, half to even */
        float rounded = bits_float((int32_t)magnitude) + 0.5f;
        return (uint16_t)(sign | ((uint32_t)float_bits(rounded) - 0x3f000000));
    }
    uint32_t odd = magnitude >> 13 & 1;
    return (uint16_t)(sign | ((magnitude - 0x38000000 + 0xfff + odd) >> 13));
}

INLINE v16 v_set1(float x) { EACH(x); }
INLINE v16 v_load(const float *p) { EACH(p[i]); }
INLINE void v_store(float *p, v16 x) { memcpy(p, x.v, sizeof x.v); }
INLINE v16 v_load_f16(const uint16_t *p) { EACH(f16_to_f32(p[i])); }
INLINE v16 v_load_bf16(const uint16_t *p) { EACH(bits_float((int32_t)((uint32_t)p[i] << 16))); }
INLINE v16 v_load_i8(const int8_t *p) { EACH((float)p[i]); }
INLINE void v_store_f16(uint16_t *p, v16 x) {
    for (int i = 0; i < 16; i++) {
        p[i] = f32_to_f16(x.v[i]);
    }
}
INLINE v16 v_add(v16 a, v16 b) { EACH(a.v[i] + b.v[i]); }
INLINE v16 v_sub(v16 a, v16 b) { EACH(a.v[i] - b.v[i]); }
INLINE v16 v_mul(v16 a, v16 b) { EACH(a.v[i] * b.v[i]); }
INLINE v16 v_div(v16 a, v16 b) { EACH(a.v[i] / b.v[i]); }
#ifdef FAST_FMA
INLINE v16 v_fma(v16 a, v16 b, v16 c) { EACH(fused(a.v[i], b.v[i], c.v[i])); }
#else
/* A function call for each lane. */
static __attribute__((noinline, cold)) v16 v_fma_slow(v16 a, v16 b, v16 c) { EACH(fused(a.v[i], b.v[i], c.v[i])); }

/* In doubles the product is exact and the sum is rounded once. Rounding that to a float is the second rounding, which
 * can only differ from one rounding of the exact sum if the double lies halfway between two floats, or among the
 * subnormals, where floats lie elsewhere. */
INLINE v16 v_fma(v16 a, v16 b, v16 c) {
    double sum[16];
    v16 result;
    int32_t doubtful = 0;
    for (int i = 0; i < 16; i++) {
        sum[i] = (double)a.v[i] * (double)b.v[i] + (double)c.v[i];
        result.v[i] = (float)sum[i];
    }
    for (int i = 0; i < 16; i++) {
        int64_t bits;
        memcpy(&bits, &sum[i], sizeof bits);
        int32_t low = (int32_t)bits & 0x1fffffff, high = (int32_t)(bits >> 32) & 0x7fffffff;
        doubtful |= (low == 0x10000000) | ((high > 0) & (high < 0x38100000));
    }
    return doubtful ? v_fma_slow(a, b, c) : result;
}
#endif
INLINE v16 v_neg(v16 a) { EACH(-a.v[i]); }
/* a > b ? a : b */
INLINE v16 v_max(v16 a, v16 b) { EACH(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
INLINE v16 v_min(v16 a, v16 b) { EACH(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
INLINE v16 v_rint(v16 a) { EACH(rintf(a.v[i])); }
/* 2^n of integral n in -126..127 */
INLINE v16 v_pow2(v16 n) { EACH(bits_float(((int32_t)n.v[i] + 127) * (1 << 23))); }
/* x < limit ? a : b */
INLINE v16 v_select_less(v16 x, v16 limit, v16 a, v16 b) { EACH(x.v[i] < limit.v[i] ? a.v[i] : b.v[i]); }
/* x is NaN ? a : b */
INLINE v16 v_select_nan(v16 x, v16 a, v16 b) { EACH(x.v[i] != x.v[i] ? a.v[i] : b.v[i]); }
INLINE int v_any_nan(v16 x) {
    int any = 0;
    for (int i = 0; i < 16; i++) {
        any |= x.v[i] != x.v[i];
    }
    return any;
}
/* whether any x > limit */
INLINE int v_any_greater(v16 x, v16 limit) {
    int any = 0;
    for (int i = 0; i < 16; i++) {
        any |= x.v[i] > limit.v[i];
    }
    return any;
}

/* Bits of the largest magnitude of 32 numbers. */
INLINE int32_t block_max_bits(const float *x) {
    int32_t maximum = 0;
    for (int i = 0; i < 32; i++) {
        int32_t bits = float_bits(x[i]) & 0x7fffffff;
        maximum = bits > maximum ? bits : maximum;
    }
    return maximum;
}

/* codes = rint(x * inverse) of 32 numbers within +-127, and the sums of their halves. */
INLINE void block_codes(const float *x, float inverse, int8_t *codes, int16_t *half_sums) {
    for (int half = 0; half < 2; half++) {
        int32_t sum = 0;
        for (int i = 16 * half; i < 16 * half + 16; i++) {
            int32_t code = (int32_t)rintf(x[i] * inverse);
            codes[i] = (int8_t)code;
            sum += code;
        }
        half_sums[half] = (int16_t)sum;
    }
}

/* Vectors of 16 bytes in the compiler's own notation: two 16-bit numbers in each of four lanes of 32 bits. Bytes 0 and 2
 * of a lane are one such pair, bytes 1 and 3 the other. */
typedef uint32_t words __attribute__((vector_size(16)));
typedef int32_t lanes __attribute__((vector_size(16)));
typedef int16_t pairs __attribute__((vector_size(16)));

INLINE pairs pair_codes(const int8_t *codes) {
    int16_t a = codes[0], b = codes[2];
    return (pairs){a, b, a, b, a, b, a, b};
}

INLINE lanes add_pairs(pairs x) { return ((lanes)((words)x << 16) >> 16) + ((lanes)x >> 16); }

INLINE words load_words(const uint8_t *w) {
    words loaded;
    memcpy(&loaded, w, sizeof loaded);
    return loaded;
}

INLINE v16 lanes_to_floats(const lanes dot[4]) {
    v16 result;
    for (int i = 0; i < 16; i++) {
        result.v[i] = (float)dot[i / 4][i % 4];
    }
    return result;
}

/* Integer dot products of a block of 32 columns for 16 output rows, as floats. With signed weights the sum of two
 * products fits 16 bits: 2 * 128 * 127 = 32512. */
INLINE v16 dot_q8(const uint8_t *w, const int8_t *codes, int32_t sum) {
    (void)sum; /* the weights are made signed here */
    lanes dot[4] = {0};
    for (int g = 0; g < 8; g++) {
        pairs even = pair_codes(codes + 4 * g), odd = pair_codes(codes + 4 * g + 1);
        for (int i = 0; i < 4; i++) {
            words bytes = load_words(w + 64 * g + 16 * i) ^ 0x80808080;
            dot[i] += add_pairs(((pairs)bytes << 8 >> 8) * even + ((pairs)bytes >> 8) * odd);
        }
    }
    return lanes_to_floats(dot);
}

/* All sixteen products of 4-bit codes that meet in a number fit its 16 bits: 16 * 15 * 127 = 30480. */
INLINE v16 dot_q4(const uint8_t *w, const int8_t *codes, int32_t offset_sum) {
    const words nibble = {0x000f000f, 0x000f000f, 0x000f000f, 0x000f000f};
    pairs sums[4] = {0};
    for (int g = 0; g < 4; g++) {
        pairs low_even = pair_codes(codes + 4 * g), low_odd = pair_codes(codes + 4 * g + 1);
        pairs high_even = pair_codes(codes + 4 * g + 16), high_odd = pair_codes(codes + 4 * g + 17);
        for (int i = 0; i < 4; i++) {
            words bytes = load_words(w + 64 * g + 16 * i);
            sums[i] += (pairs)(bytes & nibble) * low_even + (pairs)(bytes >> 8 & nibble) * low_odd
                       + (pairs)(bytes >> 4 & nibble) * high_even + (pairs)(bytes >> 12 & nibble) * high_odd;
        }
    }
    lanes dot[4];
    for (int i = 0; i < 4; i++) {
        dot[i] = add_pairs(sums[i]) + offset_sum;
    }
    return lanes_to_floats(dot);
}

/* The sums of eight products of half a block, in each 16-bit number: of `bits` bits of a byte, less `offset`, with the
 * activations' codes. They fit, codes being 0..31 or -32..31: 8 * 32 * 127 = 32512. */
INLINE void half_block_sums(const uint8_t *w, int bits, int16_t offset, const int8_t *codes, pairs sums[4]) {
    const uint32_t mask = 0x00010001u * ((1u << bits) - 1);
    for (int g = 0; g < 4; g++) {
        pairs even = pair_codes(codes + 4 * g), odd = pair_codes(codes + 4 * g + 1);
        for (int i = 0; i < 4; i++) {
            words bytes = load_words(w + 64 * g + 16 * i);
            sums[i] += ((pairs)(bytes & mask) - offset) * even + ((pairs)(bytes >> 8 & mask) - offset) * odd;
        }
    }
}

/* As dot_q8, of codes 0..31. */
INLINE v16 dot_q5(const uint8_t *w, const int8_t *codes) {
    pairs low[4] = {0}, high[4] = {0};
    lanes dot[4];
    half_block_sums(w, 5, 0, codes, low);
    half_block_sums(w + 256, 5, 0, codes + 16, high);
    for (int i = 0; i < 4; i++) {
        dot[i] = add_pairs(low[i]) + add_pairs(high[i]);
    }
    return lanes_to_floats(dot);
}

INLINE lanes load_i8_lanes(const int8_t *p) { return (lanes){p[0], p[1], p[2], p[3]}; }

/* The dot products of the halves, each times its scale, scales being (2, 16). */
INLINE v16 add_halves(const pairs low[4], const pairs high[4], const int8_t *scales) {
    lanes dot[4];
    for (int i = 0; i < 4; i++) {
        dot[i] = add_pairs(low[i]) * load_i8_lanes(scales + 4 * i) + add_pairs(high[i]) * load_i8_lanes(scales + 16 + 4 * i);
    }
    return lanes_to_floats(dot);
}

/* Of codes -32..31. */
INLINE v16 dot_q6_halves(const uint8_t *w, const int8_t *codes, const int16_t *half_sums, const int8_t *scales) {
    (void)half_sums; /* the codes are made signed here */
    pairs low[4] = {0}, high[4] = {0};
    half_block_sums(w, 6, 32, codes, low);
    half_block_sums(w + 256, 6, 32, codes + 16, high);
    return add_halves(low, high, scales);
}

/* Of codes 0..15. */
INLINE v16 dot_q4_halves(const uint8_t *w, const int8_t *codes, const int8_t *scales) {
    const words nibble = {0x000f000f, 0x000f000f, 0x000f000f, 0x000f000f};
    pairs low[4] = {0}, high[4] = {0};
    for (int g = 0; g < 4; g++) {
        pairs low_even = pair_codes(codes + 4 * g), low_odd = pair_codes(codes + 4 * g + 1);
        pairs high_even = pair_codes(codes + 4 * g + 16), high_odd = pair_codes(codes + 4 * g + 17);
        for (int i = 0; i < 4; i++) {
            words bytes = load_words(w + 64 * g + 16 * i);
            low[i] += (pairs)(bytes & nibble) * low_even + (pairs)(bytes >> 8 & nibble) * low_odd;
            high[i] += (pairs)(bytes >> 4 & nibble) * high_even + (pairs)(bytes >> 12 & nibble) * high_odd;
        }
    }
    return add_halves(low, high, scales);
}

/* minima (2, 16), times the sums of the activations' codes in the halves. */
INLINE v16 sum_halves(const int8_t *minima, const int16_t *half_sums) {
    EACH((float)(minima[i] * half_sums[0] + minima[16 + i] * half_sums[1]));
}

/* One multiplication of codes after the other, in independent chains; returns how many codes a round multiplies. */
INLINE int64_t multiply_codes(int64_t rounds) {
    pairs acc[8] = {0}, x = {1, 1, 1, 1, 1, 1, 1, 1};
    for (int64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 8; i++) {
            acc[i] += x * acc[i];
        }
    }
    keep(acc);
    return 8 * 8;
}
