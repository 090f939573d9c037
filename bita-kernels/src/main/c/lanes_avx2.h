#include <immintrin.h>

typedef struct {
    __m256 a, b;
} v16;

#define BIG_TILE 4
#define FLOAT_ROWS 6
#define PANELS 4
#define ATTENTION_TILE 6
#define SCORE_SUMS 6
#define VALUE_SUMS 6

#define PAIR(first, second) ((v16){(first), (second)})

INLINE v16 v_set1(float x) { return PAIR(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
INLINE v16 v_load(const float *p) { return PAIR(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
INLINE void v_store(float *p, v16 x) {
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
}
INLINE v16 v_load_f16(const uint16_t *p) {
    return PAIR(_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8))));
}
INLINE __m256 load_bf16_half(const uint16_t *p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
INLINE v16 v_load_bf16(const uint16_t *p) { return PAIR(load_bf16_half(p), load_bf16_half(p + 8)); }
INLINE v16 v_load_i8(const int8_t *p) {
    return PAIR(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p))),
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p + 8)))));
}
INLINE void v_store_f16(uint16_t *p, v16 x) {
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
INLINE v16 v_add(v16 x, v16 y) { return PAIR(_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)); }
INLINE v16 v_sub(v16 x, v16 y) { return PAIR(_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)); }
INLINE v16 v_mul(v16 x, v16 y) { return PAIR(_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)); }
INLINE v16 v_div(v16 x, v16 y) { return PAIR(_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)); }
INLINE v16 v_fma(v16 x, v16 y, v16 z) {
    return PAIR(_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b));
}
INLINE v16 v_neg(v16 x) {
    __m256 sign = _mm256_set1_ps(-0.0f);
    return PAIR(_mm256_xor_ps(x.a, sign), _mm256_xor_ps(x.b, sign));
}
/* x > y ? x : y */
INLINE v16 v_max(v16 x, v16 y) { return PAIR(_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)); }
INLINE v16 v_min(v16 x, v16 y) { return PAIR(_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)); }
INLINE v16 v_rint(v16 x) {
    return PAIR(_mm256_round_ps(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                _mm256_round_ps(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
INLINE __m256 pow2_half(__m256 n) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
/* 2^n of integral n in -126..127 */
INLINE v16 v_pow2(v16 n) { return PAIR(pow2_half(n.a), pow2_half(n.b)); }
/* x < limit ? y : z */
INLINE v16 v_select_less(v16 x, v16 limit, v16 y, v16 z) {
    return PAIR(_mm256_blendv_ps(z.a, y.a, _mm256_cmp_ps(x.a, limit.a, _CMP_LT_OQ)),
                _mm256_blendv_ps(z.b, y.b, _mm256_cmp_ps(x.b, limit.b, _CMP_LT_OQ)));
}
/* x is NaN ? y : z */
INLINE v16 v_select_nan(v16 x, v16 y, v16 z) {
    return PAIR(_mm256_blendv_ps(z.a, y.a, _mm256_cmp_ps(x.a, x.a, _CMP_UNORD_Q)),
                _mm256_blendv_ps(z.b, y.b, _mm256_cmp_ps(x.b, x.b, _CMP_UNORD_Q)));
}
INLINE int v_any_nan(v16 x) {
    return _mm256_movemask_ps(_mm256_or_ps(_mm256_cmp_ps(x.a, x.a, _CMP_UNORD_Q),
                                           _mm256_cmp_ps(x.b, x.b, _CMP_UNORD_Q))) != 0;
}

/* whether any x > limit */
INLINE int v_any_greater(v16 x, v16 limit) {
    return _mm256_movemask_ps(_mm256_or_ps(_mm256_cmp_ps(x.a, limit.a, _CMP_GT_OQ),
                                           _mm256_cmp_ps(x.b, limit.b, _CMP_GT_OQ))) != 0;
}

INLINE __m256i magnitude_bits(const float *x) {
    return _mm256_and_si256(_mm256_loadu_si256((const __m256i *)x), _mm256_set1_epi32(0x7fffffff));
}

/* Bits of the largest magnitude of 32 numbers. */
INLINE int32_t block_max_bits(const float *x) {
    __m256i m = _mm256_max_epi32(_mm256_max_epi32(magnitude_bits(x), magnitude_bits(x + 8)),
                                 _mm256_max_epi32(magnitude_bits(x + 16), magnitude_bits(x + 24)));
    __m128i h = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0x4e));
    h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0xb1));
    return _mm_cvtsi128_si32(h);
}

