/* The kernels, written once over sixteen lanes (lanes.h) and compiled once for each instruction set with BITA_ISA
 * defined. Sixteen output rows, slots of a cache or columns are the lanes; each lane does what ScalarKernels.java
 * does, so every instruction set gives the same bits. */
#include "attention.h"
#include "packing.h"

static void rms_norm(const float *x, const float *weight, float epsilon, float *out, int32_t columns, int32_t row_from,
                     int32_t row_to) {
    int32_t whole = columns / 16 * 16, rest = columns - whole;
    for (int32_t row = row_from; row < row_to; row++) {
        const float *in = x + (int64_t)row * columns;
        float *to = out + (int64_t)row * columns;
        v16 sum = v_set1(0.0f);
        for (int32_t k = 0; k < whole; k += 16) {
            v16 v = v_load(in + k);
            sum = v_fma(v, v, sum);
        }
        if (rest > 0) { /* fma(0, 0, s) leaves a sum of squares as it is */
            v16 v = load_part(in + whole, rest);
            sum = v_fma(v, v, sum);
        }
        v16 scale = v_set1(1.0f / sqrtf(halve_lanes(sum) / (float)columns + epsilon));
        for (int32_t k = 0; k < whole; k += 16) {
            v_store(to + k, v_mul(v_mul(v_load(in + k), scale), v_load(weight + k)));
        }
        if (rest > 0) {
            v16 v = v_mul(v_mul(load_part(in + whole, rest), scale), load_part(weight + whole, rest));
            store_part(to + whole, v, rest);
        }
    }
}

static void layer_norm(const float *x, const float *weight, const float *bias, float epsilon, float *out, int32_t columns,
                       int32_t row_from, int32_t row_to) {
    int32_t whole = columns / 16 * 16, rest = columns - whole;
    for (int32_t row = row_from; row < row_to; row++) {
        const float *in = x + (int64_t)row * columns;
        float *to = out + (int64_t)row * columns;
        v16 sum = v_set1(0.0f), squares = sum;
        for (int32_t k = 0; k < whole; k += 16) {
            sum = v_add(sum, v_load(in + k));
        }
        if (rest > 0) { /* adding 0 leaves a sum as it is, since none is -0 */
            sum = v_add(sum, load_part(in + whole, rest));
        }
        v16 mean = v_set1(halve_lanes(sum) / (float)columns);
        for (int32_t k = 0; k < whole; k += 16) {
            v16 d = v_sub(v_load(in + k), mean);
            squares = v_fma(d, d, squares);
        }
        if (rest > 0) {
            v16 d = first_lanes(v_sub(load_part(in + whole, rest), mean), rest);
            squares = v_fma(d, d, squares);
        }
        v16 scale = v_set1(1.0f / sqrtf(halve_lanes(squares) / (float)columns + epsilon));
        for (int32_t k = 0; k < whole; k += 16) {
            v16 d = v_mul(v_sub(v_load(in + k), mean), scale);
            v_store(to + k, v_fma(d, v_load(weight + k), v_load(bias + k)));
        }
        if (rest > 0) {
            v16 d = v_mul(v_sub(load_part(in + whole, rest), mean), scale);
            store_part(to + whole, v_fma(d, load_part(weight + whole, rest), load_part(bias + whole, rest)), rest);
        }
    }
}

static void quantize(const float *values, int8_t *codes, float *scales, int32_t *sums, int16_t *half_sums,
                     float *scaled_sums, int32_t columns, int32_t rows, int32_t row_from, int32_t row_to,
                     int32_t block_from, int32_t block_to) {
    for (int32_t row = row_from; row < row_to; row++) {
        for (int32_t b = block_from; b < block_to; b++) {
            const float *x = values + (int64_t)row * columns + b * 32;
            int64_t block = (int64_t)b * rows + row;
            float scale = bits_float(block_max_bits(x)) / 127.0f;
            if (scale >= 0x1p-126f && scale <= 0x1.fffffep+127f) {
                block_codes(x, 1.0f / scale, codes + block * 32, half_sums + 2 * block);
            } else {
                scale = scale < 0x1p-126f ? 0.0f : NAN;
                memset(codes + block * 32, 0, 32);
                memset(half_sums + 2 * block, 0, 4);
            }
            sums[block] = half_sums[2 * block] + half_sums[2 * block + 1];
            scales[block] = scale;
            scaled_sums[block] = scale * (float)sums[block];
        }
    }
}

/* Where results go: row r at out + r * stride. */
struct target {
    float *out;
    int64_t stride;
    int32_t outputs;
    int32_t add;
};

INLINE void put(const struct target *t, int32_t row, int32_t panel, v16 sum) {
    float *to = t->out + row * t->stride + (int64_t)panel * 16;
    int32_t lanes = t->outputs - panel * 16;
    if (lanes >= 16) {
        v_store(to, t->add ? v_add(v_load(to), sum) : sum);
    } else {
        store_part(to, t->add ? v_add(load_part(to, lanes), sum) : sum, lanes);
    }
}

/* How far ahead weights are asked for, in bytes: far enough to hide the memory's latency, and a small part of what this
 * thread will read, since what lies behind that belongs to others. A panel's codes, scales and minima are streams of a few
 * kilobytes each, which hardware prefetchers lose; a whole panel is contiguous, so one stream through it brings all of
 * them. They go to the second-level cache, so that the activations stay in the first. */
INLINE int64_t prefetch_distance(int64_t bytes) {
    const int64_t least = 8 << 10, most = 64 << 10;
    int64_t distance = bytes / 16;
    return distance < least ? least : distance > most ? most : distance;
}

