package bita.model;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;

/** Damages files in the ways that programs err with, mostly at their front, where what describes the rest stands. */
public final class Damage {
    /** Versions of a file that a test tries; more with {@code -Dbita.fuzz.files=200000}. */
    public static final int FILES = Integer.getInteger("bita.fuzz.files", 2000);

    private Damage() {}

    /** A version of a file's bytes with a few things changed, or cut off. */
    public static byte[] of(byte[] sound, Random random) {
        if (random.nextInt(12) == 0) {
            return Arrays.copyOf(sound, random.nextInt(sound.length));
        }
        byte[] damaged = sound.clone();
        for (int n = random.nextInt(1, 5); n > 0; n--) {
            // Most of what can be damaged stands at the front.
            int at = random.nextInt(random.nextInt(4) == 0 ? damaged.length : Math.min(damaged.length, 3000));
            switch (random.nextInt(5)) {
                case 0 -> damaged[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> damaged[at] = (byte) random.nextInt(256);
                case 2 -> number(damaged, at, random);
                case 3 -> digits(damaged, at, random);
                default -> {
                    int from = random.nextInt(damaged.length);
                    int length = Math.min(random.nextInt(1, 64), damaged.length - Math.max(at, from));
                    System.arraycopy(damaged, from, damaged, at, length);
                }
            }
        }
        return damaged;
    }

    /** A number that programs err with, in four or eight bytes. */
    private static void number(byte[] bytes, int at, Random random) {
        long[] numbers = {0, 1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, Long.MAX_VALUE, 1L << 32, 255, 1 << 20, 3};
        long number = numbers[random.nextInt(numbers.length)];
        for (int i = 0; i < (random.nextBoolean() ? 4 : 8) && at + i < bytes.length; i++) {
            bytes[at + i] = (byte) (number >> (8 * i));
        }
    }

    /** A number in the text of a configuration. */
    private static void digits(byte[] bytes, int at, Random random) {
        String[] texts = {"0", "-1", "9", "99", "1e9", "null", "\"a\"", "[]", "{}", "true", "0.5", "999999"};
        byte[] text = texts[random.nextInt(texts.length)].getBytes(StandardCharsets.UTF_8);
        int to = at;
        while (to < bytes.length - text.length && (bytes[to] < '0' || bytes[to] > '9')) {
            to++;
        }
        System.arraycopy(text, 0, bytes, to, Math.min(text.length, bytes.length - to));
    }
}
