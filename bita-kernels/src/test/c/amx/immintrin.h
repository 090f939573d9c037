/* Stands before avx512/immintrin.h where the kernels of AMX are compiled for a processor without it: the tile intrinsics
 * that they use, by the pseudocode of Intel's intrinsics guide. What a processor answers with a fault ends the program
 * with a message: a configuration or a shape that is not allowed, tiles used before they are configured. */
#include_next <immintrin.h>

#ifndef BITA_EMULATED_AMX
#define BITA_EMULATED_AMX
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMULATED_TILES 8
#define EMULATED_TILE_ROWS 16
#define EMULATED_ROW_BYTES 64

static _Thread_local struct {
    int configured;
    int rows[EMULATED_TILES], row_bytes[EMULATED_TILES];
    uint8_t data[EMULATED_TILES][EMULATED_TILE_ROWS][EMULATED_ROW_BYTES];
} emulated_tiles;

static inline void emulated_fault_if(int wrong, const char *why) {
    if (wrong) {
        fprintf(stderr, "AMX: %s\n", why);
        exit(3);
    }
}

static inline void emulated_tile_release(void) { memset(&emulated_tiles, 0, sizeof emulated_tiles); }
#define _tile_release() emulated_tile_release()

/* 64 bytes: palette, start row, 14 reserved, 16 numbers of bytes per row in 16 bits, 16 numbers of rows in 8 bits. */
static inline void emulated_tile_loadconfig(const void *from) {
    uint8_t bytes[64];
    memcpy(bytes, from, sizeof bytes);
    emulated_tile_release();
    emulated_fault_if(bytes[0] != 1, "the palette is not 1");
    emulated_fault_if(bytes[1] != 0, "a start row, which only an interrupted load or store leaves behind");
    for (int i = 2; i < 16; i++) {
        emulated_fault_if(bytes[i] != 0, "reserved bytes of the configuration are not zero");
    }
    for (int i = 0; i < 16; i++) {
        uint16_t row_bytes;
        memcpy(&row_bytes, bytes + 16 + 2 * i, 2);
        int rows = bytes[48 + i];
        emulated_fault_if(i >= EMULATED_TILES && (rows != 0 || row_bytes != 0), "a tile beyond the eighth is configured");
        emulated_fault_if(rows > EMULATED_TILE_ROWS || row_bytes > EMULATED_ROW_BYTES, "a tile is too large");
        emulated_fault_if((rows == 0) != (row_bytes == 0), "a tile has rows or columns, but not both");
        if (i < EMULATED_TILES) {
            emulated_tiles.rows[i] = rows;
            emulated_tiles.row_bytes[i] = row_bytes;
        }
    }
    emulated_tiles.configured = 1;
}
#define _tile_loadconfig(from) emulated_tile_loadconfig(from)

/* Checks that a tile may be used. Its number must be known to the compiler, as it is part of the instruction. */
#define EMULATED_TILE(t)                                                                   \
    ({                                                                                     \
        enum { emulated_number = (t) };                                                    \
        _Static_assert(emulated_number >= 0 && emulated_number < EMULATED_TILES, "a tile"); \
        emulated_used_tile(emulated_number);                                               \
    })

static inline int emulated_used_tile(int t) {
    emulated_fault_if(!emulated_tiles.configured, "tiles are used before they are configured");
    emulated_fault_if(emulated_tiles.rows[t] == 0, "a tile is used that is not configured");
    return t;
}

/* Rows and bytes beyond the configured ones become zero. */
static inline void emulated_tile_zero(int t) { memset(emulated_tiles.data[t], 0, sizeof emulated_tiles.data[t]); }
#undef _tile_zero
#define _tile_zero(t) emulated_tile_zero(EMULATED_TILE(t))

static inline void emulated_tile_loadd(int t, const void *from, int64_t stride) {
    emulated_tile_zero(t);
    for (int r = 0; r < emulated_tiles.rows[t]; r++) {
        memcpy(emulated_tiles.data[t][r], (const uint8_t *)from + r * stride, (size_t)emulated_tiles.row_bytes[t]);
    }
}
#undef _tile_loadd
#define _tile_loadd(t, from, stride) emulated_tile_loadd(EMULATED_TILE(t), from, stride)

static inline void emulated_tile_stored(int t, void *to, int64_t stride) {
    for (int r = 0; r < emulated_tiles.rows[t]; r++) {
        memcpy((uint8_t *)to + r * stride, emulated_tiles.data[t][r], (size_t)emulated_tiles.row_bytes[t]);
    }
}
#undef _tile_stored
#define _tile_stored(t, to, stride) emulated_tile_stored(EMULATED_TILE(t), to, stride)

/* c (rows, columns) of i32 += a (rows, 4 k) of signed bytes times b (k, columns, 4) of signed bytes, wrapping around. */
static inline void emulated_tile_dpbssd(int c, int a, int b) {
    int rows = emulated_tiles.rows[c], columns = emulated_tiles.row_bytes[c] / 4, groups = emulated_tiles.rows[b];
    emulated_fault_if(c == a || c == b || a == b, "a product's tiles are not three");
    emulated_fault_if(emulated_tiles.row_bytes[c] % 4 != 0 || emulated_tiles.row_bytes[a] % 4 != 0,
                      "a product's rows are not whole words");
    emulated_fault_if(emulated_tiles.rows[a] != rows || emulated_tiles.row_bytes[b] != 4 * columns ||
                          emulated_tiles.row_bytes[a] != 4 * groups,
                      "the shapes of a product's tiles do not match");
    for (int m = 0; m < rows; m++) {
        for (int k = 0; k < groups; k++) {
            for (int n = 0; n < columns; n++) {
                uint8_t *at = emulated_tiles.data[c][m] + 4 * n;
                uint32_t sum;
                memcpy(&sum, at, sizeof sum);
                for (int i = 0; i < 4; i++) {
                    int x = (int8_t)emulated_tiles.data[a][m][4 * k + i], w = (int8_t)emulated_tiles.data[b][k][4 * n + i];
                    sum += (uint32_t)(x * w);
                }
                memcpy(at, &sum, sizeof sum);
            }
        }
    }
}
#undef _tile_dpbssd
#define _tile_dpbssd(c, a, b) emulated_tile_dpbssd(EMULATED_TILE(c), EMULATED_TILE(a), EMULATED_TILE(b))

#endif