INLINE void prefetch(const uint8_t *at, int bytes) {
    for (int i = 0; i < bytes; i += 64) {
        __builtin_prefetch(at + i, 0, 2);
    }
}

/* Quantized activations; see Activations.java. */
struct quantized_rows {
    const int8_t *codes;
    const float *scales;
    const int32_t *sums;
    const int16_t *half_sums;
    const float *scaled_sums;
    int32_t rows;
};

/* The dot product of a block of weights with one of activations, with two integer scales that of them too: an integer
 * that f32 holds exactly. */
INLINE v16 block_dot(int layout, const uint8_t *w, const int8_t *integer_scales, const struct quantized_rows *x, int64_t block) {
    const int8_t *codes = x->codes + block * 32;
    switch (layout) {
    case LAYOUT_Q8:
        return dot_q8(w, codes, x->sums[block]);
    case LAYOUT_Q8_MIN:
        return dot_q5(w, codes);
    case LAYOUT_Q4:
        return dot_q4(w, codes, -8 * x->sums[block]);
    case LAYOUT_K8_16:
        return dot_q6_halves(w, codes, x->half_sums + 2 * block, integer_scales);
    case LAYOUT_K4_MIN16:
        return dot_q4_halves(w, codes, integer_scales);
    default:
        return dot_q4(w, codes, 0);
    }
}

/* A tile: one panel of quantized weights times `tile` rows, the accumulators in registers. Compiled for each layout but those
 * that differ in their factors alone; `stored` is the layout itself. */
