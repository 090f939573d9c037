package bita.tune.data;

import bita.api.store.Sha256;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * The first 128 bits of a SHA-256: enough to tell texts apart without keeping them. Ordered as unsigned numbers, which
 * is a shuffle that depends on nothing but the texts.
 */
record Fingerprint(long high, long low) implements Comparable<Fingerprint> {
    static Fingerprint of(String text) {
        return of(Sha256.digest(), text);
    }

    static Fingerprint of(Optional<String> system, List<String> turns) {
        MessageDigest digest = Sha256.digest();
        digest.update((byte) (system.isPresent() ? 1 : 0));
        system.ifPresent(text -> update(digest, text));
        turns.forEach(turn -> update(digest, turn));
        return finish(digest);
    }

    private static Fingerprint of(MessageDigest digest, String text) {
        update(digest, text);
        return finish(digest);
    }

    /** The length comes first, so that texts that follow each other cannot be cut differently. */
    private static void update(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes.length));
        digest.update(bytes);
    }

    private static Fingerprint finish(MessageDigest digest) {
        ByteBuffer hash = ByteBuffer.wrap(digest.digest());
        return new Fingerprint(hash.getLong(), hash.getLong());
    }

    /** 32 lower-case hexadecimal digits. */
    String hex() {
        HexFormat format = HexFormat.of();
        return format.toHexDigits(high) + format.toHexDigits(low);
    }

    @Override
    public int compareTo(Fingerprint other) {
        int order = Long.compareUnsigned(high, other.high);
        return order != 0 ? order : Long.compareUnsigned(low, other.low);
    }
}
