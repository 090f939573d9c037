package bita.kernels;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** The processor cores that computing threads should use: one thread on each, since two on one share its arithmetic. */
final class Processors {
    private static final Path LINUX = Path.of("/sys/devices/system/cpu");

    private Processors() {}

    /** Physical cores, as far as the system tells them, and no more than Java may use. */
    static int cores() {
        return cores(LINUX, Runtime.getRuntime().availableProcessors());
    }

    /**
     * As {@link #cores()}.
     *
     * @param folder    with a folder for each processor, as Linux has it
     * @param available processors that Java may use
     */
    static int cores(Path folder, int available) {
        Set<String> siblings = new HashSet<>(); // threads of one core name the same list
        try (DirectoryStream<Path> processors = Files.newDirectoryStream(folder, "cpu[0-9]*")) {
            for (Path processor : processors) {
                Path list = processor.resolve("topology").resolve("thread_siblings_list");
                if (Files.isReadable(list)) { // not of processors that are off
                    siblings.add(Files.readString(list).strip());
                }
            }
        } catch (IOException e) {
            return available; // another system, or one that does not tell
        }
        return siblings.isEmpty() ? available : Math.min(siblings.size(), available);
    }
}
