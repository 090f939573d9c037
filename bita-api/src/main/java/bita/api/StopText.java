package bita.api;

import java.util.List;

/** Lets text through up to the first stop text, holding back what may become one. */
final class StopText {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean found;

    StopText(List<String> stops) {
        this.stops = stops;
    }

    /** Whether a stop text has come; nothing is let through after it. */
    boolean found() {
        return found;
    }

    /** Takes more text and returns what is certainly part of the answer. */
    String append(String text) {
        if (found) {
            return "";
        }
        held.append(text);
        int first = -1;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            if (at >= 0 && (first < 0 || at < first)) {
                first = at;
            }
        }
        found = first >= 0;
        return release(found ? first : held.length() - longestBeginning());
    }

    /** The text that was held back and turned out to be no stop text. */
    String finish() {
        return found ? "" : release(held.length());
    }

    private String release(int count) {
        String text = held.substring(0, count);
        held.delete(0, count);
        return text;
    }

    /** Length of the longest end of the held text that a stop text begins with. */
    private int longestBeginning() {
        int longest = 0;
        for (String stop : stops) {
            for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
                if (stop.startsWith(held.substring(held.length() - n))) {
                    longest = n;
                }
            }
        }
        return longest;
    }
}
