/* The kernels of tuning, written once over sixteen lanes as those of kernels.c are. Weights are frozen, in whatever layout
 * they are packed; activations and gradients are f32. What each kernel computes is defined by ScalarTraining.java. */
#include "attention.h"
#include "layouts.h"

/* Columns of the forward product, or outputs of the backward one, whose terms are summed up before they are added to the
 * rest: few enough that their weights, in f32, stay in the second-level cache while all rows pass. */
#define CHUNK 1024

#if BITA_ISA == BITA_AVX512
#define ROWS 12
#elif BITA_ISA == BITA_GENERIC
#define ROWS 1
#else
#define ROWS 6
#endif

/* A panel's weights of the columns from..from + count - 1 as f32 (count, 16). With block layouts from and count are
 * whole blocks. */
INLINE void decode_panel(int32_t layout, const uint8_t *panel, int32_t columns, int32_t from, int32_t count, float *out) {
    if (layout == LAYOUT_F32) {
        memcpy(out, (const float *)(const void *)panel + (int64_t)from * 16, (size_t)count * 64);
        return;
    }
    if (layout == LAYOUT_F16 || layout == LAYOUT_BF16) {
        const uint16_t *halves = (const uint16_t *)(const void *)panel + (int64_t)from * 16;
        for (int32_t k = 0; k < count * 16; k += 16) {
            v_store(out + k, layout == LAYOUT_F16 ? v_load_f16(halves + k) : v_load_bf16(halves + k));
        }
        return;
    }
    struct factors f = panel_factors(layout, panel, columns / 32);
    int eight = code_bytes(layout) == 512, groups = eight ? 8 : 4;
    const v16 low = v_set1((float)-code_offset(layout));
    for (int32_t b = from / 32; b < (from + count) / 32; b++, out += 32 * 16) {
        v16 scales[2], minima[2]; /* of the halves */
        for (int half = 0; half < 2; half++) {
            scales[half] = block_scales(&f, b);
            minima[half] = has_minima(layout) ? block_minima(&f, b) : low;
            if (integers(layout) == 2) {
                scales[half] = v_mul(scales[half], v_load_i8(f.integer_scales + 16 * (2 * (int64_t)b + half)));
            }
            if (!has_minima(layout)) {
                minima[half] = v_mul(scales[half], low);
            } else if (integers(layout) == 2) {
                minima[half] = v_mul(minima[half], v_load_i8(f.integer_minima + 16 * (2 * (int64_t)b + half)));
            }
        }
        for (int g = 0; g < groups; g++) {
            int32_t words[16];
            memcpy(words, panel + ((int64_t)b * groups + g) * 64, sizeof words);
            for (int i = 0; i < 4; i++) {
                float code[16], high[16];
                for (int l = 0; l < 16; l++) {
                    uint32_t byte = (uint32_t)words[l] >> (8 * i) & 0xff;
                    code[l] = (float)(int32_t)(eight ? byte : byte & 0xf);
                    high[l] = (float)(int32_t)(byte >> 4);
                }
                int half = g / 4;
                v_store(out + (4 * g + i) * 16, v_fma(scales[half], v_load(code), minima[half]));
                if (!eight) {
                    v_store(out + (16 + 4 * g + i) * 16, v_fma(scales[1], v_load(high), minima[1]));
                }
            }
        }
    }
}

INLINE void put_sum(float *to, v16 sum, int add, int lanes) {
    if (lanes == 16) {
        v_store(to, add ? v_add(v_load(to), sum) : sum);
    } else {
        store_part(to, add ? v_add(load_part(to, lanes), sum) : sum, lanes);
    }
}

