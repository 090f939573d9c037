package bita.api.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Free space, and sizes written for people. */
final class DiskSpace {

    private DiskSpace() {}

    /** No source can help when the disk is full. */
    static final class DiskFullException extends IOException {
        DiskFullException(String message) {
            super(message);
        }
    }

    /** Refuses to start what cannot fit. */
    static void require(Path folder, long neededBytes) throws IOException {
        long usable = Files.getFileStore(folder).getUsableSpace();
        if (usable < neededBytes) {
            throw full(folder, neededBytes, usable);
        }
    }

    /** A failed write, as one clear sentence if the cause was a full disk. */
    static IOException explain(IOException failure, Path folder, long neededBytes) throws IOException {
        String message = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
        boolean full = message.contains("no space left")
                || message.contains("not enough space")
                || message.contains("quota exceeded");
        return full ? full(folder, neededBytes, Files.getFileStore(folder).getUsableSpace()) : failure;
    }

    private static DiskFullException full(Path folder, long neededBytes, long usableBytes) {
        return new DiskFullException("Not enough disk space in " + folder + ": " + human(neededBytes) + " are needed, "
                + human(usableBytes) + " are free.");
    }

    /** Decimal units, one digit behind the point: {@code 98.4 MB}. */
    static String human(long bytes) {
        if (bytes < 1_000) {
            return bytes + " bytes";
        }
        double value = bytes / 1e3;
        String units = "kMGTPE";
        int unit = 0;
        while (value >= 999.95 && unit < units.length() - 1) {
            value /= 1e3;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %cB", value, units.charAt(unit));
    }
}
