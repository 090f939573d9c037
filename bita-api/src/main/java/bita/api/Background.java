package bita.api;

import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;

/** Something that is made on a thread of its own while the one that needs it does something else. For one owner's thread. */
final class Background<T> implements AutoCloseable {
    private final FutureTask<T> task;
    private final Consumer<T> release;
    private boolean owned = true;

    /**
     * Begins.
     *
     * @param name    the thread's
     * @param work    makes it; may throw {@link IOException} and unchecked exceptions, no other
     * @param release frees it if it is made and nobody takes it
     */
    Background(String name, Callable<T> work, Consumer<T> release) {
        task = new FutureTask<>(work);
        this.release = release;
        Thread.ofPlatform().daemon().name(name).start(task);
    }

    /**
     * Waits for what is made, which belongs to the caller from then on.
     *
     * @throws IOException as all that the work throws
     */
    T take() throws IOException {
        try {
            T made = await();
            owned = false;
            return made;
        } catch (ExecutionException e) {
            owned = false;
            switch (e.getCause()) {
                case IOException cause -> throw cause;
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                case null, default -> throw new IllegalStateException(e);
            }
        }
    }

    @Override
    public void close() {
        discard();
    }

    /** Waits until nothing is done any longer, and frees what was made and not taken. */
    void discard() {
        if (owned) {
            owned = false;
            try {
                release.accept(await());
            } catch (ExecutionException e) {
                // The owner has failed before, and says why.
            }
        }
    }

    private T await() throws ExecutionException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