/* `tile` rows of x times an f32 panel (count, 16). */
INLINE void product_tile(const float *panel, int32_t count, const float *x, int64_t x_stride, int tile, float *out,
                         int64_t out_stride, int add, int lanes) {
    v16 acc[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < tile; r++) {
        acc[r] = v_set1(0.0f);
    }
    for (int32_t k = 0; k < count; k++) {
        v16 w = v_load(panel + (int64_t)k * 16);
#pragma GCC unroll 16
        for (int r = 0; r < tile; r++) {
            acc[r] = v_fma(w, v_set1(x[r * x_stride + k]), acc[r]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < tile; r++) {
        put_sum(out + r * out_stride, acc[r], add, lanes);
    }
}

static void product_rows(const float *panel, int32_t count, const float *x, int64_t x_stride, int32_t rows, float *out,
                         int64_t out_stride, int add, int lanes) {
#define PRODUCT_TILE(n) \
    product_tile(panel, count, x + row * x_stride, x_stride, n, out + row * out_stride, out_stride, add, lanes)
    FOR_TILES(PRODUCT_TILE, ROWS)
}

INLINE int lanes_of(int32_t outputs, int32_t panel) { return outputs - panel * 16 < 16 ? outputs - panel * 16 : 16; }

static void product_forward(int32_t layout, const void *weights, int64_t panel_bytes, int32_t outputs, int32_t columns,
                            const float *x, int32_t rows, float *out, int32_t add, float *scratch, int32_t panel_from,
                            int32_t panel_to) {
    for (int32_t panel = panel_from; panel < panel_to; panel++) {
        const uint8_t *data = (const uint8_t *)weights + panel * panel_bytes;
        for (int32_t from = 0; from < columns; from += CHUNK) {
            int32_t count = columns - from < CHUNK ? columns - from : CHUNK;
            decode_panel(layout, data, columns, from, count, scratch);
            product_rows(scratch, count, x + from, columns, rows, out + (int64_t)panel * 16, outputs, add || from > 0,
                         lanes_of(outputs, panel));
        }
    }
}

/* The products of `tile` columns of left with up to sixteen of right, summed up over all rows. */
INLINE void outer_tile(const float *left, int64_t left_stride, const float *right, int64_t right_stride, int32_t count,
                       int tile, float *out, int64_t out_stride, int lanes) {
    v16 acc[ROWS];
#pragma GCC unroll 16
    for (int l = 0; l < tile; l++) {
        acc[l] = v_set1(0.0f);
    }
    for (int32_t n = 0; n < count; n++, left += left_stride, right += right_stride) {
        v16 r = lanes == 16 ? v_load(right) : load_part(right, lanes);
#pragma GCC unroll 16
        for (int l = 0; l < tile; l++) {
            acc[l] = v_fma(r, v_set1(left[l]), acc[l]);
        }
    }
#pragma GCC unroll 16
    for (int l = 0; l < tile; l++) {
        put_sum(out + l * out_stride, acc[l], 1, lanes);
    }
}

static void outer_add(const float *left, int32_t left_columns, const float *right, int32_t right_columns, int32_t count,
                      float *out, int32_t from, int32_t to) {
    int32_t rows = to - from; /* of the output */
    for (int32_t column = 0; column < right_columns; column += 16) {
        int lanes = lanes_of(right_columns, column / 16);
#define OUTER_TILE(n)                                                                                           \
    outer_tile(left + from + row, left_columns, right + column, right_columns, count, n,                        \
               out + (int64_t)(from + row) * right_columns + column, right_columns, lanes)
        FOR_TILES(OUTER_TILE, ROWS)
    }
}

/* Panels of the transposed weights: 32 columns as lanes, the outputs from..from + count - 1 as rows of scratch. */
INLINE void decode_transposed(int32_t layout, const uint8_t *weights, int64_t panel_bytes, int32_t columns, int32_t column,
                              int32_t from, int32_t count, float *scratch) {
    int32_t width = columns - column < 32 ? columns - column : 32;
    float block[32 * 16];
    for (int32_t output = from; output < from + count; output += 16) {
        decode_panel(layout, weights + output / 16 * panel_bytes, columns, column, width, block);
        float *low = scratch + (int64_t)(output - from) * 16, *high = low + CHUNK * 16;
        for (int i = 0; i < 16; i++) {
            for (int k = 0; k < 16; k++) {
                low[i * 16 + k] = block[k * 16 + i];
                high[i * 16 + k] = block[(16 + k) * 16 + i];
            }
        }
    }
}

static void product_backward(int32_t layout, const void *weights, int64_t panel_bytes, int32_t outputs, int32_t columns,
                             const float *dy, int32_t rows, float *dx, int32_t add, float *scratch, int32_t block_from,
                             int32_t block_to) {
    for (int32_t column = block_from * 32; column < block_to * 32 && column < columns; column += 32) {
        for (int32_t from = 0; from < outputs; from += CHUNK) {
            int32_t count = outputs - from < CHUNK ? outputs - from : CHUNK;
            decode_transposed(layout, weights, panel_bytes, columns, column, from, count, scratch);
            for (int32_t half = 0; half < 2 && column + 16 * half < columns; half++) {
                product_rows(scratch + half * CHUNK * 16, count, dy + from, outputs, rows, dx + column + 16 * half, columns,
                             add || from > 0, lanes_of(columns, column / 16 + half));
            }
        }
    }
}

static void rms_norm_backward(const float *x, const float *weight, float epsilon, const float *dy, float *dx,
                              int32_t columns, int32_t row_from, int32_t row_to) {
    for (int32_t row = row_from; row < row_to; row++) {
        const float *in = x + (int64_t)row * columns, *d = dy + (int64_t)row * columns;
        float *to = dx + (int64_t)row * columns;
        v16 squares = v_set1(0.0f), products = v_set1(0.0f);
        for (int32_t k = 0; k < columns; k += 16) {
            int lanes = columns - k < 16 ? columns - k : 16;
            v16 v = lanes == 16 ? v_load(in + k) : load_part(in + k, lanes);
            v16 g = lanes == 16 ? v_load(d + k) : load_part(d + k, lanes);
            v16 w = lanes == 16 ? v_load(weight + k) : load_part(weight + k, lanes);
            squares = v_fma(v, v, squares);
            products = v_fma(v_mul(g, w), v, products);
        }
        float scale = 1.0f / sqrtf(halve_lanes(squares) / (float)columns + epsilon);
        v16 s = v_set1(scale), c = v_set1(-(scale * scale) * halve_lanes(products) / (float)columns);
        for (int32_t k = 0; k < columns; k += 16) {
            int lanes = columns - k < 16 ? columns - k : 16;
            v16 v = lanes == 16 ? v_load(in + k) : load_part(in + k, lanes);
            v16 g = lanes == 16 ? v_load(d + k) : load_part(d + k, lanes);
            v16 w = lanes == 16 ? v_load(weight + k) : load_part(weight + k, lanes);
            put_sum(to + k, v_mul(s, v_fma(c, v, v_mul(g, w))), 1, lanes);
        }
    }
}

INLINE v16 get(const float *from, int lanes) { return lanes == 16 ? v_load(from) : load_part(from, lanes); }

static void layer_norm_backward(const float *x, const float *weight, float epsilon, const float *dy, float *dx,
                                int32_t columns, int32_t row_from, int32_t row_to) {
    for (int32_t row = row_from; row < row_to; row++) {
        const float *in = x + (int64_t)row * columns, *d = dy + (int64_t)row * columns;
        float *to = dx + (int64_t)row * columns;
        v16 sum = v_set1(0.0f), squares = sum, slopes = sum, products = sum;
        for (int32_t k = 0; k < columns; k += 16) {
            sum = v_add(sum, get(in + k, lanes_of(columns, k / 16)));
        }
        float mean = halve_lanes(sum) / (float)columns;
        for (int32_t k = 0; k < columns; k += 16) {
            int lanes = lanes_of(columns, k / 16);
            v16 v = v_sub(get(in + k, lanes), v_set1(mean));
            v = lanes == 16 ? v : first_lanes(v, lanes);
            v16 g = v_mul(get(d + k, lanes), get(weight + k, lanes));
            squares = v_fma(v, v, squares);
            slopes = v_add(slopes, g);
            products = v_fma(g, v, products);
        }
        float scale = 1.0f / sqrtf(halve_lanes(squares) / (float)columns + epsilon);
        v16 s = v_set1(scale), c = v_set1(-(scale * scale) * halve_lanes(products) / (float)columns);
        v16 mean_slope = v_set1(halve_lanes(slopes) / (float)columns);
        for (int32_t k = 0; k < columns; k += 16) {
            int lanes = lanes_of(columns, k / 16);
            v16 v = v_sub(get(in + k, lanes), v_set1(mean));
            v16 g = v_sub(v_mul(get(d + k, lanes), get(weight + k, lanes)), mean_slope);
            put_sum(to + k, v_mul(s, v_fma(c, v, g)), 1, lanes);
        }
    }
}

/* An activation divided by its argument, and its slope. */
struct activated {
    v16 share, slope;
};

INLINE struct activated activated_at(int activation, v16 x) {
    const v16 one = v_set1(1.0f);
    struct activated a;
    switch (activation) {
    case ACTIVATION_SILU:
        a.share = v_div(one, v_add(one, v_exp(v_neg(x))));
        a.slope = v_mul(a.share, v_fma(x, v_sub(one, a.share), one));
        break;
    case ACTIVATION_GELU_TANH: {
        a.share = v_div(one, v_add(one, v_exp(v_gelu_exponent(x))));
        v16 inner = v_fma(v_mul(x, x), v_set1(-3.0f * GELU_CUBIC), v_set1(-GELU_LINEAR));
        a.slope = v_mul(a.share, v_fma(v_mul(x, v_sub(one, a.share)), inner, one));
        break;
    }
    default:
        a.share = v_normal(x);
        a.slope = v_fma(v_mul(x, v_set1(0.39894228f)), v_exp(v_mul(v_mul(x, v_set1(-0.5f)), x)), a.share);
        break;
    }
    return a;
}

INLINE void activate_gated_backward_by(int activation, float *gate, float *up, const float *d, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i += 16) {
        int lanes = to - i < 16 ? (int)(to - i) : 16;
        v16 g = get(gate + i, lanes), u = get(up + i, lanes), dy = get(d + i, lanes);
        struct activated a = activated_at(activation, g);
        put_sum(gate + i, v_mul(v_mul(dy, u), a.slope), 0, lanes);
        put_sum(up + i, v_mul(dy, v_mul(g, a.share)), 0, lanes);
    }
}

static void activate_gated_backward(int32_t activation, float *gate, float *up, const float *d, int64_t from, int64_t to) {
#define ACTIVATE_GATED_BACKWARD(activation) activate_gated_backward_by(activation, gate, up, d, from, to)
    FOR_ACTIVATION(ACTIVATE_GATED_BACKWARD, activation)
}

INLINE void activate_backward_by(int activation, float *x, const float *d, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i += 16) {
        int lanes = to - i < 16 ? (int)(to - i) : 16;
        struct activated a = activated_at(activation, get(x + i, lanes));
        put_sum(x + i, v_mul(get(d + i, lanes), a.slope), 0, lanes);
    }
}

