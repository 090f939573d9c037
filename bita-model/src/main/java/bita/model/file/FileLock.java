package bita.model.file;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The right to write a file, for one at a time among all processes and in this one. The operating system gives it up
 * when its holder dies. It is held on an empty file beside the one it stands for, which stays behind.
 */
public final class FileLock implements AutoCloseable {
    // POSIX gives up all of a process's locks on a file when any of its descriptors is closed, so within the process
    // only the owner may open the file.
    private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

    private final Path key;
    private final FileChannel channel;

    private FileLock(Path key, FileChannel channel) {
        this.key = key;
        this.channel = channel;
    }

    /**
     * Takes the lock.
     *
     * @param file need not exist, but its folder must
     * @throws IOException at once if somebody else has it, or if its folder is missing or cannot be written to
     */
    public static FileLock of(Path file) throws IOException {
        Path absolute = file.toAbsolutePath();
        if (!Files.isDirectory(absolute.resolveSibling(""))) {
            throw new NoSuchFileException(file.toString(), null, "its folder does not exist; create it first");
        }
        Path target = Files.exists(absolute)
                ? absolute.toRealPath()
                : absolute.resolveSibling("").toRealPath().resolve(absolute.getFileName());
        Path key = target.resolveSibling(target.getFileName() + ".lock");
        if (!HELD_HERE.add(key)) {
            throw new IOException(file + ": the file is being written by this program already; use another file");
        }
        boolean locked = false;
        try {
            FileChannel channel = open(key, file);
            try {
                locked = channel.tryLock() != null;
            } finally {
                if (!locked) {
                    channel.close();
                }
            }
            if (!locked) {
                throw new IOException(
                        file + ": another program is writing the file; wait until it is done, or use another file");
            }
            return new FileLock(key, channel);
        } finally {
            if (!locked) {
                HELD_HERE.remove(key);
            }
        }
    }

    private static FileChannel open(Path key, Path file) throws IOException {
        try {
            return FileChannel.open(key, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (FileSystemException e) { // about a name that nobody has given
            String reason = e.getReason() == null ? "permission denied" : e.getReason();
            throw new FileSystemException(
                    file.toString(),
                    null,
                    "its folder cannot be written to (" + reason + "); name a file in another folder");
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
