package bita.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;

/**
 * Ends work in good order when the process is told to end, by Ctrl-C for instance. The JVM then runs its shutdown hooks
 * while the main thread works on; the hook of this class asks the work to stop and waits until the main thread has
 * tidied up. The exit status remains the JVM's own for the signal, 130 for Ctrl-C. A further signal ends the process at once.
 */
final class Interruption {
    /** The status of a program that Ctrl-C has ended. */
    static final int STATUS = 130;

    private static final int TERMINATED = 143;

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final CountDownLatch finished = new CountDownLatch(1);
    private final AtomicReference<@Nullable Work> stop = new AtomicReference<>();
    private volatile boolean requested;

    /** How work is stopped, and how long that may take. */
    private record Work(Runnable action, Duration patience) {}

    /** A stretch of work that can be stopped. */
    interface Stretch extends AutoCloseable {
        @Override
        void close();
    }

    /** Listens from now on. */
    void install() {
        Runtime.getRuntime().addShutdownHook(new Thread(this::requestAndWait, "bita-interruption"));
    }

    /** Whether the process has been told to end. */
    boolean requested() {
        return requested;
    }

    /**
     * Begins work that can be stopped; closing the result ends it.
     *
     * @param action makes the work end soon; called on another thread, at once if the request has already come
     */
    Stretch stopping(Runnable action) {
        return stopping(action, PATIENCE);
    }

    /** As {@link #stopping(Runnable)}, of work that may take a while to end. */
    Stretch stopping(Runnable action, Duration patience) {
        stop.set(new Work(action, patience));
        if (requested) {
            action.run();
        }
        return () -> stop.set(null);
    }

    /** As {@link #stopping(Runnable)}, by interrupting the calling thread. */
    Stretch interruptingThisThread() {
        return stopping(Thread.currentThread()::interrupt);
    }

    /** All work is done and tidied up. */
    void finish() {
        finished.countDown();
    }

    /** Asks the work, if any, to stop. */
    void request() {
        requested = true;
        Work work = stop.get();
        if (work != null) {
            work.action.run();
        }
    }

    private void requestAndWait() {
        Work work = stop.get();
        if (work != null) {
            Signals.register("INT", () -> Runtime.getRuntime().halt(STATUS));
            Signals.register("TERM", () -> Runtime.getRuntime().halt(TERMINATED));
        }
        request();
        if (work != null) {
            try {
                boolean _ = finished.await(work.patience.toMillis(), TimeUnit.MILLISECONDS);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