static void activate_backward(int32_t activation, float *x, const float *d, int64_t from, int64_t to) {
#define ACTIVATE_BACKWARD(activation) activate_backward_by(activation, x, d, from, to)
    FOR_ACTIVATION(ACTIVATE_BACKWARD, activation)
}

/* The slope of a capped number. */
INLINE v16 cap_slope(v16 capped, v16 cap) {
    v16 share = v_div(capped, cap);
    return v_fma(v_neg(share), share, v_set1(1.0f));
}

static void cap_backward(const float *capped, float cap, float *d, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i += 16) {
        int lanes = to - i < 16 ? (int)(to - i) : 16;
        put_sum(d + i, v_mul(get(d + i, lanes), cap_slope(get(capped + i, lanes), v_set1(cap))), 0, lanes);
    }
}

/* Keys (slots as lanes) as rows, and values (rows) with slots as lanes, of the heads from..to - 1. */
static void turn_cache(const float *keys, const float *values, int32_t slots, int32_t head_dim, int32_t count,
                       float *key_rows, float *value_panels, int32_t head_from, int32_t head_to) {
    for (int64_t head = head_from; head < head_to; head++) {
        int64_t base = head * slots * head_dim;
        for (int32_t slot = 0; slot < count; slot++) {
            int64_t panel = base + (int64_t)(slot / 16) * head_dim * 16 + slot % 16, row = base + (int64_t)slot * head_dim;
            for (int32_t d = 0; d < head_dim; d++) {
                key_rows[row + d] = keys[panel + d * 16];
                value_panels[panel + d * 16] = values[row + d];
            }
        }
    }
}

