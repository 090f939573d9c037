#include <arm_neon.h>

typedef struct {
    float32x4_t v[4];
} v16;

#define BIG_TILE 4
#define FLOAT_ROWS 4
#define PANELS 4
#define ATTENTION_TILE 3
#define SCORE_SUMS 4
#define VALUE_SUMS 6

#define EACH(expression)                \
    v16 result;                         \
    for (int i = 0; i < 4; i++) {       \
        result.v[i] = (expression);     \
    }                                   \
    return result

INLINE v16 v_set1(float x) { EACH(vdupq_n_f32(x)); }
INLINE v16 v_load(const float *p) { EACH(vld1q_f32(p + 4 * i)); }
INLINE void v_store(float *p, v16 x) {
    for (int i = 0; i < 4; i++) {
        vst1q_f32(p + 4 * i, x.v[i]);
    }
}
INLINE v16 v_load_f16(const uint16_t *p) { EACH(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i)))); }
INLINE v16 v_load_bf16(const uint16_t *p) { EACH(vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16))); }
INLINE void load_i8_lanes(const int8_t *p, int32x4_t lanes[4]) {
    int8x16_t bytes = vld1q_s8(p);
    int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    lanes[0] = vmovl_s16(vget_low_s16(low));
    lanes[1] = vmovl_s16(vget_high_s16(low));
    lanes[2] = vmovl_s16(vget_low_s16(high));
    lanes[3] = vmovl_s16(vget_high_s16(high));
}
INLINE v16 v_load_i8(const int8_t *p) {
    int32x4_t lanes[4];
    load_i8_lanes(p, lanes);
    EACH(vcvtq_f32_s32(lanes[i]));
}
INLINE void v_store_f16(uint16_t *p, v16 x) {
    for (int i = 0; i < 4; i++) {
        vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(x.v[i])));
    }
}
INLINE v16 v_add(v16 a, v16 b) { EACH(vaddq_f32(a.v[i], b.v[i])); }
INLINE v16 v_sub(v16 a, v16 b) { EACH(vsubq_f32(a.v[i], b.v[i])); }
INLINE v16 v_mul(v16 a, v16 b) { EACH(vmulq_f32(a.v[i], b.v[i])); }
INLINE v16 v_div(v16 a, v16 b) { EACH(vdivq_f32(a.v[i], b.v[i])); }
INLINE v16 v_fma(v16 a, v16 b, v16 c) { EACH(vfmaq_f32(c.v[i], a.v[i], b.v[i])); }
INLINE v16 v_neg(v16 a) { EACH(vnegq_f32(a.v[i])); }
/* a > b ? a : b */
INLINE v16 v_max(v16 a, v16 b) { EACH(vbslq_f32(vcgtq_f32(a.v[i], b.v[i]), a.v[i], b.v[i])); }
INLINE v16 v_min(v16 a, v16 b) { EACH(vbslq_f32(vcltq_f32(a.v[i], b.v[i]), a.v[i], b.v[i])); }
INLINE v16 v_rint(v16 a) { EACH(vrndnq_f32(a.v[i])); }
/* 2^n of integral n in -126..127 */
INLINE v16 v_pow2(v16 n) {
    EACH(vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n.v[i]), vdupq_n_s32(127)), 23)));
}
/* x < limit ? a : b */
INLINE v16 v_select_less(v16 x, v16 limit, v16 a, v16 b) {
    EACH(vbslq_f32(vcltq_f32(x.v[i], limit.v[i]), a.v[i], b.v[i]));
}
/* x is NaN ? a : b */
INLINE v16 v_select_nan(v16 x, v16 a, v16 b) { EACH(vbslq_f32(vceqq_f32(x.v[i], x.v[i]), b.v[i], a.v[i])); }
INLINE int v_any_nan(v16 x) {
    uint32x4_t ordered = vdupq_n_u32(0xffffffff);
    for (int i = 0; i < 4; i++) {
        ordered = vandq_u32(ordered, vceqq_f32(x.v[i], x.v[i]));
    }
    return vminvq_u32(ordered) == 0;
}
/* whether any x > limit */
INLINE int v_any_greater(v16 x, v16 limit) {
    uint32x4_t greater = vdupq_n_u32(0);
    for (int i = 0; i < 4; i++) {
        greater = vorrq_u32(greater, vcgtq_f32(x.v[i], limit.v[i]));
    }
    return vmaxvq_u32(greater) != 0;
}

/* Bits of the largest magnitude of 32 numbers. */
INLINE int32_t block_max_bits(const float *x) {
    int32x4_t m = vdupq_n_s32(0);
    for (int i = 0; i < 8; i++) {
        m = vmaxq_s32(m, vandq_s32(vreinterpretq_s32_f32(vld1q_f32(x + 4 * i)), vdupq_n_s32(0x7fffffff)));
    }
    return vmaxvq_s32(m);
}

/* codes = rint(x * inverse) of 32 numbers within +-127, and the sums of their halves. */
INLINE void block_codes(const float *x, float inverse, int8_t *codes, int16_t *half_sums) {
    for (int half = 0; half < 2; half++) {
        int32x4_t sum = vdupq_n_s32(0);
        for (int i = 4 * half; i < 4 * half + 4; i += 2) {
            int32x4_t a = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4 * i), inverse));
            int32x4_t b = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4 * i + 4), inverse));
            sum = vaddq_s32(sum, vaddq_s32(a, b));
            vst1_s8(codes + 4 * i, vmovn_s16(vcombine_s16(vmovn_s32(a), vmovn_s32(b))));
        }
        half_sums[half] = (int16_t)vaddvq_s32(sum);
    }
}

