/* Stands before the compiler's immintrin.h where lanes_avx512.h is compiled for a processor without AVX-512: SIMDe's
 * intrinsics (https://github.com/simd-everywhere/simde, MIT) take the place of the compiler's, on top of AVX2, FMA and
 * F16C, whose fma and conversions round once and half to even. One that is missing here does not compile. */
#include_next <immintrin.h>

#ifndef BITA_EMULATED_AVX512
#define BITA_EMULATED_AVX512
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

/* As for the generic kernels: all of this inlined keeps a compiler busy for minutes. */
#undef INLINE
#define INLINE static inline

/* What SIMDe 0.7.4 lacks, by the pseudocode of Intel's intrinsics guide. */
#define EMULATED static inline __attribute__((always_inline))

typedef union {
    __m512i whole;
    __m256i half[2];
    int32_t i32[16];
} emulated_ints;

typedef union {
    __m512 whole;
    __m256 half[2];
} emulated_floats;

EMULATED __m512 emulated_cvtph_ps(__m256i x) {
    emulated_floats r;
    r.half[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(x));
    r.half[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(x, 1));
    return r.whole;
}
#undef _mm512_cvtph_ps
#define _mm512_cvtph_ps(x) emulated_cvtph_ps(x)

EMULATED __m512i emulated_cvtepu16_epi32(__m256i x) {
    emulated_ints r;
    r.half[0] = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(x));
    r.half[1] = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(x, 1));
    return r.whole;
}
#undef _mm512_cvtepu16_epi32
#define _mm512_cvtepu16_epi32(x) emulated_cvtepu16_epi32(x)

EMULATED __m512i emulated_cvtepi8_epi32(__m128i x) {
    emulated_ints r;
    r.half[0] = _mm256_cvtepi8_epi32(x);
    r.half[1] = _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(x, x));
    return r.whole;
}
#undef _mm512_cvtepi8_epi32
#define _mm512_cvtepi8_epi32(x) emulated_cvtepi8_epi32(x)

/* Its alias takes the four operands of the masked form. */
#undef _mm512_madd_epi16
#define _mm512_madd_epi16(a, b) simde_mm512_madd_epi16(a, b)

EMULATED __m512i emulated_cvtps_epi32(__m512 x) {
    emulated_floats from = {x};
    emulated_ints r;
    r.half[0] = _mm256_cvtps_epi32(from.half[0]);
    r.half[1] = _mm256_cvtps_epi32(from.half[1]);
    return r.whole;
}
#undef _mm512_cvtps_epi32
#define _mm512_cvtps_epi32(x) emulated_cvtps_epi32(x)

EMULATED __m512 emulated_cvtepi32_ps(__m512i x) {
    emulated_ints from = {x};
    emulated_floats r;
    r.half[0] = _mm256_cvtepi32_ps(from.half[0]);
    r.half[1] = _mm256_cvtepi32_ps(from.half[1]);
    return r.whole;
}
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps(x) emulated_cvtepi32_ps(x)

/* The rounding mode is an immediate operand, and without _MM_FROUND_NO_EXC in the 256-bit form. */
#undef _mm512_cvtps_ph
#define _mm512_cvtps_ph(x, rounding)                                                                      \
    _mm256_set_m128i(_mm256_cvtps_ph(((emulated_floats){x}).half[1], (rounding) & ~_MM_FROUND_NO_EXC), \
                     _mm256_cvtps_ph(((emulated_floats){x}).half[0], (rounding) & ~_MM_FROUND_NO_EXC))

EMULATED __m128i emulated_cvtepi32_epi8(__m512i x) {
    emulated_ints from = {x};
    int8_t low[16];
    for (int i = 0; i < 16; i++) {
        low[i] = (int8_t)from.i32[i];
    }
    return _mm_loadu_si128((const __m128i *)low);
}
#undef _mm512_cvtepi32_epi8
#define _mm512_cvtepi32_epi8(x) emulated_cvtepi32_epi8(x)

EMULATED int32_t emulated_reduce_add_epi32(__m512i x) {
    emulated_ints from = {x};
    uint32_t sum = 0;
    for (int i = 0; i < 16; i++) {
        sum += (uint32_t)from.i32[i];
    }
    return (int32_t)sum;
}
#undef _mm512_reduce_add_epi32
#define _mm512_reduce_add_epi32(x) emulated_reduce_add_epi32(x)

EMULATED int32_t emulated_reduce_max_epi32(__m512i x) {
    emulated_ints from = {x};
    int32_t most = from.i32[0];
    for (int i = 1; i < 16; i++) {
        most = from.i32[i] > most ? from.i32[i] : most;
    }
    return most;
}
#undef _mm512_reduce_max_epi32
#define _mm512_reduce_max_epi32(x) emulated_reduce_max_epi32(x)

#endif