INLINE float dot(const float *a, const float *b, int32_t count) {
    v16 sum = v_set1(0.0f);
    for (int32_t k = 0; k < count; k += 16) {
        sum = v_fma(v_load(a + k), v_load(b + k), sum);
    }
    return halve_lanes(sum);
}

INLINE void add_scaled(float *to, float factor, const float *x, int32_t count) {
    v16 f = v_set1(factor);
    for (int32_t k = 0; k < count; k += 16) {
        v_store(to + k, v_fma(f, v_load(x + k), v_load(to + k)));
    }
}

/* Most prompt and mask tokens of a group that attend_backward takes. */
#define MOST_LEARNED 512

/* A softmax backwards, over numbers that lie in two places. */
struct softmax_sums {
    v16 maximum, weights, products; /* of the scores; sums of the weights, and of these times their derivatives */
};

/* Adds scores from..to - 1, whole lanes, to the sums. They become weights, unless a cap needs them again. */
INLINE void add_weights(struct softmax_sums *s, float *scores, const float *d, int32_t from, int32_t to, float cap) {
    for (int32_t i = from; i < to; i += 16) {
        v16 w = v_exp(v_sub(v_load(scores + i), s->maximum));
        s->weights = v_add(s->weights, w);
        s->products = v_fma(w, v_load(d + i), s->products);
        if (cap == 0.0f) {
            v_store(scores + i, w);
        }
    }
}

