package bita.api;

import bita.model.MemoryNeed;
import java.util.Locale;

/** A model, or a session with it, needs more memory than the machine has. */
public final class InsufficientMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private InsufficientMemoryException(String message) {
        super(message);
    }

    /** Refuses what can never fit, however little else runs. */
    static void check(MemoryNeed need) {
        long total = MachineMemory.now().totalBytes();
        if (need.totalBytes() > total) {
            throw new InsufficientMemoryException(message(need, total));
        }
    }

    private static String message(MemoryNeed need, long total) {
        String remedy = need.weightBytes() + need.workingBytes() > total
                ? "use a smaller model, or one in a smaller number format"
                : "use a shorter --context, a smaller model, or one in a smaller number format";
        return "the model needs " + gigabytes(need.totalBytes()) + " of memory with a context of " + need.context()
                + " tokens (weights " + gigabytes(need.weightBytes()) + ", KV cache " + gigabytes(need.cacheBytes())
                + ", everything else at most " + gigabytes(need.workingBytes()) + "), and this machine has "
                + gigabytes(total) + ": " + remedy;
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }
}
