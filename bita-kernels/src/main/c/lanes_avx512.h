#include <immintrin.h>

typedef __m512 v16;

#define BIG_TILE 12
#define FLOAT_ROWS 8
#define PANELS 8
#define ATTENTION_TILE 6
#define SCORE_SUMS 12
#define VALUE_SUMS 24

INLINE v16 v_set1(float x) { return _mm512_set1_ps(x); }
INLINE v16 v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, v16 x) { _mm512_storeu_ps(p, x); }
INLINE v16 v_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
INLINE v16 v_load_bf16(const uint16_t *p) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
INLINE v16 v_load_i8(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
INLINE void v_store_f16(uint16_t *p, v16 x) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
INLINE v16 v_add(v16 a, v16 b) { return _mm512_add_ps(a, b); }
INLINE v16 v_sub(v16 a, v16 b) { return _mm512_sub_ps(a, b); }
INLINE v16 v_mul(v16 a, v16 b) { return _mm512_mul_ps(a, b); }
INLINE v16 v_div(v16 a, v16 b) { return _mm512_div_ps(a, b); }
INLINE v16 v_fma(v16 a, v16 b, v16 c) { return _mm512_fmadd_ps(a, b, c); }
INLINE v16 v_neg(v16 a) {
    return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), _mm512_set1_epi32((int)0x80000000)));
}
/* a > b ? a : b */
INLINE v16 v_max(v16 a, v16 b) { return _mm512_max_ps(a, b); }
INLINE v16 v_min(v16 a, v16 b) { return _mm512_min_ps(a, b); }
INLINE v16 v_rint(v16 a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* 2^n of integral n in -126..127 */
INLINE v16 v_pow2(v16 n) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
/* x < limit ? a : b */
INLINE v16 v_select_less(v16 x, v16 limit, v16 a, v16 b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, limit, _CMP_LT_OQ), b, a);
}
/* x is NaN ? a : b */
INLINE v16 v_select_nan(v16 x, v16 a, v16 b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), b, a);
}
INLINE int v_any_nan(v16 x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q) != 0; }
/* whether any x > limit */
INLINE int v_any_greater(v16 x, v16 limit) { return _mm512_cmp_ps_mask(x, limit, _CMP_GT_OQ) != 0; }

/* Bits of the largest magnitude of 32 numbers. */
INLINE int32_t block_max_bits(const float *x) {
    __m512i mask = _mm512_set1_epi32(0x7fffffff);
    __m512i a = _mm512_and_si512(_mm512_loadu_si512(x), mask);
    __m512i b = _mm512_and_si512(_mm512_loadu_si512(x + 16), mask);
    return _mm512_reduce_max_epi32(_mm512_max_epi32(a, b));
}

/* codes = rint(x * inverse) of 32 numbers within +-127, and the sums of their halves. */
INLINE void block_codes(const float *x, float inverse, int8_t *codes, int16_t *half_sums) {
    __m512 factor = _mm512_set1_ps(inverse);
    __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), factor));
    __m512i b = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 16), factor));
    _mm_storeu_si128((__m128i *)codes, _mm512_cvtepi32_epi8(a));
    _mm_storeu_si128((__m128i *)(codes + 16), _mm512_cvtepi32_epi8(b));
    half_sums[0] = (int16_t)_mm512_reduce_add_epi32(a);
    half_sums[1] = (int16_t)_mm512_reduce_add_epi32(b);
}

/* Integer dot products of a block of 32 columns for 16 output rows, as floats. The vpdpbusd form multiplies unsigned
 * with signed bytes and does not saturate; weights are kept unsigned, and the offset times the sum of the activation
 * codes is the accumulator's start. */
#define DOT_GROUP(acc, weights, codes, g) \
    _mm512_dpbusd_epi32(acc, weights, _mm512_set1_epi32(load_word((codes) + 4 * (g))))

INLINE v16 dot_q8(const uint8_t *w, const int8_t *codes, int32_t sum) {
    __m512i even = _mm512_set1_epi32(-128 * sum), odd = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int g = 0; g < 8; g += 2) {
        even = DOT_GROUP(even, _mm512_loadu_si512(w + 64 * g), codes, g);
        odd = DOT_GROUP(odd, _mm512_loadu_si512(w + 64 * g + 64), codes, g + 1);
    }
    return _mm512_cvtepi32_ps(_mm512_add_epi32(even, odd));
}

