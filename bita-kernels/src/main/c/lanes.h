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