/* codes = rint(x * inverse) of 32 numbers within +-127, and the sums of their halves. */
INLINE void block_codes(const float *x, float inverse, int8_t *codes, int16_t *half_sums) {
    __m256 factor = _mm256_set1_ps(inverse);
    __m256i q[4];
    for (int i = 0; i < 4; i++) {
        q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), factor));
    }
    /* Packing works within 128-bit halves; the permutation restores the order. */
    __m256i words = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    words = _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)codes, words);
    __m256i sums = _mm256_hadd_epi32(_mm256_add_epi32(q[0], q[1]), _mm256_add_epi32(q[2], q[3]));
    __m128i h = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    h = _mm_hadd_epi32(h, h); /* first half, second half, and both again */
    int32_t both = _mm_cvtsi128_si32(_mm_packs_epi32(h, h));
    memcpy(half_sums, &both, 4);
}

/* Integer dot products of a block of 32 columns for 8 output rows. The pairwise products of vpmaddubsw saturate at 16
 * bits, so the left operand is a magnitude of at most 128 and the right one within +-127: 2 * 128 * 127 fits. */
INLINE __m256i dot_q8_half(const uint8_t *w, const int8_t *codes) {
    __m256i acc = _mm256_setzero_si256(), ones = _mm256_set1_epi16(1), flip = _mm256_set1_epi8((char)0x80);
#pragma GCC unroll 8
    for (int g = 0; g < 8; g++) {
        __m256i weights = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(w + 64 * g)), flip);
        __m256i x = _mm256_sign_epi8(_mm256_set1_epi32(load_word(codes + 4 * g)), weights);
        acc = _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(weights), x), ones));
    }
    return acc;
}

INLINE v16 dot_q8(const uint8_t *w, const int8_t *codes, int32_t sum) {
    (void)sum; /* the codes are made signed here */
    return PAIR(_mm256_cvtepi32_ps(dot_q8_half(w, codes)), _mm256_cvtepi32_ps(dot_q8_half(w + 32, codes)));
}

/* All eight pairwise sums of 4-bit codes fit 16 bits: 16 * 15 * 127 = 30480. */
INLINE __m256i dot_q4_half(const uint8_t *w, const int8_t *codes, int32_t offset_sum) {
    __m256i nibble = _mm256_set1_epi8(0x0f), acc = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(w + 64 * g));
        __m256i low = _mm256_and_si256(bytes, nibble);
        __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
        acc = _mm256_add_epi16(acc, _mm256_maddubs_epi16(low, _mm256_set1_epi32(load_word(codes + 4 * g))));
        acc = _mm256_add_epi16(acc, _mm256_maddubs_epi16(high, _mm256_set1_epi32(load_word(codes + 4 * g + 16))));
    }
    return _mm256_add_epi32(_mm256_madd_epi16(acc, _mm256_set1_epi16(1)), _mm256_set1_epi32(offset_sum));
}

INLINE v16 dot_q4(const uint8_t *w, const int8_t *codes, int32_t offset_sum) {
    return PAIR(_mm256_cvtepi32_ps(dot_q4_half(w, codes, offset_sum)),
                _mm256_cvtepi32_ps(dot_q4_half(w + 32, codes, offset_sum)));
}

/* Of codes 0..31: the four sums of two products of half a block fit 16 bits, 8 * 31 * 127 = 31496. */
INLINE __m256i dot_q5_half(const uint8_t *w, const int8_t *codes) {
    __m256i low = _mm256_setzero_si256(), high = low, ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) {
        __m256i x = _mm256_set1_epi32(load_word(codes + 4 * g)), y = _mm256_set1_epi32(load_word(codes + 4 * g + 16));
        low = _mm256_add_epi16(low, _mm256_maddubs_epi16(_mm256_loadu_si256((const __m256i *)(w + 64 * g)), x));
        high = _mm256_add_epi16(high, _mm256_maddubs_epi16(_mm256_loadu_si256((const __m256i *)(w + 64 * g + 256)), y));
    }
    return _mm256_add_epi32(_mm256_madd_epi16(low, ones), _mm256_madd_epi16(high, ones));
}

INLINE v16 dot_q5(const uint8_t *w, const int8_t *codes) {
    return PAIR(_mm256_cvtepi32_ps(dot_q5_half(w, codes)), _mm256_cvtepi32_ps(dot_q5_half(w + 32, codes)));
}

