package bita.tune.data;

import java.util.Arrays;
import java.util.Random;

/** Damages bytes in ways drawn from a seed. */
final class Fuzz {
    private Fuzz() {}

    /** The bytes with some replaced, dropped, doubled or moved, or cut off. */
    static byte[] damage(byte[] sound, Random random) {
        byte[] bytes = sound.clone();
        for (int n = random.nextInt(1, 5); n > 0 && bytes.length > 1; n--) {
            int from = random.nextInt(bytes.length);
            int to = Math.min(bytes.length, from + random.nextInt(1, 20));
            switch (random.nextInt(6)) {
                case 0 -> bytes[from] = (byte) random.nextInt();
                case 1 -> bytes[from] = (byte) "{}[]\",:\\\n\r 0e-".charAt(random.nextInt(14));
                case 2 -> bytes = Arrays.copyOf(bytes, from);
                case 3 -> bytes = join(Arrays.copyOf(bytes, from), Arrays.copyOfRange(bytes, to, bytes.length));
                case 4 -> bytes = join(Arrays.copyOf(bytes, to), Arrays.copyOfRange(bytes, from, bytes.length));
                default ->
                    bytes = join(
                            join(Arrays.copyOf(bytes, from), Arrays.copyOf(bytes, random.nextInt(bytes.length))),
                            Arrays.copyOfRange(bytes, from, bytes.length));
            }
        }
        return bytes;
    }

    private static byte[] join(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }
}