/* Integer dot products of a block of 32 columns for 16 output rows, as floats. */
INLINE int32x4_t dot_group(int32x4_t acc, int8x16_t weights, const int8_t *codes) {
    return vdotq_s32(acc, weights, vreinterpretq_s8_s32(vdupq_n_s32(load_word(codes))));
}

INLINE v16 dot_q8(const uint8_t *w, const int8_t *codes, int32_t sum) {
    (void)sum; /* the codes are made signed here */
    v16 result;
    for (int i = 0; i < 4; i++) {
        int32x4_t acc = vdupq_n_s32(0);
        for (int g = 0; g < 8; g++) {
            uint8x16_t bytes = veorq_u8(vld1q_u8(w + 64 * g + 16 * i), vdupq_n_u8(0x80));
            acc = dot_group(acc, vreinterpretq_s8_u8(bytes), codes + 4 * g);
        }
        result.v[i] = vcvtq_f32_s32(acc);
    }
    return result;
}

INLINE v16 dot_q4(const uint8_t *w, const int8_t *codes, int32_t offset_sum) {
    v16 result;
    for (int i = 0; i < 4; i++) {
        int32x4_t acc = vdupq_n_s32(offset_sum);
        for (int g = 0; g < 4; g++) {
            uint8x16_t bytes = vld1q_u8(w + 64 * g + 16 * i);
            acc = dot_group(acc, vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(0x0f))), codes + 4 * g);
            acc = dot_group(acc, vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4)), codes + 4 * g + 16);
        }
        result.v[i] = vcvtq_f32_s32(acc);
    }
    return result;
}

/* Of codes 0..31. */
INLINE v16 dot_q5(const uint8_t *w, const int8_t *codes) {
    v16 result;
    for (int i = 0; i < 4; i++) {
        int32x4_t acc = vdupq_n_s32(0);
        for (int g = 0; g < 8; g++) {
            acc = dot_group(acc, vreinterpretq_s8_u8(vld1q_u8(w + 64 * g + 16 * i)), codes + 4 * g);
        }
        result.v[i] = vcvtq_f32_s32(acc);
    }
    return result;
}

/* Of codes -32..31, stored as 0..63; scales: (2, 16). */
INLINE v16 dot_q6_halves(const uint8_t *w, const int8_t *codes, const int16_t *half_sums, const int8_t *scales) {
    int32x4_t first[4], second[4];
    load_i8_lanes(scales, first);
    load_i8_lanes(scales + 16, second);
    v16 result;
    for (int i = 0; i < 4; i++) {
        int32x4_t low = vdupq_n_s32(-32 * half_sums[0]), high = vdupq_n_s32(-32 * half_sums[1]);
        for (int g = 0; g < 4; g++) {
            low = dot_group(low, vreinterpretq_s8_u8(vld1q_u8(w + 64 * g + 16 * i)), codes + 4 * g);
            high = dot_group(high, vreinterpretq_s8_u8(vld1q_u8(w + 64 * g + 16 * i + 256)), codes + 4 * g + 16);
        }
        result.v[i] = vcvtq_f32_s32(vmlaq_s32(vmulq_s32(low, first[i]), high, second[i]));
    }
    return result;
}

/* Of codes 0..15. */
INLINE v16 dot_q4_halves(const uint8_t *w, const int8_t *codes, const int8_t *scales) {
    int32x4_t first[4], second[4];
    load_i8_lanes(scales, first);
    load_i8_lanes(scales + 16, second);
    v16 result;
    for (int i = 0; i < 4; i++) {
        int32x4_t low = vdupq_n_s32(0), high = vdupq_n_s32(0);
        for (int g = 0; g < 4; g++) {
            uint8x16_t bytes = vld1q_u8(w + 64 * g + 16 * i);
            low = dot_group(low, vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(0x0f))), codes + 4 * g);
            high = dot_group(high, vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4)), codes + 4 * g + 16);
        }
        result.v[i] = vcvtq_f32_s32(vmlaq_s32(vmulq_s32(low, first[i]), high, second[i]));
    }
    return result;
}

/* minima (2, 16), times the sums of the activations' codes in the halves. */
INLINE v16 sum_halves(const int8_t *minima, const int16_t *half_sums) {
    int32x4_t first[4], second[4];
    load_i8_lanes(minima, first);
    load_i8_lanes(minima + 16, second);
    EACH(vcvtq_f32_s32(vmlaq_n_s32(vmulq_n_s32(first[i], half_sums[0]), second[i], half_sums[1])));
}

/* One multiplication of codes after the other, in independent chains; returns how many codes a round multiplies. */
INLINE int64_t multiply_codes(int64_t rounds) {
    int32x4_t acc[8];
    int8x16_t x = vdupq_n_s8(1);
    for (int i = 0; i < 8; i++) {
        acc[i] = vdupq_n_s32(0);
    }
    for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            acc[i] = vdotq_s32(acc[i], x, x);
        }
        __asm__ volatile("" : "+w"(x));
    }
    keep(acc);
    return 8 * 16;
}
