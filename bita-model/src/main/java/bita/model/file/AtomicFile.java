package bita.model.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A file that appears under its name when it is complete, or never: it is written under another name in the same folder,
 * and {@link #commit} renames it. Closed without a commit, or when the virtual machine is told to end, it is deleted.
 */
public final class AtomicFile implements AutoCloseable {
    private final Path target;
    private final boolean overwrite;
    private final Path temporary;
    private final FileChannel channel;
    private boolean committed;

    private AtomicFile(Path target, boolean overwrite, Path temporary, FileChannel channel) {
        this.target = target;
        this.overwrite = overwrite;
        this.temporary = temporary;
        this.channel = channel;
    }

    /**
     * Starts a file.
     *
     * @param overwrite whether an existing file of that name is replaced rather than refused
     * @throws IOException if there can be no file of that name; nothing is left behind
     */
    @SuppressWarnings("MustBeClosedChecker") // closed by close()
    public static AtomicFile create(Path target, boolean overwrite) throws IOException {
        Path absolute = target.toAbsolutePath();
        Path folder = absolute.getParent();
        Path fileName = absolute.getFileName();
        if (folder == null || fileName == null || Files.isDirectory(target)) {
            throw new FileAlreadyExistsException(target.toString(), null, "this is a folder; name a file in it");
        }
        if (!Files.isDirectory(folder)) {
            throw new NoSuchFileException(target.toString(), null, "its folder does not exist; create it first");
        }
        refuseExisting(target, overwrite);
        String random = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
        Path temporary = folder.resolve("." + fileName + "." + random + ".tmp");
        FileChannel channel = open(temporary, target);
        if (temporary.getFileSystem().equals(FileSystems.getDefault())) {
            // For Ctrl-C, when no thread gets to close this.
            temporary.toFile().deleteOnExit();
        }
        return new AtomicFile(target, overwrite, temporary, channel);
    }

    @SuppressWarnings("MustBeClosedChecker") // closed by close()
    private static FileChannel open(Path temporary, Path target) throws IOException {
        try {
            return FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        } catch (AccessDeniedException e) { // a name that nobody has given would puzzle
            throw new AccessDeniedException(target.toString(), null, "its folder cannot be written to");
        }
    }

    /**
     * Appends what remains in a buffer.
     *
     * @throws IOException if it cannot be written; the message names the file
     */
    public void write(ByteBuffer bytes) throws IOException {
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /**
     * Makes the file durable and gives it its name.
     *
     * @throws IOException if that fails, or if a file of that name has come to be that is not to be replaced
     */
    public void commit() throws IOException {
        try {
            channel.force(true);
            channel.close();
        } catch (IOException e) {
            throw failed(e);
        }
        refuseExisting(target, overwrite);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        committed = true;
    }

    @Override
    public void close() throws IOException {
        if (!committed) {
            try {
                channel.close();
            } finally {
                Files.deleteIfExists(temporary);
            }
        }
    }

    private static void refuseExisting(Path target, boolean overwrite) throws FileAlreadyExistsException {
        if (!overwrite && Files.exists(target)) {
            throw new FileAlreadyExistsException(
                    target.toString(), null, "this file exists already; name another, or ask to overwrite it");
        }
    }

    private IOException failed(IOException e) {
        if (e instanceof ClosedByInterruptException) {
            return e;
        }
        return new IOException(
                target + ": the file could not be written and was given up (" + e.getMessage()
                        + "); make room for it, or name one elsewhere",
                e);
    }
}