/* Eight numbers, each in both 16-bit parts of its lane: what multiplies pair sums and adds them up at once. */
INLINE __m256i twice_i8(const int8_t *p) {
    __m128i x = _mm_loadl_epi64((const __m128i *)p);
    return _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(x, x));
}

/* Eight numbers of each of two rows of sixteen, as the 16-bit parts of a lane. */
INLINE __m256i pair_i8(const int8_t *p) {
    return _mm256_cvtepi8_epi16(
        _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)p), _mm_loadl_epi64((const __m128i *)(p + 16))));
}

/* Of codes -32..31, stored as 0..63: two sums of two products fit 16 bits, 4 * 63 * 127 = 32004. scales: (2, 16). */
INLINE __m256i dot_q6_halves_half(const uint8_t *w, const int8_t *codes, const int16_t *half_sums, const int8_t *scales) {
    __m256i sums = _mm256_set1_epi32(load_word(half_sums));
    __m256i offset = _mm256_slli_epi32(_mm256_madd_epi16(pair_i8(scales), sums), 5), acc = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int g = 0; g < 8; g += 2) {
        __m256i x = _mm256_set1_epi32(load_word(codes + 4 * g)), y = _mm256_set1_epi32(load_word(codes + 4 * g + 4));
        __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(_mm256_loadu_si256((const __m256i *)(w + 64 * g)), x),
                                         _mm256_maddubs_epi16(_mm256_loadu_si256((const __m256i *)(w + 64 * g + 64)), y));
        acc = _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, twice_i8(scales + g / 4 * 16)));
    }
    return _mm256_sub_epi32(acc, offset);
}

INLINE v16 dot_q6_halves(const uint8_t *w, const int8_t *codes, const int16_t *half_sums, const int8_t *scales) {
    return PAIR(_mm256_cvtepi32_ps(dot_q6_halves_half(w, codes, half_sums, scales)),
                _mm256_cvtepi32_ps(dot_q6_halves_half(w + 32, codes, half_sums, scales + 8)));
}

/* Of codes 0..15. */
INLINE __m256i dot_q4_halves_half(const uint8_t *w, const int8_t *codes, const int8_t *scales) {
    __m256i nibble = _mm256_set1_epi8(0x0f), low_sum = _mm256_setzero_si256(), high_sum = low_sum;
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(w + 64 * g));
        __m256i low = _mm256_and_si256(bytes, nibble);
        __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
        low_sum = _mm256_add_epi16(low_sum, _mm256_maddubs_epi16(low, _mm256_set1_epi32(load_word(codes + 4 * g))));
        high_sum = _mm256_add_epi16(high_sum, _mm256_maddubs_epi16(high, _mm256_set1_epi32(load_word(codes + 4 * g + 16))));
    }
    return _mm256_add_epi32(_mm256_madd_epi16(low_sum, twice_i8(scales)), _mm256_madd_epi16(high_sum, twice_i8(scales + 16)));
}

INLINE v16 dot_q4_halves(const uint8_t *w, const int8_t *codes, const int8_t *scales) {
    return PAIR(_mm256_cvtepi32_ps(dot_q4_halves_half(w, codes, scales)),
                _mm256_cvtepi32_ps(dot_q4_halves_half(w + 32, codes, scales + 8)));
}

/* minima (2, 16), times the sums of the activations' codes in the halves. */
INLINE v16 sum_halves(const int8_t *minima, const int16_t *half_sums) {
    __m256i sums = _mm256_set1_epi32(load_word(half_sums));
    return PAIR(_mm256_cvtepi32_ps(_mm256_madd_epi16(pair_i8(minima), sums)),
                _mm256_cvtepi32_ps(_mm256_madd_epi16(pair_i8(minima + 8), sums)));
}

/* One multiplication of codes after the other, in independent chains; returns how many codes a round multiplies. */
INLINE int64_t multiply_codes(int64_t rounds) {
    __m256i acc[8], x = _mm256_set1_epi8(1);
    for (int i = 0; i < 8; i++) {
        acc[i] = _mm256_setzero_si256();
    }
    for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            acc[i] = _mm256_add_epi16(acc[i], _mm256_maddubs_epi16(x, x));
            __asm__ volatile("" : "+x"(x));
        }
    }
    keep(acc);
    return 8 * 32;
}
