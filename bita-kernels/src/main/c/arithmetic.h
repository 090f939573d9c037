/* What kernels share beyond single lanes: functions, parts of sixteen lanes, tiles of rows. */
#ifndef BITA_ARITHMETIC_H
#define BITA_ARITHMETIC_H

#include <float.h>

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

/* As exp, and what follows, defined by ScalarMath.java. */
INLINE v16 v_tanh(v16 x) {
    const v16 one = v_set1(1.0f);
    v16 square = v_mul(x, x);
    v16 p = v_set1(-0.0057049887f);
    p = v_fma(p, square, v_set1(0.020639088f));
    p = v_fma(p, square, v_set1(-0.053739715f));
    p = v_fma(p, square, v_set1(0.13331442f));
    p = v_fma(p, square, v_set1(-0.3333328f));
    v16 small = v_fma(v_mul(p, square), x, x);
    v16 large = v_sub(one, v_div(v_set1(2.0f), v_add(v_exp(v_add(x, x)), one)));
    return v_select_less(square, v_set1(0.625f * 0.625f), small, large);
}

INLINE v16 v_cap(v16 x, v16 cap) { return v_mul(cap, v_tanh(v_div(x, cap))); }

/* -2 u of x, where u is the argument of tanh in its GELU: x times a polynomial in x^2. */
#define GELU_LINEAR -1.5957692f
#define GELU_CUBIC -0.071354814f

INLINE v16 v_gelu_exponent(v16 x) { return v_mul(x, v_fma(v_mul(x, x), v_set1(GELU_CUBIC), v_set1(GELU_LINEAR))); }

/* The share of a normal distribution below x. */
INLINE v16 v_normal(v16 x) {
    const v16 one = v_set1(1.0f);
    v16 t = v_div(one, v_fma(v_set1(0.23164189f), v_max(x, v_neg(x)), one));
    v16 p = v_set1(0.5307027f);
    p = v_fma(p, t, v_set1(-0.72657603f));
    p = v_fma(p, t, v_set1(0.7107069f));
    p = v_fma(p, t, v_set1(-0.14224836f));
    p = v_fma(p, t, v_set1(0.1274148f));
    v16 beyond = v_mul(v_mul(p, t), v_exp(v_mul(v_mul(x, v_set1(-0.5f)), x)));
    return v_select_less(x, v_set1(0.0f), beyond, v_sub(one, beyond));
}

/* An activation, of negative infinity. */
INLINE v16 v_vanishing(v16 x, v16 y) { return v_select_less(x, v_set1(-FLT_MAX), v_set1(-0.0f), y); }

INLINE v16 v_activate(int activation, v16 x) {
    switch (activation) {
    case ACTIVATION_SILU:
        return v_div(x, v_add(v_set1(1.0f), v_exp(v_neg(x))));
    case ACTIVATION_GELU_TANH:
        return v_vanishing(x, v_div(x, v_add(v_set1(1.0f), v_exp(v_gelu_exponent(x)))));
    default:
        return v_vanishing(x, v_mul(x, v_normal(x)));
    }
}

/* Calls WORK(activation) with a constant. */
#define FOR_ACTIVATION(WORK, activation) \
    switch (activation) {                \
    case ACTIVATION_SILU:                \
        WORK(ACTIVATION_SILU);           \
        break;                           \
    case ACTIVATION_GELU_TANH:           \
        WORK(ACTIVATION_GELU_TANH);      \
        break;                           \
    default:                             \
        WORK(ACTIVATION_GELU_ERF);       \
        break;                           \
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

/* The first n lanes, with zeros behind them. */
INLINE v16 first_lanes(v16 x, int n) {
    float lanes[16];
    v_store(lanes, x);
    return load_part(lanes, n);
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
