package bita.api.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A lock between processes and between the threads of this one. The operating system gives it up when its holder dies.
 * The file it stands for stays behind, empty: deleting it would let a third process lock a new file of the same name
 * while a second one still waits for the old.
 */
final class StoreLock implements AutoCloseable {

    private static final Duration POLL = Duration.ofMillis(50);

    // POSIX gives up all of a process's locks on a file when any of its descriptors is closed, so within the process
    // only the owner may open the file.
    private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

    private final Path key;
    private final FileChannel channel;

    private StoreLock(Path key, FileChannel channel) {
        this.key = key;
        this.channel = channel;
    }

    /**
     * Waits until the lock is free and takes it.
     *
     * @param file the lock's file, made if it is not there; its folder must exist
     * @param onWait called once if somebody else holds the lock
     */
    static StoreLock acquire(Path file, Runnable onWait) throws IOException, InterruptedException {
        Path key = Siblings.folder(file).toRealPath().resolve(file.getFileName());
        @Nullable StoreLock lock = tryAcquire(key);
        if (lock == null) {
            onWait.run();
        }
        while (lock == null) {
            Thread.sleep(POLL);
            lock = tryAcquire(key);
        }
        return lock;
    }

    private static @Nullable StoreLock tryAcquire(Path key) throws IOException {
        if (!HELD_HERE.add(key)) {
            return null;
        }
        @Nullable FileChannel channel = null;
        boolean locked = false;
        try {
            channel = FileChannel.open(key, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            locked = channel.tryLock() != null;
            return locked ? new StoreLock(key, channel) : null;
        } finally {
            if (!locked) {
                if (channel != null) {
                    channel.close();
                }
                HELD_HERE.remove(key);
            }
        }
    }

    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            HELD_HERE.remove(key);
        }
    }
}
