package bita.kernels;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** The processors of the machine, as far as the system tells. */
public final class Processors {
    private static final Path LINUX = Path.of("/sys/devices/system/cpu");
    private static final Path INFO = Path.of("/proc/cpuinfo");

    private Processors() {}

    /** What the processors call themselves, or the architecture where that is not known. */
    public static String name() {
        if (Files.isReadable(INFO)) {
            try (Stream<String> lines = Files.lines(INFO)) {
                Optional<String> name = lines.filter(line -> line.startsWith("model name"))
                        .map(line -> line.substring(line.indexOf(':') + 1).strip())
                        .findFirst();
                if (name.isPresent()) {
                    return name.get();
                }
            } catch (IOException | UncheckedIOException e) {
                // The architecture is known anyway.
            }
        }
        return System.getProperty("os.arch");
    }

    /**
     * Physical cores, and no more than Java may use: computing threads should run one on each, since two on one share its
     * arithmetic.
     */
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
