/* The parts of attention that its forward and its backward pass share. */
#ifndef BITA_ATTENTION_H
#define BITA_ATTENTION_H

#include "arithmetic.h"

#define POSITIONS_PER_BLOCK 128
#define VALUES_AHEAD 16 /* positions */
#define MAX_HEAD_LANES 16 /* head dimension 256 */

INLINE v16 load_cached(int format, const void *data, int64_t index) {
    return format == CACHE_F16 ? v_load_f16((const uint16_t *)data + index) : v_load((const float *)data + index);
}

/* Keys and values come from memory, since a step's weights have passed through the caches. Into the first level, unlike weights: a loop
 * is a few kilobytes away from them. */
INLINE void prefetch_cached(int format, const void *data, int64_t index, int count) {
    int bytes = format == CACHE_F16 ? 2 : 4;
    for (int i = 0; i < count * bytes; i += 64) {
        __builtin_prefetch((const char *)data + index * bytes + i);
    }
}

/* A query: one row's attention head, and what it sees: positions from `first` on, below its prefix slots of the same
 * number, behind it the slots of its path. */
struct query {
    const float *q;
    int32_t first, prefix, path_length;
    const int32_t *path;
    const float *prompt_keys, *prompt_values;
    int32_t prompts;
    float *out;
};

/* Scores of `tile` queries and 16 * panels slots, row t at scores + t * stride: a key that is loaded serves all queries,
 * and the independent sums hide each other's latency. */
INLINE void score_panels(int format, const struct query *queries, int tile, const void *keys, int32_t head_dim,
                         int64_t panel, int panels, float scale, float *scores, int64_t stride) {
    v16 acc[SCORE_SUMS];
#pragma GCC unroll 16
    for (int i = 0; i < tile * panels; i++) {
        acc[i] = v_set1(0.0f);
    }
    for (int32_t pair = 0; pair < head_dim; pair += 2) { /* of dimensions: a line of memory in f16 */
#pragma GCC unroll 16
        for (int p = 0; p < panels; p++) {
            prefetch_cached(format, keys, ((panel + panels + p) * head_dim + pair) * 16, 32);
        }
#pragma GCC unroll 2
        for (int32_t d = pair; d < pair + 2; d++) {
#pragma GCC unroll 16
            for (int p = 0; p < panels; p++) {
                v16 key = load_cached(format, keys, ((panel + p) * head_dim + d) * 16);
#pragma GCC unroll 16
                for (int t = 0; t < tile; t++) {
                    acc[p * tile + t] = v_fma(v_set1(queries[t].q[d]), key, acc[p * tile + t]);
                }
            }
        }
    }
#pragma GCC unroll 16
    for (int p = 0; p < panels; p++) {
#pragma GCC unroll 16
        for (int t = 0; t < tile; t++) {
            v_store(scores + t * stride + (panel + p) * 16, v_mul(acc[p * tile + t], v_set1(scale)));
        }
    }
}

/* Scores of the slots from..to - 1, from whole panels: from is a multiple of 16. */
INLINE void score(int format, const struct query *queries, int tile, const void *keys, int32_t head_dim, int32_t from,
                  int32_t to, float scale, float *scores, int64_t stride) {
    int64_t panel = from / 16, panels = (to + 15) / 16;
#pragma GCC unroll 4
    for (int wide = 8; wide > 0; wide /= 2) {
        for (; wide * tile <= SCORE_SUMS && panel + wide <= panels; panel += wide) {
            score_panels(format, queries, tile, keys, head_dim, panel, wide, scale, scores, stride);
        }
    }
}

/* x = cap * tanh(x / cap) */
INLINE void cap_numbers(float *x, float cap, int64_t from, int64_t to) {
    v16 c = v_set1(cap);
    int64_t i = from;
    for (; i + 16 <= to; i += 16) {
        v_store(x + i, v_cap(v_load(x + i), c));
    }
    if (i < to) {
        store_part(x + i, v_cap(load_part(x + i, (int)(to - i)), c), (int)(to - i));
    }
}

