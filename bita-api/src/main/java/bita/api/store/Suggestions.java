package bita.api.store;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Finds the name somebody may have meant. */
final class Suggestions {

    private Suggestions() {}

    /** The candidate with the smallest edit distance, if at most a third of it or of its beginning differs. */
    static Optional<String> closest(String name, Collection<String> candidates) {
        String given = name.toLowerCase(Locale.ROOT);
        return candidates.stream()
                .filter(c -> !given.isEmpty() && isNear(given, c.toLowerCase(Locale.ROOT)))
                .min(Comparator.comparingInt(c -> distance(given, c.toLowerCase(Locale.ROOT))));
    }

    private static boolean isNear(String given, String candidate) {
        String beginning = candidate.substring(0, Math.min(given.length(), candidate.length()));
        return distance(given, candidate) <= candidate.length() / 3
                || distance(given, beginning) <= beginning.length() / 3;
    }

    /** Levenshtein distance: insertions, deletions and replacements that turn one text into the other. */
    static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