INLINE v16 dot_q4(const uint8_t *w, const int8_t *codes, int32_t offset_sum) {
    __m512i nibble = _mm512_set1_epi8(0x0f);
    __m512i low = _mm512_set1_epi32(offset_sum), high = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int g = 0; g < 4; g++) {
        __m512i bytes = _mm512_loadu_si512(w + 64 * g);
        low = DOT_GROUP(low, _mm512_and_si512(bytes, nibble), codes, g);
        high = DOT_GROUP(high, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble), codes, g + 4);
    }
    return _mm512_cvtepi32_ps(_mm512_add_epi32(low, high));
}

/* Of codes 0..31. */
INLINE v16 dot_q5(const uint8_t *w, const int8_t *codes) {
    __m512i even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int g = 0; g < 8; g += 2) {
        even = DOT_GROUP(even, _mm512_loadu_si512(w + 64 * g), codes, g);
        odd = DOT_GROUP(odd, _mm512_loadu_si512(w + 64 * g + 64), codes, g + 1);
    }
    return _mm512_cvtepi32_ps(_mm512_add_epi32(even, odd));
}

/* The dot products of the halves, each times its scale, scales being (2, 16): in floats, which hold all of it exactly, since
 * multiplying 32-bit integers takes longer. */
INLINE v16 add_halves(__m512i low, __m512i high, const int8_t *scales) {
    return v_fma(_mm512_cvtepi32_ps(high), v_load_i8(scales + 16), v_mul(_mm512_cvtepi32_ps(low), v_load_i8(scales)));
}

/* Of codes -32..31, stored as 0..63. */
INLINE v16 dot_q6_halves(const uint8_t *w, const int8_t *codes, const int16_t *half_sums, const int8_t *scales) {
    __m512i low = _mm512_set1_epi32(-32 * half_sums[0]), high = _mm512_set1_epi32(-32 * half_sums[1]);
#pragma GCC unroll 8
    for (int g = 0; g < 4; g++) {
        low = DOT_GROUP(low, _mm512_loadu_si512(w + 64 * g), codes, g);
        high = DOT_GROUP(high, _mm512_loadu_si512(w + 64 * g + 256), codes, g + 4);
    }
    return add_halves(low, high, scales);
}

/* Of codes 0..15. */
INLINE v16 dot_q4_halves(const uint8_t *w, const int8_t *codes, const int8_t *scales) {
    __m512i nibble = _mm512_set1_epi8(0x0f);
    __m512i low = _mm512_setzero_si512(), high = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int g = 0; g < 4; g++) {
        __m512i bytes = _mm512_loadu_si512(w + 64 * g);
        low = DOT_GROUP(low, _mm512_and_si512(bytes, nibble), codes, g);
        high = DOT_GROUP(high, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble), codes, g + 4);
    }
    return add_halves(low, high, scales);
}

/* minima (2, 16), times the sums of the activations' codes in the halves. */
INLINE v16 sum_halves(const int8_t *minima, const int16_t *half_sums) {
    __m128i first = _mm_loadu_si128((const __m128i *)minima), second = _mm_loadu_si128((const __m128i *)(minima + 16));
    __m256i pairs = _mm256_set_m128i(_mm_unpackhi_epi8(first, second), _mm_unpacklo_epi8(first, second));
    __m512i sums = _mm512_set1_epi32(load_word(half_sums));
    return _mm512_cvtepi32_ps(_mm512_madd_epi16(_mm512_cvtepi8_epi16(pairs), sums));
}

/* One multiplication of codes after the other, in independent chains; returns how many codes a round multiplies. */
INLINE int64_t multiply_codes(int64_t rounds) {
    int8_t ones[64];
    memset(ones, 1, sizeof ones);
    keep(ones);
    __m512i acc[8], x = _mm512_loadu_si512(ones);
    for (int i = 0; i < 8; i++) {
        acc[i] = _mm512_setzero_si512();
    }
    for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            acc[i] = _mm512_dpbusd_epi32(acc[i], x, x);
        }
    }
    keep(acc);
    return 8 * 64;
}
