package bita.tune.data;

import java.util.Collection;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * How many questions are kept for validation. Which ones depends on the set of their ids alone, not on their order: those
 * whose ids have the lowest hashes.
 *
 * @param share of the questions, 0 to 1
 * @param least questions for validation, as far as half of all suffices
 * @param most  questions for validation
 */
public record Split(double share, int least, int most) {
    /** A twentieth, from 16 to 256 questions. */
    public static final Split DEFAULT = new Split(0.05, 16, 256);

    public Split {
        // A negated comparison, so that NaN is refused as well.
        if (!(share >= 0 && share <= 1)) {
            throw new IllegalArgumentException("the share for validation must be from 0 to 1, not " + share);
        }
        if (least < 0 || least > most) {
            throw new IllegalArgumentException(
                    "the bounds of validation must be 0 or more and in order, not " + least + " and " + most);
        }
    }

    /** The ids for validation; at most half of all. */
    Set<String> validation(Collection<String> ids) {
        Set<String> all = Set.copyOf(ids);
        long wanted = Math.clamp(Math.round(share * all.size()), least, most);
        return all.stream()
                .map(Hashed::of)
                .sorted()
                .limit(Math.min(wanted, all.size() / 2))
                .map(Hashed::id)
                .collect(Collectors.toUnmodifiableSet());
    }

    /** In the order of the hashes. */
    private record Hashed(Fingerprint hash, String id) implements Comparable<Hashed> {
        static Hashed of(String id) {
            return new Hashed(Fingerprint.of(id), id);
        }

        @Override
        public int compareTo(Hashed other) {
            return hash.compareTo(other.hash);
        }
    }
}