INLINE float maximum_of(const float *x, int32_t n, float m) {
    int32_t whole = n / 16 * 16;
    if (whole > 0) {
        v16 maximum = v_set1(m);
        for (int32_t i = 0; i < whole; i += 16) {
            maximum = v_max(v_load(x + i), maximum);
        }
        float lanes[16];
        v_store(lanes, maximum);
        for (int i = 0; i < 16; i++) {
            m = lanes[i] > m ? lanes[i] : m;
        }
    }
    for (int32_t i = whole; i < n; i++) {
        m = x[i] > m ? x[i] : m;
    }
    return m;
}

/* The weights of positions from..to - 1, all of them seen, padded to whole lanes. */
INLINE void weigh(const struct query *query, const float *scores, int32_t from, int32_t to, float maximum,
                  float *weights) {
    int32_t straight = query->prefix < to ? query->prefix : to, n = to - from;
    if (straight > from) {
        memcpy(weights, scores + from, (size_t)(straight - from) * sizeof(float));
    }
    for (int32_t position = straight > from ? straight : from; position < to; position++) {
        weights[position - from] = scores[query->path[position - query->prefix]];
    }
    for (int32_t i = n; i % 16 != 0; i++) {
        weights[i] = 0.0f;
    }
    for (int32_t i = 0; i < n; i += 16) {
        v_store(weights + i, v_exp(v_sub(v_load(weights + i), v_set1(maximum))));
    }
}

/* Adds weighted values sequentially to `lanes` vectors of each query's sums, from vector `lane` of a head on, and the
 * weights if asked to. Row t of weights, sums and weight_sums belongs to query t; a value that is loaded serves all of
 * them. slots: of the positions, or NULL where they are the same, from `first` on. */
INLINE void add_values(int format, int tile, int head_lanes, int lane, int lanes, int with_weights, const float *weights,
                       int64_t weight_stride, const void *values, int64_t first, const int32_t *slots, int32_t count, v16 *sums,
                       float *weight_sums) {
    v16 acc[VALUE_SUMS];
    float weight[ATTENTION_TILE];
#pragma GCC unroll 16
    for (int t = 0; t < tile; t++) {
        weight[t] = with_weights ? weight_sums[t] : 0.0f;
#pragma GCC unroll 16
        for (int j = 0; j < lanes; j++) {
            acc[t * lanes + j] = sums[t * MAX_HEAD_LANES + lane + j];
        }
    }
    for (int32_t i = 0; i < count; i++) {
        int64_t slot = slots != NULL ? slots[i] : first + i;
        if (slots == NULL) {
            prefetch_cached(format, values, ((slot + VALUES_AHEAD) * head_lanes + lane) * 16, lanes * 16);
        }
#pragma GCC unroll 16
        for (int j = 0; j < lanes; j++) {
            v16 value = load_cached(format, values, (slot * head_lanes + lane + j) * 16);
#pragma GCC unroll 16
            for (int t = 0; t < tile; t++) {
                v16 w = v_set1(weights[t * weight_stride + i]);
                acc[t * lanes + j] = v_fma(w, value, acc[t * lanes + j]);
            }
        }
        if (with_weights) {
#pragma GCC unroll 16
            for (int t = 0; t < tile; t++) {
                weight[t] += weights[t * weight_stride + i];
            }
        }
    }
#pragma GCC unroll 16
    for (int t = 0; t < tile; t++) {
        if (with_weights) {
            weight_sums[t] = weight[t];
        }
#pragma GCC unroll 16
        for (int j = 0; j < lanes; j++) {
            sums[t * MAX_HEAD_LANES + lane + j] = acc[t * lanes + j];
        }
    }
}

INLINE void add_heads(int format, int tile, int head_lanes, const float *weights, int64_t weight_stride,
                      const void *values, int64_t first, const int32_t *slots, int32_t count, v16 *sums, float *weight_sums) {
    int lane = 0;
#pragma GCC unroll 4
    for (int wide = 8; wide > 0; wide /= 2) {
        if (wide * tile <= VALUE_SUMS && lane == 0 && wide <= head_lanes) {
            add_values(format, tile, head_lanes, 0, wide, 1, weights, weight_stride, values, first, slots, count, sums,
                       weight_sums);
            lane = wide;
        }
        for (; wide * tile <= VALUE_SUMS && lane + wide <= head_lanes; lane += wide) {
            add_values(format, tile, head_lanes, lane, wide, 0, weights, weight_stride, values, first, slots, count, sums,
                       weight_sums);
        }
    }
}

#endif
