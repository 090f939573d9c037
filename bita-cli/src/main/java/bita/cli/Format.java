package bita.cli;

import java.time.Duration;
import java.util.Locale;

/** Numbers for people. */
final class Format {
    private static final String[] BYTE_UNITS = {"B", "kB", "MB", "GB", "TB"};

    private Format() {}

    /** For instance {@code 98.4 MB}; units are powers of 1000. */
    static String bytes(long bytes) {
        double value = bytes;
        int unit = 0;
        // 999.5 would be shown as 1000.
        while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
            value /= 1000;
            unit++;
        }
        return (unit == 0 ? Long.toString(bytes) : threeDigits(value)) + " " + BYTE_UNITS[unit];
    }

    /** For instance {@code 134,515,008}. */
    static String count(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    /** Three significant digits, or all before the point: {@code 2.41}, {@code 58.3}, {@code 1240}. */
    static String threeDigits(double value) {
        String pattern = value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f";
        return String.format(Locale.ROOT, pattern, value);
    }

    /** For instance {@code 4 s}, {@code 1 min 20 s} or {@code 2 h 5 min}; rounded up, so that it is 0 only at the end. */
    static String timeLeft(Duration duration) {
        long seconds = Math.ceilDiv(duration.toMillis(), 1000L);
        if (seconds < 60) {
            return seconds + " s";
        }
        if (seconds < 3600) {
            return seconds / 60 + " min " + seconds % 60 + " s";
        }
        return seconds / 3600 + " h " + seconds % 3600 / 60 + " min";
    }

    /** Text from a file, which may hold anything, as a terminal can show it in a line. */
    static String oneLine(String text) {
        return text.replaceAll("\\p{Cntrl}", " ");
    }
}
