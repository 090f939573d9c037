package bita.cli;

import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * Shows on standard error how far something has come: on a terminal one line that is drawn again a few times a second
 * and disappears at the end, elsewhere a line for every tenth, or nothing.
 */
final class ProgressBar implements AutoCloseable {
    private static final int WIDTH = 24;
    private static final long REDRAW_NANOS = Duration.ofMillis(100).toNanos();
    private static final long RATE_AFTER_NANOS = Duration.ofSeconds(1).toNanos();
    private static final String CLEAR_LINE = "\r\u001b[K";
    /** What is wider than the terminal is cut: a line that goes on in the next one could not be cleared. */
    private static final String CUT = "\u001b[?7l";

    private static final String WRAP = "\u001b[?7h";

    /** What is counted. */
    enum Unit {
        BYTES,
        TOKENS,
        ANSWERS,
        /** Parts of about equal length, whose number tells people nothing: only shares are shown. */
        PARTS;

        /** Whether so many of these per second tell people something. */
        private boolean hasRate() {
            return this == BYTES || this == TOKENS;
        }

        private String amount(long count) {
            return this == BYTES ? Format.bytes(count) : Format.count(count) + " " + name().toLowerCase(Locale.ROOT);
        }
    }

    private final Terminal terminal;
    private String label;
    private final Unit unit;
    private final Duration delay;
    private final boolean linesElsewhere;
    private final LongSupplier nanoTime;
    private final long created;

    private boolean started;
    private long startedAt;
    private long startedWith;
    private long last;
    private boolean drawn;
    private long drawnAt;
    private int tenth;

    ProgressBar(
            Terminal terminal, String label, Unit unit, Duration delay, boolean linesElsewhere, LongSupplier nanoTime) {
        this.terminal = terminal;
        this.label = label;
        this.unit = unit;
        this.delay = delay;
        this.linesElsewhere = linesElsewhere;
        this.nanoTime = nanoTime;
        this.created = nanoTime.getAsLong();
    }

    /** For files: shown from the beginning, and in lines where there is no terminal. */
    static ProgressBar ofBytes(Terminal terminal, String label) {
        return new ProgressBar(terminal, label, Unit.BYTES, Duration.ZERO, true, System::nanoTime);
    }

    /** For the reading of a prompt: shown on a terminal, when it takes long. */
    static ProgressBar ofPrompt(Terminal terminal) {
        return new ProgressBar(
                terminal, "reading the prompt", Unit.TOKENS, Duration.ofSeconds(2), false, System::nanoTime);
    }

    /** For work in named parts: shown from the beginning, and in lines where there is no terminal. */
    static ProgressBar ofParts(Terminal terminal) {
        return new ProgressBar(terminal, "", Unit.PARTS, Duration.ZERO, true, System::nanoTime);
    }

    /** For answers, of which one takes long: as {@link #ofParts}, with their number. */
    static ProgressBar ofAnswers(Terminal terminal) {
        return new ProgressBar(terminal, "", Unit.ANSWERS, Duration.ZERO, true, System::nanoTime);
    }

    /** As {@link #update(long, long)}, with the name of the part that begins, or something else that changes. */
    void update(long done, long total, String remark) {
        label = remark;
        update(done, total);
    }

    /**
     * Shows a state.
     *
     * @param done  less than before if it starts over
     * @param total -1 if unknown
     */
    void update(long done, long total) {
        long now = nanoTime.getAsLong();
        if (!started || done < last) {
            started = true;
            startedAt = now;
            startedWith = done;
        }
        last = done;
        if (terminal.errIsTerminal()) {
            boolean due = !drawn || now - drawnAt >= REDRAW_NANOS;
            if (due && now - created >= delay.toNanos()) {
                drawn = true;
                drawnAt = now;
                terminal.printError(CLEAR_LINE + CUT + line(done, total, now - startedAt) + WRAP);
            }
        } else if (linesElsewhere && total > 0) {
            int reached = (int) (10 * done / total);
            if (reached > tenth) {
                terminal.printError(line(done, total, now - startedAt) + "\n");
            }
            tenth = reached;
        }
    }

    /** Remarks come last: they are long, and change. */
    private String line(long done, long total, long nanos) {
        String amounts = amounts(done, total, nanos);
        return unit.hasRate() ? label + amounts : amounts.stripLeading() + "  " + label;
    }

    private String amounts(long done, long total, long nanos) {
        StringBuilder line = new StringBuilder();
        if (total > 0) {
            int filled = (int) (WIDTH * Math.min(done, total) / total);
            line.append(String.format(Locale.ROOT, "  %3d %% ", 100 * Math.min(done, total) / total))
                    .append("█".repeat(filled))
                    .append("░".repeat(WIDTH - filled));
        }
        if (unit != Unit.PARTS) {
            line.append("  ").append(unit == Unit.ANSWERS && total > 0 ? Format.count(done) : unit.amount(done));
            if (total > 0) {
                line.append(" of ").append(unit.amount(total));
            }
        }
        double perSecond = (done - startedWith) / (nanos / 1e9);
        if (nanos >= RATE_AFTER_NANOS && perSecond >= (unit.hasRate() ? 1 : Double.MIN_VALUE)) {
            if (unit.hasRate()) {
                line.append("  ").append(unit.amount((long) perSecond)).append("/s");
            }
            if (total > done) {
                line.append("  ")
                        .append(Format.timeLeft(Duration.ofMillis((long) (1000 * (total - done) / perSecond))))
                        .append(" left");
            }
        }
        return line.toString();
    }

    /** Removes the line from a terminal. */
    void clear() {
        if (drawn) {
            drawn = false;
            terminal.printError(CLEAR_LINE);
        }
    }

    @Override
    public void close() {
        clear();
    }
}
