typedef struct {
    float v[16];
} v16;

#define BIG_TILE 1
#define PANELS 1

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
INLINE void v_store_f16(uint16_t *p, v16 x) {
    for (int i = 0; i < 16; i++) {
        p[i] = f32_to_f16(x.v[i]);
    }
}
INLINE v16 v_add(v16 a, v16 b) { EACH(a.v[i] + b.v[i]); }
INLINE v16 v_sub(v16 a, v16 b) { EACH(a.v[i] - b.v[i]); }
INLINE v16 v_mul(v16 a, v16 b) { EACH(a.v[i] * b.v[i]); }
INLINE v16 v_div(v16 a, v16 b) { EACH(a.v[i] / b.v[i]); }
INLINE v16 v_fma(v16 a, v16 b, v16 c) { EACH(fmaf(a.v[i], b.v[i], c.v[i])); }
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

/* Bits of the largest magnitude of 32 numbers. */
INLINE int32_t block_max_bits(const float *x) {
    int32_t maximum = 0;
    for (int i = 0; i < 32; i++) {
        int32_t bits = float_bits(x[i]) & 0x7fffffff;
        maximum = bits > maximum ? bits : maximum;
    }
    return maximum;
}

/* codes = rint(x * inverse) of 32 numbers within +-127; returns their sum. */
INLINE int32_t block_codes(const float *x, float inverse, int8_t *codes) {
    int32_t sum = 0;
    for (int i = 0; i < 32; i++) {
        int32_t code = (int32_t)rintf(x[i] * inverse);
        codes[i] = (int8_t)code;
        sum += code;
    }
    return sum;
}

/* Integer dot products of a block of 32 columns for 16 output rows, as floats. */
INLINE v16 dot_q8(const uint8_t *w, const int8_t *codes, int32_t sum) {
    v16 result;
    for (int lane = 0; lane < 16; lane++) {
        int32_t dot = -128 * sum;
        for (int k = 0; k < 32; k++) {
            dot += w[64 * (k / 4) + 4 * lane + k % 4] * codes[k];
        }
        result.v[lane] = (float)dot;
    }
    return result;
}

INLINE v16 dot_q4(const uint8_t *w, const int8_t *codes, int32_t offset_sum) {
    v16 result;
    for (int lane = 0; lane < 16; lane++) {
        int32_t dot = offset_sum;
        for (int k = 0; k < 16; k++) {
            uint8_t byte = w[64 * (k / 4) + 4 * lane + k % 4];
            dot += (byte & 0xf) * codes[k] + (byte >> 4) * codes[k + 16];
        }
        result.v[lane] = (float)dot;
    }
    return result;
}