/* Turns what add_weights leaves into weights, and their derivatives d into those of the scores before scale and cap. */
INLINE void score_slopes(const struct softmax_sums *s, float *scores, float *d, int32_t from, int32_t to, float scale,
                         float cap) {
    float total = halve_lanes(s->weights);
    v16 inverse = v_set1(1.0f / total), mean = v_set1(halve_lanes(s->products) / total), factor = v_set1(scale);
    for (int32_t i = from; i < to; i += 16) {
        v16 score = v_load(scores + i), slope = factor, w = score;
        if (cap > 0.0f) { /* padding is minus infinity; at the cap the slope is zero */
            slope = v_mul(factor, cap_slope(v_max(score, v_set1(-cap)), v_set1(cap)));
            w = v_exp(v_sub(score, s->maximum));
        }
        w = v_mul(w, inverse);
        v_store(scores + i, w);
        v_store(d + i, v_mul(v_mul(w, v_sub(v_load(d + i), mean)), slope));
    }
}

/* No weight for scores from..to - 1. */
INLINE void hide(float *scores, float *d, int32_t from, int32_t to) {
    for (int32_t i = from; i < to; i++) {
        scores[i] = -INFINITY;
        d[i] = 0.0f;
    }
}

/* What the softmax's derivative needs of a query: scores of the prefix slots from..count - 1, which it sees from `first`
 * on, and of the learned tokens become weights; d_*, the derivatives of the weights, become those of the scores before
 * scale and cap. Both are padded to whole lanes, and from is a multiple of 16. */
INLINE void softmax_backward(float *scores, float *d_scores, int32_t from, int32_t first, int32_t count, float *learned,
                             float *d_learned, int32_t learned_count, float scale, float cap) {
    int32_t padded = (count + 15) / 16 * 16, learned_padded = (learned_count + 15) / 16 * 16;
    float maximum = maximum_of(learned, learned_count, maximum_of(scores + first, count - first, -INFINITY));
    hide(scores, d_scores, from, first);
    hide(scores, d_scores, count, padded);
    hide(learned, d_learned, learned_count, learned_padded);
    struct softmax_sums s = {v_set1(maximum), v_set1(0.0f), v_set1(0.0f)};
    add_weights(&s, scores, d_scores, from, padded, cap);
    add_weights(&s, learned, d_learned, 0, learned_padded, cap);
    score_slopes(&s, scores, d_scores, from, padded, scale, cap);
    score_slopes(&s, learned, d_learned, 0, learned_padded, scale, cap);
}

/* The arguments of attend_backward. */
struct backward {
    const float *query, *d_out;
    int32_t masks, heads, kv_heads, head_dim;
    float scale, cap;
    int32_t window;
    const float *keys, *key_rows, *value_panels;
    int32_t slots;
    const float *mask_keys, *mask_values, *prompt_keys, *prompt_values;
    int32_t prompts;
    float *d_query, *d_mask_keys, *d_mask_values, *d_prompt_keys, *d_prompt_values;
};

/* A prompt token, or a mask of the query's group: what a query sees behind the prefix. */
struct learned {
    const float *key, *value;
    float *d_key, *d_value;
};

