package bita.api;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * The memory of this machine, or of the container that the process runs in.
 *
 * @param totalBytes     what there is
 * @param availableBytes what programs can have now, pages of files that the system would give up included where it says
 *                       how many
 */
public record MachineMemory(long totalBytes, long availableBytes) {
    private static final Path MEMORY_INFO = Path.of("/proc/meminfo");
    private static final Path PROCESS_STATUS = Path.of("/proc/self/status");
    private static final long KIBIBYTE = 1024;

    /** The memory as it is now. */
    public static MachineMemory now() {
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        long total = system.getTotalMemorySize();
        OptionalLong machine = info("MemTotal:");
        // What the whole machine has available says nothing in a container that may have less.
        boolean whole = machine.isPresent() && machine.getAsLong() <= total;
        OptionalLong available = whole ? info("MemAvailable:") : OptionalLong.empty();
        return new MachineMemory(total, available.orElseGet(system::getFreeMemorySize));
    }

    /**
     * The most memory that this process has held at any time until now, pages of mapped files included; empty where the
     * system does not say.
     */
    public static OptionalLong peakResidentBytes() {
        return line(PROCESS_STATUS, "VmHWM:");
    }

    private static OptionalLong info(String key) {
        return line(MEMORY_INFO, key);
    }

    /** A line of one of Linux's accounts, in bytes. */
    private static OptionalLong line(Path account, String key) {
        if (!Files.isReadable(account)) {
            return OptionalLong.empty();
        }
        try (Stream<String> lines = Files.lines(account)) {
            return lines.filter(line -> line.startsWith(key))
                    .mapToLong(line -> KIBIBYTE * Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst();
        } catch (IOException | UncheckedIOException e) {
            return OptionalLong.empty();
        }
    }
}
