/* Sixteen f32 lanes on each instruction set. BITA_ISA names the one this unit is compiled for. Every operation is
 * correctly rounded and the same on all of them. BIG_TILE: most rows, up to 12, of a tile whose sums fit the registers;
 * FLOAT_ROWS: the same for float weights, where rows lie as far apart as a row is long, which may be such that more of
 * them than a cache has ways compete for the same lines; PANELS: independent sums that hide the latency of an fma.
 * ATTENTION_TILE: most queries that share a loaded key or value, up to 6; SCORE_SUMS and VALUE_SUMS: sums that fit the
 * registers beside what each of them needs. */
#ifndef BITA_LANES_H
#define BITA_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "bita.h"

#if BITA_ISA == BITA_GENERIC /* whose many small loops, all inlined, keep a compiler busy for a minute */
#define INLINE static inline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

INLINE int32_t float_bits(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINE float bits_float(int32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

INLINE int32_t load_word(const void *p) {
    int32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Keeps the compiler from leaving out what computes the memory at p. */
INLINE void keep(const void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }

/* a * b + c, rounded once. Where the processor has no instruction for it, C libraries do not agree: those of musl and of
 * Windows, as Zig brings them, round subnormals twice. */
#if defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__aarch64__)
#define FAST_FMA
INLINE float fused(float a, float b, float c) { return fmaf(a, b, c); }
#else
/* The product of two floats is exact as a double. Its sum with c is rounded to odd: to the neighbour whose last bit is set,
 * unless it is exact. The second rounding, to a float, then gives what one rounding would have (Boldo, Melquiond 2008). */
static __attribute__((noinline, cold)) float fused(float a, float b, float c) {
    double product = (double)a * (double)b, addend = c, sum = product + addend;
    double from_product = sum - addend;
    double error = (product - from_product) + (addend - (sum - from_product)); /* of the sum, exactly (Knuth) */
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if (isfinite(sum) && error != 0 && (bits & 1) == 0) {
        bits += (error > 0) == (sum > 0) ? 1 : -1;
        memcpy(&sum, &bits, sizeof sum);
    }
    return (float)sum;
}
#endif

#if BITA_ISA == BITA_AVX512 || BITA_ISA == BITA_AMX
#include "lanes_avx512.h"
#elif BITA_ISA == BITA_AVX2
#include "lanes_avx2.h"
#elif BITA_ISA == BITA_NEON
#include "lanes_neon.h"
#else
#include "lanes_generic.h"
#endif

#endif