INLINE struct learned learned_token(const struct backward *a, int32_t group, int32_t head, int32_t i) {
    if (i < a->prompts) {
        int64_t at = ((int64_t)i * a->heads + head) * a->head_dim;
        return (struct learned){a->prompt_keys + at, a->prompt_values + at, a->d_prompt_keys + at, a->d_prompt_values + at};
    }
    int64_t row = (int64_t)group * a->masks + i - a->prompts, kv_head = head / (a->heads / a->kv_heads);
    int64_t at = (row * a->kv_heads + kv_head) * a->head_dim;
    return (struct learned){a->mask_keys + at, a->mask_values + at, a->d_mask_keys + at, a->d_mask_values + at};
}

/* The first position that mask `mask` behind `prefix` real tokens sees. */
INLINE int32_t first_seen(const struct backward *a, int32_t prefix, int32_t mask) {
    int32_t end = prefix + mask + 1;
    return a->window > 0 && end > a->window ? end - a->window : 0;
}

/* The attention of `tile` queries backwards, the first of which is query `item` of those of a group and a key-value
 * head: mask item / (heads per key-value head), head item % of them. All see real tokens before
 * slot `seen`, from where their windows begin. */
INLINE void backward_tile(int tile, const struct backward *a, int32_t group, int32_t kv_head, int32_t item, int32_t seen,
                          float *scratch) {
    int32_t per_head = a->heads / a->kv_heads, head_dim = a->head_dim;
    int64_t cached = (int64_t)kv_head * a->slots * head_dim, stride = (seen + 15) / 16 * 16;
    float *scores = scratch, *d_scores = scratch + tile * stride;
    struct query queries[ATTENTION_TILE], d_out[ATTENTION_TILE];
    float *d_query[ATTENTION_TILE];
    for (int t = 0; t < tile; t++) {
        int64_t row = (int64_t)group * a->masks + (item + t) / per_head, head = kv_head * per_head + (item + t) % per_head;
        int64_t at = (row * a->heads + head) * head_dim;
        queries[t] = (struct query){.q = a->query + at};
        d_out[t] = (struct query){.q = a->d_out + at};
        d_query[t] = a->d_query + at;
    }
    int32_t from = first_seen(a, seen, item / per_head); /* the first query's, whose window begins first */
    from = (from < seen ? from : seen) / 16 * 16;
    score(CACHE_F32, queries, tile, a->keys + cached, head_dim, from, seen, a->scale, scores, stride);
    score(CACHE_F32, d_out, tile, a->value_panels + cached, head_dim, from, seen, 1.0f, d_scores, stride);
    for (int t = 0; t < tile; t++) {
        float learned[MOST_LEARNED], d_learned[MOST_LEARNED];
        int32_t mask = (item + t) / per_head, head = kv_head * per_head + (item + t) % per_head;
        int32_t first = first_seen(a, seen, mask), unseen = first > seen ? first - seen : 0; /* masks before the window */
        int32_t count = a->prompts + mask + 1 - unseen;
        for (int32_t i = 0; i < count; i++) {
            struct learned token = learned_token(a, group, head, i < a->prompts ? i : i + unseen);
            learned[i] = dot(queries[t].q, token.key, head_dim) * a->scale;
            d_learned[i] = dot(d_out[t].q, token.value, head_dim);
        }
        if (a->cap > 0.0f) {
            cap_numbers(learned, a->cap, 0, count);
            cap_numbers(scores + t * stride, a->cap, from, seen);
        }
        softmax_backward(scores + t * stride, d_scores + t * stride, from, first < seen ? first : seen, seen, learned,
                         d_learned, count, a->scale, a->cap);
        memset(d_query[t], 0, (size_t)head_dim * sizeof(float));
        for (int32_t i = 0; i < count; i++) {
            struct learned token = learned_token(a, group, head, i < a->prompts ? i : i + unseen);
            add_scaled(d_query[t], d_learned[i], token.key, head_dim);
            add_scaled(token.d_key, d_learned[i], queries[t].q, head_dim);
            add_scaled(token.d_value, learned[i], d_out[t].q, head_dim);
        }
    }
    v16 sums[ATTENTION_TILE * MAX_HEAD_LANES];
    float weights[ATTENTION_TILE] = {0}; /* their sums, which nobody needs here */
    for (int t = 0; t < tile; t++) {
        for (int j = 0; j < head_dim / 16; j++) {
            sums[t * MAX_HEAD_LANES + j] = v_load(d_query[t] + 16 * j);
        }
    }
    add_heads(CACHE_F32, tile, head_dim / 16, d_scores + from, stride, a->key_rows + cached, from, NULL, seen - from, sums,
              weights);
    for (int t = 0; t < tile; t++) {
        for (int j = 0; j < head_dim / 16; j++) {
            v_store(d_query[t] + 16 * j, sums[t * MAX_HEAD_LANES + j]);
        }
    }
}

