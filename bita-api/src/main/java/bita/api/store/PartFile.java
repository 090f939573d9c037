package bita.api.store;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.OptionalLong;

/** A file on its way into the store, hashed while it is written. */
final class PartFile implements Closeable {

    private static final int BUFFER_BYTES = 1 << 17;

    /** The content is not what it should be; the file has been deleted. */
    static final class MismatchException extends IOException {
        MismatchException(String message) {
            super(message);
        }
    }

    private final Path path;
    private final OptionalLong expectedBytes;
    private final FileChannel channel;
    private final MessageDigest digest = Sha256.digest();
    private long size;

    private PartFile(Path path, OptionalLong expectedBytes, FileChannel channel) {
        this.path = path;
        this.expectedBytes = expectedBytes;
        this.channel = channel;
    }

    /** Starts a new file; whatever an earlier run left is deleted. */
    static PartFile create(Path path, OptionalLong expectedBytes) throws IOException {
        discard(path);
        if (expectedBytes.isPresent()) {
            DiskSpace.require(Siblings.folder(path), expectedBytes.getAsLong());
        }
        return new PartFile(
                path, expectedBytes, FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    }

    /** Continues behind what an earlier run wrote, which is read once to be hashed. */
    static PartFile resume(Path path, long expectedBytes) throws IOException {
        FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        PartFile file = new PartFile(path, OptionalLong.of(expectedBytes), channel);
        try {
            Sha256.update(file.digest, channel);
            file.size = channel.position();
            DiskSpace.require(Siblings.folder(path), expectedBytes - file.size);
            return file;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Deletes an unfinished file and what is known about it. */
    static void discard(Path path) throws IOException {
        ResumePoint.forget(path);
        Files.deleteIfExists(path);
    }

    long size() {
        return size;
    }

    void append(ByteBuffer bytes) throws IOException {
        if (expectedBytes.isPresent() && size + bytes.remaining() > expectedBytes.getAsLong()) {
            discard(path);
            throw new MismatchException(
                    "the file is longer than the " + expectedBytes.getAsLong() + " bytes it should have");
        }
        digest.update(bytes.duplicate());
        size += bytes.remaining();
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (ClosedByInterruptException e) {
            throw e;
        } catch (IOException e) {
            throw DiskSpace.explain(e, Siblings.folder(path), expectedBytes.orElse(size) - size + bytes.remaining());
        }
    }

    void append(InputStream in, PullListener listener) throws IOException {
        byte[] buffer = new byte[BUFFER_BYTES];
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
            append(ByteBuffer.wrap(buffer, 0, n));
            listener.progress(size, expectedBytes.orElse(-1));
        }
    }

    /**
     * Ends the file: checks size and hash and waits until the disk has it.
     *
     * @return SHA-256 of the content
     * @throws MismatchException if size or hash are wrong; the file is deleted
     */
    String complete(Optional<String> expectedSha256) throws IOException {
        if (expectedBytes.isPresent() && size != expectedBytes.getAsLong()) {
            discard(path);
            throw new MismatchException(
                    "the file has " + size + " bytes instead of " + expectedBytes.getAsLong() + ", so it was deleted");
        }
        String actual = Sha256.hex(digest);
        if (expectedSha256.isPresent() && !expectedSha256.get().equals(actual)) {
            discard(path);
            throw new MismatchException("the file has the SHA-256 " + actual + " instead of " + expectedSha256.get()
                    + ", so it was deleted");
        }
        channel.force(true);
        return actual;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
