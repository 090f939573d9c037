package bita.api.json;

import java.util.Arrays;

/**
 * The bytes within a string: valid UTF-8 without control characters, and escapes, those of surrogates in pairs. A state is a
 * number.
 */
final class Characters {
    /** Between two characters, where the string may end. */
    static final int BOUNDARY = 0;

    private static final int DEAD = -1;
    private static final int BYTES_LEFT = 0; // + 1, 2 or 3
    private static final int AFTER_E0 = 4; // which would be too long below A0
    private static final int AFTER_ED = 5; // which would be a surrogate above 9F
    private static final int AFTER_F0 = 6; // which would be too long below 90
    private static final int AFTER_F4 = 7; // which would be above U+10FFFF above 8F
    private static final int ESCAPE = 8;
    private static final int FIRST_DIGIT = 9;
    private static final int DIGITS_LEFT = 9; // + 1, 2 or 3
    private static final int AFTER_D = 13; // a surrogate from 8 on
    private static final int HIGH_DIGITS_LEFT = 13; // + 1 or 2
    private static final int LOW_BACKSLASH = 16;
    private static final int LOW_U = 17;
    private static final int LOW_D = 18;
    private static final int LOW_SECOND = 19;
    private static final int STATES = 20;
    private static final byte[] NEXT = table(); // (states, bytes)

    private Characters() {}

    private static byte[] table() {
        byte[] next = new byte[STATES * 256];
        Arrays.fill(next, (byte) DEAD);
        set(next, BOUNDARY, ' ', 0x7f, BOUNDARY);
        set(next, BOUNDARY, '"', '"', DEAD);
        set(next, BOUNDARY, '\\', '\\', ESCAPE);
        set(next, BOUNDARY, 0xc2, 0xdf, BYTES_LEFT + 1);
        set(next, BOUNDARY, 0xe1, 0xef, BYTES_LEFT + 2);
        set(next, BOUNDARY, 0xe0, 0xe0, AFTER_E0);
        set(next, BOUNDARY, 0xed, 0xed, AFTER_ED);
        set(next, BOUNDARY, 0xf1, 0xf3, BYTES_LEFT + 3);
        set(next, BOUNDARY, 0xf0, 0xf0, AFTER_F0);
        set(next, BOUNDARY, 0xf4, 0xf4, AFTER_F4);
        for (int left = 1; left <= 3; left++) {
            set(next, BYTES_LEFT + left, 0x80, 0xbf, left == 1 ? BOUNDARY : BYTES_LEFT + left - 1);
        }
        set(next, AFTER_E0, 0xa0, 0xbf, BYTES_LEFT + 1);
        set(next, AFTER_ED, 0x80, 0x9f, BYTES_LEFT + 1);
        set(next, AFTER_F0, 0x90, 0xbf, BYTES_LEFT + 2);
        set(next, AFTER_F4, 0x80, 0x8f, BYTES_LEFT + 2);
        for (char c : "\"\\/bfnrt".toCharArray()) {
            set(next, ESCAPE, c, c, BOUNDARY);
        }
        set(next, ESCAPE, 'u', 'u', FIRST_DIGIT);
        hex(next, FIRST_DIGIT, 0, 15, DIGITS_LEFT + 3);
        hex(next, FIRST_DIGIT, 13, 13, AFTER_D);
        for (int left = 1; left <= 3; left++) {
            hex(next, DIGITS_LEFT + left, 0, 15, left == 1 ? BOUNDARY : DIGITS_LEFT + left - 1);
        }
        hex(next, AFTER_D, 0, 7, DIGITS_LEFT + 2);
        hex(next, AFTER_D, 8, 11, HIGH_DIGITS_LEFT + 2);
        hex(next, HIGH_DIGITS_LEFT + 2, 0, 15, HIGH_DIGITS_LEFT + 1);
        hex(next, HIGH_DIGITS_LEFT + 1, 0, 15, LOW_BACKSLASH);
        set(next, LOW_BACKSLASH, '\\', '\\', LOW_U);
        set(next, LOW_U, 'u', 'u', LOW_D);
        hex(next, LOW_D, 13, 13, LOW_SECOND);
        hex(next, LOW_SECOND, 12, 15, DIGITS_LEFT + 2);
        return next;
    }

    private static void set(byte[] next, int state, int from, int to, int then) {
        Arrays.fill(next, state * 256 + from, state * 256 + to + 1, (byte) then);
    }

    private static void hex(byte[] next, int state, int from, int to, int then) {
        for (int digit = from; digit <= to; digit++) {
            int lower = Character.forDigit(digit, 16);
            int upper = Character.toUpperCase(lower);
            set(next, state, lower, lower, then);
            set(next, state, upper, upper, then);
        }
    }

    /** The state behind a byte, which is not the quote that ends the string; negative if it cannot come. */
    static int next(int state, int b) {
        return NEXT[state * 256 + b];
    }

    /**
     * The number of characters that bytes are, as they stand in a string.
     *
     * @return -1 if they are not whole characters, or have an escape or the end of the string
     */
    static int count(byte[] bytes) {
        int state = BOUNDARY;
        int count = 0;
        for (byte b : bytes) {
            count += state == BOUNDARY ? 1 : 0;
            state = next(state, b & 0xff);
            if (state < 0 || state == ESCAPE) {
                return -1;
            }
        }
        return state == BOUNDARY ? count : -1;
    }
}