static void attend_backward(const float *query, const float *d_out, int32_t masks, int32_t heads, int32_t kv_heads,
                            int32_t head_dim, float scale, float cap, int32_t window, const float *keys,
                            const float *key_rows, const float *value_panels, int32_t slots, const int32_t *prefix,
                            const float *mask_keys, const float *mask_values, const float *prompt_keys,
                            const float *prompt_values, int32_t prompts, float *d_query, float *d_mask_keys,
                            float *d_mask_values, float *d_prompt_keys, float *d_prompt_values, float *scratch,
                            int32_t kv_head, int32_t group_from, int32_t group_to) {
    const struct backward all = {query,         d_out,       masks,         heads,         kv_heads,      head_dim,
                                 scale,         cap,         window,        keys,          key_rows,      value_panels,
                                 slots,         mask_keys,   mask_values,   prompt_keys,   prompt_values, prompts,
                                 d_query,       d_mask_keys, d_mask_values, d_prompt_keys, d_prompt_values};
    int32_t items = masks * (heads / kv_heads);
    for (int32_t group = group_from; group < group_to; group++) {
        for (int32_t item = 0, tiles = (items + ATTENTION_TILE - 1) / ATTENTION_TILE, tile; item < items;
             item += tile, tiles--) {
            tile = (items - item + tiles - 1) / tiles;
#define BACKWARD_CASE(n)                                                                   \
    case n:                                                                                \
        if (n <= ATTENTION_TILE) {                                                         \
            backward_tile(n, &all, group, kv_head, item, prefix[group], scratch);          \
        }                                                                                  \
        break;
            switch (tile) {
                BACKWARD_CASE(1)
                BACKWARD_CASE(2)
                BACKWARD_CASE(3)
                BACKWARD_CASE(4)
                BACKWARD_CASE(5)
                BACKWARD_CASE(6)
            }
        }
    }
}

/* x = softmax(x); returns the logarithm of the sum of the exponentials, NaN if any number is. */
static float softmax(float *x, int32_t count) {
    int32_t whole = count / 16 * 16;
    float maximum = maximum_of(x, count, -INFINITY);
    v16 m = v_set1(maximum), sum = v_set1(0.0f);
    for (int32_t i = 0; i < whole; i += 16) {
        v16 e = v_exp(v_sub(v_load(x + i), m));
        v_store(x + i, e);
        sum = v_add(sum, e);
    }
    float total = halve_lanes(sum);
    if (whole < count) {
        store_part(x + whole, v_exp(v_sub(load_part(x + whole, count - whole), m)), count - whole);
        for (int32_t i = whole; i < count; i++) {
            total += x[i];
        }
    }
    v16 inverse = v_set1(1.0f / total);
    for (int32_t i = 0; i < whole; i += 16) {
        v_store(x + i, v_mul(v_load(x + i), inverse));
    }
    for (int32_t i = whole; i < count; i++) {
        x[i] *= 1.0f / total;
    }
    return maximum + logf(total);
}

/* x = a * x + b * y */
static void combine(float *x, float a, const float *y, float b, int32_t count) {
    v16 first = v_set1(a), second = v_set1(b);
    int32_t whole = count / 16 * 16;
    for (int32_t i = 0; i < whole; i += 16) {
        v_store(x + i, v_fma(v_load(x + i), first, v_mul(v_load(y + i), second)));
    }
    for (int32_t i = whole; i < count; i++) {
        x[i] = fused(x[i], a, y[i] * b);
    }
}

/* How many numbers are larger. */
static int32_t count_above(const float *x, int32_t count, float threshold) {
    int32_t above = 0;
    for (int32_t i = 0; i < count; i++) {
        above += x[i] > threshold;
    }
    return above;
}

#define TABLE_NAME_(isa) bita_training_##isa
#define TABLE_NAME(isa) TABLE_NAME_(isa)

const struct bita_training TABLE_NAME(BITA_ISA_NAME) = {
#define ENTRY(result, name, parameters, arguments) .name = name,
    BITA_TRAINING(ENTRY)
#undef ENTRY
};
