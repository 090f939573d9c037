package bita.cli;

import bita.server.RequestLog;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Prints a line per request on a thread of its own: a terminal that stands still holds up no server. */
final class ServeLog implements RequestLog, AutoCloseable {
    private static final int MOST_WAITING = 1000;
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("HH:mm:ss", Locale.ROOT).withZone(ZoneId.systemDefault());

    private final Terminal terminal;
    private final Format format;
    private final boolean prompts;
    private final AtomicLong lost = new AtomicLong();
    private final ThreadPoolExecutor printing = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MOST_WAITING),
            Thread.ofPlatform().name("bita-log").daemon().factory(),
            (_, _) -> lost.incrementAndGet());

    /** What lines look like. */
    enum Format {
        TEXT,
        JSON,
        NONE
    }

    ServeLog(Terminal terminal, Format format, boolean prompts) {
        this.terminal = terminal;
        this.format = format;
        this.prompts = prompts;
    }

    @Override
    public boolean wantsPrompts() {
        return prompts;
    }

    @Override
    public void ended(Entry entry) {
        if (format != Format.NONE) {
            printing.execute(() -> print(entry));
        }
    }

    private void print(Entry entry) {
        long missing = lost.getAndSet(0);
        if (missing > 0) {
            terminal.note("note: " + missing + " lines of the log were not written: too many waited");
        }
        try {
            terminal.println(format == Format.JSON ? json(entry) : text(entry));
        } catch (OutputClosedException e) {
            // Nobody reads the log any longer; that is no reason to end the server.
        }
    }

    private static String text(Entry entry) {
        StringBuilder line = new StringBuilder(TIME.format(entry.time()))
                .append(' ')
                .append(entry.status())
                .append(' ')
                .append(entry.route())
                .append(String.format(Locale.ROOT, " %.3f s", seconds(entry)));
        if (entry.promptTokens() > 0) {
            line.append(String.format(Locale.ROOT, ", %d + %d tokens", entry.promptTokens(), entry.completionTokens()));
        }
        entry.error().ifPresent(error -> line.append(", ").append(error));
        entry.prompt().ifPresent(prompt -> line.append(' ').append(quoted(prompt)));
        return line.toString();
    }

    /** Text of others in one line, without what would steer a terminal. */
    private static String quoted(String text) {
        return JsonNodeFactory.instance.stringNode(text.strip()).toString().replaceAll("\\p{Cntrl}", " ");
    }

    private static double seconds(Entry entry) {
        return entry.duration().toNanos() / 1e9;
    }

    private static String json(Entry entry) {
        ObjectNode line = JsonNodeFactory.instance
                .objectNode()
                .put("time", entry.time().toString())
                .put("id", entry.id())
                .put("route", entry.route())
                .put("status", entry.status())
                .put("seconds", Math.round(seconds(entry) * 1e6) / 1e6)
                .put("prompt_tokens", entry.promptTokens())
                .put("cached_tokens", entry.cachedTokens())
                .put("completion_tokens", entry.completionTokens());
        put(line, "error", entry.error());
        put(line, "user", entry.user());
        put(line, "prompt", entry.prompt());
        return line.toString();
    }

    private static void put(ObjectNode line, String name, Optional<String> value) {
        value.ifPresent(text -> line.put(name, text));
    }

    /** Waits a moment for lines that are yet to be printed. */
    @Override
    public void close() {
        printing.shutdown();
        try {
            boolean _ = printing.awaitTermination(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
