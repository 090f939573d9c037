package bita.kernels;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;

/**
 * A native library as a file: under its hash in a folder that is the user's alone, so that versions do not meet and nobody
 * else decides what is loaded. Many processes may unpack at a time: each renames a whole file to the same name.
 */
final class UnpackedLibrary {
    private static final String PART = ".part";
    /** Nobody writes for that long; whoever began has been killed. */
    private static final Duration ABANDONED = Duration.ofMinutes(10);

    private static final Path PROCESS = Path.of("/proc/self"); // on Linux

    private static final boolean POSIX =
            FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    private static final Set<PosixFilePermission> OTHERS_WRITE =
            Set.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);

    private UnpackedLibrary() {}

    /**
     * The file with these bytes, made unless it is there.
     *
     * @param library its bytes
     * @param name    its name
     * @param cache   a folder for libraries, made if need be
     * @throws IOException if the folder cannot be written or is not the user's alone; no part of a file is left behind
     */
    static Path in(Path cache, byte[] library, String name) throws IOException {
        Files.createDirectories(cache);
        Path folder = cache.resolve(sha256(library));
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            createPrivately(folder);
        }
        checkPrivate(folder);
        Path file = folder.resolve(name);
        if (!holds(file, library)) {
            removeAbandoned(folder);
            write(folder, file, library);
        }
        return file;
    }

    /** A folder for one process, where there is no cache. */
    static Path temporaryFolder() throws IOException {
        return Files.createTempDirectory("bita-native"); // the user's alone where there are permissions
    }

    private static void createPrivately(Path folder) throws IOException {
        FileAttribute<?>[] owner = POSIX
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
                }
                : new FileAttribute<?>[0];
        try {
            Files.createDirectory(folder, owner);
        } catch (FileAlreadyExistsException e) {
            // another process was faster; what it made is checked
        }
    }

    /** What others may write is not loaded. */
    private static void checkPrivate(Path folder) throws IOException {
        if (!POSIX) {
            return;
        }
        PosixFileAttributes attributes =
                Files.readAttributes(folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        UserPrincipal owner = attributes.owner();
        boolean own = owner.equals(user()) || owner.getName().equals("root");
        if (!attributes.isDirectory()
                || !own
                || attributes.permissions().stream().anyMatch(OTHERS_WRITE::contains)) {
            throw new IOException(folder + " could be changed by other users: remove it");
        }
    }

    /** Who runs this process; by its number, since in containers users often have no name. */
    private static UserPrincipal user() throws IOException {
        return Files.exists(PROCESS)
                ? Files.getOwner(PROCESS)
                : FileSystems.getDefault()
                        .getUserPrincipalLookupService()
                        .lookupPrincipalByName(System.getProperty("user.name"));
    }

    private static boolean holds(Path file, byte[] library) throws IOException {
        return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                && Files.size(file) == library.length
                && Arrays.equals(Files.readAllBytes(file), library);
    }

    private static void write(Path folder, Path file, byte[] library) throws IOException {
        Path part = Files.createTempFile(folder, "library", PART);
        try {
            Files.write(part, library);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            // Windows keeps a library that another process has loaded; that is as good if it is whole.
            if (!holds(file, library)) {
                throw e;
            }
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private static void removeAbandoned(Path folder) throws IOException {
        Instant before = Instant.now().minus(ABANDONED);
        try (DirectoryStream<Path> parts = Files.newDirectoryStream(folder, "*" + PART)) {
            for (Path part : parts) {
                try {
                    if (Files.getLastModifiedTime(part).toInstant().isBefore(before)) {
                        Files.deleteIfExists(part);
                    }
                } catch (NoSuchFileException e) {
                    // another process is done with it
                }
            }
        }
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