INLINE void quantized_tile(int layout, int stored, const uint8_t *panel_data, int32_t columns, const struct quantized_rows *x,
                           int32_t row, int tile, int32_t panel, int64_t ahead, const struct target *t) {
    int32_t blocks = columns / 32;
    int block_bytes = panel_block_bytes(stored);
    struct factors f = panel_factors(stored, panel_data, blocks);
    v16 acc[BIG_TILE];
#pragma GCC unroll 16
    for (int r = 0; r < tile; r++) {
        acc[r] = v_set1(0.0f);
    }
    for (int32_t b = 0; b < blocks; b++) {
        const uint8_t *w = panel_data + (int64_t)b * code_bytes(layout);
        if (row == 0) {
            prefetch(panel_data + ahead + (int64_t)b * block_bytes, block_bytes);
        }
        v16 w_scale = block_scales(&f, b);
        v16 w_minimum = has_minima(layout) ? block_minima(&f, b) : v_set1(0.0f);
#pragma GCC unroll 16
        for (int r = 0; r < tile; r++) {
            int64_t block = (int64_t)b * x->rows + row + r;
            v16 dot = block_dot(layout, w, f.integer_scales + 32 * (int64_t)b, x, block);
            acc[r] = v_fma(v_mul(w_scale, v_set1(x->scales[block])), dot, acc[r]);
            if (has_minima(layout) && integers(layout) == 2) {
                v16 sum = sum_halves(f.integer_minima + 32 * (int64_t)b, x->half_sums + 2 * block);
                acc[r] = v_fma(v_mul(w_minimum, v_set1(x->scales[block])), sum, acc[r]);
            } else if (has_minima(layout)) {
                acc[r] = v_fma(w_minimum, v_set1(x->scaled_sums[block]), acc[r]);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < tile; r++) {
        put(t, row + r, panel, acc[r]);
    }
}

INLINE v16 load_weights(int layout, const void *panel_data, int64_t index) {
    switch (layout) {
    case LAYOUT_F32:
        return v_load((const float *)panel_data + index);
    case LAYOUT_F16:
        return v_load_f16((const uint16_t *)panel_data + index);
    default:
        return v_load_bf16((const uint16_t *)panel_data + index);
    }
}

/* What a tile asks for while it multiplies: a line for every so many bytes of each of its panels. */
struct ahead {
    int64_t from; /* the first line, behind the panel's first byte */
    int32_t bytes;
};

/* A tile of `panels` panels of float weights times `tile` rows: enough independent chains to hide the fma's latency. */
INLINE void float_tile(int layout, const uint8_t *data, int64_t panel_bytes, int32_t columns, const float *values,
                       int32_t row, int tile, int32_t panel, int panels, struct ahead ahead, const struct target *t) {
    int line_bytes = layout == LAYOUT_F32 ? 64 : 32;
    int32_t due = ahead.bytes;
    v16 acc[PANELS > FLOAT_ROWS ? PANELS : FLOAT_ROWS];
#pragma GCC unroll 16
    for (int i = 0; i < panels * tile; i++) {
        acc[i] = v_set1(0.0f);
    }
    for (int32_t k = 0; k < columns; k++) {
        if (due == ahead.bytes) {
            int64_t line = ahead.from;
            line += line < panel_bytes ? 0 : (panels - 1) * panel_bytes; /* the next panels of this tile's height */
#pragma GCC unroll 16
            for (int p = 0; p < panels; p++) {
                prefetch(data + p * panel_bytes + line, 64);
            }
            ahead.from += 64;
            due = 0;
        }
        due += line_bytes;
#pragma GCC unroll 16
        for (int p = 0; p < panels; p++) {
            v16 w = load_weights(layout, data + p * panel_bytes, (int64_t)k * 16);
#pragma GCC unroll 16
            for (int r = 0; r < tile; r++) {
                v16 x = v_set1(values[(int64_t)(row + r) * columns + k]);
                acc[p * tile + r] = v_fma(w, x, acc[p * tile + r]);
            }
        }
    }
#pragma GCC unroll 16
    for (int p = 0; p < panels; p++) {
#pragma GCC unroll 16
        for (int r = 0; r < tile; r++) {
            put(t, row + r, panel + p, acc[p * tile + r]);
        }
    }
}

#if BITA_ISA == BITA_AMX
#include "products_amx.h"
#endif

/* A low tile does little else than reading weights and factors, and is compiled with the layout known. */
#define QUANTIZED_TILE(n)                                                                \
    if (n == 1 && stored == layout) {                                                    \
        quantized_tile(layout, layout, data, columns, x, row, n, panel, ahead, t);       \
    } else {                                                                             \
        quantized_tile(layout, stored, data, columns, x, row, n, panel, ahead, t);       \
    }

INLINE void multiply_quantized(int layout, int stored, const uint8_t *weights, int64_t panel_bytes, int32_t columns,
                               const struct quantized_rows *x, int32_t panel_from, int32_t panel_to, const struct target *t) {
    int64_t ahead = prefetch_distance((panel_to - panel_from) * panel_bytes);
    int32_t rows = x->rows;
#if BITA_ISA == BITA_AMX
    if (rows >= LEAST_TILE_ROWS && has_tiles(layout)) {
        multiply_on_tiles(stored, weights, panel_bytes, columns, x, panel_from, panel_to, ahead, t);
        return;
    }
#endif
    for (int32_t panel = panel_from; panel < panel_to; panel++) {
        const uint8_t *data = weights + panel * panel_bytes;
        FOR_TILES(QUANTIZED_TILE, BIG_TILE);
    }
}

/* Of several tiles, which read a panel one after the other, each asks for its part of the next panel: the memory is as busy
 * with the last tile as with the first. */
#define FLOAT_TILE(n)                                                                                           \
    {                                                                                                           \
        struct ahead next = {panel_bytes + (all_tiles - tiles) * panel_bytes / all_tiles, 64 * all_tiles};      \
        float_tile(layout, data, panel_bytes, columns, values, row, n, panel, 1, all_tiles > 1 ? next : alone, t); \
    }

/* Few rows take several panels at once. */
#define FLOAT_PANELS(n)                                                                                        \
    case n: {                                                                                                  \
        const int panels = n <= 2 ? PANELS / n : PANELS / 4;                                                   \
        struct ahead next = {panels > 1 ? distance / panels : 0, 64};                                          \
        for (; panels > 1 && panel + panels <= panel_to; panel += panels) {                                    \
            float_tile(layout, weights + panel * panel_bytes, panel_bytes, columns, values, 0, n, panel, panels, next, t); \
        }                                                                                                      \
        break;                                                                                                 \
    }

INLINE void multiply_float(int layout, const uint8_t *weights, int64_t panel_bytes, int32_t columns,
                           const float *values, int32_t rows, int32_t panel_from, int32_t panel_to,
                           const struct target *t) {
    int64_t distance = prefetch_distance((panel_to - panel_from) * panel_bytes);
    struct ahead alone = {distance, 64};
    int32_t all_tiles = (rows + FLOAT_ROWS - 1) / FLOAT_ROWS;
    int32_t panel = panel_from;
    switch (rows) {
        FLOAT_PANELS(1)
        FLOAT_PANELS(2)
        FLOAT_PANELS(3)
        FLOAT_PANELS(4)
    }
    for (; panel < panel_to; panel++) {
        const uint8_t *data = weights + panel * panel_bytes;
        FOR_TILES(FLOAT_TILE, FLOAT_ROWS);
    }
}

static void multiply(int32_t layout, const void *weights, int64_t panel_bytes, int32_t outputs, int32_t columns,
                     const float *values, const int8_t *codes, const float *scales, const int32_t *sums,
                     const int16_t *half_sums, const float *scaled_sums, int32_t rows, float *out, int64_t out_stride,
                     int32_t add, int32_t panel_from, int32_t panel_to) {
    const struct target t = {out, out_stride, outputs, add};
    const struct quantized_rows x = {codes, scales, sums, half_sums, scaled_sums, rows};
#define QUANTIZED(l)                                                                            \
    multiply_quantized(l, layout, weights, panel_bytes, columns, &x, panel_from, panel_to, &t); \
    break;
#define FLOATS(l)                                                                             \
    multiply_float(l, weights, panel_bytes, columns, values, rows, panel_from, panel_to, &t); \
    break;
    switch (layout) {
    case LAYOUT_F32:
        FLOATS(LAYOUT_F32)
    case LAYOUT_F16:
        FLOATS(LAYOUT_F16)
    case LAYOUT_BF16:
        FLOATS(LAYOUT_BF16)
    case LAYOUT_Q8:
    case LAYOUT_K8:
        QUANTIZED(LAYOUT_Q8)
    case LAYOUT_Q8_MIN:
    case LAYOUT_K8_MIN:
        QUANTIZED(LAYOUT_Q8_MIN)
    case LAYOUT_Q4:
        QUANTIZED(LAYOUT_Q4)
    case LAYOUT_Q4_MIN:
    case LAYOUT_K4_MIN:
        QUANTIZED(LAYOUT_Q4_MIN)
    case LAYOUT_K8_16:
        QUANTIZED(LAYOUT_K8_16)
    case LAYOUT_K4_MIN16:
        QUANTIZED(LAYOUT_K4_MIN16)
    }
#undef QUANTIZED
#undef FLOATS
}

static void add(float *x, const float *y, int64_t from, int64_t to) {
    int64_t i = from;
    for (; i + 16 <= to; i += 16) {
        v_store(x + i, v_add(v_load(x + i), v_load(y + i)));
    }
    for (; i < to; i++) {
        x[i] += y[i];
    }
}

static void add_bias(float *out, int64_t out_stride, const float *bias, int32_t rows, int32_t column_from,
                     int32_t column_to) {
    for (int32_t row = 0; row < rows; row++) {
        add(out + row * out_stride, bias, column_from, column_to);
    }
}

static void rotate(float *x, int64_t stride, int32_t head_dim, const float *rotary, int32_t rows, int32_t column_from,
                   int32_t column_to) {
    for (int32_t row = 0; row < rows; row++) {
        const float *table = rotary + (int64_t)row * head_dim;
        float *at = x + row * stride;
        for (int32_t k = column_from, i = column_from % head_dim; k < column_to; k += 2, i = i + 2 < head_dim ? i + 2 : 0) {
            float a = at[k], b = at[k + 1], cosine = table[i], sine = table[i + 1];
            at[k] = fused(a, cosine, -(b * sine));
            at[k + 1] = fused(a, sine, b * cosine);
        }
    }
}

static void store_keys(const float *keys, int32_t kv_heads, int32_t head_dim, void *cache, int32_t slots,
                       int32_t format, int32_t first_slot, int32_t rows, int32_t column_from, int32_t column_to) {
    for (int32_t k = column_from; k < column_to; k += 16) {
        int64_t head = k / head_dim, d = k % head_dim;
        for (int32_t row = 0; row < rows; row++) {
            const float *from = keys + (int64_t)row * kv_heads * head_dim + k;
            int32_t slot = first_slot + row;
            int64_t to = ((head * (slots / 16) + slot / 16) * head_dim + d) * 16 + slot % 16;
            if (format == CACHE_F16) {
                uint16_t rounded[16];
                v_store_f16(rounded, v_load(from));
                for (int i = 0; i < 16; i++) {
                    ((uint16_t *)cache)[to + i * 16] = rounded[i];
                }
            } else {
                for (int i = 0; i < 16; i++) {
                    ((float *)cache)[to + i * 16] = from[i];
                }
            }
        }
    }
}

static void store_values(const float *values, int32_t kv_heads, int32_t head_dim, void *cache, int32_t slots,
                         int32_t format, int32_t first_slot, int32_t rows, int32_t column_from, int32_t column_to) {
    for (int32_t row = 0; row < rows; row++) {
        for (int32_t k = column_from; k < column_to; k += 16) {
            int64_t to = ((int64_t)(k / head_dim) * slots + first_slot + row) * head_dim + k % head_dim;
            v16 x = v_load(values + (int64_t)row * kv_heads * head_dim + k);
            if (format == CACHE_F16) {
                v_store_f16((uint16_t *)cache + to, x);
            } else {
                v_store((float *)cache + to, x);
            }
        }
    }
}

/* add_heads for one query, whose weights begin at `weights`. */
static void add_one(int format, int head_lanes, const float *weights, const void *values, int64_t first,
                    const int32_t *slots, int32_t count, v16 *sums, float *weight_sum) {
    if (format == CACHE_F16) {
        add_heads(CACHE_F16, 1, head_lanes, weights, 0, values, first, slots, count, sums, weight_sum);
    } else {
        add_heads(CACHE_F32, 1, head_lanes, weights, 0, values, first, slots, count, sums, weight_sum);
    }
}

/* What a tile of queries has in common. Ranges end before `slots`, `positions` and `shared`. */
struct extent {
    int32_t first_slot, slots;    /* what any of them see lies here, and the first is that of a panel */
    int32_t first, positions;     /* likewise */
    int32_t first_shared, shared; /* slots that all of them see; none if the first is not below the end */
};

INLINE struct extent extent_of(const struct query *queries, int tile) {
    struct extent e = {INT32_MAX, 0, INT32_MAX, 0, 0, INT32_MAX};
    for (int t = 0; t < tile; t++) {
        const struct query *q = &queries[t];
        int32_t slots = q->path_length > 0 ? q->path[q->path_length - 1] + 1 : q->prefix;
        int32_t positions = q->prefix + q->path_length;
        int32_t first_slot = q->first < q->prefix || q->first == positions ? q->first : q->path[q->first - q->prefix];
        e.first_slot = first_slot < e.first_slot ? first_slot : e.first_slot;
        e.slots = slots > e.slots ? slots : e.slots;
        e.first = q->first < e.first ? q->first : e.first;
        e.positions = positions > e.positions ? positions : e.positions;
        e.first_shared = q->first > e.first_shared ? q->first : e.first_shared;
        e.shared = q->prefix < e.shared ? q->prefix : e.shared;
    }
    e.first_slot = e.first_slot / 16 * 16;
    return e;
}

/* Sums of a tile: of weights, and of weighted values. */
struct sums {
    float weight[ATTENTION_TILE];
    v16 value[ATTENTION_TILE * MAX_HEAD_LANES];
};

INLINE void clear_sums(struct sums *s, int query, int head_lanes) {
    s->weight[query] = 0.0f;
    memset(s->value + query * MAX_HEAD_LANES, 0, (size_t)head_lanes * sizeof(v16));
}

INLINE void add_sums(struct sums *total, const struct sums *s, int query, int head_lanes) {
    total->weight[query] += s->weight[query];
    for (int j = query * MAX_HEAD_LANES; j < query * MAX_HEAD_LANES + head_lanes; j++) {
        total->value[j] = v_add(total->value[j], s->value[j]);
    }
}

/* The largest score of what a query sees among the slots from..to - 1. */
INLINE float maximum_seen(const struct query *q, const float *scores, int32_t from, int32_t to, float maximum) {
    int32_t begin = q->first > from ? q->first : from, straight = q->prefix < to ? q->prefix : to;
    if (straight > begin) {
        maximum = maximum_of(scores + begin, straight - begin, maximum);
    }
    for (int32_t i = q->first > q->prefix ? q->first - q->prefix : 0; i < q->path_length; i++) {
        if (q->path[i] >= from && q->path[i] < to) {
            maximum = scores[q->path[i]] > maximum ? scores[q->path[i]] : maximum;
        }
    }
    return maximum;
}

static void soft_cap(float *x, float cap, int64_t from, int64_t to) { cap_numbers(x, cap, from, to); }

/* Calls WORK(format, n) with constants, so that the compiler unrolls the tile. */
#define TILE_OF(WORK, format, n)        \
    case n:                             \
        if (n <= ATTENTION_TILE) {      \
            if (format == CACHE_F16) {  \
                WORK(CACHE_F16, n);     \
            } else {                    \
                WORK(CACHE_F32, n);     \
            }                           \
        }                               \
        break;
#define FOR_TILE(WORK, format, tile) \
    switch (tile) {                  \
        TILE_OF(WORK, format, 1)     \
        TILE_OF(WORK, format, 2)     \
        TILE_OF(WORK, format, 3)     \
        TILE_OF(WORK, format, 4)     \
        TILE_OF(WORK, format, 5)     \
        TILE_OF(WORK, format, 6)     \
    }

/* Scores of a tile, capped if there is a cap. A function of its own, as the sums over a block are: as a part of a large
 * one it may be left without the registers for its sums. */
static __attribute__((noinline)) void score_tile(int32_t format, int32_t tile, const struct query *queries, const void *keys,
                                                 int32_t head_dim, int32_t from, int32_t to, float scale, float cap,
                                                 float *scores, int64_t stride) {
#define SCORE(format, n) score(format, queries, n, keys, head_dim, from, to, scale, scores, stride)
    FOR_TILE(SCORE, format, tile)
    for (int32_t t = 0; cap > 0.0f && t < tile; t++) {
        soft_cap(scores + t * stride, cap, from, to);
    }
}

/* Scores of the prompt tokens that a query sees, and the largest. */
INLINE float score_prompts(const struct query *q, int32_t head_dim, float scale, float cap, float *scores) {
    if (q->prompts == 0) {
        return -INFINITY;
    }
    score(CACHE_F32, q, 1, q->prompt_keys, head_dim, 0, q->prompts, scale, scores, 0);
    if (cap > 0.0f) {
        soft_cap(scores, cap, 0, q->prompts);
    }
    return maximum_of(scores, q->prompts, -INFINITY);
}

/* Sums of a query over the prompt tokens it sees. */
INLINE void prompt_sums(const struct query *q, int head_lanes, const float *scores, float maximum, int query,
                        struct sums *sums) {
    float weights[POSITIONS_PER_BLOCK];
    struct query all = {.prefix = q->prompts};
    clear_sums(sums, query, head_lanes);
    for (int32_t from = 0; from < q->prompts; from += POSITIONS_PER_BLOCK) {
        int32_t n = q->prompts - from < POSITIONS_PER_BLOCK ? q->prompts - from : POSITIONS_PER_BLOCK;
        weigh(&all, scores, from, from + n, maximum, weights);
        add_one(CACHE_F32, head_lanes, weights, q->prompt_values, from, NULL, n, sums->value + query * MAX_HEAD_LANES,
                sums->weight + query);
    }
}

/* The first position that a query sees from `from` on. */
INLINE int32_t seen_from(const struct query *q, int32_t from) { return q->first > from ? q->first : from; }

INLINE void add_block(int format, int tile, const struct query *queries, int head_lanes, const void *values,
                      const float *scores, int64_t stride, const float *maximum, const struct extent *e, int32_t from,
                      struct sums *sums) {
    float weights[ATTENTION_TILE * POSITIONS_PER_BLOCK + 16]; /* a window's padding ends in what is written next */
    int32_t end = from + POSITIONS_PER_BLOCK, common = e->shared < end ? e->shared : end;
    int32_t common_from = e->first_shared > from ? e->first_shared : from;
    for (int t = 0; t < tile; t++) {
        const struct query *q = &queries[t];
        float *own = weights + t * POSITIONS_PER_BLOCK;
        int32_t seen = q->prefix + q->path_length, begin = seen_from(q, from);
        seen = seen < end ? seen : end;
        if (seen > begin) {
            weigh(q, scores + t * stride, begin, seen, maximum[t], own + (begin - from));
        }
        clear_sums(sums, t, head_lanes);
        if (common > common_from && common_from > begin) { /* what a wider window begins with */
            add_one(format, head_lanes, own + (begin - from), values, begin, NULL, common_from - begin,
                    sums->value + t * MAX_HEAD_LANES, sums->weight + t);
        }
    }
    if (common > common_from) {
        add_heads(format, tile, head_lanes, weights + (common_from - from), POSITIONS_PER_BLOCK, values, common_from, NULL,
                  common - common_from, sums->value, sums->weight);
    }
    for (int t = 0; t < tile; t++) { /* what not all of them see */
        const struct query *q = &queries[t];
        const float *rest = weights + t * POSITIONS_PER_BLOCK;
        v16 *value = sums->value + t * MAX_HEAD_LANES;
        int32_t seen = q->prefix + q->path_length, straight = q->prefix < end ? q->prefix : end;
        int32_t at = common > common_from ? common : seen_from(q, from);
        seen = seen < end ? seen : end;
        if (straight > at) {
            add_one(format, head_lanes, rest + (at - from), values, at, NULL, straight - at, value, sums->weight + t);
            at = straight;
        }
        if (seen > at) {
            add_one(format, head_lanes, rest + (at - from), values, 0, q->path + (at - q->prefix), seen - at, value,
                    sums->weight + t);
        }
    }
}

/* Sums of a tile over the block of positions that begins at `from`. */
static __attribute__((noinline)) void block_sums(int32_t format, int32_t tile, const struct query *queries, int head_lanes,
                                                 const void *values, const float *scores, int64_t stride,
                                                 const float *maximum, const struct extent *e, int32_t from,
                                                 struct sums *sums) {
#define ADD_BLOCK(format, n) \
    add_block(format, n, queries, head_lanes, values, scores, stride, maximum, e, from, sums)
    FOR_TILE(ADD_BLOCK, format, tile)
}

/* Whether a query sees any of the block of positions that begins at `from`. */
INLINE int sees_block(const struct query *q, int32_t from) {
    return q->prefix + q->path_length > from && q->first < from + POSITIONS_PER_BLOCK;
}

/* Attention of `tile` queries that share keys and values. */
static void attend_tile(int32_t format, int32_t tile, const struct query *queries, int32_t head_dim, float scale, float cap,
                        const void *keys, const void *values, float *scratch) {
    int head_lanes = head_dim / 16;
    struct extent e = extent_of(queries, tile);
    int64_t stride = (e.slots + 15) / 16 * 16;
    float *scores = scratch, *prompt_scores = scratch + tile * stride;
    struct sums totals = {0}, sums;
    float maximum[ATTENTION_TILE];
    score_tile(format, tile, queries, keys, head_dim, e.first_slot, e.slots, scale, cap, scores, stride);
    for (int t = 0; t < tile; t++) {
        const struct query *q = &queries[t];
        maximum[t] = maximum_seen(q, scores + t * stride, 0, e.slots, score_prompts(q, head_dim, scale, cap, prompt_scores));
        if (q->prompts > 0) {
            prompt_sums(q, head_lanes, prompt_scores, maximum[t], t, &sums);
            add_sums(&totals, &sums, t, head_lanes);
        }
    }
    int32_t first_block = e.first / POSITIONS_PER_BLOCK;
    for (int32_t from = first_block * POSITIONS_PER_BLOCK; from < e.positions; from += POSITIONS_PER_BLOCK) {
        block_sums(format, tile, queries, head_lanes, values, scores, stride, maximum, &e, from, &sums);
        for (int t = 0; t < tile; t++) {
            if (sees_block(&queries[t], from)) {
                add_sums(&totals, &sums, t, head_lanes);
            }
        }
    }
    for (int t = 0; t < tile; t++) {
        v16 total = v_set1(totals.weight[t]);
        for (int j = 0; j < head_lanes; j++) {
            v_store(queries[t].out + 16 * j, v_div(totals.value[t * MAX_HEAD_LANES + j], total));
        }
    }
}

/* The arguments of attention, as the kernels get them. */
struct attention {
    const float *query;
    int32_t rows, heads, kv_heads, head_dim;
    float scale, cap;
    int32_t window;
    const void *keys, *values;
    int32_t slots, format;
    const float *prompt_keys, *prompt_values;
    int32_t prompts;
    const int32_t *prefix, *path_start, *path, *prompted;
    float *out;
};
#define ATTENTION_OF(out) {ATTENTION_ARGUMENTS, out}

INLINE struct query query_of(const struct attention *a, int32_t item) {
    int32_t group = a->heads / a->kv_heads, per_head = a->rows * group;
    int32_t row = item % per_head / group, head = item / per_head * group + item % group;
    int32_t path_length = a->path_start[row + 1] - a->path_start[row], seen = a->prefix[row] + path_length;
    int64_t at = ((int64_t)row * a->heads + head) * a->head_dim;
    return (struct query){
        .q = a->query + at,
        .first = a->window > 0 && seen > a->window ? seen - a->window : 0,
        .prefix = a->prefix[row],
        .path_length = path_length,
        .path = a->path + a->path_start[row],
        .prompt_keys = a->prompt_keys + head * (int64_t)((a->prompts + 15) / 16) * a->head_dim * 16,
        .prompt_values = a->prompt_values + (int64_t)head * a->prompts * a->head_dim,
        .prompts = a->prompted[row] ? a->prompts : 0,
        .out = a->out + at,
    };
}

/* The next tile of the items from item on: of one key-value head, and of nearly the same size as the others. */
INLINE int32_t next_tile(const struct attention *a, int32_t item, int32_t item_to, struct query *queries) {
    int32_t per_head = a->rows * (a->heads / a->kv_heads), left = (item / per_head + 1) * per_head - item;
    left = left < item_to - item ? left : item_to - item;
    int32_t tiles = (left + ATTENTION_TILE - 1) / ATTENTION_TILE, tile = (left + tiles - 1) / tiles;
    for (int32_t t = 0; t < tile; t++) {
        queries[t] = query_of(a, item + t);
    }
    return tile;
}

INLINE const void *of_head(const struct attention *a, const void *cached, int32_t item) {
    int32_t kv_head = item / (a->rows * (a->heads / a->kv_heads));
    return (const char *)cached + (int64_t)kv_head * a->slots * a->head_dim * (a->format == CACHE_F16 ? 2 : 4);
}

static void attend(ATTENTION_PARAMETERS, float *out, float *scratch, int32_t item_from, int32_t item_to) {
    const struct attention all = ATTENTION_OF(out), *a = &all;
    struct query queries[ATTENTION_TILE];
    for (int32_t item = item_from, tile; item < item_to; item += tile) {
        tile = next_tile(a, item, item_to, queries);
        attend_tile(format, tile, queries, head_dim, scale, cap, of_head(a, keys, item), of_head(a, values, item), scratch);
    }
}

/* The blocks of slots or positions that a part of `parts` works on. */
INLINE void part_of(int32_t blocks, int32_t part, int32_t parts, int32_t *from, int32_t *to) {
    *from = (int32_t)((int64_t)blocks * part / parts);
    *to = (int32_t)((int64_t)blocks * (part + 1) / parts);
}

static void attend_scores(ATTENTION_PARAMETERS, float *scores, int64_t stride, float *maxima, int32_t blocks,
                          int32_t part, int32_t parts) {
    const struct attention all = ATTENTION_OF(NULL), *a = &all;
    int32_t from, to, items = rows * heads;
    part_of(blocks, part, parts, &from, &to);
    from *= POSITIONS_PER_BLOCK;
    to *= POSITIONS_PER_BLOCK;
    struct query queries[ATTENTION_TILE];
    for (int32_t item = 0, tile; item < items; item += tile) {
        tile = next_tile(a, item, items, queries);
        struct extent e = extent_of(queries, tile);
        int32_t begin = e.first_slot > from ? e.first_slot : from, end = e.slots < to ? e.slots : to;
        float *out = scores + item * stride;
        score_tile(format, tile, queries, of_head(a, keys, item), head_dim, begin, end, scale, cap, out, stride);
        for (int32_t t = 0; t < tile; t++) {
            maxima[(int64_t)(item + t) * parts + part] = maximum_seen(&queries[t], out + t * stride, from, end, -INFINITY);
        }
    }
}

/* A query's sums over a block of positions, in memory: the weighted values, then the weight in a lane of its own. */
INLINE void store_sums(const struct sums *s, int query, int head_lanes, float *to) {
    for (int j = 0; j < head_lanes; j++) {
        v_store(to + 16 * j, s->value[query * MAX_HEAD_LANES + j]);
    }
    to[16 * head_lanes] = s->weight[query];
}

/* Adds such sums to those of query 0. */
INLINE void load_sums(struct sums *total, int head_lanes, const float *from) {
    total->weight[0] += from[16 * head_lanes];
    for (int j = 0; j < head_lanes; j++) {
        total->value[j] = v_add(total->value[j], v_load(from + 16 * j));
    }
}

static void attend_blocks(ATTENTION_PARAMETERS, const float *scores, int64_t stride, const float *maxima,
                          int32_t blocks, float *partial, float *scratch, int32_t part, int32_t parts) {
    const struct attention all = ATTENTION_OF(NULL), *a = &all;
    int head_lanes = head_dim / 16;
    int64_t block_stride = head_dim + 16;
    int32_t from, to, items = rows * heads;
    part_of(blocks, part, parts, &from, &to);
    struct query queries[ATTENTION_TILE];
    struct sums sums;
    for (int32_t item = 0, tile; item < items; item += tile) {
        tile = next_tile(a, item, items, queries);
        struct extent e = extent_of(queries, tile);
        float maximum[ATTENTION_TILE];
        for (int32_t t = 0; t < tile; t++) {
            float *prompt_partial = partial + (int64_t)(item + t) * (blocks + 1) * block_stride;
            maximum[t] = maximum_of(maxima + (int64_t)(item + t) * parts, parts,
                                    score_prompts(&queries[t], head_dim, scale, cap, scratch));
            if (part == 0 && queries[t].prompts > 0) {
                prompt_sums(&queries[t], head_lanes, scratch, maximum[t], t, &sums);
                store_sums(&sums, t, head_lanes, prompt_partial);
            }
        }
        int32_t first = e.first / POSITIONS_PER_BLOCK;
        for (int32_t block = first > from ? first : from; block < to && block * POSITIONS_PER_BLOCK < e.positions; block++) {
            block_sums(format, tile, queries, head_lanes, of_head(a, values, item), scores + item * stride, stride, maximum, &e,
                       block * POSITIONS_PER_BLOCK, &sums);
            for (int32_t t = 0; t < tile; t++) {
                store_sums(&sums, t, head_lanes, partial + ((int64_t)(item + t) * (blocks + 1) + block + 1) * block_stride);
            }
        }
    }
}

static void attend_totals(ATTENTION_PARAMETERS, const float *partial, int32_t blocks, float *out, int32_t item_from,
                          int32_t item_to) {
    const struct attention all = ATTENTION_OF(out), *a = &all;
    int head_lanes = head_dim / 16;
    int64_t block_stride = head_dim + 16;
    for (int32_t item = item_from; item < item_to; item++) {
        struct query q = query_of(a, item);
        const float *at = partial + (int64_t)item * (blocks + 1) * block_stride;
        struct sums totals;
        clear_sums(&totals, 0, head_lanes);
        if (q.prompts > 0) {
            load_sums(&totals, head_lanes, at);
        }
        for (int32_t block = q.first / POSITIONS_PER_BLOCK; block * POSITIONS_PER_BLOCK < q.prefix + q.path_length; block++) {
            load_sums(&totals, head_lanes, at + (block + 1) * block_stride);
        }
        for (int j = 0; j < head_lanes; j++) {
            v_store(q.out + 16 * j, v_div(totals.value[j], v_set1(totals.weight[0])));
        }
    }
}

INLINE void activate_gated_by(int activation, float *gate, const float *up, int64_t from, int64_t to) {
    int64_t i = from;
    for (; i + 16 <= to; i += 16) {
        v_store(gate + i, v_mul(v_activate(activation, v_load(gate + i)), v_load(up + i)));
    }
    if (i < to) {
        int rest = (int)(to - i);
        store_part(gate + i, v_mul(v_activate(activation, load_part(gate + i, rest)), load_part(up + i, rest)), rest);
    }
}

static void activate_gated(int32_t activation, float *gate, const float *up, int64_t from, int64_t to) {
#define ACTIVATE_GATED(activation) activate_gated_by(activation, gate, up, from, to)
    FOR_ACTIVATION(ACTIVATE_GATED, activation)
}

INLINE void activate_by(int activation, float *x, int64_t from, int64_t to) {
    int64_t i = from;
    for (; i + 16 <= to; i += 16) {
        v_store(x + i, v_activate(activation, v_load(x + i)));
    }
    if (i < to) {
        store_part(x + i, v_activate(activation, load_part(x + i, (int)(to - i))), (int)(to - i));
    }
}

static void activate(int32_t activation, float *x, int64_t from, int64_t to) {
#define ACTIVATE(activation) activate_by(activation, x, from, to)
    FOR_ACTIVATION(ACTIVATE, activation)
}

static int32_t argmax(const float *x, int32_t count) {
    int32_t whole = count / 16 * 16;
    v16 maximum = v_set1(-INFINITY);
    for (int32_t i = 0; i < whole; i += 16) {
        v16 v = v_load(x + i);
        if (v_any_nan(v)) {
            return -1;
        }
        maximum = v_max(v, maximum);
    }
    float lanes[16], best = -INFINITY;
    v_store(lanes, maximum);
    for (int i = 0; i < 16; i++) {
        best = lanes[i] > best ? lanes[i] : best;
    }
    for (int32_t i = whole; i < count; i++) {
        if (x[i] != x[i]) {
            return -1;
        }
        best = x[i] > best ? x[i] : best;
    }
    for (int32_t i = 0; i < count; i++) {
        if (x[i] == best) {
            return i;
        }
    }
    return 0;
}

/* Inserts what is above the least of a descending list. */
static void insert_largest(const float *x, int32_t from, int32_t to, int32_t most, int32_t *indices, float *values) {
    for (int32_t i = from; i < to; i++) {
        if (x[i] > values[most - 1]) {
            int32_t at = most - 1;
            for (; at > 0 && values[at - 1] < x[i]; at--) {
                values[at] = values[at - 1];
                indices[at] = indices[at - 1];
            }
            values[at] = x[i];
            indices[at] = i;
        }
    }
}

static int32_t largest(const float *x, int32_t count, int32_t most, int32_t *indices, float *values) {
    for (int32_t i = 0; i < most; i++) {
        values[i] = -INFINITY;
    }
    int32_t whole = count / 16 * 16;
    v16 differences = v_set1(0.0f); /* NaN once something is not finite */
    for (int32_t i = 0; i < whole; i += 16) {
        v16 v = v_load(x + i);
        differences = v_add(differences, v_sub(v, v));
        if (v_any_greater(v, v_set1(values[most - 1]))) { /* few numbers make it into the list */
            insert_largest(x, i, i + 16, most, indices, values);
        }
    }
    insert_largest(x, whole, count, most, indices, values);
    int32_t finite = !v_any_nan(differences);
    for (int32_t i = whole; i < count; i++) {
        finite &= x[i] - x[i] == 0.0f;
    }
    return finite;
}

static float exponential_sum(const float *x, int32_t count, float maximum) {
    v16 sum = v_set1(0.0f), offset = v_set1(maximum);
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        sum = v_add(sum, v_exp(v_sub(v_load(x + i), offset)));
    }
    if (i < count) {
        sum = v_add(sum, first_lanes(v_exp(v_sub(load_part(x + i, count - i), offset)), count - i));
    }
    return halve_lanes(sum);
}

/* Reads whole cache lines and returns a value that depends on all of them. */
static int64_t read_sweep(const void *from, int64_t bytes) {
    const uint8_t *at = from;
    int64_t ahead = prefetch_distance(bytes);
    uint64_t seen[8] = {0};
    for (int64_t i = 0; i < bytes / 64; i++, at += 64) {
        uint64_t line[8];
        memcpy(line, at, sizeof line);
        prefetch(at + ahead, 64);
        for (int j = 0; j < 8; j++) {
            seen[j] ^= line[j];
        }
    }
    return (int64_t)(seen[0] ^ seen[1] ^ seen[2] ^ seen[3] ^ seen[4] ^ seen[5] ^ seen[6] ^ seen[7]);
}

/* Both execute nothing but multiplications with additions, on registers, and return how many. */
static int64_t integer_peak(int64_t rounds) {
#if BITA_ISA == BITA_AMX
    return rounds * multiply_tiles(rounds);
#else
    return rounds * multiply_codes(rounds);
#endif
}

static int64_t float_peak(int64_t rounds) {
    v16 acc[PANELS], x = v_set1(0.5f);
    for (int i = 0; i < PANELS; i++) {
        acc[i] = v_set1((float)i);
    }
    for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 16
        for (int i = 0; i < PANELS; i++) {
            acc[i] = v_fma(acc[i], x, x);
        }
    }
    float kept[16];
    for (int i = 0; i < PANELS; i++) {
        v_store(kept, acc[i]);
        keep(kept);
    }
    return rounds * PANELS * 16;
}

#define TABLE_NAME_(isa) bita_kernels_##isa
#define TABLE_NAME(isa) TABLE_NAME_(isa)

const struct bita_kernels TABLE_NAME(BITA_ISA_NAME) = {
#define ENTRY(result, name, parameters, arguments) .name = name,
    BITA_KERNELS(ENTRY)
#undef ENTRY
};
