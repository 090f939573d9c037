package bita.model.file;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file mapped into memory for reading by any thread.
 *
 * @param path the file
 * @param bytes its content
 * @param arena frees the mapping when it is closed
 */
record MappedFile(Path path, MemorySegment bytes, Arena arena) {
    /**
     * Maps a file that is not empty.
     *
     * @param kind what the file should be, for messages
     */
    @SuppressWarnings("MustBeClosedChecker") // who opens a file closes it
    static MappedFile open(Path path, String kind) throws IOException {
        if (Files.isDirectory(path)) {
            throw new ModelFormatException(path, "this is a folder, not a " + kind + " file; name a file inside it");
        }
        if (Files.notExists(path)) {
            throw new NoSuchFileException(path.toString(), null, "there is no such file; check its name and folder");
        }
        if (!Files.isReadable(path)) {
            throw new AccessDeniedException(path.toString(), null, "this file may not be read; check its permissions");
        }
        if (!Files.isRegularFile(path)) {
            throw new ModelFormatException(path, "this is a device or pipe, not a " + kind + " file; name a file");
        }
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            if (channel.size() == 0) {
                throw new ModelFormatException(path, "the file is empty; download or convert it again");
            }
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            return new MappedFile(path, bytes, arena);
        } catch (IOException | RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }
}
