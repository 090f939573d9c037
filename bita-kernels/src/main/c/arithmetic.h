/* What kernels share beyond single lanes: functions, parts of sixteen lanes, tiles of rows. */
#ifndef BITA_ARITHMETIC_H
#define BITA_ARITHMETIC_H

#include "lanes.h"

INLINE v16 v_exp(v16 x) {
    const v16 low = v_set1(-87.33654f), high = v_set1(88.0f);
    v16 clamped = v_min(v_max(x, low), high);
    v16 n = v_rint(v_mul(clamped, v_set1(1.4426950408889634f)));
    v16 r = v_fma(n, v_set1(-0.693145751953125f), clamped);
    r = v_fma(n, v_set1(-1.42860682030941723212e-6f), r);
    v16 p = v_set1(1.0f / 720);
    p = v_fma(p, r, v_set1(1.0f / 120));
    p = v_fma(p, r, v_set1(1.0f / 24));
    p = v_fma(p, r, v_set1(1.0f / 6));
    p = v_fma(p, r, v_set1(0.5f));
    p = v_fma(p, r, v_set1(1.0f));
    p = v_fma(p, r, v_set1(1.0f));
    v16 y = v_mul(p, v_pow2(n));
    y = v_select_less(x, low, v_set1(0.0f), y);
    y = v_select_less(high, x, v_set1(INFINITY), y);
    return v_select_nan(x, x, y);
}

/* Loads or stores the first n < 16 lanes through a buffer. */
INLINE v16 load_part(const float *p, int n) {
    float buffer[16] = {0};
    memcpy(buffer, p, (size_t)n * sizeof(float));
    return v_load(buffer);
}

INLINE void store_part(float *p, v16 x, int n) {
    float buffer[16];
    v_store(buffer, x);
    memcpy(p, buffer, (size_t)n * sizeof(float));
}

INLINE float halve_lanes(v16 x) {
    float lanes[16];
    v_store(lanes, x);
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            lanes[i] += lanes[i + half];
        }
    }
    return lanes[0];
}

/* Covers the rows with as few tiles as possible, of nearly the same height: a low tile unpacks weights for few rows and
 * waits for its own sums. The height is a constant in each case, so that the compiler unrolls the tile. */
#define TILE_CASE(TILE, most, n) \
    case n:                      \
        if (n <= most) {         \
            TILE(n);             \
        }                        \
        break;
#define FOR_TILES(TILE, most)                                                                            \
    for (int32_t row = 0, tiles = (rows + most - 1) / most, height; tiles > 0; tiles--, row += height) { \
        height = (rows - row + tiles - 1) / tiles;                                                       \
        switch (height) {                                                                                \
            TILE_CASE(TILE, most, 1)                                                                     \
            TILE_CASE(TILE, most, 2)                                                                     \
            TILE_CASE(TILE, most, 3)                                                                     \
            TILE_CASE(TILE, most, 4)                                                                     \
            TILE_CASE(TILE, most, 5)                                                                     \
            TILE_CASE(TILE, most, 6)                                                                     \
            TILE_CASE(TILE, most, 7)                                                                     \
            TILE_CASE(TILE, most, 8)                                                                     \
            TILE_CASE(TILE, most, 9)                                                                     \
            TILE_CASE(TILE, most, 10)                                                                    \
            TILE_CASE(TILE, most, 11)                                                                    \
            TILE_CASE(TILE, most, 12)                                                                    \
        }                                                                                                \
    }

#endif
